import {
  cdfOf,
  DEFAULT_COMPRESSION,
  mergeBuffered,
  mergeSorted,
  quantileOf,
  type Scale,
  scaleOf,
  SLOT,
  sumOf,
} from "./digest_core.ts";
import { TDigest } from "./tdigest.ts";

/** A store's memory on its way to another thread: buffers to transfer, and numbers. */
export interface DigestStoreState {
  readonly compression: number;
  readonly size: number;
  readonly heads: ArrayBuffer;
  readonly slots: ArrayBuffer;
  /** Slots taken from the arena so far, freed blocks included. */
  readonly usedSlots: number;
  /** The first free block of each size class, or -1. */
  readonly free: readonly number[];
}

// A digest's head: nine float64 fields, then four uint32 fields (at the same place in a second view).
const LOCAL_WEIGHT = 0;
const LOCAL_MIN = 1;
const LOCAL_MAX = 2;
const LOCAL_SUM = 3;
const LOCAL_RECIPROCAL = 4;
const IMPORT_WEIGHT = 5;
const IMPORT_MIN = 6;
const IMPORT_MAX = 7;
const IMPORT_RECIPROCAL = 8;
const HEAD = 11;

const INTS = 18; // index of the first uint32 field
const BLOCK = INTS; // first slot of the block
const USED = INTS + 1; // slots in use, main and buffered
const LIMIT = INTS + 2; // slots that may be in use before there must be a merge or a larger block
const MAINS = INTS + 3; // merged slots in the low 24 bits, size class + 1 in the high 8; 0 is no block yet
const INT_HEAD = HEAD * 2;

/**
 * Many digests in one piece of memory, each with the aggregates of the samples that were added directly ("local" ones;
 * merged digests leave those alone). A digest of few samples takes 88 bytes and a block for 4, 14 or 42 centroids; only
 * a busy one has the full block of about 3.2 kB. Adding a sample allocates nothing but a larger block now and then.
 *
 * Digests are named by the number `add()` gives: 0, 1, 2 and so on. Every method throws a `RangeError` on any other.
 */
export class DigestStore {
  readonly #scale: Scale;
  /** Slots a block of each size class has. */
  readonly #classes: readonly number[];
  #size = 0;
  #heads: Float64Array<ArrayBuffer>;
  #ints: Uint32Array<ArrayBuffer>;
  #slots: Float64Array<ArrayBuffer>;
  #usedSlots = 0;
  /** Freed blocks by size class, each block's first number naming the next. */
  #free: number[];

  /**
   * An empty store.
   *
   * @param compression delta of every digest, 10 to 10 000
   * @throws {RangeError} on another compression
   */
  constructor(compression: number = DEFAULT_COMPRESSION) {
    const scale = scaleOf(compression);
    const { bufferSize, usualMains, mostMains } = scale;
    this.#scale = scale;
    this.#classes = [4, 14, bufferSize, usualMains + bufferSize, mostMains + bufferSize];
    this.#free = this.#classes.map(() => -1);
    this.#heads = new Float64Array(HEAD * 16);
    this.#ints = new Uint32Array(this.#heads.buffer);
    this.#slots = new Float64Array(SLOT * 128);
  }

  /** Takes over the memory that `release()` gave, in this thread or another. */
  static adopt(state: DigestStoreState): DigestStore {
    const store = new DigestStore(state.compression);
    store.#size = state.size;
    store.#heads = new Float64Array(state.heads);
    store.#ints = new Uint32Array(state.heads);
    store.#slots = new Float64Array(state.slots);
    store.#usedSlots = state.usedSlots;
    store.#free = [...state.free];
    return store;
  }

  /** The buffers of `state`, for the list of what a message transfers. */
  static transferables(state: DigestStoreState): ArrayBuffer[] {
    return [state.heads, state.slots];
  }

  /** How many digests there are. */
  get size(): number {
    return this.#size;
  }

  /** Memory held, in bytes. */
  get byteLength(): number {
    return this.#heads.byteLength + this.#slots.byteLength;
  }

