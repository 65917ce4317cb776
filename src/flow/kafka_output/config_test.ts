import assert from "node:assert/strict";
import { ConfigError, Section } from "../../config/mod.ts";
import { readFlowConfig, readFlowScenarioConfig } from "../config.ts";
import { flowSection } from "../effective.ts";
import { readFlowKafkaConfig } from "../kafka_config.ts";
import { enrichedTopic, readKafkaOutput } from "./config.ts";

const OWN = { brokers: ["10.0.0.1:9092"] };
const LOGIN = { mechanism: "scram-sha256", username: "alice", password: "secret" };
const KAFKA = { brokers: ["127.0.0.1:9092"], tls: { enable: true, ca_file: "/ca.pem" }, sasl: LOGIN, topic: "other" };

function read(section: object, kafka?: object) {
  return readKafkaOutput(
    Section.of(section),
    kafka === undefined ? undefined : readFlowKafkaConfig(Section.of(kafka)),
  );
}

Deno.test("readKafkaOutput() is off unless told otherwise, and needs no brokers then", () => {
  const { enabled, brokers, topic, shutdownTimeoutMs } = read({});
  assert.deepEqual([enabled, brokers, topic, shutdownTimeoutMs], [false, [], "flows-enriched", 1_000]);
  assert.equal(read({ topic: "x", brokers: ["b:1"] }).enabled, false);
  assert.equal(read({ enabled: false }, KAFKA).sasl, undefined); // a password is for those who use it
});

Deno.test("readKafkaOutput() fills in what is not written", () => {
  assert.deepEqual(read({ enabled: true, ...OWN }), {
    enabled: true,
    brokers: ["10.0.0.1:9092"],
    topic: "flows-enriched",
    compression: "lz4",
    queueSize: 4096,
    loadBalance: "random",
    managesTopic: true,
    topicConfig: { partitions: 1, replicationFactor: 1, entries: {}, strict: true },
    shutdownTimeoutMs: 1_000,
  });
});

Deno.test("readKafkaOutput() takes what is written", () => {
  const written = {
    enabled: true,
    ...OWN,
    topic: "enriched.v1",
    queue_size: 1,
    load_balance: "by-exporter",
    compression_codec: "zstd",
    shutdown_timeout: "0s",
    manage_topic: false,
    topic_configuration: { num_partitions: 8, replication_factor: 3, config_entries: { "retention.ms": "1000" } },
  };
  const { topic, queueSize, loadBalance, compression, shutdownTimeoutMs, managesTopic, topicConfig } = read(written);
  assert.deepEqual(
    [topic, queueSize, loadBalance, compression, shutdownTimeoutMs, managesTopic],
    ["enriched.v1", 1, "by-exporter", "zstd", 0, false],
  );
  assert.deepEqual(topicConfig, {
    partitions: 8,
    replicationFactor: 3,
    entries: { "retention.ms": "1000" },
    strict: true,
  });
});

Deno.test("readKafkaOutput() means the brokers of flow.kafka, and how one speaks to them", () => {
  const inherited = read({ enabled: true }, KAFKA);
  const { brokers, tls, sasl } = readFlowKafkaConfig(Section.of(KAFKA));
  assert.deepEqual([inherited.brokers, inherited.tls, inherited.sasl], [brokers, tls, sasl]);
  assert.equal(inherited.topic, "flows-enriched");
});

Deno.test("readKafkaOutput() puts its own tls and sasl before those of flow.kafka", () => {
  const other = read({ enabled: true, sasl: { ...LOGIN, username: "bob" } }, KAFKA);
  const bob = { mechanism: "SCRAM-SHA-256", username: "bob", password: "secret" };
  assert.deepEqual([other.sasl, other.tls?.caFile], [bob, "/ca.pem"]);
  const plain = read({ enabled: true, tls: { enable: false }, sasl: { mechanism: "none" } }, KAFKA);
  assert.deepEqual([plain.tls, plain.sasl], [undefined, undefined]);
});

Deno.test("readKafkaOutput() gives no login of flow.kafka to brokers of its own", () => {
  const own = read({ enabled: true, ...OWN }, KAFKA);
  assert.deepEqual([own.brokers, own.tls, own.sasl], [OWN.brokers, undefined, undefined]);
});

