import assert from "node:assert/strict";
import { ConfigError, Section } from "../config/mod.ts";
import { hasFlow, isSameFlow, readFlowConfig, readFlowScenarioConfig } from "./config.ts";
import { flowSection } from "./effective.ts";
import { clusterOptions, rawTopic } from "./kafka_config.ts";

const LISTEN = { address: "127.0.0.1:2055", decoder: "netflow" };
const STORE = { clickhouse: { servers: ["http://127.0.0.1:8123"] } };
const KAFKA = { brokers: ["127.0.0.1:9092"] };

const OAUTH = { mechanism: "oauth", username: "c", password: "p", oauth_token_url: "https://idp.example/token" };
const withSasl = (keys: object) => ({ kafka: { ...KAFKA, sasl: { ...OAUTH, ...keys } }, outlet: STORE });

const read = (object: object) => readFlowConfig(Section.of(object));

Deno.test("readFlowConfig() fills in what is not written", () => {
  const { inlet, kafka, outlet } = read({ inlet: { listen: [LISTEN] }, outlet: STORE, kafka: KAFKA });
  assert.deepEqual(inlet.listen, [{
    type: "udp",
    address: "127.0.0.1:2055",
    decoder: "netflow",
    timestampSource: "input",
    decapsulation: "none",
    useSourceAddress: false,
    rateLimit: 0,
    workers: 1,
    receiveBufferBytes: 0,
    loadBalancing: "auto",
  }]);
  assert.deepEqual([kafka?.compression, kafka?.queueSize, kafka?.loadBalance], ["lz4", 4096, "random"]);
  assert.equal(kafka === undefined ? "" : rawTopic(kafka), "flows-v5");
  const { kafkaInput } = outlet!;
  assert.deepEqual([kafkaInput.fetchMinBytes, kafkaInput.minWorkers, kafkaInput.maxWorkers], [1_000_000, 1, 8]);
});

Deno.test("readFlowConfig() knows who does what", () => {
  assert.equal(hasFlow(read({})), false);
  assert.equal(read({ inlet: { listen: [LISTEN] }, kafka: KAFKA }).outlet, undefined); // others read from Kafka
  assert.notEqual(read({ kafka: KAFKA, outlet: STORE }).outlet, undefined);
  assert.equal(hasFlow(read({ kafka: KAFKA })), false);
});

const refused: [why: string, section: object, at: RegExp][] = [
  ["an unknown key", { inlett: {} }, /inlett/],
  ["an unknown key of a listener", { inlet: { listen: [{ ...LISTEN, worker: 2 }] }, outlet: STORE }, /worker/],
  ["a listener without a decoder", { inlet: { listen: [{ address: ":2055" }] }, outlet: STORE }, /decoder/],
  ["a listener without an address", { inlet: { listen: [{ decoder: "sflow" }] }, outlet: STORE }, /address/],
  ["257 workers", { inlet: { listen: [{ ...LISTEN, workers: 257 }] }, outlet: STORE }, /workers/],
  ["a file input without files", { inlet: { listen: [{ type: "file", decoder: "sflow" }] }, outlet: STORE }, /paths/],
  ["no store", { inlet: { listen: [LISTEN] } }, /flow\.outlet\.clickhouse\.servers/],
  ["an outlet to which nothing comes", { outlet: STORE }, /nothing comes/],
  ["fewer workers at most than at least", {
    kafka: KAFKA,
    outlet: { ...STORE, kafka_input: { min_workers: 3, max_workers: 2 } },
  }, /max_workers/],
  ["a quick decrease", {
    kafka: KAFKA,
    outlet: { ...STORE, kafka_input: { worker_increase_rate_limit: "1m", worker_decrease_rate_limit: "30s" } },
  }, /worker_decrease_rate_limit/],
  ["a broker that is none", { kafka: { brokers: ["nowhere"] }, outlet: STORE }, /brokers/],
  ["a key without its certificate", { kafka: { ...KAFKA, tls: { enable: true, key_file: "k" } } }, /key_file/],
  ["a name without a mechanism", { kafka: { ...KAFKA, sasl: { username: "alice" } } }, /mechanism/],
  ["a mechanism without a name", { kafka: { ...KAFKA, sasl: { mechanism: "plain" } } }, /username/],
  ["a mechanism that is none", { kafka: { ...KAFKA, sasl: { mechanism: "gssapi" } } }, /scram-sha512.*oauth/],
  ["tokens from nowhere", withSasl({ oauth_token_url: undefined }), /kafka\.sasl\.oauth_token_url.*https/],
  ["tokens for nobody", withSasl({ username: undefined }), /kafka\.sasl\.username/],
  ["tokens without a secret", withSasl({ password: "" }), /kafka\.sasl\.password.*password_file/],
  ["a token URL for a password", withSasl({ mechanism: "plain" }), /kafka\.sasl\.mechanism.*OAUTHBEARER/],
  [
    "a token URL for nobody",
    { kafka: { ...KAFKA, sasl: { oauth_token_url: "https://h/t" } } },
    /sasl\.mechanism.*oauth/,
  ],
  ["scopes for nobody", { kafka: { ...KAFKA, sasl: { oauth_scopes: ["a"] } } }, /sasl\.mechanism.*oauth/],
  ["scopes in one text", withSasl({ oauth_scopes: ["a b"] }), /oauth_scopes/],
  ["an unknown key of sasl", withSasl({ oauth_url: "x" }), /oauth_token_url/],
  ["a state to be shared with nobody", {
    inlet: { listen: [LISTEN] },
    outlet: { ...STORE, flow: { share_state: true } },
  }, /outlet\.flow\.share_state.*flow\.kafka/],
  ["a rule that can't be read", {
    kafka: KAFKA,
    outlet: { ...STORE, core: { exporter_classifiers: ["Classify("] } },
  }, /exporter_classifiers/],
];
for (const [why, section, at] of refused) {
  Deno.test(`readFlowConfig() refuses ${why}`, () => {
    assert.throws(() => read(section), (error) => error instanceof ConfigError && at.test(error.message));
  });
}