  /** Delta of every digest. */
  get compression(): number {
    return this.#scale.compression;
  }

  /** Hands out the memory; the store is empty afterwards and can be used again. */
  release(): DigestStoreState {
    const state: DigestStoreState = {
      compression: this.#scale.compression,
      size: this.#size,
      heads: this.#heads.buffer,
      slots: this.#slots.buffer,
      usedSlots: this.#usedSlots,
      free: this.#free,
    };
    this.#size = 0;
    this.#heads = new Float64Array(HEAD * 16);
    this.#ints = new Uint32Array(this.#heads.buffer);
    this.#slots = new Float64Array(SLOT * 128);
    this.#usedSlots = 0;
    this.#free = this.#classes.map(() => -1);
    return state;
  }

  /** Begins an empty digest and gives its number. */
  add(): number {
    const id = this.#size++;
    const head = id * HEAD;
    if (head + HEAD > this.#heads.length) {
      this.#heads = new Float64Array(this.#heads.buffer.transfer(grown(this.#heads.byteLength, (head + HEAD) * 8)));
      this.#ints = new Uint32Array(this.#heads.buffer);
    }
    const heads = this.#heads;
    for (let i = 0; i < HEAD; i++) heads[head + i] = 0;
    heads[head + LOCAL_MIN] = heads[head + IMPORT_MIN] = Infinity;
    heads[head + LOCAL_MAX] = heads[head + IMPORT_MAX] = -Infinity;
    return id;
  }

  /**
   * Adds a sample that stands for `weight` samples, to the digest and to the local aggregates.
   *
   * @returns false, and nothing is changed, unless `value` is finite and `weight` finite and positive
   */
  sample(id: number, value: number, weight: number): boolean {
    if (!(weight > 0 && weight < Infinity && value - value === 0)) return false;
    this.#append(id, value, weight);
    const heads = this.#heads;
    const head = id * HEAD;
    heads[head + LOCAL_WEIGHT]! += weight;
    if (value < heads[head + LOCAL_MIN]!) heads[head + LOCAL_MIN] = value;
    if (value > heads[head + LOCAL_MAX]!) heads[head + LOCAL_MAX] = value;
    heads[head + LOCAL_SUM]! += value * weight;
    heads[head + LOCAL_RECIPROCAL]! += weight / value;
    return true;
  }

  /**
   * Adds everything digest `otherId` of `other` holds, which stays as it is. With `includeLocal` its local aggregates
   * are added to the local ones here (both were sampled by this agent); without, they only count as imported.
   */
  mergeFrom(id: number, other: DigestStore, otherId: number, includeLocal: boolean): void {
    if (other === this && id === otherId) throw new RangeError(`Cannot merge digest ${id} into itself`);
    other.#check(otherId);
    this.#check(id);
    const theirs = otherId * HEAD;
    const theirInts = otherId * INT_HEAD;
    const mains = other.#ints[theirInts + MAINS]! & 0xffffff;
    const used = other.#ints[theirInts + USED]!;
    const { compression, bufferSize } = this.#scale;
    if (
      this.#ints[id * INT_HEAD + USED] === 0 && compression === other.#scale.compression &&
      (mains === 0 || mains > bufferSize)
    ) this.#copyBlock(id, other, otherId); // the same as below, without the work
    else this.#import(id, other.#slots, SLOT * other.#ints[theirInts + BLOCK]!, mains, used - mains, other);

    const from = other.#heads;
    const into = this.#heads;
    const head = id * HEAD;
    const localTo = includeLocal ? LOCAL_WEIGHT : IMPORT_WEIGHT;
    const localReciprocalTo = includeLocal ? LOCAL_RECIPROCAL : IMPORT_RECIPROCAL;
    if (from[theirs + LOCAL_WEIGHT]! > 0) {
      into[head + localTo]! += from[theirs + LOCAL_WEIGHT]!;
      into[head + localTo + 1] = Math.min(into[head + localTo + 1]!, from[theirs + LOCAL_MIN]!);
      into[head + localTo + 2] = Math.max(into[head + localTo + 2]!, from[theirs + LOCAL_MAX]!);
      into[head + localReciprocalTo]! += from[theirs + LOCAL_RECIPROCAL]!;
      if (includeLocal) into[head + LOCAL_SUM]! += from[theirs + LOCAL_SUM]!;
    }
    if (from[theirs + IMPORT_WEIGHT]! > 0) {
      into[head + IMPORT_WEIGHT]! += from[theirs + IMPORT_WEIGHT]!;
      into[head + IMPORT_MIN] = Math.min(into[head + IMPORT_MIN]!, from[theirs + IMPORT_MIN]!);
      into[head + IMPORT_MAX] = Math.max(into[head + IMPORT_MAX]!, from[theirs + IMPORT_MAX]!);
      into[head + IMPORT_RECIPROCAL]! += from[theirs + IMPORT_RECIPROCAL]!;
    }
  }

