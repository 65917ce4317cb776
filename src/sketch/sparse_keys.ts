import { ByteReader, ByteWriter } from "../bytes/mod.ts";
import { SketchError } from "./sketch_error.ts";

/**
 * The sparse form of a HyperLogLog++ sketch (Heule, Nunkesser, Hall 2013): instead of registers, 32-bit keys that keep
 * 25 bits of each hash and, where the register could not be told from those, the number of leading zeros behind them.
 * `p` is the precision of the dense form, 14 or 18. No key is 0.
 */

const SPARSE_PRECISION = 25;
const SLOTS = 2 ** SPARSE_PRECISION;
/** What follows the index in a hash: 39 bits, so at most 39 leading zeros. */
const MOST_RHO = 64 - SPARSE_PRECISION + 1;

/** The key of a 64-bit hash. */
export function sparseKey(high: number, low: number, p: number): number {
  const index = high >>> (32 - SPARSE_PRECISION);
  if ((index & ((1 << (SPARSE_PRECISION - p)) - 1)) !== 0) return index << 1;
  const rest = high & 0x7f;
  const rho = rest !== 0 ? Math.clz32(rest) - 24 : 8 + Math.clz32(low);
  return (index << 7 | rho << 1 | 1) >>> 0;
}

/** The dense register a key belongs to. */
export function keyRegister(key: number, p: number): number {
  return (key & 1) !== 0 ? key >>> (32 - p) : key >>> (SPARSE_PRECISION + 1 - p) & ((1 << p) - 1);
}

/** What a key's register holds at least. */
export function keyValue(key: number, p: number): number {
  return (key & 1) !== 0 ? (key >>> 1 & 63) + SPARSE_PRECISION - p : Math.clz32(key << (6 + p)) + 1;
}

/** Whether some hash has this key. */
export function isSparseKey(key: number, p: number): boolean {
  const telling = (1 << (SPARSE_PRECISION - p)) - 1; // the index bits that say what the register holds
  if ((key & 1) === 0) return key < 2 * SLOTS && (key >>> 1 & telling) !== 0;
  const rho = key >>> 1 & 63;
  return rho >= 1 && rho <= MOST_RHO && (key >>> 7 & telling) === 0;
}

/** How many members `keys` distinct keys stand for: linear counting over 2^25, truncated. */
export function sparseEstimate(keys: number): number {
  return Math.trunc(SLOTS * Math.log(SLOTS / (SLOTS - keys)));
}

/** The dense value of a 64-bit hash: 1 + the leading zeros behind its top `p` bits, at most 65 - p. */
export function hashValue(high: number, low: number, p: number): number {
  const rest = high & ((1 << (32 - p)) - 1);
  return rest !== 0 ? Math.clz32(rest) - p + 1 : 33 - p + Math.clz32(low);
}

/** A list of ascending keys as it is serialised: the difference of each to the one before, as LEB128. */
export interface KeyList {
  /** How many keys. */
  readonly count: number;
  /** The greatest; 0 if there is none. */
  readonly last: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const EMPTY_LIST: KeyList = { count: 0, last: 0, bytes: new Uint8Array(0) };

/** Keys in two places: a small unordered set, and the compact list it is now and then folded into. */
export class SparseKeys {
  readonly #p: number;
  #small = new Set<number>();
  #list = EMPTY_LIST;

  /** No keys yet, for a sketch of precision `p`. */
  constructor(p: number) {
    this.#p = p;
  }

  /** The keys given, which ascend: in the small set if they fit there, else in the list. */
  static of(keys: Uint32Array, p: number): SparseKeys {
    const sparse = new SparseKeys(p);
    if (keys.length * 100 <= 2 ** p) sparse.#small = new Set(keys);
    else sparse.#list = packKeys(keys);
    return sparse;
  }

  /**
   * Keys as they came over the wire.
   *
   * @throws {SketchError} if the list is not what its numbers say, or a key is impossible
   */
  static from(small: Iterable<number>, list: KeyList, p: number): SparseKeys {
    const sparse = new SparseKeys(p);
    for (const key of small) {
      if (!isSparseKey(key, p)) {
        throw new SketchError("sketch.key", `Cannot use a sparse sketch: key ${key} is impossible`);
      }
      sparse.#small.add(key);
    }
    checkList(list, p);
    sparse.#list = list;
    sparse.#foldIfLarge();
    return sparse;
  }

  /** The small set. */
  get small(): ReadonlySet<number> {
    return this.#small;
  }

  /** The compact list. */
  get list(): KeyList {
    return this.#list;
  }

  /** True when the sketch must turn dense: the list takes more bytes than there are registers. */
  get full(): boolean {
    return this.#list.bytes.length > 2 ** this.#p;
  }

  /** Adds a key. */
  add(key: number): void {
    this.#small.add(key);
    this.#foldIfLarge();
  }

  /** All distinct keys, ascending. */
  sorted(): Uint32Array<ArrayBuffer> {
    const small = Uint32Array.from(this.#small).sort();
    const all = new Uint32Array(small.length + this.#list.count);
    const reader = new ByteReader(this.#list.bytes);
    let count = 0;
    let next = 0;
    for (let i = 0, key = 0; i < this.#list.count; i++) {
      key += reader.varint();
      while (next < small.length && small[next]! < key) all[count++] = small[next++]!;
      if (next < small.length && small[next]! === key) next++;
      all[count++] = key;
    }
    while (next < small.length) all[count++] = small[next++]!;
    return all.slice(0, count);
  }

  #foldIfLarge(): void {
    if (this.#small.size * 100 <= 2 ** this.#p) return;
    this.#list = packKeys(this.sorted());
    this.#small = new Set();
  }
}

function packKeys(keys: Uint32Array): KeyList {
  const writer = new ByteWriter(keys.length * 3);
  let last = 0;
  for (const key of keys) {
    writer.varint(key - last);
    last = key;
  }
  return { count: keys.length, last, bytes: writer.copy() };
}

function checkList(list: KeyList, p: number): void {
  const { bytes } = list;
  let at = 0;
  let key = 0;
  for (let i = 0; i < list.count; i++) {
    let delta = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) {
        throw new SketchError(
          "sketch.truncated",
          `Cannot use a sparse sketch: its list ends after ${i} of ${list.count} keys`,
        );
      }
      delta += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      if (scale >= 2 ** 28) throw new SketchError("sketch.key", "Cannot use a sparse sketch: a key exceeds 32 bits");
    }
    key += delta;
    if (delta === 0 || key > 0xffffffff || !isSparseKey(key, p)) {
      throw new SketchError("sketch.key", `Cannot use a sparse sketch: key ${key} of its list is impossible`);
    }
  }
  if (at !== bytes.length) {
    throw new SketchError("sketch.format", `Cannot use a sparse sketch: its list goes on after ${list.count} keys`);
  }
  if (key !== list.last) {
    throw new SketchError("sketch.format", `Cannot use a sparse sketch: its last key is ${key}, not ${list.last}`);
  }
}
