import assert from "node:assert/strict";
import { fuzzFlows } from "./fuzz_flows.ts";

Deno.test("a short campaign of mutated flows holds", async () => {
  const printed: string[] = [];
  const holds = await fuzzFlows.run({ count: 30_000, seed: 20_261_121 }, (line) => printed.push(line));
  assert.ok(holds, printed.join("\n"));
});
