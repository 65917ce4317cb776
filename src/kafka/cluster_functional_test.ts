import assert from "node:assert/strict";
import { realClock } from "../clock/mod.ts";
import {
  alterTopics,
  committedOffsets,
  createPartitions,
  createTopics,
  deleteTopics,
  describeTopics,
  listGroups,
  listOffsets,
} from "./admin.ts";
import { KafkaCluster } from "./cluster.ts";
import { COMPRESSIONS, newDecompressor } from "./compression.ts";
import { KafkaError, type KafkaErrorCode } from "./errors.ts";
import { fetchRecords } from "./fetcher.ts";
import { GroupConsumer } from "./group_consumer.ts";
import { type KafkaOptions, SASL_MECHANISMS } from "./options.ts";
import { Producer } from "./producer.ts";
import { protocolErrorName } from "./protocol_errors.ts";
import { forEachRecord, newAbortFilter, readRecordBatches, recordKey, recordValue } from "./record_batch.ts";
import { OffsetAt } from "./records_wire.ts";
import { brokerTest, startTestBroker, TEST_USER, type TestBroker } from "./testing_broker.ts";

/** A guard against a hang. */
const soon = () => AbortSignal.timeout(90_000);
const decoder = new TextDecoder();
const bytesOf = (text: string) => new TextEncoder().encode(text);

function clusterOf(brokers: readonly string[], options: Partial<KafkaOptions> = {}): KafkaCluster & Disposable {
  const cluster = new KafkaCluster({ brokers, clientId: "limier-test", clock: realClock, ...options });
  return Object.assign(cluster, { [Symbol.dispose]: () => cluster.close() });
}

/** The data of a partition as `[offset, key, value]`. */
async function contentOf(cluster: KafkaCluster, topic: string, partition = 0): Promise<unknown[]> {
  const { topics } = await cluster.metadata([topic]);
  const decompressor = await newDecompressor();
  const content: unknown[] = [];
  for (let offset = 0;;) {
    const position = { topic, partition, offset };
    const [fetched] = await fetchRecords(cluster, topics[0]!.partitions[partition]!.leader, [position]);
    assert.equal(fetched!.error, 0);
    const { batches, faults, nextOffset } = readRecordBatches(fetched!.records, decompressor);
    assert.deepEqual(faults, []);
    const isVisible = newAbortFilter(fetched!.aborted);
    for (const batch of batches.filter(isVisible)) {
      const whole = forEachRecord(batch, (record) => {
        const [key, value] = [recordKey(record), recordValue(record)];
        content.push([record.offset, key && decoder.decode(key), value && decoder.decode(value)]);
      });
      assert.ok(whole);
    }
    if (nextOffset === undefined) return content;
    offset = nextOffset;
  }
}

brokerTest("a cluster's topics, offsets, settings and records, at a real broker", async () => {
  await using broker = await startTestBroker();
  using cluster = clusterOf(["127.0.0.1:1", broker.address]); // the first does not answer
  await topicsAndSettings(cluster);
  await records(cluster);
  await repeats(cluster);
  await groups(cluster, broker);
  await offsetsTopic(cluster);
});

