import type { Int64 } from "../wire/int64.ts";
import type { BrokerStore } from "./broker_store.ts";

/** One commit of a partition's window. */
export interface CommitEntry {
  readonly offset: Int64;
  /** Its place in the log it was read from: what windows are sorted by. */
  readonly order: Int64;
  /** Unix milliseconds, as the commit says. */
  readonly timestamp: Int64;
  /** Unix milliseconds of the commit's arrival. */
  readonly observedAt: Int64;
  /** Messages behind the end when it arrived; null is unknown. */
  readonly lag: Int64 | null;
  /** The partition's end was measured anew between the commit before it and this one. */
  readonly fresh: boolean;
}

// A slot in an Int32Array: six words that say whose it is, then the entries.
const HASH = 0;
const OWNER = 1;
const PARTITION = 2;
const BROKER = 3;
const HEAD_COUNT = 4; // the place of the oldest entry << 16 | the number of entries
const SAMPLE = 5;
const BASE_WORDS = 6; // where the three bases begin, each a double of two words
const HEADER_WORDS = 12;
// An entry: three differences from the slot's base, the lag, and how much later than its time it arrived.
const ENTRY_WORDS = 5;
const OFFSET = 0;
const ORDER = 1;
const TIME = 2;
const LAG = 3;
const DELAY = 4;
/** What a processor fetches at once: a slot that begins there has its header and bases in one piece. */
const LINE_WORDS = 16;

/** Stands for a number that does not fit its word; it is in the map of wide values. */
const WIDE = -0x8000_0000;
const MOST = 0x7fff_ffff;
const LAG_BITS = 0x3fff_ffff;
const LAG_NULL = LAG_BITS;
const LAG_WIDE = LAG_BITS - 1;
const FRESH = 0x4000_0000;

const PAGE_BITS = 11;
const PAGE_SLOTS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SLOTS - 1;
/** The most intervals that a slot's header can count. */
export const MOST_INTERVALS = 10_000;

/** What {@linkcode WindowStore.append} did. */
export const Appended = { no: 0, stored: 1, merged: 2 } as const;

/**
 * The windows of all partitions of all groups, each a ring of `intervals` commits in a slot of
 * 4 * (12 + 5 * intervals) bytes. Offsets, orders and times are kept as 32-bit differences from the slot's base, which moves when one does not fit;
 * what fits no base stands in a map, exact at 64 bits.
 */
export class WindowStore {
  readonly intervals: number;
  readonly #words: number;
  readonly #pages: Int32Array[] = [];
  /** The same memory as doubles. */
  readonly #doubles: Float64Array[] = [];
  readonly #wide = new Map<number, Int64>();
  readonly #free: number[] = [];
  #slots = 0;

  /** @param intervals commits of a window, from 1 to {@linkcode MOST_INTERVALS} */
  constructor(intervals: number) {
    if (!(Number.isSafeInteger(intervals) && intervals >= 1 && intervals <= MOST_INTERVALS)) {
      throw new RangeError(`Cannot keep ${intervals} commits of a partition: write 1 to ${MOST_INTERVALS}`);
    }
    this.intervals = intervals;
    this.#words = slotWords(intervals);
  }

  /** Slots in use. */
  get size(): number {
    return this.#slots - this.#free.length;
  }

