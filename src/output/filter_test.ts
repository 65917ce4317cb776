import assert from "node:assert/strict";
import type { Point } from "../metric/mod.ts";
import { NO_FILTER } from "./config.ts";
import type { PointFilterConfig } from "./contract.ts";
import { type FilterStatus, newPointFilter } from "./filter.ts";

const point: Point = { name: "page.views", type: "gauge", value: 1, timestamp: 7, tags: ["dc:eu", "env:prod", "x"] };

function filterOf(changes: Partial<PointFilterConfig>) {
  return newPointFilter({ ...NO_FILTER, ...changes, outputName: "dd", outputKind: "datadog" });
}

/** `tags` is what is left of a point that passes; a word is the status of one that does not. */
const cases: [
  what: string,
  config: Partial<PointFilterConfig>,
  changes: Partial<Point>,
  left: readonly string[] | FilterStatus,
][] = [
  ["passes everything without settings", {}, {}, point.tags],
  ["passes what is for its name", {}, { sinks: ["s3", "dd"] }, point.tags],
  ["passes what is for its kind", {}, { sinks: ["datadog"] }, point.tags],
  ["skips what is for others", {}, { sinks: ["s3"] }, "skipped"],
  ["skips what is for nobody", {}, { sinks: [] }, "skipped"],
  ["strips the tags that route", {}, { sinks: ["dd"], tags: ["a", "veneursinkonly:dd", "veneursinkonly:s3", "z"] }, [
    "a",
    "z",
  ]],
  ["passes a name of the longest length", { maxNameLength: 10 }, {}, point.tags],
  ["drops a longer name", { maxNameLength: 9 }, {}, "max_name_length"],
  ["measures names in bytes", { maxNameLength: 5 }, { name: "zwölf" }, "max_name_length"],
  ["passes a name that just fits in bytes", { maxNameLength: 6 }, { name: "zwölf" }, point.tags],
  ["passes tags of the longest length", { maxTagLength: 8 }, {}, point.tags],
  ["drops a point with a longer tag", { maxTagLength: 7 }, {}, "max_tag_length"],
  ["does not measure tags it leaves out", { maxTagLength: 7, excludeTags: ["env"] }, {}, ["dc:eu", "x"]],
  ["passes as many tags as allowed", { maxTags: 3 }, {}, point.tags],
  ["drops a point with more tags", { maxTags: 2 }, {}, "max_tags"],
  ["counts tags behind exclusion", { maxTags: 2, excludeTags: ["x"] }, {}, ["dc:eu", "env:prod"]],
  ["counts the tags it adds", { maxTags: 3, addTags: { a: "1" } }, {}, "max_tags"],
  ["does not count tags that route", { maxTags: 1 }, { sinks: ["dd"], tags: ["a", "veneursinkonly:dd"] }, ["a"]],
  ["excludes by exact key", { excludeTags: ["dc", "x", "en"] }, {}, ["env:prod"]],
  ["excludes every tag of a key", { excludeTags: ["k"] }, { tags: ["k", "k:1", "k:2:3", "kk:1"] }, ["kk:1"]],
  ["adds tags", { addTags: { team: "a", pool: "" } }, {}, [...point.tags, "team:a", "pool:"]],
  ["does not replace a key that is there", { addTags: { dc: "us", x: "1", en: "v" } }, {}, [...point.tags, "en:v"]],
  ["adds a key it has excluded", { excludeTags: ["dc"], addTags: { dc: "us" } }, {}, ["env:prod", "x", "dc:us"]],
  ["drops by a name's prefix", { dropNamePrefixes: ["db.", "page."] }, {}, "name_prefix"],
  ["keeps names that only contain it", { dropNamePrefixes: ["views"] }, {}, point.tags],
  [
    "leaves out tags by prefix for names by prefix",
    { excludeTagPrefixes: [{ metricPrefix: "page", tags: ["e", "dc:"] }] },
    {},
    ["x"],
  ],
  ["keeps such tags for other names", { excludeTagPrefixes: [{ metricPrefix: "db", tags: ["e"] }] }, {}, point.tags],
  [
    "applies every rule that fits",
    { excludeTagPrefixes: [{ metricPrefix: "", tags: ["x"] }, { metricPrefix: "page", tags: ["env"] }] },
    {},
    ["dc:eu"],
  ],
];
for (const [what, config, changes, left] of cases) {
  Deno.test(`newPointFilter() ${what}`, () => {
    const filter = filterOf(config);
    const given = Object.freeze({ ...point, tags: Object.freeze([...changes.tags ?? point.tags]), ...changes });
    const got = filter(given);
    const status = typeof left === "string" ? left : "flushed";
    assert.deepEqual(got?.tags, typeof left === "string" ? undefined : left);
    assert.equal(filter.counts[status], 1);
    assert.equal(Object.values(filter.counts).reduce((sum, one) => sum + one, 0), 1);
    if (got !== null) assert.deepEqual({ ...got, tags: [] }, { ...given, tags: [] });
  });
}

Deno.test("newPointFilter() hands on the same object where nothing changes", () => {
  assert.equal(filterOf({})(point), point);
  assert.equal(filterOf({ maxTags: 9, maxTagLength: 99, maxNameLength: 99, dropNamePrefixes: ["q"] })(point), point);
});

Deno.test("newPointFilter().isIdentity tells whether points without sinks pass as they are", () => {
  assert.equal(filterOf({}).isIdentity, true);
  const settings: Partial<PointFilterConfig>[] = [
    { maxNameLength: 1 },
    { maxTagLength: 1 },
    { maxTags: 1 },
    { excludeTags: ["a"] },
    { addTags: { a: "b" } },
    { dropNamePrefixes: ["a"] },
    { excludeTagPrefixes: [{ metricPrefix: "a", tags: ["b"] }] },
  ];
  for (const config of settings) assert.equal(filterOf(config).isIdentity, false, JSON.stringify(config));
});
