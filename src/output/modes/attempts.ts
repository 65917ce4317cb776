/**
 * How many attempts a number of retries makes: one more, and without end (0) for a negative one.
 *
 * @param maxRetries as configured: `max_retries`
 */
export function attemptsOf(maxRetries: number): number {
  return maxRetries < 0 ? 0 : maxRetries + 1;
}

/**
 * Counts failed attempts in a row without progress. An attempt that failed but moved at least one event forward is free
 * and starts the count anew, so that a batch of which one event goes at a time is never given up.
 */
export class Attempts {
  readonly #max: number;
  #failures = 0;

  /** @param max attempts at most; 0, like any negative number, is without end */
  constructor(max: number) {
    this.#max = max > 0 ? max : Infinity;
  }

  /** Failed attempts since the last progress. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether no further attempt is allowed. */
  get spent(): boolean {
    return this.#failures >= this.#max;
  }

  /**
   * An attempt failed.
   *
   * @param progress whether at least one event left the batch in the whole of the attempt
   * @returns whether it was the last one allowed
   */
  fail(progress: boolean): boolean {
    this.#failures = progress ? 0 : this.#failures + 1;
    return this.spent;
  }
}
