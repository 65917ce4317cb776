/** How much longer than its slice a stalled sender may take for itself: it catches up at half as much again. */
const CATCH_UP = 1.5;
const LONGEST_SLICE_MS = 20;

/**
 * Says how many datagrams are due, so that after `t` milliseconds `rate * t / 1000` have been sent. After a stall it does
 * not send what it missed in one burst, which would overrun the receiver, but a little faster until it has caught up.
 */
export class Pace {
  readonly #perMs: number;
  readonly #startMs: number;
  #lastMs: number;
  #taken = 0;

  /** @param ratePerSecond datagrams a second; 0 is as fast as can be */
  constructor(ratePerSecond: number, nowMs: number) {
    this.#perMs = ratePerSecond === 0 ? Infinity : ratePerSecond / 1000;
    this.#startMs = nowMs;
    this.#lastMs = nowMs;
  }

  /** Takes what is due: a number of datagrams that the caller sends before it asks again. */
  take(nowMs: number): number {
    if (this.#perMs === Infinity) return Infinity;
    const behind = Math.floor((nowMs - this.#startMs) * this.#perMs) - this.#taken;
    if (behind < 1) return 0;
    const sliceMs = Math.min(nowMs - this.#lastMs, LONGEST_SLICE_MS);
    const due = Math.min(behind, Math.max(1, Math.floor(sliceMs * this.#perMs * CATCH_UP)));
    this.#taken += due;
    this.#lastMs = nowMs;
    return due;
  }

  /** How long until something is due: at least a millisecond, so that a high rate is sent in batches. */
  waitMs(nowMs: number): number {
    const nextMs = this.#startMs + (this.#taken + 1) / this.#perMs;
    return Math.min(Math.max(nextMs - nowMs, 1), 50);
  }
}
