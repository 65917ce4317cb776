import assert from "node:assert/strict";
import { FakeClock, realClock } from "../clock/mod.ts";
import { KafkaCluster } from "./cluster.ts";
import { BrokerConnection } from "./connection.ts";
import { KafkaError, type KafkaErrorCode } from "./errors.ts";
import { metadataRequest } from "./metadata_wire.ts";
import { listOffsetsRequest } from "./records_wire.ts";
import { Api } from "./request.ts";
import { type Answer, startScripted } from "./testing_scripted_broker.ts";

const OPTIONS = { brokers: ["unused:1"], clientId: "test", clock: realClock, maxResponseBytes: 100_000 };

async function refused(promise: Promise<unknown>, code: KafkaErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof KafkaError, String(error));
    assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
    return true;
  });
}

Deno.test("BrokerConnection refuses a request in a version that the broker does not speak, and says which it does", async () => {
  await using broker = startScripted(() => undefined);
  const connection = await BrokerConnection.open(broker.address, OPTIONS);
  const request = listOffsetsRequest([], "read_committed");
  await refused(connection.request(request), "kafka.unsupported", /list offsets.*speak versions 7 to 9, not version 5/);
  assert.equal(connection.isOpen, true);
  connection.close();
});

const startFaults: [why: string, answer: Answer, code: KafkaErrorCode, message: RegExp][] = [
  [
    "an answer of 2 GB",
    { raw: new Uint8Array([0x7f, 0xff, 0xff, 0xff, 1]) },
    "kafka.protocol",
    /announces.*2147483647/,
  ],
  ["HTTP", { raw: new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n") }, "kafka.protocol", /announces/],
  ["a TLS alert", { raw: new Uint8Array([0x15, 3, 3, 0, 2, 2, 70]) }, "kafka.tls", /wants TLS/],
  ["no answer but the end", "close", "kafka.connect", /closed the connection/],
  ["an answer cut short", { body: new Uint8Array([0, 0, 0, 0, 0, 9]) }, "kafka.connect", /no connection/],
];
for (const [why, answer, code, message] of startFaults) {
  Deno.test(`BrokerConnection.open() refuses ${why}`, async () => {
    await using broker = startScripted(() => answer);
    await refused(BrokerConnection.open(broker.address, OPTIONS), code, message);
  });
}

const laterFaults: [why: string, answer: Answer, code: KafkaErrorCode, message: RegExp][] = [
  ["is cut", "close", "kafka.closed", /read the cluster's metadata.*closed/],
  ["is garbage", { body: new Uint8Array(20).fill(0xfe) }, "kafka.protocol", /can't be read/],
  ["is too short", { body: new Uint8Array([0]) }, "kafka.protocol", /can't be read/],
  ["is too large", { raw: new Uint8Array([0, 2, 0, 0]) }, "kafka.protocol", /announces an answer of 131072 bytes/],
  ["is another's", { raw: new Uint8Array([0, 0, 0, 4, 9, 9, 9, 9]) }, "kafka.closed", /closed/],
];
for (const [why, answer, code, message] of laterFaults) {
  Deno.test(`BrokerConnection.request() fails when its answer ${why}`, async () => {
    await using broker = startScripted((_, index) => index === 0 ? undefined : answer);
    const connection = await BrokerConnection.open(broker.address, OPTIONS);
    await refused(connection.request(metadataRequest(12, [], false)), code, message);
    connection.close();
  });
}

Deno.test("BrokerConnection.request() ends with its time, and closes the connection, whose state nobody knows", async () => {
  const asked = Promise.withResolvers<void>();
  await using broker = startScripted(({ api }) => {
    if (api !== Api.metadata) return undefined;
    asked.resolve();
    return "hang";
  });
  const clock = new FakeClock(0);
  const connection = await BrokerConnection.open(broker.address, { ...OPTIONS, clock, requestTimeoutMs: 1_000 });
  const failing = refused(connection.request(metadataRequest(12, [], false)), "kafka.timeout", /in time/);
  await asked.promise;
  await clock.advance(1_000);
  await failing;
  assert.equal(connection.isOpen, false);
});

Deno.test("BrokerConnection.request() ends when its signal aborts, before and while it waits", async () => {
  const asked = Promise.withResolvers<void>();
  await using broker = startScripted(({ api }) => {
    if (api !== Api.metadata) return undefined;
    asked.resolve();
    return "hang";
  });
  const connection = await BrokerConnection.open(broker.address, OPTIONS);
  const request = metadataRequest(12, [], false);
  await refused(connection.request(request, { signal: AbortSignal.abort() }), "kafka.timeout", /to begin/);
  const stop = new AbortController();
  const failing = refused(connection.request(request, { signal: stop.signal }), "kafka.timeout", /no time left/);
  await asked.promise;
  stop.abort();
  await failing;
  connection.close();
});

Deno.test("KafkaCluster tells of the broker that somebody has to mend, rather than of the one that is gone", async () => {
  await using broker = startScripted(() => ({ raw: new Uint8Array([0x15, 3, 3, 0, 2, 2, 70]) }));
  const brokers = ["127.0.0.1:1", `127.0.0.1:${broker.address.port}`, "127.0.0.1:1"];
  const cluster = new KafkaCluster({ ...OPTIONS, brokers });
  await refused(cluster.metadata([]), "kafka.tls", /wants TLS/);
  cluster.close();
  await refused(cluster.metadata([]), "kafka.connect", /closed/);
});

Deno.test("KafkaCluster refuses brokers that are no addresses", () => {
  for (const brokers of [[], ["nowhere"], ["http://h:1"], ["h:x"]]) {
    assert.throws(() => new KafkaCluster({ ...OPTIONS, brokers }), RangeError);
  }
});

Deno.test("KafkaCluster shows no password", () => {
  const sasl = { mechanism: "PLAIN", username: "u", password: "s3cr3t" } as const;
  assert.ok(!/s3cr3t/.test(Deno.inspect(new KafkaCluster({ ...OPTIONS, sasl }), { depth: 10 })));
});
