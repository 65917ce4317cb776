/**
 * Time and lifetimes: a clock that can be faked, and the shape of anything that runs.
 *
 * @module
 */
export { type Clock, realClock } from "./clock.ts";
export { FakeClock } from "./fake_clock.ts";
export { type Running } from "./running.ts";
