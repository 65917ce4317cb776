import { metroHash64, newHash64 } from "./hash.ts";
import { HyperLogLog } from "./hyperloglog.ts";
import { BLOCK_BYTES, clearBlock, estimateBlock, mergeBlock, PRECISION, raiseRegister } from "./registers.ts";
import { hashValue, keyRegister, keyValue, sparseEstimate, sparseKey } from "./sparse_keys.ts";

/** A store's memory on its way to another thread: buffers to transfer, and numbers. */
export interface SetStoreState {
  readonly size: number;
  readonly heads: ArrayBuffer;
  readonly arena: ArrayBuffer;
  /** Words taken from the arena so far, freed blocks included. */
  readonly usedWords: number;
  /** The first free block of each kind, or -1. */
  readonly free: readonly number[];
}

// A set's head: three uint32.
const BLOCK = 0; // first word of the block
const KEYS = 1; // sparse keys in it
const KIND = 2; // 0 no block, 1 to 12 a table of 2 << kind words, DENSE the registers
const HEAD = 3;

const LARGEST_TABLE = 12;
const DENSE = 13;
/**
 * A sparse set of more keys turns dense: a table of 8192 words is then 7/8 full. `HyperLogLog` turns dense when its
 * packed list exceeds 16 384 bytes, which is at some 7600 keys.
 */
const MOST_KEYS = 7168;

const hash = newHash64();

/**
 * Many sets of generation B (see `HyperLogLog`) in one piece of memory. A set of up to three members takes 28 bytes;
 * it grows with its members to a hash table of 32 kB and then becomes registers of 8 kB. Inserting allocates nothing
 * but a larger block now and then.
 *
 * Sets are named by the number `add()` gives: 0, 1, 2 and so on. Every method throws a `RangeError` on any other.
 */
