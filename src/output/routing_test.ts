import assert from "node:assert/strict";
import { Section } from "../config/mod.ts";
import type { Point } from "../metric/mod.ts";
import { NO_FILTER } from "./config.ts";
import { newPointFilter } from "./filter.ts";
import { newRoute, readRoutingRules, readTagMatchers, tagTest } from "./routing.ts";

function rulesOf(...rules: object[]) {
  return readRoutingRules(Section.of({ rules }).sections("rules"));
}

const point = (name: string, ...tags: string[]): Point => ({ name, type: "gauge", value: 1, timestamp: 7, tags });

const api = {
  name: "api",
  match: [
    { name: { kind: "prefix", value: "api." }, tags: [{ kind: "exact", value: "env:prod" }] },
    { name: { kind: "regex", value: "^db[.][0-9]+$" }, tags: [] },
  ],
  sinks: { matched: ["dd"], not_matched: ["cheap"] },
};
const noCanary = {
  name: "no canary",
  match: [{ name: { kind: "any" }, tags: [{ kind: "prefix", value: "canary", unset: true }] }],
  sinks: { matched: ["prom"], not_matched: [] },
};

const routes: [point: Point, outputs: string[]][] = [
  [point("api.hits", "env:prod"), ["dd", "prom"]],
  [point("api.hits", "env:prod", "canary:1"), ["dd"]],
  [point("api.hits", "env:production"), ["cheap", "prom"]],
  [point("api.hits"), ["cheap", "prom"]],
  [point("db.12"), ["dd", "prom"]],
  [point("db.x"), ["cheap", "prom"]],
  [point("my.db.12", "canary"), ["cheap"]],
];
for (const [one, outputs] of routes) {
  Deno.test(`newRoute() sends ${one.name} [${one.tags}] to ${outputs}`, () => {
    const rules = rulesOf(api, noCanary);
    const got = ["dd", "cheap", "prom", "other"].filter((name) => newRoute(rules, name, "some_kind")!(one));
    assert.deepEqual(got, outputs);
  });
}

Deno.test("newRoute() knows an output by its kind, too, and passes everything where there is no rule", () => {
  assert.equal(newRoute(rulesOf(api), "anything", "dd")!(point("db.1")), true);
  assert.equal(newRoute([], "dd", "datadog"), null);
});

Deno.test("a rule without matchers matches nothing, and one that names an output twice sends it everything", () => {
  const none = rulesOf({ name: "n", sinks: { matched: ["a"], not_matched: ["b"] } });
  assert.deepEqual([newRoute(none, "a", "k")!(point("x")), newRoute(none, "b", "k")!(point("x"))], [false, true]);
  const both = rulesOf({ ...api, sinks: { matched: ["a"], not_matched: ["a"] } });
  assert.deepEqual([newRoute(both, "a", "k")!(point("x")), newRoute(both, "a", "k")!(point("db.1"))], [true, true]);
});

const refused: [rule: object, message: RegExp][] = [
  [{ match: [{ name: { kind: "glob", value: "a*" } }] }, /kind/],
  [{ match: [{ name: {} }] }, /one of any, exact, prefix, regex/],
  [{ match: [{ name: { kind: "regex", value: "(" } }] }, /regular expression/],
  [{ match: [{ name: { kind: "any" }, tags: [{ kind: "any" }] }] }, /exact/],
  [{ sinks: { mached: ["a"] } }, /matched/],
  [{ matches: [] }, /match/],
];
for (const [rule, message] of refused) {
  Deno.test(`readRoutingRules() refuses ${JSON.stringify(rule)}`, () => {
    assert.throws(() => rulesOf(rule), message);
  });
}

Deno.test("a filter routes, and strips tags that match", () => {
  const stripTags = readTagMatchers(
    Section.of({
      tags: [{ kind: "exact", value: "a:1" }, { kind: "prefix", value: "pod" }, {
        kind: "regex",
        value: "^id:[0-9]+$",
      }],
    }).sections("tags"),
  );
  const filter = newPointFilter({
    ...NO_FILTER,
    stripTags,
    routing: rulesOf(api),
    outputName: "dd",
    outputKind: "datadog",
  });
  assert.equal(filter(point("other")), null);
  assert.deepEqual(filter(point("db.1", "a:1", "a:12", "pod:x", "id:7", "id:x"))?.tags, ["a:12", "id:x"]);
  assert.deepEqual([filter.counts.skipped, filter.counts.flushed], [1, 1]);
  assert.equal(filter.isIdentity, false);
});

Deno.test("tagTest() of a matcher that is unset holds for the other tags", () => {
  const [matcher] = readTagMatchers(Section.of({ t: [{ kind: "prefix", value: "keep", unset: true }] }).sections("t"));
  const strips = tagTest(matcher!);
  assert.deepEqual(["keep:1", "x"].map(strips), [false, true]);
});
