import assert from "node:assert/strict";
import { ByteReader } from "../bytes/mod.ts";
import { formatAddress, parseAddressWords } from "./address.ts";
import { type Column, type ColumnField, columnIds, COLUMNS } from "./columns.ts";
import { FlowBatch, writeU64 } from "./columns_batch.ts";
import { NativeEncoder } from "./native.ts";

type Value = number | bigint | string | Value[];

/** Reads a block as its format says, whoever wrote it: names, and the values of each column. */
function readBlock(block: Uint8Array): Map<string, Value[]> {
  const reader = new ByteReader(block);
  const columns = reader.varint(), rows = reader.varint();
  const values = new Map<string, Value[]>();
  for (let i = 0; i < columns; i++) {
    const name = readText(reader), type = readText(reader);
    values.set(name, rows === 0 ? [] : readColumn(reader, type, rows));
  }
  assert.equal(reader.remaining, 0);
  return values;
}

function readText(reader: ByteReader): string {
  return new TextDecoder().decode(reader.bytes(reader.varint()));
}

function readColumn(reader: ByteReader, type: string, rows: number): Value[] {
  const inner = /^(\w+)\((.*)\)$/.exec(type);
  if (inner?.[1] === "LowCardinality") {
    assert.equal(reader.u64le(), 1n); // version
    const flags = reader.u64le();
    assert.equal(flags & ~0x3n, 0x600n);
    const keys = readColumn(reader, inner[2]!, Number(reader.u64le()));
    assert.equal(new Set(keys).size, keys.length);
    assert.equal(reader.u64le(), BigInt(rows));
    const indexes = readColumn(reader, ["UInt8", "UInt16", "UInt32"][Number(flags & 3n)]!, rows);
    return indexes.map((index) => {
      assert.ok(index as number < keys.length);
      return keys[index as number]!;
    });
  }
  if (inner?.[1] === "Array") {
    const ends = Array.from({ length: rows }, () => Number(reader.u64le()));
    const all = readColumn(reader, inner[2]!, ends.at(-1) ?? 0);
    return ends.map((end, i) => all.slice(ends[i - 1] ?? 0, end));
  }
  return Array.from({ length: rows }, () => readValue(reader, type));
}

function readValue(reader: ByteReader, type: string): Value {
  if (type.startsWith("Enum8")) return reader.i8();
  switch (type) {
    case "UInt8":
      return reader.u8();
    case "UInt16":
      return reader.u16le();
    case "UInt32":
    case "DateTime":
      return reader.u32le();
    case "UInt64":
      return reader.u64le();
    case "UInt128":
      return reader.u64le() + (reader.u64le() << 64n);
    case "IPv6":
      return formatAddress(new Uint32Array(reader.bytes(16).slice().buffer));
    case "FixedString(2)":
      return String.fromCharCode(reader.u8(), reader.u8());
    case "String":
      return readText(reader);
    default:
      throw new Error(`no reader for ${type}`);
  }
}

function column(field: ColumnField): Column {
  return COLUMNS[columnIds[field]]!;
}

/** Rows with a value in every column; lists, texts and addresses differ in length and number. */
function fullBatch(rows: number): FlowBatch {
  const batch = new FlowBatch(rows);
  for (const { field } of COLUMNS) batch.mark(field);
  for (let row = 0; row < rows; row++) {
    batch.timeReceived[row] = 1_700_000_000 + row;
    writeU64(batch.bytes, row, row * 2 ** 32 + 5);
    batch.exporterAddress[row] = batch.addresses.intern(parseAddressWords(`192.0.2.${row % 3}`)!, 0);
    batch.exporterName[row] = batch.texts.intern("é".repeat(200));
    batch.inIfName[row] = batch.texts.intern(`if ${row % 300}`);
    batch.srcGeoCity[row] = batch.texts.intern(`city ${row}`);
    batch.srcAddr.set(parseAddressWords(`2001:db8::${(row & 0xffff).toString(16)}`)!, 4 * row);
    batch.nextHop.set(parseAddressWords(row % 2 === 0 ? "::" : "203.0.113.1")!, 4 * row);
    batch.srcCountry[row] = row % 2 === 0 ? 0x5246 : 0;
    batch.inIfBoundary[row] = row % 3;
    batch.srcPort[row] = row;
    batch.ttl[row] = row;
    for (let i = 0; i < row % 4; i++) batch.dstAsPath.push(row, 100 * row + i);
    if (row % 5 === 1) batch.dstLargeCommunities.pushWords(row, 3, 2, 1, row);
  }
  batch.rows = rows;
  return batch;
}

