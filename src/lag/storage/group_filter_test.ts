import assert from "node:assert/strict";
import { accepts, compilePattern, PatternError } from "./group_filter.ts";

const matches: [pattern: string, text: string, does: boolean][] = [
  ["foo", "xfoox", true],
  ["^foo$", "xfoox", false],
  ["(?i)FOO", "a-foo", true],
  ["(?is)^a.b$", "A\nB", true],
  ["(?P<name>a+)b", "xaab", true],
  ["[[:alpha:]]+-[[:digit:]]", "ab-1", true],
  ["^[^[:space:]]+$", "a b", false],
  ["\\Aab\\z", "ab", true],
  ["\\Aab\\z", "ab\n", false],
  ["\\Qa.b\\E", "a.b", true],
  ["\\Qa.b\\E", "axb", false],
  ["a\\-b\\_c", "a-b_c", true],
  ["^\\pL+$", "äß", true],
  ["\\x41", "A", true],
  ["a\\.b\\/c", "a.b/c", true],
  ["(?i:foo)bar", "FOObar", true],
];
for (const [pattern, text, does] of matches) {
  Deno.test(`compilePattern() of ${pattern} ${does ? "finds" : "does not find"} ${JSON.stringify(text)}`, () => {
    assert.equal(compilePattern(pattern).test(text), does);
  });
}

for (const pattern of ["(", "a(?=b)", "a(?!b)", "(?<=a)b", "(a)\\1", "[[:nope:]]", "[[:alpha", "a{2,1}"]) {
  Deno.test(`compilePattern() refuses ${pattern}`, () => {
    assert.throws(() => compilePattern(pattern), (error) => error instanceof PatternError && error.pattern === pattern);
  });
}

Deno.test("accepts() lets the denylist have the last word", () => {
  const filter = { allow: compilePattern("^app-"), deny: compilePattern("-test$") };
  assert.deepEqual(["app-1", "app-test", "other"].map((group) => accepts(filter, group)), [true, false, false]);
  assert.equal(accepts({}, "any"), true);
});
