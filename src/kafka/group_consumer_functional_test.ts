import assert from "node:assert/strict";
import { realClock } from "../clock/mod.ts";
import { committedOffsets, createTopics } from "./admin.ts";
import { KafkaCluster } from "./cluster.ts";
import { newDecompressor } from "./compression.ts";
import { KafkaError } from "./errors.ts";
import { GroupConsumer, type GroupListener } from "./group_consumer.ts";
import { Producer } from "./producer.ts";
import { forEachRecord, readRecordBatches, recordValue } from "./record_batch.ts";
import type { TopicPartition } from "./records_wire.ts";
import { brokerTest, startTestBroker, type TestBroker } from "./testing_broker.ts";

const soon = () => AbortSignal.timeout(90_000);
const decompressor = await newDecompressor();

function clusterOf({ address }: TestBroker): KafkaCluster {
  return new KafkaCluster({ brokers: [address], clientId: "test", clock: realClock, requestTimeoutMs: 10_000 });
}

async function produce(cluster: KafkaCluster, topic: string, values: readonly string[]): Promise<void> {
  const producer = new Producer(cluster);
  const records = values.map((value) => ({ value: new TextEncoder().encode(value), timestampMs: 1 }));
  assert.deepEqual((await producer.send(await producer.prepare(topic, records, soon()), soon())).left, []);
}

/** The values of the next poll, with the position moved behind them. */
async function read(consumer: GroupConsumer): Promise<string[]> {
  const values: string[] = [];
  for (const { topic, partition, position, records } of await consumer.poll(soon())) {
    const { batches, nextOffset } = readRecordBatches(records, decompressor);
    for (const batch of batches) {
      forEachRecord(batch, (record) => {
        if (record.offset >= position) values.push(new TextDecoder().decode(recordValue(record)!));
      });
    }
    consumer.advance(topic, partition, nextOffset!);
  }
  return values;
}

/** A listener that keeps what it is told, and a wait for it. */
function listening(more: Partial<GroupListener> = {}) {
  const told: string[] = [];
  const of = (partitions: readonly TopicPartition[]) => partitions.map(({ partition }) => partition).join();
  const listener: GroupListener = {
    assigned: (partitions) => Promise.resolve(void told.push(`assigned ${of(partitions)}`)),
    revoked: (partitions) => Promise.resolve(void told.push(`revoked ${of(partitions)}`)),
    lost: (partitions) => void told.push(`lost ${of(partitions)}`),
    ...more,
  };
  const until = async (isThere: () => boolean) => {
    for (const end = soon(); !isThere();) {
      assert.ok(!end.aborted, told.join("; "));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { told, listener, until };
}

brokerTest(
  "GroupConsumer starts, goes on, and loses partitions as a group's member does at a real broker",
  async () => {
    await using broker = await startTestBroker({ properties: { "group.min.session.timeout.ms": "1000" } });
    const cluster = clusterOf(broker);
    await createTopics(cluster, [{ name: "t", partitions: 1, replicationFactor: 1 }]);
    await produce(cluster, "t", ["a", "b", "c", "d"]);
    const options = { group: "g", topics: ["t"], start: "earliest", heartbeatMs: 100 } as const;

    { // From the end, where nothing is committed and the options say so.
      const { listener, told, until } = listening();
      await using consumer = new GroupConsumer(cluster, { ...options, group: "late", start: "latest" }, listener);
      await until(() => told.length === 1 && consumer.partitions.length === 1);
      const reading = read(consumer);
      await produce(cluster, "t", ["e"]);
      assert.deepEqual(await reading, ["e"]);
    }
    { // As the listener says.
      const { listener } = listening({
        assigned: () => Promise.resolve([{ topic: "t", partition: 0, offset: 3 }]),
      });
      await using consumer = new GroupConsumer(cluster, { ...options, group: "told" }, listener);
      assert.deepEqual(await read(consumer), ["d", "e"]);
    }
    { // What is in work when the partitions go can still be committed.
      const { listener, told } = listening({
        revoked: async (_partitions, deadline) => {
          assert.equal(deadline.aborted, false);
          await consumer.commit([{ topic: "t", partition: 0, offset: 2, metadata: "m" }]);
          told.push("committed");
        },
      });
      const consumer = new GroupConsumer(cluster, options, listener);
      assert.deepEqual(await read(consumer), ["a", "b", "c", "d", "e"]);
      const idle = consumer.poll(soon());
      await consumer[Symbol.asyncDispose]();
      assert.deepEqual(await idle, []);
      assert.deepEqual(told, ["assigned 0", "committed"]);
      await assert.rejects(consumer.commit([{ topic: "t", partition: 0, offset: 5 }]), KafkaError);
      const [committed] = await committedOffsets(cluster, "g", null);
      assert.deepEqual([committed!.offset, committed!.metadata], [2, "m"]);
    }
    { // A commit that is gone from the log: on with what is left of it, not from the end.
      const range = { partitions: [{ topic: "t", partition: 0, offset: 4 }], version: 1 };
      await Deno.writeTextFile(`${broker.directory}/delete.json`, JSON.stringify(range));
      await broker.tool("org.apache.kafka.tools.DeleteRecordsCommand", ["--offset-json-file", "delete.json"]);
      await using consumer = new GroupConsumer(cluster, { ...options, start: "latest" });
      assert.deepEqual(await read(consumer), ["e"]);
    }
    { // A session that ended while we were silent: the partitions are lost, nothing can be committed, and we join again.
      const { listener, told, until } = listening();
      const own = clusterOf(broker);
      const consumer = new GroupConsumer(
        own,
        { ...options, group: "s", sessionTimeoutMs: 1_000, heartbeatMs: 2_500 },
        listener,
      );
      await until(() => told.includes("lost 0"));
      await until(() => told.filter((text) => text === "assigned 0").length === 2 && consumer.partitions.length === 1);
      assert.deepEqual(told.slice(0, 3), ["assigned 0", "lost 0", "assigned 0"]);
      await consumer[Symbol.asyncDispose]();
      own.close();
    }
    { // A listener that takes longer than a session to find out where to begin: we are a member all the while.
      const { listener, told, until } = listening({
        assigned: async () => {
          await new Promise((resolve) => setTimeout(resolve, 2_500));
          told.push("ready");
        },
      });
      const slow = { ...options, group: "slow", sessionTimeoutMs: 1_000 };
      await using consumer = new GroupConsumer(cluster, slow, listener);
      await until(() => consumer.partitions.length === 1);
      await new Promise((resolve) => setTimeout(resolve, 500)); // several heartbeats
      await consumer.commit([{ topic: "t", partition: 0, offset: 5 }]);
      assert.deepEqual(told, ["ready"]);
    }
    { // The broker goes and comes back: the member does, too.
      const { listener, told, until } = listening();
      const own = clusterOf(broker);
      const consumer = new GroupConsumer(own, { ...options, group: "back" }, listener);
      assert.deepEqual(await read(consumer), ["e"]);
      const reading = read(consumer);
      await broker.stop();
      await until(() => told.includes("lost 0"));
      await broker.start();
      assert.equal((await reading).at(-1), "e"); // nothing was committed
      await consumer[Symbol.asyncDispose]();
      own.close();
    }
    cluster.close();
  },
);
