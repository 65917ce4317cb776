import assert from "node:assert/strict";
import { batchOf } from "../testing.ts";
import { type BatchKind, sliceBatch } from "../../metric/mod.ts";
import {
  outputNameBytes,
  parseEvents,
  parseRecord,
  recordBytes,
  recordCuts,
  recordSeed,
  RecordWriter,
} from "./record.ts";

const INSTALLATION = new Uint8Array(16).fill(0xab);
const SEED = recordSeed(INSTALLATION, 1);
const at = { sequence: 7, storedMs: 1_700_000_000_123, seed: SEED };

function encode(batch = batchOf("points", "one", "", "three"), output = "out"): Uint8Array<ArrayBuffer> {
  const writer = new RecordWriter(16);
  writer.batch(outputNameBytes(output), batch, recordCuts(batch), at);
  return writer.view().slice();
}

function parse(bytes: Uint8Array<ArrayBuffer>, from = 0, seed = SEED) {
  return parseRecord(bytes, new DataView(bytes.buffer), from, bytes.length, seed);
}

for (const kind of ["points", "events", "checks", "spans"] satisfies BatchKind[]) {
  Deno.test(`parseRecord() reads what batch() wrote of ${kind}`, () => {
    const batch = batchOf(kind, "one", "", "three");
    const bytes = encode(batch, "größer");
    const record = parse(bytes);
    assert.ok(!("state" in record) && record.kind === kind);
    assert.deepEqual([record.sequence, record.continues, record.totalBytes], [7, false, bytes.length]);
    const events = parseEvents(record.body)!;
    assert.deepEqual([events.output, events.storedMs, events.timestamp], ["größer", at.storedMs, batch.timestamp]);
    assert.deepEqual([events.restEvents, events.restBytes], [3, 8]);
    assert.deepEqual([events.ends, Uint8Array.from(events.bytes)], [batch.ends, batch.bytes]);
  });
}

Deno.test("batch() cuts between events near 64 KiB, and numbers go on", () => {
  const sizes = [70_000, 30_000, 30_000, 30_000, 1];
  const batch = batchOf("points", ...sizes.map((size, i) => String(i).repeat(size)));
  assert.deepEqual(recordCuts(batch), [1, 3, 5]);
  const bytes = encode(batch);
  assert.equal(bytes.length, recordBytes(outputNameBytes("out"), batch, [1, 3, 5]));
  const got: unknown[] = [];
  for (let from = 0; from < bytes.length;) {
    const record = parse(bytes, from);
    assert.ok(!("state" in record));
    const { ends, restEvents, restBytes } = parseEvents(record.body)!;
    got.push([record.sequence, record.continues, restEvents, restBytes, ...ends]);
    from += record.totalBytes;
  }
  assert.deepEqual(got, [
    [7, false, 5, 160_001, 70_000],
    [8, true, 4, 90_001, 30_000, 60_000],
    [10, true, 2, 30_001, 30_000, 30_001],
  ]);
});

Deno.test("batch() keeps numbers up to 2^53-1", () => {
  const writer = new RecordWriter();
  const batch = batchOf("points", "x");
  const sequence = Number.MAX_SAFE_INTEGER;
  writer.batch(outputNameBytes("out"), batch, [1], { ...at, sequence, storedMs: sequence });
  const record = parse(writer.view().slice());
  assert.ok(!("state" in record) && record.sequence === sequence && parseEvents(record.body)!.storedMs === sequence);
});

Deno.test("seal() writes a record of its own kind", () => {
  const writer = new RecordWriter();
  writer.seal(99, new Uint8Array([1, 2, 3]), SEED);
  const record = parse(writer.view().slice());
  assert.ok(!("state" in record) && record.kind === "seal");
  assert.deepEqual([record.sequence, ...record.body], [99, 1, 2, 3]);
});

Deno.test("parseRecord() refuses a record with any bit flipped", () => {
  const bytes = encode();
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert.ok("state" in parse(bytes), `bit ${bit}`);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
});

Deno.test("parseRecord() asks for more of a record that is cut at any byte", () => {
  const bytes = encode();
  for (let size = 0; size < bytes.length; size++) {
    const part = parse(bytes.slice(0, size));
    assert.deepEqual(part, { state: "short", needBytes: size < 24 ? 24 : bytes.length });
  }
});

Deno.test("parseRecord() counts a record in its own segment only", () => {
  const bytes = encode();
  assert.deepEqual(parse(bytes, 0, recordSeed(INSTALLATION, 2)), { state: "bad" });
  assert.deepEqual(parse(bytes, 0, recordSeed(new Uint8Array(16), 1)), { state: "bad" });
});

for (const [what, fill] of [["zeros", 0], ["ones", 0xff]] as const) {
  Deno.test(`parseRecord() finds none in ${what}`, () => {
    assert.deepEqual(parse(new Uint8Array(1000).fill(fill)), { state: "bad" });
  });
}

Deno.test("parseRecord() finds none in noise", () => {
  for (let i = 0; i < 200; i++) {
    const noise = crypto.getRandomValues(new Uint8Array(100));
    if (i % 2 === 0) noise.set([0xf5, 0xff, 0xc1, 0xfe]);
    assert.ok("state" in parse(noise));
  }
});

Deno.test("parseEvents() refuses a body whose parts don't fit", () => {
  const record = parse(encode());
  assert.ok(!("state" in record));
  for (let size = 1; size < record.body.length; size++) {
    assert.equal(parseEvents(record.body.slice(0, size)), undefined);
  }
  for (const [index, value] of [[0, 0], [0, 200], [28, 0], [28, 255], [32, 9]] as const) {
    const body = record.body.slice();
    body[index] = value;
    assert.equal(parseEvents(body), undefined, `${value} at ${index}`);
  }
});

Deno.test("recordCuts() of nothing is nothing", () => {
  assert.deepEqual(recordCuts(sliceBatch(batchOf("points", "a"), 0, 0)), []);
});
