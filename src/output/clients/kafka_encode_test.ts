import assert from "node:assert/strict";
import { ProtoWriter, toHex } from "../../bytes/mod.ts";
import { Section } from "../../config/mod.ts";
import { BatchBuilder, type BatchKind, type Point, type Span, spanSample } from "../../metric/mod.ts";
import type { Encoder } from "../contract.ts";
import { readKafkaConfig } from "./kafka_config.ts";
import { batchMessages, newKafkaEncoder } from "./kafka_encode.ts";
import { newSpanSampler, spanJson, writeSpan } from "./kafka_span.ts";

const TOPICS = { metric_topic: "m", event_topic: "e", check_topic: "c", span_topic: "s" };

/** The messages of values, with their hashes, as an output with these settings makes them. */
function messagesOf(kind: BatchKind, settings: object, write: (encoder: Encoder, out: BatchBuilder) => unknown[]) {
  const encoder = newKafkaEncoder(readKafkaConfig(Section.of({ ...TOPICS, ...settings })));
  const out = new BatchBuilder(kind, 1_700_000_010);
  write(encoder, out);
  return batchMessages(out.build()).map(({ hash, value }) => ({ hash, text: new TextDecoder().decode(value), value }));
}

function pointTexts(points: readonly Point[], settings: object = {}): string[] {
  return messagesOf(
    "points",
    settings,
    (encoder, out) => points.map((point) => encoder.point!(point, out) && out.endEvent()),
  )
    .map(({ text }) => text);
}

const point: Point = { name: "a.b", type: "gauge", value: 1.5, timestamp: 1_700_000_010, tags: [] };

const points: [point: Partial<Point>, documented: string, v14: string][] = [
  [
    {},
    '{"name":"a.b","timestamp":1700000010,"value":1.5,"tags":[],"type":"gauge"}',
    '{"Name":"a.b","Timestamp":1700000010,"Value":1.5,"Tags":[],"Type":1,"Message":"","HostName":"","Sinks":null}',
  ],
  [
    { type: "rate", value: 0.3, total: 3, interval: 10, tags: ["env:prod", "bare"], host: "web1", device: "sda" },
    '{"name":"a.b","timestamp":1700000010,"value":3,"tags":["env:prod","bare"],"type":"counter","host":"web1","device":"sda"}',
    '{"Name":"a.b","Timestamp":1700000010,"Value":3,"Tags":["env:prod","bare"],"Type":0,"Message":"","HostName":"","Sinks":null}',
  ],
  [
    { type: "count", value: 7, name: 'q"\\\n', tags: ["veneursinkonly:kafka", "host:other", "k:köln"] },
    '{"name":"q\\"\\\\\\n","timestamp":1700000010,"value":7,"tags":["host:other","k:köln"],"type":"counter","host":"other"}',
    '{"Name":"q\\"\\\\\\n","Timestamp":1700000010,"Value":7,"Tags":["host:other","k:köln"],"Type":0,"Message":"","HostName":"","Sinks":null}',
  ],
];
for (const [part, documented, v14] of points) {
  Deno.test(`newKafkaEncoder() writes the point ${JSON.stringify(part)}`, () => {
    assert.deepEqual(pointTexts([{ ...point, ...part }]), [documented]);
    assert.deepEqual(pointTexts([{ ...point, ...part }], { metric_json: "v14" }), [v14]);
    JSON.parse(documented);
    JSON.parse(v14);
  });
}

Deno.test("newKafkaEncoder() leaves out points that JSON has no number for", () => {
  assert.deepEqual(pointTexts([{ ...point, value: NaN }, { ...point, value: -Infinity }]), []);
});

Deno.test("newKafkaEncoder() gives the points of one series one hash, and of others others", () => {
  const series: Partial<Point>[] = [
    {},
    { value: 2, timestamp: 5 },
    { name: "a.c" },
    { tags: ["a"] },
    { tags: ["b"] },
    { host: "h" },
  ];
  const hashes = messagesOf(
    "points",
    {},
    (encoder, out) => series.map((part) => encoder.point!({ ...point, ...part }, out) && out.endEvent()),
  ).map(({ hash }) => hash);
  assert.equal(hashes[0], hashes[1]);
  assert.equal(new Set(hashes).size, series.length - 1);
});

Deno.test("newKafkaEncoder() spreads hashes evenly over few partitions", () => {
  const all = Array.from({ length: 3_000 }, (_, i): Point => ({ ...point, tags: [`shard:${i}`] }));
  const messages = messagesOf(
    "points",
    {},
    (encoder, out) => all.map((one) => encoder.point!(one, out) && out.endEvent()),
  );
  for (const partitions of [2, 3, 8]) {
    const counts = Array(partitions).fill(0);
    for (const { hash } of messages) counts[hash % partitions]++;
    for (const count of counts) assert.ok(Math.abs(count - 3_000 / partitions) < 300, `${counts}`);
  }
});

