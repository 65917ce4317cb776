import assert from "node:assert/strict";
import { fromHex } from "../bytes/mod.ts";
import { type Compression, COMPRESSIONS, newDecompressor } from "./compression.ts";
import {
  ANONYMOUS,
  encodeRecordBatch,
  forEachRecord,
  newAbortFilter,
  readRecordBatches,
  type RecordBatch,
  recordKey,
  recordValue,
} from "./record_batch.ts";
import { RecordBuilder } from "./record_builder.ts";

const decompressor = await newDecompressor();
const decoder = new TextDecoder();
const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | null) => bytes && decoder.decode(bytes);

function contentOf(batch: RecordBatch): unknown[] {
  const content: unknown[] = [];
  assert.ok(
    forEachRecord(
      batch,
      (record) =>
        content.push([record.offset, record.timestampMs, textOf(recordKey(record)), textOf(recordValue(record))]),
    ),
  );
  return content;
}

/** By `kafka-console-producer` of Kafka 4.3.1: key1 with 20 times abc, then key2 with null; read from the log. */
const JAVA: Readonly<Record<Compression, string>> = {
  none:
    "00000000000000000000008400000000021511f926000000000001000001a1fef4155f000001a1fef41567000000000000000000000000" +
    "0000000000028c01000000086b65793178616263616263616263616263616263616263616263616263616263616263616263616263616263" +
    "616263616263616263616263616263616263616263" + "0014001002086b6579320100",
  gzip:
    "00000000000000000000005f0000000002b2f1af44000100000001000001a1fef41985000001a1fef419910000000000000001000000000000" +
    "000000021f8b08000000000000ffeb61646060e0c84ead34ac484c4a261b3188304830818c316264000063b2eeab53000000",
  snappy:
    "000000000000000000000065000000000278322fc8000200000001000001a1fef41db0000001a1fef41dce000000000000000200000000" +
    "00000000000282534e415050590000000001000000010000002053348c01000000086b65793178616263e203002c0014003c02086b657932" +
    "0100",
  lz4:
    "00000000000000000000005f0000000002fb772c49000300000001000001a1fef42158000001a1fef42177000000000000000300000000000" +
    "00000000204224d186040821f000000ef8c01000000086b65793178616263030026c00014003e02086b657932010000000000",
  zstd:
    "00000000000000000000005d0000000002003d97ad000400000001000001a1fef424eb000001a1fef4250b000000000000000400000000000" +
    "00000000228b52ffd0058040100d08c01000000086b657931786162630014004002086b65793201000100f6744a010000",
};

for (const kind of COMPRESSIONS) {
  Deno.test(`readRecordBatches() reads what Java's producer compressed with ${kind}`, () => {
    const bytes = fromHex(JAVA[kind])!;
    const { batches: [batch, ...more], faults, nextOffset } = readRecordBatches(bytes, decompressor);
    assert.deepEqual([more, faults, nextOffset], [[], [], 2]);
    const content = contentOf(batch!).map((entry) => (entry as unknown[]).toSpliced(1, 1));
    assert.deepEqual(content, [[0, "key1", "abc".repeat(20)], [1, "key2", null]]);
    assert.deepEqual([batch!.lastOffset, batch!.isControl, batch!.isTransactional, batch!.count], [1, false, false, 2]);
    assert.ok(batch!.maxTimestampMs > batch!.baseTimestampMs && batch!.baseTimestampMs > 1.7e12);
  });
}

/** By `kafka-producer-perf-test` of Kafka 4.3.1 with a transactional id: two records, then the marker of the commit. */
const TRANSACTION = fromHex(
  "0000000000000000000000490000000002133903c2001000000001000001a1fef429a9000001a1fef429b40000000000000005000000000000" +
    "0000000216000000010a595148484e0016001602010a4542534550" +
    "00000000000000000200000042" +
    "00000000026fb81d3e003000000000000001a1fef429fd000001a1fef429fd00000000000000050001ff" +
    "ffffff000000012000000008000000010c00000000000000",
)!;

