/** `LowCardinality(T)` in Native blocks: the values that occur, then for each row which of them it is. */
import type { NativeBuffer } from "./native_buffer.ts";

/** What the ids of a column stand for. */
export interface Dictionary {
  /** Ids are below. */
  readonly size: number;
  /** Writes values as their own type has them. */
  writeKeys(out: NativeBuffer, ids: readonly number[]): void;
}

/** `SharedDictionariesWithAdditionalKeys`. */
const VERSION = 1;
/** The block brings its own keys, and they replace those before; the low bits say how wide a row's number is. */
const KEY_FLAGS = 0x600;

/** Rows that are numbered at a time. */
const CHUNK = 4096;
/** Ids of dictionaries that are numbered in chunks are below; pools are emptied before they get much larger. */
const MOST_IDS = 1 << 17;
/** In place of a number: the id was not met in this column yet. */
const NONE = -1;

// These three belong to the module and have fixed lengths, because then the compiled loops know where they are and how
// long: 0.9 ns a row and not 1.5. Nothing is left in them from one column to the next.
/** Ids of the rows at hand; signed, because an unsigned load may become a floating-point number. */
const chunkIds = new Int32Array(CHUNK);
/** Numbers of the rows at hand, as many to a word as fit. */
const chunkWords = new Int32Array(CHUNK / 2);
/** By id: its number in the column at hand. */
const numbers = new Int32Array(MOST_IDS).fill(NONE);
const chunkIdsUnsigned = new Uint32Array(chunkIds.buffer);
const chunkOctets = new Uint8Array(chunkWords.buffer);

/** Width of the numbers of a column: 8 bits shifted by it. */
type IndexType = 0 | 1 | 2;

/** Writes such columns; keeps what it needs from one to the next. */
export class DictionaryEncoder {
  readonly #out: NativeBuffer;
  /** The ids that occur, in the order of their numbers. */
  #keys: number[] = [];
  /** The numbers of the rows, as narrow as they fit. */
  #scratch = new Uint8Array(0);

  constructor(out: NativeBuffer) {
    this.#out = out;
  }

  /** Writes a column of so many rows that are all the value 0. */
  writeZeros(rows: number, dictionary: Dictionary): void {
    this.#head(0, [0], rows, dictionary);
    this.#out.zeros(rows);
  }

  /** Writes the column whose ids stand in `ids[from, to)`. */
  write(ids: Uint32Array, from: number, to: number, dictionary: Dictionary): void {
    const rows = to - from;
    if (this.#scratch.length < 4 * rows) this.#scratch = new Uint8Array(8 * rows);
    const indexType = this.#number(ids.subarray(from, to), dictionary.size);
    this.#head(indexType, this.#keys, rows, dictionary);
    this.#out.array(this.#scratch, 0, rows << indexType);
  }

  #head(indexType: IndexType, keys: readonly number[], rows: number, dictionary: Dictionary): void {
    const out = this.#out;
    out.u64(VERSION);
    out.u64(KEY_FLAGS | indexType);
    out.u64(keys.length);
    dictionary.writeKeys(out, keys);
    out.u64(rows);
  }

