import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import {
  type FetchedPartition,
  type KafkaCluster,
  KafkaError,
  newDecompressor,
  ProtocolError,
} from "../../kafka/mod.ts";
import { type FollowedPartition, Follower } from "./follower.ts";

type Answer = Partial<FetchedPartition> | KafkaError;

/** A follower of a cluster whose brokers answer each fetch with what stands next in their script, then not any more. */
async function setUp(scripts: Readonly<Record<number, readonly (readonly Answer[])[]>>) {
  const left = new Map(Object.entries(scripts).map(([node, answers]) => [Number(node), [...answers]]));
  const asked: string[] = [];
  const lost: [why: string, partition: number | undefined][] = [];
  const closed: number[] = [];
  const stop = new AbortController();
  const kafka = {
    request(node: number, _request: unknown, { signal }: { signal: AbortSignal }) {
      asked.push(String(node));
      const answers = left.get(node)?.shift();
      if (answers === undefined) {
        // Nothing comes any more: the broker waits.
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(new KafkaError("kafka.closed", "stopped")), { once: true });
        });
      }
      const failure = answers.find((one) => one instanceof KafkaError);
      if (failure !== undefined) return Promise.reject(failure);
      const partitions = answers.map((one) => ({
        topic: "t",
        partition: 0,
        error: 0,
        highWatermark: 0,
        lastStableOffset: 0,
        logStartOffset: 0,
        aborted: [],
        records: new Uint8Array(),
        ...one,
      }));
      return Promise.resolve({ error: 0, partitions });
    },
    closeLane: (node: number) => void closed.push(node),
  } as unknown as KafkaCluster;
  const follower = new Follower({
    clock: new FakeClock(),
    kafka,
    topic: "t",
    decompressor: await newDecompressor(),
    signal: stop.signal,
    onLost: (why, partition) => void lost.push([why, partition]),
    onFetched: () => {},
    onRead: () => {},
    onFaults: () => {},
  });
  const add = (partition: number, leader: number, over: Partial<FollowedPartition> = {}): FollowedPartition => {
    const one = { partition, leader, next: 0, end: -1, stopAt: Infinity, take: () => {}, ...over };
    follower.add(one);
    return one;
  };
  return { follower, add, asked, lost, closed, stop };
}

/** Lets everything happen that waits for nothing. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("Follower reads each partition from the broker that leads it", async () => {
  const { follower, add, asked, stop } = await setUp({ 1: [[{ highWatermark: 0 }]], 2: [] });
  const first = add(0, 1);
  add(1, 2);
  add(2, -1);
  follower.go();
  follower.go(); // who is read from already is not asked twice
  await settle();
  assert.deepEqual(asked.toSorted(), ["1", "1", "2"]);
  assert.equal(first.end, 0);
  stop.abort();
  await follower.idle();
});

Deno.test("Follower tells of a partition that has another leader, and reads the others on", async () => {
  const error = ProtocolError.notLeaderOrFollower;
  const { follower, add, asked, lost, stop } = await setUp({
    1: [[{ partition: 0, error }, { partition: 1, highWatermark: 7 }]],
    2: [],
  });
  const [moved, stays] = [add(0, 1), add(1, 1)];
  follower.go();
  await settle();
  assert.deepEqual(lost, [["the broker says NOT_LEADER_OR_FOLLOWER", 0]]);
  assert.deepEqual([moved.leader, stays.leader, stays.end], [-1, 1, 7]);
  moved.leader = 2;
  follower.go();
  await settle();
  assert.deepEqual(asked, ["1", "1", "2"]);
  stop.abort();
  await follower.idle();
});

Deno.test("Follower goes on at the start of a log that begins later", async () => {
  const error = ProtocolError.offsetOutOfRange;
  const { follower, add, lost, stop } = await setUp({ 1: [[{ error, logStartOffset: 40 }]] });
  const partition = add(0, 1, { next: 5 });
  follower.go();
  await settle();
  assert.deepEqual([partition.next, partition.leader, lost], [40, 1, []]);
  stop.abort();
  await follower.idle();
});

Deno.test("Follower asks where a log begins that does not say so", async () => {
  const error = ProtocolError.offsetOutOfRange;
  const { follower, add, lost } = await setUp({ 1: [[{ error, logStartOffset: -1 }]] });
  const partition = add(0, 1, { next: 5 });
  follower.go();
  await follower.idle();
  assert.equal(partition.next, -1);
  assert.deepEqual(lost, [["the broker says OFFSET_OUT_OF_RANGE", 0]]);
});

Deno.test("Follower gives up a broker that does not answer, until it is told who leads", async () => {
  const { follower, add, asked, lost, closed } = await setUp({ 1: [[new KafkaError("kafka.timeout", "no answer")]] });
  const partitions = [add(0, 1), add(1, 1)];
  follower.go();
  await follower.idle();
  assert.deepEqual(lost, [["no answer", undefined]]);
  assert.deepEqual(closed, [1]);
  assert.deepEqual(partitions.map(({ leader }) => leader), [-1, -1]);
  follower.go();
  assert.deepEqual(asked, ["1"]);
});

Deno.test("Follower ends a partition where it is to stop, also when the last records are gone", async () => {
  const { follower, add } = await setUp({ 1: [[{ highWatermark: 9 }]] });
  let ends = 0;
  add(0, 1, { next: 9, stopAt: 12, onEnd: () => void ends++ });
  follower.go();
  await follower.idle();
  assert.deepEqual([ends, follower.partitions], [1, []]);
});
