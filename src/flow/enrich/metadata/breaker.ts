/** Exporters that don't answer are left alone for a while. */

/** So many failures in a row open it, for so long. */
const MOST_FAILURES = 20;
const OPEN_MS = 60_000;
/** Exporters that are watched; addresses can be made up. */
const MOST_EXPORTERS = 10_000;

interface State {
  failures: number;
  openUntilMs: number;
}

/** Circuit breakers, one an exporter. Times are monotonic milliseconds. */
export class Breakers {
  readonly #states = new Map<string, State>();

  /** Whether the exporter may be asked. */
  allows(exporter: string, nowMs: number): boolean {
    const state = this.#states.get(exporter);
    return state === undefined || nowMs >= state.openUntilMs;
  }

  succeed(exporter: string): void {
    this.#states.delete(exporter);
  }

  /** @returns whether that opened it */
  fail(exporter: string, nowMs: number): boolean {
    let state = this.#states.get(exporter);
    if (state === undefined) {
      if (this.#states.size >= MOST_EXPORTERS) {
        const first = this.#states.keys().next();
        if (!first.done) this.#states.delete(first.value);
      }
      this.#states.set(exporter, state = { failures: 0, openUntilMs: 0 });
    }
    state.failures++;
    // Once it was open, the first failure after it opens it again.
    if (state.failures < MOST_FAILURES || nowMs < state.openUntilMs) return false;
    state.openUntilMs = nowMs + OPEN_MS;
    return true;
  }
}
