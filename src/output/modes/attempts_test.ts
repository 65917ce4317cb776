import assert from "node:assert/strict";
import { Attempts, attemptsOf } from "./attempts.ts";

Deno.test("attemptsOf() is one more than the retries, and without end for a negative number", () => {
  assert.deepEqual([3, 0, -1, -7].map(attemptsOf), [4, 1, 0, 0]);
});

for (const max of [1, 2, 4]) {
  Deno.test(`Attempts of ${max} are spent by as many failures in a row`, () => {
    const attempts = new Attempts(max);
    for (let i = 1; i < max; i++) assert.equal(attempts.fail(false), false);
    assert.equal(attempts.fail(false), true);
    assert.equal(attempts.spent, true);
  });
}

for (const max of [0, -1, -100]) {
  Deno.test(`Attempts of ${max} are never spent`, () => {
    const attempts = new Attempts(max);
    for (let i = 0; i < 1_000; i++) assert.equal(attempts.fail(false), false);
  });
}

Deno.test("Attempts begin anew with a failure that made progress, which is free", () => {
  const attempts = new Attempts(2);
  assert.equal(attempts.fail(false), false);
  assert.equal(attempts.fail(true), false);
  assert.equal(attempts.failures, 0);
  assert.equal(attempts.fail(false), false);
  assert.equal(attempts.fail(false), true);
});

Deno.test("Attempts of 1 survive a failure with progress", () => {
  assert.equal(new Attempts(1).fail(true), false);
});
