import assert from "node:assert/strict";
import { Pace } from "./pace.ts";

Deno.test("take() adds up to the rate, however irregular the clock", () => {
  for (const rate of [3, 100, 12_345, 500_000]) {
    const pace = new Pace(rate, 1_000);
    let taken = 0;
    let nowMs = 1_000;
    for (let i = 0; nowMs < 11_000; i++) {
      nowMs += 0.3 + (i * 7 % 11) / 5;
      taken += pace.take(Math.min(nowMs, 11_000));
    }
    assert.equal(taken, rate * 10);
  }
});

Deno.test("take() catches up after a stall without a burst", () => {
  const pace = new Pace(10_000, 0);
  assert.equal(pace.take(10), 100);
  assert.equal(pace.take(510), 300); // 5,000 are missing; it takes half as much again as the longest slice holds
  let taken = 400;
  for (let nowMs = 511; nowMs <= 2_000; nowMs++) {
    const part = pace.take(nowMs);
    assert.ok(part <= 15);
    taken += part;
  }
  assert.equal(taken, 20_000);
});

Deno.test("take() gives all there is at rate 0", () => assert.equal(new Pace(0, 0).take(0), Infinity));

Deno.test("waitMs() lasts until the next is due, within bounds", () => {
  const slow = new Pace(100, 0);
  assert.equal(slow.waitMs(0), 10);
  assert.equal(slow.take(9), 0);
  assert.equal(slow.waitMs(9), 1);
  assert.equal(slow.take(10), 1);
  assert.equal(new Pace(1_000_000, 0).waitMs(0), 1);
  assert.equal(new Pace(1, 0).waitMs(0), 50);
});
