import assert from "node:assert/strict";
import { fromHex } from "../../bytes/mod.ts";
import { STORAGE_DEFAULTS } from "../config.ts";
import { LagStore } from "./lag_store.ts";
import type { EachRecord, LogBatch } from "./log_record.ts";
import { OffsetsLog, type OffsetsLogOptions } from "./offsets_log.ts";
import { Outcome } from "./outcome.ts";
import { commitKey, commitValue, recordKey } from "./testing.ts";

const NOW_MS = 1_700_000_000_000;

interface TestRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly offset: number;
}

interface TestBatch extends LogBatch {
  readonly records: readonly TestRecord[];
}

/** Hands out the records one behind the other in one array, as a fetch has them. */
const each: EachRecord<TestBatch> = ({ records }, take) => {
  const bytes = new Uint8Array(records.reduce((n, { key, value }) => n + (key?.length ?? 0) + (value?.length ?? 0), 0));
  let at = 0;
  const put = (part: Uint8Array | null): [start: number, end: number] => {
    if (part === null) return [-1, at];
    bytes.set(part, at);
    at += part.length;
    return [at - part.length, at];
  };
  const places = records.map(({ key, value, offset }) => ({ offset, key: put(key), value: put(value) }));
  for (const { offset, key, value } of places) {
    take({ bytes, offset, keyStart: key[0], keyEnd: key[1], valueStart: value[0], valueEnd: value[1] });
  }
};

const PLAIN = { isControl: false, isTransactional: false, producerId: -1n };
const batch = (...records: TestRecord[]): TestBatch => ({ ...PLAIN, records });
const transactional = (producerId: bigint, ...records: TestRecord[]): TestBatch => ({
  isControl: false,
  isTransactional: true,
  producerId,
  records,
});
function marker(producerId: bigint, offset: number, type?: "commit" | "abort"): TestBatch {
  const key = Uint8Array.of(0, 0, 0, type === "commit" ? 1 : 0);
  const records = type === undefined ? [] : [{ key, value: new Uint8Array(6), offset }];
  return { isControl: true, isTransactional: true, producerId, records };
}
const commit = (offset: number, committed: number, partition = 0, group = "g"): TestRecord => ({
  key: commitKey(group, "t", partition),
  value: commitValue(committed, NOW_MS + offset),
  offset,
});
const tombstone = (offset: number, partition = 0, group = "g"): TestRecord => ({
  ...commit(offset, 0, partition, group),
  value: null,
});

function setUp(options: OffsetsLogOptions = {}): { store: LagStore; log: OffsetsLog } {
  const store = new LagStore(STORAGE_DEFAULTS, ["c"]);
  store.setTime(NOW_MS);
  for (const partition of [0, 1]) store.cluster("c")!.setBrokerOffset("t", partition, 2, 1_000, NOW_MS);
  return { store, log: new OffsetsLog(store, "c", options) };
}

/** The committed offsets of a partition, oldest first, each with its order. */
function committed(store: LagStore, partition = 0, group = "g"): unknown {
  const state = store.cluster("c")!.consumer(group)?.get("t")?.[partition];
  return state?.offsets.filter((entry) => entry !== null).map(({ offset, order }) => [offset, order]);
}

Deno.test("OffsetsStream.take() applies a transaction's commits when it commits, by their own places in the log", () => {
  const { store, log } = setUp();
  const stream = log.stream();
  stream.take(transactional(5n, commit(10, 100)), each);
  stream.take(batch(commit(11, 7, 1)), each);
  assert.deepEqual(committed(store), []);
  assert.deepEqual(committed(store, 1), [[7, 11]]);
  stream.take(marker(6n, 12, "commit"), each);
  assert.deepEqual(committed(store), []);
  stream.take(marker(5n, 13, "commit"), each);
  assert.deepEqual(committed(store), [[100, 10]]);
});

Deno.test("OffsetsStream.take() forgets what was aborted, and what a marker without its record ended", () => {
  const { store, log } = setUp();
  const stream = log.stream();
  stream.take(batch(commit(1, 5)), each);
  stream.take(transactional(5n, commit(10, 900)), each);
  stream.take(marker(5n, 11, "abort"), each);
  stream.take(transactional(5n, commit(12, 901)), each);
  stream.take(marker(5n, 13), each);
  stream.take(marker(5n, 14, "commit"), each);
  assert.deepEqual(committed(store), [[5, 1]]);
});

