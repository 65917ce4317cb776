import assert from "node:assert/strict";
import { readOptions, spaced, Verdict } from "./campaign.ts";

const command = {
  defaults: { rate: 50_000, nameBytes: 60, shape: "one" },
  choices: { shape: ["one", "twenty"] },
};

const read: [args: string[], got: unknown][] = [
  [[], { rate: 50_000, nameBytes: 60, shape: "one" }],
  [["--rate", "0", "--name-bytes=24"], { rate: 0, nameBytes: 24, shape: "one" }],
  [["--shape", "twenty"], { rate: 50_000, nameBytes: 60, shape: "twenty" }],
  [["--shape", "three"], "Cannot use --shape three: write one of one, twenty"],
  [["--rate", "fast"], "Cannot use --rate fast: write a number"],
  [["--speed", "1"], "Cannot use --speed: no such option"],
];

for (const [args, got] of read) {
  Deno.test(`readOptions() reads ${args.join(" ") || "nothing"}`, () => {
    assert.deepEqual(readOptions(command, args), got);
  });
}

Deno.test("Verdict.require() remembers the one that did not hold", () => {
  const lines: string[] = [];
  const verdict = new Verdict((line) => lines.push(line));
  verdict.require(true, "a");
  assert.equal(verdict.holds, true);
  verdict.require(false, "b");
  verdict.require(true, "c");
  assert.equal(verdict.holds, false);
  assert.deepEqual(lines, ["    ok  a", "FAILED  b", "    ok  c"]);
});

for (const [value, text] of [[0, "0"], [999, "999"], [1000, "1 000"], [1_500_000, "1 500 000"]] as const) {
  Deno.test(`spaced() writes ${value} as ${text}`, () => assert.equal(spaced(value), text));
}
