import assert from "node:assert/strict";
import { decodeDatagram } from "../decode.ts";
import { isWireError } from "../wire_error.ts";
import { parseExposition } from "./exposition_wire.ts";
import { ScrapeDeltas, type ScrapedLines, type ScrapeRules } from "./scrape_deltas.ts";

function samplesOf(page: string) {
  const read = parseExposition(new TextEncoder().encode(page));
  assert.ok(!isWireError(read), isWireError(read) ? read.message : "");
  return read.samples;
}

/** What each of several pages gives. */
function scraped(pages: string[], rules: Partial<ScrapeRules> = {}): ScrapedLines[] {
  const deltas = new ScrapeDeltas({ tags: [], ...rules });
  return pages.map((page) => deltas.next(samplesOf(page)));
}

const HISTOGRAM = (a: number, b: number, sum: number) =>
  `# TYPE lat histogram\nlat_bucket{le="0.5",r="x"} ${a}\nlat_bucket{le="+Inf",r="x"} ${b}\nlat_sum{r="x"} ${sum}\nlat_count{r="x"} ${b}\n`;

const rounds: [what: string, pages: string[], lines: string[][]][] = [
  ["gauges each time", ["# TYPE a gauge\na 1.5\n", "# TYPE a gauge\na 1.5\n"], [["a:1.5|g"], ["a:1.5|g"]]],
  ["what has no type as gauges", ['a{b="c"} -2\n'], [["a:-2|g|#b:c"]]],
  ["counters by how they have grown", [
    "# TYPE a counter\na 5\n",
    "# TYPE a counter\na 7.25\n",
    "# TYPE a counter\na 8\n",
  ], [
    [],
    ["a:2.25|c"],
    ["a:0.75|c"],
  ]],
  ["nothing of a counter that stands", ["# TYPE a counter\na 5\n", "# TYPE a counter\na 5\n"], [[], []]],
  ["a counter that began anew in full", [
    "# TYPE a counter\na 5\n",
    "# TYPE a counter\na 3\n",
    "# TYPE a counter\na 4\n",
  ], [
    [],
    ["a:3|c"],
    ["a:1|c"],
  ]],
  ["nothing of a counter that began anew at 0", ["# TYPE a counter\na 5\n", "# TYPE a counter\na 0\n"], [[], []]],
  ["a series that is new in full", ["# TYPE a counter\na 5\n", '# TYPE a counter\na 5\na{b="c"} 2\n'], [[], [
    "a:2|c|#b:c",
  ]]],
  ["a series that was away in full", ["# TYPE a counter\na 5\n", "", "# TYPE a counter\na 6\n"], [[], [], ["a:6|c"]]],
  ["series by their labels", [
    '# TYPE a counter\na{b="c"} 5\na{b="d"} 7\n',
    '# TYPE a counter\na{b="d"} 8\na{b="c"} 9\n',
  ], [[], ["a:1|c|#b:d", "a:4|c|#b:c"]]],
  ["a counter of OpenMetrics by the name of its samples", [
    "# TYPE a counter\na_total 5\na_created 9\n",
    "# TYPE a counter\na_total 6\na_created 9\n",
  ], [[], ["a_total:1|c"]]],
  ["a histogram's buckets and count by how they have grown", [HISTOGRAM(1, 2, 3.5), HISTOGRAM(2, 5, 9)], [
    ["lat.sum:3.5|g|#r:x"],
    ["lat.le0.500000:1|c|#r:x", "lat.le+Inf:3|c|#r:x", "lat.sum:9|g|#r:x", "lat.count:3|c|#r:x"],
  ]],
  ["a summary", [
    '# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="0.999"} 2\ns{quantile="0.9"} NaN\ns_sum 3\ns_count 4\n',
    '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 3\ns_count 6\n',
  ], [
    ["s.50percentile:1|g", "s.99_9percentile:2|g", "s.sum:3|g"],
    ["s.50percentile:1|g", "s.sum:3|g", "s.count:2|c"],
  ]],
  ["a histogram of gauges as gauges", ['# TYPE h gaugehistogram\nh_bucket{le="2"} 1\nh_gsum 3\nh_gcount 2\n'], [
    ["h.le2.000000:1|g", "h.sum:3|g", "h.count:2|g"],
  ]],
  ["bounds as %f writes them", [
    "# TYPE h gaugehistogram\n" +
    ["0.005", "1e-7", "1e21", "1e22", "-1", "-Inf"].map((le) => `h_bucket{le="${le}"} 1\n`).join(""),
  ], [[
    "h.le0.005000:1|g",
    "h.le0.000000:1|g",
    "h.le1000000000000000000000.000000:1|g",
    "h.le10000000000000000000000.000000:1|g",
    "h.le-1.000000:1|g",
    "h.le-Inf:1|g",
  ]]],
  ["what a line can't hold as underscores", ['{"a|b:c\\nd",e="f,g|h\\ni:j"} 1\n'], [["a_b_c_d:1|g|#e:f_g_h_i:j"]]],
];
for (const [what, pages, lines] of rounds) {
  Deno.test(`ScrapeDeltas gives ${what}`, () => assert.deepEqual(scraped(pages).map((one) => one.lines), lines));
}

Deno.test("ScrapeDeltas leaves out values that are no numbers, and compares with the last that was one", () => {
  const page = (value: string) => `# TYPE a counter\na ${value}\n# TYPE b gauge\nb ${value}\n`;
  const [, second] = scraped([page("1"), page("NaN")]);
  assert.deepEqual(second, { lines: [], filtered: 0, notFinite: 2 });
  assert.deepEqual(scraped([page("+Inf"), page("-Inf")]).map(({ notFinite }) => notFinite), [2, 2]);
});

const filters: [rules: Partial<ScrapeRules>, names: string[]][] = [
  [{}, ["go_gc", "go_threads", "http_total"]],
  [{ allow: /^go_/ }, ["go_gc", "go_threads"]],
  [{ deny: /_total$/ }, ["go_gc", "go_threads"]],
  [{ allow: /g/, deny: /threads/ }, ["go_gc"]],
  [{ allow: /nothing/ }, []],
];
for (const [rules, names] of filters) {
  Deno.test(`ScrapeDeltas takes families with ${Deno.inspect(rules)}`, () => {
    const page = "go_gc 1\ngo_threads 2\n# TYPE http counter\nhttp_total 3\n";
    const [first, second] = scraped([page, page.replace("3", "4")], rules);
    assert.deepEqual(second!.lines.map((line) => line.split(":")[0]), names);
    assert.equal(first!.filtered, 3 - names.length);
  });
}

Deno.test("ScrapeDeltas puts its tags on every line", () => {
  const [one] = scraped(['a{b="c"} 1\nd 2\n'], { tags: ["job:node", "x,y"] });
  assert.deepEqual(one!.lines, ["a:1|g|#b:c,job:node,x_y", "d:2|g|#job:node,x_y"]);
});

Deno.test("ScrapeDeltas gives lines that are accepted, whatever the numbers", () => {
  const values = ["1e21", "1e-7", "-1e308", "5e-324", "0.1", "123456789012345680000"];
  const [one] = scraped([values.map((value, i) => `a${i}{l="v w"} ${value}\n`).join("")]);
  const items = [...decodeDatagram(new TextEncoder().encode(one!.lines.join("\n")), 1, {
    metricMaxLength: 8192,
    extendTags: [],
  })];
  assert.deepEqual(items.map(({ kind, values }) => [kind, values]), values.map((value) => ["metric", [Number(value)]]));
});
