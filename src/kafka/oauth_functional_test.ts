import assert from "node:assert/strict";
import { realClock } from "../clock/mod.ts";
import { until } from "../testing/mod.ts";
import { createTopics, listOffsets } from "./admin.ts";
import { KafkaCluster } from "./cluster.ts";
import { newDecompressor } from "./compression.ts";
import { KafkaError } from "./errors.ts";
import { fetchRecords } from "./fetcher.ts";
import type { KafkaSasl, OauthSasl } from "./options.ts";
import { Producer } from "./producer.ts";
import { forEachRecord, readRecordBatches, recordValue } from "./record_batch.ts";
import { OffsetAt } from "./records_wire.ts";
import { brokerTest, startTestBroker, TEST_USER } from "./testing_broker.ts";
import { startTokenServer, unsecuredToken } from "./testing_token_server.ts";

/** A guard against a hang. */
const soon = () => AbortSignal.timeout(90_000);
const nowS = () => Date.now() / 1000;
const tokenFor = (lifetimeS: number) => unsecuredToken({ sub: "limier", iat: nowS() - 100, exp: nowS() + lifetimeS });

const REAUTH_MS = 2_000;

/** Unsecured tokens on the listener with SASL and without TLS, whose sessions by SCRAM-SHA-256 are short. */
const PROPERTIES = {
  "listener.name.sasl.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER",
  "listener.name.sasl.oauthbearer.sasl.jaas.config":
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
  "listener.name.sasl.oauthbearer.sasl.server.callback.handler.class":
    "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler",
  "listener.name.sasl.scram-sha-256.connections.max.reauth.ms": `${REAUTH_MS}`,
  "listener.name.sasl.oauthbearer.connections.max.reauth.ms": `${REAUTH_MS}`,
  // A machine under load is not to lose its one broker meanwhile.
  "broker.session.timeout.ms": "60000",
};

function clusterOf(address: string, sasl: KafkaSasl): KafkaCluster & Disposable {
  const cluster = new KafkaCluster({ brokers: [address], clientId: "limier-test", clock: realClock, sasl });
  return Object.assign(cluster, { [Symbol.dispose]: () => cluster.close() });
}

function oauthOf(tokenUrl: string): OauthSasl {
  return { mechanism: "OAUTHBEARER", username: "limier", password: "s3cr3t", tokenUrl, scopes: ["kafka"] };
}

/** Makes topics of one partition; gives the broker. */
async function newTopics(cluster: KafkaCluster, names: readonly string[]): Promise<number> {
  const made = await createTopics(cluster, names.map((name) => ({ name, partitions: 1, replicationFactor: 1 })));
  assert.ok(made.every(({ error }) => error === 0));
  const queries = names.map((topic) => ({ topic, partition: 0, timestampMs: OffsetAt.latest }));
  await until(async () => {
    const { answers, failures } = await listOffsets(cluster, await cluster.metadata(names), queries);
    return failures.length === 0 && answers.length === names.length && answers.every(({ error }) => error === 0);
  }, "topics that are led");
  return cluster.brokers[0]!;
}

brokerTest("records are sent and read with tokens, at a real broker", async () => {
  await using broker = await startTestBroker({ secure: true, properties: PROPERTIES });
  await using server = startTokenServer(() =>
    Response.json({ access_token: tokenFor(600), token_type: "Bearer", expires_in: 600 })
  );
  using cluster = clusterOf(broker.secure!.sasl, oauthOf(server.url));
  const node = await newTopics(cluster, ["tokens"]);
  const producer = new Producer(cluster, { compression: "lz4" });
  const records = ["a", "b"].map((text) => ({ value: new TextEncoder().encode(text), timestampMs: Date.now() }));
  const { left, error } = await producer.send(await producer.prepare("tokens", records, soon()), soon());
  assert.deepEqual([left, error], [[], undefined]);
  const [fetched] = await fetchRecords(cluster, node, [{ topic: "tokens", partition: 0, offset: 0 }]);
  const values: string[] = [];
  for (const batch of readRecordBatches(fetched!.records, await newDecompressor()).batches) {
    forEachRecord(batch, (record) => values.push(new TextDecoder().decode(recordValue(record)!)));
  }
  assert.deepEqual(values, ["a", "b"]);
  assert.equal(server.asked.length, 1); // for three connections
  assert.equal(server.asked[0]!.form.scope, "kafka");

  const refused: [what: string, token: string][] = [
    ["expired", tokenFor(-60)],
    ["without a subject", unsecuredToken({ exp: nowS() + 60 })],
    ["no token", "garbage"],
  ];
  for (const [what, access_token] of refused) {
    await using wrong = startTokenServer(() => Response.json({ access_token, token_type: "Bearer", expires_in: 60 }));
    using other = clusterOf(broker.secure!.sasl, oauthOf(wrong.url));
    await assert.rejects(other.metadata([]), (error) => {
      assert.ok(error instanceof KafkaError, what);
      assert.equal(error.code, "kafka.authentication", `${what}: ${error.message}`);
      assert.match(error.message, /refuses the token \(mechanism OAUTHBEARER, client limier\): it says invalid_token/);
      assert.ok(!Deno.inspect(error, { depth: 10 }).includes(access_token), what);
      return true;
    });
  }

  // The listener with TLS knows no tokens.
  const { saslTls, ca } = broker.secure!;
  const options = { brokers: [saslTls], clientId: "limier-test", clock: realClock, tls: { ca } };
  const stranger = new KafkaCluster({
    ...options,
    sasl: { mechanism: "OAUTHBEARER", token: () => Promise.resolve("t") },
  });
  await assert.rejects(stranger.metadata([]), { code: "kafka.authentication" });
  stranger.close();
});

brokerTest("work goes on when sessions end, at a real broker", async () => {
  await using broker = await startTestBroker({ secure: true, properties: PROPERTIES });
  await using server = startTokenServer(() =>
    Response.json({ access_token: tokenFor(4), token_type: "Bearer", expires_in: 4 })
  );
  const identities: [topic: string, sasl: KafkaSasl][] = [
    ["by-tokens", oauthOf(server.url)],
    ["by-scram", { mechanism: "SCRAM-SHA-256", ...TEST_USER }],
  ];
  await Promise.all(identities.map(async ([topic, sasl]) => {
    using cluster = clusterOf(broker.secure!.sasl, sasl);
    const node = await newTopics(cluster, [topic, `idle-${topic}`]);
    const producer = new Producer(cluster);
    const endMs = performance.now() + 5 * REAUTH_MS;
    let sent = 0;
    await Promise.all([
      (async () => {
        while (performance.now() < endMs) {
          const records = [{ value: new Uint8Array([sent]), timestampMs: Date.now() }];
          const { left, error } = await producer.send(await producer.prepare(topic, records, soon()), soon());
          assert.deepEqual([left, error], [[], undefined]);
          sent++;
          await cluster.metadata([topic]);
        }
      })(),
      (async () => {
        // Each waits at the broker for longer than what is left of a session.
        while (performance.now() < endMs) {
          const position = { topic: `idle-${topic}`, partition: 0, offset: 0 };
          const [fetched] = await fetchRecords(cluster, node, [position], { maxWaitMs: 1_500 });
          assert.equal(fetched?.error, 0);
        }
      })(),
    ]);
    const query = { topic, partition: 0, timestampMs: OffsetAt.latest };
    const { answers } = await listOffsets(cluster, await cluster.metadata([topic]), [query]);
    assert.equal(answers[0]?.offset, sent);
    assert.equal(cluster.reached, 1);
  }));
  assert.ok(server.asked.length >= 3, `${server.asked.length}`);
});
