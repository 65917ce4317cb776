import { crc32c } from "../../bytes/mod.ts";
import type { Batch, BatchKind } from "../../metric/mod.ts";

/** Bytes in front of a record's body. */
export const RECORD_HEAD_BYTES = 24;

/** A body is never longer; a length beyond it is damage. */
export const MAX_BODY_BYTES = 8 * 2 ** 20;

/** The most bytes that the name of an output takes. */
export const MAX_NAME_BYTES = 255;

/** Events are put together up to so many bytes: what one flipped bit can take with it. */
const PART_BYTES = 64 * 1024;

const MARKER = 0xfec1fff5; // no zeros, and bytes that UTF-8 never has, so that text holds none of it
/** The marker's first byte on disk, to search for. */
export const MARKER_BYTE = MARKER & 0xff;

const CRC_FROM = 8;
const SEQUENCE_AT = 12;
const KIND_AT = 20;
const FLAGS_AT = 21;
/** The record goes on with the batch of the one before it. */
const CONTINUES = 1;
/** Behind the name: storedMs u64, timestamp u64, restEvents u32, restBytes u32, number of events u32. */
const FIXED_BYTES = 28;

/** Numbers on disk; never renumbered. */
const KINDS: readonly (BatchKind | undefined)[] = [undefined, "points", "events", "checks", "spans"];
const SEAL_KIND = 0xff;

/** A record found in `bytes`; `body` is a view into them. */
export interface RawRecord {
  /** Number of the first event; in a seal, of the first event that is not in the segment any more. */
  readonly sequence: number;
  readonly kind: BatchKind | "seal";
  readonly continues: boolean;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Head and body. */
  readonly totalBytes: number;
}

/** What a record of events holds, as views into its body where they can be. */
export interface RecordEvents {
  readonly output: string;
  /** Unix milliseconds of the moment it was handed to the spool. */
  readonly storedMs: number;
  /** Whole Unix seconds of the flush. */
  readonly timestamp: number;
  /** Events and bytes of the batch from here to its end: more than are in this record if it goes on in the next. */
  readonly restEvents: number;
  readonly restBytes: number;
  readonly ends: Uint32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What stands at a place, if it is no record: fewer bytes than it takes, or none at all. */
export type NoRecord = { readonly state: "short"; readonly needBytes: number } | { readonly state: "bad" };

const BAD: NoRecord = Object.freeze({ state: "bad" });
const SHORT_HEAD: NoRecord = Object.freeze({ state: "short", needBytes: RECORD_HEAD_BYTES });
const text = new TextEncoder();
const utf8 = new TextDecoder();

/**
 * The checksums of a segment's records start from this, so that a record counts in its own segment only: neither what a
 * deleted file left on the disk nor a record that somebody sent inside an event is taken for one.
 *
 * @param installation 16 random bytes that name the spool
 * @param segmentFirst the number in the segment's name
 */
export function recordSeed(installation: Uint8Array, segmentFirst: number): number {
  const bytes = new Uint8Array(8);
  setU64(new DataView(bytes.buffer), 0, segmentFirst);
  return crc32c(bytes, crc32c(installation));
}

/** How a batch is cut into records: where each ends, in events. */
export function recordCuts(batch: Batch): number[] {
  const { ends } = batch;
  const cuts: number[] = [];
  for (let from = 0, start = 0; from < ends.length;) {
    let to = from + 1;
    while (to < ends.length && ends[to]! - start + (to - from) * 4 <= PART_BYTES) to++;
    cuts.push(to);
    start = ends[to - 1]!;
    from = to;
  }
  return cuts;
}

/** Bytes that {@linkcode RecordWriter.batch} takes for a batch. */
export function recordBytes(output: Uint8Array, batch: Batch, cuts: readonly number[]): number {
  const each = RECORD_HEAD_BYTES + 1 + output.length + FIXED_BYTES;
  return cuts.length * each + batch.ends.length * 4 + batch.bytes.length;
}

/**
 * Writes records one behind the other into memory that it keeps. Little-endian, a record is
 *
 * ```text
 * 0 marker, f5 ff c1 fe         12 sequence u64    24 body
 * 4 CRC32C of bytes from 8 on   20 kind u8
 * 8 body's length u32, not 0    21 flags u8, 2 reserved bytes
 * ```
 *
 * and the body of one with events: the length of the output's name (u8), the name, storedMs u64, timestamp u64, events
 * and bytes of the batch from here on (u32 each), the number of events (u32), where each ends (u32 each), their bytes.
 */
export class RecordWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What was written: a view, valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets what was written. */
  reset(): void {
    this.#length = 0;
  }