  /** Adds everything `digest` holds, an imported one: the local aggregates stay as they are. */
  mergeDigest(id: number, digest: TDigest): void {
    this.#check(id);
    if (digest.count === 0) return;
    const { slots, mains, temps } = digest.parts();
    this.#import(id, slots, 0, mains, temps, null);
    const heads = this.#heads;
    const head = id * HEAD;
    heads[head + IMPORT_WEIGHT]! += digest.count;
    heads[head + IMPORT_MIN] = Math.min(heads[head + IMPORT_MIN]!, digest.min);
    heads[head + IMPORT_MAX] = Math.max(heads[head + IMPORT_MAX]!, digest.max);
    heads[head + IMPORT_RECIPROCAL]! += digest.reciprocalSum;
  }

  /** Weight of the local samples. */
  localWeight(id: number): number {
    return this.#heads[this.#check(id) + LOCAL_WEIGHT]!;
  }

  /** The least local sample; `Infinity` if there is none. */
  localMin(id: number): number {
    return this.#heads[this.#check(id) + LOCAL_MIN]!;
  }

  /** The greatest local sample; `-Infinity` if there is none. */
  localMax(id: number): number {
    return this.#heads[this.#check(id) + LOCAL_MAX]!;
  }

  /** Sum of value * weight over the local samples. */
  localSum(id: number): number {
    return this.#heads[this.#check(id) + LOCAL_SUM]!;
  }

  /** Sum of weight / value over the local samples; infinite after a sample of 0. */
  localReciprocalSum(id: number): number {
    return this.#heads[this.#check(id) + LOCAL_RECIPROCAL]!;
  }

  /** Weight of all samples, local and imported. */
  count(id: number): number {
    const head = this.#check(id);
    return this.#heads[head + LOCAL_WEIGHT]! + this.#heads[head + IMPORT_WEIGHT]!;
  }

