import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { committedOffsets, createTopics, KafkaCluster } from "../../kafka/mod.ts";
import { brokerTest, startTestBroker, type TestBroker } from "../../kafka/testing.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { until } from "../../testing/mod.ts";
import { startKafkaSender } from "../inlet/kafka_sender.ts";
import { type FlowKafkaConfig, rawTopic, readFlowKafkaConfig } from "../kafka_config.ts";
import { usualRecords, usualTemplate } from "../sample_datagrams.ts";
import { v5Datagram } from "../testing.ts";
import { alignTopic } from "../topic.ts";
import { KAFKA_INPUT } from "./config.ts";
import { startKafkaWorker } from "./kafka_worker.ts";
import { KeptRows, parcelOf, workerConfig, workerDeps } from "./testing.ts";
import type { WorkerDeps } from "./worker.ts";

const PARTITIONS = 4, FLOWS = 10;

/** A topic of its own at a broker, a sender, and workers of one group with one store. */
async function setup(broker: TestBroker, topic: string, loadBalance = "random") {
  const section = { brokers: [broker.address], topic, load_balance: loadBalance };
  const kafka: FlowKafkaConfig = readFlowKafkaConfig(Section.of(section));
  const cluster = new KafkaCluster({ brokers: [broker.address], clientId: "test", clock: realClock });
  await createTopics(cluster, [{ name: rawTopic(kafka), partitions: PARTITIONS, replicationFactor: 1 }]);
  const reporter = recordingReporter();
  const sender = startKafkaSender(kafka, { clock: realClock, reporter, clientId: "test", maxExporters: 100 });
  const store = new KeptRows();
  const kafkaInput = { ...KAFKA_INPUT, group: topic, fetchMinBytes: 1, fetchMaxWaitMs: 50, sessionTimeoutMs: 6_000 };
  const config = workerConfig({ kafkaInput, maximumBatchSize: 500, maximumWaitTimeMs: 300 });
  const start = (name: string, more: Partial<WorkerDeps> = {}) =>
    startKafkaWorker({ ...config, kafka }, { ...workerDeps(store, { name, reporter, ...more }), clientId: name });
  const committed = async () =>
    (await committedOffsets(cluster, topic, null).catch(() => [])).filter(({ offset }) => offset >= 0);
  let sent = 0;
  return {
    store,
    start,
    committed,
    cluster,
    reporter,
    /** Sends datagrams whose flows are all different. */
    async send(datagrams: number) {
      const payloads = Array.from({ length: datagrams }, () => v5Datagram(FLOWS * sent++, FLOWS));
      await sender.take(parcelOf(payloads));
    },
    /** Sends a datagram as it is. */
    sendOne: (payload: Uint8Array) => sender.take(parcelOf([payload])),
    get flows() {
      return sent * FLOWS;
    },
    async [Symbol.asyncDispose]() {
      await sender[Symbol.asyncDispose]();
      cluster.close();
    },
  };
}

/** Every flow is in the store, and none of them twice. */
function assertOnce(store: KeptRows, flows: number): void {
  const seen = new Set(store.rows.map(({ SrcAddr }) => SrcAddr));
  assert.deepEqual({ rows: store.rows.length, different: seen.size }, { rows: flows, different: flows });
}

brokerTest("KafkaWorkers that come and go in mid-batch store every flow once", async () => {
  await using broker = await startTestBroker();
  await using stage = await setup(broker, "rebalance");
  const { store, start, committed } = stage;
  const first = await start("first");
  await until(async () => (await committed()).length === PARTITIONS, "the beginning of a new group");
  await stage.send(200);
  const second = await start("second");
  for (let i = 0; i < 20; i++) await stage.send(20); // while partitions change hands
  await until(() => store.rows.length >= stage.flows, "the flows of two workers");
  const slow = Promise.withResolvers<void>();
  store.gate = slow.promise;
  await stage.send(100);
  const third = await start("third"); // what the others have is waiting for the store
  await stage.send(100);
  slow.resolve();
  await first[Symbol.asyncDispose]();
  await stage.send(100);
  await until(() => store.rows.length >= stage.flows, "the flows of those that are left");
  await second[Symbol.asyncDispose]();
  await third[Symbol.asyncDispose]();
  assertOnce(store, stage.flows);
  const total = (await committed()).reduce((sum, { offset }) => sum + offset, 0);
  assert.equal(total, stage.flows / FLOWS);
});

