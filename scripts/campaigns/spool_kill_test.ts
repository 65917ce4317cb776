import assert from "node:assert/strict";
import { killRounds } from "./spool_kill.ts";

Deno.test("killRounds() finds every stored event after kill -9", async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const lines: string[] = [`seed ${seed}`];
  try {
    const report = await killRounds({ rounds: 5, seed, longestMs: 600, print: (line) => lines.push(line) });
    assert.ok(report.stored > 0);
    assert.ok(report.delivered >= report.stored);
  } catch (error) {
    throw new Error(lines.join("\n"), { cause: error });
  }
});
