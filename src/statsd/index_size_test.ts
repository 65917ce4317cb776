import assert from "node:assert/strict";
import { mostEntries, slotsFor } from "./index_size.ts";

const sizes: [entries: number, slots: number][] = [
  [256, 1024],
  [257, 2048],
  [16_384, 65_536],
  [16_385, 65_536],
  [49_152, 65_536],
  [49_153, 131_072],
  [1_000_000, 2_097_152],
];

for (const [entries, slots] of sizes) {
  Deno.test(`slotsFor() gives ${entries} entries ${slots} slots`, () => assert.equal(slotsFor(entries), slots));
}

for (let slots = 1024; slots <= 2 ** 24; slots *= 2) {
  Deno.test(`mostEntries() fills ${slots} slots, and one more doubles them: an index is never laid out anew in vain`, () => {
    assert.equal(slotsFor(mostEntries(slots)), slots);
    assert.equal(slotsFor(mostEntries(slots) + 1), slots * 2);
  });
}