Deno.test("newKafkaEncoder() writes events and checks as JSON objects", () => {
  const event = { title: "t", text: "x", timestamp: 5, priority: "low", alertType: "info", tags: ["a"] } as const;
  const [first] = messagesOf("events", {}, (encoder, out) => [encoder.event!(event, out), out.endEvent()]);
  assert.deepEqual(JSON.parse(first!.text), {
    kind: "event",
    title: "t",
    text: "x",
    timestamp: 5,
    priority: "low",
    alert_type: "info",
    tags: ["a"],
  });
  const check = { name: "up", status: 2, timestamp: 5, tags: [], message: "m" } as const;
  const [second] = messagesOf("checks", {}, (encoder, out) => [encoder.check!(check, out), out.endEvent()]);
  assert.deepEqual(JSON.parse(second!.text), {
    kind: "check",
    name: "up",
    status: 2,
    timestamp: 5,
    tags: [],
    message: "m",
  });
});

Deno.test("newKafkaEncoder() has a form only for the kinds that have a topic", () => {
  const encoder = newKafkaEncoder(readKafkaConfig(Section.of({ check_topic: "c" })));
  assert.deepEqual(Object.keys(encoder), ["check"]);
});

const span: Span = {
  version: 0,
  traceId: 9_223_372_036_854_775_807n,
  id: 2n,
  parentId: 0n,
  startNs: 1_700_000_000_000_000_001n,
  endNs: 1_700_000_000_000_000_002n,
  error: true,
  service: "svc",
  name: "op",
  indicator: false,
  tags: { a: "b" },
  metrics: [spanSample({ metric: "gauge", name: "m", value: 1.5, unit: "ms", scope: "global" })],
  rootStartNs: 0n,
};

Deno.test("spanJson() has the names of the protobuf and exact numbers, and leaves defaults out", () => {
  assert.equal(
    spanJson(span),
    '{"trace_id":9223372036854775807,"id":2,"start_timestamp":1700000000000000001,"end_timestamp":1700000000000000002' +
      ',"error":true,"service":"svc","metrics":[{"metric":1,"name":"m","value":1.5,"sample_rate":1,"unit":"ms","scope":2}]' +
      ',"tags":{"a":"b"},"name":"op"}',
  );
});

Deno.test("writeSpan() writes the fields of an SSFSpan", () => {
  const writer = new ProtoWriter();
  writeSpan(span, writer);
  assert.equal(
    toHex(writer.view()),
    "10ffffffffffffffff7f" + "1802" + "288180a8b1e39fe7cb17" + "308280a8b1e39fe7cb17" + "3801" + "4203737663" +
      "5215" + "0801" + "12016d" + "1d0000c03f" + "3d0000803f" + "4a026d73" + "5002" +
      "5a06" + "0a0161" + "120162" + "6a026f70",
  );
});

Deno.test("newKafkaEncoder() writes spans as protobuf, or as JSON when told, those of a trace with one hash", () => {
  const encode = (settings: object) =>
    messagesOf(
      "spans",
      settings,
      (encoder, out) => [span, { ...span, id: 3n }].map((one) => encoder.span!(one, out) && out.endEvent()),
    );
  const writer = new ProtoWriter();
  writeSpan(span, writer);
  const [first, second] = encode({});
  assert.deepEqual(first!.value, writer.view());
  assert.equal(first!.hash, second!.hash);
  assert.equal(encode({ span_serialization_format: "json" })[0]!.text, spanJson(span));
});

Deno.test("newSpanSampler() keeps about the share it is told, whole traces, and with a tag only spans that have it", () => {
  const spans = Array.from(
    { length: 10_000 },
    (_, i): Span => ({ ...span, traceId: BigInt(i), tags: { user: `u${i}` } }),
  );
  for (const tag of ["", "user"]) {
    const share = (percent: number) => spans.filter(newSpanSampler({ percent, tag })).length / 100;
    assert.deepEqual([share(0), share(100)], [0, 100]);
    assert.ok(Math.abs(share(25) - 25) < 2);
  }
  const untagged = newSpanSampler({ percent: 100, tag: "missing" });
  assert.equal(spans.some(untagged), false);
  // CRC-32 of "12345" is 0xcbf53a1c: 79.671 % of 2^32 - 1.
  const of = (percent: number) => newSpanSampler({ percent, tag: "" })({ ...span, traceId: 12345n });
  assert.deepEqual([of(79.67), of(79.68)], [false, true]);
});
