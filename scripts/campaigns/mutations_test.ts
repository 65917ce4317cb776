import assert from "node:assert/strict";
import { fuzz } from "./fuzz.ts";
import { fixtureSamples, Mutator, randomFrom } from "./mutations.ts";

Deno.test("randomFrom() gives the same numbers for the same seed, and all of them in turn", () => {
  const [a, b, c] = [randomFrom(1), randomFrom(1), randomFrom(2)];
  const rolls = Array.from({ length: 1_000 }, () => a(6));
  assert.deepEqual(rolls, Array.from({ length: 1_000 }, () => b(6)));
  assert.notDeepEqual(rolls, Array.from({ length: 1_000 }, () => c(6)));
  assert.equal(new Set(rolls).size, 6);
});

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
