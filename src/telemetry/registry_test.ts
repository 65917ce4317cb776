import assert from "node:assert/strict";
import { type Labels, Registry } from "./registry.ts";

Deno.test("Registry.text() shows families and series in order, with help and type", () => {
  const registry = new Registry();
  const lines = registry.counter("limier_lines_total", "Lines, by\nwhat \\ they were.");
  lines.inc(2, { reason: "b" });
  lines.inc(undefined, { reason: 'a"\\\n' });
  registry.gauge("limier_heap_bytes", "Heap in use.").set(1.5);
  registry.gauge("limier_unset", "Never set.");
  assert.equal(
    registry.text(),
    [
      "# HELP limier_heap_bytes Heap in use.",
      "# TYPE limier_heap_bytes gauge",
      "limier_heap_bytes 1.5",
      "# HELP limier_lines_total Lines, by\\nwhat \\\\ they were.",
      "# TYPE limier_lines_total counter",
      'limier_lines_total{reason="a\\"\\\\\\n"} 1',
      'limier_lines_total{reason="b"} 2',
      "",
    ].join("\n"),
  );
});

Deno.test("Registry.counter() shows 0 from the start, until labels are known", () => {
  const registry = new Registry();
  const drops = registry.counter("limier_drops_total", "Drops.");
  assert.match(registry.text(), /^limier_drops_total 0$/m);
  drops.inc(1, { reason: "full" });
  assert.doesNotMatch(registry.text(), /^limier_drops_total /m);
});

Deno.test("Counter.child() shares its series with inc() and ignores what would lower it", () => {
  const registry = new Registry();
  const counter = registry.counter("limier_seen_total", "Seen.");
  const child = counter.child({ kind: "a" });
  assert.match(registry.text(), /^limier_seen_total\{kind="a"\} 0$/m);
  child.inc();
  child.inc(4);
  child.inc(-1);
  child.inc(NaN);
  counter.inc(10, { kind: "a" });
  assert.equal(counter.value({ kind: "a" }), 15);
  assert.equal(counter.value({ kind: "b" }), 0);
  assert.equal(registry.counter("limier_seen_total", "Seen.").value({ kind: "a" }), 15);
});

Deno.test("Gauge.remove() forgets one series", () => {
  const registry = new Registry();
  const lag = registry.gauge("limier_lag", "Lag.");
  lag.child({ group: "a" }).set(1);
  lag.set(-Infinity, { group: "b" });
  lag.remove({ group: "a" });
  assert.match(registry.text(), /limier_lag\{group="b"\} -Inf\n$/);
  assert.doesNotMatch(registry.text(), /group="a"/);
  assert.equal(lag.value({ group: "a" }), 0);
});

Deno.test("Histogram.observe() cumulates buckets, whose bounds are inclusive", () => {
  const registry = new Registry();
  const seconds = registry.histogram("limier_flush_seconds", "Flush.", [0.1, 1]);
  for (const value of [0.1, 0.5, 1, 7, NaN]) seconds.observe(value, { part: "post" });
  seconds.child().observe(0.05);
  assert.equal(
    registry.text(),
    [
      "# HELP limier_flush_seconds Flush.",
      "# TYPE limier_flush_seconds histogram",
      'limier_flush_seconds_bucket{le="0.1"} 1',
      'limier_flush_seconds_bucket{le="1"} 1',
      'limier_flush_seconds_bucket{le="+Inf"} 1',
      "limier_flush_seconds_sum 0.05",
      "limier_flush_seconds_count 1",
      'limier_flush_seconds_bucket{part="post",le="0.1"} 1',
      'limier_flush_seconds_bucket{part="post",le="1"} 3',
      'limier_flush_seconds_bucket{part="post",le="+Inf"} 4',
      'limier_flush_seconds_sum{part="post"} 8.6',
      'limier_flush_seconds_count{part="post"} 4',
      "",
    ].join("\n"),
  );
  assert.deepEqual(seconds.value({ part: "post" }), { count: 4, sum: 8.6 });
  assert.deepEqual(seconds.value({ part: "none" }), { count: 0, sum: 0 });
});

