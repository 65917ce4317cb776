import type { Clock } from "../../clock/mod.ts";
import type { Batch } from "../../metric/mod.ts";
import type { SpoolBooks } from "./books.ts";
import { DiskRoom } from "./disk_room.ts";
import { isDiskFull } from "./files.ts";
import { HEADER_BYTES } from "./header.ts";
import { recordBytes, recordCuts, RecordWriter } from "./record.ts";
import type { SegmentWriter } from "./segment.ts";
import type { SpoolStore } from "./store.ts";
import { Trouble, type TroubleReason } from "./trouble.ts";

/** What happens to a batch that finds no room. */
export type WhenFull = "block" | "drop_oldest" | "drop_newest";

/** When what was written is forced to the disk. */
export type FsyncPolicy = "always" | "interval" | "never";

/** How a batch got into the spool. The three numbers of events add up to the batch's. */
export interface AppendOutcome {
  /** Stored as durably as `fsync` says. */
  readonly stored: number;
  /** Too large for any spool. */
  readonly rejected: number;
  /** Not stored, for want of room or because the spool was closed. */
  readonly dropped: number;
  /** Numbers of the stored events, `[from, to)`. */
  readonly from: number;
  readonly to: number;
  /** Why events were dropped, the same word that labels the counter: `spool_full`, `disk_full`, `write_error`, `closed`, … */
  readonly cause?: string;
}

/** What the writer is set to. Sizes in bytes. */
export interface WriterOptions {
  readonly maxBytes: number;
  readonly segmentBytes: number;
  readonly fsync: FsyncPolicy;
  readonly whenFull: (output: string) => WhenFull;
  /** Batches that wait for room, at most. */
  readonly maxWaitingBytes: number;
  /** Bytes to be left free on the disk; `undefined`: the smaller of 5 % and 256 MiB. */
  readonly minFreeBytes: number | undefined;
}

interface Request {
  readonly output: string;
  readonly name: Uint8Array<ArrayBuffer>;
  readonly batch: Batch;
  readonly cuts: readonly number[];
  /** Bytes of its records. */
  readonly size: number;
  readonly rejected: number;
  readonly storedMs: number;
  readonly settle: (outcome: AppendOutcome) => void;
}

interface Written {
  readonly request: Request;
  readonly from: number;
}

const GROUP_BYTES = 1 << 20;
const SYNC_EVERY_MS = 200;
/** What isn't synced stays in memory, to be written again if the sync fails. */
const MOST_UNSYNCED_BYTES = 8 << 20;

/** Everything that changes a spool's files, one step after the other: writes, syncs, positions, deletion. */
export class SpoolWriter {
  /** Settles when it has stopped. */
  readonly done: Promise<void>;
  readonly #store: SpoolStore;
  readonly #books: SpoolBooks;
  readonly #options: WriterOptions;
  readonly #clock: Clock;
  readonly #room: DiskRoom;
  /** What keeps batches from being written, if something does. */
  readonly trouble: Trouble;
  readonly #records = new RecordWriter(GROUP_BYTES * 2);
  #requests: Request[] = [];
  #waitingBytes = 0;
  #active: SegmentWriter | undefined;
  #unsynced: Written[] = [];
  #unsyncedBytes = 0;
  #syncedAtMs = -Infinity;
  /** Writes and syncs that failed since the last that did not. */
  #failures = 0;
  #mayReclaim = true;
  #stopping = false;
  #poked = false;
  #wake: () => void = () => {};

  constructor(store: SpoolStore, options: WriterOptions, clock: Clock) {
    this.#store = store;
    this.#books = store.books;
    this.#options = options;
    this.#clock = clock;
    this.#room = new DiskRoom(store, store.books, clock, options.minFreeBytes);
    this.trouble = new Trouble(store.books, clock);
    store.onFinished = () => {
      this.#mayReclaim = true;
      this.#poke();
    };
    this.done = this.#run();
  }

