import assert from "node:assert/strict";
import { fractionsFrom, randomFrom } from "./random.ts";

Deno.test("randomFrom() gives the same numbers for the same seed, and all of them in turn", () => {
  const [a, b, c] = [randomFrom(1), randomFrom(1), randomFrom(2)];
  const rolls = Array.from({ length: 1_000 }, () => a(6));
  assert.deepEqual(rolls, Array.from({ length: 1_000 }, () => b(6)));
  assert.notDeepEqual(rolls, Array.from({ length: 1_000 }, () => c(6)));
  assert.equal(new Set(rolls).size, 6);
});

Deno.test("fractionsFrom() gives fractions of the same numbers, in every tenth alike", () => {
  const [fractions, numbers] = [fractionsFrom(7), randomFrom(7)];
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const fraction = fractions();
    assert.equal(fraction, numbers(2 ** 32) / 2 ** 32);
    counts[Math.floor(fraction * 10)]!++;
  }
  assert.ok(counts.every((count) => count > 800 && count < 1_200), String(counts));
});
