import assert from "node:assert/strict";
import { HyperLogLogV1 } from "../sketch/mod.ts";
import type { Point } from "../metric/mod.ts";
import { FlushRun, mergeTables } from "./flush.ts";
import { collectForwarded, UndeliveredForwards } from "./forward_collect.ts";
import { decodeImport, encodeImport, type ForwardedSeries } from "./forward_wire.ts";
import { Heart } from "./heart.ts";
import { READ_AHEAD } from "./metric_scan.ts";
import { SeriesTable, type TableState } from "./series_table.ts";
import { newStats } from "./stats.ts";

const CONFIG = {
  extendTags: [],
  maxSeries: 1e6,
  maxTagsPerMetric: 0,
  isLocal: true,
  setsOfGenerationA: true,
  metricMaxLength: 60_000,
  maxEvents: 1,
};
const FLUSH = {
  intervalMs: 10_000,
  percentiles: [],
  aggregates: ["count" as const],
  tags: [],
  hostname: "",
  isLocal: true,
  keepsGauges: true,
};

/** An interval with these lines, as it arrives at another thread. */
function intervalOf(lines: readonly string[], imported: readonly ForwardedSeries[] = []): TableState {
  const heart = new Heart(CONFIG, new Int32Array(1), newStats());
  for (let at = 0; at < lines.length; at += 1000) {
    const bytes = new TextEncoder().encode(lines.slice(at, at + 1000).join("\n"));
    const room = new Uint8Array(bytes.length + 1 + READ_AHEAD);
    room.set(bytes);
    heart.ingestDatagram(room, 0, bytes.length);
  }
  heart.importAll({ series: imported, errors: [] });
  return structuredClone(heart.swap().table);
}

/** The tables of several threads, merged. */
function merged(...intervals: TableState[]): SeriesTable[] {
  const tables = intervals.map((interval) => SeriesTable.adopt(interval, CONFIG));
  mergeTables(tables);
  return tables;
}

/** What an older global instance reads of it. */
function received(tables: readonly SeriesTable[]): ForwardedSeries[] {
  const decoded = decodeImport(encodeImport(collectForwarded(tables, FLUSH)));
  assert.ok(typeof decoded === "object");
  assert.deepEqual(decoded.errors, []);
  return [...decoded.series];
}

function estimateOf({ value }: ForwardedSeries): number {
  assert.ok(value.type === "set" && value.sketch instanceof HyperLogLogV1);
  return value.sketch.estimate();
}

function setOf(...members: string[]): string[] {
  return members.map((member) => `users:${member}|s`);
}

Deno.test("a set of the older generation is forwarded with its members, from all threads", () => {
  const tables = merged(intervalOf(setOf("a", "b", "b")), intervalOf(setOf("b", "c", "d")), intervalOf(["x:1|c"]));
  const [users, ...rest] = received(tables);
  assert.equal(users!.name, "users");
  assert.equal(estimateOf(users!), 4);
  assert.deepEqual(rest, []);
});

Deno.test("a large set of the older generation is forwarded dense, and merges with a sparse one", () => {
  // The hash mixes the last bytes badly: members that differ in front are what it can tell apart.
  const members = Array.from({ length: 120_000 }, (_, i) => `${(i * 2_654_435_761 % 2 ** 32).toString(36)}-${i}`);
  const [users] = received(merged(intervalOf(setOf(...members)), intervalOf(setOf("one", "two"))));
  const estimate = estimateOf(users!);
  assert.ok(Math.abs(estimate / 120_002 - 1) < 0.03, String(estimate));
});

Deno.test("sets that are local only are published, whatever their generation", () => {
  const run = new FlushRun(merged(intervalOf(["own:a|s|#veneurlocalonly", "own:b|s|#veneurlocalonly"])), FLUSH, 5);
  const points: Point[] = [];
  while (run.next((point) => points.push(point)));
  assert.deepEqual(points.map(({ name, value }) => [name, value]), [["own", 2]]);
});

Deno.test("global gauges stay here, as an older instance would make them 0, and are published", () => {
  const tables = merged(intervalOf(["level:3|g|#veneurglobalonly", "jobs:2|c|#veneurglobalonly", "lat:4|ms"]));
  assert.deepEqual(received(tables).map(({ name }) => name).toSorted(), ["jobs", "lat"]);
  const run = new FlushRun(tables, FLUSH, 5);
  const points: Point[] = [];
  while (run.next((point) => points.push(point)));
  assert.deepEqual(points.map(({ name }) => name).toSorted(), ["lat.count", "level"]);
  assert.equal(FlushRun.count(tables, FLUSH).forwardable, 2);
});

Deno.test("what a chain meets of both generations goes on as both", () => {
  const [older] = received(merged(intervalOf(setOf("a", "b"))));
  const younger = { ...CONFIG, setsOfGenerationA: false };
  const heart = new Heart(younger, new Int32Array(1), newStats());
  heart.importAll({ series: [older!], errors: [] });
  heart.ingestSample({ name: "users", type: "set", value: 0, member: "c", rate: 1, tags: [], scope: "mixed" });
  const forwarded = collectForwarded([SeriesTable.adopt(structuredClone(heart.swap().table), younger)]);
  assert.equal(forwarded.length, 2);
  const estimates = (series: readonly ForwardedSeries[]) =>
    series.map(({ value }) => value.type === "set" && `${value.sketch.constructor.name} ${value.sketch.estimate()}`);
  assert.deepEqual(estimates(forwarded), ["HyperLogLog 1", "HyperLogLogV1 2"]);
  // Refused, they wait apart from each other, and each takes in its own kind.
  const undelivered = new UndeliveredForwards();
  undelivered.keep(undelivered.joinWith(forwarded));
  const joined = undelivered.joinWith(received(merged(intervalOf(setOf("b", "z")))));
  assert.deepEqual(estimates(joined.map(({ series }) => series)), ["HyperLogLog 1", "HyperLogLogV1 3"]);
});
