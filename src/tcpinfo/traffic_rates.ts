import { At, Histogram, type HistogramShape, observe } from "./stats.ts";

/** Ten times what 10 Gbit/s move in a second: more is an error in the books, or the first look at a busy host. */
const MOST_BYTES = 12.5e9;

/** Tells once a second how much all connections have moved since it did last. */
export class TrafficRates {
  readonly #stats: Float64Array;
  #second = -Infinity;
  #sent = 0;
  #received = 0;

  constructor(stats: Float64Array) {
    this.#stats = stats;
  }

  /** @param timeMs Unix milliseconds; a second in which it told already is passed over */
  tick(timeMs: number, sentBytes: number, receivedBytes: number): void {
    const second = Math.floor(timeMs / 1000);
    if (second <= this.#second) return;
    this.#second = second;
    this.#tell(sentBytes - this.#sent, Histogram.sendRate, At.sentBelow, At.sentBeyond);
    this.#tell(receivedBytes - this.#received, Histogram.receiveRate, At.receivedBelow, At.receivedBeyond);
    this.#sent = sentBytes;
    this.#received = receivedBytes;
  }

  #tell(bytes: number, histogram: HistogramShape, below: number, beyond: number): void {
    if (bytes < 0) this.#stats[below]!++;
    else if (bytes > MOST_BYTES) this.#stats[beyond]!++;
    else observe(this.#stats, histogram, 8 * bytes);
  }
}
