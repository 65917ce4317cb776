import assert from "node:assert/strict";
import type { Int64 } from "../wire/int64.ts";
import { ClusterStore, type StoreConfig } from "./cluster_store.ts";
import { Outcome, OUTCOMES } from "./outcome.ts";
import { commitKey, commitValue, randomFrom } from "./testing.ts";
import type { CommitEntry } from "./window_store.ts";

const NOW_MS = 1_700_000_000_000;
const CONFIG: StoreConfig = {
  intervals: 4,
  minDistanceMs: 0,
  expireGroupMs: 604_800_000,
  filter: {},
  timeLagPoints: 60,
  maxGroups: 0,
};

function newCluster(config: Partial<StoreConfig> = {}): ClusterStore {
  const cluster = new ClusterStore("c", { ...CONFIG, ...config });
  cluster.setTime(NOW_MS);
  return cluster;
}

/** Takes a commit in by its bytes. */
function commit(
  cluster: ClusterStore,
  group: string,
  topic: string,
  partition: number,
  offset: Int64,
  order: number,
  timestamp: Int64,
  topicId?: string,
): Outcome | undefined {
  const key = commitKey(group, topic, partition);
  const value = commitValue(offset, timestamp, topicId);
  const bytes = new Uint8Array(key.length + value.length);
  bytes.set(key);
  bytes.set(value, key.length);
  return cluster.commit(new DataView(bytes.buffer), 2, key.length, key.length, bytes.length, order);
}

/** The rules of insertion once more, without regard to speed or memory. */
class PlainWindow {
  readonly entries: CommitEntry[] = [];
  #sample = -1;

  insert(
    intervals: number,
    minDistanceMs: number,
    end: Int64,
    sample: number,
    one: Omit<CommitEntry, "lag" | "fresh">,
  ): void {
    const w = this.entries;
    if (w.some(({ order }) => order === one.order)) return;
    if (w.length === intervals && one.order < w[0]!.order) return;
    const i = w.filter(({ order }) => order < one.order).length;
    const isNewest = i === w.length;
    const behind = BigInt(end) - BigInt(one.offset);
    const lag = isNewest ? formOf(behind > 0n ? behind : 0n) : null;
    const fresh = isNewest && this.#sample !== sample;
    if (isNewest) this.#sample = sample;
    const before = w[i - 1];
    if (
      before !== undefined && BigInt(one.timestamp) - BigInt(before.timestamp) < BigInt(minDistanceMs) &&
      !(w.length === intervals && i === 1 && !isNewest)
    ) {
      w[i - 1] = { ...one, timestamp: before.timestamp, lag, fresh: before.fresh || fresh };
      return;
    }
    w.splice(i, 0, { ...one, lag, fresh });
    if (w.length > intervals) w.shift();
  }
}

