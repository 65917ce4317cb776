/** A store that keeps what it is given, for tests and for showing what would be stored. */
import type { InsertOutcome } from "./store.ts";
import type { RowBlock } from "./insert_batch.ts";
import { blockRows, type BlockValue } from "./block_rows.ts";

/** One row as it is shown. */
export interface StoredRow {
  readonly kind: "row";
  /** Values by column. */
  readonly row: Readonly<Record<string, BlockValue>>;
}

/** Keeps rows; blocks of one token are kept once. */
export class MemoryStore {
  readonly #rows: StoredRow[] = [];
  readonly #tokens = new Set<string>();
  readonly #onRow: ((row: StoredRow) => void) | undefined;

  /** @param onRow told of each row as it is stored */
  constructor(onRow?: (row: StoredRow) => void) {
    this.#onRow = onRow;
  }

  /** Everything stored, in order. */
  get rows(): readonly StoredRow[] {
    return this.#rows;
  }

  /** As a `FlowStore` does it. @throws {BlockError} on a block that can't be read */
  insert({ octets, rows, token }: RowBlock): Promise<InsertOutcome> {
    if (token === undefined || !this.#tokens.has(token)) {
      if (token !== undefined) this.#tokens.add(token);
      for (const row of blockRows(octets)) {
        const stored: StoredRow = { kind: "row", row };
        this.#rows.push(stored);
        this.#onRow?.(stored);
      }
    }
    return Promise.resolve({ stored: rows, failed: 0 });
  }
}
