import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { createTopics, KafkaCluster } from "../../kafka/mod.ts";
import { brokerTest, readTopic, startTestBroker, TEST_USER } from "../../kafka/testing.ts";
import { type Batch, BatchBuilder, type Point } from "../../metric/mod.ts";
import type { DestinationClient } from "../contract.ts";
import { outputConfig, testDeps } from "../testing.ts";
import { kafka } from "./kafka.ts";
import { openOutput } from "./opened_output.ts";

const TIME = 1_700_000_010;
const point: Point = { name: "lat.max", type: "gauge", value: 100, timestamp: TIME, tags: [] };
const done = (delivered: number) => [{ delivered, rejected: 0, failed: 0 }];
const soon = () => AbortSignal.timeout(60_000);

/** The messages of those partitions of a topic that have any, in order. */
async function messagesOf(address: string, topic: string): Promise<string[][]> {
  const cluster = new KafkaCluster({ brokers: [address], clientId: "test", clock: realClock });
  try {
    const records = await readTopic(cluster, topic);
    const partitions = Map.groupBy(records, ({ partition }) => partition).values();
    return Array.from(partitions, (own) => own.map(({ value }) => new TextDecoder().decode(value!)));
  } finally {
    cluster.close();
  }
}

/** A client as its configuration makes it, and what makes its batches. */
function openClient(settings: Readonly<Record<string, unknown>>, timeoutMs = 30_000) {
  const section = Section.of(settings);
  const own = kafka.readConfig(section);
  const hosts = section.strings("hosts")!;
  const caFile = section.section("tls").string("ca_file");
  const config = outputConfig({ hosts, timeoutMs, own, tls: caFile === undefined ? {} : { caFile } });
  const client = kafka.newClient(hosts[0]!, config, own, testDeps(undefined, realClock));
  const encoder = kafka.newEncoder(own);
  const batchOf = (...points: Point[]): Batch => {
    const builder = new BatchBuilder("points", TIME);
    for (const one of points) if (encoder.point!(one, builder)) builder.endEvent();
    return builder.build();
  };
  return { client, batchOf };
}

const failureOf = async (client: DestinationClient) => {
  try {
    await client.connect(5_000);
  } catch (error) {
    return error;
  }
  return undefined;
};

brokerTest("kafka delivers to a real broker, each message once whatever happens to it", async () => {
  await using broker = await startTestBroker({ properties: { "message.max.bytes": "200000" } });
  const hosts = [broker.address];
  await spread(broker.address);
  for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"]) {
    const { output, flush } = openOutput({ kind: "kafka", hosts, metric_topic: `c-${compression}`, compression });
    await using _ = output;
    const points = Array.from({ length: 1_000 }, (_, i): Point => ({ ...point, value: i }));
    assert.deepEqual(await flush(points, TIME), done(1_000));
    const messages = (await messagesOf(broker.address, `c-${compression}`)).flat().map((text) => JSON.parse(text));
    assert.deepEqual(messages.map(({ value }) => value), points.map(({ value }) => value));
    assert.deepEqual(messages[0], { name: "lat.max", timestamp: TIME, value: 0, tags: [], type: "gauge" });
  }
  for (const acks of ["local", "none"]) {
    const settings = { hosts, metric_topic: `acks-${acks}`, metric_require_acks: acks };
    const { client, batchOf } = openClient(settings);
    await client.connect(30_000);
    assert.deepEqual(await client.publish(batchOf(point, point), soon()), { remaining: null });
    while ((await messagesOf(broker.address, `acks-${acks}`)).flat().length < 2);
    await client.close();
  }
  await tooLarge(broker.address);
  await paused(broker);
  await crashed(broker);
});

/** Twenty thousand points over three partitions: all there, and each series in one of them and in order. */
async function spread(address: string): Promise<void> {
  const cluster = new KafkaCluster({ brokers: [address], clientId: "test", clock: realClock });
  await createTopics(cluster, [{ name: "spread", partitions: 3, replicationFactor: 1 }]);
  cluster.close();
  const { output, flush } = openOutput({ kind: "kafka", hosts: [address], metric_topic: "spread" });
  await using _ = output;
  const points = Array.from({ length: 20_000 }, (_, i): Point => ({ ...point, value: i, tags: [`i:${i % 100}`] }));
  assert.deepEqual(await flush(points, TIME), done(20_000));
  const partitions = await messagesOf(address, "spread");
  assert.equal(partitions.length, 3);
  const seen = new Map<string, { partition: number; last: number }>();
  partitions.forEach((messages, partition) => {
    assert.ok(messages.length > 20_000 / 6);
    for (const message of messages) {
      const { value, tags: [tag] } = JSON.parse(message);
      const { partition: first = partition, last = -1 } = seen.get(tag) ?? {};
      assert.deepEqual([first, value > last], [partition, true]);
      seen.set(tag, { partition, last: value });
    }
  });
  assert.equal(partitions.flat().length, 20_000);
}

