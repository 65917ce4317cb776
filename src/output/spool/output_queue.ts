import type { Segment } from "./segment.ts";

/** Events and the bytes they have. */
export interface Tally {
  events: number;
  bytes: number;
}

/** Sequence numbers `[from, to)`. */
export interface SequenceRange {
  readonly from: number;
  readonly to: number;
}

/** Events that were handed out, all of one batch. */
interface Flight extends SequenceRange {
  readonly segment: Segment;
  /** As a batch's: `ends[i]` is the offset behind event `from + i`. */
  readonly ends: Uint32Array;
  /** What of the segment was seen before. */
  readonly before: Tally;
  readonly storedMs: number;
  /** What isn't finished, ascending and apart. */
  open: SequenceRange[];
}

/** Finished events above the low-water mark. */
interface Finished extends SequenceRange {
  readonly bytes: number;
}

const NOTHING: Tally = Object.freeze({ events: 0, bytes: 0 });

/**
 * How far one output has come: what of it is stored, read, handed out and finished. Its low-water mark passes finished
 * events only and leaves no gap. Pure bookkeeping: it reads no file.
 */
export class OutputQueue {
  /** Accepted and not finished, wherever it is. */
  readonly pending: Tally = { events: 0, bytes: 0 };
  /** The number up to which the output's events were read. */
  #cursor: number;
  /** The segment the cursor is in, if it was read from, and what of the output was seen there. */
  #segment: Segment | undefined;
  #seen: Tally = { ...NOTHING };
  #seenMs = 0;
  /** Ascending; those at the front that are finished are taken off. */
  #flights: Flight[] = [];
  /** Finished, but in front of the cursor, after going back. Ascending. */
  #finished: Finished[] = [];
  /** What was given up as unreadable, so that it is given up once. */
  readonly #lost = new WeakMap<Segment, Tally>();

  constructor(readonly name: string, lowWater: number) {
    this.#cursor = lowWater;
  }

  /** Where reading goes on. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Every event of the output below this is finished. */
  get lowWater(): number {
    return this.#flights[0]?.open[0]?.from ?? this.#cursor;
  }

  /** When the oldest pending event came, in Unix milliseconds, as far as it is known. */
  oldestMs(segments: readonly Segment[]): number | undefined {
    const flight = this.#flights[0];
    if (flight !== undefined) return flight.storedMs;
    const segment = this.segmentToRead(segments);
    return segment === this.#segment && segment !== undefined ? this.#seenMs : segment?.shares.get(this.name)?.oldestMs;
  }

  /** Starts in the middle of a segment, of which `seen` is below the low-water mark. */
  startIn(segment: Segment, seen: Tally): void {
    this.#segment = segment;
    this.#seen = { ...seen };
    this.#seenMs = segment.shares.get(this.name)?.oldestMs ?? 0;
  }

  /** Whether a segment holds events that aren't finished. */
  holds(segment: Segment): boolean {
    const share = segment.shares.get(this.name);
    return share !== undefined && this.lowWater < share.end;
  }

