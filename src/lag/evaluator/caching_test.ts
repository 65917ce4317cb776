import assert from "node:assert/strict";
import { EVALUATOR_DEFAULTS, type EvaluatorConfig, STORAGE_DEFAULTS } from "../config.ts";
import { LagStore } from "../storage/lag_store.ts";
import { newRequest, type StorageRequest } from "../storage/request.ts";
import { type Evaluator, newCachingEvaluator } from "./caching.ts";
import { Status } from "./status.ts";
import type { RecordSource } from "./unread_records.ts";

const NOW_MS = 1_700_000_000_000;

interface Stage {
  readonly evaluator: Evaluator;
  readonly store: LagStore;
  readonly asked: () => number;
  readonly advance: (ms: number) => void;
}

/** Two clusters whose names and groups could be confused, partition 0 of each group behind by 10, partition 1 by 20. */
function setUp(config: Partial<EvaluatorConfig> = {}, records?: RecordSource): Stage {
  let nowMs = NOW_MS;
  let asked = 0;
  const store = new LagStore(STORAGE_DEFAULTS, ["a", "a b"]);
  store.setTime(nowMs);
  for (const [cluster, group] of [["a", "b c"], ["a b", "c"]] as const) {
    for (const partition of [0, 1]) {
      const place = { cluster, group, topic: "t", partition };
      store.handle(
        newRequest("StorageSetBrokerOffset", { ...place, topicPartitionCount: 2, offset: 100, timestamp: nowMs }),
      );
      const offset = 90 - 10 * partition - (cluster === "a" ? 0 : 5);
      store.handle(newRequest("StorageSetConsumerOffset", { ...place, offset, order: partition, timestamp: nowMs }));
    }
  }
  const fetch = (request: StorageRequest) => {
    asked++;
    return Promise.resolve(store.handle(request));
  };
  const clock = { now: () => nowMs, monotonic: () => nowMs - NOW_MS };
  const deps = { clock, storage: { store, fetch }, ...(records !== undefined && { records }) };
  const evaluator = newCachingEvaluator({ name: "e", config: { ...EVALUATOR_DEFAULTS, ...config } }, deps);
  return { evaluator, store, asked: () => asked, advance: (ms) => void (nowMs += ms) };
}

Deno.test("newCachingEvaluator() answers all who ask within its time with one evaluation", async () => {
  const { evaluator, asked, advance } = setUp();
  const [all, bad] = await Promise.all([evaluator.evaluate("a", "b c", true), evaluator.evaluate("a", "b c", false)]);
  assert.deepEqual([all.partitions.length, bad.partitions.length, all.totalLag], [2, 2, 30]);
  advance(9_999);
  await evaluator.evaluate("a", "b c", true);
  assert.equal(asked(), 1);
  advance(1);
  await evaluator.evaluate("a", "b c", true);
  assert.equal(asked(), 2);
});

Deno.test("newCachingEvaluator() tells groups apart whose names run together, and keeps that there is none", async () => {
  const { evaluator, asked } = setUp();
  assert.equal((await evaluator.evaluate("a", "b c", true)).totalLag, 30);
  assert.equal((await evaluator.evaluate("a b", "c", true)).totalLag, 40);
  for (let i = 0; i < 3; i++) assert.equal((await evaluator.evaluate("a", "nobody", true)).status, Status.notFound);
  assert.equal(asked(), 3);
});

Deno.test("newCachingEvaluator() evaluates anew after it was told to forget", async () => {
  const { evaluator, store } = setUp();
  await evaluator.evaluate("a", "b c", true);
  store.handle(newRequest("StorageSetDeleteGroup", { cluster: "a", group: "b c" }));
  evaluator.forget("a", "b c");
  assert.equal((await evaluator.evaluate("a", "b c", true)).status, Status.notFound);
});

Deno.test("newCachingEvaluator() asks for the records of the most lagging partitions first", async () => {
  const asked: number[] = [];
  const records: RecordSource = {
    brokerOf: () => "",
    firstUnread({ partition }) {
      asked.push(partition);
      return Promise.resolve({ kind: "record", timestampMs: NOW_MS - 5_000 });
    },
  };
  const { evaluator, advance } = setUp({ timeLagFetches: 1 }, records);
  const first = await evaluator.evaluate("a", "b c", true);
  assert.deepEqual(asked, [1]);
  assert.deepEqual(first.partitions.map(({ lag }) => lag.source), [null, "record"]);
  assert.equal(first.maxLagSeconds, 5);
  advance(10_000);
  const second = await evaluator.evaluate("a", "b c", true);
  assert.deepEqual(asked, [1, 0]);
  assert.deepEqual(second.partitions.map(({ lag }) => lag.seconds), [15, 15]);
});

Deno.test("newCachingEvaluator() reads no records where it is not to be exact", async () => {
  const records: RecordSource = {
    brokerOf: () => "",
    firstUnread: () => Promise.reject(new Error("it was asked")),
  };
  for (const timeLag of ["interpolated", "off"] as const) {
    const { evaluator } = setUp({ timeLag }, records);
    assert.equal((await evaluator.evaluate("a", "b c", true)).partitions[0]!.lag.source, null);
  }
});

Deno.test("newCachingEvaluator() keeps no failure", async () => {
  let fails = true;
  const records: RecordSource = {
    brokerOf: () => "",
    firstUnread: () => fails ? Promise.reject(new Error("gone")) : Promise.resolve(null),
  };
  const { evaluator } = setUp({}, records);
  await assert.rejects(evaluator.evaluate("a", "b c", true), /gone/);
  fails = false;
  assert.equal((await evaluator.evaluate("a", "b c", true)).totalLag, 30);
});