/** What the broker refuses for its size is halved, down to the message that it will never take. */
async function tooLarge(address: string): Promise<void> {
  const { client, batchOf } = openClient({ hosts: [address], metric_topic: "large" });
  await client.connect(30_000);
  const long = (name: string, size: number): Point => ({ ...point, name, tags: ["x".repeat(size)] });
  const points = [...Array.from({ length: 8 }, (_, i) => long(`ok${i}`, 90_000)), long("never", 250_000), point];
  const result = await client.publish(batchOf(...points), soon());
  assert.deepEqual(result, { remaining: null, rejected: [{ reason: "too_large", count: 1 }] });
  const names = (await messagesOf(address, "large")).flat().map((text) => JSON.parse(text).name);
  assert.deepEqual(names, [...Array.from({ length: 8 }, (_, i) => `ok${i}`), "lat.max"]);
  await client.close();
}

/** A broker that takes a batch and does not answer in time has it once, when it is published again. */
async function paused(broker: Awaited<ReturnType<typeof startTestBroker>>): Promise<void> {
  const { client, batchOf } = openClient({ hosts: [broker.address], metric_topic: "paused" });
  await client.connect(30_000);
  assert.deepEqual(await client.publish(batchOf({ ...point, name: "before" }), soon()), { remaining: null });
  broker.pause();
  const batch = batchOf({ ...point, name: "a" }, { ...point, name: "b" });
  const first = await client.publish(batch, AbortSignal.timeout(300)); // it lies in the broker's socket
  assert.deepEqual([first.error?.failure, first.error?.label, first.remaining?.ends.length], [
    "ambiguous",
    "timeout",
    2,
  ]);
  assert.equal(client.isConnected, false);
  broker.resume();
  const other = batchOf({ ...point, name: "other" });
  const again = { ...batch, id: 999, bytes: batch.bytes.slice() }; // as if the spool had read it again
  await client.connect(30_000);
  assert.deepEqual(await client.publish(other, soon()), { remaining: null });
  assert.deepEqual(await client.publish(again, soon()), { remaining: null });
  const names = (await messagesOf(broker.address, "paused")).flat().map((text) => JSON.parse(text).name);
  assert.deepEqual(names.toSorted(), ["a", "b", "before", "other"]);
  await client.close();
}

async function crashed(broker: Awaited<ReturnType<typeof startTestBroker>>): Promise<void> {
  const { client, batchOf } = openClient({ hosts: [broker.address], metric_topic: "crashed" });
  await client.connect(30_000);
  await broker.stop("SIGKILL");
  const batch = batchOf(point);
  const { remaining, error } = await client.publish(batch, soon());
  assert.deepEqual([remaining === batch, error?.failure, client.isConnected], [true, "connection", false]);
  assert.match(String(await failureOf(client)), /refused/);
  await broker.start();
  assert.equal(await failureOf(client), undefined);
  assert.deepEqual(await client.publish(batch, soon()), { remaining: null });
  assert.equal((await messagesOf(broker.address, "crashed")).flat().length, 1);
  await client.close();
  assert.equal(client.isConnected, false);
  await client.connect(30_000); // opens it again
  assert.deepEqual(await client.publish(batch, soon()), { remaining: null });
  await client.close();
}

brokerTest("kafka delivers with SASL over TLS, and says which settings to mend", async () => {
  await using broker = await startTestBroker({ secure: true, properties: { "auto.create.topics.enable": "false" } });
  const { saslTls, ca } = broker.secure!;
  const caFile = `${broker.directory}/authority.pem`;
  await Deno.writeTextFile(caFile, ca);
  const settings = {
    kind: "kafka",
    hosts: [saslTls],
    metric_topic: "secure",
    tls: { ca_file: caFile },
    sasl: { mechanism: "SCRAM-SHA-512", ...TEST_USER },
  };
  const cluster = new KafkaCluster({ brokers: [broker.address], clientId: "test", clock: realClock });
  await createTopics(cluster, [{ name: "secure", partitions: 1, replicationFactor: 1 }]);
  cluster.close();
  const { output, flush } = openOutput(settings);
  await using _ = output;
  assert.deepEqual(await flush([point], TIME), done(1));
  assert.equal((await messagesOf(broker.address, "secure")).flat().length, 1);

  const wrong = openClient({ ...settings, sasl: { ...settings.sasl, password: "wrong-secret" }, kind: undefined });
  const refused = await failureOf(wrong.client);
  assert.match(String(refused), /refuses the credentials \(mechanism SCRAM-SHA-512, user alice\)/);
  assert.ok(!/secret/.test(Deno.inspect(refused)) && !/secret/.test(Deno.inspect(wrong.client, { depth: 10 })));

  const missing = openClient({ hosts: [broker.address], metric_topic: "missing" });
  await missing.client.connect(30_000);
  const { error } = await missing.client.publish(missing.batchOf(point), soon());
  assert.deepEqual([error?.failure, error?.label], ["configuration", "UNKNOWN_TOPIC_OR_PARTITION"]);
  await missing.client.close();
});
