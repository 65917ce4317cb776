import assert from "node:assert/strict";
import { fuzz } from "./fuzz.ts";
import { fixtureSamples, Mutator } from "./mutations.ts";

Deno.test("Mutator makes many different mutants and none that is too long", async () => {
  const samples = await fixtureSamples(new URL("../../testdata/dogstatsd/", import.meta.url));
  assert.ok(samples.length > 200);
  const mutator = new Mutator(samples, 7, 500, 5);
  const seen = new Set<string>();
  for (let i = 0; i < 5_000; i++) {
    const length = mutator.next();
    assert.ok(length >= 0 && length <= 500);
    seen.add(mutator.buffer.subarray(0, length).toHex());
  }
  assert.ok(seen.size > 4_000, `${seen.size} different ones`);
});

Deno.test("a short fuzz campaign balances its books", async () => {
  const printed: string[] = [];
  const holds = await fuzz.run({ count: 20_000, socket: 2_000, seed: 20_261_121 }, (line) => printed.push(line));
  assert.ok(holds, printed.join("\n"));
});
