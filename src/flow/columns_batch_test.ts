import assert from "node:assert/strict";
import { parseAddressWords } from "./address.ts";
import { fieldIds, FlowBatch, readU64, writeU64 } from "./columns_batch.ts";
import { rowObject } from "./row_object.ts";

/** Writes a value of every kind into a row. */
function writeRow(batch: FlowBatch, row: number, n: number): void {
  for (
    const field of ["ttl", "srcPort", "proto", "bytes", "srcAddr", "exporterName", "srcCountry", "dstAsPath"] as const
  ) batch.mark(field);
  batch.mark("dstLargeCommunities");
  batch.mark("firstMs");
  batch.ttl[row] = n;
  batch.srcPort[row] = n;
  batch.proto[row] = n;
  writeU64(batch.bytes, row, n * 2 ** 33);
  batch.srcAddr.set(parseAddressWords(`192.0.2.${n}`)!, 4 * row);
  batch.exporterName[row] = batch.texts.intern(`name ${n}`);
  batch.srcCountry[row] = 0x4544;
  for (let i = 0; i < n; i++) batch.dstAsPath.push(row, 64_500 + i);
  batch.dstLargeCommunities.pushWords(row, 3, 2, 1, 0);
  batch.firstMs[row] = 1_700_000_000_000 + n;
}

function shown(n: number) {
  return {
    ttl: n,
    src_port: n,
    proto: n,
    bytes: n * 2 ** 33,
    src_addr: `192.0.2.${n}`,
    exporter_name: `name ${n}`,
    src_country: "DE",
    dst_as_path: Array.from({ length: n }, (_, i) => 64_500 + i),
    dst_large_communities: [(1n << 64n) + (2n << 32n) + 3n],
    first_ms: 1_700_000_000_000 + n,
  };
}

Deno.test("FlowBatch keeps its rows when it grows", () => {
  const batch = new FlowBatch(1);
  for (let n = 1; n <= 100; n++) {
    batch.reserve(1);
    writeRow(batch, batch.rows, n);
    batch.rows++;
  }
  for (let n = 1; n <= 100; n++) assert.deepEqual(rowObject(batch, n - 1), shown(n));
  assert.ok(batch.capacity > 100);
  assert.equal(batch.array(fieldIds.proto), batch.proto);
  assert.equal(batch.list(fieldIds.dstAsPath), batch.dstAsPath);
});

Deno.test("clearRow() takes one row back, reset() and discard() all they should", () => {
  const batch = new FlowBatch(8);
  for (let row = 0; row < 6; row++) writeRow(batch, row, row + 1);
  batch.rows = 4;
  batch.clearRow(2);
  assert.deepEqual(rowObject(batch, 2), {});
  assert.deepEqual(rowObject(batch, 1), shown(2));
  batch.discard();
  assert.deepEqual([rowObject(batch, 4), rowObject(batch, 5)], [{}, {}]);
  assert.deepEqual(rowObject(batch, 3), shown(4));
  batch.reset();
  assert.equal(batch.rows, 0);
  for (let row = 0; row < 8; row++) assert.deepEqual(rowObject(batch, row), {});
});

Deno.test("clearRow() gives the values of the last list back", () => {
  const batch = new FlowBatch(4);
  batch.mark("dstAsPath");
  for (const value of [1, 2, 3]) batch.dstAsPath.push(0, value);
  batch.dstAsPath.push(1, 9);
  batch.clearRow(1);
  assert.equal(batch.dstAsPath.used, 3);
  batch.dstAsPath.push(1, 8);
  assert.deepEqual([batch.dstAsPath.row(0), batch.dstAsPath.row(1)], [[1, 2, 3], [8]]);
});

Deno.test("writeU64() and readU64() agree on whole numbers up to 2^53", () => {
  const column = new Uint32Array(4);
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53]) {
    writeU64(column, 1, value);
    assert.equal(readU64(column, 1), value);
    assert.equal(new BigUint64Array(column.buffer)[1], BigInt(value));
  }
  assert.equal(readU64(column, 0), 0);
});

Deno.test("pools number what recurs, until they are emptied", () => {
  const { texts, addresses } = new FlowBatch();
  assert.deepEqual([texts.intern(""), texts.intern("a"), texts.intern("b"), texts.intern("a")], [0, 1, 2, 1]);
  assert.equal(texts.text(2), "b");
  assert.throws(() => texts.text(3), RangeError);
  const { generation } = texts;
  texts.clear();
  assert.deepEqual([texts.size, texts.generation, texts.intern("b")], [1, generation + 1, 1]);
  const words = ["::", "192.0.2.1", "2001:db8::1", "192.0.2.1"].map((text) => parseAddressWords(text)!);
  assert.deepEqual(words.map((one) => addresses.intern(one, 0)), [0, 1, 2, 1]);
  for (let i = 0; i < 1000; i++) addresses.intern(Uint32Array.of(0, 0, 0xffff0000, i + 7), 0);
  assert.deepEqual(addresses.words.slice(8, 12), words[2]);
  assert.equal(addresses.intern(words[2]!, 0), 2);
});