function expected(from: number, to: number): Record<string, Value[]> {
  const rows = Array.from({ length: to - from }, (_, i) => from + i);
  return {
    TimeReceived: rows.map((row) => 1_700_000_000 + row),
    Bytes: rows.map((row) => BigInt(row) * 2n ** 32n + 5n),
    ExporterAddress: rows.map((row) => `192.0.2.${row % 3}`),
    ExporterName: rows.map(() => "é".repeat(200)),
    InIfName: rows.map((row) => `if ${row % 300}`),
    SrcGeoCity: rows.map((row) => `city ${row}`),
    SrcAddr: rows.map((row) => formatAddress(parseAddressWords(`2001:db8::${(row & 0xffff).toString(16)}`)!)),
    NextHop: rows.map((row) => row % 2 === 0 ? "::" : "203.0.113.1"),
    SrcCountry: rows.map((row) => row % 2 === 0 ? "FR" : "\0\0"),
    InIfBoundary: rows.map((row) => row % 3),
    SrcPort: rows.map((row) => row % 65_536),
    IPTTL: rows.map((row) => row % 256),
    DstASPath: rows.map((row) => Array.from({ length: row % 4 }, (_, i) => 100 * row + i)),
    DstLargeCommunities: rows.map((row) =>
      row % 5 === 1 ? [(BigInt(row) << 96n) + (1n << 64n) + (2n << 32n) + 3n] : []
    ),
  };
}

for (const [rows, from, to] of [[1, 0, 1], [258, 0, 258], [300, 0, 300], [700, 123, 456]] as const) {
  Deno.test(`encode() of rows ${from} to ${to} of ${rows} reads back in every type`, () => {
    const block = readBlock(new NativeEncoder().encode(fullBatch(rows), COLUMNS, from, to));
    assert.deepEqual([...block.keys()], COLUMNS.map(({ name }) => name));
    for (const [name, values] of Object.entries(expected(from, to))) assert.deepEqual(block.get(name), values, name);
    assert.ok(block.get("DstNetName")!.every((value) => value === ""));
  });
}

Deno.test("encode() numbers more values than 16 bits can", () => {
  const batch = fullBatch(70_000);
  const block = readBlock(new NativeEncoder().encode(batch, [column("srcGeoCity"), column("inIfName")]));
  const { SrcGeoCity, InIfName } = expected(0, 70_000);
  assert.ok(block.get("SrcGeoCity")!.every((value, row) => value === SrcGeoCity![row]));
  assert.ok(block.get("InIfName")!.every((value, row) => value === InIfName![row]));
});

for (const distinct of [1, 0x100, 0x101, 0x1_0000, 0x1_0001]) {
  Deno.test(`encode() numbers ${distinct} values out of a pool of more than are numbered fast`, () => {
    const rows = 70_000;
    const batch = new FlowBatch(rows);
    batch.mark("inIfName");
    for (let i = 0; i < 140_000; i++) batch.texts.intern(`text ${i}`);
    for (let row = 0; row < rows; row++) batch.inIfName[row] = 140_000 - row % distinct;
    batch.rows = rows;
    const values = readBlock(new NativeEncoder().encode(batch, [column("inIfName")])).get("InIfName")!;
    for (let row = 0; row < rows; row++) assert.equal(values[row], `text ${139_999 - row % distinct}`);
  });

  Deno.test(`encode() numbers ${distinct} values in the order in which they come`, () => {
    const rows = 70_000;
    const batch = new FlowBatch(rows);
    batch.mark("inIfName");
    const texts = Array.from({ length: distinct }, (_, i) => `text ${i}`);
    for (const text of texts.toReversed()) batch.texts.intern(text);
    for (let row = 0; row < rows; row++) batch.inIfName[row] = batch.texts.intern(texts[row % distinct]!);
    batch.rows = rows;
    const block = new NativeEncoder().encode(batch, [column("inIfName")]);
    const values = readBlock(block).get("InIfName")!;
    for (let row = 0; row < rows; row++) assert.equal(values[row], texts[row % distinct]);
    const width = distinct <= 0x100 ? 1 : distinct <= 0x1_0000 ? 2 : 4;
    const indexes = block.slice(-width * rows);
    const first = width === 1
      ? indexes
      : width === 2
      ? new Uint16Array(indexes.buffer)
      : new Uint32Array(indexes.buffer);
    for (let row = 0; row < distinct; row++) assert.equal(first[row], row);
  });
}