brokerTest("a KafkaWorker begins behind what is stored, when its commit was lost", async () => {
  await using broker = await startTestBroker();
  await using stage = await setup(broker, "stored");
  const { store, start, committed, cluster } = stage;
  const first = await start("first");
  await until(async () => (await committed()).length === PARTITIONS, "the beginning of a new group");
  await stage.send(50);
  await until(() => store.rows.length === stage.flows, "the flows");
  await first[Symbol.asyncDispose]();
  // As if nobody had ever committed.
  const back = new Map((await committed()).map(({ partition }) => [partition, 0]));
  await broker.tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", [
    ...["--group", "stored", "--topic", "stored-v5", "--reset-offsets", "--to-offset", "0", "--execute"],
  ]);
  assert.equal(
    (await committedOffsets(cluster, "stored", null)).filter(({ offset }) => offset === 0).length,
    back.size,
  );
  const second = await start("second");
  await stage.send(10);
  await until(() => store.rows.length >= stage.flows, "the new flows");
  await second[Symbol.asyncDispose]();
  assertOnce(store, stage.flows);
});

brokerTest("a KafkaWorker stores nothing before the templates it was read with are kept", async () => {
  await using broker = await startTestBroker();
  await using stage = await setup(broker, "kept", "by-exporter");
  const { store, start, committed, sendOne } = stage;
  const order: string[] = [];
  const worker = await start("only", {
    store: {
      storedOffsets: () => store.storedOffsets(),
      insert(block, signal) {
        order.push("stored");
        return store.insert(block, signal);
      },
    },
    async remember() {
      await new Promise((resolve) => setTimeout(resolve, 1_000)); // longer than rows wait for a batch
      order.push("kept");
    },
  });
  await until(async () => (await committed()).length === PARTITIONS, "the beginning of a new group");
  await sendOne(usualTemplate(9));
  await sendOne(usualRecords(9, 5, 0));
  await until(() => store.rows.length === 5, "the rows");
  await worker[Symbol.asyncDispose]();
  assert.deepEqual(order, ["kept", "stored"]);
});

brokerTest("alignTopic() makes a topic, adds partitions, and aligns its settings", async () => {
  await using broker = await startTestBroker();
  const cluster = new KafkaCluster({ brokers: [broker.address], clientId: "test", clock: realClock });
  const reporter = recordingReporter();
  const partitions = async () => (await cluster.metadata(["t"])).topics[0]?.partitions.length;
  const entries = { "retention.ms": "3600000" };
  const config = { partitions: 2, replicationFactor: 1, entries, strict: true };
  await alignTopic(cluster, "t", config, reporter);
  await until(async () => await partitions() === 2, "the topic");
  await alignTopic(cluster, "t", { ...config, partitions: 3, entries: { "cleanup.policy": "delete" } }, reporter);
  await until(async () => await partitions() === 3, "the partition");
  await alignTopic(cluster, "t", { ...config, partitions: 1 }, reporter);
  assert.equal(await partitions(), 3);
  const said = reporter.lines.map(({ level, fields }) => [level, fields?.set, fields?.remove]);
  assert.deepEqual(said, [
    ["info", undefined, undefined],
    ["info", undefined, undefined],
    ["info", ["cleanup.policy"], ["retention.ms"]],
    ["warn", undefined, undefined],
    ["info", ["retention.ms"], ["cleanup.policy"]],
  ]);
  cluster.close();
});
