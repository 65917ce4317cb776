/** Blocks in ClickHouse's Native format: columns as they are in memory, each behind its name and type. Little-endian. */
import { type Column, columnIds, type ColumnStorage } from "./columns.ts";
import type { FlowBatch } from "./columns_batch.ts";
import { AddressPool } from "./columns_pool.ts";
import { NativeBuffer } from "./native_buffer.ts";
import { type Dictionary, DictionaryEncoder } from "./native_dictionary.ts";
import type { ListColumn } from "./columns_list.ts";

/** A column that no batch has, such as where its rows came from. */
export interface ExtraColumn {
  readonly name: string;
  /** A type of fixed width. */
  readonly type: string;
  /** The values of the block's rows as they lie in the column. */
  readonly octets: Uint8Array;
}

/** Encodes blocks; keeps its buffers from one to the next. */
export class NativeEncoder {
  readonly #out = new NativeBuffer();
  readonly #dictionaries = new DictionaryEncoder(this.#out);
  /** Next hops differ from batch to batch: numbered anew for each block. */
  readonly #addresses = new AddressPool();
  #ids: Uint32Array<ArrayBuffer> = new Uint32Array(0);

  /**
   * One block of the rows `[from, to)`.
   *
   * @param columns what it holds, in this order, then `extra`
   * @returns a view that is valid until the next call
   * @throws {RangeError} if an extra column has not as many octets for each row
   */
  encode(
    batch: FlowBatch,
    columns: readonly Column[],
    from = 0,
    to: number = batch.rows,
    extra: readonly ExtraColumn[] = [],
  ): Uint8Array<ArrayBuffer> {
    const out = this.#out;
    const rows = to - from;
    out.clear();
    out.varint(columns.length + extra.length);
    out.varint(rows);
    for (const column of columns) {
      out.text(column.name);
      out.text(column.type);
      if (rows === 0) continue;
      if (batch.touched[columnIds[column.field]] === 0) this.#zeros(batch, column, rows);
      else this.#column(batch, column, from, to);
    }
    for (const { name, type, octets } of extra) {
      if (rows > 0 && octets.length % rows !== 0) {
        throw new RangeError(`Cannot encode ${name}: its ${octets.length} octets are not those of ${rows} rows`);
      }
      out.text(name);
      out.text(type);
      out.octets(octets);
    }
    return out.view();
  }

  #column(batch: FlowBatch, { field, storage, type }: Column, from: number, to: number): void {
    const values = batch[field];
    switch (storage) {
      case "list32":
      case "list128":
        return writeLists(this.#out, values as ListColumn, from, to);
      case "text":
        return this.#dictionaries.write(values as Uint32Array, from, to, textsOf(batch));
      case "pooledAddress":
        return this.#dictionaries.write(values as Uint32Array, from, to, addressesOf(batch.addresses));
      case "address":
        if (type.startsWith("LowCardinality")) return this.#lowAddresses(values as Uint32Array, from, to);
        return this.#out.array(values as Uint32Array, 4 * from, 4 * to);
      case "u64":
        return this.#out.array(values as Uint32Array, 2 * from, 2 * to);
      default:
        return this.#out.array(values as Uint32Array, from, to);
    }
  }

  /** A column that nothing has been written into since the batch was empty. */
  #zeros(batch: FlowBatch, { storage, type }: Column, rows: number): void {
    if (storage === "text") return this.#dictionaries.writeZeros(rows, textsOf(batch));
    if (type.startsWith("LowCardinality")) return this.#dictionaries.writeZeros(rows, addressesOf(NO_ADDRESSES));
    this.#out.zeros(rows * ZERO_WIDTHS[storage]);
  }

  #lowAddresses(words: Uint32Array, from: number, to: number): void {
    const pool = this.#addresses;
    const rows = to - from;
    if (this.#ids.length < rows) this.#ids = new Uint32Array(2 * rows);
    pool.clear();
    for (let i = 0; i < rows; i++) this.#ids[i] = pool.intern(words, 4 * (from + i));
    this.#dictionaries.write(this.#ids, 0, rows, addressesOf(pool));
  }
}

/** Octets of a value that is zero; of a list those that say where it ends. */
const ZERO_WIDTHS: Readonly<Record<ColumnStorage, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  address: 16,
  pooledAddress: 16,
  text: 1,
  code2: 2,
  list32: 8,
  list128: 8,
};

const NO_ADDRESSES = new AddressPool();

function textsOf({ texts }: FlowBatch): Dictionary {
  return {
    size: texts.size,
    writeKeys: (out, ids) => {
      const starts = texts.starts(), { octets } = texts;
      for (let i = 0, next = 0; i < ids.length; i = next) {
        next = i + 1;
        while (next < ids.length && ids[next] === ids[next - 1]! + 1) next++;
        out.part(octets, starts[ids[i]!]!, starts[ids[next - 1]! + 1]!);
      }
    },
  };
}

function addressesOf(pool: AddressPool): Dictionary {
  return {
    size: pool.size,
    writeKeys: (out, ids) => {
      const octets = new Uint8Array(pool.words.buffer);
      for (const id of ids) out.part(octets, 16 * id, 16 * id + 16);
    },
  };
}

/** `Array(T)`: where each list ends, counted from the first of the block (UInt64), then the values of all. */
function writeLists(out: NativeBuffer, lists: ListColumn, from: number, to: number): void {
  const { starts, lengths, values, wordsPerValue } = lists;
  const { total, start } = out.listEnds(lists, from, to);
  if (total === 0) return;
  if (start >= 0) return out.array(values, start * wordsPerValue, (start + total) * wordsPerValue);
  for (let row = from; row < to; row++) {
    const first = starts[row]! * wordsPerValue;
    out.array(values, first, first + lengths[row]! * wordsPerValue);
  }
}
