import assert from "node:assert/strict";
import type { Point } from "../../metric/mod.ts";
import { intervalTotal, oncePerSeries } from "./series_points.ts";

const point: Point = { name: "a", type: "gauge", value: 1, timestamp: 10, tags: ["x:1"], host: "h" };

Deno.test("oncePerSeries() makes anew only what the series changes", () => {
  let made = 0;
  const once = oncePerSeries(({ tags, host }) => `${++made} ${tags} ${host}`);
  assert.equal(once(point), "1 x:1 h");
  assert.equal(once({ ...point, name: "b", value: 2 }), "1 x:1 h");
  assert.equal(once({ ...point, host: "i" }), "2 x:1 i");
  assert.equal(once({ ...point, host: "i", tags: [] }), "3  i");
  assert.equal(once({ ...point, host: "i", tags: [], device: "d" }), "4  i"); // another list, though an equal one
});

const totals: [point: Partial<Point>, total: number][] = [
  [{ type: "rate", value: 0.1, interval: 10, total: 1 }, 1],
  [{ type: "rate", value: 0.3, interval: 10, total: 3 }, 3], // 0.3 * 10 would do as well, 0.1 * 3 would not
  [{ type: "rate", value: 2.5, interval: 10 }, 25],
  [{ type: "rate", value: 7 }, 7],
  [{ type: "count", value: 4, interval: 10 }, 4],
];
for (const [part, total] of totals) {
  Deno.test(`intervalTotal() of ${JSON.stringify(part)}`, () => {
    assert.equal(intervalTotal({ ...point, ...part }), total);
  });
}
