import assert from "node:assert/strict";
import { offsets } from "./offsets.ts";

Deno.test("campaign offsets holds for 20 000 mutants", async () => {
  const printed: string[] = [];
  const holds = await offsets.run({ count: 20_000, seed: 42 }, (line) => printed.push(line));
  assert.ok(holds, printed.join("\n"));
});
