import type { Clock } from "../../clock/mod.ts";
import { type Batch, type BatchKind, sliceBatch } from "../../metric/mod.ts";
import type { Fate } from "./books.ts";
import type { SpoolFile } from "./files.ts";
import { HEADER_BYTES } from "./header.ts";
import type { OutputQueue, SequenceRange } from "./output_queue.ts";
import { RecordScan, type ScannedRecord } from "./record_scan.ts";
import type { Segment } from "./segment.ts";
import type { SpoolStore } from "./store.ts";

/** Events as they come out of the spool, numbered `[from, to)`, without gaps, as `batch` has them. */
export interface SpooledBatch extends SequenceRange {
  readonly batch: Batch;
}

/** Reads what is stored for one output, in the order in which it was handed in. */
export interface SpoolReader extends AsyncDisposable {
  readonly output: string;
  /**
   * The next batch; waits for one. `null` when `signal` aborts or the reader or the spool is closed. It is the caller's
   * until {@linkcode finish} was told of all of it. A batch that was stored as a whole comes as a whole, but for what was
   * finished before. One call at a time.
   */
  next(signal?: AbortSignal): Promise<SpooledBatch | null>;
  /**
   * Events `[from, to)`, all or a part of a batch that `next` returned, are done with. The position moves over finished
   * events only: what lies above an unfinished one is remembered, and sent again after a crash.
   *
   * @param reason why they were rejected or dropped
   * @returns how many of them were not finished before
   */
  finish(range: SequenceRange, fate: Fate, reason?: string): number;
  /** Stops reading; what isn't finished stays where it is, for the next reader. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a reader is told. */
export interface ReaderOptions {
  /** Older events are dropped; `undefined`: none are. */
  readonly maxAgeMs: number | undefined;
  /** Aborts when the spool closes. */
  readonly closed: AbortSignal;
  /** Called when the reader is disposed of. */
  readonly onDispose: () => void;
}

/** More of one batch is not put together. */
const MOST_JOINED_BYTES = 8 << 20;
const READ_AGAIN_MS = 1_000;

/** A stretch of one batch, in memory of its own; of `bytes` and `ends` as much is there as the numbers say. */
interface Joined {
  readonly segment: Segment;
  readonly kind: BatchKind;
  readonly timestamp: number;
  readonly storedMs: number;
  readonly from: number;
  /** Whether it is the rest of a batch. */
  readonly continues: boolean;
  to: number;
  bytes: Uint8Array<ArrayBuffer>;
  ends: Uint32Array<ArrayBuffer>;
  byteCount: number;
}

/** Starts reading where the output's low-water mark is. */
export function newReader(store: SpoolStore, queue: OutputQueue, clock: Clock, options: ReaderOptions): SpoolReader {
  return new Reader(store, queue, clock, options);
}

class Reader implements SpoolReader {
  readonly output: string;
  readonly #store: SpoolStore;
  readonly #queue: OutputQueue;
  readonly #clock: Clock;
  readonly #options: ReaderOptions;
  readonly #ended = new AbortController();
  readonly #ends: AbortSignal;
  #segment: Segment | undefined;
  #file: SpoolFile | undefined;
  #scan: RecordScan | undefined;
  /** Read ahead, and not part of the batch before it. */
  #held: ScannedRecord | undefined;
  #ready: SpooledBatch[] = [];
  #reading: Promise<SpooledBatch | null> | undefined;

  constructor(store: SpoolStore, queue: OutputQueue, clock: Clock, options: ReaderOptions) {
    this.output = queue.name;
    this.#store = store;
    this.#queue = queue;
    this.#clock = clock;
    this.#options = options;
    this.#ends = AbortSignal.any([this.#ended.signal, options.closed]);
  }

  async next(signal?: AbortSignal): Promise<SpooledBatch | null> {
    if (this.#reading !== undefined) {
      throw new Error(`Cannot read the spool of ${this.output} twice at once: await the call before`);
    }
    this.#reading = this.#read(signal === undefined ? this.#ends : AbortSignal.any([this.#ends, signal]));
    try {
      return await this.#reading;
    } finally {
      this.#reading = undefined;
    }
  }

  finish({ from, to }: SequenceRange, fate: Fate, reason = ""): number {
    const { events } = this.#queue.finish(from, to);
    const { books } = this.#store;
    if (fate === "dropped") books.settle(this.output, fate, reason, events);
    else books.answered(this.output, fate, reason, events);
    if (events > 0) this.#store.finished(this.#queue, events, this.#clock.monotonic());
    return events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    await this.#reading;
    this.#close();
    const { events } = this.#queue.rewind();
    this.#store.books.settle(this.output, "dropped", "spool_full", events); // their segment was deleted meanwhile
    this.#store.showPending(this.#queue);
    this.#options.onDispose();
  }

  async #read(ends: AbortSignal): Promise<SpooledBatch | null> {
    while (!ends.aborted) {
      const ready = this.#ready.shift();
      if (ready !== undefined) return ready;
      try {
        const joined = await this.#readBatch();
        if (joined !== undefined) this.#take(joined);
        else if (this.#queue.segmentToRead(this.#store.segments) === undefined) await this.#store.untilChanged(ends);
      } catch (error) {
        this.#close();
        this.#store.books.warn(`read:${this.output}`, `Cannot read the spool of output ${this.output}`, { error });
        await this.#clock.sleep(READ_AGAIN_MS, ends);
      }
    }
    return null;
  }

