import assert from "node:assert/strict";
import { ConfigError, Section } from "../../config/mod.ts";
import { batchOf, forever, outputConfig, testDeps } from "../testing.ts";
import { kafka } from "./kafka.ts";
import { brokerAddress } from "./kafka_config.ts";

const hosts = ["127.0.0.1:9092"];

Deno.test("kafka.readConfig() has a default for every key", () => {
  assert.deepEqual(kafka.readConfig(Section.of({ hosts, metric_topic: "m" })), {
    metricTopic: "m",
    eventTopic: "",
    checkTopic: "",
    spanTopic: "",
    partitioner: "hash",
    metricRequireAcks: "all",
    spanRequireAcks: "all",
    metricJson: "documented",
    spanSerializationFormat: "protobuf",
    spanSampleRatePercent: 100,
    spanSampleTag: "",
    compression: "none",
    batchSizeBytes: 1_000_000,
    clientId: "limier",
    useTls: false,
  });
});

Deno.test("kafka.readConfig() uses TLS when told, or when there is any key of tls", () => {
  const useTls = (settings: object) => kafka.readConfig(Section.of({ hosts, metric_topic: "m", ...settings })).useTls;
  assert.deepEqual([
    useTls({ use_tls: true }),
    useTls({ tls: { ca_file: "/ca" } }),
    useTls({ tls: { ca_file: null } }),
    useTls({ use_tls: false, tls: { ca_file: "/ca" } }),
  ], [true, true, false, false]);
});

const OAUTH = { mechanism: "OAUTHBEARER", username: "c", password: "p", oauth_token_url: "https://idp.example/token" };

const signedIn: [keys: object, sasl: object][] = [
  [{}, { scopes: [] }],
  [{ mechanism: "oauth" }, { scopes: [] }],
  [{ oauth_scopes: ["a", "b:c"] }, { scopes: ["a", "b:c"] }],
  [{ oauth_token_url: "http://127.0.0.1:8080/t?x=1" }, { tokenUrl: "http://127.0.0.1:8080/t?x=1", scopes: [] }],
];
for (const [keys, sasl] of signedIn) {
  Deno.test(`kafka.readConfig() reads sasl with tokens and ${JSON.stringify(keys)}`, () => {
    const read = kafka.readConfig(Section.of({ hosts, metric_topic: "m", sasl: { ...OAUTH, ...keys } }));
    const { mechanism, username, password, oauth_token_url: tokenUrl } = OAUTH;
    assert.deepEqual(read.sasl, { mechanism, username, password, tokenUrl, ...sasl });
  });
}

const refused: [settings: object, message: RegExp][] = [
  [{ metric_topic: "" }, /metric_topic.*event_topic/],
  [{ metric_topic: "a b" }, /metric_topic.*letters/],
  [{ metric_topic: "x".repeat(250) }, /metric_topic/],
  [{ hosts: ["http://h:9092"] }, /hosts.*127\.0\.0\.1:9092/],
  [{ hosts: [":9092"] }, /hosts/],
  [{ hosts: ["h:0"] }, /hosts/],
  [{ partitioner: "murmur" }, /partitioner.*hash or random/],
  [{ metric_require_acks: "1" }, /metric_require_acks.*all, local or none/],
  [{ compression: "br" }, /compression.*gzip/],
  [{ metric_json: "v15" }, /metric_json/],
  [{ span_serialization_format: "avro" }, /span_serialization_format/],
  [{ span_sample_rate_percent: 101 }, /span_sample_rate_percent/],
  [{ batch_size: "1B" }, /batch_size/],
  [{ proxy: "http://p:1" }, /proxy/],
  [{ sasl: { username: "u" } }, /sasl\.password/],
  [{ sasl: { password: "p" } }, /sasl\.username/],
  [{ sasl: { mechanism: "PLAIN" } }, /sasl\.username/],
  [{ sasl: { mechanism: "GSSAPI", username: "u", password: "p" } }, /sasl\.mechanism.*SCRAM-SHA-512/],
  [{ sasl: { user: "u" } }, /sasl\.user.*username/],
  [{ sasl: { ...OAUTH, oauth_token_url: undefined } }, /sasl\.oauth_token_url.*https/],
  [{ sasl: { ...OAUTH, mechanism: undefined } }, /sasl\.mechanism.*OAUTHBEARER/],
  [{ sasl: { ...OAUTH, password: undefined } }, /sasl\.password/],
  [{ sasl: { oauth_scopes: ["a"] } }, /sasl\.username/],
];
for (const [settings, message] of refused) {
  Deno.test(`kafka.readConfig() refuses ${JSON.stringify(settings).slice(0, 80)}`, () => {
    assert.throws(
      () => kafka.readConfig(Section.of({ hosts, metric_topic: "m", ...settings })),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}

const addresses: [text: string, address: string][] = [
  ["h", "h:9092"],
  ["h:1", "h:1"],
  ["10.0.0.1", "10.0.0.1:9092"],
  ["[::1]", "[::1]:9092"],
  ["[::1]:1", "[::1]:1"],
];
for (const [text, address] of addresses) {
  Deno.test(`brokerAddress() of ${text}`, () => assert.equal(brokerAddress(text), address));
}

function clientOf(settings: object) {
  const own = kafka.readConfig(Section.of({ metric_topic: "m", ...settings }));
  return kafka.newClient("127.0.0.1:1", outputConfig({ hosts: ["127.0.0.1:1"] }), own, testDeps());
}

Deno.test("kafka publishes nothing before it is connected, and nothing without a topic", async () => {
  const client = clientOf({});
  const batch = batchOf("points", "\0\0\0\0a");
  const { remaining, error } = await client.publish(batch, forever);
  assert.deepEqual([remaining, error?.failure, client.isConnected], [batch, "connection", false]);
  const events = batchOf("events", "\0\0\0\0a", "\0\0\0\0b");
  assert.deepEqual(await client.publish(events, forever), {
    remaining: null,
    rejected: [{ reason: "no_topic", count: 2 }],
  });
  await client.close();
  await client.close();
});

Deno.test("kafka can't connect where nobody listens, or with a file that is missing, and shows no password", async () => {
  const sasl = { username: "u", password: "s3cr3t" };
  const cases: [settings: object, failure: string, message: RegExp][] = [
    [{ sasl }, "connection", /127\.0\.0\.1:1: it refused/],
    [{ sasl, tls: { ca_file: "/nowhere" }, use_tls: true }, "connection", /refused/], // the common part reads the paths
  ];
  for (const [settings, failure, message] of cases) {
    const client = clientOf(settings);
    await assert.rejects(client.connect(5_000), { failure, message });
    assert.ok(!/s3cr3t/.test(Deno.inspect(client, { depth: 10 })));
    await client.close();
  }
  const own = kafka.readConfig(Section.of({ metric_topic: "m", use_tls: true }));
  const config = outputConfig({ hosts: ["127.0.0.1:1"], tls: { caFile: "/nowhere" } });
  const client = kafka.newClient("127.0.0.1:1", config, own, testDeps());
  await assert.rejects(client.connect(5_000), { failure: "configuration", message: /ca_file \/nowhere/ });
});
