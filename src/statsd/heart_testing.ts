/** What tests of the heart run it with. */
import type { FlushConfig } from "./flush.ts";
import type { HeartConfig } from "./heart.ts";

/** A global instance's heart that keeps a thousand series and a hundred events. */
export const HEART: HeartConfig = {
  extendTags: [],
  maxSeries: 1_000,
  maxTagsPerMetric: 0,
  isLocal: false,
  metricMaxLength: 8192,
  maxEvents: 100,
};

/** Its flush, each ten seconds. */
export const FLUSH: FlushConfig = {
  intervalMs: 10_000,
  percentiles: [0.5],
  aggregates: ["max", "min", "count"],
  tags: [],
  hostname: "web1",
  isLocal: false,
};
