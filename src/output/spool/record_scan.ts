import {
  MARKER_BYTE,
  parseEvents,
  parseRecord,
  type RawRecord,
  RECORD_HEAD_BYTES,
  type RecordEvents,
} from "./record.ts";

/** What a scan reads from. */
export interface ScanSource {
  /** Fills `into` from `offset` on as far as there are bytes; how many is returned. */
  readAt(offset: number, into: Uint8Array<ArrayBuffer>): Promise<number>;
}

/** A record that a scan came to; its bytes are views, valid until the scan goes on. */
export interface ScannedRecord {
  readonly state: "record";
  readonly at: number;
  /** Where the next one starts. */
  readonly end: number;
  readonly raw: RawRecord;
  /** `undefined` in a seal. */
  readonly events: RecordEvents | undefined;
  /** Sequence numbers that nothing was found for since the record before. */
  readonly missing: number;
}

/** What a scan came to. */
export type ScanStep =
  | ScannedRecord
  /** No record in these bytes; one follows. */
  | { readonly state: "damage"; readonly from: number; readonly to: number }
  /** No further record up to the limit. Bytes from `at` on are none. */
  | { readonly state: "end"; readonly at: number };

/** Where a scan starts, and what it takes for a record. */
export interface ScanOptions {
  /** {@linkcode recordSeed} of the segment. */
  readonly seed: number;
  /** Offset of the first record. */
  readonly from: number;
  /** Sequence number expected there. */
  readonly expected: number;
  /** Records from this number on are void. @default none are */
  readonly voidFrom?: number;
}

const WINDOW_BYTES = 1 << 20;

/**
 * Reads the records of a segment one after the other, in bounded memory. Behind damage it goes on at the next place
 * where a whole record of this segment stands.
 */
export class RecordScan {
  readonly #source: ScanSource;
  readonly #seed: number;
  readonly #voidFrom: number;
  #at: number;
  #expected: number;
  #window: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #view = new DataView(this.#window.buffer);
  #base = 0;
  #length = 0;

  constructor(source: ScanSource, options: ScanOptions) {
    this.#source = source;
    this.#seed = options.seed;
    this.#at = options.from;
    this.#expected = options.expected;
    this.#voidFrom = options.voidFrom ?? Infinity;
  }

  /** Offset of what comes next. */
  get at(): number {
    return this.#at;
  }

  /** The sequence number that should come next. */
  get expected(): number {
    return this.#expected;
  }

  /** Goes on at `offset`, past whatever is before it. */
  skipTo(offset: number): void {
    this.#at = offset;
  }

  /** The next record below the offset `limit`, a stretch of damage, or the end. Rejects when the source does. */
  async next(limit: number): Promise<ScanStep> {
    const found = await this.#recordAt(this.#at, limit);
    if (found !== undefined) return this.#take(found);
    if (this.#at >= limit) return { state: "end", at: this.#at };
    const from = this.#at;
    for (let at = from + 1; (at = await this.#findMarker(at, limit)) < limit; at++) {
      if (await this.#recordAt(at, limit) === undefined) continue;
      this.#at = at;
      return { state: "damage", from, to: at };
    }
    return { state: "end", at: from };
  }

  #take(found: ScannedRecord): ScanStep {
    const { raw, events } = found;
    if (raw.sequence >= this.#voidFrom && raw.kind !== "seal") return { state: "end", at: found.at };
    this.#at = found.end;
    this.#expected = raw.sequence + (events?.ends.length ?? 0);
    return found;
  }

  async #recordAt(at: number, limit: number): Promise<ScannedRecord | undefined> {
    for (let size = RECORD_HEAD_BYTES;;) {
      if (!await this.#have(at, size, limit)) return undefined;
      const raw = parseRecord(this.#window, this.#view, at - this.#base, this.#length, this.#seed);
      if ("state" in raw) {
        if (raw.state === "bad" || raw.needBytes <= size) return undefined;
        size = raw.needBytes;
        continue;
      }
      // A number that came before can't come again: such a record is a copy, whatever its checksum says.
      if (raw.sequence < this.#expected) return undefined;
      const events = raw.kind === "seal" ? undefined : parseEvents(raw.body);
      if (raw.kind !== "seal" && events === undefined) return undefined;
      const missing = raw.sequence - this.#expected;
      return { state: "record", at, end: at + raw.totalBytes, raw, events, missing };
    }
  }

  async #findMarker(from: number, limit: number): Promise<number> {
    for (let at = from; at < limit; at = this.#base + this.#length) {
      if (!await this.#have(at, 1, limit)) return limit;
      const found = this.#window.subarray(0, this.#length).indexOf(MARKER_BYTE, at - this.#base);
      if (found >= 0) return this.#base + found;
    }
    return limit;
  }

  /** Whether `[at, at + size)` is below the limit and in the window now. */
  async #have(at: number, size: number, limit: number): Promise<boolean> {
    if (at + size > limit) return false;
    if (at >= this.#base && at + size <= this.#base + this.#length) return true;
    // What was read of it stays, so that the file is read in order.
    const kept = at > this.#base ? Math.max(0, this.#base + this.#length - at) : 0;
    const want = Math.min(limit - at, Math.max(size, WINDOW_BYTES));
    const tail = this.#window.subarray(at - this.#base, at - this.#base + kept);
    if (this.#window.length < want) {
      this.#window = new Uint8Array(want);
      this.#view = new DataView(this.#window.buffer);
    }
    this.#window.set(kept > 0 ? tail : []);
    this.#base = at;
    this.#length = kept;
    this.#length += await this.#source.readAt(at + kept, this.#window.subarray(kept, want));
    return this.#length >= size;
  }
}
