import assert from "node:assert/strict";
import { backoffMs } from "./backoff.ts";

Deno.test("backoffMs() doubles up to its ceiling and leaves half to chance", () => {
  const whole = [1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1_000);
  assert.deepEqual(whole.map((_, k) => backoffMs(k, 1_000, 60_000, 1)), whole);
  assert.deepEqual(whole.map((_, k) => backoffMs(k, 1_000, 60_000, 0)), whole.map((ms) => ms / 2));
  assert.equal(backoffMs(5_000, 1_000, 60_000, 1), 60_000);
  assert.equal(backoffMs(0, 5_000, 1_000, 1), 1_000); // also a first wait is capped
  assert.equal(backoffMs(3, 0, 60_000, 0.5), 0);
});
