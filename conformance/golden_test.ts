import assert from "node:assert/strict";
import { FixtureError, formatGolden, parseGolden } from "./golden.ts";

const GOLDEN = `{
  "why": "a counter",
  "source": "written by hand",
  "config": {"statsd":{"interval":"10s"}},
  "options": {"timeS":5,"set":{"metric_max_length":"16"},"live":"tcp"},
  "expect": {
    "decode": [
      {"kind":"metric","id":9223372036854775807},
      {"kind":"error"}
    ],
    "live": []
  }
}
`;

Deno.test("formatGolden() writes what parseGolden() read", () => {
  assert.equal(formatGolden(parseGolden(GOLDEN, "a.json")), GOLDEN);
});

Deno.test("parseGolden() takes a golden without configuration and options", () => {
  const golden = parseGolden('{"why":"w","source":"s","expect":{"feed":[]}}', "a.json");
  assert.deepEqual(golden, { why: "w", source: "s", config: {}, options: {}, expect: { feed: [] } });
});

const refused: [text: string, why: RegExp][] = [
  ["{", /not JSON/],
  ["[]", /write an object/],
  ['{"source":"s","expect":{"feed":[]}}', /why/],
  ['{"why":"w","source":"","expect":{"feed":[]}}', /source/],
  ['{"why":"w","source":"s"}', /expect/],
  ['{"why":"w","source":"s","expect":{}}', /at least one/],
  ['{"why":"w","source":"s","expect":{"decode":{}}}', /expect\.decode as a list/],
  ['{"why":"w","source":"s","expect":{"decoded":[]}}', /decoded is none of/],
  ['{"why":"w","source":"s","expects":{}}', /expects is none of/],
  ['{"why":"w","source":"s","config":[],"expect":{"feed":[]}}', /config/],
  ['{"why":"w","source":"s","options":{"timeS":"5"},"expect":{"feed":[]}}', /timeS/],
  ['{"why":"w","source":"s","options":{"set":{"a":1}},"expect":{"feed":[]}}', /set/],
  ['{"why":"w","source":"s","options":{"live":"quic"},"expect":{"feed":[]}}', /live/],
  ['{"why":"w","source":"s","options":{"hex":true},"expect":{"feed":[]}}', /hex is none of/],
];
for (const [text, why] of refused) {
  Deno.test(`parseGolden() refuses ${text}`, () => {
    assert.throws(
      () => parseGolden(text, "a.json"),
      (error) => error instanceof FixtureError && why.test(error.message),
    );
  });
}
