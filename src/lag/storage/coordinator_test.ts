import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { STORAGE_DEFAULTS } from "../config.ts";
import { newCachingEvaluator } from "../evaluator/caching.ts";
import { statusText } from "../evaluator/status.ts";
import { EVALUATOR_DEFAULTS } from "../config.ts";
import { startStorage, type StorageCoordinator } from "./coordinator.ts";
import { startCoordinatorWithOffsets } from "./fixture.ts";
import { newRequest, type StorageRequest } from "./request.ts";
import { randomFrom } from "./testing.ts";

const NOW_MS = 1_700_000_000_000;
const deps = () => ({ clock: new FakeClock(NOW_MS), reporter: recordingReporter() });

Deno.test("startCoordinatorWithOffsets() has the commits that it says, and stops twice", async () => {
  const all = deps();
  const storage = await startCoordinatorWithOffsets(all);
  const names = await storage.fetch(newRequest("StorageFetchConsumers", { cluster: "testcluster" }));
  assert.deepEqual(names, { kind: "names", names: ["testgroup", "testgroup2"] });
  const evaluator = newCachingEvaluator({ name: "test", config: { ...EVALUATOR_DEFAULTS, expireCacheMs: 30_000 } }, {
    clock: all.clock,
    storage,
  });
  const full = await evaluator.evaluate("testcluster", "testgroup", true);
  assert.deepEqual([statusText(full.status), full.complete, full.totalLag, full.partitionCount], ["OK", 1, 2421, 1]);
  const half = await evaluator.evaluate("testcluster", "testgroup2", true);
  const { maxLag } = half;
  assert.deepEqual([statusText(half.status), half.complete, maxLag!.complete], ["ERR", 0, 0.5]);
  assert.deepEqual([statusText(maxLag!.status), maxLag!.start!.offset, maxLag!.end!.offset], ["STOP", 1000, 1400]);
  assert.equal(maxLag!.currentLag, 2921);
  await storage[Symbol.asyncDispose]();
  await storage[Symbol.asyncDispose]();
  assert.equal(await storage.fetch(newRequest("StorageFetchClusters")), undefined);
});

Deno.test("StorageCoordinator drains what it has taken before it stops", async () => {
  const storage = await startStorage({ name: "m", config: { ...STORAGE_DEFAULTS, queueDepth: 5 } }, ["c"], deps());
  const place = { cluster: "c", topic: "t", topicPartitionCount: 1 };
  const sets = Array.from(
    { length: 50 },
    (_, i) => storage.set(newRequest("StorageSetBrokerOffset", { ...place, offset: i })),
  );
  await storage[Symbol.asyncDispose]();
  await Promise.all(sets);
  assert.deepEqual(storage.store.cluster("c")!.topicOffsets("t"), [49]);
});

Deno.test("StorageCoordinator.offer() loses a request after a second without room, and counts it", async () => {
  const clock = new FakeClock(NOW_MS);
  const reporter = recordingReporter();
  const config = { ...STORAGE_DEFAULTS, workers: 1, queueDepth: 0 };
  await using storage = await startStorage({ name: "m", config }, ["c"], { clock, reporter });
  // Nothing takes from a channel whose taker waits for one that nobody takes from.
  const blocked = Promise.withResolvers<void>();
  const { handle } = storage.store;
  const release = holdUp(storage, blocked.promise);
  const offers = Array.from(
    { length: 6 },
    () => storage.offer(newRequest("StorageClearConsumerOwners", { cluster: "c" })),
  );
  await clock.advance(999);
  assert.equal(reporter.metrics.counter("limier_lag_requests_lost_total", "x").value(), 0);
  await clock.advance(1);
  const lost = reporter.metrics.counter("limier_lag_requests_lost_total", "x").value();
  assert.ok(lost > 0, "some were lost");
  assert.equal(reporter.lines.filter(({ level }) => level === "warn").length, 1);
  blocked.resolve();
  release();
  assert.equal((await Promise.all(offers)).filter((taken) => !taken).length, lost);
  assert.equal(storage.store.handle, handle);
});

/** Keeps the module from taking requests until `until`: its channel takes none. */
function holdUp({ module }: StorageCoordinator, until: Promise<void>): () => void {
  const { channel } = module;
  const send = channel.send.bind(channel);
  channel.send = async (item, signal) => {
    await until;
    return send(item, signal);
  };
  return () => channel.send = send;
}

/** What four producers send of 200 groups: each group's requests by one of them. */
function requestsOf(producer: number): StorageRequest[] {
  const random = randomFrom(producer + 1);
  const requests: StorageRequest[] = [];
  const orders = new Map<number, number>();
  for (let i = 0; i < 5_000; i++) {
    const number = producer + 4 * random(50);
    const place = { cluster: "c", group: `group-${number}`, topic: `t${random(3)}`, partition: random(2) };
    const order = (orders.get(number) ?? 0) + 1;
    orders.set(number, order);
    switch (random(40)) {
      case 0:
        requests.push(newRequest("StorageSetDeleteGroup", { cluster: "c", group: place.group }));
        break;
      case 1:
        requests.push(newRequest("StorageClearConsumerOwners", place));
        break;
      case 2:
      case 3:
        requests.push(
          newRequest("StorageSetConsumerOwner", { ...place, owner: `/10.0.0.${order}`, clientId: `c${order}` }),
        );
        break;
      case 4:
        requests.push(newRequest("StorageSetDeletePartition", { ...place, order }));
        break;
      default:
        requests.push(newRequest("StorageSetConsumerOffset", {
          ...place,
          offset: order * 10,
          order: random(5) === 0 ? Math.max(1, order - 3) : order,
          timestamp: NOW_MS + order * 100,
        }));
    }
  }
  return requests;
}

async function stateWith(workers: number): Promise<unknown> {
  const storage = await startStorage(
    { name: "m", config: { ...STORAGE_DEFAULTS, workers, timeLagPoints: 0 } },
    ["c"],
    deps(),
  );
  for (const topic of ["t0", "t1", "t2"]) {
    for (const partition of [0, 1]) {
      const end = { cluster: "c", topic, partition, topicPartitionCount: 2, offset: 1_000_000 };
      await storage.set(newRequest("StorageSetBrokerOffset", end));
    }
  }
  await Promise.all([0, 1, 2, 3].map(async (producer) => {
    for (const request of requestsOf(producer)) assert.ok(await storage.offer(request));
  }));
  await storage[Symbol.asyncDispose]();
  const cluster = storage.store.cluster("c")!;
  return Object.fromEntries(cluster.consumers().map((group) => [group, cluster.consumer(group)]));
}

Deno.test("startInMemory() ends in the same state with 1, 4 and 20 workers: 200 groups from four producers", async () => {
  const one = await stateWith(1);
  const left = Object.keys(one as object).length;
  assert.ok(left > 150 && left < 200, `${left} groups are left: a deletion was the last word for some, not for most`);
  for (const workers of [4, 20]) assert.deepEqual(await stateWith(workers), one, `${workers} workers`);
});
