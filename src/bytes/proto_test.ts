import assert from "node:assert/strict";
import { fromHex, ProtoReader, ProtoWriter, toHex, WireType } from "./mod.ts";

Deno.test("ProtoReader reads back what ProtoWriter wrote", () => {
  const w = new ProtoWriter(1);
  w.varint(1, 300);
  w.int32(2, -1);
  w.int64(3, -5n);
  w.int64(4, 2n ** 63n);
  w.bool(5, true);
  w.fixed32(6, 0xffffffff);
  w.fixed64(7, 0xfffffffffffffffen);
  w.float(8, 0.25);
  w.double(9, 0.1);
  w.bytes(10, Uint8Array.of(1, 2));
  w.text(11, "d\u00e9j\u00e0 vu");
  w.message(12, (inner) => {
    inner.text(1, "x".repeat(200));
    inner.message(2, (deep) => deep.varint(536870911, 0));
  });
  w.int32(13, 7);

  const r = new ProtoReader(w.copy());
  assert.equal(r.next(), 1);
  assert.equal(r.wireType, WireType.varint);
  assert.equal(r.varint(), 300);
  assert.equal(r.next(), 2);
  assert.equal(r.int32(), -1);
  assert.equal(r.next(), 3);
  assert.equal(r.int64(), -5n);
  assert.equal(r.next(), 4);
  assert.equal(r.uint64(), 2n ** 63n);
  assert.equal(r.next(), 5);
  assert.equal(r.bool(), true);
  assert.equal(r.next(), 6);
  assert.equal(r.fixed32(), 0xffffffff);
  assert.equal(r.next(), 7);
  assert.equal(r.fixed64(), 0xfffffffffffffffen);
  assert.equal(r.next(), 8);
  assert.equal(r.float(), 0.25);
  assert.equal(r.next(), 9);
  assert.equal(r.double(), 0.1);
  assert.equal(r.next(), 10);
  assert.deepEqual([...r.bytes()], [1, 2]);
  assert.equal(r.next(), 11);
  assert.equal(r.text(), "d\u00e9j\u00e0 vu");
  assert.equal(r.next(), 12);
  const inner = r.message();
  assert.equal(inner.next(), 1);
  assert.equal(inner.text(), "x".repeat(200));
  assert.equal(inner.next(), 2);
  const deep = inner.message();
  assert.equal(deep.next(), 536870911);
  assert.equal(deep.varint(), 0);
  assert.equal(deep.next(), 0);
  assert.equal(inner.next(), 0);
  assert.equal(r.next(), 13);
  assert.equal(r.int32(), 7);
  assert.equal(r.next(), 0);
  assert.equal(r.next(), 0);
});

Deno.test("ProtoWriter writes the guide's examples", () => {
  const w = new ProtoWriter();
  w.varint(1, 150);
  w.text(2, "testing");
  assert.equal(toHex(w.view()), "08960112" + "0774657374696e67");
  w.reset();
  w.int32(1, -2);
  assert.equal(toHex(w.view()), "08feffffffffffffffff01");
});

const skipped: [what: string, hex: string][] = [
  ["a varint", "08ffffffffffffffffff01"],
  ["a fixed64", "090102030405060708"],
  ["bytes", "0a03010203"],
  ["a group with fields and a group inside", "0b 1005 1a0100 23 2805 24 0c"],
  ["an empty group", "0b0c"],
  ["a fixed32", "0d01020304"],
];
for (const [what, hex] of skipped) {
  Deno.test(`ProtoReader skip() moves over ${what}`, () => {
    const bytes = fromHex(hex + "1007")!;
    const r = new ProtoReader(bytes);
    assert.equal(r.next(), 1);
    r.skip();
    assert.equal(r.next(), 2);
    assert.equal(r.varint(), 7);
    for (let length = 1; length < bytes.length - 2; length++) {
      const cut = new ProtoReader(bytes, 0, length);
      assert.throws(() => {
        cut.next();
        cut.skip();
      }, { name: "ByteError", code: "bytes.truncated" });
    }
  });
}

const refused: [what: string, hex: string, code: string][] = [
  ["field number 0", "0001", "bytes.field"],
  ["a field number above 2^29-1", "8080808010 01", "bytes.field"],
  ["wire type 6", "0e01", "bytes.field"],
  ["wire type 7", "0f01", "bytes.field"],
  ["the end of a group that did not begin", "0c", "bytes.field"],
  ["a group that ends as another", "0b14", "bytes.field"],
  ["groups nested without end", "0b".repeat(40), "bytes.field"],
  ["a length beyond the end", "0a0501", "bytes.truncated"],
  ["a length beyond 53 bits", "0affffffffffffffffff01", "bytes.varint"],
  ["a key of eleven bytes", "88808080808080808080 00 01", "bytes.varint"],
];
for (const [what, hex, code] of refused) {
  Deno.test(`ProtoReader refuses ${what}`, () => {
    const r = new ProtoReader(fromHex(hex)!);
    assert.throws(() => {
      r.next();
      r.skip();
    }, { name: "ByteError", code });
  });
}

const mismatched: [method: string, hex: string, read: (r: ProtoReader) => unknown][] = [
  ["varint", "0a00", (r) => r.varint()],
  ["int32", "0d00000000", (r) => r.int32()],
  ["int64", "0a00", (r) => r.int64()],
  ["bool", "0a00", (r) => r.bool()],
  ["float", "090000000000000000", (r) => r.float()],
  ["fixed32", "0800", (r) => r.fixed32()],
  ["double", "0d00000000", (r) => r.double()],
  ["fixed64", "0800", (r) => r.fixed64()],
  ["bytes", "0800", (r) => r.bytes()],
  ["text", "0800", (r) => r.text()],
  ["message", "0800", (r) => r.message()],
];
for (const [method, hex, read] of mismatched) {
  Deno.test(`ProtoReader ${method}() refuses another wire type`, () => {
    const r = new ProtoReader(fromHex(hex)!);
    r.next();
    assert.throws(() => read(r), { name: "ByteError", code: "bytes.field", offset: 0 });
  });
}

Deno.test("ProtoReader message() does not reach beyond its own end", () => {
  const r = new ProtoReader(fromHex("0a02 0805 1007")!);
  r.next();
  const inner = r.message();
  assert.equal(inner.next(), 1);
  assert.equal(inner.varint(), 5);
  assert.equal(inner.next(), 0);
  const torn = new ProtoReader(fromHex("0a01 08 05")!);
  torn.next();
  const tornInner = torn.message();
  tornInner.next();
  assert.throws(() => tornInner.varint(), { code: "bytes.truncated", offset: 3 });
  const long = new ProtoReader(fromHex("0a0308")!);
  long.next();
  assert.throws(() => long.message(), { code: "bytes.truncated", offset: 2 });
});

Deno.test("ProtoReader meets noise with a ByteError or an end", () => {
  let seed = 12345;
  for (let round = 0; round < 2000; round++) {
    const bytes = Uint8Array.from({ length: round % 40 }, () => {
      seed = Math.imul(seed, 1103515245) + 12345 | 0;
      return seed >>> 16 & 0xff;
    });
    const r = new ProtoReader(bytes);
    try {
      while (r.next() !== 0) r.skip();
      assert.equal(r.position, bytes.length);
    } catch (error) {
      assert.equal((error as Error).name, "ByteError");
    }
  }
});
