/** Values that are kept as long as they are asked for. */
export class RecentCache<V> {
  readonly #entries = new Map<string, { readonly value: V; usedMs: number }>();
  readonly #durationMs: number;
  readonly #most: number;
  #sweptMs = 0;

  /**
   * @param durationMs what was not asked for so long is forgotten
   * @param most values that are kept; what was asked for first goes when there would be more
   */
  constructor(durationMs: number, most: number) {
    this.#durationMs = durationMs;
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value of a key; `make` makes it if it is not there. */
  get(key: string, nowMs: number, make: () => V): V {
    this.#sweep(nowMs);
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.usedMs = nowMs;
      return known.value;
    }
    if (this.#entries.size >= this.#most) {
      const first = this.#entries.keys().next();
      if (!first.done) this.#entries.delete(first.value);
    }
    const value = make();
    this.#entries.set(key, { value, usedMs: nowMs });
    return value;
  }

  clear(): void {
    this.#entries.clear();
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < this.#durationMs / 4) return;
    this.#sweptMs = nowMs;
    for (const [key, { usedMs }] of this.#entries) {
      if (nowMs - usedMs >= this.#durationMs) this.#entries.delete(key);
    }
  }
}
