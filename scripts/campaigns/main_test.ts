import assert from "node:assert/strict";
import { runCampaign } from "./main.ts";

const said: [args: string[], code: number, words: RegExp][] = [
  [[], 2, /^campaign NAME/],
  [["--help"], 0, /load .*\n.*cardinality .*\n[^]*fuzz .*\n[^]*drain /],
  [["lode"], 2, /^Cannot run lode: no such campaign/],
  [["load", "--help"], 0, /--series N/],
  [["load", "--shape", "three"], 2, /^Cannot use --shape three: write one of one, twenty/],
  [["fuzz", "--speed"], 2, /^Cannot use --speed: no such option/],
];

for (const [args, code, words] of said) {
  Deno.test(`runCampaign() ends with ${code} on ${args.join(" ") || "nothing"}`, async () => {
    const printed: string[] = [];
    assert.equal(await runCampaign(args, (line) => printed.push(line)), code);
    assert.match(printed.join("\n"), words);
  });
}
