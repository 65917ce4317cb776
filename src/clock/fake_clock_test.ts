import assert from "node:assert/strict";
import { FakeClock } from "./mod.ts";

Deno.test("FakeClock wakes sleepers in the order of their moments", async () => {
  const clock = new FakeClock(1_000);
  const woken: string[] = [];
  const late = clock.sleep(50).then(() => woken.push(`late@${clock.now()}`));
  const early = clock.sleepUntil(1_020).then(() => woken.push(`early@${clock.now()}`));
  await clock.advance(19);
  assert.deepEqual(woken, []);
  await clock.advance(100);
  await Promise.all([early, late]);
  assert.deepEqual(woken, ["early@1020", "late@1050"]);
  assert.equal(clock.now(), 1_119);
  assert.equal(clock.monotonic(), 119);
});

Deno.test("FakeClock.sleep() ends early and without an error when its signal aborts", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const slept = clock.sleep(1_000, stop.signal);
  assert.equal(clock.sleeping, 1);
  stop.abort();
  await slept;
  assert.equal(clock.sleeping, 0);
  assert.equal(clock.now(), 0);
});
