import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { committedOffsets, createTopics, KafkaCluster } from "../../kafka/mod.ts";
import { brokerTest, readTopic, startTestBroker, type TestBroker } from "../../kafka/testing.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { until } from "../../testing/mod.ts";
import { startKafkaSender } from "../inlet/kafka_sender.ts";
import { rawTopic, readFlowKafkaConfig } from "../kafka_config.ts";
import { KAFKA_INPUT } from "../outlet/config.ts";
import { startOutlet } from "../outlet/outlet.ts";
import { KeptRows, parcelOf, workerConfig } from "../outlet/testing.ts";
import type { WorkerConfig } from "../outlet/worker.ts";
import { usualRecords, usualTemplate } from "../sample_datagrams.ts";
import { type BlockValue, ORIGIN_NAMES, resolveSchema } from "../store/mod.ts";
import { v5Datagram } from "../testing.ts";
import { enrichedTopic, readKafkaOutput } from "./config.ts";
import { enrichedMessage } from "./message.ts";
import { messageReader } from "./testing.ts";

const PARTITIONS = 3;
const EXPORTERS = ["192.0.2.1", "192.0.2.2", "198.51.100.3", "2001:db8::4", "192.0.2.5"];
const message = enrichedMessage(resolveSchema().ingested);
const CORE = {
  core: { exporter_classifiers: ['ClassifySite("paris")'] },
  networks: { networks: { "10.0.0.0/8": { name: "lab", country: "FR" } } },
};

type Row = Record<string, BlockValue>;

/** An outlet with threads that hands flows on to a topic of its own. */
async function setup(broker: TestBroker, section: object, more: Partial<WorkerConfig> = {}) {
  const kafkaOutput = readKafkaOutput(Section.of({ enabled: true, brokers: [broker.address], ...section }), undefined);
  const topic = enrichedTopic(kafkaOutput, message);
  const cluster = new KafkaCluster({ brokers: [broker.address], clientId: "test", clock: realClock });
  await createTopics(cluster, [{ name: topic, partitions: PARTITIONS, replicationFactor: 1 }]);
  const reporter = recordingReporter();
  const store = new KeptRows();
  const config = workerConfig({ kafkaOutput, maximumBatchSize: 200, maximumWaitTimeMs: 100, ...more }, CORE);
  const outlet = await startOutlet(config, {
    clock: realClock,
    reporter,
    store: {
      schema: resolveSchema(),
      insert: store.insert.bind(store),
      storedOffsets: store.storedOffsets.bind(store),
      query: () => Promise.resolve(new Uint8Array()), // nothing is under way in the server
    },
    threads: true,
    clientId: "test",
    queueSize: 16,
  });
  return {
    store,
    outlet,
    cluster,
    reporter,
    topic,
    count: (name: string) => reporter.metrics.counter(`limier_outlet_kafkaoutput_${name}_total`, "Counted.").value(),
    async [Symbol.asyncDispose]() {
      await outlet[Symbol.asyncDispose]();
      cluster.close();
    },
  };
}

interface Consumed {
  readonly partition: number;
  readonly key: Uint8Array;
  readonly row: Row;
}

/** Everything that a topic has. */
async function consume(cluster: KafkaCluster, topic: string): Promise<Consumed[]> {
  const read = messageReader(message.proto);
  const records = await readTopic(cluster, topic);
  return records.map(({ partition, key, value }) => ({ partition, key: key!, row: read(value!) }));
}

/** Rows in an order of their own, without where they came from. */
function sorted(rows: readonly Row[]): Row[] {
  return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !ORIGIN_NAMES.includes(name))))
    .toSorted((a, b) => textOf(a) < textOf(b) ? -1 : 1);
}

function textOf(row: Row): string {
  return JSON.stringify(Object.entries(row).toSorted(), (_, value) => typeof value === "bigint" ? `${value}` : value);
}

