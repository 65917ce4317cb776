import assert from "node:assert/strict";
import { peakOf, residentAt, watchMemory } from "./memory_watch.ts";

const samples = [{ atMs: 100, bytes: 5 }, { atMs: 150, bytes: 9 }, { atMs: 200, bytes: 7 }];

Deno.test("peakOf() is the largest sample, and 0 of none", () => {
  assert.equal(peakOf(samples), 9);
  assert.equal(peakOf([]), 0);
});

for (const [atMs, bytes] of [[99, NaN], [100, 5], [199, 9], [1000, 7]] as const) {
  Deno.test(`residentAt() is ${bytes} at ${atMs}`, () => assert.equal(residentAt(samples, atMs), bytes));
}

Deno.test("watchMemory() looks until it is disposed of", async () => {
  let looks = 0;
  const enough = Promise.withResolvers<void>();
  const watch = watchMemory(() => {
    if (++looks === 3) enough.resolve();
    return looks;
  }, 1);
  await enough.promise;
  await watch[Symbol.asyncDispose]();
  const { length } = watch.samples;
  assert.deepEqual(watch.samples.slice(0, 3).map(({ bytes }) => bytes), [1, 2, 3]);
  assert.equal(watch.samples.length, length);
});
