import assert from "node:assert/strict";
import { expandTemplate, Pattern } from "./pattern.ts";

const matched: [source: string, text: string, groups: string[]][] = [
  ["^([a-z]+[0-9]+)[.]", "par3.core.example.net", ["par3.", "par3"]],
  ["^(?i)(transit|peering|ix)/", "TRANSIT/Acme Net/0042", ["TRANSIT/", "TRANSIT"]],
  ["^[^/]+/([^/]+)", "TRANSIT/Acme Net/0042", ["TRANSIT/Acme Net", "Acme Net"]],
  ["a(?i:b)c", "xaBc", ["aBc"]],
  ["(a|ab)(c|bcd)(d*)", "abcd", ["abcd", "a", "bcd", ""]],
  ["x*", "aaa", [""]],
  ["(?s)a.b", "a\nb", ["a\nb"]],
  ["(?m)^b$", "a\nb\nc", ["b"]],
  ["(?P<site>[a-z]{3})(?<n>\\d{1,2})", "--par12--", ["par12", "par", "12"]],
  ["a{2,3}?", "aaaa", ["aa"]],
  ["a{2,}", "aaaa", ["aaaa"]],
  ["a{,2}", "a{,2}", ["a{,2}"]],
  ["(?U)a+", "aaa", ["a"]],
  ["(a*)*", "b", ["", ""]],
  ["[[:alpha:]_]+", "9ab_c9", ["ab_c"]],
  ["[^[:digit:]]", "1a", ["a"]],
  ["\\bnet\\b", "a net b", ["net"]],
  ["\\pL+", "12é3", ["é"]],
  ["\\p{Greek}", "aλ", ["λ"]],
  ["\\Qa.b\\E+", "a.bb", ["a.bb"]],
  ["[\\]a-]+", "x]-a", ["]-a"]],
  ["[]a]+", "x]a", ["]a"]],
  ["(?i)[a-c]+", "xABC", ["ABC"]],
  ["\\x41\\x{1F600}", "A😀", ["A😀"]],
  [".", "😀", ["😀"]],
  ["\\A\\d+\\z", "42", ["42"]],
  ["", "a", [""]],
];
for (const [source, text, groups] of matched) {
  Deno.test(`Pattern ${source} matches ${JSON.stringify(text)}`, () => {
    const pattern = new Pattern(source);
    assert.deepEqual(pattern.match(text), groups);
    assert.equal(pattern.test(text), true);
  });
}

const unmatched: [source: string, text: string][] = [
  ["^b", "ab"],
  ["a.b", "a\nb"],
  ["^b$", "a\nb\nc"],
  ["(?-i)a", "A"],
  ["\\Bnet", "net"],
  ["[^a]", "a"],
  ["(?i)[^a]", "A"],
  ["a{3}", "aa"],
];
for (const [source, text] of unmatched) {
  Deno.test(`Pattern ${source} does not match ${JSON.stringify(text)}`, () => {
    assert.equal(new Pattern(source).match(text), null);
  });
}

const refused: [source: string, problem: RegExp][] = [
  ["(a", /there is no \) for this \( \(at character 1\)/],
  ["a)", /no \( for this \) \(at character 2\)/],
  ["[a", /no \] for this \[/],
  ["*a", /nothing that \* could repeat/],
  ["a**", /one quantifier/],
  ["(?=a)", /no look-around/],
  ["(?<!a)", /no look-around/],
  ["(a)\\1", /no back-references \(at character 4\)/],
  ["a{3,2}", /smaller number/],
  ["a{1001}", /at most 1000/],
  ["((a{1000}){1000})", /too large/],
  ["[z-a]", /backwards/],
  ["\\y", /not known/],
  ["\\p{Nothing}", /no class/],
  ["(?<a>x)(?<a>y)", /two groups/],
  ["\\", /missing behind/],
  ["[[:what:]]", /no class/],
  ["(".repeat(500), /nested too deeply/],
];
for (const [source, problem] of refused) {
  Deno.test(`Pattern refuses ${source.slice(0, 20)}`, () => assert.throws(() => new Pattern(source), problem));
}

Deno.test("Pattern takes no longer for what makes others go back and forth", () => {
  const text = "a".repeat(20_000) + "!";
  assert.equal(new Pattern("^(a+)+$").test(text), false);
  assert.equal(new Pattern("^(a|aa)+$").test(text), false);
  assert.equal(new Pattern("(x+x+)+y").test("x".repeat(20_000)), false);
});

Deno.test("Pattern agrees with RegExp on random expressions that both have", () => {
  let seed = 7;
  const random = (below: number) => (seed = Math.imul(seed, 1_103_515_245) + 12_345 >>> 0, (seed >>> 8) % below);
  const write = (depth: number): string => {
    const kind = random(depth > 3 ? 3 : 8);
    switch (kind) {
      case 0:
        return "abc"[random(3)]!;
      case 1:
        return ["[ab]", "[^a]", ".", "\\d"][random(4)]!;
      case 2:
        return "ab";
      case 3:
        return `(${write(depth + 1)})`;
      case 4:
        return `(?:${write(depth + 1)}|${write(depth + 1)})`;
      case 5: // what is repeated is never empty: there the two differ in what a group holds
        return `[abc]${["*", "+", "?", "{1,2}", "*?", "+?"][random(6)]}`;
      default:
        return write(depth + 1) + write(depth + 1);
    }
  };
  for (let turn = 0; turn < 3000; turn++) {
    const source = write(0);
    const text = Array.from({ length: random(9) }, () => "abc1"[random(4)]).join("");
    const want = new RegExp(source, "u").exec(text);
    const got = new Pattern(source).match(text);
    assert.deepEqual(got, want === null ? null : Array.from(want, (group) => group ?? ""), `${source} on ${text}`);
  }
});

const templates: [template: string, text: string][] = [
  ["$1", "one"],
  ["${1}x", "onex"],
  ["$1x", ""],
  ["$1-$2", "one-two"],
  ["$name", "two"],
  ["$$1", "$1"],
  ["$9", ""],
  ["$", "$"],
  ["a${0}b", "awholeb"],
];
for (const [template, text] of templates) {
  Deno.test(`expandTemplate() fills in ${template}`, () => {
    assert.equal(expandTemplate(template, ["whole", "one", "two"], new Map([["name", 2]])), text);
  });
}
