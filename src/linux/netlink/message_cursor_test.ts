import assert from "node:assert/strict";
import { MessageCursor, Step } from "./message_cursor.ts";
import { done, joined, netlinkMessage } from "./testing.ts";

Deno.test("next() walks messages at multiples of four bytes", () => {
  const cursor = new MessageCursor();
  const bytes = joined(new Uint8Array(4), netlinkMessage(Uint8Array.of(1, 2, 3, 4, 5), { sequence: 9 }), done(-2));
  cursor.load(bytes, 4, bytes.length);
  assert.equal(cursor.next(), Step.message);
  assert.deepEqual([cursor.type, cursor.flags, cursor.sequence, cursor.portId], [20, 2, 9, 77]);
  assert.deepEqual([cursor.start, cursor.payload, cursor.end], [4, 20, 25]);
  assert.equal(cursor.status(), 0x04030201);
  assert.equal(cursor.next(), Step.message);
  assert.deepEqual([cursor.type, cursor.start, cursor.status()], [3, 28, -2]);
  assert.equal(cursor.next(), Step.end);
  assert.equal(cursor.next(), Step.end);
});

Deno.test("next() takes a last message without its padding", () => {
  const cursor = new MessageCursor();
  cursor.load(netlinkMessage(Uint8Array.of(1)), 0, 17);
  assert.equal(cursor.next(), Step.message);
  assert.equal(cursor.status(), undefined);
  assert.equal(cursor.next(), Step.end);
});

for (
  const [what, hex] of [
    ["a length of 0", "00000000140002000100000000000000"],
    ["a length below the header's", "0f000000140002000100000000000000"],
    ["a length beyond the datagram", "11000000140002000100000000000000"],
    ["a length of 524293", "05000800140002000100000000000000"],
    ["a length of 2^32 - 1", "ffffffff140002000100000000000000"],
    ["15 bytes", "100000001400020001000000000000"],
    ["one byte", "10"],
  ] as const
) {
  Deno.test(`next() refuses ${what}, for good`, () => {
    const bytes = Uint8Array.fromHex(hex);
    const cursor = new MessageCursor();
    cursor.load(bytes, 0, bytes.length);
    assert.equal(cursor.next(), Step.malformed);
    assert.equal(cursor.next(), Step.malformed);
  });
}

Deno.test("load() refuses what is not in its bytes", () => {
  assert.throws(() => new MessageCursor().load(new Uint8Array(4), 0, 5), RangeError);
  assert.throws(() => new MessageCursor().load(new Uint8Array(4), 3, 2), RangeError);
});