Deno.test("Registry counts labels beyond maxSeries under other, losing nothing", () => {
  const registry = new Registry({ maxSeries: 3 });
  const counter = registry.counter("limier_by_name_total", "By name.");
  for (let i = 0; i < 10; i++) counter.inc(1, { name: `n${i}`, kind: "x" });
  counter.inc(5, { name: "n0", kind: "x" });
  assert.equal(counter.value({ name: "n0", kind: "x" }), 6);
  assert.equal(counter.value({ name: "other", kind: "other" }), 7);
  assert.equal(registry.text().match(/^limier_by_name_total\{/gm)?.length, 4);
});

Deno.test("Registry.onCollect() is called before each page", () => {
  const registry = new Registry();
  let pages = 0;
  const gauge = registry.gauge("limier_pages", "Pages.");
  registry.onCollect(() => gauge.set(++pages));
  registry.text();
  assert.match(registry.text(), /^limier_pages 2$/m);
});

Deno.test("Registry.text() of nothing is empty", () => assert.equal(new Registry().text(), ""));

const refused: [what: string, register: (registry: Registry) => unknown, message: RegExp][] = [
  ["a counter without _total", (r) => r.counter("limier_lines", "Lines."), /ends in _total/],
  ["a gauge with _total", (r) => r.gauge("limier_lines_total", "Lines."), /only the name of a counter/],
  ["a gauge called _count", (r) => r.gauge("limier_lines_count", "Lines."), /parts of a histogram/],
  ["a name that tells its type", (r) => r.gauge("limier_gauge_now", "Now."), /leave out the type, gauge/],
  ["an abbreviated unit", (r) => r.gauge("limier_flush_ms", "Time."), /write out the unit ms/],
  ["a unit with a prefix", (r) => r.gauge("limier_flush_milliseconds", "Time."), /base unit/],
  ["minutes", (r) => r.counter("limier_idle_minutes_total", "Time."), /base unit/],
  ["camelCase", (r) => r.gauge("limier_heapBytes", "Heap."), /snake_case/],
  ["a colon", (r) => r.gauge("limier:heap", "Heap."), /recording rules/],
  ["a digit in front", (r) => r.gauge("1limier", "Heap."), /no digit in front/],
  ["a dash", (r) => r.gauge("limier-heap", "Heap."), /letters/],
  ["no name", (r) => r.gauge("", "Heap."), /letters/],
  ["no help", (r) => r.gauge("limier_heap", " "), /help/],
  ["two kinds of one name", (r) => [r.gauge("limier_a", "A."), r.histogram("limier_a", "A.", [1])], /it is a gauge/],
  ["other buckets", (r) => [r.histogram("limier_a", "A.", [1]), r.histogram("limier_a", "A.", [2])], /buckets were 1/],
  ["descending buckets", (r) => r.histogram("limier_a", "A.", [2, 1]), /ascending/],
  ["an infinite bucket", (r) => r.histogram("limier_a", "A.", [1, Infinity]), /finite/],
  ["the label le", (r) => r.histogram("limier_a", "A.", [1]).observe(1, { le: "1" }), /le is the label/],
  ["the label quantile", (r) => r.gauge("limier_a", "A.").set(1, { quantile: "1" }), /quantile/],
  ["a label of Prometheus", (r) => r.gauge("limier_a", "A.").set(1, { __name__: "1" }), /two underscores/],
  ["a label with a dash", (r) => r.gauge("limier_a", "A.").set(1, { "a-b": "1" }), /letters/],
];
for (const [what, register, message] of refused) {
  Deno.test(`Registry refuses ${what}`, () => {
    assert.throws(() => register(new Registry()), (error: Error) => {
      assert.match(error.message, message);
      return error instanceof TypeError || error instanceof RangeError;
    });
  });
}

Deno.test("Registry keeps a histogram's parts apart from other families", () => {
  const registry = new Registry({ names: "as_they_are" });
  registry.counter("a_sum", "A sum.");
  assert.throws(() => registry.histogram("a", "A.", [1]), /confused with a_sum/);
  registry.histogram("b", "B.", [1]);
  assert.throws(() => registry.gauge("b_bucket", "B."), /confused with b/);
});

Deno.test("Registry takes another program's names as they are", () => {
  const registry = new Registry({ names: "as_they_are" });
  registry.counter("burrow_kafka_lag_count", "A counter by that name.").inc(1, { camelCase: "x" });
  registry.gauge("status:total_ms", "A gauge by that name.").set(2);
  assert.match(registry.text(), /^status:total_ms 2$/m);
});

// The grammar of the text format 0.0.4, as its readers take it.
const SAMPLE =
  /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_]\w*="([^"\\\n]|\\["\\n])*"(,[a-zA-Z_]\w*="([^"\\\n]|\\["\\n])*")*\})? (-?[0-9.]+(e[+-]?\d+)?|NaN|[+-]Inf)$/;

Deno.test("Registry.text() is text of format 0.0.4, whatever the label values", () => {
  const registry = new Registry();
  const values = ["", '"', "\\", "\n", "a,b}", "\\n", "ü\u2028", "{", "=", " "];
  const gauge = registry.gauge("limier_odd", "Odd.");
  for (const value of values) gauge.set(Math.PI * 1e30, { a: value, b: value } satisfies Labels);
  registry.histogram("limier_odd_seconds", "Odd.", [1e-9, 1e21]).observe(2, { a: '"}' });
  const lines = registry.text().trimEnd().split("\n");
  const samples = lines.filter((line) => !line.startsWith("#"));
  assert.equal(samples.length, values.length + 5);
  for (const line of samples) assert.match(line, SAMPLE);
});
