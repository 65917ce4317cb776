import assert from "node:assert/strict";
import { RateLimiter } from "./rate_limit.ts";

Deno.test("RateLimiter.admit() lets so many flows of a second pass, and says what the next ones stand for", () => {
  const limiter = new RateLimiter();
  assert.deepEqual(limiter.admit("a", 10, 60, 100), { passed: 60, factor: 1 });
  assert.deepEqual(limiter.admit("a", 10, 60, 100), { passed: 40, factor: 1 });
  assert.deepEqual(limiter.admit("a", 10, 80, 100), { passed: 0, factor: 1 });
  assert.deepEqual(limiter.admit("a", 11, 1, 100), { passed: 1, factor: 2 });
  assert.deepEqual(limiter.admit("a", 12, 1, 100), { passed: 1, factor: 1 });
});

Deno.test("RateLimiter.admit() keeps exporters apart", () => {
  const limiter = new RateLimiter();
  limiter.admit(1, 10, 100, 10);
  assert.deepEqual(limiter.admit(2, 10, 5, 10), { passed: 5, factor: 1 });
});

Deno.test("RateLimiter.admit() counts an older second in the window that is open", () => {
  const limiter = new RateLimiter();
  limiter.admit(1, 10, 10, 10);
  assert.deepEqual(limiter.admit(1, 9, 10, 10), { passed: 0, factor: 1 });
  assert.equal(limiter.admit(1, 11, 1, 10).factor, 2);
});

Deno.test("RateLimiter.admit() forgets exporters that have been idle for ten minutes", () => {
  const limiter = new RateLimiter();
  for (let exporter = 0; exporter < 100; exporter++) limiter.admit(exporter, 1_000, 1, 10);
  limiter.admit("new", 1_700, 1, 10);
  assert.equal(limiter.size, 1);
});
