import type { Clock, Running } from "../../clock/mod.ts";
import { type Batch, pickEvents } from "../../metric/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import { SpoolBooks } from "./books.ts";
import { realFiles, type SpoolFiles } from "./files.ts";
import { lockSpool, type SpoolLock } from "./lock.ts";
import { newReader, type SpoolReader } from "./reader.ts";
import { outputNameBytes } from "./record.ts";
import { recoverSpool } from "./recovery.ts";
import { SpoolStore } from "./store.ts";
import { type AppendOutcome, type FsyncPolicy, SpoolWriter, type WhenFull } from "./writer.ts";

/** How a spool is kept. */
export interface SpoolOptions {
  /** Where its files are; made (mode 0700) if it isn't there. */
  readonly directory: string;
  /** Bytes on the disk at most. @default 1 GiB */
  readonly maxBytes?: number;
  /** Bytes of a file, above which a new one is started; at most a quarter of `maxBytes`. @default 16 MiB */
  readonly segmentBytes?: number;
  /** What happens to a batch that finds no room: it waits, older ones make room, or it is dropped. @default "block" */
  readonly whenFull?: WhenFull;
  /** Outputs that have it their own way. */
  readonly whenFullOf?: Readonly<Record<string, WhenFull>>;
  /**
   * When a batch counts as stored: written and synced at once, with others at most 200 ms later, or written. What is written
   * survives the end of the process, what is synced also a loss of power. @default "interval"
   */
  readonly fsync?: FsyncPolicy;
  /** Events that wait longer are dropped. @default none are */
  readonly maxAgeMs?: number;
  /** A larger event is rejected. @default 4 MiB, which is also the most */
  readonly maxEventBytes?: number;
  /** Bytes of batches that wait for room, at most; later ones are dropped. @default 64 MiB */
  readonly maxWaitingBytes?: number;
  /** Bytes that are left free on the disk. @default the smaller of 5 % of it and 256 MiB */
  readonly minFreeBytes?: number;
}

/** What a spool is given. */
export interface SpoolDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** @default this computer's */
  readonly files?: SpoolFiles;
  /** Takes the directory's lock, or throws. @default `flock` where it can be had, else a file with the process' id */
  readonly lock?: (path: string) => SpoolLock;
}

/** How a spool is. */
export interface SpoolHealth {
  /** `ok`: stores; `blocked`: batches wait for room; `losing`: batches are dropped. */
  readonly state: "ok" | "blocked" | "losing";
  /** `spool_full`, `disk_full`, `write_error` or `fsync_error`. */
  readonly why?: string;
  /** Unix milliseconds. */
  readonly sinceMs?: number;
}

/** What a spool holds of an output. */
export interface SpooledOutput {
  readonly name: string;
  readonly pendingEvents: number;
  readonly pendingBytes: number;
}

/**
 * A queue on the disk that any number of outputs share. What it has stored is read in order, output by output, until it
 * is finished, also after the process was killed. Disposing stores what was handed in, and closes it.
 */
export interface Spool extends Running {
  /** 32 hexadecimal digits; with an event's number they name the event for all time. */
  readonly installation: string;
  /**
   * Stores a batch for an output. Resolves once it is stored, or is known not to be; never rejects for want of a working disk.
   *
   * @throws {RangeError} on a name that can't be stored
   */
  append(output: string, batch: Batch): Promise<AppendOutcome>;
  /** Reads what is stored for an output. @throws {Error} while it has a reader */
  reader(output: string): SpoolReader;
  /** The outputs that something is stored for, or was in this process; also those that are configured no more. */
  outputs(): readonly SpooledOutput[];
  /** Drops all that is stored for an output that has no reader. @returns how many events that were */
  abandon(output: string, reason: string): number;
  health(): SpoolHealth;
}

const DEFAULTS = {
  maxBytes: 2 ** 30,
  segmentBytes: 16 * 2 ** 20,
  maxEventBytes: 4 * 2 ** 20,
  maxWaitingBytes: 64 * 2 ** 20,
} as const;

