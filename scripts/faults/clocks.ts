/** Clocks that do what no wall clock should. */
import { type Clock, realClock } from "../../src/clock/mod.ts";

/** Time that passes `speed` times as fast, so that an hour's outage can be waited for. */
export function fastClock(speed: number): Clock {
  const startMs = realClock.now();
  const zeroMs = realClock.monotonic();
  const elapsedMs = () => (realClock.monotonic() - zeroMs) * speed;
  const clock: Clock = {
    now: () => Math.floor(startMs + elapsedMs()),
    monotonic: elapsedMs,
    sleep: (ms, signal) => realClock.sleep(ms / speed, signal),
    sleepUntil: (ms, signal) => realClock.sleep(Math.max(0, ms - clock.now()) / speed, signal),
  };
  return clock;
}

/** A wall clock that somebody sets while it runs; monotonic time goes on as it does. */
export class SteppedClock implements Clock {
  #offsetMs = 0;

  /** Sets the wall clock forward, or back. */
  step(ms: number): void {
    this.#offsetMs += ms;
  }

  now(): number {
    return realClock.now() + this.#offsetMs;
  }

  monotonic(): number {
    return realClock.monotonic();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return realClock.sleep(ms, signal);
  }

  async sleepUntil(ms: number, signal?: AbortSignal): Promise<void> {
    while (this.now() < ms && !signal?.aborted) await realClock.sleep(Math.min(ms - this.now(), 50), signal);
  }
}
