/** How many flows a second an exporter may have, and by how much those that pass stand for the others. */

interface Window {
  /** The second, Unix time of receipt. */
  second: number;
  total: number;
  dropped: number;
  /** Flows that came for one that passed, in the last second that ended. */
  factor: number;
}

/** Seconds without a flow after which an exporter is forgotten. */
const IDLE_S = 600;

/** Limits flows by exporter, in windows of one second of the time of receipt. */
export class RateLimiter {
  readonly #windows = new Map<number | string, Window>();
  #sweptS = 0;

  /** Exporters known. */
  get size(): number {
    return this.#windows.size;
  }

  /**
   * Admits some of the flows of one datagram. What is older than the window counts in it: partitions are read side by side.
   *
   * @param limit flows a second
   * @returns how many of them pass, and by what their sampling rate is to be multiplied
   */
  admit(exporter: number | string, second: number, flows: number, limit: number): { passed: number; factor: number } {
    let window = this.#windows.get(exporter);
    if (window === undefined) {
      this.#sweep(second);
      this.#windows.set(exporter, window = { second, total: 0, dropped: 0, factor: 1 });
    }
    if (second > window.second) {
      const accepted = window.total - window.dropped;
      if (accepted > 0) window.factor = window.total / accepted;
      window.total = 0;
      window.dropped = 0;
      window.second = second;
    }
    const passed = Math.max(0, Math.min(flows, limit - window.total));
    window.total += flows;
    window.dropped += flows - passed;
    return { passed, factor: window.factor };
  }

  #sweep(second: number): void {
    if (second - this.#sweptS < IDLE_S) return;
    this.#sweptS = second;
    for (const [exporter, window] of this.#windows) {
      if (second - window.second >= IDLE_S) this.#windows.delete(exporter);
    }
  }
}
