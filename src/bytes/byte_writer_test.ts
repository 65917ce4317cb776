import assert from "node:assert/strict";
import { ByteWriter, toHex } from "./mod.ts";

Deno.test("ByteWriter writes width and order as its methods say", () => {
  const w = new ByteWriter();
  w.u8(0x1ff);
  w.u16be(0x0102);
  w.u16le(0x0102);
  w.u32be(0x01020304);
  w.u32le(0x01020304);
  w.u64be(0x0102030405060708n);
  w.u64le(0x0102030405060708n);
  w.bytes(Uint8Array.of(9, 8));
  w.text("ok");
  assert.equal(toHex(w.view()), "ff010202010102030404030201" + "01020304050607080807060504030201" + "0908" + "6f6b");
});

Deno.test("ByteWriter keeps its content when it grows", () => {
  const w = new ByteWriter(1);
  for (let i = 0; i < 1000; i++) w.u16be(i);
  const bytes = w.copy();
  assert.equal(bytes.length, 2000);
  for (let i = 0; i < 1000; i++) assert.equal(bytes[2 * i]! * 256 + bytes[2 * i + 1]!, i);
});

Deno.test("ByteWriter copy() does not change with later writes", () => {
  const w = new ByteWriter();
  w.u8(1);
  const bytes = w.copy();
  w.reset();
  w.u8(2);
  assert.deepEqual([...bytes], [1]);
  assert.equal(w.length, 1);
});

Deno.test("ByteWriter setU32be() fills in a length afterwards", () => {
  const w = new ByteWriter();
  w.u8(0);
  w.u32be(0);
  w.text("abc");
  w.setU32be(1, w.length - 5);
  assert.equal(toHex(w.view()), "0000000003616263");
  assert.throws(() => w.setU32be(5, 1), RangeError);
  assert.throws(() => w.setU32be(-1, 1), RangeError);
});

for (const size of [0, 1, 127, 128, 16383, 16384]) {
  Deno.test(`ByteWriter prefixLength() puts the length before ${size} bytes`, () => {
    const w = new ByteWriter(1);
    w.u8(7);
    for (let i = 0; i < size; i++) w.u8(i);
    w.prefixLength(1);
    w.u8(8);
    const want = new ByteWriter();
    want.u8(7);
    want.varint(size);
    for (let i = 0; i < size; i++) want.u8(i);
    want.u8(8);
    assert.deepEqual(w.copy(), want.copy());
  });
}

for (const value of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
  Deno.test(`ByteWriter varint() refuses ${value}`, () => {
    assert.throws(() => new ByteWriter().varint(value), RangeError);
  });
}

Deno.test("ByteWriter refuses to keep or prefix what was not written", () => {
  const w = new ByteWriter();
  w.u8(1);
  assert.throws(() => w.reset(2), RangeError);
  assert.throws(() => w.reset(-1), RangeError);
  assert.throws(() => w.prefixLength(2), RangeError);
});
