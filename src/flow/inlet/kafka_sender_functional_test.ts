import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { createTopics, KafkaCluster, listOffsets, OffsetAt } from "../../kafka/mod.ts";
import { brokerTest, startTestBroker } from "../../kafka/testing.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { parseAddressWords } from "../address.ts";
import { rawTopic, readFlowKafkaConfig } from "../kafka_config.ts";
import { RawFlowEncoder } from "../raw_flow.ts";
import { RAW_FLOW_SETTINGS, v5Datagram } from "../testing.ts";
import { startKafkaSender } from "./kafka_sender.ts";
import { type Parcel, ParcelWriter } from "./parcel.ts";

const SOURCE = new Uint8Array(parseAddressWords("192.0.2.1")!.buffer);

function parcelOf(payload: Uint8Array): Parcel {
  const writer = new ParcelWriter(1_000, payload.length);
  writer.add(new RawFlowEncoder(RAW_FLOW_SETTINGS), 1_700_000_000, payload, 0, payload.length, SOURCE, 0);
  return writer.take();
}

brokerTest("KafkaSender takes a parcel in the very moment in which the one before is done", async () => {
  await using broker = await startTestBroker();
  const kafka = readFlowKafkaConfig(Section.of({ brokers: [broker.address] }));
  const topic = rawTopic(kafka);
  const cluster = new KafkaCluster({ brokers: [broker.address], clientId: "test", clock: realClock });
  await createTopics(cluster, [{ name: topic, partitions: 1, replicationFactor: 1 }]);
  const reporter = recordingReporter();
  await using sender = startKafkaSender(kafka, { clock: realClock, reporter, clientId: "test", maxExporters: 10 });
  for (let i = 0; i < 20; i++) await sender.take(parcelOf(v5Datagram(i, 1)));
  const metadata = await cluster.metadata([topic]);
  const { answers } = await listOffsets(cluster, metadata, [{ topic, partition: 0, timestampMs: OffsetAt.latest }]);
  assert.equal(answers[0]?.offset, 20);
  assert.deepEqual(reporter.lines, []);
  cluster.close();
});