  /** Numbers the values of rows in the order in which they are met, into `#scratch` and `#keys`. */
  #number(ids: Uint32Array, size: number): IndexType {
    const keys: number[] = this.#keys = [];
    if (size > MOST_IDS) return this.#numberAny(ids, size);
    // Who finds too many values has numbered those that it met, as the next would.
    const indexType = this.#numberChunks(ids, 0, number8) ? 0 : this.#numberChunks(ids, 1, number16) ? 1 : 2;
    for (let i = 0; i < keys.length; i++) numbers[keys[i]!] = NONE;
    return indexType === 2 ? this.#numberAny(ids, size) : indexType;
  }

  #numberChunks(ids: Uint32Array, indexType: 0 | 1, number: typeof number8): boolean {
    for (let at = 0; at < ids.length; at += CHUNK) {
      const rows = Math.min(CHUNK, ids.length - at);
      chunkIdsUnsigned.set(ids.subarray(at, at + rows));
      for (let i = rows; (i & 7) !== 0; i++) chunkIds[i] = chunkIds[rows - 1]!; // whole turns
      for (let row = number(0, rows); row < rows; row = number(row, rows)) {
        if (!meet(row, this.#keys, 0x100 << 8 * indexType)) return false;
      }
      this.#scratch.set(chunkOctets.subarray(0, rows << indexType), at << indexType);
    }
    return true;
  }

  /** For dictionaries and numbers of any size; seldom, and so without tricks. */
  #numberAny(ids: Uint32Array, size: number): IndexType {
    const keys: number[] = this.#keys = [];
    const numbers = new Int32Array(size).fill(NONE);
    const wide = new Uint32Array(this.#scratch.buffer, 0, ids.length);
    for (let row = 0; row < ids.length; row++) {
      const id = ids[row]!;
      if (numbers[id]! < 0) numbers[id] = keys.push(id) - 1;
      wide[row] = numbers[id]!;
    }
    const indexType = keys.length <= 0x100 ? 0 : keys.length <= 0x1_0000 ? 1 : 2;
    const narrow = indexType === 0 ? this.#scratch : new Uint16Array(this.#scratch.buffer, 0, ids.length);
    if (indexType < 2) {
      for (let row = 0; row < ids.length; row++) narrow[row] = wide[row]!; // written behind where it reads
    }
    return indexType;
  }
}

// One function for each width, so that each loop is compiled for just that, and nothing in it but that: both answer with
// the row at which they met an id without a number, at most seven before it, or with `rows` or a little more.

function number8(row: number, rows: number): number {
  for (; row < rows; row += 8) {
    const at = row & CHUNK - 8;
    const a = numbers[chunkIds[at]! & MOST_IDS - 1]!, b = numbers[chunkIds[at + 1]! & MOST_IDS - 1]!;
    const c = numbers[chunkIds[at + 2]! & MOST_IDS - 1]!, d = numbers[chunkIds[at + 3]! & MOST_IDS - 1]!;
    const e = numbers[chunkIds[at + 4]! & MOST_IDS - 1]!, f = numbers[chunkIds[at + 5]! & MOST_IDS - 1]!;
    const g = numbers[chunkIds[at + 6]! & MOST_IDS - 1]!, h = numbers[chunkIds[at + 7]! & MOST_IDS - 1]!;
    const word = at >> 2;
    chunkWords[word] = a | b << 8 | c << 16 | d << 24;
    chunkWords[word + 1] = e | f << 8 | g << 16 | h << 24;
    if ((a | b | c | d | e | f | g | h) < 0) break;
  }
  return row;
}

function number16(row: number, rows: number): number {
  for (; row < rows; row += 8) {
    const at = row & CHUNK - 8;
    const a = numbers[chunkIds[at]! & MOST_IDS - 1]!, b = numbers[chunkIds[at + 1]! & MOST_IDS - 1]!;
    const c = numbers[chunkIds[at + 2]! & MOST_IDS - 1]!, d = numbers[chunkIds[at + 3]! & MOST_IDS - 1]!;
    const e = numbers[chunkIds[at + 4]! & MOST_IDS - 1]!, f = numbers[chunkIds[at + 5]! & MOST_IDS - 1]!;
    const g = numbers[chunkIds[at + 6]! & MOST_IDS - 1]!, h = numbers[chunkIds[at + 7]! & MOST_IDS - 1]!;
    const word = at >> 1;
    chunkWords[word] = a | b << 16;
    chunkWords[word + 1] = c | d << 16;
    chunkWords[word + 2] = e | f << 16;
    chunkWords[word + 3] = g | h << 16;
    if ((a | b | c | d | e | f | g | h) < 0) break;
  }
  return row;
}

/** Gives numbers to the ids of eight rows that have none. @returns false if more than `most` would have one */
function meet(row: number, keys: number[], most: number): boolean {
  for (let at = row; at < row + 8; at++) {
    const id = chunkIds[at]!;
    if (numbers[id]! >= 0) continue;
    if (keys.length === most) return false;
    numbers[id] = keys.push(id) - 1;
  }
  return true;
}
