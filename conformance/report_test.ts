import assert from "node:assert/strict";
import { parseGolden } from "./golden.ts";
import { describeFailure, junitXml, protocolTable, totalsOf } from "./report.ts";
import type { CaseFailure, CaseResult } from "./run_case.ts";

function result(protocol: string, name: string, failure?: CaseFailure): CaseResult {
  const golden = parseGolden('{"why":"a <b> & \\"c\\"","source":"s","expect":{"decode":[]}}', "x.json");
  const fixture = { protocol, name, goldenPath: "x.json", golden };
  return { fixture, durationMs: 1500, ...(failure && { failure }) };
}

const FAILURE: CaseFailure = {
  stage: "decode",
  message: "it differs at [0].rate",
  difference: {
    path: "[0].rate",
    expected: { kind: "metric", rate: 0.5 },
    got: { rate: 1, kind: "metric", host: "h" },
  },
};
const RESULTS = [result("dogstatsd", "p01"), result("dogstatsd", "p02", FAILURE), result("ssf", "s")];

Deno.test("totalsOf() counts", () => assert.deepEqual(totalsOf(RESULTS), { passed: 2, failed: 1 }));

Deno.test("protocolTable() has a row a protocol", () => {
  const want = `protocol     cases   passed   failed
dogstatsd        2        1        1
ssf              1        1        0
`;
  assert.equal(protocolTable(RESULTS), want);
});

Deno.test("describeFailure() shows the two sides beside each other, member by member", () => {
  const lines = describeFailure(RESULTS[1]!).split("\n");
  assert.equal(lines[0], 'FAILED dogstatsd/p02 (a <b> & "c")');
  assert.equal(lines[1], "  decode: it differs at [0].rate");
  const pairs = lines.slice(3, 6).map((line) => line.split("|").map((part) => part.trim()));
  assert.deepEqual(pairs, [['kind: "metric"', 'kind: "metric"'], ["! rate: 0.5", "rate: 1"], ["!", 'host: "h"']]);
});

Deno.test("describeFailure() says where there is nothing to compare with", () => {
  const failure = { ...FAILURE, difference: { path: "[1]", got: { kind: "x" } } };
  assert.match(describeFailure(result("p", "n", failure)), /! \(nothing\) +\|\n/);
});

Deno.test("describeFailure() is empty for a case that passed", () => assert.equal(describeFailure(RESULTS[0]!), ""));

Deno.test("junitXml() is well formed whatever the texts", () => {
  const failure: CaseFailure = { stage: "feed", message: 'Error: <\u0001> "&"' };
  const xml = junitXml([...RESULTS, result("ssf", "t", failure)]);
  assert.match(xml, /^<\?xml [^\n]*\n<testsuites tests="4" failures="2" time="6\.000">/);
  assert.match(xml, /<testsuite name="dogstatsd" tests="2" failures="1" time="3\.000">/);
  assert.match(xml, /name="p01: a &lt;b&gt; &amp; &quot;c&quot;" time="1\.500"\/>/);
  assert.match(xml, /<failure message="feed: Error: &lt;\ufffd&gt; &quot;&amp;&quot;">/);
});
