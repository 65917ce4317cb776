import assert from "node:assert/strict";
import { type ColumnField, columnIds, COLUMNS } from "../columns.ts";
import { FlowBatch, writeU64 } from "../columns_batch.ts";
import { NativeEncoder } from "../native.ts";
import { blockRows } from "../store/mod.ts";
import { variedBatch } from "../store/testing.ts";
import { enrichedMessage } from "./message.ts";
import { RowEncoder } from "./row_encoder.ts";
import { messageReader, messagesOf } from "./testing.ts";

const WHOLE = enrichedMessage(COLUMNS);
const read = messageReader(WHOLE.proto);

/** The one message of a batch with one row, which `fill` fills. */
function encoded(fields: readonly ColumnField[], fill: (batch: FlowBatch) => void): Uint8Array {
  const batch = new FlowBatch(1);
  for (const field of fields) batch.mark(field);
  fill(batch);
  batch.rows = 1;
  const encoder = new RowEncoder(WHOLE);
  encoder.add(batch);
  return encoder.octets;
}

Deno.test("RowEncoder says in every column what the store gets", () => {
  const batch = variedBatch(200);
  const encoder = new RowEncoder(WHOLE);
  encoder.add(batch);
  assert.deepEqual(messagesOf(encoder).map(read), blockRows(new NativeEncoder().encode(batch, COLUMNS)));
});

Deno.test("RowEncoder writes fields by their numbers, one after the other", () => {
  const encoder = new RowEncoder(WHOLE);
  encoder.add(variedBatch(3));
  for (const message of messagesOf(encoder)) {
    const numbers = fieldNumbers(message);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
    assert.equal(new Set(numbers).size >= COLUMNS.length - 5, true); // all but lists that are empty
  }
});

Deno.test("RowEncoder appends one batch to the other, and begins anew once it is cleared", () => {
  const encoder = new RowEncoder(WHOLE);
  const [first, second] = [variedBatch(2000), variedBatch(3)];
  encoder.add(first);
  encoder.add(second);
  assert.equal(encoder.rows, 2003);
  const rows = messagesOf(encoder).map(read);
  assert.deepEqual(rows.slice(2000), rows.slice(0, 3));
  encoder.clear();
  assert.deepEqual([encoder.rows, encoder.octets.length, encoder.ends.length], [0, 0, 0]);
  encoder.add(second);
  assert.deepEqual(messagesOf(encoder).map(read), rows.slice(0, 3));
});

Deno.test("RowEncoder has the fields of the message only", () => {
  const names = ["Bytes", "SrcAddr"];
  const message = enrichedMessage(COLUMNS.filter(({ name }) => names.includes(name)));
  const encoder = new RowEncoder(message);
  encoder.add(variedBatch(1));
  assert.deepEqual(Object.keys(messageReader(message.proto)(encoder.octets)).sort(), names);
});

Deno.test("RowEncoder writes nothing of what is zero, empty or not there", () => {
  const every = COLUMNS.map(({ field }) => field);
  assert.equal(encoded(every, () => {}).length, 0);
  assert.equal(encoded([], (batch) => batch.srcPort[0] = 80).length, 0); // nobody has marked it
});

const numbers: [field: "srcMac" | "bytes", value: bigint, hex: string][] = [
  ["bytes", 1n, "b80301"],
  ["bytes", 127n, "b8037f"],
  ["bytes", 128n, "b8038001"],
  ["bytes", 0xffff_ffffn, "b803ffffffff0f"],
  ["bytes", 0x1_0000_0000n, "b8038080808010"],
  ["bytes", 0x7_ffff_ffffn, "b803ffffffff7f"],
  ["bytes", 0x8_0000_0000n, "b803808080808001"],
  ["bytes", 0x1234_5678_9abc_def0n, "b803f0bdf3d589cf959a12"],
  ["bytes", 0xffff_ffff_ffff_ffffn, "b803ffffffffffffffffff01"],
  ["srcMac", 0x0200_5e10_0001n, "f8038180c0f08540"],
];
for (const [field, value, hex] of numbers) {
  Deno.test(`RowEncoder writes ${field} ${value} in 7 bits an octet`, () => {
    const message = encoded([field], (batch) => batch[field].set([Number(value & 0xffff_ffffn), Number(value >> 32n)]));
    assert.equal(message.toHex(), hex);
  });
}

