import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { describeTopics, KafkaCluster, Producer } from "../../kafka/mod.ts";
import { brokerTest, startTestBroker, type TestBroker } from "../../kafka/testing.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { until } from "../../testing/mod.ts";
import { readFlowKafkaConfig } from "../kafka_config.ts";
import { DECODER } from "./config.ts";
import { Knowledge } from "./knowledge.ts";
import { KnowledgeTopic, knowledgeTopic } from "./knowledge_topic.ts";
import { lesson, templateIds } from "./testing.ts";

/** What one outlet knows, and what its only worker was told. */
async function outlet(broker: TestBroker) {
  const kafka = readFlowKafkaConfig(Section.of({ brokers: [broker.address] }));
  const reporter = recordingReporter();
  const knowledge = new Knowledge(DECODER, reporter);
  const hear = knowledge.hear.bind(knowledge);
  const topic = new KnowledgeTopic(kafka, { clock: realClock, reporter, clientId: "test", hear });
  await topic.start();
  knowledge.share(topic);
  const told: Record<string, string[]>[] = [];
  knowledge.join("0", (learned) => told.push(templateIds(learned)));
  return {
    kafka,
    knowledge,
    reporter,
    told,
    [Symbol.asyncDispose]: () => topic[Symbol.asyncDispose](),
  };
}

brokerTest(
  "KnowledgeTopic tells outlets what others have learnt, and those that begin what was learnt before",
  async () => {
    await using broker = await startTestBroker();
    await using one = await outlet(broker);
    await using other = await outlet(broker);
    await one.knowledge.take("0", lesson("192.0.2.1", 256));
    await other.knowledge.caughtUp();
    assert.deepEqual(other.told, [{ "192.0.2.1": ["256"] }]);
    await other.knowledge.take("0", lesson("192.0.2.1", 257));
    await other.knowledge.take("0", lesson("2001:db8::1", 300));
    await one.knowledge.caughtUp();
    assert.deepEqual(one.told, [{ "192.0.2.1": ["256", "257"] }, { "2001:db8::1": ["300"] }]); // nothing of its own
    await using late = await outlet(broker);
    assert.deepEqual(late.told, [{ "192.0.2.1": ["256", "257"], "2001:db8::1": ["300"] }]);
    const cluster = new KafkaCluster({ brokers: [broker.address], clientId: "test", clock: realClock });
    const [described] = await describeTopics(cluster, [knowledgeTopic(one.kafka)]);
    assert.equal(described?.settings.get("cleanup.policy")?.value, "compact");
    assert.deepEqual(
      [one, other, late].flatMap(({ reporter }) => reporter.lines.filter(({ level }) => level !== "info")),
      [],
    );
    cluster.close();
  },
);

brokerTest("KnowledgeTopic passes over what it can't read, and goes on when brokers come back", async () => {
  await using broker = await startTestBroker();
  await using one = await outlet(broker);
  const cluster = new KafkaCluster({ brokers: [broker.address], clientId: "test", clock: realClock });
  const producer = new Producer(cluster);
  const texts = ["{", "null", "[]", '{"Version":9,"Decoders":{}}', '{"Version":1,"Decoders":{"router":{}}}'];
  const key = new TextEncoder().encode("192.0.2.9"); // a compacted topic takes none without
  const values = [...texts.map((text) => new TextEncoder().encode(text)), null];
  const records = values.map((value) => ({ key, value, timestampMs: 1 }));
  const signal = AbortSignal.timeout(60_000);
  const sent = await producer.send(await producer.prepare(knowledgeTopic(one.kafka), records, signal), signal);
  assert.deepEqual([sent.left, sent.rejected], [[], new Map()]);
  cluster.close();
  await one.knowledge.caughtUp();
  assert.deepEqual(one.told, []);
  assert.deepEqual(one.reporter.lines.filter(({ level }) => level === "warn").length, 2); // no JSON; and once for the rest
  await broker.stop();
  await one.knowledge.take("0", lesson("192.0.2.1", 256)); // comes to an end without brokers
  assert.ok(one.reporter.lines.some(({ message }) => message.startsWith("Cannot tell other outlets")));
  await broker.start();
  await using other = await outlet(broker);
  await one.knowledge.take("0", lesson("192.0.2.1", 257));
  await until(() => other.told.length > 0, "what was learnt after the brokers had come back");
  assert.deepEqual(other.told, [{ "192.0.2.1": ["256", "257"] }]);
});
