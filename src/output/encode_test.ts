import assert from "node:assert/strict";
import type { Point } from "../metric/mod.ts";
import { NO_FILTER } from "./config.ts";
import type { Encoder } from "./contract.ts";
import { OutputEncoder } from "./encode.ts";
import { eventTexts, outputConfig } from "./testing.ts";

const names: Encoder = {
  point(point, out) {
    out.appendText(point.name);
    return Number.isFinite(point.value);
  },
};

function point(name: string, value = 1): Point {
  return { name, type: "gauge", value, timestamp: 7, tags: ["a"] };
}

Deno.test("OutputEncoder.points() cuts a flush into even batches", () => {
  const encoder = new OutputEncoder(outputConfig({ bulkMaxSize: 4 }), names);
  const batches = encoder.points(Array.from({ length: 9 }, (_, i) => point(`p${i}`)), 42);
  assert.deepEqual(batches.map(eventTexts), [["p0", "p1", "p2"], ["p3", "p4", "p5"], ["p6", "p7", "p8"]]);
  assert.deepEqual(batches.map(({ kind, timestamp }) => [kind, timestamp]), Array(3).fill(["points", 42]));
});

Deno.test("OutputEncoder.points() gives no batch for no points", () => {
  const encoder = new OutputEncoder(outputConfig({ filter: { ...NO_FILTER, dropNamePrefixes: ["p"] } }), names);
  assert.deepEqual(encoder.points([], 42), []);
  assert.deepEqual(encoder.points([point("p")], 42), []);
  assert.equal(encoder.filter.counts.name_prefix, 1);
});

Deno.test("OutputEncoder counts what has no form and keeps its neighbours", () => {
  const encoder = new OutputEncoder(outputConfig(), names);
  assert.deepEqual(encoder.points([point("a"), point("b", NaN), point("c")], 42).map(eventTexts), [["a", "c"]]);
  assert.deepEqual(encoder.checks([{ name: "up", status: 0, timestamp: 7, tags: [] }], 42), []);
  assert.equal(encoder.rejected, 2);
});
