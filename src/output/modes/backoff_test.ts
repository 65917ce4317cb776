import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { Backoff, pause } from "./backoff.ts";

const DEFAULTS = { initMs: 1_000, maxMs: 60_000 };
const ALMOST_ONE = 1 - 2 ** -40;

Deno.test("Backoff doubles up to its ceiling", () => {
  const backoff = new Backoff(DEFAULTS, () => ALMOST_ONE);
  const waits = Array.from({ length: 8 }, () => Math.round(backoff.next() / 1_000));
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
});

Deno.test("Backoff begins anew when it is reset", () => {
  const backoff = new Backoff(DEFAULTS, () => 0);
  assert.deepEqual([backoff.next(), backoff.next()], [500, 1_000]);
  backoff.reset();
  assert.equal(backoff.next(), 500);
});

const bounds: [what: string, initMs: number, maxMs: number, last: number][] = [
  ["caps also a first wait", 5_000, 1_000, 1_000],
  ["stays 0 when it begins with 0", 0, 60_000, 0],
  ["does not overflow", 1, 60_000, 60_000],
];
for (const [what, initMs, maxMs, last] of bounds) {
  Deno.test(`Backoff ${what}`, () => {
    const backoff = new Backoff({ initMs, maxMs }, () => ALMOST_ONE);
    let wait = Math.round(backoff.next());
    assert.ok(wait <= maxMs);
    for (let i = 0; i < 5_000; i++) wait = Math.round(backoff.next());
    assert.equal(wait, last);
  });
}

Deno.test("Backoff leaves half of a wait to chance, evenly", () => {
  let sum = 0;
  for (let i = 0; i < 1_000; i++) {
    const wait = new Backoff(DEFAULTS, Math.random).next();
    assert.ok(wait >= 500 && wait <= 1_000);
    sum += wait;
  }
  assert.ok(Math.abs(sum / 1_000 - 750) <= 0.05 * 750);
});

Deno.test("Backoff spreads the first waits of twenty over 40 % of it", () => {
  let spread = 0;
  // One draw of twenty is below 40 % about once in 10^10: half of the wait is their range.
  const waits = Array.from({ length: 20 }, (_, i) => new Backoff(DEFAULTS, () => (i * 0.618_034) % 1).next());
  spread = Math.max(...waits) - Math.min(...waits);
  assert.ok(spread >= 400, `${spread}`);
});

Deno.test("pause() ends early when its signal aborts, and leaves no timer", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const paused = pause(clock, 60_000, stop.signal);
  stop.abort();
  await paused;
  assert.equal(clock.sleeping, 0);
});

Deno.test("pause() of nothing lets the event loop turn", async () => {
  let turned = false;
  setTimeout(() => turned = true, 0);
  const never = new AbortController().signal;
  for (let i = 0; i < 10_000 && !turned; i++) await pause(new FakeClock(), 0, never);
  assert.equal(turned, true);
});
