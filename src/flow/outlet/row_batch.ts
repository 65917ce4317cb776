/** Rows on their way to the store: a batch of columns, and what goes with each row that is no column. */
import { FlowBatch } from "../columns_batch.ts";
import type { AddressPool, TextPool } from "../columns_pool.ts";
import { removeRows } from "../enrich/remove_rows.ts";

/** A batch that is being filled. */
export class RowBatch {
  readonly columns: FlowBatch;
  /** The offset of the record that each row came from; without meaning where there is no Kafka. */
  offsets: BigUint64Array<ArrayBuffer>;
  /** By what each row's sampling rate is to be multiplied in the end; empty: by nothing. */
  #factors: Float64Array<ArrayBuffer> = new Float64Array(0);

  constructor(rows = 256, texts?: TextPool, addresses?: AddressPool) {
    this.columns = new FlowBatch(rows, texts, addresses);
    this.offsets = new BigUint64Array(rows + 1);
  }

  get rows(): number {
    return this.columns.rows;
  }

  /** Notes where the rows from `from` on came from. */
  originate(from: number, offset: bigint): void {
    const { rows } = this.columns;
    if (this.offsets.length < rows) {
      const grown = new BigUint64Array(Math.max(rows, 2 * this.offsets.length));
      grown.set(this.offsets.subarray(0, from));
      this.offsets = grown;
    }
    this.offsets.fill(offset, from, rows);
  }

  /** The rows from `from` on stand for `factor` times as many. */
  multiply(from: number, factor: number): void {
    const { rows } = this.columns;
    if (factor === 1 && from >= this.#factors.length) return;
    if (this.#factors.length < rows) {
      const grown = new Float64Array(2 * rows).fill(1);
      grown.set(this.#factors);
      this.#factors = grown;
    }
    this.#factors.fill(factor, from, rows);
  }

  /** Multiplies the sampling rates, once all of them are known. */
  applyFactors(): void {
    const { samplingRate, rows } = this.columns;
    const factors = this.#factors;
    const end = Math.min(rows, factors.length);
    for (let row = 0; row < end; row++) {
      if (factors[row] === 1) continue;
      const rate = samplingRate[2 * row + 1]! * 0x1_0000_0000 + samplingRate[2 * row]!;
      const corrected = Math.floor(rate * factors[row]!);
      samplingRate[2 * row] = corrected;
      samplingRate[2 * row + 1] = corrected / 0x1_0000_0000;
    }
  }

  /** Takes out the rows whose verdict is not 0. */
  remove(verdicts: Uint8Array): void {
    removeRows(this.columns, 0, verdicts, [this.offsets]);
  }

  /** Empties the batch; its memory stays. */
  reset(): void {
    this.columns.reset();
    if (this.#factors.length > 0) this.#factors = new Float64Array(0);
  }
}