Deno.test("readRecordBatches() reads a transaction and its marker", () => {
  const { batches: [data, marker], nextOffset } = readRecordBatches(TRANSACTION, decompressor);
  assert.deepEqual(contentOf(data!).map((entry) => (entry as unknown[])[3]), ["YQHHN", "EBSEP"]);
  assert.deepEqual([data!.isTransactional, data!.isControl, data!.producerId], [true, false, 5n]);
  assert.deepEqual([marker!.isControl, marker!.baseOffset, marker!.producerEpoch, nextOffset], [true, 2, 1, 3]);
  forEachRecord(marker!, (record) => assert.deepEqual([...recordKey(record)!], [0, 0, 0, 1])); // a commit
});

const twice = new Uint8Array([...TRANSACTION, ...TRANSACTION]);

Deno.test("readRecordBatches() leaves a last batch that is cut short, at every byte", () => {
  const first = 0x49 + 12;
  for (let length = 0; length <= TRANSACTION.length; length++) {
    const { batches, faults, nextOffset } = readRecordBatches(TRANSACTION.subarray(0, length), decompressor);
    assert.equal(batches.length, length < first ? 0 : length < TRANSACTION.length ? 1 : 2);
    assert.equal(nextOffset, [undefined, 2, 3][batches.length]);
    assert.deepEqual(faults, []);
  }
});

Deno.test("readRecordBatches() finds every flipped bit behind the offset and length, and goes on behind the batch", () => {
  for (let at = 16; at < TRANSACTION.length; at++) {
    if (at >= 85 && at < 85 + 17) continue; // the second batch's offset, length and epoch
    const bytes = twice.slice();
    bytes[at]! ^= 1;
    const { batches, faults } = readRecordBatches(bytes, decompressor);
    assert.equal(batches.length, 3, `byte ${at}`);
    assert.deepEqual(faults.map(({ fault }) => fault), [at === 16 ? "magic" : "crc"], `byte ${at}`);
  }
});

Deno.test("readRecordBatches() ends with a fault where a length can't be", () => {
  for (const length of [-1, -2147483648, 0, 4]) {
    const bytes = twice.slice();
    new DataView(bytes.buffer).setInt32(8, length);
    const { batches, faults } = readRecordBatches(bytes, decompressor);
    assert.deepEqual([batches, faults], [[], [{ fault: "truncated", offset: 0, nextOffset: 1 }]]);
  }
});

Deno.test("readRecordBatches() refuses records that become larger than they may, whatever compressed them", () => {
  for (const kind of COMPRESSIONS.slice(1)) {
    const { batches, faults } = readRecordBatches(fromHex(JAVA[kind])!, decompressor, { mostBytes: 80 });
    assert.deepEqual([batches, faults.map(({ fault }) => fault)], [[], ["compression"]], kind);
  }
});