Deno.test("encode() holds nothing of the block before", () => {
  const encoder = new NativeEncoder();
  const fields: ColumnField[] = ["srcGeoCity", "inIfName", "dstAsPath", "nextHop"];
  encoder.encode(fullBatch(2_000), COLUMNS);
  const small = fullBatch(10);
  assert.deepEqual(encoder.encode(small, fields.map(column)), new NativeEncoder().encode(small, fields.map(column)));
  const again = encoder.encode(fullBatch(300), COLUMNS).slice();
  assert.deepEqual(again, new NativeEncoder().encode(fullBatch(300), COLUMNS));
});

Deno.test("encode() of columns that nobody wrote into is that of zeros", () => {
  const untouched = new FlowBatch(), written = new FlowBatch();
  untouched.rows = written.rows = 100;
  for (const { field } of COLUMNS) written.mark(field);
  const encoder = new NativeEncoder();
  assert.deepEqual(encoder.encode(untouched, COLUMNS).slice(), encoder.encode(written, COLUMNS));
});

Deno.test("encode() of lists that do not follow each other gathers their values", () => {
  const batch = new FlowBatch(4);
  batch.mark("mplsLabels");
  for (const value of [1, 2]) batch.mplsLabels.push(0, value);
  batch.mplsLabels.push(1, 99);
  batch.mplsLabels.push(2, 3);
  batch.mplsLabels.clear(1);
  batch.rows = 3;
  const block = readBlock(new NativeEncoder().encode(batch, [column("mplsLabels")]));
  assert.deepEqual(block.get("MPLSLabels"), [[1, 2], [], [3]]);
});

Deno.test("encode() of no rows has names and types alone", () => {
  const block = readBlock(new NativeEncoder().encode(new FlowBatch(), COLUMNS));
  assert.equal(block.size, COLUMNS.length);
});

Deno.test("encode() takes columns that no batch has", () => {
  const batch = fullBatch(3);
  const octets = new Uint8Array(new BigUint64Array([7n, 8n, 9n]).buffer);
  const extra = [{ name: "KafkaOffset", type: "UInt64", octets }];
  const block = readBlock(new NativeEncoder().encode(batch, [column("proto")], 0, 3, extra));
  assert.deepEqual(block.get("KafkaOffset"), [7n, 8n, 9n]);
  const short = [{ name: "KafkaOffset", type: "UInt64", octets: octets.subarray(1) }];
  assert.throws(() => new NativeEncoder().encode(batch, [], 0, 3, short), RangeError);
});

Deno.test("encode() writes a low-cardinality column as ClickHouse 26.5 reads it", () => {
  const batch = new FlowBatch(2);
  batch.mark("inIfName");
  batch.inIfName[1] = batch.texts.intern("xe0");
  batch.rows = 2;
  const block = new NativeEncoder().encode(batch, [column("inIfName")]);
  assert.equal(
    block.toHex(),
    "0102" + "08496e49664e616d65" + "164c6f7743617264696e616c69747928537472696e6729" + // names and types
      "0100000000000000" + "0006000000000000" + "0200000000000000" + "00" + "03786530" + // version, flags, keys
      "0200000000000000" + "0001", // rows, and which key each is
  );
});
