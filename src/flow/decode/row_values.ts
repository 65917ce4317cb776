/** Writing values into a row that may hold some already. */
import { type BatchField, fieldIds, type FlowBatch } from "../columns_batch.ts";
import { MAPPED_WORD } from "../columns_pool.ts";
import { PACKET_FIELDS } from "./packet.ts";

/** The ids of fields, for {@linkcode touch}. */
export function idsOf(fields: readonly BatchField[]): readonly number[] {
  return fields.map((field) => fieldIds[field]);
}

/** Marks fields as written. */
export function touch(batch: FlowBatch, ids: readonly number[]): void {
  const { touched } = batch;
  for (let i = 0; i < ids.length; i++) touched[ids[i]!] = 1;
}

/**
 * Writes the address in `view` at `at` unless it is zero, over whatever is there.
 *
 * @param size 4 or 16 octets
 * @returns whether it was written
 */
export function writeAddress(column: Uint32Array, row: number, view: DataView, at: number, size: number): boolean {
  if (size === 4) {
    const word = view.getUint32(at, true);
    if (word === 0) return false;
    column[4 * row] = 0;
    column[4 * row + 1] = 0;
    column[4 * row + 2] = MAPPED_WORD;
    column[4 * row + 3] = word;
    return true;
  }
  const w0 = view.getUint32(at, true), w1 = view.getUint32(at + 4, true);
  const w2 = view.getUint32(at + 8, true), w3 = view.getUint32(at + 12, true);
  // ::ffff:0.0.0.0 is as much nothing as :: is.
  if ((w0 | w1 | w3) === 0 && (w2 === 0 || w2 === MAPPED_WORD)) return false;
  column[4 * row] = w0;
  column[4 * row + 1] = w1;
  column[4 * row + 2] = w2;
  column[4 * row + 3] = w3;
  return true;
}

/** Writes a value where there is 0 yet. */
export function writeFirst(column: Uint8Array | Uint16Array | Uint32Array, row: number, value: number): void {
  if (column[row] === 0) column[row] = value;
}

/** Writes a value unless it is 0. */
export function writeLast(column: Uint8Array | Uint16Array | Uint32Array, row: number, value: number): void {
  if (value !== 0) column[row] = value;
}

/** Writes a number of 64 bits where there is 0 yet. */
export function writeFirstU64(column: Uint32Array, row: number, high: number, low: number): void {
  if (column[2 * row] === 0 && column[2 * row + 1] === 0) {
    column[2 * row] = low;
    column[2 * row + 1] = high;
  }
}

const ADDRESSES: ReadonlySet<string> = new Set(["srcAddr", "dstAddr"]);
const WIDE: ReadonlySet<string> = new Set(["srcMac", "dstMac"]);

/**
 * Moves the packet fields of one row into another: addresses replace what is there, other values only fill what is empty.
 * The first row is zero afterwards.
 */
export function mergePacket(batch: FlowBatch, from: number, into: number): void {
  for (const field of PACKET_FIELDS) {
    if (field === "mplsLabels") {
      mergeLabels(batch, from, into);
      continue;
    }
    const column = batch[field];
    const width = ADDRESSES.has(field) ? 4 : WIDE.has(field) ? 2 : 1;
    const source = column.subarray(from * width, (from + 1) * width);
    const target = column.subarray(into * width, (into + 1) * width);
    const isEmpty = target.every((value) => value === 0);
    if ((isEmpty || width === 4) && source.some((value) => value !== 0)) target.set(source);
    source.fill(0);
  }
}

function mergeLabels({ mplsLabels }: FlowBatch, from: number, into: number): void {
  if (mplsLabels.lengths[into] === 0) {
    mplsLabels.starts[into] = mplsLabels.starts[from]!;
    mplsLabels.lengths[into] = mplsLabels.lengths[from]!;
    mplsLabels.lengths[from] = 0;
  } else {
    mplsLabels.clear(from);
  }
}
