import assert from "node:assert/strict";
import { parseExposition, sumOf } from "./exposition.ts";

const HEAD = "# HELP a_total Things.\n# TYPE a_total counter\n";
const HISTOGRAM = "# HELP h_seconds Time.\n# TYPE h_seconds histogram\n";

Deno.test("parseExposition() reads labels, escapes and numbers", () => {
  const page = `${HEAD}a_total{x="1",y="q\\"\\\\\\n"} 3\na_total 1e3\n`;
  assert.deepEqual(parseExposition(page), [{
    name: "a_total",
    help: "Things.",
    type: "counter",
    samples: [{ name: "a_total", labels: { x: "1", y: 'q"\\\n' }, value: 3 }, {
      name: "a_total",
      labels: {},
      value: 1000,
    }],
  }]);
  assert.equal(sumOf(parseExposition(page), "a_total"), 1003);
  assert.equal(sumOf(parseExposition(page), "a_total", { x: "1" }), 3);
});

Deno.test("parseExposition() reads a whole histogram", () => {
  const page =
    `${HISTOGRAM}h_seconds_bucket{le="1"} 2\nh_seconds_bucket{le="+Inf"} 3\nh_seconds_sum 4.5\nh_seconds_count 3\n`;
  assert.equal(parseExposition(page)[0]!.samples.length, 4);
});

const refused: [why: string, page: string][] = [
  ["no end of line", `${HEAD}a_total 1`],
  ["no family", "a_total 1\n"],
  ["another family's sample", `${HEAD}b_total 1\n`],
  ["a family without samples", HEAD],
  ["a family twice", `${HEAD}a_total 1\n${HEAD}a_total{x="1"} 1\n`],
  ["a series twice", `${HEAD}a_total{x="1",y="2"} 1\na_total{y="2",x="1"} 1\n`],
  ["a label twice", `${HEAD}a_total{x="1",x="2"} 1\n`],
  ["a label without quotes", `${HEAD}a_total{x=1} 1\n`],
  ["a bad escape", `${HEAD}a_total{x="\\t"} 1\n`],
  ["a comma behind the labels", `${HEAD}a_total{x="1",} 1\n`],
  ["no number", `${HEAD}a_total one\n`],
  ["two spaces", `${HEAD}a_total  1\n`],
  ["a negative counter", `${HEAD}a_total -1\n`],
  ["TYPE without HELP", "# TYPE a_total counter\na_total 1\n"],
  ["HELP without TYPE", "# HELP a_total Things.\na_total 1\n"],
  ["a counter's name without _total", "# HELP a Things.\n# TYPE a counter\na 1\n"],
  ["a gauge's name with _total", "# HELP a_total Things.\n# TYPE a_total gauge\na_total 1\n"],
  ["another type", "# HELP a Things.\n# TYPE a thing\na 1\n"],
  ["an empty line", `${HEAD}\na_total 1\n`],
  [
    "a histogram that falls",
    `${HISTOGRAM}h_seconds_bucket{le="1"} 2\nh_seconds_bucket{le="+Inf"} 1\nh_seconds_sum 1\nh_seconds_count 1\n`,
  ],
  ["a histogram without +Inf", `${HISTOGRAM}h_seconds_bucket{le="1"} 2\nh_seconds_sum 1\nh_seconds_count 2\n`],
  [
    "a histogram whose count differs",
    `${HISTOGRAM}h_seconds_bucket{le="+Inf"} 2\nh_seconds_sum 1\nh_seconds_count 3\n`,
  ],
];

for (const [why, page] of refused) {
  Deno.test(`parseExposition() refuses ${why}`, () => {
    assert.throws(() => parseExposition(page), SyntaxError);
  });
}
