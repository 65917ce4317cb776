import type { Int64 } from "../wire/int64.ts";

/** What became of a point. */
export type PointOutcome = "inserted" | "updated" | "out_of_order" | "non_monotonic";

/** How old an offset is, by the table. */
export interface InterpolatedLag {
  /** Not below 0. */
  readonly seconds: number;
  /** The offset lies outside the table: the overall slope was drawn on. */
  readonly extrapolated: boolean;
}

/** Room that a table begins with: most partitions stand still, and need two points. */
const FIRST_POINTS = 2;

/**
 * When a partition's end offset had which value: points (offset, time), oldest first, from which follows when a committed
 * offset was the end. A flat stretch is kept as its first and its latest point.
 *
 * Offsets beyond 2^53 are rounded: what comes out is seconds.
 */
export class TimeLagTable {
  readonly #most: number;
  #offsets = new Float64Array(FIRST_POINTS);
  #times = new Float64Array(FIRST_POINTS);
  #length = 0;
  #fallsInARow = 0;

  /** @param size the most points, at least 2 */
  constructor(size: number) {
    if (!(Number.isSafeInteger(size) && size >= 2)) throw new RangeError(`Cannot keep ${size} points: write 2 or more`);
    this.#most = size;
  }

  /** The points, oldest first. */
  get points(): [offset: number, timeMs: number][] {
    return Array.from({ length: this.#length }, (_, i) => [this.#offsets[i]!, this.#times[i]!]);
  }

  /** Adds what the end was at `timeMs`. An offset that falls twice in a row empties the table: the topic is another one. */
  add(offset: Int64, timeMs: Int64): PointOutcome {
    const [o, t] = [Number(offset), Number(timeMs)];
    const last = this.#length - 1;
    if (last >= 0) {
      if (t <= this.#times[last]!) return "out_of_order";
      if (o < this.#offsets[last]!) {
        if (++this.#fallsInARow >= 2) this.clear();
        return "non_monotonic";
      }
    }
    this.#fallsInARow = 0;
    if (last >= 1 && o === this.#offsets[last] && o === this.#offsets[last - 1]) {
      this.#times[last] = t;
      return "updated";
    }
    if (this.#length === this.#most) {
      this.#offsets.copyWithin(0, 1);
      this.#times.copyWithin(0, 1);
      this.#length--;
    } else if (this.#length === this.#offsets.length) {
      const room = Math.min(this.#length * 2, this.#most);
      this.#offsets = grown(this.#offsets, room);
      this.#times = grown(this.#times, room);
    }
    this.#offsets[this.#length] = o;
    this.#times[this.#length] = t;
    this.#length++;
    return "inserted";
  }

  /** Forgets all points. */
  clear(): void {
    this.#length = 0;
    this.#fallsInARow = 0;
  }

  /** How long before `nowMs` the end was at `committed`; null where the table does not tell. */
  lookup(committed: Int64, nowMs: number): InterpolatedLag | null {
    const c = Number(committed);
    const last = this.#length - 1;
    if (last >= 0 && c === this.#offsets[last]) return { seconds: 0, extrapolated: false };
    if (last < 1) return null;
    let [left, right] = [0, last];
    let extrapolated = true;
    for (let i = last; i > 0; i--) {
      if (this.#offsets[i - 1]! <= c && c <= this.#offsets[i]!) {
        [left, right, extrapolated] = [i - 1, i, false];
        break;
      }
    }
    const slope = this.#offsets[right]! - this.#offsets[left]!;
    if (slope === 0) {
      // A flat table says nothing of an offset before it; one behind it is ahead of the end.
      return c > this.#offsets[last]! ? { seconds: 0, extrapolated } : null;
    }
    const at = this.#times[right]! - (this.#offsets[right]! - c) * (this.#times[right]! - this.#times[left]!) / slope;
    return { seconds: Math.max(0, (nowMs - at) / 1000), extrapolated };
  }
}

function grown(array: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length);
  larger.set(array);
  return larger;
}
