import { Section } from "../config/mod.ts";
import { BatchBuilder } from "../metric/mod.ts";
import { destinationOf } from "../output/mod.ts";
import { type FlushConfig, FlushRun } from "./flush.ts";
import { Heart, type HeartConfig } from "./heart.ts";
import { READ_AHEAD } from "./metric_scan.ts";
import { SeriesTable } from "./series_table.ts";
import { newStats } from "./stats.ts";

const HEART: HeartConfig = {
  extendTags: [],
  maxSeries: 2_000_000,
  maxTagsPerMetric: 0,
  isLocal: false,
  metricMaxLength: 8192,
  maxEvents: 1,
};
const FLUSH: FlushConfig = {
  intervalMs: 10_000,
  percentiles: [0.5, 0.99],
  aggregates: ["max", "min", "count"],
  tags: ["dc:eu"],
  hostname: "web1",
  isLocal: false,
};

/** A table of counters, or of the usual mix: 4 counters, 2 gauges, 3 timers, 1 set. */
function tableOf(series: number, mixed: boolean): SeriesTable {
  const heart = new Heart(HEART, new Int32Array(1), newStats());
  const buffer = new Uint8Array(256);
  const utf8 = new TextEncoder();
  const types = mixed ? ["c", "c", "c", "c", "g", "g", "ms", "ms", "ms", "s"] : ["c"];
  for (let i = 0; i < series; i++) {
    const text = `svc.${i % 100}.requests.by.customer.${i}:${i % 97}|${types[i % types.length]}|#env:prod,route:r${
      i % 50
    }`;
    const { written } = utf8.encodeInto(text, buffer.subarray(0, buffer.length - READ_AHEAD - 1));
    heart.ingestDatagram(buffer, 0, written);
  }
  return SeriesTable.adopt(heart.swap().table, HEART);
}

for (const [series, mixed] of [[100_000, true], [100_000, false], [1_000_000, false]] as const) {
  const table = tableOf(series, mixed);
  const what = `${series} ${mixed ? "series, mixed" : "counters"}`;
  const datadog = destinationOf("datadog").newEncoder(destinationOf("datadog").readConfig(Section.of({ key: "k" })));

  Deno.bench(`floor: walk the table (${what})`, { group: what, baseline: true, n: 3, warmup: 1 }, () => {
    let sum = 0;
    table.forEach((view) => sum += view.value);
  });

  Deno.bench(`points (${what})`, { group: what, n: 3, warmup: 1 }, () => {
    const run = new FlushRun([table], FLUSH, 1_700_000_010);
    while (run.next(() => {}));
  });

  Deno.bench(`points as Datadog's JSON in batches of 25,000 (${what})`, { group: what, n: 3, warmup: 1 }, () => {
    const run = new FlushRun([table], FLUSH, 1_700_000_010);
    let builder = new BatchBuilder("points", 1_700_000_010);
    while (
      run.next((point) => {
        if (datadog.point!(point, builder)) builder.endEvent();
        if (builder.count === 25_000) builder = new BatchBuilder("points", 1_700_000_010);
      })
    );
  });
}