  /** A slot with an empty window. */
  allocate(hash: number, owner: number, partition: number, broker: number): number {
    const slot = this.#free.pop() ?? this.#slots++;
    if (slot >>> PAGE_BITS === this.#pages.length) {
      const page = new ArrayBuffer(PAGE_SLOTS * this.#words * 4);
      this.#pages.push(new Int32Array(page));
      this.#doubles.push(new Float64Array(page));
    }
    const page = this.#pages[slot >>> PAGE_BITS]!;
    const at = (slot & PAGE_MASK) * this.#words;
    page[at + HASH] = hash;
    page[at + OWNER] = owner;
    page[at + PARTITION] = partition;
    page[at + BROKER] = broker;
    page[at + HEAD_COUNT] = 0;
    page[at + SAMPLE] = -1;
    return slot;
  }

  /** Gives a slot back. */
  free(slot: number): void {
    this.#forgetWide(slot);
    this.#free.push(slot);
  }

  hash(slot: number): number {
    return this.#word(slot, HASH);
  }

  /** The number its owner was allocated with. */
  owner(slot: number): number {
    return this.#word(slot, OWNER);
  }

  partition(slot: number): number {
    return this.#word(slot, PARTITION);
  }

  /** The cell of its partition's end. */
  broker(slot: number): number {
    return this.#word(slot, BROKER);
  }

  /** Commits in the window. */
  count(slot: number): number {
    return this.#word(slot, HEAD_COUNT) & 0xffff;
  }

  /**
   * The common case of an insertion: a commit behind the newest one, whose numbers are exact and near those before it.
   *
   * @param brokers where the partition's end is
   * @returns {@linkcode Appended}; `no` leaves the window as it was, for the general way
   */
  append(
    slot: number,
    offset: number,
    order: number,
    timestamp: number,
    brokers: BrokerStore,
    nowMs: number,
    minDistanceMs: number,
  ): number {
    const page = this.#pages[slot >>> PAGE_BITS]!;
    const bases = this.#doubles[slot >>> PAGE_BITS]!;
    const at = (slot & PAGE_MASK) * this.#words;
    const base = at + BASE_WORDS >> 1;
    const headCount = page[at + HEAD_COUNT]!;
    const count = headCount & 0xffff;
    if (count === 0) return Appended.no;
    const head = headCount >>> 16;
    const intervals = this.intervals;
    let place = head + count - 1;
    if (place >= intervals) place -= intervals;
    let entry = at + HEADER_WORDS + place * ENTRY_WORDS;
    // A wide number in the newest entry, or in what comes over it, is for the general way.
    const newestOrder = page[entry + ORDER]!;
    const newestTime = page[entry + TIME]!;
    const orderDelta = order - bases[base + ORDER]!;
    if (newestOrder === WIDE || orderDelta <= newestOrder || orderDelta > MOST) return Appended.no;
    const offsetDelta = offset - bases[base + OFFSET]!;
    if (!(offsetDelta > WIDE && offsetDelta <= MOST)) return Appended.no;
    const timeDelta = timestamp - bases[base + TIME]!;
    if (newestTime === WIDE || !(timeDelta > WIDE && timeDelta <= MOST)) return Appended.no;
    const cell = page[at + BROKER]!;
    const end = brokers.newestNumber(cell);
    const lag = offset < end ? end - offset : 0;
    if (!(end >= 0 && lag < LAG_WIDE)) return Appended.no; // an end beyond 2^53 is NaN
    const sample = brokers.samples(cell);
    const fresh = page[at + SAMPLE] !== sample;
    if (timeDelta - newestTime < minDistanceMs) {
      if (page[entry + OFFSET] === WIDE || page[entry + DELAY] === WIDE) return Appended.no;
      if ((page[entry + LAG]! & LAG_BITS) === LAG_WIDE) return Appended.no;
      const delay = nowMs - newestTime - bases[base + TIME]!;
      if (!(delay > WIDE && delay <= MOST)) return Appended.no;
      page[entry + OFFSET] = offsetDelta;
      page[entry + ORDER] = orderDelta;
      page[entry + LAG] = (fresh ? FRESH : page[entry + LAG]! & FRESH) | lag;
      page[entry + DELAY] = delay;
      page[at + SAMPLE] = sample;
      return Appended.merged;
    }
    const delay = nowMs - timestamp;
    if (!(delay > WIDE && delay <= MOST)) return Appended.no;
    if (count < intervals) {
      place = head + count;
      if (place >= intervals) place -= intervals;
      page[at + HEAD_COUNT] = headCount + 1;
    } else {
      place = head;
      if (this.#wide.size > 0 && this.#isWide(page, at + HEADER_WORDS + head * ENTRY_WORDS)) return Appended.no;
      page[at + HEAD_COUNT] = (head + 1 === intervals ? 0 : head + 1) << 16 | count;
    }
    entry = at + HEADER_WORDS + place * ENTRY_WORDS;
    page[entry + OFFSET] = offsetDelta;
    page[entry + ORDER] = orderDelta;
    page[entry + TIME] = timeDelta;
    page[entry + LAG] = fresh ? FRESH | lag : lag;
    page[entry + DELAY] = delay;
    page[at + SAMPLE] = sample;
    return Appended.stored;
  }

  /** The measurement of the end that the newest commit was held against; -1 before the first. */
  sample(slot: number): number {
    return this.#word(slot, SAMPLE);
  }

  /** The window, oldest first. */
  read(slot: number): CommitEntry[] {
    const count = this.count(slot);
    return Array.from({ length: count }, (_, i) => this.entry(slot, i));
  }

  /** The commit at `index`, 0 is the oldest. */
  entry(slot: number, index: number): CommitEntry {
    const page = this.#pages[slot >>> PAGE_BITS]!;
    const at = (slot & PAGE_MASK) * this.#words;
    const place = ((page[at + HEAD_COUNT]! >>> 16) + index) % this.intervals;
    const entry = at + HEADER_WORDS + place * ENTRY_WORDS;
    const number = slot * this.intervals + place;
    const lagWord = page[entry + LAG]!;
    const lag = lagWord & LAG_BITS;
    const timestamp = this.#number(slot, number, page[entry + TIME]!, TIME);
    const delay = page[entry + DELAY]!;
    return {
      offset: this.#number(slot, number, page[entry + OFFSET]!, OFFSET),
      order: this.#number(slot, number, page[entry + ORDER]!, ORDER),
      timestamp,
      observedAt: delay === WIDE ? this.#wide.get(number * ENTRY_WORDS + DELAY)! : Number(timestamp) + delay,
      lag: lag === LAG_NULL ? null : lag === LAG_WIDE ? this.#wide.get(number * ENTRY_WORDS + LAG)! : lag,
      fresh: (lagWord & FRESH) !== 0,
    };
  }

  /** Replaces the window, oldest first; no more than `intervals`. */
  write(slot: number, entries: readonly CommitEntry[], sample: number): void {
    this.#forgetWide(slot);
    const page = this.#pages[slot >>> PAGE_BITS]!;
    const at = (slot & PAGE_MASK) * this.#words;
    const newest = entries.at(-1);
    if (newest !== undefined) this.#rebase(slot, newest);
    entries.forEach((one, place) => {
      const entry = at + HEADER_WORDS + place * ENTRY_WORDS;
      const number = slot * this.intervals + place;
      page[entry + OFFSET] = this.#delta(slot, number, one.offset, OFFSET);
      page[entry + ORDER] = this.#delta(slot, number, one.order, ORDER);
      page[entry + TIME] = this.#delta(slot, number, one.timestamp, TIME);
      page[entry + LAG] = this.#lag(number, one.lag) | (one.fresh ? FRESH : 0);
      page[entry + DELAY] = this.#delay(number, one);
    });
    page[at + HEAD_COUNT] = entries.length;
    page[at + SAMPLE] = sample;
  }

  /** Whether an entry has numbers in the map, which must not stay there after it. */
  #isWide(page: Int32Array, entry: number): boolean {
    return page[entry + OFFSET] === WIDE || page[entry + ORDER] === WIDE || page[entry + TIME] === WIDE ||
      page[entry + DELAY] === WIDE || (page[entry + LAG]! & LAG_BITS) === LAG_WIDE;
  }

  #word(slot: number, word: number): number {
    return this.#pages[slot >>> PAGE_BITS]![(slot & PAGE_MASK) * this.#words + word]!;
  }