const others: [what: string, field: ColumnField, fill: (batch: FlowBatch) => void, hex: string][] = [
  ["an address in 16 octets", "srcAddr", (b) => b.srcAddr.set([0, 0, 0xffff0000, 0x010200c0]), ipv4("52", "c0000201")],
  ["an address of the pool", "exporterAddress", (b) => {
    b.exporterAddress[0] = b.addresses.intern(Uint32Array.of(0, 0, 0xffff0000, 0x010200c0), 0);
  }, ipv4("1a", "c0000201")],
  ["a text in UTF-8", "inIfName", (b) => b.inIfName[0] = b.texts.intern("eth0ü"), "ba02" + "06" + "65746830c3bc"],
  ["a country", "srcCountry", (b) => b.srcCountry[0] = 0x5246, "e201" + "02" + "4652"],
  ["a country of one letter", "srcCountry", (b) => b.srcCountry[0] = 0x46, "e201" + "01" + "46"],
  ["no country that is cut to what is no text", "srcCountry", (b) => b.srcCountry[0] = 0xc346, ""],
  ["a path, each element by itself and zeros too", "dstAsPath", (b) => {
    for (const as of [64_496, 0, 1]) b.dstAsPath.push(0, as);
  }, "9002f0f703" + "900200" + "900201"],
  ["a large community with its high half first", "dstLargeCommunities", (b) => {
    b.dstLargeCommunities.pushWords(0, 3, 2, 1, 0);
  }, "b202" + "10" + "00000000" + "00000001" + "00000002" + "00000003"],
];
for (const [what, field, fill, hex] of others) {
  Deno.test(`RowEncoder writes ${what}`, () => assert.equal(encoded([field], fill).toHex(), hex));
}

function ipv4(tag: string, address: string): string {
  return `${tag}10${"00".repeat(10)}ffff${address}`;
}

Deno.test("RowEncoder has room for texts and lists of any length", () => {
  const long = "x".repeat(100_000);
  const message = encoded(["exporterName", "dstAsPath", "bytes"], (batch) => {
    batch.exporterName[0] = batch.texts.intern(long);
    for (let i = 0; i < 100_000; i++) batch.dstAsPath.push(0, 0xffff_ffff);
    writeU64(batch.bytes, 0, 1);
  });
  const { ExporterName, DstASPath, Bytes } = read(message);
  assert.deepEqual([ExporterName === long, (DstASPath as number[]).length, Bytes], [true, 100_000, 1]);
});

Deno.test("RowEncoder reads texts and addresses of the batch at hand", () => {
  const encoder = new RowEncoder(WHOLE);
  const batch = new FlowBatch(1);
  const names = ["one", "two"].map((name) => {
    batch.reset();
    batch.texts.clear();
    batch.mark("exporterName");
    batch.exporterName[0] = batch.texts.intern(name);
    batch.rows = 1;
    encoder.add(batch);
    return read(messagesOf(encoder).at(-1)!).ExporterName;
  });
  assert.deepEqual(names, ["one", "two"]);
});

/** The numbers of a message's fields in the order in which they stand. */
function fieldNumbers(message: Uint8Array): number[] {
  const numbers: number[] = [];
  const varint = (at: number): [value: number, next: number] => {
    let value = 0;
    for (let shift = 1;; shift *= 128) {
      value += (message[at]! & 0x7f) * shift;
      if (message[at++]! < 0x80) return [value, at];
    }
  };
  for (let at = 0; at < message.length;) {
    const [tag, behind] = varint(at);
    const [value, next] = varint(behind);
    numbers.push(Math.floor(tag / 8));
    at = tag % 8 === 2 ? next + value : next;
  }
  return numbers;
}

Deno.test("RowEncoder leaves the batch as it is", () => {
  const batch = variedBatch(5);
  const before = new NativeEncoder().encode(batch, COLUMNS).slice();
  new RowEncoder(WHOLE).add(batch);
  assert.deepEqual(new NativeEncoder().encode(batch, COLUMNS).slice(), before);
  assert.equal(batch.touched[columnIds.bytes], 1);
});
