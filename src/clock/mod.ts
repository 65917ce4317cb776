/**
 * Time and lifetimes: a clock that can be faked, the events of a scenario on such a clock, and the shape of anything that
 * runs.
 *
 * @example A wait of ten seconds that takes none
 * ```ts
 * import assert from "node:assert/strict";
 * import { FakeClock } from "@limier/limier/clock";
 *
 * const clock = new FakeClock(1_700_000_000_000);
 * const woken = clock.sleep(10_000).then(() => clock.now());
 * await clock.advance(10_000);
 * assert.equal(await woken, 1_700_000_010_000);
 * ```
 *
 * @module
 */
export { type Clock, realClock } from "./clock.ts";
export { FakeClock } from "./fake_clock.ts";
export { type Running, startWhole } from "./running.ts";
export { readTimedEvent, type TimedEvent } from "./timed_event.ts";
