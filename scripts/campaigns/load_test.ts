import assert from "node:assert/strict";
import { judgeDrops, load, runLoad } from "./load.ts";

Deno.test({
  name: "runLoad() finds everything counted and flushed",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const printed: string[] = [];
    const options = { ...load.defaults, rate: 2_000, seconds: 2, series: 100, interval: 1 };
    assert.ok(await runLoad(options, (line) => printed.push(line)), printed.join("\n"));
  },
});

const MIB = 2 ** 20;
const judged: [drops: number, rmemMax: number | null, holds: boolean, words: RegExp][] = [
  [0, null, true, /^no kernel drops$/],
  [5, 212_992, true, /because net\.core\.rmem_max is 212992, .* sysctl -w net\.core\.rmem_max=2097152/],
  [5, 4 * MIB, false, /although net\.core\.rmem_max \(4194304\) grants the whole buffer/],
  [5, null, false, /can't be read/],
];

for (const [drops, rmemMax, holds, words] of judged) {
  Deno.test(`judgeDrops() of ${drops} drops with rmem_max ${rmemMax}`, () => {
    const [got, what] = judgeDrops(drops, rmemMax);
    assert.equal(got, holds);
    assert.match(what, words);
  });
}
