import assert from "node:assert/strict";
import { ConfigError, Section } from "../../config/mod.ts";
import { compileRule, readSources, sourceSection } from "./source_config.ts";

const TARGET = "http://127.0.0.1:9100/metrics";
const sources = (...list: object[]) => readSources(list.map((one) => Section.of(one)));

Deno.test("readSources() gives what is not written its default", () => {
  assert.deepEqual(sources({ kind: "openmetrics", scrape_target: TARGET }), [{
    kind: "openmetrics",
    name: "127.0.0.1:9100",
    scrapeTarget: TARGET,
    scrapeIntervalMs: 10_000,
    scrapeTimeoutMs: 10_000,
    allowlist: "",
    denylist: "",
    tags: [],
    maxBodyBytes: 67_108_864,
  }]);
  const [fast] = sources({ kind: "openmetrics", scrape_target: TARGET, scrape_interval: "2s" });
  assert.equal(fast!.scrapeTimeoutMs, 2_000);
});

Deno.test("sourceSection() reads as the same source", () => {
  const written = {
    kind: "openmetrics",
    name: "node",
    scrape_target: TARGET,
    scrape_interval: "1m0s",
    scrape_timeout: "5s",
    allowlist: "^node_",
    denylist: "(?i)_BUCKET$",
    tags: ["job:node"],
    max_body: "1MiB",
  };
  const [source] = sources(written);
  assert.deepEqual(sources(sourceSection(source!)), [source]);
});

const refused: [source: object, message: RegExp][] = [
  [{ scrape_target: TARGET }, /kind/],
  [{ kind: "statsd", scrape_target: TARGET }, /kind/],
  [{ kind: "openmetrics" }, /scrape_target: write a URL/],
  [{ kind: "openmetrics", scrape_target: "127.0.0.1:9100" }, /scrape_target/],
  [{ kind: "openmetrics", scrape_target: "ftp://a/b" }, /scrape_target/],
  [{ kind: "openmetrics", scrape_target: "http://user:pass@a/b" }, /without a user/],
  [{ kind: "openmetrics", scrape_target: TARGET, scrape_timeout: "11s" }, /at most scrape_interval, 10s/],
  [{ kind: "openmetrics", scrape_target: TARGET, scrape_interval: "0s" }, /scrape_interval/],
  [{ kind: "openmetrics", scrape_target: TARGET, allowlist: "(" }, /allowlist .*a regular expression/],
  [{ kind: "openmetrics", scrape_target: TARGET, denylist: ["a"] }, /denylist/],
  [{ kind: "openmetrics", scrape_target: TARGET, max_body: "1B" }, /max_body/],
  [{ kind: "openmetrics", scrape_target: TARGET, scrape_targets: "x" }, /scrape_targets/],
];
for (const [source, message] of refused) {
  Deno.test(`readSources() refuses ${JSON.stringify(source)}`, () => {
    assert.throws(() => sources(source), (error) => error instanceof ConfigError && message.test(error.message));
  });
}

Deno.test("readSources() refuses a name that is there twice", () => {
  const one = { kind: "openmetrics", scrape_target: TARGET };
  assert.throws(() => sources(one, { ...one, scrape_target: `${TARGET}2` }), /no other source has/);
  assert.equal(sources({ ...one, name: "a" }, { ...one, name: "b" }).length, 2);
});

const rules: [text: string, matches: string, not: string][] = [
  ["^go_", "go_gc", "a_go_"],
  ["a|b", "xbx", "c"],
  ["(?i)GO", "ago", "g"],
  ["(?P<part>x+)_y", "xx_y", "_y"],
  ["(?:a)\\.b", "a.b", "a-b"],
];
for (const [text, matches, not] of rules) {
  Deno.test(`compileRule() reads ${text}`, () => {
    assert.ok(compileRule(text).test(matches));
    assert.ok(!compileRule(text).test(not));
  });
}
