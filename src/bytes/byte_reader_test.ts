import assert from "node:assert/strict";
import { ByteError, ByteReader, ByteWriter, fromHex } from "./mod.ts";

function reader(hex: string): ByteReader {
  return new ByteReader(fromHex(hex)!);
}

const numbers: [name: string, hex: string, read: (r: ByteReader) => number | bigint, want: number | bigint][] = [
  ["u8", "ff", (r) => r.u8(), 255],
  ["i8", "ff", (r) => r.i8(), -1],
  ["u16be", "0102", (r) => r.u16be(), 0x0102],
  ["u16le", "0102", (r) => r.u16le(), 0x0201],
  ["i16be", "fffe", (r) => r.i16be(), -2],
  ["u24be", "ff0203", (r) => r.u24be(), 0xff0203],
  ["u32be", "ff020304", (r) => r.u32be(), 0xff020304],
  ["u32le", "010203ff", (r) => r.u32le(), 0xff030201],
  ["i32be", "fffffffe", (r) => r.i32be(), -2],
  ["i32le", "feffffff", (r) => r.i32le(), -2],
  ["u64be", "ff02030405060708", (r) => r.u64be(), 0xff02030405060708n],
  ["u64le", "01020304050607ff", (r) => r.u64le(), 0xff07060504030201n],
  ["i64be", "ffffffffffffffff", (r) => r.i64be(), -1n],
  ["i64le", "feffffffffffffff", (r) => r.i64le(), -2n],
  ["f32le", "0000403f", (r) => r.f32le(), 0.75],
  ["f64le", "0000000000000440", (r) => r.f64le(), 2.5],
  ["f64be", "4004000000000000", (r) => r.f64be(), 2.5],
  ["varint", "00", (r) => r.varint(), 0],
  ["varint", "7f", (r) => r.varint(), 127],
  ["varint", "8001", (r) => r.varint(), 128],
  ["varint", "ffffffffffffff0f", (r) => r.varint(), Number.MAX_SAFE_INTEGER],
  ["varint64", "ac02", (r) => r.varint64(), 300n],
  ["varint64", "ffffffffffffff0f", (r) => r.varint64(), 0x1fffffffffffffn],
  ["varint64", "8080808080808010", (r) => r.varint64(), 0x20000000000000n],
  ["varint64", "ffffffffffffffffff01", (r) => r.varint64(), 0xffffffffffffffffn],
  ["varint64", "80808080808080808001", (r) => r.varint64(), 0x8000000000000000n],
  ["varint32", "ffffffffffffffffff01", (r) => r.varint32(), -1],
  ["varint32", "ffffffff07", (r) => r.varint32(), 0x7fffffff],
];
for (const [name, hex, read, want] of numbers) {
  Deno.test(`ByteReader ${name}() reads ${hex}`, () => {
    const r = reader(hex);
    assert.equal(read(r), want);
    assert.equal(r.remaining, 0);
  });
  Deno.test(`ByteReader ${name}() refuses every cut of ${hex}`, () => {
    for (let length = 0; length < hex.length / 2; length++) {
      const r = new ByteReader(fromHex(hex)!, 0, length);
      assert.throws(() => read(r), { name: "ByteError", code: "bytes.truncated", offset: 0 });
      assert.equal(r.position, 0);
    }
  });
}

const tooLong: [name: string, hex: string, read: (r: ByteReader) => number | bigint][] = [
  ["varint of 54 bits", "8080808080808010", (r) => r.varint()],
  ["varint padded beyond ten bytes", "8080808080808080808000", (r) => r.varint()],
  ["varint64 of eleven bytes", "8080808080808080808001", (r) => r.varint64()],
  ["varint32 of eleven bytes", "8080808080808080808001", (r) => r.varint32()],
];
for (const [name, hex, read] of tooLong) {
  Deno.test(`ByteReader refuses a ${name}`, () => {
    const r = reader(hex);
    assert.throws(() => read(r), { code: "bytes.varint", offset: 0 });
    assert.equal(r.position, 0);
  });
}

Deno.test("ByteReader need() names the structure and the place", () => {
  const r = reader("0001020304");
  r.skip(2);
  r.need(3, "inet_diag_msg");
  assert.throws(() => r.need(4, "inet_diag_msg"), (error) => {
    assert.ok(error instanceof ByteError && error instanceof RangeError);
    assert.equal(error.offset, 2);
    assert.equal(error.message, "Cannot read inet_diag_msg at byte 2: 3 of 4 bytes are there");
    return true;
  });
});

Deno.test("ByteReader stays inside a part of an array, itself a part of a buffer", () => {
  const whole = Uint8Array.of(9, 9, 1, 2, 3, 4, 9);
  const r = new ByteReader(whole.subarray(2), 1, 4);
  assert.equal(r.position, 1);
  assert.equal(r.u16be(), 0x0203);
  assert.equal(r.u8(), 4);
  assert.throws(() => r.u8(), { code: "bytes.truncated", offset: 4 });
  r.seek(0);
  assert.equal(r.u8(), 1);
  assert.throws(() => r.seek(5), { code: "bytes.truncated" });
  assert.throws(() => r.skip(-1), { code: "bytes.truncated" });
  assert.throws(() => r.skip(NaN), { code: "bytes.truncated" });
  assert.throws(() => new ByteReader(whole, 3, 8), RangeError);
  assert.throws(() => new ByteReader(whole, 4, 3), RangeError);
});

Deno.test("ByteReader bytes(), copyTo() and sub() move over what they give", () => {
  const r = reader("000102030405");
  const out = new Uint8Array(2);
  r.copyTo(out);
  assert.deepEqual([...out], [0, 1]);
  assert.deepEqual([...r.bytes(1)], [2]);
  const inner = r.sub(2);
  assert.equal(inner.position, 3);
  assert.equal(inner.u16be(), 0x0304);
  assert.throws(() => inner.u8(), { code: "bytes.truncated", offset: 5 });
  assert.equal(r.u8(), 5);
  assert.throws(() => r.sub(1), { code: "bytes.truncated" });
});

Deno.test("ByteReader reads back what ByteWriter wrote", () => {
  const w = new ByteWriter(1);
  const values = [0, 1, 127, 128, 16383, 16384, 0xffffffff, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER];
  const large = [0n, 127n, 128n, 2n ** 53n, 2n ** 56n - 1n, 2n ** 63n, 2n ** 64n - 1n];
  for (const value of values) w.varint(value);
  for (const value of large) w.varint64(value);
  w.u16le(513);
  w.u32le(0xfffefdfc);
  w.u32be(0xfffefdfc);
  w.u64be(5n);
  w.u64le(6n);
  w.f32le(0.5);
  w.f64le(0.1);
  w.f64be(-0.1);
  w.text("h\u00e9\u{1f436}");
  const r = new ByteReader(w.copy());
  for (const value of values) assert.equal(r.varint(), value);
  for (const value of large) assert.equal(r.varint64(), value);
  assert.equal(r.u16le(), 513);
  assert.equal(r.u32le(), 0xfffefdfc);
  assert.equal(r.u32be(), 0xfffefdfc);
  assert.equal(r.u64be(), 5n);
  assert.equal(r.u64le(), 6n);
  assert.equal(r.f32le(), 0.5);
  assert.equal(r.f64le(), 0.1);
  assert.equal(r.f64be(), -0.1);
  assert.equal(new TextDecoder().decode(r.bytes(r.remaining)), "h\u00e9\u{1f436}");
});
