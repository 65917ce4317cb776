import assert from "node:assert/strict";
import { fromHex, toHex } from "../../bytes/mod.ts";
import { readSnappyBlock, snappyBlock, SnappyError } from "./snappy_block.ts";

const text = new TextEncoder();

/** Blocks whose bytes the format alone decides. */
const vectors: [plain: string, block: string, why: string][] = [
  ["", "00", "nothing but the length"],
  ["a", "01 00 61", "a literal of one byte"],
  ["Wikipedia", "09 20 57696b697065646961", "a literal of nine"],
  ["abcdabcd", "08 0c 61626364 01 04", "four bytes again: the short copy"],
  ["x".repeat(20), "14 00 78 4a 0100", "a copy that reads what it writes"],
  ["y".repeat(67), "43 00 79 ee 0100 09 01", "a copy of 66 as 60 and 6"],
  ["y".repeat(70), "46 00 79 fe 0100 05 01", "a copy of 69 as 64 and 5"],
  ["z".repeat(129), "8101 00 7a fe 0100 fe 0100", "a copy of 128 as two of 64"],
];
for (const [plain, block, why] of vectors) {
  Deno.test(`snappyBlock() writes ${why}`, () => {
    const bytes = snappyBlock(text.encode(plain));
    assert.equal(toHex(bytes), block.replaceAll(" ", ""));
    assert.equal(new TextDecoder().decode(readSnappyBlock(bytes)), plain);
  });
}

/** What we never write and others do. */
const foreign: [block: string, plain: string, why: string][] = [
  ["05 f000 61 01 01", "aaaaa", "a literal with its length in one byte"],
  ["05 f40000 61 0e 0100", "aaaaa", "a literal with its length in two bytes"],
  ["05 f8000000 61 0f 01000000", "aaaaa", "a literal with its length in three, and the long copy"],
  ["05 fc00000000 61 0e 0100", "aaaaa", "a literal with its length in four"],
];
for (const [block, plain, why] of foreign) {
  Deno.test(`readSnappyBlock() reads ${why}`, () => {
    assert.equal(new TextDecoder().decode(readSnappyBlock(fromHex(block)!)), plain);
  });
}

const refused: [block: string, message: RegExp][] = [
  ["", /cut off at byte 0/],
  ["80", /cut off at byte 1/],
  ["01", /holds 0 bytes and says 1/],
  ["02 00 61", /holds 1 bytes and says 2/],
  ["01 04 6161", /longer than it says/],
  ["02 04 61", /a literal is cut off/],
  ["05 00 61 05 02", /reaches 2 bytes back/],
  ["05 00 61 05 00", /reaches 0 bytes back/],
  ["04 00 61 05 01", /longer than it says/],
  ["05 00 61 0e 01", /cut off/],
  ["05 f4 00", /cut off/],
  ["ffffffff0f", /length is out of bounds/],
  ["80808080808001", /length is out of bounds/],
];
for (const [block, message] of refused) {
  Deno.test(`readSnappyBlock() refuses ${block || "nothing"}`, () => {
    assert.throws(
      () => readSnappyBlock(fromHex(block)!),
      (error) => error instanceof SnappyError && message.test(error.message),
    );
  });
}

/** Repeatable noise of `letters` different bytes. */
function noise(bytes: number, letters: number): Uint8Array {
  let state = bytes * 31 + letters;
  return Uint8Array.from({ length: bytes }, () => {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    return (state >>> 16) % letters;
  });
}

Deno.test("snappyBlock() gives back every length around its bounds", () => {
  for (const letters of [1, 2, 4, 256]) {
    for (
      const bytes of [1, 2, 3, 4, 5, 59, 60, 61, 62, 255, 256, 257, 258, 2047, 2049, 65_535, 65_536, 65_537, 200_001]
    ) {
      const plain = noise(bytes, letters);
      assert.deepEqual(readSnappyBlock(snappyBlock(plain)), plain, `${bytes} bytes of ${letters} letters`);
    }
  }
});

Deno.test("snappyBlock() takes a far match with two bytes of offset, and none over a fragment's end", () => {
  const far = noise(30_000, 256);
  const twice = new Uint8Array(90_000);
  twice.set(far);
  twice.set(far, 30_000);
  twice.set(far, 60_000);
  const block = snappyBlock(twice);
  assert.ok(block.length < 70_000, `${block.length}`);
  assert.deepEqual(readSnappyBlock(block), twice);
});

Deno.test("snappyBlock() adds little to what does not compress", () => {
  const plain = noise(1_000_000, 256);
  assert.ok(snappyBlock(plain).length < plain.length + plain.length / 1_000 + 32);
});

Deno.test("readSnappyBlock() survives any byte changed and any end cut", () => {
  const block = snappyBlock(text.encode("limier limier limier hunts, and hunts, and hunts again"));
  for (let i = 0; i < block.length; i++) {
    for (const cut of [block.subarray(0, i), block.map((byte, at) => at === i ? byte ^ 0x5a : byte)]) {
      try {
        readSnappyBlock(cut);
      } catch (error) {
        assert.ok(error instanceof SnappyError, String(error));
      }
    }
  }
});
