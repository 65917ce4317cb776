import type { Int64 } from "../wire/int64.ts";

const HEAD_COUNT = 0;
const HEADER_WORDS = 1;
const NEWEST = 0;
const TIME = 1;
const LOG_START = 2;
const BASE = 3;
const SAMPLES = 4;
const NUMBERS = 5;
const WIDE = -0x8000_0000;
const MOST = 0x7fff_ffff;

const PAGE_BITS = 11;
const PAGE_CELLS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_CELLS - 1;

/**
 * The ends of all partitions, each a ring of `intervals` measurements in a cell of 4 * (1 + intervals) + 40 bytes. Offsets
 * are 32-bit differences from the cell's base; what does not fit stands in a map.
 */
export class BrokerStore {
  readonly intervals: number;
  readonly #words: number;
  readonly #pages: Int32Array[] = [];
  readonly #numbers: Float64Array[] = [];
  readonly #wide = new Map<string, Int64>();
  readonly #free: number[] = [];
  #cells = 0;

  constructor(intervals: number) {
    this.intervals = intervals;
    this.#words = HEADER_WORDS + intervals;
  }

  /** A cell without measurements. */
  allocate(): number {
    const cell = this.#free.pop() ?? this.#cells++;
    if (cell >>> PAGE_BITS === this.#pages.length) {
      this.#pages.push(new Int32Array(PAGE_CELLS * this.#words));
      this.#numbers.push(new Float64Array(PAGE_CELLS * NUMBERS));
    }
    const page = this.#pages[cell >>> PAGE_BITS]!;
    const at = (cell & PAGE_MASK) * this.#words;
    page[at + HEAD_COUNT] = 0;
    const numbers = this.#numbers[cell >>> PAGE_BITS]!;
    const first = (cell & PAGE_MASK) * NUMBERS;
    numbers[first + NEWEST] = -1;
    numbers[first + TIME] = 0;
    numbers[first + LOG_START] = -1;
    numbers[first + SAMPLES] = 0;
    return cell;
  }

  /** Gives a cell back. */
  free(cell: number): void {
    this.#forgetWide(cell);
    this.#free.push(cell);
  }

  /** Adds a measurement, in place of the oldest one where the ring is full. @param offset at least 0 */
  add(cell: number, offset: Int64, timeMs: Int64): void {
    const page = this.#pages[cell >>> PAGE_BITS]!;
    const at = (cell & PAGE_MASK) * this.#words;
    const numbers = this.#numbers[cell >>> PAGE_BITS]!;
    const first = (cell & PAGE_MASK) * NUMBERS;
    const headCount = page[at + HEAD_COUNT]!;
    const count = headCount & 0xffff;
    const delta = typeof offset === "number" ? offset - numbers[first + BASE]! : NaN;
    numbers[first + TIME] = Number(timeMs);
    if (count === 0 || !(delta > WIDE && delta <= MOST) || this.#wide.size > 0) {
      this.#write(cell, [...this.offsets(cell), offset].slice(-this.intervals));
    } else {
      const head = headCount >>> 16;
      const place = (head + count) % this.intervals;
      page[at + HEADER_WORDS + place] = delta;
      numbers[first + NEWEST] = offset as number;
      page[at + HEAD_COUNT] = count < this.intervals ? headCount + 1 : (head + 1) % this.intervals << 16 | count;
    }
    numbers[first + SAMPLES] = (numbers[first + SAMPLES]! + 1) % MOST;
  }

  /** The newest end as a number: -1 before the first measurement, NaN beyond 2^53. */
  newestNumber(cell: number): number {
    return this.#numbers[cell >>> PAGE_BITS]![(cell & PAGE_MASK) * NUMBERS + NEWEST]!;
  }

  /** The newest end; null before the first measurement. */
  newest(cell: number): Int64 | null {
    const newest = this.newestNumber(cell);
    return newest === -1 ? null : Number.isNaN(newest) ? this.offsets(cell).at(-1)! : newest;
  }

  /** Unix milliseconds of the newest measurement. */
  timeMs(cell: number): number {
    return this.#numbers[cell >>> PAGE_BITS]![(cell & PAGE_MASK) * NUMBERS + TIME]!;
  }

  /** A number that grows with each measurement. */
  samples(cell: number): number {
    return this.#numbers[cell >>> PAGE_BITS]![(cell & PAGE_MASK) * NUMBERS + SAMPLES]!;
  }

  /** The offset of the oldest record that is left; null where it is not known. */
  logStart(cell: number): Int64 | null {
    const start = this.#numbers[cell >>> PAGE_BITS]![(cell & PAGE_MASK) * NUMBERS + LOG_START]!;
    return start === -1 ? null : Number.isNaN(start) ? this.#wide.get(`${cell} start`)! : start;
  }

  setLogStart(cell: number, offset: Int64): void {
    const wide = typeof offset === "bigint";
    this.#numbers[cell >>> PAGE_BITS]![(cell & PAGE_MASK) * NUMBERS + LOG_START] = wide ? NaN : Math.max(offset, -1);
    if (wide) this.#wide.set(`${cell} start`, offset);
  }

  /** The measurements, oldest first. */
  offsets(cell: number): Int64[] {
    const page = this.#pages[cell >>> PAGE_BITS]!;
    const at = (cell & PAGE_MASK) * this.#words;
    const base = this.#numbers[cell >>> PAGE_BITS]![(cell & PAGE_MASK) * NUMBERS + BASE]!;
    const headCount = page[at + HEAD_COUNT]!;
    return Array.from({ length: headCount & 0xffff }, (_, i) => {
      const place = ((headCount >>> 16) + i) % this.intervals;
      const word = page[at + HEADER_WORDS + place]!;
      return word === WIDE ? this.#wide.get(`${cell} ${place}`)! : base + word;
    });
  }

  #write(cell: number, offsets: readonly Int64[]): void {
    this.#forgetWide(cell, false);
    const page = this.#pages[cell >>> PAGE_BITS]!;
    const at = (cell & PAGE_MASK) * this.#words;
    const numbers = this.#numbers[cell >>> PAGE_BITS]!;
    const first = (cell & PAGE_MASK) * NUMBERS;
    const newest = offsets.at(-1)!;
    const base = typeof newest === "number" ? newest : 0;
    numbers[first + BASE] = base;
    numbers[first + NEWEST] = typeof newest === "number" ? newest : NaN;
    offsets.forEach((offset, place) => {
      const delta = typeof offset === "number" ? offset - base : NaN;
      const fits = delta > WIDE && delta <= MOST;
      page[at + HEADER_WORDS + place] = fits ? delta : WIDE;
      if (!fits) this.#wide.set(`${cell} ${place}`, offset);
    });
    page[at + HEAD_COUNT] = offsets.length;
  }

  #forgetWide(cell: number, startToo = true): void {
    if (this.#wide.size === 0) return;
    for (let place = 0; place < this.intervals; place++) this.#wide.delete(`${cell} ${place}`);
    if (startToo) this.#wide.delete(`${cell} start`);
  }
}
