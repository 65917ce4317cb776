import assert from "node:assert/strict";
import { type Span, type SpanSample, spanSample } from "../metric/mod.ts";
import { extractSample, isTrace, spanMetrics } from "./span_metrics.ts";

const SAMPLE = spanSample({ metric: "counter", name: "x", value: 3 });
const SPAN: Span = {
  version: 0,
  traceId: 7n,
  id: 9n,
  parentId: 0n,
  startNs: 1_000n,
  endNs: 1_234_568_891n,
  error: false,
  service: "pay",
  name: "charge",
  indicator: false,
  tags: { own: "tag" },
  metrics: [],
  rootStartNs: 0n,
};
const SILENT = { indicatorTimerName: "", objectiveTimerName: "", random: () => 0.5 };

const samples: [what: string, sample: Partial<SpanSample>, expected: object][] = [
  ["a counter", {}, { type: "counter", value: 3 }],
  ["a gauge", { metric: "gauge", value: -1.5 }, { type: "gauge", value: -1.5 }],
  ["a histogram with its rate", { metric: "histogram", sampleRate: 0.5 }, { type: "histogram", value: 3, rate: 0.5 }],
  ["a set", { metric: "set", value: 0, message: "alice" }, { type: "set", value: 0, member: "alice" }],
  ["an empty member", { metric: "set", value: 0 }, { type: "set", value: 0, member: "" }],
  ["a status", { metric: "status", status: 2, message: "down" }, {
    type: "check",
    value: 0,
    status: 2,
    message: "down",
  }],
  ["a status without a message", { metric: "status", status: 1 }, { type: "check", value: 0, status: 1 }],
  ["a time", { timestampNs: 5n }, { type: "counter", value: 3, timestampNs: 5n }],
  ["a local scope", { scope: "local" }, { type: "counter", value: 3, scope: "local" }],
  ["tags by UTF-8 order", { tags: { "\u{1F600}": "1", "\uFFFD": "1", b: "", B: "x:y", é: "1" } }, {
    type: "counter",
    value: 3,
    tags: ["B:x:y", "b:", "é:1", "\uFFFD:1", "\u{1F600}:1"],
  }],
  ["tags that come out the same", { tags: { "a:b": "c", a: "b:c" } }, { type: "counter", value: 3, tags: ["a:b:c"] }],
  ["a local tag over a global field", { scope: "global", tags: { veneurlocalonly: "", k: "v" } }, {
    type: "counter",
    value: 3,
    scope: "local",
    tags: ["k:v"],
  }],
  ["both scope tags", { tags: { veneurglobalonly: "true", veneurlocalonly: "" } }, {
    type: "counter",
    value: 3,
    scope: "global",
  }],
  ["a tag that only begins like one", { tags: { veneurlocalonlyx: "1" } }, {
    type: "counter",
    value: 3,
    tags: ["veneurlocalonlyx:1"],
  }],
];
for (const [what, sample, expected] of samples) {
  Deno.test(`extractSample() makes a metric of ${what}`, () => {
    assert.deepEqual(extractSample({ ...SAMPLE, ...sample }), {
      name: "x",
      rate: 1,
      tags: [],
      scope: "mixed",
      ...expected,
    });
  });
}

Deno.test("isTrace() wants ids, times and a name", () => {
  assert.ok(isTrace(SPAN));
  assert.ok(isTrace({ ...SPAN, service: "" }));
  for (const missing of [{ id: 0n }, { traceId: 0n }, { startNs: 0n }, { endNs: 0n }, { name: "" }]) {
    assert.ok(!isTrace({ ...SPAN, ...missing }), Object.keys(missing)[0]!);
  }
});

Deno.test("spanMetrics() gives samples in their order, without the span's tags, also of what is no trace", () => {
  const metrics = [SAMPLE, { ...SAMPLE, name: "y" }];
  for (const span of [{ ...SPAN, metrics }, { ...SPAN, id: 0n, metrics }]) {
    const got = spanMetrics(span, SILENT);
    assert.deepEqual(got.map(({ name, tags }) => [name, tags]), [["x", []], ["y", []]]);
  }
});

Deno.test("spanMetrics() times indicator spans to the nanosecond", () => {
  const options = { ...SILENT, indicatorTimerName: "indicator.ns", objectiveTimerName: "objective.ns" };
  const [indicator, objective, ...more] = spanMetrics({ ...SPAN, indicator: true, error: true }, options);
  assert.deepEqual(more, []);
  assert.deepEqual(indicator, {
    name: "indicator.ns",
    type: "histogram",
    value: 1_234_567_891,
    rate: 1,
    tags: ["error:true", "service:pay"],
    scope: "mixed",
  });
  assert.deepEqual(objective, {
    name: "objective.ns",
    type: "histogram",
    value: 1_234_567_891,
    rate: 1,
    tags: ["error:true", "objective:charge", "service:pay"],
    scope: "global",
  });
  const named = spanMetrics({ ...SPAN, indicator: true, tags: { ssf_objective: "fast" } }, options);
  assert.deepEqual(named[1]?.tags, ["error:false", "objective:fast", "service:pay"]);
});

Deno.test("spanMetrics() times nothing without a name for it, an indicator, or a trace", () => {
  const options = { ...SILENT, indicatorTimerName: "i", objectiveTimerName: "o" };
  assert.deepEqual(spanMetrics({ ...SPAN, indicator: true }, SILENT), []);
  assert.deepEqual(spanMetrics(SPAN, options), []);
  assert.deepEqual(spanMetrics({ ...SPAN, indicator: true, endNs: 0n }, options), []);
  const one = spanMetrics({ ...SPAN, indicator: true }, { ...options, indicatorTimerName: "" });
  assert.deepEqual(one.map(({ name }) => name), ["o"]);
});

Deno.test("spanMetrics() counts the names of one span in a hundred", () => {
  const drawn = (random: number, span: Span = SPAN) => spanMetrics(span, { ...SILENT, random: () => random });
  assert.deepEqual(drawn(0.00999), [{
    name: "veneur.ssf.names_unique",
    type: "set",
    value: 0,
    member: "charge",
    rate: 0.01,
    tags: ["indicator:false", "root_span:false", "service:pay"],
    scope: "mixed",
  }]);
  assert.deepEqual(drawn(0.01), []);
  assert.deepEqual(drawn(0, { ...SPAN, id: 7n })[0]?.tags, ["indicator:false", "root_span:true", "service:pay"]);
  assert.deepEqual(drawn(0, { ...SPAN, service: "" }), []);
  assert.deepEqual(drawn(0, { ...SPAN, traceId: 0n }), []);
});

Deno.test("spanMetrics() draws only for valid spans with a service", () => {
  let draws = 0;
  const options = { ...SILENT, random: () => (draws++, 1) };
  spanMetrics({ ...SPAN, service: "" }, options);
  spanMetrics({ ...SPAN, name: "" }, options);
  assert.equal(draws, 0);
  spanMetrics(SPAN, options);
  assert.equal(draws, 1);
});
