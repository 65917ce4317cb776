import assert from "node:assert/strict";
import { Mutant } from "./mutant.ts";

const text = (mutant: Mutant) => new TextDecoder().decode(mutant.buffer.subarray(0, mutant.length));

/** A mutant of eight bytes at the most, with these. */
function mutantOf(bytes: string): Mutant {
  const mutant = new Mutant(8, 2);
  mutant.append(new TextEncoder().encode(bytes));
  return mutant;
}

const changes: [what: string, change: (mutant: Mutant) => void, from: string, to: string][] = [
  ["append() puts bytes behind it", (mutant) => mutant.append(Uint8Array.of(0x64)), "abc", "abcd"],
  [
    "append() leaves out what does not fit",
    (mutant) => mutant.append(Uint8Array.of(0x69, 0x6a)),
    "abcdefg",
    "abcdefgi",
  ],
  ["flipBit() turns one bit over", (mutant) => mutant.flipBit(1, 0), "abc", "acc"],
  ["cutOut() takes out a stretch", (mutant) => mutant.cutOut(1, 2), "abcd", "ad"],
  ["cutOut() ends where the mutant ends", (mutant) => mutant.cutOut(1, 16), "abcd", "a"],
  ["double() doubles a stretch", (mutant) => mutant.double(1, 2), "abcd", "abcbcd"],
  ["double() ends where the mutant ends", (mutant) => mutant.double(3, 16), "abcd", "abcdd"],
  ["double() stays within the most", (mutant) => mutant.double(0, 5), "abcdef", "ababcdef"],
];
for (const [what, change, from, to] of changes) {
  Deno.test(`Mutant ${what}`, () => {
    const mutant = mutantOf(from);
    change(mutant);
    assert.equal(text(mutant), to);
    assert.equal(mutant.buffer.length, 10);
  });
}
