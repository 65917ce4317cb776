import assert from "node:assert/strict";
import { type Span, spanSample } from "../metric/mod.ts";
import { Heart } from "./heart.ts";
import { SpanIntake } from "./spans.ts";
import { At, newStats } from "./stats.ts";

const TRACED: Span = {
  version: 0,
  traceId: 7n,
  id: 9n,
  parentId: 7n,
  startNs: 1n,
  endNs: 2n,
  error: false,
  service: "pay",
  name: "charge",
  indicator: false,
  tags: {},
  metrics: [],
  rootStartNs: 0n,
};
const SAMPLE = spanSample({ metric: "counter", name: "jobs", value: 1 });

function intake(bufferSize = 10, keeps = true) {
  const stats = newStats();
  const heart = new Heart(
    {
      extendTags: [],
      maxSeries: 100,
      maxTagsPerMetric: 0,
      isLocal: false,
      metricMaxLength: 8192,
      maxEvents: 10,
    },
    new Int32Array(1),
    stats,
  );
  const spans = new SpanIntake(heart, { indicatorTimerName: "", objectiveTimerName: "", bufferSize }, () => 0.5);
  spans.keeps = keeps;
  const ingest = (changes: Partial<Span>) =>
    spans.ingest({ span: { ...TRACED, ...changes }, invalid: [], invalidCount: 0 }, "packet");
  const counts = (...names: (keyof typeof At)[]) => names.map((name) => stats[At[name]]);
  return { spans, ingest, counts, heart };
}

Deno.test("SpanIntake keeps trace spans for the flush, and nothing else", () => {
  const { spans, ingest, counts } = intake();
  ingest({});
  ingest({ id: 7n, parentId: 0n });
  ingest({ name: "" });
  ingest({ name: "", metrics: [SAMPLE] });
  assert.deepEqual(spans.swapSpans().map(({ id }) => id), [9n, 7n]);
  assert.deepEqual(spans.swapSpans(), []);
  assert.deepEqual(counts("spans", "rootSpans", "emptySpans", "droppedSpans", "samples"), [3, 1, 1, 0, 1]);
});

Deno.test("SpanIntake counts what newer spans overwrite", () => {
  const { spans, ingest, counts } = intake(2);
  for (let id = 1n; id <= 5n; id++) ingest({ id });
  assert.deepEqual(counts("spans", "droppedSpans"), [5, 3]);
  assert.deepEqual(spans.swapSpans().map(({ id }) => id), [4n, 5n]);
});

Deno.test("SpanIntake keeps no spans that nobody wants, and loses none by it", () => {
  const { spans, ingest, counts } = intake(2, false);
  for (let id = 1n; id <= 5n; id++) ingest({ id });
  assert.deepEqual(spans.swapSpans(), []);
  assert.deepEqual(counts("spans", "droppedSpans"), [5, 0]);
});

Deno.test("SpanIntake counts every span under its service, empty ones too", () => {
  const { spans, ingest } = intake();
  ingest({});
  ingest({ id: 7n });
  ingest({ name: "" });
  ingest({ service: "mail" });
  assert.deepEqual(spans.swap(), [
    { service: "pay", format: "packet", spans: 3, roots: 1 },
    { service: "mail", format: "packet", spans: 1, roots: 0 },
  ]);
  assert.deepEqual(spans.swap(), []);
});
