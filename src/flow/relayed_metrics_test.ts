import assert from "node:assert/strict";
import { Registry } from "../telemetry/mod.ts";
import { MetricsOfThreads, RelayedRegistry, relayedReporter } from "./relayed_metrics.ts";

Deno.test("RelayedRegistry.changes() tells what was counted since the last time", () => {
  const relayed = new RelayedRegistry();
  const child = relayed.counter("limier_flows_total", "Flows.").child({ exporter: "a" });
  relayed.gauge("limier_templates", "Templates.").set(3);
  relayed.histogram("limier_wait_seconds", "Waits.", [1, 2]).observe(1.5);
  child.inc(2);
  const page = new Registry();
  const threads = new MetricsOfThreads(page);
  threads.take("one", relayed.changes()!);
  assert.equal(relayed.changes(), undefined);
  child.inc(3);
  child.inc(-1);
  threads.take("one", relayed.changes()!);
  assert.equal(page.counter("limier_flows_total", "Flows.").value({ exporter: "a" }), 5);
  assert.equal(page.gauge("limier_templates", "Templates.").value(), 3);
  assert.deepEqual(page.histogram("limier_wait_seconds", "Waits.", [1, 2]).value(), { count: 1, sum: 1.5 });
});

Deno.test("RelayedRegistry.changes() tells of a series that is still 0, once", () => {
  const relayed = new RelayedRegistry();
  relayed.counter("limier_errors_total", "Errors.").child({ error: "x" });
  assert.equal(relayed.changes()?.counters.length, 1);
  assert.equal(relayed.changes(), undefined);
});

Deno.test("RelayedRegistry.changes() asks those who collect", () => {
  const relayed = new RelayedRegistry();
  const gauge = relayed.gauge("limier_templates", "Templates.");
  let templates = 1;
  relayed.onCollect(() => gauge.set(templates));
  assert.equal(relayed.changes()?.gauges[0]?.value, 1);
  assert.equal(relayed.changes(), undefined);
  templates = 2;
  assert.equal(relayed.changes()?.gauges[0]?.value, 2);
});

Deno.test("MetricsOfThreads adds gauges of threads up, and forgets a thread", () => {
  const page = new Registry();
  const threads = new MetricsOfThreads(page);
  const templates = (value: number) => ({
    counters: [],
    gauges: [{ name: "limier_templates", help: "Templates.", labels: {}, value }],
    histograms: [],
  });
  threads.take("one", templates(2));
  threads.take("two", templates(3));
  const shown = () => page.gauge("limier_templates", "Templates.").value();
  assert.equal(shown(), 5);
  threads.take("one", templates(1));
  assert.equal(shown(), 4);
  threads.forget("two");
  assert.equal(shown(), 1);
});

Deno.test("relayedReporter() passes lines on, errors as texts", () => {
  const lines: unknown[] = [];
  relayedReporter(new Registry(), (line) => lines.push(line)).warn("Cannot", { error: new Error("no"), at: 3 });
  assert.deepEqual(lines, [{ level: "warn", message: "Cannot", fields: { error: "no", at: 3 } }]);
});