  /** Takes a batch, all of which has been counted as accepted. Never rejects. */
  append(output: string, name: Uint8Array<ArrayBuffer>, batch: Batch, rejected: number): Promise<AppendOutcome> {
    const count = batch.ends.length;
    if (count === 0) return Promise.resolve({ stored: 0, rejected, dropped: 0, from: 0, to: 0 });
    const { promise, resolve: settle } = Promise.withResolvers<AppendOutcome>();
    const cuts = recordCuts(batch);
    const size = recordBytes(name, batch, cuts);
    const request: Request = { output, name, batch, cuts, size, rejected, storedMs: this.#store.steadyMs(), settle };
    const waits = this.#waitingBytes > 0 && this.#waitingBytes + size > this.#options.maxWaitingBytes;
    if (this.#stopping) this.#drop(request, "closed");
    else if (size + HEADER_BYTES > this.#options.maxBytes) this.#drop(request, "spool_full");
    else if (waits) this.#drop(request, this.trouble.reason ?? "queue_full");
    else {
      this.#requests.push(request);
      this.#wait(size);
      this.#poke();
    }
    return promise;
  }

  /** Stores what has been handed in as far as there is room, saves the positions, and stops. */
  stop(): Promise<void> {
    this.#stopping = true;
    this.#poke();
    return this.done;
  }

  #wait(bytes: number): void {
    this.#waitingBytes += bytes;
    this.#books.setWaiting(this.#waitingBytes);
  }

  #poke(): void {
    this.#poked = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#stopping || this.#requests.length > 0 && this.trouble.reason === undefined) {
      this.#poked = false;
      await this.#writeWaiting();
      await this.#syncIfDue();
      await this.#saveIfDue();
      if (this.#mayReclaim) {
        this.#mayReclaim = false;
        if (await this.#store.reclaim(this.#clock.monotonic()) > 0) this.trouble.probeNow(); // there may be room now
      }
      this.#store.showFiles(this.#active);
      if (!this.#poked && !(this.#stopping && this.#requests.length === 0)) await this.#sleep();
    }
    await this.#finish();
  }

  async #sleep(): Promise<void> {
    const writeMs = this.#requests.length === 0 ? Infinity : this.trouble.probeAtMs;
    const untilMs = Math.min(writeMs, this.#syncDueMs(), this.#store.saveDueMs);
    const waitMs = untilMs - this.#clock.monotonic();
    if (waitMs <= 0) return;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    if (waitMs < Infinity) await this.#clock.sleep(waitMs, woken.signal);
    else await new Promise<void>((resolve) => woken.signal.addEventListener("abort", () => resolve()));
    this.#wake = () => {};
  }

  async #writeWaiting(): Promise<void> {
    while (this.#requests.length > 0) {
      const nowMs = this.#clock.monotonic();
      if (this.trouble.reason !== undefined && nowMs < this.trouble.probeAtMs && !this.#stopping) {
        if (!await this.#makeRoom()) return this.#refuse(this.trouble.reason);
      }
      const failure = await this.#writeGroup();
      if (failure === undefined) {
        if (this.trouble.reason !== "fsync_error") this.trouble.end(); // of which only a sync tells that it is over
        if (this.#syncDueMs() <= this.#clock.monotonic()) return;
        continue;
      }
      if (failure === "again" || await this.#makeRoom()) continue;
      this.trouble.start(failure);
      return this.#refuse(failure);
    }
  }

  /** Writes as many requests as go into one write. What keeps them from being written is returned. */
  async #writeGroup(): Promise<TroubleReason | "again" | undefined> {
    const group = this.#takeGroup();
    const size = group.reduce((sum, request) => sum + request.size, 0);
    const count = group.reduce((sum, { batch }) => sum + batch.ends.length, 0);
    if (!await this.#hasRoom(size)) {
      return await this.#room.isLow() ? "disk_full" : "spool_full";
    }
    try {
      await this.#store.reserve(count, this.#clock.monotonic());
    } catch (error) {
      return this.#failed("the position file", error);
    }
    const active = this.#active;
    if (active !== undefined && active.bytes > HEADER_BYTES && active.bytes + size > this.#options.segmentBytes) {
      if (!await this.#roll()) return "again";
    }
    let writer = this.#active;
    try {
      writer = this.#active ??= await this.#store.addSegment(this.#clock.now());
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) this.#store.next++; // a file that could not be deleted
      return this.#failed("a new segment", error);
    }
    const written = this.#encode(writer, group);
    try {
      await writer.write(this.#records.view());
    } catch (error) {
      const full = isDiskFull(error);
      if (writer.broken || !full) await this.#abandon(count);
      return this.#failed("a segment", error);
    }
    this.#store.next += count;
    this.#requests.splice(0, group.length);
    this.#room.wrote(size);
    if (this.#options.fsync === "never") {
      this.#failures = 0;
      this.#commit(writer, written);
    } else {
      this.#unsynced.push(...written);
      this.#unsyncedBytes += size;
    }
    return undefined;
  }

  #takeGroup(): Request[] {
    const group: Request[] = [];
    const { maxBytes, segmentBytes } = this.#options;
    const room = maxBytes - this.#store.bytes(this.#active) - HEADER_BYTES;
    const most = Math.min(GROUP_BYTES, segmentBytes, room);
    let size = 0;
    for (const request of this.#requests) {
      if (group.length > 0 && size + request.size > most) break;
      if (this.trouble.reason !== undefined && group.length > 0) break; // less may still fit
      group.push(request);
      size += request.size;
    }
    return group;
  }

  #encode(writer: SegmentWriter, group: readonly Request[]): Written[] {
    this.#records.reset();
    let sequence = this.#store.next;
    return group.map((request) => {
      const { name, batch, cuts, storedMs } = request;
      this.#records.batch(name, batch, cuts, { sequence, storedMs, seed: writer.seed });
      const from = sequence;
      sequence += batch.ends.length;
      return { request, from };
    });
  }

  /** Events are stored: readers see them, and whoever handed them in is told. */
  #commit(writer: SegmentWriter, written: readonly Written[]): void {
    const { segment } = writer;
    segment.readableBytes = writer.bytes;
    for (const { request: { output, batch, size, rejected, settle, storedMs }, from } of written) {
      const stored = batch.ends.length;
      segment.addEvents(output, from, from + stored, batch.bytes.length, storedMs);
      this.#wait(-size);
      settle({ stored, rejected, dropped: 0, from, to: from + stored });
    }
    this.#store.changed();
  }

  #syncDueMs(): number {
    if (this.#unsynced.length === 0) return Infinity;
    if (this.#options.fsync === "always" || this.#unsyncedBytes >= MOST_UNSYNCED_BYTES) return -Infinity;
    return this.#syncedAtMs + SYNC_EVERY_MS;
  }

  async #syncIfDue(): Promise<void> {
    if (this.#syncDueMs() <= this.#clock.monotonic()) await this.#sync();
  }

  /** @returns whether everything written is stored now; if not, it will be written again */
  async #sync(): Promise<boolean> {
    const writer = this.#active;
    if (this.#unsynced.length === 0 || writer === undefined) return true;
    try {
      await writer.sync();
    } catch (error) {
      this.#books.fsyncFailed(writer.segment.path, error);
      await this.#abandon(0);
      if (++this.#failures > 1) this.trouble.start("fsync_error");
      this.#poked = true;
      return false;
    }
    this.#failures = 0;
    const written = this.#unsynced;
    this.#unsynced = [];
    this.#unsyncedBytes = 0;
    this.#syncedAtMs = this.#clock.monotonic();
    this.#commit(writer, written);
    this.trouble.end();
    return true;
  }

  async #saveIfDue(): Promise<void> {
    if (this.#store.saveDueMs > this.#clock.monotonic()) return;
    try {
      await this.#store.save(this.#clock.monotonic());
    } catch (error) {
      this.#books.writeFailed("saving the positions", error);
    }
  }

  /** Ends the active segment. @returns whether everything in it is stored */
  async #roll(): Promise<boolean> {
    if (!await this.#sync()) return false;
    const writer = this.#active;
    this.#active = undefined;
    try {
      await writer?.seal();
    } catch (error) {
      if (!isDiskFull(error)) this.#books.writeFailed("sealing a segment", error);
    }
    this.#mayReclaim = true;
    return true;
  }

  /**
   * Gives the active segment up. What isn't stored is written again, under other numbers.
   *
   * @param numbers those of the write that failed, which may be on the disk
   */
  async #abandon(numbers: number): Promise<void> {
    const writer = this.#active;
    this.#active = undefined;
    this.#store.next += numbers;
    this.#requests.unshift(...this.#unsynced.map(({ request }) => request));
    this.#unsynced = [];
    this.#unsyncedBytes = 0;
    await writer?.abandon();
    this.#mayReclaim = true;
  }

  async #hasRoom(size: number): Promise<boolean> {
    const { maxBytes } = this.#options;
    const fits = () => this.#store.bytes(this.#active) + size + (this.#active ? 0 : HEADER_BYTES) <= maxBytes;
    if (!fits() && !await this.#freeFinished()) return false;
    return fits() && !await this.#room.isLow();
  }

  /** Deletes what is finished; the active segment as well, if all of it is. @returns whether bytes became free */
  async #freeFinished(): Promise<boolean> {
    const active = this.#active;
    if (active !== undefined && this.#unsynced.length === 0 && this.#store.isFinished(active.segment)) {
      await this.#roll();
    }
    return await this.#store.reclaim(this.#clock.monotonic()) > 0;
  }

  /** Drops the oldest segment where the policy of the first batch that waits is to. @returns whether there is room now */
  async #makeRoom(): Promise<boolean> {
    const first = this.#requests[0];
    if (first === undefined || this.#options.whenFull(first.output) !== "drop_oldest") return false;
    if (this.trouble.reason === "write_error" || this.trouble.reason === "fsync_error") return false;
    const mayDrop = (output: string) => this.#options.whenFull(output) === "drop_oldest";
    const nowMs = this.#clock.monotonic();
    this.#room.lookAgain();
    if (await this.#store.dropOldest(mayDrop, nowMs) > 0) return true;
    // Nothing but the active segment is left, whose events are the oldest now.
    if (this.#active === undefined || this.#active.bytes === HEADER_BYTES || !await this.#roll()) return false;
    return await this.#store.dropOldest(mayDrop, nowMs) > 0;
  }

  /** A write failed. @returns what to make of it: the first time it is tried again, in a new segment */
  #failed(what: string, error: unknown): TroubleReason | "again" {
    this.#books.writeFailed(what, error);
    if (isDiskFull(error)) return "disk_full";
    return ++this.#failures > 1 ? "write_error" : "again";
  }

  /** Those that don't wait for room are dropped; all are when the spool is closed. */
  #refuse(reason: string): void {
    const waiting: Request[] = [];
    for (const request of this.#requests) {
      if (!this.#stopping && this.#options.whenFull(request.output) === "block") {
        waiting.push(request);
        continue;
      }
      this.#wait(-request.size);
      this.#drop(request, reason);
    }
    this.#requests = waiting;
  }

  #drop({ output, batch, rejected, settle }: Request, cause: string): void {
    const dropped = batch.ends.length;
    const queue = this.#store.queue(output);
    queue.pending.events -= dropped;
    queue.pending.bytes -= batch.bytes.length;
    this.#books.settle(output, "dropped", cause, dropped);
    this.#store.showPending(queue);
    settle({ stored: 0, rejected, dropped, from: 0, to: 0, cause });
  }

  async #finish(): Promise<void> {
    let stored = await this.#roll();
    for (let tries = 0; tries < 2 && !stored; tries++) { // what a failed sync brought back gets a new segment
      await this.#writeWaiting();
      stored = await this.#roll();
    }
    this.#refuse("closed");
    await this.#store.reclaim(this.#clock.monotonic());
    try {
      await this.#store.save(this.#clock.monotonic(), this.#store.next);
    } catch (error) {
      this.#books.writeFailed("saving the positions", error);
    }
    this.#store.showFiles();
    this.#store.changed();
  }
}
