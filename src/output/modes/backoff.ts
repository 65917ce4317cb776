import { setImmediate } from "node:timers";
import type { Clock } from "../../clock/mod.ts";
import { backoffMs } from "../backoff.ts";

/** Doubling is no longer visible behind this many: any first wait of a millisecond has become 35 years. */
const MOST_DOUBLINGS = 40;

/** The bounds of a wait, in milliseconds. */
export interface BackoffConfig {
  /** The first wait; 0 only lets other work run. */
  readonly initMs: number;
  /** No wait is longer, not even the first. */
  readonly maxMs: number;
}

/**
 * The growing waits of one connection. It lives as long as the connection's client does, across batches, and only an
 * acknowledged event brings it back to its start: a host that accepts and then closes is still one that fails.
 */
export class Backoff {
  readonly #config: BackoffConfig;
  readonly #random: () => number;
  #failures = 0;

  /** @param random in [0, 1); half of a wait is left to it */
  constructor(config: BackoffConfig, random: () => number) {
    this.#config = config;
    this.#random = random;
  }

  /** Waits since the last reset. */
  get failures(): number {
    return this.#failures;
  }

  /** The next wait, in milliseconds: between half and the whole of `min(maxMs, initMs * 2^k)`. */
  next(): number {
    const doublings = Math.min(this.#failures++, MOST_DOUBLINGS);
    return backoffMs(doublings, this.#config.initMs, this.#config.maxMs, this.#random());
  }

  /** At least one event was acknowledged. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Waits `ms`, or until `signal` aborts. A wait of 0 still lets the event loop turn, so that no retry can starve it. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await clock.sleep(ms, signal);
  else await new Promise<void>((resolve) => void setImmediate(resolve));
}