Deno.test("readFlowConfig() takes keys of the original's that mean nothing any more", () => {
  const historical = { flush_interval: "1s", flush_bytes: 1000, max_message_bytes: 1000, version: "3.3.1" };
  const { kafka } = read({ inlet: { listen: [{ ...LISTEN, queue_size: 100 }] }, kafka: { ...KAFKA, ...historical } });
  assert.equal(kafka?.topic, "flows");
});

const signedIn: [keys: object, scopes: string[]][] = [
  [{}, []],
  [{ mechanism: "OAUTHBEARER" }, []],
  [{ oauth_scopes: ["a", "b:c"] }, ["a", "b:c"]],
];
for (const [keys, scopes] of signedIn) {
  Deno.test(`readFlowConfig() reads flow.kafka.sasl with tokens and ${JSON.stringify(keys)}`, () => {
    const config = read(withSasl(keys));
    const tokenUrl = "https://idp.example/token";
    const sasl = { mechanism: "OAUTHBEARER", username: "c", password: "p", tokenUrl, scopes } as const;
    assert.deepEqual(config.kafka?.sasl, sasl);
    assert.deepEqual(structuredClone(config.kafka), config.kafka); // it crosses to threads
    assert.deepEqual(read(flowSection(config)!).kafka, config.kafka);
    assert.deepEqual(clusterOptions(config.kafka!, "limier"), { ...KAFKA, clientId: "limier", sasl });
  });
}

Deno.test("flowSection() says the whole section, and can be read again", () => {
  const config = read({
    inlet: { listen: [{ ...LISTEN, workers: 2, receive_buffer: "1MiB" }] },
    kafka: { ...KAFKA, sasl: { mechanism: "scram-sha256", username: "alice", password: "secret" } },
    outlet: { ...STORE, core: { default_sampling_rate: { "192.0.2.0/24": 100 } }, flow: { template_timeout: "1h" } },
  });
  const shown = flowSection(config)!;
  const again = read(shown);
  assert.deepEqual({ ...again, written: undefined }, { ...config, written: undefined });
  assert.equal(flowSection(read({})), null);
});

Deno.test("isSameFlow() compares what is written", () => {
  assert.ok(isSameFlow(read({ kafka: KAFKA }), read({ kafka: KAFKA })));
  assert.ok(!isSameFlow(read({ kafka: KAFKA }), read({})));
});

Deno.test("readFlowScenarioConfig() needs no store", () => {
  assert.equal(readFlowScenarioConfig(Section.of({})).outlet.clickhouse.maximumBatchSize, 50_000);
});