Deno.test("OffsetsStream.take() keeps no more of open transactions than it may", () => {
  const { store, log } = setUp({ mostPendingBytes: 600 });
  const stream = log.stream();
  for (let i = 0; i < 5; i++) stream.take(transactional(5n, commit(10 + i, i)), each);
  assert.equal(log.overflowed, 3);
  stream.take(marker(5n, 20, "commit"), each);
  assert.deepEqual(committed(store), [[0, 10], [1, 11]]);
});

Deno.test("OffsetsLog merges a stream that catches up by the order of commits", () => {
  const { store, log } = setUp();
  const live = log.stream();
  const older = log.stream({ catchesUp: true });
  live.take(batch(commit(100, 50)), each);
  older.take(batch(commit(10, 5), commit(20, 9)), each);
  assert.deepEqual(committed(store), [[5, 10], [9, 20], [50, 100]]);
});

Deno.test("OffsetsLog does not bring back by older records what newer ones deleted", () => {
  const { store, log } = setUp();
  const live = log.stream();
  const older = log.stream({ catchesUp: true });
  live.take(batch(commit(100, 50, 1), tombstone(101), { key: recordKey(2, "h"), value: null, offset: 102 }), each);
  older.take(batch(commit(10, 5), commit(11, 5, 0, "h")), each);
  assert.deepEqual(committed(store), []);
  assert.deepEqual(store.cluster("c")!.consumers(), ["g"]);
  live.take(batch(commit(103, 60), commit(104, 1, 0, "h")), each);
  assert.deepEqual(committed(store), [[60, 103]]);
  assert.deepEqual(store.cluster("c")!.consumers(), ["g", "h"]);
  older.end();
  older.end();
  older.take(batch(commit(12, 6)), each); // by now it knows no better
  assert.deepEqual(committed(store), [[6, 12], [60, 103]]);
});

Deno.test("OffsetsLog counts what it refuses by reason, and goes on", () => {
  const faults: [string, unknown][] = [];
  const { store, log } = setUp({ onFault: ({ reason }, order) => faults.push([reason, order]) });
  const bad = { ...commit(2, 1), value: Uint8Array.of(0, 9) };
  const nameless = {
    key: Uint8Array.of(0, 1, 0, 1, 0xff, 0, 1, 0x74, 0, 0, 0, 0),
    value: commitValue(1, NOW_MS),
    offset: 3,
  };
  log.stream().take(batch(commit(1, 5), bad, nameless, { key: null, value: null, offset: 4 }, commit(5, 6)), each);
  assert.deepEqual(faults, [["value version", 2], ["group", 3], ["no key version", 4]]);
  assert.deepEqual(committed(store), [[5, 1], [6, 5]]);
  assert.equal(log.faults.reduce((a, b) => a + b), 3);
});

Deno.test("OffsetsLog takes in the groups of its filter only, whatever the record", () => {
  const { store, log } = setUp({ filter: { deny: /^g$/ } });
  store.cluster("c")!.setConsumerOffset("g", "t", 0, 1, 1, NOW_MS);
  const owner = { key: recordKey(2, "g"), value: Uint8Array.of(0), offset: 3 };
  log.stream().take(batch(commit(2, 5), owner, { ...owner, value: null }, tombstone(4), commit(5, 6, 0, "h")), each);
  assert.deepEqual(committed(store), [[1, 1]]);
  assert.deepEqual(committed(store, 0, "h"), [[6, 5]]);
  assert.equal(store.outcomes[Outcome.filtered], 4);
  assert.equal(log.faults.reduce((a, b) => a + b), 0);
});

Deno.test("OffsetsLog.refreshed() applies commits that waited for their partition, once", () => {
  const { store, log } = setUp();
  log.stream().take(batch(commit(1, 5, 2), commit(2, 5, 3)), each);
  assert.equal(committed(store, 2), undefined);
  store.cluster("c")!.setBrokerOffset("t", 2, 3, 10, NOW_MS);
  log.refreshed();
  assert.deepEqual(committed(store, 2), [[5, 1]]);
  assert.equal(log.droppedHeld, 1);
  log.refreshed();
  assert.equal(log.droppedHeld, 1);
  assert.equal(store.outcomes[Outcome.unknownPartition], 1);
});

Deno.test("OffsetsLog.refreshed() applies commits for a topic that was made anew, and drops those for one that is gone", () => {
  const [before, now] = ["00112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddee00"];
  const { store, log } = setUp();
  const cluster = store.cluster("c")!;
  cluster.setTopicId("t", before);
  const of = (offset: number, committed: number, id: string): TestRecord => ({
    ...commit(offset, committed),
    value: commitValue(committed, NOW_MS + offset, id),
  });
  const stream = log.stream();
  stream.take(batch(of(1, 500, before), of(2, 3, now)), each);
  assert.deepEqual(committed(store), [[500, 1]]);
  cluster.deleteTopic("t");
  cluster.setTopicId("t", now);
  cluster.setBrokerOffset("t", 0, 1, 10, NOW_MS);
  stream.take(batch(of(3, 600, before)), each);
  log.refreshed();
  assert.deepEqual(committed(store), [[3, 2]]);
  assert.equal(store.outcomes[Outcome.otherTopicId], 1);
});