async function topicsAndSettings(cluster: KafkaCluster): Promise<void> {
  const made = await createTopics(cluster, [
    { name: "t", partitions: 2, replicationFactor: 1, configs: { "retention.ms": "1000000" } },
    { name: "t/bad", partitions: 1, replicationFactor: 1 },
  ]);
  assert.deepEqual(made.map(({ name, error }) => [name, protocolErrorName(error)]), [
    ["t", "NONE"],
    ["t/bad", "INVALID_TOPIC_EXCEPTION"],
  ]);
  assert.match(made[1]!.message ?? "", /t\/bad/);
  const [again] = await createTopics(cluster, [{ name: "t", partitions: 1, replicationFactor: 1 }]);
  assert.equal(protocolErrorName(again!.error), "TOPIC_ALREADY_EXISTS");
  assert.deepEqual((await createPartitions(cluster, [{ name: "t", partitions: 3 }]))[0]!.error, 0);
  const [fewer] = await createPartitions(cluster, [{ name: "t", partitions: 1 }]);
  assert.equal(protocolErrorName(fewer!.error), "INVALID_PARTITIONS");

  // The brokers hear of what the controller did a moment later.
  const partitionsOf = async () => (await cluster.metadata(["t"])).topics[0]?.partitions.length;
  while (await partitionsOf() !== 3) await new Promise((resolve) => setTimeout(resolve, 20));
  const { topics, brokers, controller, clusterId } = await cluster.metadata(["t", "missing"]);
  assert.deepEqual([brokers.length, controller, clusterId.length > 0], [1, 1, true]);
  const [t, missing] = ["t", "missing"].map((name) => topics.find((topic) => topic.name === name)!);
  assert.deepEqual(t!.partitions.map(({ partition, leader, replicas }) => [partition, leader, replicas]), [
    [0, 1, 1],
    [1, 1, 1],
    [2, 1, 1],
  ]);
  assert.match(t!.id, /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  assert.equal(protocolErrorName(missing!.error), "UNKNOWN_TOPIC_OR_PARTITION");

  const [before] = await describeTopics(cluster, ["t"]);
  assert.deepEqual(before!.settings.get("retention.ms"), { value: "1000000", isOwn: true });
  assert.equal(before!.settings.get("segment.bytes")!.isOwn, false);
  await alterTopics(cluster, [{ name: "t", settings: { "retention.ms": null, "cleanup.policy": "compact" } }]);
  const [after] = await describeTopics(cluster, ["t"]);
  assert.equal(after!.settings.get("retention.ms")!.isOwn, false);
  assert.deepEqual(after!.settings.get("cleanup.policy"), { value: "compact", isOwn: true });
  assert.deepEqual(await deleteTopics(cluster, ["t"]), [{ name: "t", error: 0, message: null }]);
}

async function records(cluster: KafkaCluster): Promise<void> {
  for (const compression of COMPRESSIONS) {
    const topic = `records-${compression}`;
    const producer = new Producer(cluster, { compression, batchBytes: 4_000 });
    const values = Array.from({ length: 500 }, (_, i) => `value ${i} `.repeat(i % 7));
    const outgoing = values.map((value, i) => ({
      key: i % 3 === 0 ? bytesOf(`key ${i}`) : null,
      value: i === 17 ? null : bytesOf(value),
      timestampMs: 1_700_000_000_000 + i,
    }));
    const sent = await producer.send(await producer.prepare(topic, outgoing, soon()), soon());
    assert.deepEqual({ ...sent, rejected: [...sent.rejected] }, { left: [], rejected: [], inDoubt: false });
    const expected = values.map((value, i) => [i, i % 3 === 0 ? `key ${i}` : null, i === 17 ? null : value]);
    assert.deepEqual(await contentOf(cluster, topic), expected, compression);

    const metadata = await cluster.metadata([topic]);
    const ask = (timestampMs: number) => ({ topic, partition: 0, timestampMs });
    const queries = [OffsetAt.earliest, OffsetAt.latest, 1_700_000_000_100, 1_800_000_000_000].map(ask);
    const { answers } = await listOffsets(cluster, metadata, [queries[0]!]);
    const [latest, at, none] = await Promise.all(
      queries.slice(1).map(async (query) => (await listOffsets(cluster, metadata, [query])).answers[0]),
    );
    assert.deepEqual([answers[0]!.offset, latest!.offset, at!.offset, none!.offset], [0, 500, 100, -1]);
    assert.equal(at!.timestampMs, 1_700_000_000_100);
  }
  const producer = new Producer(cluster);
  const large = { value: new Uint8Array(2_000_000), timestampMs: 0 };
  const small = { value: bytesOf("small"), timestampMs: 0 };
  const sent = await producer.send(await producer.prepare("large", [small, large, small], soon()), soon());
  assert.deepEqual([sent.left, [...sent.rejected]], [[], [["too_large", 1]]]);
  assert.equal((await contentOf(cluster, "large")).length, 2);
}

/** A transmission that was sent twice, the first time with an outcome that is not known, is stored once. */
async function repeats(cluster: KafkaCluster): Promise<void> {
  const producer = new Producer(cluster);
  const outgoing = (text: string) => [{ value: bytesOf(text), timestampMs: 1 }];
  const first = await producer.prepare("repeats", outgoing("first"), soon());
  await producer.send(first, soon());
  const second = await producer.prepare("repeats", outgoing("second"), soon());
  const [head] = second.heads;
  await producer.send(second, soon());
  // As if the answer had been lost: the same batch, under the same number.
  second.queues.set(0, [{ ...head!, inDoubt: true }]);
  assert.deepEqual((await producer.send(second, soon())).left, []);
  const third = await producer.prepare("repeats", outgoing("third"), soon());
  assert.deepEqual((await producer.send(third, soon())).left, []);
  assert.deepEqual(await contentOf(cluster, "repeats"), [[0, null, "first"], [1, null, "second"], [2, null, "third"]]);
}

async function groups(cluster: KafkaCluster, broker: TestBroker): Promise<void> {
  await createTopics(cluster, [{ name: "g", partitions: 3, replicationFactor: 1 }]);
  const producer = new Producer(cluster);
  const outgoing = (from: number) =>
    Array.from({ length: 30 }, (_, i) => ({ value: bytesOf(`${from + i}`), timestampMs: 1, hash: i }));
  await producer.send(await producer.prepare("g", outgoing(0), soon()), soon());

  using firstCluster = clusterOf([broker.address]);
  using secondCluster = clusterOf([broker.address]);
  const told: string[] = [];
  const options = { group: "readers", topics: ["g"], start: "earliest", heartbeatMs: 100 } as const;
  const listener = (name: string) => ({
    assigned: (partitions: readonly { partition: number }[]) => {
      told.push(`${name} gets ${partitions.map(({ partition }) => partition)}`);
      return Promise.resolve();
    },
    revoked: (partitions: readonly { partition: number }[]) => {
      told.push(`${name} gives ${partitions.map(({ partition }) => partition)}`);
      return Promise.resolve();
    },
  });
  const seen = new Set<string>();
  const decompressor = await newDecompressor();
  const readUntil = async (consumer: GroupConsumer, count: number) => {
    while (seen.size < count) {
      for (const { topic, partition, records } of await consumer.poll(soon())) {
        const { batches, nextOffset } = readRecordBatches(records, decompressor);
        for (const batch of batches) forEachRecord(batch, (record) => seen.add(decoder.decode(recordValue(record)!)));
        consumer.advance(topic, partition, nextOffset!);
        await consumer.commit([{ topic, partition, offset: nextOffset! }]);
      }
    }
  };
  {
    await using first = new GroupConsumer(firstCluster, options, listener("a"));
    await readUntil(first, 30);
    const { answers } = await listGroups(cluster);
    assert.deepEqual(answers, [
      { group: "readers", protocolType: "consumer", state: "Stable", type: "classic" },
    ]);
    await using second = new GroupConsumer(secondCluster, options, listener("b"));
    for (const end = soon(); second.partitions.length === 0 || first.partitions.length === 3;) {
      assert.ok(!end.aborted);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(first.partitions.length + second.partitions.length, 3);
    await producer.send(await producer.prepare("g", outgoing(100), soon()), soon());
    const stop = new AbortController();
    const both = [first, second].map((consumer) => readUntil(consumer, 60).then(() => stop.abort()));
    await Promise.race(both);
    // The one that has nothing more to read waits in its poll; disposing ends that.
    await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
    seen.add("over");
  }
  assert.equal(seen.size, 61);
  assert.deepEqual(told.slice(0, 2), ["a gets 0,1,2", "a gives 0,1,2"]);
  const committed = await committedOffsets(cluster, "readers", null);
  assert.deepEqual(committed.map(({ partition, offset }) => [partition, offset]).sort(), [[0, 20], [1, 20], [2, 20]]);
  const [never] = await committedOffsets(cluster, "readers", [{ topic: "g", partition: 7 }]);
  assert.equal(never!.offset, -1);

  await using third = new GroupConsumer(firstCluster, options);
  await producer.send(await producer.prepare("g", outgoing(200), soon()), soon());
  seen.clear();
  await readUntil(third, 30); // and nothing that was committed
  assert.ok([...seen].every((text) => Number(text) >= 200));
}

/** Reading the offsets topic takes no group. */
async function offsetsTopic(cluster: KafkaCluster): Promise<void> {
  const { topics } = await cluster.metadata(null);
  const offsets = topics.find(({ name }) => name === "__consumer_offsets");
  assert.deepEqual([offsets?.isInternal, offsets?.partitions.length], [true, 4]);
  const keys: string[] = [];
  for (const { partition } of offsets!.partitions) {
    for (const [, key] of await contentOf(cluster, "__consumer_offsets", partition) as [number, string][]) {
      keys.push(key);
    }
  }
  assert.ok(keys.some((key) => key.includes("readers")));
  assert.deepEqual((await listGroups(cluster)).answers.map(({ group }) => group), ["readers"]);
}

brokerTest("brokers are reached with SASL and TLS, and say clearly why not", async () => {
  await using broker = await startTestBroker({ secure: true });
  const { sasl, saslTls, tls, mutualTls, ca, cert, key } = broker.secure!;
  const wrong = { ...TEST_USER, password: "wrong-secret" };
  for (const mechanism of SASL_MECHANISMS) {
    for (const [address, options] of [[sasl, {}], [saslTls, { tls: { ca } }]] as const) {
      using cluster = clusterOf([address], { ...options, sasl: { mechanism, ...TEST_USER } });
      assert.equal((await cluster.metadata([])).brokers.length, 1, `${mechanism} at ${address}`);
      // The metadata names the same listener, so that the next connection is made in the same way.
      assert.equal((await listGroups(cluster)).failures.length, 0);
    }
  }
  using plain = clusterOf([tls], { tls: { ca } });
  assert.equal((await plain.metadata([])).brokers.length, 1);
  using mutual = clusterOf([mutualTls], { tls: { ca, cert, key } });
  assert.equal((await mutual.metadata([])).brokers.length, 1);
  using unverified = clusterOf([tls], { tls: { skipVerify: true } });
  assert.equal((await unverified.metadata([])).brokers.length, 1);

  const refusals: [what: string, address: string, options: Partial<KafkaOptions>, KafkaErrorCode, RegExp][] = [
    ["wrong password", sasl, { sasl: { mechanism: "SCRAM-SHA-256", ...wrong } }, "kafka.authentication", /credentials/],
    ["wrong plain password", sasl, { sasl: { mechanism: "PLAIN", ...wrong } }, "kafka.authentication", /user alice/],
    ["no authority", tls, { tls: {} }, "kafka.tls", /certificate/],
    ["another name", tls, { tls: { ca, serverName: "example.org" } }, "kafka.tls", /name/],
    ["no certificate of ours", mutualTls, { tls: { ca } }, "kafka.tls", /certificate/],
    ["plain text to TLS", tls, {}, "kafka.tls", /wants TLS/],
    ["TLS to plain text", broker.address, { tls: { ca } }, "kafka.tls", /does not speak TLS/],
    ["no SASL", sasl, {}, "kafka.closed", /SASL/],
    ["nobody there", "127.0.0.1:1", {}, "kafka.connect", /refused/],
    ["no such name", "nowhere.invalid:9092", {}, "kafka.connect", /resolve/],
  ];
  for (const [what, address, options, code, message] of refusals) {
    using cluster = clusterOf([address], { connectTimeoutMs: 5_000, requestTimeoutMs: 5_000, ...options });
    await assert.rejects(cluster.metadata([]), (error) => {
      assert.ok(error instanceof KafkaError, what);
      assert.deepEqual(
        [error.code, message.test(error.message)],
        [code, true],
        `${what}: ${error.message} ${error.cause}`,
      );
      assert.ok(!/secret/.test(Deno.inspect(error)), what);
      return true;
    });
  }
});
