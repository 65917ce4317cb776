import assert from "node:assert/strict";
import { FakeClock } from "../clock/mod.ts";
import { until } from "../testing/mod.ts";
import { KafkaCluster } from "./cluster.ts";
import { KafkaError } from "./errors.ts";
import type { KafkaSasl } from "./options.ts";
import { Api } from "./request.ts";
import {
  type Answer,
  type Asked,
  authenticateBody,
  handshakeBody,
  metadataBody,
  SaslApi,
  startScripted,
} from "./testing_scripted_broker.ts";

const TOKENS = { mechanism: "OAUTHBEARER", username: "limier", token: () => Promise.resolve("t0") } as const;

/** A broker that takes everybody for `lifetimeMs`, and a cluster of it. */
function setUp(lifetimeMs: number, onMetadata: (asked: Asked) => Answer | Promise<Answer>, sasl: KafkaSasl = TOKENS) {
  const broker = startScripted((asked) => {
    if (asked.api === SaslApi.handshake) return { body: handshakeBody() };
    if (asked.api === SaslApi.authenticate) return { body: authenticateBody({ lifetimeMs }) };
    return asked.api === Api.metadata ? onMetadata(asked) : undefined;
  });
  const clock = new FakeClock(1_700_000_000_000);
  const brokers = [`127.0.0.1:${broker.address.port}`];
  const cluster = new KafkaCluster({ brokers, clientId: "test", clock, sasl });
  return { broker, clock, cluster };
}

const sessions: [sasl: KafkaSasl, lifetimeMs: number, forMs: number][] = [
  [TOKENS, 10_000, 8_000],
  [TOKENS, 3_600_000, 3_540_000],
  [{ mechanism: "PLAIN", username: "u", password: "p" }, 10_000, 8_000],
  [TOKENS, 90 * 86_400_000, 90 * 86_400_000 - 60_000],
];
for (const [sasl, lifetimeMs, forMs] of sessions) {
  Deno.test(`KafkaCluster uses a session of ${lifetimeMs} ms by ${sasl.mechanism} for ${forMs} ms`, async () => {
    const { broker, clock, cluster } = setUp(lifetimeMs, () => ({ body: metadataBody() }), sasl);
    await using _ = broker;
    await cluster.metadata([]);
    await clock.advance(forMs - 1);
    await cluster.metadata([]);
    assert.equal(broker.connected(), 1);
    await clock.advance(1);
    await Promise.all([cluster.metadata([]), cluster.metadata([])]);
    assert.equal(broker.connected(), 2);
    assert.equal(cluster.reached, 1); // no broker was lost
    await until(() => broker.open() === 1);
    cluster.close();
  });
}

Deno.test("KafkaCluster uses a session without an end for ever", async () => {
  const { broker, clock, cluster } = setUp(0, () => ({ body: metadataBody() }));
  await using _ = broker;
  await cluster.metadata([]);
  await clock.advance(365 * 86_400_000);
  await cluster.metadata([]);
  assert.equal(broker.connected(), 1);
  cluster.close();
});

Deno.test("KafkaCluster lets what is under way finish when a session is over", async () => {
  const late = Promise.withResolvers<Answer>();
  let asked = 0;
  const { broker, clock, cluster } = setUp(10_000, () => ++asked === 1 ? late.promise : { body: metadataBody() });
  await using _ = broker;
  const first = cluster.metadata([]);
  await until(() => asked === 1);
  await clock.advance(8_000);
  await cluster.metadata([]);
  assert.deepEqual([broker.connected(), broker.open()], [2, 2]);
  late.resolve({ body: metadataBody() });
  await first;
  await until(() => broker.open() === 1);
  cluster.close();
});

Deno.test("KafkaCluster.close() ends what is under way in a session that is over", async () => {
  let asked = 0;
  const { broker, clock, cluster } = setUp(10_000, () => ++asked === 1 ? "hang" : { body: metadataBody() });
  await using _ = broker;
  const failing = assert.rejects(cluster.metadata([]), { code: "kafka.closed" });
  await until(() => asked === 1);
  await clock.advance(8_000);
  await cluster.metadata([]);
  cluster.close();
  await failing;
  await until(() => broker.open() === 0);
});

/** A broker that takes the tokens `good` only. */
function startChoosy(good: string) {
  return startScripted(({ api, rest }) => {
    const text = new TextDecoder().decode(rest);
    if (api === SaslApi.handshake) return { body: handshakeBody() };
    if (api === Api.metadata) return { body: metadataBody() };
    if (api !== SaslApi.authenticate) return undefined;
    if (text.endsWith(`n,,\x01auth=Bearer ${good}\x01\x01`)) return { body: authenticateBody({}) };
    if (text.endsWith("\0\0\0\x01\x01")) return { body: authenticateBody({ error: 58 }) };
    return { body: authenticateBody({ text: '{"status":"invalid_token"}' }) };
  });
}

Deno.test("KafkaCluster says that a broker refuses a token, and shows nothing of it", async () => {
  await using broker = startChoosy("good");
  const told: (string | undefined)[] = [];
  const sasl = {
    ...TOKENS,
    token: (refused?: string) => {
      told.push(refused);
      return Promise.resolve("s3cr3t");
    },
  };
  const cluster = new KafkaCluster({
    brokers: [`127.0.0.1:${broker.address.port}`],
    clientId: "test",
    clock: new FakeClock(),
    sasl,
  });
  await assert.rejects(cluster.metadata([]), (error) => {
    assert.ok(error instanceof KafkaError);
    assert.equal(error.code, "kafka.authentication");
    assert.match(
      error.message,
      /refuses the token \(mechanism OAUTHBEARER, client limier\): it says invalid_token; check/,
    );
    assert.doesNotMatch(Deno.inspect(error), /s3cr3t/);
    return true;
  });
  assert.deepEqual([told, broker.connected()], [[undefined, "s3cr3t"], 1]); // no other token: no other try
  cluster.close();
});

Deno.test("KafkaCluster tries once more with another token", async () => {
  await using broker = startChoosy("good");
  const token = (refused?: string) => Promise.resolve(refused === undefined ? "old" : "good");
  const brokers = [`127.0.0.1:${broker.address.port}`];
  const cluster = new KafkaCluster({ brokers, clientId: "test", clock: new FakeClock(), sasl: { ...TOKENS, token } });
  await cluster.metadata([]);
  assert.equal(broker.connected(), 2);
  cluster.close();
});

Deno.test("KafkaCluster connects to no broker without a token", async () => {
  const { broker, cluster } = setUp(0, () => ({ body: metadataBody() }), {
    ...TOKENS,
    token: () => Promise.reject(new KafkaError("kafka.connect", "Cannot get a token")),
  });
  await using _ = broker;
  await assert.rejects(cluster.metadata([]), /Cannot get a token/);
  assert.equal(broker.connected(), 0);
  cluster.close();
});