function formOf(value: bigint): Int64 {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

for (
  const [seed, minDistanceMs, intervals] of [[1, 0, 4], [2, 5_000, 4], [3, 1_000, 1], [4, 0, 10], [
    5,
    20_000,
    2,
  ]] as const
) {
  Deno.test(`ClusterStore keeps what plain windows keep, seed ${seed}`, () => {
    const random = randomFrom(seed);
    const quick = newCluster({ intervals, minDistanceMs });
    const general = newCluster({ intervals, minDistanceMs });
    const plain = new PlainWindow();
    let end: Int64 = 1_000;
    let samples = 0;
    let order = 1_000;
    const measure = () => {
      for (const cluster of [quick, general]) cluster.setBrokerOffset("t", 0, 1, end, NOW_MS + samples);
      samples++;
    };
    measure();
    let timestamp = NOW_MS;
    for (let i = 0; i < 3_000; i++) {
      if (random(4) === 0) {
        end = random(50) === 0 ? 2n ** 60n + BigInt(random(1_000)) : 1_000 + random(1_000_000);
        measure();
      }
      const nowMs = NOW_MS + i * 10;
      quick.setTime(nowMs);
      general.setTime(nowMs);
      order += random(20) === 0 ? random(2 ** 31) : random(3);
      timestamp += random(4_000) - 500;
      const at = random(6) === 0 ? Math.max(1, order - random(30)) : order;
      const isOdd = random(30) === 0;
      const one = {
        offset: isOdd
          ? 2n ** 61n + BigInt(random(1_000))
          : random(100) === 0
          ? random(2 ** 31) * 2 ** 20
          : random(1_000_000),
        order: at,
        timestamp: isOdd && random(3) === 0 ? 2n ** 60n : timestamp,
        observedAt: nowMs,
      };
      plain.insert(intervals, minDistanceMs, end, samples, one);
      general.setConsumerOffset("g", "t", 0, one.offset, at, one.timestamp);
      const outcome = commit(quick, "g", "t", 0, one.offset, at, one.timestamp);
      if (outcome === undefined) quick.setConsumerOffset("g", "t", 0, one.offset, at, one.timestamp);
      for (const cluster of [quick, general]) {
        const state = cluster.consumer("g")!.get("t")![0]!;
        assert.deepEqual(state.offsets.filter((entry) => entry !== null), plain.entries, `commit ${i}`);
        assert.equal(state.offsets.length, intervals);
      }
    }
  });
}

Deno.test("ClusterStore.commit() finds partitions by their bytes among many, also when others went", () => {
  const cluster = newCluster();
  for (const topic of ["a", "ab", "b"]) {
    for (let partition = 0; partition < 50; partition++) cluster.setBrokerOffset(topic, partition, 50, 1_000, NOW_MS);
  }
  const groups = ["", "a", "g", "gr\u00fc\u00dfe", "x".repeat(300)];
  const places = groups.flatMap((group) =>
    ["a", "ab", "b"].flatMap((topic) =>
      Array.from({ length: 50 }, (_, partition) => [group, topic, partition] as const)
    )
  );
  places.forEach(([group, topic, partition], i) => {
    assert.equal(commit(cluster, group, topic, partition, i, 1, NOW_MS), undefined); // the first is for the general way
    assert.equal(cluster.setConsumerOffset(group, topic, partition, i, 1, NOW_MS), Outcome.stored);
  });
  cluster.deleteGroup("a");
  cluster.deleteTopic("ab");
  const left = places.filter(([group, topic]) => group !== "a" && topic !== "ab");
  assert.equal(cluster.partitions, left.length);
  for (const [group, topic, partition] of left) {
    assert.equal(commit(cluster, group, topic, partition, 7, 2, NOW_MS), Outcome.stored);
    assert.equal(cluster.consumer(group)!.get(topic)![partition]!.offsets.at(-1)!.offset, 7);
  }
  for (const [group, topic, partition] of places.filter((place) => !left.includes(place))) {
    assert.equal(commit(cluster, group, topic, partition, 7, 2, NOW_MS), undefined);
  }
});

const dropped: [
  outcome: keyof typeof Outcome,
  group: string,
  topic: string,
  partition: number,
  offset: number,
  timestamp: number,
][] = [
  ["expired", "g", "t", 0, 1, NOW_MS - 604_800_001],
  ["unknownTopic", "g", "nope", 0, 1, NOW_MS],
  ["negativePartition", "g", "t", -1, 1, NOW_MS],
  ["unknownPartition", "g", "t", 2, 1, NOW_MS],
  ["noBrokerOffset", "g", "t", 1, 1, NOW_MS],
  ["negativeOffset", "g", "t", 0, -1, NOW_MS],
  ["tooManyGroups", "h", "t", 0, 1, NOW_MS],
  ["filtered", "x", "t", 0, 1, NOW_MS],
  ["stored", "g", "t", 0, 1, NOW_MS - 604_800_000],
];
for (const [outcome, group, topic, partition, offset, timestamp] of dropped) {
  Deno.test(`ClusterStore.setConsumerOffset() says ${OUTCOMES[Outcome[outcome]]}`, () => {
    const cluster = newCluster({ maxGroups: 1, filter: { deny: /^x/ } });
    cluster.setBrokerOffset("t", 0, 2, 10, NOW_MS);
    cluster.setConsumerOwner("g", "t", 0, "h", "c");
    assert.equal(cluster.setConsumerOffset(group, topic, partition, offset, 1, timestamp), Outcome[outcome]);
  });
}

Deno.test("ClusterStore lets no commit from before a deletion bring the topic back", () => {
  const cluster = newCluster();
  cluster.setBrokerOffset("t", 0, 1, 10, NOW_MS);
  cluster.deleteTopic("t", 5);
  cluster.setBrokerOffset("t", 0, 1, 10, NOW_MS);
  assert.equal(cluster.setConsumerOffset("g", "t", 0, 1, 1, NOW_MS, 4), Outcome.deletedTopic);
  assert.deepEqual(cluster.consumers(), []);
  assert.equal(cluster.setConsumerOffset("g", "t", 0, 1, 1, NOW_MS, 6), Outcome.stored);
  cluster.forgetDeletions();
  assert.equal(cluster.setConsumerOffset("g", "t", 0, 2, 2, NOW_MS + 1, 4), Outcome.stored);
});

Deno.test("ClusterStore drops commits that name another topic by their id", () => {
  const [id, other] = ["00112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddee00"];
  const cluster = newCluster();
  cluster.setTopicId("t", id);
  cluster.setBrokerOffset("t", 0, 1, 10, NOW_MS);
  cluster.setConsumerOffset("g", "t", 0, 1, 1, NOW_MS);
  assert.equal(commit(cluster, "g", "t", 0, 2, 2, NOW_MS, id), Outcome.stored);
  assert.equal(commit(cluster, "g", "t", 0, 3, 3, NOW_MS, other), Outcome.otherTopicId);
  assert.equal(commit(cluster, "g", "t", 0, 3, 3, NOW_MS, "00000000-0000-0000-0000-000000000000"), Outcome.stored);
  assert.equal(commit(cluster, "g", "t", 0, 4, 4, NOW_MS), Outcome.stored);
  assert.equal(cluster.topicOfId(id), "t");
  cluster.setTopicId("t", other);
  assert.deepEqual([cluster.topicOfId(id), cluster.topicOfId(other), cluster.topicId("t")], [undefined, "t", other]);
  assert.equal(commit(cluster, "g", "t", 0, 5, 5, NOW_MS, id), Outcome.otherTopicId);
});

Deno.test("ClusterStore counts the age of a group without commits from its last ownership", () => {
  const cluster = newCluster({ expireGroupMs: 10_000 });
  cluster.setBrokerOffset("t", 0, 1, 10, NOW_MS);
  cluster.setConsumerOwner("g", "t", 0, "h", "c");
  cluster.setTime(NOW_MS + 10_000);
  assert.deepEqual(cluster.consumers(), ["g"]);
  cluster.setTime(NOW_MS + 11_000);
  assert.deepEqual(cluster.consumers(), []);
  assert.equal(cluster.sweep(), 1);
  assert.equal(cluster.groups, 0);
});

Deno.test("ClusterStore.consumer() gives a copy", () => {
  const cluster = newCluster();
  cluster.setBrokerOffset("t", 0, 1, 10, NOW_MS);
  cluster.setConsumerOffset("g", "t", 0, 1, 1, NOW_MS);
  const before = cluster.consumer("g")!;
  cluster.setConsumerOffset("g", "t", 0, 9, 2, NOW_MS + 1);
  cluster.setBrokerOffset("t", 0, 1, 20, NOW_MS);
  const [state] = before.get("t")!;
  assert.deepEqual([state!.currentLag, state!.brokerOffsets, state!.offsets.at(-1)!.offset], [9, [10], 1]);
});
