import assert from "node:assert/strict";
import type { HeartConfig } from "./heart.ts";
import { At, rejectedLines } from "./stats.ts";
import { warmUp } from "./warm_up.ts";

const CONFIG: HeartConfig = {
  extendTags: [],
  maxSeries: 1_000_000,
  maxTagsPerMetric: 0,
  isLocal: false,
  metricMaxLength: 8192,
  maxEvents: 100,
};

Deno.test("warmUp() takes in good lines only, and of many series", () => {
  const stats = warmUp(CONFIG);
  assert.ok(stats[At.metrics]! > 1_000);
  assert.equal(stats[At.metrics], stats[At.lines]);
  assert.equal(rejectedLines(stats), 0);
  assert.equal(stats[At.refusedSeries], 0);
});

const bounds: [name: string, config: Partial<HeartConfig>][] = [
  ["max_series", { maxSeries: 1 }],
  ["metric_max_length", { metricMaxLength: 1 }],
  ["max_tags_per_metric", { maxTagsPerMetric: 1 }],
  ["extend_tags", { extendTags: ["a:b"] }],
];

for (const [name, config] of bounds) {
  Deno.test(`warmUp() does not mind ${name}`, () => {
    assert.ok(warmUp({ ...CONFIG, ...config })[At.datagrams]! > 0);
  });
}
