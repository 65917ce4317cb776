/** Rows that are not to be stored leave their batch. */
import { fieldIds, fieldShape, type FlowBatch } from "../columns_batch.ts";

/** An array with one value a row that goes along with a batch. */
export type RowArray = Uint8Array | Uint32Array | Float64Array | BigUint64Array;

const FIELDS = Object.values(fieldIds);

/**
 * Takes the rows out of a batch whose `verdicts` are not 0; the others keep their order.
 *
 * @param from the first row that `verdicts` speak of, which lie from `verdicts[from]` on
 * @param beside arrays whose values of these rows move along
 * @returns how many were taken out
 */
export function removeRows(
  batch: FlowBatch,
  from: number,
  verdicts: Uint8Array,
  beside: readonly RowArray[] = [],
): number {
  const { rows } = batch;
  let kept = from;
  // The rows that stay, in runs: whole runs are moved at a time.
  const runs: number[] = [];
  for (let row = from; row < rows;) {
    if (verdicts[row] !== 0) {
      row++;
      continue;
    }
    let end = row + 1;
    while (end < rows && verdicts[end] === 0) end++;
    if (kept !== row) runs.push(kept, row, end);
    kept += end - row;
    row = end;
  }
  if (kept === rows) return 0;
  const move = (array: RowArray, width: number) => {
    for (let i = 0; i < runs.length; i += 3) {
      array.copyWithin(runs[i]! * width, runs[i + 1]! * width, runs[i + 2]! * width);
    }
  };
  for (const id of FIELDS) {
    if (batch.touched[id] === 0) continue;
    const { kind, width } = fieldShape(id);
    if (kind === "list32" || kind === "list128") {
      const { starts, lengths } = batch.list(id);
      move(starts, 1);
      move(lengths, 1);
      lengths.fill(0, kept, rows);
    } else {
      const array = batch.array(id);
      move(array as RowArray, width);
      array.fill(0, kept * width, rows * width);
    }
  }
  for (const array of beside) move(array, 1);
  batch.rows = kept;
  return rows - kept;
}
