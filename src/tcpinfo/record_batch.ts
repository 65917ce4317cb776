/**
 * What the poll hands to a marshaller: tasks one behind the other in one piece of memory, so that it crosses threads by
 * transfer.
 *
 * ```text
 * task = u32 bytes of the task, u32 kind, u32 slot, u32 bytes of the record,
 *        f64 time, f64 monotonic time, u32 cookie low, u32 cookie high, record, up to seven bytes of padding
 * ```
 */
import { Change, type Snapshot } from "./changes.ts";

/** What is to be done for a connection. */
export const TaskKind = {
  /** A connection begins with this record. */
  first: 0,
  /** Another record is to be written. */
  record: 1,
  /** The connection's file is to be ended. */
  end: 2,
} as const;

const HEADER_BYTES = 40;
const FIRST_BYTES = 64 * 1024;
const EMPTY = new Uint8Array(0);

/** Collects tasks. */
export class BatchWriter {
  /** Bytes that are collected. */
  length = 0;
  #bytes: Uint8Array<ArrayBuffer> = EMPTY;
  #view = new DataView(EMPTY.buffer);

  record(snapshot: Snapshot): void {
    const { slot, cookieLow, cookieHigh, timeMs, monotonicMs, bytes, start, end } = snapshot;
    const kind = snapshot.change === Change.first ? TaskKind.first : TaskKind.record;
    this.#add(kind, slot, cookieLow, cookieHigh, timeMs, monotonicMs, bytes, start, end);
  }

  end(slot: number, timeMs: number): void {
    this.#add(TaskKind.end, slot, 0, 0, timeMs, 0, EMPTY, 0, 0);
  }

  /** What was collected, in memory of its own; nothing is left. */
  take(): Uint8Array<ArrayBuffer> {
    const batch = this.#bytes.subarray(0, this.length);
    this.#bytes = EMPTY;
    this.length = 0;
    return batch;
  }

  #add(
    kind: number,
    slot: number,
    cookieLow: number,
    cookieHigh: number,
    timeMs: number,
    monotonicMs: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const size = HEADER_BYTES + (end - start + 7 & ~7);
    if (this.length + size > this.#bytes.length) this.#grow(this.length + size);
    const view = this.#view, at = this.length;
    view.setUint32(at, size, true);
    view.setUint32(at + 4, kind, true);
    view.setUint32(at + 8, slot, true);
    view.setUint32(at + 12, end - start, true);
    view.setFloat64(at + 16, timeMs, true);
    view.setFloat64(at + 24, monotonicMs, true);
    view.setUint32(at + 32, cookieLow, true);
    view.setUint32(at + 36, cookieHigh, true);
    const to = this.#bytes;
    for (let i = start, j = at + HEADER_BYTES; i < end; i++, j++) to[j] = bytes[i]!;
    this.length += size;
  }

  #grow(least: number): void {
    let size = Math.max(FIRST_BYTES, this.#bytes.length);
    while (size < least) size *= 2;
    const larger = new Uint8Array(size);
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Walks the tasks of a batch; the fields are those of the task that `next()` moved to. */
export class BatchReader {
  kind = 0;
  slot = 0;
  timeMs = 0;
  monotonicMs = 0;
  cookieLow = 0;
  cookieHigh = 0;
  /** Where the record begins and ends. */
  start = 0;
  end = 0;

  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves to the next task, if there is one. */
  next(): boolean {
    const at = this.#at, view = this.#view;
    if (at + HEADER_BYTES > view.byteLength) return false;
    this.#at = at + view.getUint32(at, true);
    this.kind = view.getUint32(at + 4, true);
    this.slot = view.getUint32(at + 8, true);
    this.start = at + HEADER_BYTES;
    this.end = this.start + view.getUint32(at + 12, true);
    this.timeMs = view.getFloat64(at + 16, true);
    this.monotonicMs = view.getFloat64(at + 24, true);
    this.cookieLow = view.getUint32(at + 32, true);
    this.cookieHigh = view.getUint32(at + 36, true);
    return true;
  }
}

/** Which of `count` marshallers a connection belongs to: its cookie, 64 bits without sign, modulo their number. */
export function marshallerOf(cookieLow: number, cookieHigh: number, count: number): number {
  return (cookieHigh % count * (0x1_0000_0000 % count) + cookieLow) % count;
}
