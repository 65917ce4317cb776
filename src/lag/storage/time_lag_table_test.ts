import assert from "node:assert/strict";
import { type InterpolatedLag, type PointOutcome, TimeLagTable } from "./time_lag_table.ts";

function table(size: number, points: [offset: number, timeMs: number, outcome: PointOutcome][]): TimeLagTable {
  const made = new TimeLagTable(size);
  for (const [offset, timeMs, outcome] of points) {
    assert.equal(made.add(offset, timeMs), outcome, `${offset} at ${timeMs}`);
  }
  return made;
}

const POINTS: [number, number, PointOutcome][] = [
  [1000, 0, "inserted"],
  [1600, 30_000, "inserted"],
  [1600, 60_000, "inserted"],
  [1600, 90_000, "updated"],
  [2800, 120_000, "inserted"],
];

Deno.test("TimeLagTable keeps a flat stretch as its first and latest point", () => {
  assert.deepEqual(table(60, POINTS).points, [[1000, 0], [1600, 30_000], [1600, 90_000], [2800, 120_000]]);
});

const lookups: [committed: number, seconds: number, extrapolated: boolean][] = [
  [2800, 0, false],
  [2200, 15, false],
  [1601, 29.975, false],
  [1600, 30, false],
  [1599, 90.05, false],
  [1300, 105, false],
  [400, 160, true],
  [3000, 0, true],
];
for (const [committed, seconds, extrapolated] of lookups) {
  Deno.test(`TimeLagTable.lookup() finds ${committed} ${seconds} s ago`, () => {
    const found = table(60, POINTS).lookup(committed, 120_000)!;
    assert.ok(Math.abs(found.seconds - seconds) < 1e-9);
    assert.equal(found.extrapolated, extrapolated);
  });
}

Deno.test("TimeLagTable stays within its size, and tells what it can of a flat end", () => {
  const flat = table(3, [
    [10, 0, "inserted"],
    [5, 10, "non_monotonic"],
    [10, 10, "inserted"],
    [10, 20, "updated"],
    [10, 30, "updated"],
  ]);
  assert.deepEqual(flat.points, [[10, 0], [10, 30]]);
  const answers: [number, InterpolatedLag | null][] = [
    [9, null],
    [11, { seconds: 0, extrapolated: true }],
    [10, { seconds: 0, extrapolated: false }],
  ];
  for (const [committed, answer] of answers) assert.deepEqual(flat.lookup(committed, 100), answer);
  assert.equal(flat.add(20, 30), "out_of_order");
  assert.equal(flat.add(20, 40), "inserted");
  assert.equal(flat.add(30, 50), "inserted");
  assert.deepEqual(flat.points, [[10, 30], [20, 40], [30, 50]]);
});

Deno.test("TimeLagTable begins anew when the end falls twice in a row", () => {
  const fallen = table(5, [[10, 0, "inserted"], [20, 10, "inserted"], [5, 20, "non_monotonic"], [21, 30, "inserted"]]);
  assert.equal(fallen.add(6, 40), "non_monotonic");
  assert.equal(fallen.points.length, 3);
  assert.equal(fallen.add(7, 50), "non_monotonic");
  assert.deepEqual(fallen.points, []);
  assert.equal(fallen.lookup(5, 60), null);
  assert.equal(fallen.add(8, 60), "inserted");
});

for (const size of [1, 0, -5, 2.5]) {
  Deno.test(`TimeLagTable refuses ${size} points`, () => assert.throws(() => new TimeLagTable(size), RangeError));
}
