/** The weight of the newest round trip in the running mean and deviation, and the rest: Vector's constants. */
const SMOOTHING = 0.4;
const DEVIATIONS = 2.5;
const DECREASE = 0.9;

/** Sums of a clock's fractions are this exact. */
const ROUNDING_MS = 0.01;

/** How a request ended, as far as the load of the host goes. `unknown` says nothing about it. */
export type LoadSign = "ok" | "overload" | "unknown";

/**
 * How many requests one host gets at once: one more for each round trip that was as quick as before while all were in
 * use, a tenth less when it throttles, times out or slows down. Pure: time is handed in, in milliseconds.
 */
export class ConcurrencyLimit {
  readonly #max: number;
  #limit: number;
  #inFlight = 0;
  #meanMs = NaN;
  #variance = 0;
  /** When the limit was decided on last. */
  #windowStartMs = -Infinity;
  #replies = 0;
  #sumMs = 0;
  #count = 0;
  #overloaded = false;
  #reached = false;
  #resting = false;

  /** @param start where the limit begins, @param max the most it gets to */
  constructor({ start = 1, max = 32 }: { readonly start?: number; readonly max?: number } = {}) {
    this.#max = Math.max(1, max);
    this.#limit = Math.min(Math.max(1, start), this.#max);
  }

  /** The requests allowed at once, a whole number from 1. */
  get limit(): number {
    return this.#limit;
  }

  /** Requests under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  begin(): void {
    this.#inFlight++;
    if (this.#inFlight >= this.#limit) this.#reached = true;
  }

  /**
   * A request ended.
   *
   * @param latencyMs of this one attempt, without waits before it
   */
  end(sign: LoadSign, latencyMs: number, nowMs: number): void {
    this.#inFlight--;
    // What was sent before the last decision was sent under another limit, and says nothing of this one.
    if (sign === "unknown" || nowMs - latencyMs < this.#windowStartMs - ROUNDING_MS) return;
    this.#replies++;
    if (sign === "overload") this.#overloaded = true;
    else {
      this.#sumMs += latencyMs;
      this.#count++;
    }
    if (this.#replies >= this.#limit || nowMs - this.#windowStartMs >= 2 * this.#meanMs) this.#decide(nowMs);
  }

  #decide(nowMs: number): void {
    const roundTripMs = this.#count > 0 ? this.#sumMs / this.#count : NaN;
    const slow = roundTripMs > this.#meanMs &&
      roundTripMs >= this.#meanMs + DEVIATIONS * Math.sqrt(this.#variance);
    // A first window has nothing to compare with.
    const quick = Number.isNaN(this.#meanMs) || roundTripMs <= this.#meanMs;
    const shrinks = this.#overloaded || slow;
    if (shrinks) this.#limit = Math.max(1, Math.floor(this.#limit * DECREASE));
    // The round trip behind a decrease rests, so that a host at its limit is not pushed over it every other time.
    else if (this.#reached && quick && !this.#resting) this.#limit = Math.min(this.#max, this.#limit + 1);
    this.#resting = shrinks;
    if (this.#count > 0) this.#learn(roundTripMs);
    this.#windowStartMs = nowMs;
    this.#sumMs = this.#count = this.#replies = 0;
    this.#overloaded = false;
    this.#reached = this.#inFlight >= this.#limit;
  }

  #learn(roundTripMs: number): void {
    if (Number.isNaN(this.#meanMs)) {
      this.#meanMs = roundTripMs;
      return;
    }
    const difference = roundTripMs - this.#meanMs;
    this.#meanMs += SMOOTHING * difference;
    this.#variance = (1 - SMOOTHING) * (this.#variance + SMOOTHING * difference * difference);
  }
}