Deno.test("readRecordBatches() and forEachRecord() never throw on noise", () => {
  let seed = 7;
  const random = () => (seed = Math.imul(seed, 1103515245) + 12345 >>> 0) / 2 ** 32;
  for (let round = 0; round < 2_000; round++) {
    const bytes = fromHex(JAVA[COMPRESSIONS[round % 5]!])!;
    for (let i = 0; i < 3; i++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    const { batches } = readRecordBatches(bytes, decompressor);
    for (const batch of batches) forEachRecord(batch, () => {});
    const [whole] = readRecordBatches(fromHex(JAVA.none)!, decompressor).batches;
    const records = whole!.records.slice();
    records[Math.floor(random() * records.length)] = Math.floor(random() * 256);
    forEachRecord({ ...whole!, records }, (record) => {
      assert.ok(record.keyEnd <= records.length && record.valueEnd <= records.length);
    });
  }
});

Deno.test("forEachRecord() says when there are fewer records than announced, or none of a record", () => {
  const [batch] = readRecordBatches(fromHex(JAVA.none)!, decompressor).batches;
  let taken = 0;
  assert.equal(forEachRecord({ ...batch!, count: 3 }, () => taken++), false);
  assert.equal(taken, 2);
  assert.equal(forEachRecord({ ...batch!, records: new Uint8Array(0) }, () => {}), false);
  assert.equal(forEachRecord({ ...batch!, count: 0 }, () => assert.fail()), true); // a marker after compaction
});

Deno.test("encodeRecordBatch() writes what readRecordBatches() reads, compressed or not", async () => {
  for (const kind of COMPRESSIONS) {
    const builder = new RecordBuilder();
    const values = Array.from({ length: 300 }, (_, i) => "x".repeat(i % 70 * 10));
    values.forEach((value, i) => {
      builder.append(1_700_000_000_000 - i * 100, i % 2 ? bytesOf(`k${i}`) : null, i === 5 ? null : bytesOf(value));
    });
    const sealed = await builder.seal(kind);
    assert.equal(sealed.compression, kind);
    const bytes = encodeRecordBatch(sealed, { producerId: 77n, producerEpoch: 3, baseSequence: 12 });
    const { batches: [batch], faults } = readRecordBatches(bytes, decompressor);
    assert.deepEqual(faults, []);
    assert.deepEqual([batch!.producerId, batch!.producerEpoch, batch!.baseSequence], [77n, 3, 12]);
    assert.deepEqual([batch!.baseTimestampMs, batch!.maxTimestampMs], [1_700_000_000_000, 1_700_000_000_000]);
    const expected = values.map((value, i) => {
      return [i, 1_700_000_000_000 - i * 100, i % 2 ? `k${i}` : null, i === 5 ? null : value];
    });
    assert.deepEqual(contentOf(batch!), expected);
  }
});

Deno.test("RecordBuilder.seal() leaves as it is what does not become smaller", async () => {
  const builder = new RecordBuilder();
  builder.append(1, null, bytesOf("a"));
  const sealed = await builder.seal("gzip");
  assert.equal(sealed.compression, "none");
  const { batches: [batch] } = readRecordBatches(encodeRecordBatch(sealed, ANONYMOUS), decompressor);
  assert.deepEqual(contentOf(batch!), [[0, 1, null, "a"]]);
  assert.equal(batch!.producerId, -1n);
});

const plain: RecordBatch = readRecordBatches(TRANSACTION, decompressor).batches[0]!;
/** `P@OFFSET` data of producer P, `P!OFFSET` its marker, `-@OFFSET` data without a transaction. */
function batchAt(text: string): RecordBatch {
  const [, producer, sign, offset] = /^(.)(.)(\d+)$/.exec(text)!;
  return {
    ...plain,
    baseOffset: Number(offset),
    lastOffset: Number(offset),
    isControl: sign === "!",
    isTransactional: producer !== "-",
    producerId: producer === "-" ? -1n : BigInt(producer!.charCodeAt(0)),
  };
}

const transactions: [why: string, aborted: string[], log: string, visible: string][] = [
  ["nothing aborted", [], "a@0 a!1 -@2", "a@0 -@2"],
  ["one aborted", ["a@0"], "a@0 -@1 a!2 a@3 a!4", "-@1 a@3"],
  ["one producer aborts twice in one fetch", ["a@0", "a@4"], "a@0 a!1 a@2 a!3 a@4 a!5 a@6", "a@2 a@6"],
  ["two producers, interleaved", ["b@1"], "a@0 b@1 a@2 b@3 a!4 b@5 b!6 b@7", "a@0 a@2 b@7"],
  ["an abort that began before this fetch", ["a@0"], "a@10 a!11 a@12", "a@12"],
  ["told out of order", ["a@4", "b@0"], "b@0 a@1 b!2 a!3 a@4 a!5", "a@1"],
];
for (const [why, aborted, log, visible] of transactions) {
  Deno.test(`newAbortFilter() with ${why}`, () => {
    const isVisible = newAbortFilter(aborted.map((text) => {
      const { producerId, baseOffset } = batchAt(text);
      return { producerId, firstOffset: baseOffset };
    }));
    assert.equal(log.split(" ").filter((text) => isVisible(batchAt(text))).join(" "), visible);
  });
}