export class SetStore {
  #size = 0;
  #heads: Uint32Array<ArrayBuffer> = new Uint32Array(HEAD * 16);
  /** Blocks of both forms: tables of sparse keys, 0 where there is none, and register blocks (`registers.ts`). */
  #words: Uint32Array<ArrayBuffer> = new Uint32Array(128);
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(this.#words.buffer);
  #usedWords = 0;
  /** Freed blocks by kind, each block's first word naming the next + 1. */
  #free: number[] = newFree();

  /** Takes over the memory that `release()` gave, in this thread or another. */
  static adopt(state: SetStoreState): SetStore {
    const store = new SetStore();
    store.#size = state.size;
    store.#heads = new Uint32Array(state.heads);
    store.#words = new Uint32Array(state.arena);
    store.#bytes = new Uint8Array(state.arena);
    store.#usedWords = state.usedWords;
    store.#free = [...state.free];
    return store;
  }

  /** The buffers of `state`, for the list of what a message transfers. */
  static transferables(state: SetStoreState): ArrayBuffer[] {
    return [state.heads, state.arena];
  }

  /** How many sets there are. */
  get size(): number {
    return this.#size;
  }

  /** Memory held, in bytes. */
  get byteLength(): number {
    return this.#heads.byteLength + this.#words.byteLength;
  }

  /** Hands out the memory; the store is empty afterwards and can be used again. */
  release(): SetStoreState {
    const state: SetStoreState = {
      size: this.#size,
      heads: this.#heads.buffer,
      arena: this.#words.buffer,
      usedWords: this.#usedWords,
      free: this.#free,
    };
    this.#size = 0;
    this.#heads = new Uint32Array(HEAD * 16);
    this.#words = new Uint32Array(128);
    this.#bytes = new Uint8Array(this.#words.buffer);
    this.#usedWords = 0;
    this.#free = newFree();
    return state;
  }

  /** Begins an empty set and gives its number. */
  add(): number {
    const id = this.#size++;
    const head = id * HEAD;
    if (head + HEAD > this.#heads.length) {
      this.#heads = new Uint32Array(this.#heads.buffer.transfer(grown(this.#heads.byteLength, (head + HEAD) * 4)));
    }
    this.#heads[head + BLOCK] = this.#heads[head + KEYS] = this.#heads[head + KIND] = 0;
    return id;
  }

  /** Counts the member whose UTF-8 bytes are `bytes[start, end)`. */
  insert(id: number, bytes: Uint8Array, start: number, end: number): void {
    metroHash64(bytes, start, end, hash);
    this.insertHash(id, hash[0]!, hash[1]!);
  }

  /** Counts the member of this MetroHash64. */
  insertHash(id: number, high: number, low: number): void {
    const head = this.#check(id);
    if (this.#heads[head + KIND] === DENSE) {
      const block = this.#heads[head + BLOCK]! * 4;
      raiseRegister(this.#bytes, block, high >>> (32 - PRECISION), hashValue(high, low, PRECISION));
    } else this.#addKey(head, sparseKey(high, low, PRECISION));
  }

  /** Counts all members that set `otherId` of `other` has counted, which stays as it is. */
  mergeFrom(id: number, other: SetStore, otherId: number): void {
    const head = this.#check(id);
    const theirs = other.#check(otherId);
    const kind = other.#heads[theirs + KIND]!;
    if (kind === 0 || other === this && id === otherId) return;
    if (kind === DENSE) {
      this.#densify(head);
      mergeBlock(this.#bytes, this.#heads[head + BLOCK]! * 4, other.#bytes, other.#heads[theirs + BLOCK]! * 4);
      return;
    }
    const from = other.#heads[theirs + BLOCK]!;
    const size = 2 << kind;
    if (this.#heads[head + KIND] === 0) {
      const to = this.#takeBlock(kind);
      const source = other.#words; // after taking: `other` may be this store
      for (let i = 0; i < size; i++) this.#words[to + i] = source[from + i]!;
      this.#heads[head + BLOCK] = to;
      this.#heads[head + KEYS] = other.#heads[theirs + KEYS]!;
      this.#heads[head + KIND] = kind;
      return;
    }
    for (let i = 0; i < size; i++) {
      const key = other.#words[from + i]!;
      if (key !== 0) this.#addKey(head, key);
    }
  }

  /** Counts all members that `sketch` has counted, which stays as it is. */
  mergeSketch(id: number, sketch: HyperLogLog): void {
    const head = this.#check(id);
    const block = sketch.block();
    if (block !== null) {
      this.#densify(head);
      mergeBlock(this.#bytes, this.#heads[head + BLOCK]! * 4, block, 0);
    } else for (const key of sketch.keys()!) this.#addKey(head, key);
  }

  /** About how many distinct members were counted. */
  estimate(id: number): number {
    const head = this.#check(id);
    if (this.#heads[head + KIND] === DENSE) return estimateBlock(this.#bytes, this.#heads[head + BLOCK]! * 4);
    return sparseEstimate(this.#heads[head + KEYS]!);
  }

  /** The set as an object with memory of its own. */
  toSketch(id: number): HyperLogLog {
    const head = this.#check(id);
    const kind = this.#heads[head + KIND]!;
    const block = this.#heads[head + BLOCK]!;
    if (kind === DENSE) return HyperLogLog.fromBlock(this.#bytes.subarray(block * 4, block * 4 + BLOCK_BYTES));
    const keys = new Uint32Array(this.#heads[head + KEYS]!);
    let count = 0;
    if (kind > 0) {
      for (let i = 0; i < 2 << kind; i++) {
        const key = this.#words[block + i]!;
        if (key !== 0) keys[count++] = key;
      }
    }
    return HyperLogLog.fromKeys(keys.sort());
  }

  /** Where the set's head begins. */
  #check(id: number): number {
    if (!(id >= 0 && id < this.#size)) throw new RangeError(`Cannot use set ${id}: there are ${this.#size}`);
    return id * HEAD;
  }

  #addKey(head: number, key: number): void {
    const heads = this.#heads;
    let kind = heads[head + KIND]!;
    if (kind === DENSE) {
      raiseRegister(this.#bytes, heads[head + BLOCK]! * 4, keyRegister(key, PRECISION), keyValue(key, PRECISION));
      return;
    }
    const keys = heads[head + KEYS]!;
    if (kind > 0) {
      const at = this.#find(head, kind, key);
      if (at < 0) return;
      if (keys < mostKeys(kind)) {
        this.#words[at] = key;
        heads[head + KEYS] = keys + 1;
        return;
      }
    }
    if (keys >= MOST_KEYS) {
      this.#densify(head);
      raiseRegister(this.#bytes, heads[head + BLOCK]! * 4, keyRegister(key, PRECISION), keyValue(key, PRECISION));
      return;
    }
    kind = this.#enlarge(head, kind);
    this.#words[this.#find(head, kind, key)] = key;
    heads[head + KEYS] = keys + 1;
  }

  /** The free word where `key` belongs, or -1 if it is there already. A table always has a free word. */
  #find(head: number, kind: number, key: number): number {
    const words = this.#words;
    const block = this.#heads[head + BLOCK]!;
    const mask = (2 << kind) - 1;
    // The multiplication spreads keys over the table's top bits, although half of them or more are even.
    let i = Math.imul(key, 0x9e3779b1) >>> (31 - kind);
    for (;;) {
      const there = words[block + i]!;
      if (there === 0) return block + i;
      if (there === key) return -1;
      i = i + 1 & mask;
    }
  }

  /** Moves a sparse set to a table of twice the size. */
  #enlarge(head: number, kind: number): number {
    const heads = this.#heads;
    const from = heads[head + BLOCK]!;
    const larger = kind + 1;
    heads[head + BLOCK] = this.#takeBlock(larger);
    heads[head + KIND] = larger;
    if (kind === 0) return larger;
    for (let i = 0; i < 2 << kind; i++) {
      const key = this.#words[from + i]!;
      if (key !== 0) this.#words[this.#find(head, larger, key)] = key;
    }
    this.#freeBlock(kind, from);
    return larger;
  }

  /** Turns a set into registers, if it is not yet. */
  #densify(head: number): void {
    const heads = this.#heads;
    const kind = heads[head + KIND]!;
    if (kind === DENSE) return;
    const from = heads[head + BLOCK]!;
    const to = this.#takeBlock(DENSE);
    clearBlock(this.#bytes, to * 4);
    if (kind > 0) {
      for (let i = 0; i < 2 << kind; i++) {
        const key = this.#words[from + i]!;
        if (key !== 0) raiseRegister(this.#bytes, to * 4, keyRegister(key, PRECISION), keyValue(key, PRECISION));
      }
      this.#freeBlock(kind, from);
    }
    heads[head + BLOCK] = to;
    heads[head + KIND] = DENSE;
    heads[head + KEYS] = 0;
  }

  /** A block of zeros. */
  #takeBlock(kind: number): number {
    const free = this.#free[kind]!;
    const words = wordsOf(kind);
    if (free >= 0) {
      this.#free[kind] = this.#words[free]! - 1;
      this.#words.fill(0, free, free + words);
      return free;
    }
    const block = this.#usedWords;
    this.#usedWords += words;
    const needed = this.#usedWords * 4;
    if (needed > this.#words.byteLength) {
      this.#words = new Uint32Array(this.#words.buffer.transfer(grown(this.#words.byteLength, needed)));
      this.#bytes = new Uint8Array(this.#words.buffer);
    }
    return block;
  }

  #freeBlock(kind: number, block: number): void {
    this.#words[block] = this.#free[kind]! + 1;
    this.#free[kind] = block;
  }
}

function newFree(): number[] {
  return Array.from({ length: DENSE + 1 }, () => -1);
}

function wordsOf(kind: number): number {
  return kind === DENSE ? BLOCK_BYTES / 4 : 2 << kind;
}

/** How many keys a table holds before it must grow: 3/4 of it, the largest one 7/8. */
function mostKeys(kind: number): number {
  return kind === LARGEST_TABLE ? MOST_KEYS : (2 << kind) * 3 / 4;
}

/** A new size in bytes: `needed`, or half as much again as now, in whole words. */
function grown(oldBytes: number, needed: number): number {
  return Math.max(Math.ceil(oldBytes * 1.5 / 4) * 4, needed);
}
