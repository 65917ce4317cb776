import assert from "node:assert/strict";
import type { Point } from "../../metric/mod.ts";
import { prometheusLabels } from "./prometheus_labels.ts";

const cases: [tags: string[], more: Partial<Point>, labels: string][] = [
  [[], {}, ""],
  [["b:2", "a:1"], { host: "web1" }, "a=1 b=2 host=web1"],
  [["bare", "x:"], {}, ""],
  [["a:1", "a:2"], {}, "a=2"],
  [["a-b:1", "a.b:2"], {}, "a_b=2"],
  [["url:http://a:80/"], {}, "url=http://a:80/"],
  [["1st:x", "Z:y"], {}, "Z=y _1st=x"],
  [["__name__:x"], {}, ""],
  [["host:db7", "device:sda"], { host: "web1" }, "device=sda host=db7"],
  [["a:1"], { device: "sdb" }, "a=1 device=sdb"],
  [["veneursinkonly:x"], {}, ""],
];
for (const [tags, more, expected] of cases) {
  Deno.test(`prometheusLabels() of ${JSON.stringify(tags)} ${JSON.stringify(more)}`, () => {
    const labels = prometheusLabels({ name: "n", type: "gauge", value: 1, timestamp: 1, tags, ...more });
    assert.equal(labels.map(([name, value]) => `${name}=${value}`).join(" "), expected);
  });
}

Deno.test("prometheusLabels() leaves out the host where it is not wanted", () => {
  const point: Point = { name: "n", type: "gauge", value: 1, timestamp: 1, tags: ["a:1"], host: "web1" };
  assert.deepEqual(prometheusLabels(point, false), [["a", "1"]]);
});