brokerTest("an Outlet behind Kafka hands on every flow that it stores, keyed by its exporter", async () => {
  await using broker = await startTestBroker();
  const kafka = readFlowKafkaConfig(Section.of({ brokers: [broker.address], load_balance: "by-exporter" }));
  const group = { ...KAFKA_INPUT, group: "g", fetchMinBytes: 1, fetchMaxWaitMs: 50, minWorkers: 2, maxWorkers: 2 };
  const admin = new KafkaCluster({ brokers: [broker.address], clientId: "test", clock: realClock });
  await createTopics(admin, [{ name: rawTopic(kafka), partitions: 2, replicationFactor: 1 }]);
  await using stage = await setup(broker, { load_balance: "by-exporter" }, { kafka, kafkaInput: group });
  const { store, cluster, topic } = stage;
  assert.equal(topic, "flows-enriched-MTDNFXMJ7IXQ2HJUACJ5J5IUOY");
  await until(async () => (await committedOffsets(admin, "g", null).catch(() => [])).length === 2, "a new group");
  const deps = { clock: realClock, reporter: stage.reporter, clientId: "test", maxExporters: 10 };
  const sender = startKafkaSender(kafka, deps);
  for (const from of EXPORTERS) {
    const datagrams = [usualTemplate(9), usualRecords(9, 20, 1), v5Datagram(0, 30), usualRecords(9, 20, 2)];
    await sender.take(parcelOf(datagrams, { from }));
  }
  await sender[Symbol.asyncDispose]();
  const flows = 70 * EXPORTERS.length;
  await until(() => store.rows.length === flows && stage.count("sent_messages") === flows, "all flows at both ends");
  const consumed = await consume(cluster, topic);
  assert.deepEqual(sorted(consumed.map(({ row }) => row)), sorted(store.rows));
  assert.deepEqual(consumed.filter(({ row }) => row.ExporterSite !== "paris" || row.InIfName === undefined), []);
  const places = new Map<string, Set<number>>();
  for (const { key, row, partition } of consumed) {
    const exporter = new TextDecoder().decode(key);
    assert.equal(row.ExporterAddress, exporter);
    places.set(exporter, (places.get(exporter) ?? new Set()).add(partition));
  }
  assert.deepEqual([...places.keys()].toSorted(), EXPORTERS.toSorted());
  assert.ok(places.values().every(({ size }) => size === 1));
  assert.equal(stage.count("dropped_messages"), 0);
  assert.doesNotMatch(stage.reporter.metrics.text(), /^limier_outlet_kafkaoutput_errors_total\{/m);
  admin.close();
});

brokerTest("an Outlet behind an inlet hands flows on, and stores them whatever becomes of that", async () => {
  await using broker = await startTestBroker();
  const stage = await setup(broker, { queue_size: 100, compression_codec: "zstd", shutdown_timeout: "0s" });
  const { store, outlet, cluster, topic } = stage;
  let flows = 0;
  const send = async (datagrams: number) => {
    const payloads = Array.from({ length: datagrams }, () => v5Datagram(flows++ * 30, 30));
    await outlet.sink!.take(parcelOf(payloads));
    await outlet.flush();
  };
  await send(40);
  await until(() => stage.count("sent_messages") === 1200, "the flows at the brokers");
  const consumed = await consume(cluster, topic);
  assert.deepEqual(sorted(consumed.map(({ row }) => row)), sorted(store.rows));
  assert.equal(new Set(consumed.map(({ partition }) => partition)).size, PARTITIONS);
  assert.ok(consumed.every(({ key }) => key.length === 4));
  assert.equal(stage.count("sent_bytes") > 1200 * 50, true);

  broker.pause();
  await send(10); // these may wait
  await send(20); // for these there is no room
  assert.equal(store.rows.length, 2100);
  await until(() => stage.count("dropped_messages") === 600, "what is dropped");
  await send(1);
  await outlet[Symbol.asyncDispose](); // waits for nobody
  assert.equal(store.rows.length, 2130);
  assert.deepEqual([stage.count("dropped_messages"), stage.count("sent_messages")], [930, 1200]);
  broker.resume();
  cluster.close();
});

brokerTest("an Outlet hands flows on again when brokers come back, and not those that they missed", async () => {
  await using broker = await startTestBroker();
  await using stage = await setup(broker, {});
  const { outlet, store, cluster, topic, reporter } = stage;
  const send = async (first: number) => {
    await outlet.sink!.take(parcelOf([v5Datagram(first, 30)]));
    await outlet.flush();
  };
  await broker.stop();
  await send(0);
  assert.equal(store.rows.length, 30);
  const failed = /^limier_outlet_kafkaoutput_errors_total\{error="\w+"\} 30$/m;
  await until(() => failed.test(reporter.metrics.text()), "the failure");
  await broker.start();
  await send(30);
  await until(() => stage.count("sent_messages") === 30, "the flows after it");
  const consumed = await consume(cluster, topic);
  assert.deepEqual(sorted(consumed.map(({ row }) => row)), sorted(store.rows.slice(30)));
});