  /** The next stretch of a batch of this output; `undefined` when there is none, or none any more where it was. */
  async #readBatch(): Promise<Joined | undefined> {
    const segment = await this.#openSegment();
    if (segment === undefined) return undefined;
    const scan = this.#scan!;
    let joined: Joined | undefined;
    for (;;) {
      const limit = segment.readableBytes;
      const step = this.#held ?? await scan.next(limit);
      this.#held = undefined;
      if (segment.gone) return undefined; // what isn't taken yet was dropped with it
      if (step.state === "damage") {
        this.#damaged(segment, step.from, step.to);
        continue;
      }
      if (step.state === "end") {
        if (joined !== undefined) return joined;
        if (limit < segment.readableBytes) continue;
        if (step.at < limit) {
          this.#damaged(segment, step.at, limit);
          scan.skipTo(limit);
        }
        this.#pass(segment);
        return undefined;
      }
      if (step.events?.output !== this.output) continue;
      if (joined === undefined) joined = start(segment, step);
      else if (!join(joined, step)) {
        this.#held = step;
        return joined;
      }
    }
  }

  /** The segment to read from, opened. */
  async #openSegment(): Promise<Segment | undefined> {
    const segment = this.#held !== undefined && !this.#segment!.gone
      ? this.#segment
      : this.#queue.segmentToRead(this.#store.segments);
    if (segment === this.#segment && this.#scan !== undefined) return segment;
    this.#close();
    if (segment === undefined) return undefined;
    this.#file = await this.#store.files.open(segment.path, "read");
    this.#segment = segment;
    this.#scan = new RecordScan(this.#file, { seed: segment.seed, from: HEADER_BYTES, expected: segment.first });
    return segment;
  }

  /** Takes what of a stretch is neither finished nor too old. */
  #take(joined: Joined): void {
    const { segment, storedMs, to } = joined;
    if (segment.gone) return; // dropped, with what was read of it
    const from = Math.max(joined.from, this.#queue.cursor);
    if (from < to) {
      let batch = toBatch(joined);
      if (from > joined.from) batch = sliceBatch(batch, from - joined.from, to - joined.from);
      const open = this.#queue.take(segment, from, to, batch.ends, storedMs);
      const { maxAgeMs } = this.#options;
      const tooOld = maxAgeMs !== undefined && this.#store.steadyMs() - storedMs > maxAgeMs;
      for (const part of open) {
        if (tooOld) this.finish(part, "dropped", "age");
        else if (part.from === from && part.to === to) this.#ready.push({ from, to, batch });
        else this.#ready.push({ ...part, batch: sliceBatch(batch, part.from - from, part.to - from) });
      }
    }
    const end = segment.shares.get(this.output)?.end ?? 0;
    if (this.#queue.cursor >= end) this.#pass(segment);
  }

  #pass(segment: Segment): void {
    const end = segment.shares.get(this.output)?.end ?? 0;
    this.#store.lose(this.#queue, this.#queue.pass(segment, end));
  }

  #damaged(segment: Segment, from: number, to: number): void {
    if (segment.damage.has(from)) return;
    segment.damage.add(from);
    this.#store.books.corrupt(segment.path, from, to);
  }

  #close(): void {
    this.#file?.close();
    this.#file =
      this.#scan =
      this.#segment =
      this.#held =
        undefined;
  }
}

/** Starts a batch with its first record. Its memory is taken at once for all of it, if the record tells that much. */
function start(segment: Segment, { raw, events }: ScannedRecord): Joined {
  const { ends, bytes, restEvents, restBytes, timestamp, storedMs } = events!;
  const goesOn = restEvents > ends.length && restBytes <= MOST_JOINED_BYTES;
  const joined: Joined = {
    segment,
    kind: raw.kind as BatchKind,
    timestamp,
    storedMs,
    from: raw.sequence,
    continues: raw.continues,
    to: raw.sequence,
    bytes: new Uint8Array(goesOn ? Math.max(restBytes, bytes.length) : bytes.length),
    ends: goesOn ? new Uint32Array(Math.min(restEvents, MOST_JOINED_BYTES)) : ends,
    byteCount: 0,
  };
  add(joined, ends, bytes);
  return joined;
}

/** Adds a record to the batch it belongs to. @returns false: it is another's */
function join(joined: Joined, { raw, events }: ScannedRecord): boolean {
  const { ends, bytes } = events!;
  const fits = joined.byteCount + bytes.length <= joined.bytes.length &&
    joined.to - joined.from + ends.length <= joined.ends.length;
  if (!raw.continues || raw.sequence !== joined.to || !fits) return false;
  add(joined, ends, bytes);
  return true;
}

function add(joined: Joined, ends: Uint32Array, bytes: Uint8Array): void {
  const count = joined.to - joined.from;
  joined.bytes.set(bytes, joined.byteCount);
  if (joined.ends !== ends) {
    for (let i = 0; i < ends.length; i++) {
      joined.ends[count + i] = joined.byteCount + ends[i]!;
    }
  }
  joined.byteCount += bytes.length;
  joined.to += ends.length;
}

let lastBatchId = 0;

function toBatch({ kind, timestamp, from, continues, to, bytes, byteCount, ends }: Joined): Batch {
  return {
    id: --lastBatchId, // below zero, so that it isn't one of those that come from a flush
    kind,
    timestamp,
    ...(continues ? { part: from } : {}),
    bytes: byteCount === bytes.length ? bytes : bytes.slice(0, byteCount),
    ends: to - from === ends.length ? ends : ends.slice(0, to - from),
  };
}