  /** The oldest segment with events that were not read. */
  segmentToRead(segments: readonly Segment[]): Segment | undefined {
    return segments.find(({ shares }) => this.#cursor < (shares.get(this.name)?.end ?? 0));
  }

  /**
   * The output's events `[from, to)` of `segment` were read; what of them isn't finished yet is returned, and under way.
   * The cursor moves behind them.
   *
   * @param ends as a batch's
   */
  take(segment: Segment, from: number, to: number, ends: Uint32Array, storedMs: number): readonly SequenceRange[] {
    this.#enter(segment);
    const open: SequenceRange[] = [];
    let at = from;
    for (const part of this.#finished) {
      if (part.to <= at) continue;
      if (part.from >= to) break;
      if (part.from > at) open.push({ from: at, to: part.from });
      at = part.to;
    }
    if (at < to) open.push({ from: at, to });
    const flight: Flight = { segment, from, to, ends, storedMs, before: { ...this.#seen }, open };
    this.#finished = this.#finished.filter((part) => part.to > to).map((part) =>
      part.from >= to ? part : {
        from: to,
        to: part.to,
        bytes: part.bytes - bytesOf(flight, Math.max(part.from, from), to),
      }
    );
    this.#seen.events += to - from;
    this.#seen.bytes += ends.at(-1) ?? 0;
    this.#seenMs = storedMs;
    this.#cursor = to;
    if (open.length > 0 || this.#flights.length > 0) this.#flights.push(flight);
    return open;
  }

  /**
   * `segment` holds nothing more of the output below `end`. What it should have held and wasn't seen is lost: it is
   * pending no more, and returned.
   */
  pass(segment: Segment, end: number): Tally {
    this.#enter(segment);
    this.#cursor = Math.max(this.#cursor, end);
    const share = segment.shares.get(this.name) ?? NOTHING;
    const known = this.#lost.get(segment) ?? NOTHING;
    const events = Math.max(0, share.events - this.#seen.events - known.events);
    const bytes = Math.max(0, share.bytes - this.#seen.bytes - known.bytes);
    if (events === 0) return NOTHING;
    this.#lost.set(segment, { events: known.events + events, bytes: known.bytes + bytes });
    return this.#settle({ events, bytes });
  }

  /** Nothing below `sequence` is wanted. Only while nothing is under way, and when what was stored below has been given up. */
  skipTo(sequence: number): void {
    this.#cursor = sequence;
    this.#segment = undefined;
  }

  /** Those of `[from, to)` that are under way are finished; how many that were is returned. */
  finish(from: number, to: number): Tally {
    const sum = { ...NOTHING };
    for (let i = this.#firstBehind(from); i < this.#flights.length; i++) {
      const flight = this.#flights[i]!;
      if (flight.from >= to) break;
      const open: SequenceRange[] = [];
      for (const part of flight.open) {
        const start = Math.max(part.from, from);
        const end = Math.min(part.to, to);
        if (start >= end) {
          open.push(part);
          continue;
        }
        sum.events += end - start;
        sum.bytes += bytesOf(flight, start, end);
        if (part.from < start) open.push({ from: part.from, to: start });
        if (end < part.to) open.push({ from: end, to: part.to });
      }
      flight.open = open;
    }
    const still = this.#flights.findIndex(({ open }) => open.length > 0);
    if (still !== 0) this.#flights.splice(0, still < 0 ? this.#flights.length : still);
    return this.#settle(sum);
  }

  /**
   * Goes back to the low-water mark: what is under way will be read again, but for what of it is finished. Events whose
   * segment is gone can't be read again; they are pending no more, and returned.
   */
  rewind(): Tally {
    const dropped = { ...NOTHING };
    for (const { segment, open } of [...this.#flights]) { // finishing takes flights off
      if (!segment.gone) continue;
      for (const part of open) {
        const { events, bytes } = this.finish(part.from, part.to);
        dropped.events += events;
        dropped.bytes += bytes;
      }
    }
    const flights = this.#flights;
    const first = flights[0];
    if (first === undefined) return dropped;
    const lowWater = this.lowWater;
    const again: Finished[] = [];
    for (const flight of flights) {
      let at = Math.max(flight.from, lowWater);
      for (const { from, to } of [...flight.open, { from: flight.to, to: flight.to }]) {
        if (from > at) again.push({ from: at, to: from, bytes: bytesOf(flight, at, from) });
        at = to;
      }
    }
    this.#finished = [...again, ...this.#finished];
    this.#segment = first.segment;
    this.#seenMs = first.storedMs;
    this.#seen = {
      events: first.before.events + lowWater - first.from,
      bytes: first.before.bytes + bytesOf(first, first.from, lowWater),
    };
    this.#cursor = lowWater;
    this.#flights = [];
    return dropped;
  }

  /** What of a segment was not read, as it is to be deleted: pending no more, and returned. What is under way stays so. */
  giveUp(segment: Segment): Tally {
    const share = segment.shares.get(this.name);
    if (share === undefined || share.end <= this.#cursor) return NOTHING;
    const left = { events: share.events, bytes: share.bytes };
    const seen = segment === this.#segment ? this.#seen : NOTHING;
    const lost = this.#lost.get(segment) ?? NOTHING;
    for (const { events, bytes } of [seen, lost]) {
      left.events -= events;
      left.bytes -= bytes;
    }
    this.#finished = this.#finished.filter(({ from, to, bytes }) => {
      const inside = from >= segment.first && from < segment.end;
      if (inside) {
        left.events -= to - from;
        left.bytes -= bytes;
      }
      return !inside;
    });
    if (segment === this.#segment) this.#segment = undefined;
    return this.#settle(left);
  }

  #enter(segment: Segment): void {
    if (segment === this.#segment) return;
    this.#segment = segment;
    this.#seen = { ...NOTHING };
  }

  /** The first flight that ends behind `sequence`. */
  #firstBehind(sequence: number): number {
    let low = 0;
    let high = this.#flights.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (this.#flights[middle]!.to > sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #settle(tally: Tally): Tally {
    this.pending.events -= tally.events;
    this.pending.bytes -= tally.bytes;
    return tally;
  }
}

function bytesOf({ from: first, ends }: Flight, from: number, to: number): number {
  if (to <= from) return 0;
  return ends[to - first - 1]! - (from === first ? 0 : ends[from - first - 1]!);
}
