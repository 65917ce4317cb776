/** Rows to blocks: completed, counted, encoded. */
import type { Column } from "../columns.ts";
import type { Enricher } from "../enrich/enricher.ts";
import { type ExtraColumn, NativeEncoder } from "../native.ts";
import type { RowBlock } from "../store/mod.ts";
import type { OutletCounts } from "./counts.ts";
import { type FlowRate, flowRates } from "./flow_rates.ts";
import type { RowBatch } from "./row_batch.ts";

/** What makes the blocks of a worker. */
export interface BlockMakerDeps {
  readonly enricher: Enricher;
  readonly counts: OutletCounts;
  /** The columns that are stored. */
  readonly columns: readonly Column[];
  /** Told what the rows amount to; absent: nobody wants to know. */
  readonly onRates?: (rates: readonly FlowRate[]) => void;
}

/** Completes and encodes the batches of a worker. */
export class BlockMaker {
  readonly #deps: BlockMakerDeps;
  readonly #encoder = new NativeEncoder();
  readonly #names: readonly string[];

  constructor(deps: BlockMakerDeps) {
    this.#deps = deps;
    this.#names = deps.columns.map(({ name }) => name);
  }

  /** Completes the rows; those that are not to be stored leave the batch, which nobody may write to meanwhile. */
  async complete(batch: RowBatch): Promise<void> {
    const { enricher } = this.#deps;
    const { columns } = batch;
    await enricher.prepare(columns);
    const dropped = enricher.enrich(columns);
    batch.applyFactors();
    if (dropped > 0) batch.remove(enricher.verdicts);
  }

  /**
   * The block of a completed batch, in memory of its own. Its rows count as forwarded.
   *
   * @param extra columns that the batch does not have
   */
  encode(batch: RowBatch, extra: readonly ExtraColumn[] = []): RowBlock {
    const { columns, onRates, counts } = this.#deps;
    const flows = batch.columns;
    const { rows, exporterAddress, addresses } = flows;
    for (let row = 0; row < rows;) {
      const id = exporterAddress[row]!;
      let end = row + 1;
      while (end < rows && exporterAddress[end] === id) end++;
      counts.exporter(addresses.words, 4 * id).forwarded.inc(end - row);
      row = end;
    }
    onRates?.(flowRates(flows));
    const octets = this.#encoder.encode(flows, columns, 0, rows, extra).slice();
    const names = extra.length === 0 ? this.#names : [...this.#names, ...extra.map(({ name }) => name)];
    return { octets, rows, columns: names };
  }
}
