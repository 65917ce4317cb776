import assert from "node:assert/strict";
import type { Span } from "../../metric/mod.ts";
import { batchOf } from "../testing.ts";
import { datadogSpan, type TraceFormat, tracesBody } from "./datadog_spans.ts";

const SPAN: Span = {
  version: 0,
  traceId: 884671344597019736n,
  id: 884671344597019737n,
  parentId: 0n,
  startNs: 1700000010000000001n,
  endNs: 1700000010001500001n,
  error: true,
  service: "web",
  name: "",
  indicator: false,
  tags: { resource: "GET /", k: 'v"' },
  metrics: [],
  rootStartNs: 0n,
};
const IDS = '{"trace_id":884671344597019736,"span_id":884671344597019737';
const TIMES = '"start":1700000010000000001,"duration":1500000';
const LEGACY: Partial<Span> = { legacy: true, resource: "GET /", tags: { a: "1" }, name: "web.get" };

const spans: [what: string, format: TraceFormat, changes: Partial<Span>, json: string][] = [
  [
    "64-bit ids exactly",
    "traces",
    {},
    `${IDS},"service":"web","name":"unknown","resource":"GET /",${TIMES},"type":"web","error":2,"meta":{"k":"v\\""},"metrics":null}`,
  ],
  [
    "a child without a resource",
    "traces",
    { parentId: 5n, error: false, name: "n", tags: {} },
    `${IDS},"parent_id":5,"service":"web","name":"n","resource":"unknown",${TIMES},"type":"web","error":0,"meta":{},"metrics":null}`,
  ],
  [
    "no parent below zero, and ids below zero by their bits",
    "traces",
    { traceId: -1n, id: -(2n ** 63n), parentId: -1n, tags: { resource: "" } },
    `{"trace_id":18446744073709551615,"span_id":9223372036854775808,"service":"web","name":"unknown","resource":"unknown",${TIMES},"type":"web","error":2,"meta":{},"metrics":null}`,
  ],
  [
    "a span of 2017",
    "traces",
    { ...LEGACY, legacyStatus: 1 },
    `${IDS},"service":"web","name":"web.get","resource":"GET /",${TIMES},"type":"web","error":2,"meta":{"a":"1"},"metrics":null}`,
  ],
  [
    "a span of 2017 as it was then",
    "spans",
    { ...LEGACY, legacyStatus: 3 },
    `${IDS},"service":"web","name":"web.get","resource":"GET /",${TIMES},"type":"http","error":3,"meta":{"a":"1"},"metrics":null}`,
  ],
  [
    "a span of 2017 with a status that is none",
    "spans",
    { ...LEGACY },
    `${IDS},"service":"web","name":"web.get","resource":"GET /",${TIMES},"type":"http","error":2,"meta":{"a":"1"},"metrics":null}`,
  ],
  [
    "no resource, in the form of 2017",
    "spans",
    { tags: {}, error: false },
    `${IDS},"service":"web","name":"unknown",${TIMES},"type":"http","error":0,"meta":{},"metrics":null}`,
  ],
];
for (const [what, format, changes, json] of spans) {
  Deno.test(`datadogSpan() writes ${what}`, () => assert.equal(datadogSpan({ ...SPAN, ...changes }, format), json));
}

Deno.test("tracesBody() puts the spans of a trace together, in the order of their first", () => {
  const body = (...events: string[]) => new TextDecoder().decode(tracesBody(batchOf("spans", ...events)));
  const [a, b, c] = ['{"trace_id":2,"s":1}', '{"trace_id":22,"s":2}', '{"trace_id":2,"s":3}'];
  assert.equal(body(a!, b!, c!), `[[${a},${c}],[${b}]]`);
  assert.equal(body(), "[]");
});