Deno.test("OffsetsLog.refreshing() drops nothing that comes while the metadata is looked up", () => {
  const { store, log } = setUp();
  const stream = log.stream();
  const refreshed = log.refreshing();
  stream.take(batch(commit(1, 5, 2)), each); // its partition was made after the brokers had answered
  refreshed();
  assert.deepEqual([committed(store, 2), log.droppedHeld], [undefined, 0]);
  log.refreshing(); // this look fails
  const again = log.refreshing();
  store.cluster("c")!.setBrokerOffset("t", 2, 3, 10, NOW_MS);
  again();
  assert.deepEqual([committed(store, 2), log.droppedHeld], [[[5, 1]], 0]);
  const inTime = log.refreshing();
  stream.take(batch(commit(3, 7, 3)), each);
  store.cluster("c")!.setBrokerOffset("t", 3, 4, 10, NOW_MS);
  inTime(); // the metadata knows it already
  assert.deepEqual(committed(store, 3), [[7, 3]]);
  stream.take(batch(commit(4, 5, 4)), each);
  log.refreshed();
  assert.equal(log.droppedHeld, 1);
});

Deno.test("OffsetsLog.refreshing() keeps commits for a topic that is made anew while the metadata is looked up", () => {
  const [before, now] = ["00112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddee00"];
  const { store, log } = setUp();
  const cluster = store.cluster("c")!;
  cluster.setTopicId("t", before);
  const refreshed = log.refreshing();
  log.stream().take(batch({ ...commit(2, 3), value: commitValue(3, NOW_MS, now) }), each);
  refreshed();
  assert.deepEqual([committed(store), store.outcomes[Outcome.otherTopicId]], [undefined, 0]);
  cluster.deleteTopic("t");
  cluster.setTopicId("t", now);
  cluster.setBrokerOffset("t", 0, 1, 10, NOW_MS);
  log.refreshed();
  assert.deepEqual(committed(store), [[3, 2]]);
});

/** A classic group with one member, m-1 of c-1 at /10.0.0.9, which reads partitions 0 and 1 of t1. */
const MEMBERS =
  "0004 09 636f6e73756d6572 00000003 06 72616e6765 04 6d2d31 0000018bcfe56800 02 04 6d2d31 00 04 632d31 " +
  "0a 2f31302e302e302e39 000493e0 00002710 01 1b 0001 00000001 0002 7431 00000002 00000000 00000001 ffffffff 00 00";

Deno.test("OffsetsLog.refreshed() tells again who reads topics that were not known, unless the group is gone", () => {
  const { store, log } = setUp();
  const cluster = store.cluster("c")!;
  const owners = () => cluster.consumer("g")?.get("t1")?.map(({ owner, clientId }) => [owner, clientId]);
  const told = { key: recordKey(2, "g"), value: fromHex(MEMBERS), offset: 1 };
  log.stream().take(batch(told), each);
  assert.equal(owners(), undefined);
  for (const partition of [0, 1]) cluster.setBrokerOffset("t1", partition, 2, 10, NOW_MS);
  log.refreshed();
  assert.deepEqual(owners(), [["/10.0.0.9", "c-1"], ["/10.0.0.9", "c-1"]]);
  log.stream().take(batch({ ...told, offset: 2 }), each);
  cluster.deleteGroup("g");
  log.refreshed();
  assert.deepEqual(cluster.consumers(), []);
  // Told while the metadata was looked up, in which the topic is not yet.
  cluster.deleteTopic("t1");
  const refreshed = log.refreshing();
  log.stream().take(batch({ ...told, offset: 3 }), each);
  refreshed();
  assert.equal(owners(), undefined);
  for (const partition of [0, 1]) cluster.setBrokerOffset("t1", partition, 2, 10, NOW_MS);
  log.refreshed();
  assert.deepEqual(owners(), [["/10.0.0.9", "c-1"], ["/10.0.0.9", "c-1"]]);
});

Deno.test("OffsetsLog refuses a cluster that is not there", () => {
  const store = new LagStore(STORAGE_DEFAULTS, ["c"]);
  assert.throws(() => new OffsetsLog(store, "d"), RangeError);
});
