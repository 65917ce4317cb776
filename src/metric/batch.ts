/** What a batch is made of. One batch holds one kind. */
export type BatchKind = "points" | "events" | "checks" | "spans";

/**
 * Events encoded for one destination, back to back. It crosses threads by transfer, can be stored as it is, and can be
 * cut without being decoded. Whoever holds a batch never changes it.
 */
export interface Batch {
  /** Names the batch in logs; unique in a process. */
  readonly id: number;
  readonly kind: BatchKind;
  /** Whole Unix seconds of the flush it came from. */
  readonly timestamp: number;
  /** Tells a later stretch of a batch that was cut from the others; absent where nothing was cut off in front. */
  readonly part?: number;
  /** The events' bytes, without separators. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `ends[i]` is the offset in `bytes` behind event `i`. */
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** The bytes of event `index`: a view, valid as long as the batch is. */
export function eventBytes(batch: Batch, index: number): Uint8Array<ArrayBuffer> {
  const end = batch.ends[index];
  if (end === undefined) throw new RangeError(`Cannot read event ${index}: the batch has ${batch.ends.length}`);
  return batch.bytes.subarray(index === 0 ? 0 : batch.ends[index - 1], end);
}

/** Events `[from, to)` as a batch of their own that shares no memory with `batch`. */
export function sliceBatch(batch: Batch, from: number, to: number): Batch {
  const start = from === 0 ? 0 : batch.ends[from - 1] ?? batch.bytes.length;
  const ends = batch.ends.slice(from, to);
  const stop = ends.at(-1) ?? start;
  for (let i = 0; i < ends.length; i++) ends[i]! -= start;
  const part = from === 0 ? {} : { part: (batch.part ?? 0) + from };
  return { ...batch, ...part, bytes: batch.bytes.slice(start, stop), ends };
}

/** The events at `indices`, which ascend, as a batch of their own. */
export function pickEvents(batch: Batch, indices: readonly number[]): Batch {
  const builder = new BatchBuilder(batch.kind, batch.timestamp, batch.id);
  for (const index of indices) {
    builder.append(eventBytes(batch, index));
    builder.endEvent();
  }
  const first = indices[0] ?? 0;
  const part = first === 0 && batch.part === undefined ? {} : { part: (batch.part ?? 0) + first };
  return { ...builder.build(), ...part };
}

/** Joins the events of a batch: `open` + events with `separator` between + `close`. */
export function batchBytes(batch: Batch, open: string, separator: string, close: string): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder();
  const [head, between, tail] = [text.encode(open), text.encode(separator), text.encode(close)];
  const count = batch.ends.length;
  const out = new Uint8Array(head.length + batch.bytes.length + between.length * Math.max(0, count - 1) + tail.length);
  out.set(head);
  let at = head.length;
  for (let i = 0; i < count; i++) {
    if (i > 0) {
      out.set(between, at);
      at += between.length;
    }
    const event = eventBytes(batch, i);
    out.set(event, at);
    at += event.length;
  }
  out.set(tail, at);
  return out;
}

/**
 * Cuts `count` events into parts of at most `most`: as few as possible, all of one size but a shorter last.
 * `most` 0 means no bound.
 */
export function splitSizes(count: number, most: number): number[] {
  if (count <= 0) return [];
  const parts = most > 0 ? Math.ceil(count / most) : 1;
  const size = Math.ceil(count / parts);
  const sizes: number[] = [];
  for (let left = count; left > 0; left -= size) sizes.push(Math.min(size, left));
  return sizes;
}

let lastBatchId = 0;

/** Collects encoded events into a batch. */
export class BatchBuilder {
  #text = new TextEncoder();
  #bytes = new Uint8Array(4096);
  #length = 0;
  #ends = new Uint32Array(64);
  #count = 0;

  constructor(readonly kind: BatchKind, readonly timestamp: number, readonly id: number = ++lastBatchId) {}

  /** Events ended so far. */
  get count(): number {
    return this.#count;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Writes a part of the current event. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Writes a part of the current event as UTF-8. */
  appendText(text: string): void {
    this.#reserve(text.length * 3); // the most that UTF-8 takes for one UTF-16 code unit
    this.#length += this.#text.encodeInto(text, this.#bytes.subarray(this.#length)).written;
  }

  /** The current event is whole. */
  endEvent(): void {
    if (this.#count === this.#ends.length) this.#ends = new Uint32Array(this.#ends.buffer.transfer(this.#count * 8));
    this.#ends[this.#count++] = this.#length;
  }

  /** Forgets what was written since the last `endEvent()`. */
  dropEvent(): void {
    this.#length = this.#count === 0 ? 0 : this.#ends[this.#count - 1]!;
  }

  /** The batch, in memory of exactly its size; the builder must not be used any more. */
  build(): Batch {
    return {
      id: this.id,
      kind: this.kind,
      timestamp: this.timestamp,
      bytes: new Uint8Array(this.#bytes.buffer.transfer(this.#length)),
      ends: new Uint32Array(this.#ends.buffer.transfer(this.#count * 4)),
    };
  }

  #reserve(more: number): void {
    const need = this.#length + more;
    if (need <= this.#bytes.length) return;
    let size = this.#bytes.length * 2;
    while (size < need) size *= 2;
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(size));
  }
}
