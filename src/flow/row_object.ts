/** A row as people read it: named values, those that are zero or empty left out. */
import { type Column, COLUMNS, FlowDirection } from "./columns.ts";
import type { FlowBatch } from "./columns_batch.ts";
import type { ListColumn } from "./columns_list.ts";
import { formatAddress } from "./address.ts";

/** A value of a shown row. */
export type RowValue = number | bigint | string | readonly (number | bigint)[];

/** `srcNetMask` as `src_net_mask`. */
function keyOf(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const KEYS: readonly string[] = COLUMNS.map(({ field }) => keyOf(field));

/** The columns of a row by their names in snake case, beside `in_if`, `out_if`, `first_ms`, `last_ms`. */
export function rowObject(batch: FlowBatch, row: number): Record<string, RowValue> {
  const object: Record<string, RowValue> = {};
  for (const [id, column] of COLUMNS.entries()) {
    if (column.field === "exporterAddress" || column.field === "samplingRate") continue; // whoever shows it knows them
    const value = valueOf(batch, column, row);
    if (value !== undefined) object[KEYS[id]!] = value;
  }
  if (batch.inIf[row] !== 0) object.in_if = batch.inIf[row]!;
  if (batch.outIf[row] !== 0) object.out_if = batch.outIf[row]!;
  if (batch.firstMs[row] !== 0) object.first_ms = batch.firstMs[row]!;
  if (batch.lastMs[row] !== 0) object.last_ms = batch.lastMs[row]!;
  return object;
}

/** A `u64` value of a row, exactly. */
export function exactU64(column: Uint32Array, row: number): number | bigint {
  const high = column[2 * row + 1]!, low = column[2 * row]!;
  return high < 0x20_0000 ? high * 0x1_0000_0000 + low : BigInt(high) << 32n | BigInt(low);
}

/** Undefined: zero or empty. */
function valueOf(batch: FlowBatch, { field, storage }: Column, row: number): RowValue | undefined {
  const column = batch[field];
  if (storage === "list32" || storage === "list128") {
    const list = (column as ListColumn).row(row);
    return list.length > 0 ? list : undefined;
  }
  const values = column as Uint32Array;
  switch (storage) {
    case "address":
      return shown(formatAddress(values, 4 * row), "::");
    case "pooledAddress":
      return shown(formatAddress(batch.addresses.words, 4 * values[row]!), "::");
    case "text":
      return shown(batch.texts.text(values[row]!), "");
    case "code2":
      return shown(String.fromCharCode(values[row]! & 0xff, values[row]! >> 8), "\0\0");
    case "u64": {
      const value = exactU64(values, row);
      if (value === 0) return undefined;
      return field === "srcMac" || field === "dstMac" ? formatMac(values, row) : value;
    }
    default: {
      const value = values[row]!;
      if (value === 0) return undefined;
      if (field === "flowDirection") return value === FlowDirection.ingress ? "ingress" : "egress";
      return value;
    }
  }
}

function shown(text: string, empty: string): string | undefined {
  return text === empty ? undefined : text;
}

function formatMac(column: Uint32Array, row: number): string {
  const digits = (column[2 * row + 1]! & 0xffff).toString(16).padStart(4, "0") +
    column[2 * row]!.toString(16).padStart(8, "0");
  return digits.replace(/(..)(?=.)/g, "$1:");
}
