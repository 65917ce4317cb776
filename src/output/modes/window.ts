/** The bounds of a window, in events. */
export interface WindowConfig {
  /** @default 10 */
  readonly start?: number;
  /** The largest size that is known to have worked. @default none */
  readonly worked?: number;
  /** `bulk_max_size`; 0 has no bound. */
  readonly max: number;
}

/**
 * The largest number of events in one transaction. It grows by half with each full window that is acknowledged, until the
 * first failure and then up to the size that worked before it; beyond, by a tenth, so that no failure pins it for ever.
 * It halves with each failure.
 */
export class Window {
  readonly #max: number;
  #size: number;
  #worked: number;
  #failed: boolean;

  constructor({ start = 10, worked = 0, max }: WindowConfig) {
    this.#max = max > 0 ? max : Infinity;
    this.#size = Math.min(Math.max(1, start), this.#max);
    this.#worked = worked;
    this.#failed = worked > 0;
  }

  /** Events a transaction may have. */
  get size(): number {
    return this.#size;
  }

  /**
   * A transaction of `sent` events was acknowledged in full; less than a window changes nothing.
   *
   * @param batch events of the batch it was cut from: the window has no reason to be larger
   */
  succeed(sent: number, batch: number): void {
    if (sent < this.#size) return;
    const bound = Math.min(this.#max, Math.max(batch, this.#size));
    const size = this.#size;
    if (!this.#failed) this.#size = Math.min(bound, Math.ceil(size * 1.5));
    else if (size < this.#worked) this.#size = Math.min(bound, this.#worked, Math.ceil(size * 1.5));
    else this.#size = Math.min(bound, size + Math.max(1, Math.floor(size / 10)));
    this.#worked = Math.max(this.#worked, size);
  }

  /** A transaction failed or timed out. */
  fail(): void {
    const half = Math.max(1, Math.floor(this.#size / 2));
    // A failure on the way back shows that what used to work no longer does: there is no reason to hurry there.
    if (this.#size < this.#worked) this.#worked = half;
    this.#size = half;
    this.#failed = true;
  }
}
