import assert from "node:assert/strict";
import { BlockError, readBlock, rowBinaryOf } from "./native_block.ts";
import { blockRows } from "./block_rows.ts";
import { DEFAULT_SCHEMA } from "./config.ts";
import { resolveSchema } from "./schema.ts";
import { COLUMNS } from "../columns.ts";
import { FlowBatch, writeU64 } from "../columns_batch.ts";
import { blockOf, variedBatch } from "./testing.ts";

const all = resolveSchema({
  ...DEFAULT_SCHEMA,
  enabled: COLUMNS.filter(({ enabled }) => !enabled).map(({ name }) => name),
});

Deno.test("readBlock() finds every column of a block", () => {
  const { rows, columns } = readBlock(blockOf(variedBatch(300), all).octets);
  assert.equal(rows, 300);
  assert.deepEqual(
    columns.map(({ name, type }) => ({ name, type })),
    COLUMNS.map(({ name, type }) => ({ name, type })),
  );
});

Deno.test("readBlock() refuses a block that is cut at any octet", () => {
  const { octets } = blockOf(variedBatch(3), all);
  for (let end = 0; end < octets.length; end++) {
    assert.throws(() => readBlock(octets.subarray(0, end)), BlockError, `cut at ${end}`);
  }
  assert.throws(() => readBlock(new Uint8Array([...octets, 0])), /1 octets follow it/);
});

/** A block of one column. */
const blockWith = (type: string, ...octets: number[]) =>
  Uint8Array.from([1, 1, 1, 0x61, type.length, ...new TextEncoder().encode(type), ...octets]);
const zeros = (count: number) => Array<number>(count).fill(0);

const refused: [what: string, block: Uint8Array, why: RegExp][] = [
  ["a type that flows do not have", blockWith("Decimal(9, 2)", 0, 0, 0, 0), /is a Decimal/],
  ["lists of texts", blockWith("Array(String)", ...zeros(8)), /a list of String/],
  ["a dictionary of another version", blockWith("LowCardinality(String)", 2, ...zeros(7)), /unknown version/],
  [
    "a row outside of its dictionary",
    blockWith("LowCardinality(String)", 1, ...zeros(7), 0, 6, ...zeros(6), 1, ...zeros(7), 0, 1, ...zeros(7), 1),
    /outside of its dictionary/,
  ],
];
for (const [what, block, why] of refused) {
  Deno.test(`readBlock() refuses ${what}`, () => assert.throws(() => readBlock(block), why));
}

Deno.test("rowBinaryOf() writes a row after the other", () => {
  const batch = new FlowBatch(2);
  batch.timeReceived.set([1, 2]);
  batch.mark("timeReceived");
  writeU64(batch.bytes, 1, 0x1_0000_0002);
  batch.mark("bytes");
  batch.srcNetName[1] = batch.texts.intern("öst");
  batch.mark("srcNetName");
  batch.dstAsPath.push(0, 65_000);
  batch.dstAsPath.push(0, 1);
  batch.mark("dstAsPath");
  batch.rows = 2;
  const names = ["TimeReceived", "SrcNetName", "DstASPath", "Bytes"];
  const few = { ...all, ingested: COLUMNS.filter(({ name }) => names.includes(name)) };
  assert.equal(
    rowBinaryOf(blockOf(batch, few).octets).toHex(),
    "01000000" + "00" + "02e8fd000001000000" + "0000000000000000" + "02000000" + "04c3b67374" + "00" +
      "0200000001000000",
  );
});

Deno.test("blockRows() shows what is not zero", () => {
  const batch = variedBatch(2);
  const [first] = blockRows(blockOf(batch, all).octets);
  assert.equal(first!.SrcAddr, "10.10.10.10");
  assert.equal(first!.ExporterAddress, "2001:db8::300:0");
  assert.equal(first!.ExporterName, "text 4 ‘ü’\n");
  assert.equal(first!.SrcCountry, "FR");
  assert.equal(
    first!.InIfBoundary,
    ["undefined", "external", "internal"][(COLUMNS.findIndex(({ name }) => name === "InIfBoundary") + 1) % 3],
  );
  assert.deepEqual(blockRows(blockOf(new FlowBatch(0), all).octets), []);
});