const refused: [why: string, section: object, at: RegExp][] = [
  ["no brokers anywhere", { enabled: true }, /brokers.*flow\.kafka/],
  ["an unknown key", { enabled: true, ...OWN, topics: "x" }, /topics.*topic/],
  ["an unknown key where it is off", { queue: 1 }, /queue/],
  ["a word for the flag", { enabled: "maybe" }, /enabled/],
  ["an empty list of brokers", { enabled: true, brokers: [] }, /brokers/],
  ["a broker without a port", { enabled: true, brokers: ["nowhere"] }, /brokers/],
  ["a queue without room", { enabled: true, ...OWN, queue_size: 0 }, /queue_size/],
  ["a balance that there is not", { enabled: true, ...OWN, load_balance: "even" }, /load_balance/],
  ["a codec that there is not", { enabled: true, ...OWN, compression_codec: "brotli" }, /compression_codec/],
  ["a time below none", { enabled: true, ...OWN, shutdown_timeout: "-1s" }, /shutdown_timeout/],
  ["a time without a unit", { enabled: true, ...OWN, shutdown_timeout: "fast" }, /shutdown_timeout/],
  ["a topic of other letters", { enabled: true, ...OWN, topic: "a b" }, /topic/],
  ["no partitions", { enabled: true, ...OWN, topic_configuration: { num_partitions: 0 } }, /num_partitions/],
  ["a mechanism without a name", { enabled: true, ...OWN, sasl: { mechanism: "plain" } }, /username/],
  ["a key without its certificate", { enabled: true, ...OWN, tls: { enable: true, key_file: "k" } }, /key_file/],
];
for (const [why, section, at] of refused) {
  Deno.test(`readKafkaOutput() refuses ${why}`, () => {
    assert.throws(() => read(section), (error) => error instanceof ConfigError && at.test(error.message));
  });
}

const LISTEN = { address: "127.0.0.1:2055", decoder: "netflow" };
const outlet = (kafka_output: object) => ({ clickhouse: { servers: ["http://127.0.0.1:8123"] }, kafka_output });

Deno.test("readFlowConfig() takes an output where datagrams come from the inlet itself", () => {
  const section = { inlet: { listen: [LISTEN] }, outlet: outlet({ enabled: true, ...OWN }) };
  const { kafka, outlet: read } = readFlowConfig(Section.of(section));
  assert.deepEqual([kafka, read?.kafkaOutput.brokers], [undefined, OWN.brokers]);
  assert.throws(
    () => readFlowConfig(Section.of({ ...section, outlet: outlet({ enabled: true }) })),
    /flow\.outlet\.kafka_output\.brokers|kafka_output\.brokers/,
  );
});

Deno.test("readFlowScenarioConfig() hands nothing on, whatever the file says", () => {
  const section = { outlet: { kafka_output: { enabled: true } } };
  assert.equal(readFlowScenarioConfig(Section.of(section)).outlet.kafkaOutput.enabled, false);
});

const shown: [what: string, output: object, kafka?: object][] = [
  ["that is off", {}],
  ["that is off, with brokers of its own", { ...OWN, topic: "x" }],
  ["with brokers of its own", { enabled: true, ...OWN, sasl: LOGIN, shutdown_timeout: "0s" }],
  ["with those of flow.kafka", { enabled: true, load_balance: "by-exporter" }, KAFKA],
  ["without the TLS of flow.kafka", { enabled: true, tls: { enable: false } }, KAFKA],
];
for (const [what, output, kafka] of shown) {
  Deno.test(`flowSection() says an output ${what}, and can be read again`, () => {
    const section = { inlet: { listen: [LISTEN] }, outlet: outlet(output), ...(kafka === undefined ? {} : { kafka }) };
    const config = readFlowConfig(Section.of(section));
    const again = readFlowConfig(Section.of(flowSection(config)!));
    assert.deepEqual(again.outlet?.kafkaOutput, config.outlet?.kafkaOutput);
  });
}

Deno.test("enrichedTopic() has the layout behind its name", () => {
  assert.equal(enrichedTopic({ topic: "flows-enriched" }, { hash: "ABC" }), "flows-enriched-ABC");
});
