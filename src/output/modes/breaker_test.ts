import assert from "node:assert/strict";
import { Breaker } from "./breaker.ts";

/** Without jitter's other half: it stays open for half of the nominal time. */
const shortest = () => 0;
const longest = () => 1 - 2 ** -40;

/** One request that succeeds or fails at `nowMs`. */
function request(breaker: Breaker, ok: boolean, nowMs: number): void {
  breaker.begin();
  if (ok) breaker.succeed(nowMs);
  else breaker.fail(nowMs);
}

Deno.test("Breaker opens after five failures in a row", () => {
  const breaker = new Breaker({}, longest);
  for (let i = 0; i < 4; i++) request(breaker, false, i);
  assert.equal(breaker.state, "closed");
  request(breaker, false, 4);
  assert.equal(breaker.state, "open");
  assert.equal(Math.round(breaker.waitMs(4)), 1_000);
});

Deno.test("Breaker stays closed when a success comes between", () => {
  const breaker = new Breaker({}, shortest);
  for (let i = 0; i < 19; i++) request(breaker, i % 5 === 4, i);
  assert.equal(breaker.state, "closed");
});

Deno.test("Breaker opens when half of twenty requests in 30 s fail", () => {
  const breaker = new Breaker({}, shortest);
  for (let i = 0; i < 19; i++) request(breaker, i % 2 === 1, i * 1_000);
  assert.equal(breaker.state, "closed");
  request(breaker, true, 19_000);
  request(breaker, false, 19_500);
  assert.equal(breaker.state, "open");
});

Deno.test("Breaker forgets requests older than its window", () => {
  const breaker = new Breaker({}, shortest);
  for (let i = 0; i < 40; i++) request(breaker, i % 2 === 1, i * 2_000); // fifteen in 30 s
  assert.equal(breaker.state, "closed");
});

Deno.test("Breaker lets exactly one probe through, and closes when it succeeds", () => {
  const breaker = new Breaker({}, shortest);
  for (let i = 0; i < 5; i++) request(breaker, false, 0);
  assert.equal(breaker.waitMs(499), 1);
  assert.equal(breaker.waitMs(500), 0);
  breaker.begin();
  assert.equal(breaker.state, "half_open");
  assert.equal(breaker.waitMs(501), Infinity);
  breaker.succeed(510);
  assert.equal(breaker.state, "closed");
  assert.equal(breaker.waitMs(510), 0);
});

Deno.test("Breaker stays open twice as long with each failed probe, up to its longest", () => {
  const breaker = new Breaker({}, longest);
  for (let i = 0; i < 5; i++) request(breaker, false, 0);
  const waits: number[] = [];
  let nowMs = 0;
  for (let i = 0; i < 8; i++) {
    const wait = breaker.waitMs(nowMs);
    waits.push(Math.round(wait / 1_000));
    nowMs += wait;
    request(breaker, false, nowMs);
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
});

Deno.test("Breaker lets another one probe when a probe ended without a verdict", () => {
  const breaker = new Breaker({}, shortest);
  for (let i = 0; i < 5; i++) request(breaker, false, 0);
  breaker.begin();
  breaker.release();
  assert.equal(breaker.waitMs(500), 0);
});

Deno.test("Breaker is not opened further by failures that were under way when it opened", () => {
  const breaker = new Breaker({}, longest);
  for (let i = 0; i < 5; i++) request(breaker, false, 0);
  breaker.fail(1);
  assert.equal(Math.round(breaker.waitMs(0)), 1_000);
});
