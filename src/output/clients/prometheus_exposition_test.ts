import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import type { Point } from "../../metric/mod.ts";
import { OutputEncoder } from "../encode.ts";
import { forever, outputConfig, testDeps } from "../testing.ts";
import { prometheusExposition } from "./prometheus_exposition.ts";

const T = 1_700_000_010;

function started(settings: object = {}) {
  const own = prometheusExposition.readConfig(Section.of(settings));
  const clock = new FakeClock(T * 1000);
  const deps = testDeps(undefined, clock);
  const config = outputConfig({ name: "page", bulkMaxSize: 1 }); // a batch a point
  const encoder = new OutputEncoder(config, prometheusExposition.newEncoder(own));
  const client = prometheusExposition.newClient("", config, own, deps);
  return {
    clock,
    deps,
    page: () => client.page!(),
    async flush(timestamp: number, ...points: Point[]) {
      for (const batch of encoder.points(points, timestamp)) {
        assert.deepEqual(await client.publish(batch, forever), { remaining: null });
      }
    },
  };
}

const hits: Point = {
  name: "hits",
  type: "rate",
  value: 0.4,
  timestamp: T,
  tags: ["a: b c"],
  host: "h",
  interval: 10,
  total: 4,
};
const temp: Point = { name: "temp", type: "gauge", value: 1e-7, timestamp: T, tags: [] };

Deno.test("prometheus_exposition carries points across as they are", async () => {
  const { flush, page } = started();
  await flush(T, hits, temp);
  await flush(T + 10, hits);
  assert.equal(page(), '# TYPE hits counter\nhits{a=" b c",host="h"} 8\n# TYPE temp gauge\ntemp 1e-7\n');
});

Deno.test("prometheus_exposition counts a series across the batches of a flush on its last interval", async () => {
  const { flush, page } = started();
  await flush(T, hits, temp);
  for (let i = 1; i <= 4; i++) await flush(T + 10 * i, temp);
  await flush(T + 50, temp, hits); // temp's batch comes first
  assert.match(page(), /^hits\{.*\} 8$/m);
});

Deno.test("prometheus_exposition forgets a series after five flushes without it", async () => {
  const { flush, page } = started();
  await flush(T, hits, temp);
  for (let i = 1; i <= 4; i++) await flush(T + 10 * i, temp);
  assert.match(page(), /hits/);
  await flush(T + 50, temp);
  assert.doesNotMatch(page(), /hits/);
});

Deno.test("prometheus_exposition forgets by time where nothing is flushed", async () => {
  const { flush, page, clock } = started({ interval: "1s" });
  await flush(T, temp);
  await clock.advance(5_000);
  assert.match(page(), /temp/);
  await clock.advance(1_000);
  assert.equal(page(), "");
});

Deno.test("prometheus_exposition counts what it leaves out", async () => {
  const { flush, deps } = started({ max_series: 1 });
  await flush(T, hits, { ...temp, name: "hits" }, temp);
  const text = deps.reporter.metrics.text();
  assert.match(text, /^limier_exposition_conflicts_total\{output="page"\} 1$/m);
  assert.match(text, /^limier_exposition_refused_total\{output="page"\} 1$/m);
  assert.match(text, /^limier_exposition_series\{output="page"\} 1$/m);
});

Deno.test("prometheus_exposition.readConfig() has defaults and bounds", () => {
  assert.deepEqual(prometheusExposition.readConfig(Section.of({})), { intervalMs: 10_000, maxSeries: 1_000_000 });
  assert.throws(() => prometheusExposition.readConfig(Section.of({ interval: "0s" })), /interval/);
  assert.throws(() => prometheusExposition.readConfig(Section.of({ max_series: 0 })), /max_series/);
});
