import assert from "node:assert/strict";
import { crc32c } from "./crc32c.ts";

const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
const scsiRead = Uint8Array.from(
  "01c00000 00000000 00000000 00000000 14000000 00000400 00000014 00000018 28000000 00000000 02000000 00000000"
    .replaceAll(" ", "").match(/../g)!,
  (pair) => parseInt(pair, 16),
);

// RFC 3720 B.4 prints the bytes in the order of transmission: 32 zeros are aa 36 91 8a.
const vectors: [what: string, bytes: Uint8Array, crc: number][] = [
  ["32 bytes of zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["32 ascending bytes", ascending, 0x46dd794e],
  ["32 descending bytes", ascending.toReversed(), 0x113fdb5c],
  ["an iSCSI read command", scsiRead, 0xd9963a56],
  ["123456789", new TextEncoder().encode("123456789"), 0xe3069283],
  ["nothing", new Uint8Array(0), 0],
];
for (const [what, bytes, crc] of vectors) {
  Deno.test(`crc32c() of ${what}`, () => assert.equal(crc32c(bytes), crc));
}

Deno.test("crc32c() equals the bit-by-bit definition at every length and alignment", () => {
  const bytes = crypto.getRandomValues(new Uint8Array(100));
  for (let start = 0; start < 20; start++) {
    for (let end = start; end <= bytes.length; end++) {
      const part = bytes.subarray(start, end);
      assert.equal(crc32c(part), slowly(part), `${start} to ${end}`);
    }
  }
});

Deno.test("crc32c() goes on where a part before it ended", () => {
  for (let cut = 0; cut <= scsiRead.length; cut++) {
    assert.equal(crc32c(scsiRead.subarray(cut), crc32c(scsiRead.subarray(0, cut))), 0xd9963a56);
  }
});

Deno.test("crc32c() of nothing but zeros depends on the seed", () => {
  assert.notEqual(crc32c(new Uint8Array(8), 1), crc32c(new Uint8Array(8), 2));
});

function slowly(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : crc >>> 1 ^ 0x82f63b78;
  }
  return ~crc >>> 0;
}
