import assert from "node:assert/strict";
import { ConcurrencyLimit } from "./concurrency.ts";

/** Rounds of as many requests as are allowed against a host that throttles those above `capacity`. */
function rounds(limit: ConcurrencyLimit, capacity: number, count: number, nowMs = 0, latencyMs = 10) {
  let requests = 0;
  let throttled = 0;
  for (let round = 0; round < count; round++) {
    const allowed = limit.limit;
    for (let i = 0; i < allowed; i++) limit.begin();
    nowMs += latencyMs;
    for (let i = 0; i < allowed; i++) {
      requests++;
      if (i >= capacity) throttled++;
      limit.end(i >= capacity ? "overload" : "ok", latencyMs, nowMs);
    }
  }
  return { requests, throttled, nowMs };
}

Deno.test("ConcurrencyLimit begins with one, or where it is told, and is at least one", () => {
  assert.equal(new ConcurrencyLimit().limit, 1);
  assert.equal(new ConcurrencyLimit({ start: 4 }).limit, 4);
  assert.equal(new ConcurrencyLimit({ start: 0, max: 0 }).limit, 1);
});

Deno.test("ConcurrencyLimit grows by one a round trip while all are in use, to 32 at most", () => {
  const limit = new ConcurrencyLimit();
  rounds(limit, Infinity, 10);
  assert.ok(limit.limit >= 9 && limit.limit <= 11, `${limit.limit}`);
  rounds(limit, Infinity, 100, 1_000);
  assert.equal(limit.limit, 32);
});

Deno.test("ConcurrencyLimit does not grow while it is not reached", () => {
  const limit = new ConcurrencyLimit({ start: 4 });
  for (let i = 1; i < 100; i++) {
    limit.begin();
    limit.end("ok", 10, i * 10);
  }
  assert.equal(limit.limit, 4);
});

Deno.test("ConcurrencyLimit finds a host's capacity of 8, follows it to 16, and is throttled rarely", () => {
  const limit = new ConcurrencyLimit();
  let { nowMs } = rounds(limit, 8, 30); // 200 requests are over by then
  let [requests, throttled] = [0, 0];
  for (let i = 0; i < 200; i++) {
    const some = rounds(limit, 8, 1, nowMs);
    nowMs = some.nowMs;
    requests += some.requests;
    throttled += some.throttled;
    assert.ok(limit.limit >= 4 && limit.limit <= 9, `${limit.limit}`);
  }
  assert.ok(throttled < 0.05 * requests, `${throttled} of ${requests}`);
  rounds(limit, 16, 60, nowMs);
  assert.ok(limit.limit >= 12, `${limit.limit}`);
});

Deno.test("ConcurrencyLimit shrinks by a tenth when throttled, down to one", () => {
  const limit = new ConcurrencyLimit({ start: 20 });
  rounds(limit, 0, 1);
  assert.equal(limit.limit, 18);
  for (let i = 0; i < 100; i++) rounds(limit, 0, 1, i * 1_000);
  assert.equal(limit.limit, 1);
});

Deno.test("ConcurrencyLimit shrinks when the host slows down", () => {
  const limit = new ConcurrencyLimit({ start: 10 });
  const { nowMs } = rounds(limit, Infinity, 5);
  const before = limit.limit;
  rounds(limit, Infinity, 2, nowMs, 500);
  assert.ok(limit.limit < before);
});

Deno.test("ConcurrencyLimit learns nothing from a refused connection", () => {
  const limit = new ConcurrencyLimit({ start: 5 });
  for (let i = 0; i < 50; i++) {
    limit.begin();
    limit.end("unknown", 1, i * 100);
  }
  assert.equal(limit.limit, 5);
  assert.equal(limit.inFlight, 0);
});