  /** Writes all of a batch whose first event has the number `sequence`. @param output the name's UTF-8, 1 to 255 bytes */
  batch(
    output: Uint8Array,
    batch: Batch,
    cuts: readonly number[],
    at: { readonly sequence: number; readonly storedMs: number; readonly seed: number },
  ): void {
    this.#reserve(recordBytes(output, batch, cuts));
    const kind = KINDS.indexOf(batch.kind);
    let from = 0;
    let start = 0;
    for (const to of cuts) {
      const end = batch.ends[to - 1]!;
      const head = this.#length;
      let next = head + RECORD_HEAD_BYTES;
      this.#bytes[next++] = output.length;
      this.#bytes.set(output, next);
      next += output.length;
      setU64(this.#view, next, at.storedMs);
      setU64(this.#view, next + 8, batch.timestamp);
      this.#view.setUint32(next + 16, batch.ends.length - from, true);
      this.#view.setUint32(next + 20, batch.bytes.length - start, true);
      this.#view.setUint32(next + 24, to - from, true);
      next += FIXED_BYTES;
      for (let i = from; i < to; i++, next += 4) this.#view.setUint32(next, batch.ends[i]! - start, true);
      this.#bytes.set(batch.bytes.subarray(start, end), next);
      this.#finish(head, next + end - start, at.sequence + from, kind, from > 0 ? CONTINUES : 0, at.seed);
      from = to;
      start = end;
    }
  }

  /** Writes the record that ends a segment. */
  seal(end: number, body: Uint8Array, seed: number): void {
    this.#reserve(RECORD_HEAD_BYTES + body.length);
    const head = this.#length;
    this.#bytes.set(body, head + RECORD_HEAD_BYTES);
    this.#finish(head, head + RECORD_HEAD_BYTES + body.length, end, SEAL_KIND, 0, seed);
  }

  #finish(head: number, end: number, sequence: number, kind: number, flags: number, seed: number): void {
    const view = this.#view;
    view.setUint32(head, MARKER, true);
    view.setUint32(head + 8, end - head - RECORD_HEAD_BYTES, true);
    setU64(view, head + SEQUENCE_AT, sequence);
    view.setUint8(head + KIND_AT, kind);
    view.setUint8(head + FLAGS_AT, flags);
    view.setUint16(head + 22, 0, true);
    view.setUint32(head + 4, crc32c(this.#bytes.subarray(head + CRC_FROM, end), seed), true);
    this.#length = end;
  }

  #reserve(more: number): void {
    const need = this.#length + more;
    if (need <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(Math.max(need, this.#bytes.length * 2)));
    this.#view = new DataView(this.#bytes.buffer);
  }
}

/**
 * Reads the record at `bytes[at]`. Never throws, whatever stands there; only a record whose checksum holds is returned.
 *
 * @param end where the bytes that are there end
 */
export function parseRecord(
  bytes: Uint8Array<ArrayBuffer>,
  view: DataView<ArrayBuffer>,
  at: number,
  end: number,
  seed: number,
): RawRecord | NoRecord {
  if (end - at < RECORD_HEAD_BYTES) return SHORT_HEAD;
  if (view.getUint32(at, true) !== MARKER) return BAD;
  const length = view.getUint32(at + 8, true);
  if (length === 0 || length > MAX_BODY_BYTES) return BAD;
  const kindNumber = view.getUint8(at + KIND_AT);
  const kind = kindNumber === SEAL_KIND ? "seal" : KINDS[kindNumber];
  const sequence = getU64(view, at + SEQUENCE_AT);
  if (kind === undefined || !Number.isSafeInteger(sequence)) return BAD;
  const totalBytes = RECORD_HEAD_BYTES + length;
  if (end - at < totalBytes) return { state: "short", needBytes: totalBytes };
  const stop = at + totalBytes;
  if (crc32c(bytes.subarray(at + CRC_FROM, stop), seed) !== view.getUint32(at + 4, true)) return BAD;
  const continues = (view.getUint8(at + FLAGS_AT) & CONTINUES) !== 0;
  return { sequence, kind, continues, body: bytes.subarray(at + RECORD_HEAD_BYTES, stop), totalBytes };
}

/** What is in the body of a record of events, or `undefined` if its parts don't fit together. */
export function parseEvents(body: Uint8Array<ArrayBuffer>): RecordEvents | undefined {
  const nameBytes = body[0]!;
  const fixed = 1 + nameBytes;
  if (nameBytes === 0 || body.length < fixed + FIXED_BYTES) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const count = view.getUint32(fixed + 24, true);
  const bytesAt = fixed + FIXED_BYTES + count * 4;
  if (count === 0 || bytesAt > body.length) return undefined;
  const ends = new Uint32Array(count);
  let before = 0;
  for (let i = 0; i < count; i++) {
    const end = view.getUint32(fixed + FIXED_BYTES + i * 4, true);
    if (end < before) return undefined;
    ends[i] = before = end;
  }
  if (before !== body.length - bytesAt) return undefined;
  return {
    output: utf8.decode(body.subarray(1, fixed)),
    storedMs: getU64(view, fixed),
    timestamp: getU64(view, fixed + 8),
    restEvents: view.getUint32(fixed + 16, true),
    restBytes: view.getUint32(fixed + 20, true),
    ends,
    bytes: body.subarray(bytesAt),
  };
}

/**
 * The bytes an output's name is stored as.
 *
 * @throws {RangeError} on an empty name, and on one of more than 255 bytes
 */
export function outputNameBytes(output: string): Uint8Array<ArrayBuffer> {
  const bytes = text.encode(output);
  if (bytes.length === 0 || bytes.length > MAX_NAME_BYTES) {
    throw new RangeError(`Cannot spool for an output named ${JSON.stringify(output)}: write 1 to 255 bytes`);
  }
  return bytes;
}

/** Writes a whole number below 2^53; two halves cost less than a bigint. */
function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

function getU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}
