import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { realClock } from "../../src/clock/mod.ts";
import { KafkaCluster } from "../../src/kafka/mod.ts";
import { brokerTest, readTopic, startTestBroker } from "../../src/kafka/testing.ts";
import { decodeSpan, encodeSpan, isWireError } from "../../src/statsd/mod.ts";
import { sendUdp } from "./limier.ts";

type Message = Record<string, unknown>;

/** The values of all records of a topic that are there so far. */
async function valuesOf(address: string, topic: string): Promise<Uint8Array[]> {
  const cluster = new KafkaCluster({ brokers: [address], clientId: "test", clock: realClock });
  try {
    return (await readTopic(cluster, topic)).map(({ value }) => value!);
  } finally {
    cluster.close();
  }
}

async function messagesOf(address: string, topic: string): Promise<Message[]> {
  return (await valuesOf(address, topic)).map((value) => JSON.parse(new TextDecoder().decode(value)));
}

/** A guard against a hang. */
const PATIENCE_MS = 90_000;

/** Messages of a topic, once `isThere` says so of them. */
async function onceThere(address: string, topic: string, isThere: (all: Message[]) => boolean): Promise<Message[]> {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const messages = await messagesOf(address, topic);
    if (isThere(messages)) return messages;
    assert.ok(performance.now() < endMs, `${topic}: ${JSON.stringify(messages)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const isNamed = (name: string) => (message: Message) => message.name === name;

/** Waits until the agent has counted so many events of an output as the counter says. */
async function onceCounted(agent: AgentProcess, counter: string, isEnough: (sum: number) => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const metrics = Object.entries(await agent.metrics());
    const own = metrics.filter(([name]) => name.startsWith(`${counter}{`) && name.includes('output="kafka"'));
    const sum = own.reduce((total, [, value]) => total + value, 0);
    if (isEnough(sum)) return;
    assert.ok(performance.now() < endMs, `${counter} is ${sum}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

brokerTest("an agent delivers points, events and checks to a real Kafka, which may go and come back", async () => {
  await using broker = await startTestBroker();
  const config = `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "127.0.0.1:0", interval: 1s, hostname: box, aggregates: [max, count], percentiles: [] }
outputs:
  - name: kafka
    kind: kafka
    hosts: ["127.0.0.1:1", "${broker.address}"]
    metric_topic: metrics
    event_topic: events
    check_topic: checks
    compression: lz4
    timeout: 5s
    max_retries: -1
    backoff: { init: 100ms, max: 500ms }
`;
  await using agent = await startAgentProcess({ config });
  const udp = agent.port("udp");
  await sendUdp(udp, [
    "hits:2|c|#env:prod\nhits:3|c|@0.5|#env:prod\ntemp:4.5|g\nlat:1:7:3|h",
    "_e{5,4}:title|text|#a:b",
    "_sc|up|1|m:slow",
  ]);
  const points = await onceThere(
    broker.address,
    "metrics",
    (all) => ["hits", "temp", "lat.max"].every((name) => all.some(isNamed(name))),
  );
  const pick = (name: string) => {
    const { timestamp, ...point } = points.find(isNamed(name))!;
    assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 120);
    return point;
  };
  assert.deepEqual(pick("hits"), { name: "hits", value: 8, tags: ["env:prod"], type: "counter", host: "box" });
  assert.deepEqual(pick("temp"), { name: "temp", value: 4.5, tags: [], type: "gauge", host: "box" });
  assert.deepEqual(pick("lat.max"), { name: "lat.max", value: 7, tags: [], type: "gauge", host: "box" });
  const [event] = await onceThere(broker.address, "events", (all) => all.length > 0);
  assert.deepEqual([event!.title, event!.text, event!.tags, event!.host], ["title", "text", ["a:b"], "box"]);
  const [check] = await onceThere(broker.address, "checks", (all) => all.length > 0);
  assert.deepEqual([check!.name, check!.status, check!.message], ["up", 1, "slow"]);

  await broker.stop("SIGKILL");
  await sendUdp(udp, ["while.down:1|c"]);
  await onceCounted(agent, "limier_events_retried_total", (sum) => sum > 0);
  await broker.start();
  await sendUdp(udp, ["after:1|c"]);
  const after = await onceThere(broker.address, "metrics", (all) => all.some(isNamed("after")));
  // What was there before the crash is there, and nothing of it twice.
  assert.equal(after.filter(isNamed("hits")).length, points.filter(isNamed("hits")).length);
  assert.equal((await agent.stop()).code, 0);
});

brokerTest("an agent delivers spans to a real Kafka, as protobuf and as JSON", async () => {
  await using broker = await startTestBroker();
  const config = `
http: { address: "127.0.0.1:0" }
statsd: { ssf_listen_addresses: ["udp://127.0.0.1:0"], interval: 1s, hostname: box }
outputs:
  - { name: kafka, kind: kafka, hosts: ["${broker.address}"], span_topic: spans, sends: [spans] }
  - { name: json, kind: kafka, hosts: ["${broker.address}"], span_topic: text, span_serialization_format: json, sends: [spans] }
`;
  await using agent = await startAgentProcess({ config });
  const span = {
    version: 0,
    rootStartNs: 0n,
    traceId: 5n,
    id: 7n,
    parentId: 5n,
    startNs: 1_700_000_000_000_000_000n,
    endNs: 1_700_000_001_000_000_000n,
    error: true,
    service: "web",
    name: "GET",
    indicator: false,
    tags: { env: "prod" },
    metrics: [],
  };
  await sendUdp(agent.port("udp"), [encodeSpan(span)]);
  let values: Uint8Array[] = [];
  for (const endMs = performance.now() + PATIENCE_MS; values.length === 0;) {
    assert.ok(performance.now() < endMs, "no span arrives");
    values = await valuesOf(broker.address, "spans");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const read = decodeSpan(values[0]!);
  assert.ok(!isWireError(read));
  assert.deepEqual([read.span.traceId, read.span.id, read.span.service, read.span.name, read.span.error], [
    5n,
    7n,
    "web",
    "GET",
    true,
  ]);
  const [text] = await onceThere(broker.address, "text", (all) => all.length > 0);
  assert.match(JSON.stringify(text), /"GET"/);
  assert.equal((await agent.stop()).code, 0);
});

brokerTest("limier run --veneur takes Veneur's Kafka keys", async () => {
  await using broker = await startTestBroker();
  const config = `
interval: 1s
udp_address: 127.0.0.1:0
http_address: 127.0.0.1:0
kafka_broker: "${broker.address}"
kafka_metric_topic: veneur_metrics
kafka_partitioner: random
kafka_metric_require_acks: local
`;
  await using agent = await startAgentProcess({ config, args: (path) => ["run", "--veneur", "-f", path] });
  await sendUdp(agent.port("udp"), ["old:1|c|#a:b"]);
  const [first] = (await onceThere(broker.address, "veneur_metrics", (all) => all.some(isNamed("old")))).filter(
    isNamed("old"),
  );
  assert.deepEqual([first!.value, first!.tags, first!.type], [1, ["a:b"], "counter"]);
  assert.deepEqual(agent.log.filter(({ level }) => level === "warn"), []);
  assert.equal((await agent.stop()).code, 0);
});