const LEAST_SEGMENTS = 4;

/**
 * Opens a spool: takes its lock, cuts off what was written by half, and finds out what is pending.
 *
 * @example What was stored is there when the spool is opened again
 * ```ts
 * import { realClock } from "@limier/limier/clock";
 * import { BatchBuilder } from "@limier/limier/metric";
 * import { openSpool } from "@limier/limier/output";
 * import { recordingReporter } from "@limier/limier/telemetry";
 *
 * const directory = Deno.makeTempDirSync();
 * const deps = { clock: realClock, reporter: recordingReporter() };
 * const builder = new BatchBuilder("points", 1700000010);
 * builder.appendText("an encoded point");
 * builder.endEvent();
 * {
 *   await using spool = await openSpool({ directory }, deps);
 *   await spool.append("dd", builder.build()); // stored now
 * }
 * await using spool = await openSpool({ directory }, deps);
 * const reader = spool.reader("dd");
 * const batch = (await reader.next())!;
 * reader.finish(batch, "delivered"); // its file goes when all of it is finished
 * ```
 *
 * @throws {LockHeld} when another process has it
 * @throws {SpoolVersionError} when a newer program wrote it; nothing is changed then
 * @throws {RangeError} on sizes that can't be
 * @throws what the file system does
 */
export async function openSpool(options: SpoolOptions, deps: SpoolDeps): Promise<Spool> {
  const { directory, maxBytes = DEFAULTS.maxBytes, maxEventBytes = DEFAULTS.maxEventBytes } = options;
  if (!(maxBytes >= 1) || !(maxEventBytes >= 1 && maxEventBytes <= DEFAULTS.maxEventBytes)) {
    throw new RangeError(`Cannot open the spool ${directory}: maxBytes is 1 or more, maxEventBytes 1 to 4 MiB`);
  }
  const files = deps.files ?? realFiles;
  await files.makeDirectory(directory);
  const lock = (deps.lock ?? lockSpool)(`${directory}/lock`);
  try {
    const books = new SpoolBooks(deps.reporter, deps.clock);
    const recovered = await recoverSpool(files, directory, books);
    const store = new SpoolStore(files, directory, recovered, books, {
      durable: options.fsync !== "never",
      clock: deps.clock,
    });
    return new DurableSpool(store, lock, options, deps.clock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

class DurableSpool implements Spool {
  readonly installation: string;
  readonly done: Promise<void>;
  readonly #store: SpoolStore;
  readonly #writer: SpoolWriter;
  readonly #clock: Clock;
  readonly #maxEventBytes: number;
  readonly #maxAgeMs: number | undefined;
  readonly #whenFull: (output: string) => WhenFull;
  readonly #closed = new AbortController();
  readonly #readers = new Map<string, SpoolReader>();
  readonly #names = new Map<string, Uint8Array<ArrayBuffer>>();

  constructor(store: SpoolStore, lock: SpoolLock, options: SpoolOptions, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#maxEventBytes = options.maxEventBytes ?? DEFAULTS.maxEventBytes;
    this.#maxAgeMs = options.maxAgeMs;
    this.#whenFull = (output) => options.whenFullOf?.[output] ?? options.whenFull ?? "block";
    this.installation = Array.from(store.installation, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const maxBytes = options.maxBytes ?? DEFAULTS.maxBytes;
    for (const queue of store.queues.values()) this.#show(queue.name, queue.pending.events);
    this.#writer = new SpoolWriter(store, {
      maxBytes,
      segmentBytes: Math.min(options.segmentBytes ?? DEFAULTS.segmentBytes, Math.floor(maxBytes / LEAST_SEGMENTS)),
      fsync: options.fsync ?? "interval",
      whenFull: this.#whenFull,
      maxWaitingBytes: options.maxWaitingBytes ?? DEFAULTS.maxWaitingBytes,
      minFreeBytes: options.minFreeBytes,
    }, clock);
    this.done = this.#writer.done.finally(() => lock.release());
    store.books.reporter.metrics.onCollect(() => this.#showAges());
  }

  append(output: string, batch: Batch): Promise<AppendOutcome> {
    const name = this.#name(output);
    const queue = this.#store.queue(output);
    const count = batch.ends.length;
    this.#store.books.accept(output, count);
    const kept = this.#withoutLarge(batch);
    const rejected = count - kept.ends.length;
    this.#store.books.settle(output, "rejected", "too_large", rejected);
    queue.pending.events += kept.ends.length;
    queue.pending.bytes += kept.bytes.length;
    this.#store.showPending(queue);
    return this.#writer.append(output, name, kept, rejected);
  }

  reader(output: string): SpoolReader {
    this.#name(output);
    if (this.#readers.has(output)) throw new Error(`Cannot read the spool of ${output}: it has a reader already`);
    const reader = newReader(this.#store, this.#store.queue(output), this.#clock, {
      maxAgeMs: this.#maxAgeMs,
      closed: this.#closed.signal,
      onDispose: () => this.#readers.delete(output),
    });
    this.#readers.set(output, reader);
    return reader;
  }

  outputs(): readonly SpooledOutput[] {
    return Array.from(this.#store.queues.values(), ({ name, pending }) => {
      return { name, pendingEvents: pending.events, pendingBytes: pending.bytes };
    });
  }

  abandon(output: string, reason: string): number {
    if (this.#readers.has(output)) throw new Error(`Cannot abandon what is stored for ${output}: it has a reader`);
    const queue = this.#store.queue(output);
    let sum = 0;
    for (const segment of this.#store.segments) {
      sum += queue.giveUp(segment).events;
    }
    queue.skipTo(this.#store.next);
    this.#store.books.settle(output, "dropped", reason, sum);
    this.#store.finished(queue, sum, this.#clock.monotonic());
    return sum;
  }

  health(): SpoolHealth {
    const { trouble } = this.#writer;
    if (trouble.reason === undefined) return { state: "ok" };
    const blocks = [...this.#store.queues.keys()].every((output) => this.#whenFull(output) === "block");
    return { state: blocks ? "blocked" : "losing", why: trouble.reason, sinceMs: trouble.sinceMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await Promise.all([...this.#readers.values()].map((reader) => reader[Symbol.asyncDispose]()));
    await this.#writer.stop();
    await this.done;
  }

  #name(output: string): Uint8Array<ArrayBuffer> {
    let bytes = this.#names.get(output);
    if (bytes === undefined) {
      bytes = outputNameBytes(output);
      this.#names.set(output, bytes);
      if (!this.#store.queues.has(output)) this.#show(output, 0);
    }
    return bytes;
  }

  /** The counters of an output from before; from the start, so that they show. */
  #show(output: string, pending: number): void {
    this.#store.books.restore(output, this.#store.totalsBefore.get(output) ?? new Map(), pending);
    this.#store.books.setPending(output, this.#store.queue(output).pending);
  }

  #withoutLarge(batch: Batch): Batch {
    if (batch.bytes.length <= this.#maxEventBytes) return batch;
    const kept: number[] = [];
    for (let i = 0, start = 0; i < batch.ends.length; start = batch.ends[i++]!) {
      if (batch.ends[i]! - start <= this.#maxEventBytes) kept.push(i);
    }
    return kept.length === batch.ends.length ? batch : pickEvents(batch, kept);
  }

  #showAges(): void {
    const nowMs = this.#store.steadyMs();
    for (const queue of this.#store.queues.values()) {
      const oldestMs = queue.pending.events > 0 ? queue.oldestMs(this.#store.segments) : undefined;
      this.#store.books.setOldestAge(queue.name, oldestMs === undefined ? 0 : Math.max(0, nowMs - oldestMs) / 1_000);
    }
  }
}
