/** How many workers there should be, by how full the batches are that they flush. */

/** What a flushed batch says: it was full, hardly anything was in it, or neither. */
export type FlushSignal = "increase" | "decrease" | "steady";

/** The signal of a batch of so many rows. */
export function flushSignal(rows: number, maximumBatchSize: number): FlushSignal {
  if (rows >= maximumBatchSize) return "increase";
  return rows <= maximumBatchSize / 10 ? "decrease" : "steady";
}

/** Bounds and pace. */
export interface ScalerOptions {
  readonly minWorkers: number;
  readonly maxWorkers: number;
  /** From one decision to the next. */
  readonly increaseMs: number;
  /** How far back the signals are counted that make a worker stop. */
  readonly decreaseMs: number;
}

interface Remembered {
  readonly signal: FlushSignal;
  readonly atMs: number;
}

/** Decides. Times are monotonic milliseconds. */
export class Scaler {
  readonly #options: ScalerOptions;
  /** It goes up by halves of what is left until it has gone down once; then one by one. */
  #phase: "initial" | "ramp" | "steady" = "initial";
  #decidedMs = -Infinity;
  #history: Remembered[] = [];

  constructor(options: ScalerOptions) {
    this.#options = options;
  }

  /** Takes a signal in. @returns how many workers there should be */
  decide(signal: FlushSignal, workers: number, nowMs: number): number {
    const { increaseMs, decreaseMs } = this.#options;
    if (nowMs < this.#decidedMs + increaseMs) return workers;
    if (signal === "increase") {
      const target = this.#target("increase", workers);
      this.#decided(nowMs);
      return Math.max(target, workers);
    }
    if (nowMs < this.#decidedMs + decreaseMs) {
      // A head start against shrinking.
      if (signal === "steady") this.#history.push({ signal, atMs: nowMs });
      return workers;
    }
    this.#history.push({ signal, atMs: nowMs });
    const kept = this.#history.filter(({ atMs }) => nowMs - atMs <= decreaseMs);
    this.#history = kept.length > 0 ? kept : this.#history.slice(-1);
    const decreases = this.#history.filter((one) => one.signal === "decrease").length;
    const steady = this.#history.length - decreases;
    if (decreases <= Math.floor(steady / 2)) return workers;
    const target = this.#target("decrease", workers);
    this.#decided(nowMs);
    return Math.min(target, workers);
  }

  #decided(nowMs: number): void {
    this.#decidedMs = nowMs;
    this.#history = [];
  }

  #target(direction: "increase" | "decrease", workers: number): number {
    const { minWorkers, maxWorkers } = this.#options;
    let target = workers;
    if (this.#phase === "steady") target += direction === "increase" ? 1 : -1;
    else if (direction === "increase") {
      this.#phase = "ramp";
      target = Math.ceil((workers + maxWorkers) / 2);
    } else if (this.#phase === "ramp") {
      this.#phase = "steady";
      target--;
    }
    return Math.max(minWorkers, Math.min(maxWorkers, target));
  }
}
