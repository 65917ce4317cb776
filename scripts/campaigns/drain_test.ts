import assert from "node:assert/strict";
import { drain } from "./drain.ts";

Deno.test("a short drain campaign flushes what had arrived", async () => {
  const printed: string[] = [];
  const holds = await drain.run({ rounds: 1, rate: 20_000, seconds: 1 }, (line) => printed.push(line));
  assert.ok(holds, printed.join("\n"));
});