  /** The least of all samples; `Infinity` if there is none. */
  min(id: number): number {
    const head = this.#check(id);
    return Math.min(this.#heads[head + LOCAL_MIN]!, this.#heads[head + IMPORT_MIN]!);
  }

  /** The greatest of all samples; `-Infinity` if there is none. */
  max(id: number): number {
    const head = this.#check(id);
    return Math.max(this.#heads[head + LOCAL_MAX]!, this.#heads[head + IMPORT_MAX]!);
  }

  /** Sum of weight / value over all samples; infinite after a sample of 0. */
  reciprocalSum(id: number): number {
    const head = this.#check(id);
    return this.#heads[head + LOCAL_RECIPROCAL]! + this.#heads[head + IMPORT_RECIPROCAL]!;
  }

  /** Sum of mean * weight over the centroids of all samples. */
  sum(id: number): number {
    const mains = this.#settle(id);
    return sumOf(this.#slots, SLOT * this.#ints[id * INT_HEAD + BLOCK]!, mains);
  }

  /** The value below which the share `q` of all samples lies; NaN if there is none or `q` is outside [0, 1]. */
  quantile(id: number, q: number): number {
    const mains = this.#settle(id);
    const base = SLOT * this.#ints[id * INT_HEAD + BLOCK]!;
    return quantileOf(this.#slots, base, mains, this.count(id), this.min(id), this.max(id), q);
  }

  /** The share of all samples below `x`, 0 to 1; NaN if there is none. */
  cdf(id: number, x: number): number {
    const mains = this.#settle(id);
    const base = SLOT * this.#ints[id * INT_HEAD + BLOCK]!;
    return cdfOf(this.#slots, base, mains, this.count(id), this.min(id), this.max(id), x);
  }

  /** The digest as an object with memory of its own, in the state it has here. */
  toDigest(id: number): TDigest {
    this.#check(id);
    const ints = id * INT_HEAD;
    const base = SLOT * this.#ints[ints + BLOCK]!;
    const used = this.#ints[ints + USED]!;
    const mains = this.#ints[ints + MAINS]! & 0xffffff;
    return TDigest.copyOf({
      compression: this.#scale.compression,
      min: this.min(id),
      max: this.max(id),
      reciprocalSum: this.reciprocalSum(id),
      slots: this.#slots.subarray(base, base + SLOT * used),
      mains,
      temps: used - mains,
    });
  }

  /** Where the digest's head begins. */
  #check(id: number): number {
    if (!(id >= 0 && id < this.#size)) throw new RangeError(`Cannot use digest ${id}: there are ${this.#size}`);
    return id * HEAD;
  }

  /** Puts a centroid behind the others. The weights in the head must not contain it yet. */
  #append(id: number, mean: number, weight: number): void {
    if (!(id >= 0 && id < this.#size)) this.#check(id);
    const head = id * INT_HEAD;
    let used = this.#ints[head + USED]!;
    if (used === this.#ints[head + LIMIT]!) used = this.#makeRoom(id, this.count(id));
    const at = SLOT * (this.#ints[head + BLOCK]! + used);
    const slots = this.#slots;
    slots[at] = mean;
    slots[at + 1] = weight;
    this.#ints[head + USED] = used + 1;
  }

  /** Merges if the buffer is full, moves to a larger block if the block is; `weight` is that of all slots in use. */
  #makeRoom(id: number, weight: number): number {
    const ints = this.#ints;
    const head = id * INT_HEAD;
    const { bufferSize } = this.#scale;
    let mains = ints[head + MAINS]! & 0xffffff;
    let used = ints[head + USED]!;
    if (used - mains >= bufferSize) used = mains = this.#mergeOwn(id, weight);
    this.#reserve(id, mains > 0 ? mains + bufferSize : used + 1);
    const slots = this.#classes[(ints[head + MAINS]! >>> 24) - 1]!;
    ints[head + LIMIT] = Math.min(slots, mains + bufferSize);
    return used;
  }

  /** Merges what is buffered; `weight` is that of all slots in use. Returns the number of main centroids. */
  #mergeOwn(id: number, weight: number): number {
    const ints = this.#ints;
    const head = id * INT_HEAD;
    const mains = ints[head + MAINS]! & 0xffffff;
    const temps = ints[head + USED]! - mains;
    if (temps === 0) return mains;
    const merged = mergeBuffered(this.#slots, SLOT * ints[head + BLOCK]!, mains, temps, weight, this.#scale);
    ints[head + MAINS] = ints[head + MAINS]! & 0xff000000 | merged;
    ints[head + USED] = merged;
    ints[head + LIMIT] = merged; // the next sample asks for room
    return merged;
  }

  #settle(id: number): number {
    this.#check(id);
    return this.#mergeOwn(id, this.count(id));
  }

  /** Appends or merges foreign centroids. `store` owns `slots`, if a store does: it may be this one and move them. */
  #import(
    id: number,
    slots: Float64Array,
    base: number,
    mains: number,
    temps: number,
    store: DigestStore | null,
  ): void {
    const head = id * INT_HEAD;
    let weight = this.count(id);
    let at = base;
    const buffered = this.#ints[head + USED]! - (this.#ints[head + MAINS]! & 0xffffff);
    if (mains > this.#scale.bufferSize - buffered) {
      const own = this.#mergeOwn(id, weight);
      this.#reserve(id, Math.min(own + mains, this.#scale.mostMains));
      if (store !== null) slots = store.#slots;
      for (const end = base + SLOT * mains; at < end; at += SLOT) weight += slots[at + 1]!;
      const block = SLOT * this.#ints[head + BLOCK]!;
      const merged = mergeSorted(this.#slots, block, own, slots, base, mains, weight, this.#scale);
      this.#ints[head + MAINS] = this.#ints[head + MAINS]! & 0xff000000 | merged;
      this.#ints[head + USED] = this.#ints[head + LIMIT] = merged;
    }
    for (const end = base + SLOT * (mains + temps); at < end; at += SLOT) {
      let used = this.#ints[head + USED]!;
      if (used === this.#ints[head + LIMIT]!) {
        used = this.#makeRoom(id, weight);
        if (store !== null) slots = store.#slots;
      }
      const to = SLOT * (this.#ints[head + BLOCK]! + used);
      this.#slots[to] = slots[at]!;
      this.#slots[to + 1] = slots[at + 1]!;
      weight += slots[at + 1]!;
      this.#ints[head + USED] = used + 1;
    }
  }

  /** Takes over another digest's slots as they are; this one has none. */
  #copyBlock(id: number, other: DigestStore, otherId: number): void {
    const theirs = otherId * INT_HEAD;
    const used = other.#ints[theirs + USED]!;
    if (used === 0) return;
    const head = id * INT_HEAD;
    const mains = other.#ints[theirs + MAINS]! & 0xffffff;
    this.#reserve(id, mains > 0 ? mains + this.#scale.bufferSize : used);
    const to = SLOT * this.#ints[head + BLOCK]!;
    const from = SLOT * other.#ints[theirs + BLOCK]!;
    const source = other.#slots; // after reserving: `other` may be this store
    for (let i = 0; i < SLOT * used; i++) this.#slots[to + i] = source[from + i]!;
    const sizeClass = this.#ints[head + MAINS]! >>> 24;
    this.#ints[head + MAINS] = sizeClass << 24 | mains;
    this.#ints[head + USED] = used;
    this.#ints[head + LIMIT] = Math.min(this.#classes[sizeClass - 1]!, mains + this.#scale.bufferSize);
  }

  /** Gives the digest a block for `slots` slots, and moves there what it has. */
  #reserve(id: number, slots: number): void {
    const ints = this.#ints;
    const head = id * INT_HEAD;
    const oldClass = (ints[head + MAINS]! >>> 24) - 1;
    if (oldClass >= 0 && slots <= this.#classes[oldClass]!) return;
    let newClass = oldClass + 1;
    while (slots > this.#classes[newClass]!) newClass++;
    const to = this.#takeBlock(newClass);
    const from = ints[head + BLOCK]!;
    const used = ints[head + USED]!;
    if (used > 0) this.#slots.copyWithin(SLOT * to, SLOT * from, SLOT * (from + used));
    if (oldClass >= 0) {
      this.#slots[SLOT * from] = this.#free[oldClass]!;
      this.#free[oldClass] = from;
    }
    ints[head + BLOCK] = to;
    ints[head + MAINS] = (newClass + 1) << 24 | ints[head + MAINS]! & 0xffffff;
  }

  #takeBlock(sizeClass: number): number {
    const free = this.#free[sizeClass]!;
    if (free >= 0) {
      this.#free[sizeClass] = this.#slots[SLOT * free]!;
      return free;
    }
    const block = this.#usedSlots;
    this.#usedSlots += this.#classes[sizeClass]!;
    const needed = SLOT * this.#usedSlots * 8;
    if (needed > this.#slots.byteLength) {
      this.#slots = new Float64Array(this.#slots.buffer.transfer(grown(this.#slots.byteLength, needed)));
    }
    return block;
  }
}

/** A new size in bytes: `needed`, or half as much again as now, in whole float64. */
function grown(oldBytes: number, needed: number): number {
  return Math.max(Math.ceil(oldBytes * 1.5 / 8) * 8, needed);
}