  #number(slot: number, number: number, word: number, field: number): Int64 {
    if (word === WIDE) return this.#wide.get(number * ENTRY_WORDS + field)!;
    return this.#base(slot, field) + word;
  }

  #base(slot: number, field: number): number {
    return this.#doubles[slot >>> PAGE_BITS]![((slot & PAGE_MASK) * this.#words + BASE_WORDS >> 1) + field]!;
  }

  #rebase(slot: number, { offset, order, timestamp }: CommitEntry): void {
    const bases = this.#doubles[slot >>> PAGE_BITS]!;
    const base = (slot & PAGE_MASK) * this.#words + BASE_WORDS >> 1;
    bases[base + OFFSET] = typeof offset === "number" ? offset : 0;
    bases[base + ORDER] = typeof order === "number" ? order : 0;
    bases[base + TIME] = typeof timestamp === "number" ? timestamp : 0;
  }

  #delta(slot: number, number: number, value: Int64, field: number): number {
    const delta = typeof value === "number" ? value - this.#base(slot, field) : NaN;
    if (delta > WIDE && delta <= MOST) return delta;
    this.#wide.set(number * ENTRY_WORDS + field, value);
    return WIDE;
  }

  #lag(number: number, lag: Int64 | null): number {
    if (lag === null) return LAG_NULL;
    if (lag < LAG_WIDE) return Number(lag);
    this.#wide.set(number * ENTRY_WORDS + LAG, lag);
    return LAG_WIDE;
  }

  #delay(number: number, { observedAt, timestamp }: CommitEntry): number {
    const delay = typeof observedAt === "number" && typeof timestamp === "number" ? observedAt - timestamp : NaN;
    if (delay > WIDE && delay <= MOST) return delay;
    this.#wide.set(number * ENTRY_WORDS + DELAY, observedAt);
    return WIDE;
  }

  #forgetWide(slot: number): void {
    if (this.#wide.size === 0) return;
    const first = slot * this.intervals * ENTRY_WORDS;
    for (let i = 0; i < this.intervals * ENTRY_WORDS; i++) this.#wide.delete(first + i);
  }
}

/** Words of a slot: an even number, since it holds doubles; whole lines where that costs next to nothing. */
function slotWords(intervals: number): number {
  const words = HEADER_WORDS + ENTRY_WORDS * intervals;
  const lines = Math.ceil(words / LINE_WORDS) * LINE_WORDS;
  return lines - words <= words / 20 ? lines : words + words % 2;
}
