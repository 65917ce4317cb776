import assert from "node:assert/strict";
import { Rotation, sequenceDigits } from "./rotation.ts";

const at = (time: string) => Date.parse(`2024-${time}Z`);
const START = at("02-29T23:55:00.000");
const LIMIT_MS = 600_000;

Deno.test("Rotation ends files at multiples of the limit from the first record on, strictly after them", () => {
  const rotation = new Rotation("U", START, START, LIMIT_MS);
  assert.equal(rotation.next(START, START, () => false).path, "2024/02/29/U.00000.jsonl.zst");
  assert.equal(rotation.isExpired(at("03-01T00:05:00.000")), false);
  assert.equal(rotation.isExpired(at("03-01T00:05:00.010")), true);
  const late = at("03-01T00:47:30.000");
  assert.deepEqual(rotation.next(late, late, () => false), { sequence: 1, path: "2024/03/01/U.00001.jsonl.zst" });
  assert.equal(rotation.isExpired(at("03-01T00:55:00.000")), false);
  assert.equal(rotation.isExpired(at("03-01T00:55:00.001")), true);
});

Deno.test("Rotation takes the first sequence that is free, and goes on from there", () => {
  const taken = ["2024/02/29/U.00000.jsonl.zst", "2024/02/29/U.00001.jsonl.zst", "2024/02/29/U.00003.jsonl.zst"];
  const rotation = new Rotation("U", START, START, LIMIT_MS);
  const next = (timeMs: number) => rotation.next(timeMs, timeMs, (path) => taken.includes(path)).sequence;
  assert.deepEqual([next(START), next(START + 1), next(START + LIMIT_MS + 1)], [2, 4, 5]);
});

Deno.test("Rotation counts ages by the clock that never steps back", () => {
  const rotation = new Rotation("U", START, 5, LIMIT_MS);
  rotation.next(START, 5, () => false);
  assert.equal(rotation.isExpired(5 + LIMIT_MS), false);
  assert.equal(rotation.isExpired(6 + LIMIT_MS), true);
});

Deno.test("Rotation.giveBack() uses the sequence again", () => {
  const rotation = new Rotation("U", START, START, LIMIT_MS);
  rotation.next(START, START, () => false);
  rotation.giveBack();
  assert.equal(rotation.next(START, START, () => false).sequence, 0);
});

const digits: [sequence: number, text: string][] = [[0, "00000"], [99_999, "99999"], [100_000, "100000"]];
for (const [sequence, text] of digits) {
  Deno.test(`sequenceDigits() writes ${text}`, () => assert.equal(sequenceDigits(sequence), text));
}
