import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { committedOffsets, createTopics, KafkaCluster } from "../../kafka/mod.ts";
import { brokerTest, startTestBroker, type TestBroker } from "../../kafka/testing.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { until } from "../../testing/mod.ts";
import { startKafkaSender } from "../inlet/kafka_sender.ts";
import { rawTopic, readFlowKafkaConfig } from "../kafka_config.ts";
import { usualRecords, usualTemplate } from "../sample_datagrams.ts";
import { resolveSchema } from "../store/mod.ts";
import { DECODER, KAFKA_INPUT, type KafkaInputConfig } from "./config.ts";
import { startOutlet } from "./outlet.ts";
import { KeptRows, parcelOf, workerConfig } from "./testing.ts";

const PARTITIONS = 4, FLOWS = 10;
const EXPORTERS = Array.from({ length: 12 }, (_, i) => `192.0.2.${i + 1}`);

/** An outlet with threads behind a topic of its own, and what sends to that. */
async function setup(
  broker: TestBroker,
  topic: string,
  { loadBalance, kafkaInput, shareState = false }: {
    readonly loadBalance: string;
    readonly kafkaInput: Partial<KafkaInputConfig>;
    readonly shareState?: boolean;
  },
) {
  const kafka = readFlowKafkaConfig(Section.of({ brokers: [broker.address], topic, load_balance: loadBalance }));
  const cluster = new KafkaCluster({ brokers: [broker.address], clientId: "test", clock: realClock });
  await createTopics(cluster, [{ name: rawTopic(kafka), partitions: PARTITIONS, replicationFactor: 1 }]);
  const reporter = recordingReporter();
  const deps = { clock: realClock, reporter, clientId: "test" };
  const sender = startKafkaSender(kafka, { ...deps, maxExporters: 100 });
  const store = new KeptRows();
  const config = workerConfig({
    kafka,
    decoder: { ...DECODER, shareState },
    kafkaInput: { ...KAFKA_INPUT, group: topic, fetchMinBytes: 1, fetchMaxWaitMs: 50, ...kafkaInput },
    maximumBatchSize: 50,
    maximumWaitTimeMs: 100,
  });
  const outletStore = {
    schema: resolveSchema(),
    insert: store.insert.bind(store),
    storedOffsets: store.storedOffsets.bind(store),
    query: () => Promise.resolve(new Uint8Array()), // nothing is under way in the server
  };
  const start = () => startOutlet(config, { ...deps, store: outletStore, threads: true, queueSize: 16 });
  const outlet = await start();
  await until(
    async () => (await committedOffsets(cluster, topic, null).catch(() => [])).length === PARTITIONS,
    "the beginning of a new group",
  );
  let seed = 0, flows = 0;
  return {
    store,
    outlet,
    reporter,
    /** Starts another outlet of the group. */
    start,
    get flows() {
      return flows;
    },
    async announce(exporters: readonly string[]) {
      for (const from of exporters) await sender.take(parcelOf([usualTemplate(9)], { from }));
    },
    async send(exporters: readonly string[], datagrams: number) {
      for (const from of exporters) {
        const payloads = Array.from({ length: datagrams }, () => usualRecords(9, FLOWS, seed++));
        flows += FLOWS * datagrams;
        await sender.take(parcelOf(payloads, { from }));
      }
    },
    async [Symbol.asyncDispose]() {
      await sender[Symbol.asyncDispose]();
      await outlet[Symbol.asyncDispose]();
      cluster.close();
    },
  };
}

brokerTest("an Outlet's workers that come later know the templates of the partitions they get", async () => {
  await using broker = await startTestBroker();
  await using stage = await setup(broker, "grows", {
    loadBalance: "by-exporter",
    kafkaInput: { minWorkers: 1, maxWorkers: PARTITIONS, increaseMs: 100, decreaseMs: 1e9 },
  });
  const { store, outlet } = stage;
  await stage.announce(EXPORTERS);
  await stage.send(EXPORTERS, 1);
  await until(() => store.rows.length === stage.flows, "the flows of one worker");
  while (outlet.workers < PARTITIONS) { // full batches call for more workers
    await stage.send(EXPORTERS, 20);
    await until(() => store.rows.length >= stage.flows, "all flows while workers come");
  }
  await stage.send(EXPORTERS, 20);
  await until(() => store.rows.length >= stage.flows, "all flows of all workers");
  assert.equal(store.rows.length, stage.flows);
});

brokerTest("an Outlet's workers tell each other templates that one of them gets", async () => {
  await using broker = await startTestBroker();
  await using stage = await setup(broker, "spread", {
    loadBalance: "random",
    kafkaInput: { minWorkers: PARTITIONS, maxWorkers: PARTITIONS },
  });
  const exporter = EXPORTERS.slice(0, 1);
  await stage.announce(exporter); // once, to some partition
  const seen = new Set<unknown>();
  await until(async () => {
    await stage.send(exporter, 8);
    for (const { KafkaPartition } of stage.store.rows) seen.add(KafkaPartition ?? 0);
    return seen.size === PARTITIONS;
  }, "rows from every partition");
  assert.equal(stage.outlet.workers, PARTITIONS);
});

brokerTest("an Outlet knows what others of its group had been told, also those that are gone", async () => {
  await using broker = await startTestBroker();
  await using stage = await setup(broker, "shared", {
    loadBalance: "by-exporter",
    kafkaInput: { minWorkers: 1, maxWorkers: 1 },
    shareState: true,
  });
  const { store, reporter } = stage;
  await stage.announce(EXPORTERS);
  await stage.send(EXPORTERS, 1);
  await until(() => store.rows.length === stage.flows, "the flows of the first outlet");
  {
    await using _second = await stage.start();
    for (let i = 0; i < 20; i++) await stage.send(EXPORTERS, 1); // while partitions change hands
    await until(() => store.rows.length >= stage.flows, "the flows of two outlets");
    await stage.outlet[Symbol.asyncDispose]();
    await stage.send(EXPORTERS, 1);
    await until(() => store.rows.length >= stage.flows, "the flows of the outlet that is left");
  }
  await using _third = await stage.start(); // with nobody left to ask
  await stage.send(EXPORTERS, 1);
  await until(() => store.rows.length >= stage.flows, "the flows of an outlet that begins");
  assert.equal(store.rows.length, stage.flows);
  const troubles = reporter.lines.filter(({ message }) => /templates may be missing|Cannot tell other/.test(message));
  assert.deepEqual(troubles, []);
});
