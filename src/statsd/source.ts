/** The statsd source as the agent runs it: a backend that receives, and a flush at the end of each window. */
import type { Clock, Running } from "../clock/mod.ts";
import { whyNoFfi } from "../linux/mod.ts";
import type { Meter } from "../metric/mod.ts";
import { formatAddress } from "./address.ts";
import type { Backend, BackendConfig, BackendDeps } from "./backend.ts";
import type { FlushReport } from "./core.ts";
import type { ImportRequestError } from "./import_body.ts";
import { startInlineBackend } from "./inline_backend.ts";
import { sumStats } from "./stats.ts";
import { lineMeter } from "./line_meter.ts";

/** What the source is given. */
export interface StatsdDeps extends BackendDeps {
  readonly clock: Clock;
  /** Readers and aggregation get threads of their own; where FFI is not there, everything shares the caller's. */
  readonly threads: boolean;
  /** Awaited when nothing is received any more, before the last window is flushed. */
  readonly onClosed?: () => Promise<void>;
  /** Told of each flush once all of its batches are handed on. */
  readonly onFlush?: (report: FlushReport) => void;
}

/** A running statsd source. */
export interface StatsdSource extends Running {
  /** Where it listens, as URLs with the ports it got. */
  readonly addresses: readonly string[];
  /** The sum of all threads' counts, by `At` and `FIRST_REFUSAL`. */
  stats(): Float64Array;
  /** Datagrams the kernel dropped for want of room. */
  drops(): number;
  /** When the last flush started, by the clock's Unix milliseconds; 0 before the first. */
  readonly lastFlushMs: number;
  /** Ends the window now. No two flushes carry the same second: one asked for within a second waits for the next. */
  flushNow(): Promise<FlushReport>;
  /** Takes in the body of an import; what is wrong with it as a whole, if anything is. */
  import(body: Uint8Array<ArrayBuffer>, encoding: string): Promise<ImportRequestError | undefined>;
  /** Takes in a line, or several with an LF between. */
  emit(lines: string): void;
  /** What other parts of the process measure themselves with. */
  readonly meter: Meter;
  /**
   * Takes over what changed.
   *
   * @returns false, and changes nothing, when sockets or threads would have to be started anew
   */
  reconfigure(config: BackendConfig): Promise<boolean>;
}

/**
 * Starts the source. Disposing stops receiving, takes in what has arrived, and flushes the last window if
 * `flush_on_shutdown` says so.
 *
 * @throws {SystemError} when an address can't be bound
 */
export async function startStatsd(config: BackendConfig, deps: StatsdDeps): Promise<StatsdSource> {
  const without = deps.threads ? whyNoFfi() : undefined;
  if (without !== undefined) deps.reporter.warn(`Receiving without batches, one datagram at a time: ${without}`);
  const backend = deps.threads && without === undefined
    // The module is loaded only where its FFI can work.
    ? await (await import("./thread_backend.ts")).startThreadBackend(config, deps)
    : await startInlineBackend(config, deps);
  return new Source(config, deps, backend);
}

class Source implements StatsdSource {
  #config: BackendConfig;
  readonly #deps: StatsdDeps;
  readonly #backend: Backend;
  readonly #stop = new AbortController();
  #rescheduled = new AbortController();
  readonly #loop: Promise<void>;
  readonly #utf8 = new TextEncoder();
  readonly #failed = Promise.withResolvers<never>();
  #lastTimestamp = 0;
  /** One after the other: the next waits for the second to be over in which the last one came. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = false;
  #stopping: Promise<void> | undefined;
  readonly addresses: readonly string[];
  readonly done: Promise<void>;
  readonly meter: Meter;
  lastFlushMs = 0;

  constructor(config: BackendConfig, deps: StatsdDeps, backend: Backend) {
    this.#config = config;
    this.#deps = deps;
    this.#backend = backend;
    this.addresses = backend.addresses.map(formatAddress);
    this.meter = lineMeter((line) => this.emit(line));
    this.#loop = this.#windows();
    this.done = Promise.race([backend.done, this.#failed.promise]);
    this.done.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
  }

  stats(): Float64Array {
    return sumStats(this.#backend.stats);
  }

  drops(): number {
    return this.#backend.drops();
  }

  import(body: Uint8Array<ArrayBuffer>, encoding: string): Promise<ImportRequestError | undefined> {
    return this.#backend.import(body, encoding);
  }

  emit(lines: string): void {
    this.#backend.ingest(this.#utf8.encode(lines));
  }

  flushNow(): Promise<FlushReport> {
    return this.#flush(() => Math.floor(this.#deps.clock.now() / 1000));
  }

  async reconfigure(config: BackendConfig): Promise<boolean> {
    const rigid = ({ statsd, core }: BackendConfig) => JSON.stringify([core.heart, { ...statsd, ...SOFT }]);
    if (rigid(config) !== rigid(this.#config)) return false;
    this.#config = config;
    await this.#backend.reconfigure(config.core);
    this.#rescheduled.abort();
    return true;
  }

  async #windows(): Promise<void> {
    const { clock } = this.#deps;
    while (!this.#stop.signal.aborted) {
      this.#rescheduled = new AbortController();
      const changed = AbortSignal.any([this.#stop.signal, this.#rescheduled.signal]);
      const { intervalMs, synchronizeWithInterval } = this.#config.statsd;
      const startMs = clock.now();
      let endMs = startMs + (synchronizeWithInterval ? intervalMs - startMs % intervalMs : intervalMs);
      while (!changed.aborted) {
        await clock.sleepUntil(endMs, changed);
        if (changed.aborted) break;
        const timestamp = Math.floor(endMs / 1000);
        // A flush that still waits for its second, as those of windows below a second do, takes this window in.
        if (!this.#waiting) this.#flush(() => timestamp).catch((error) => this.#failed.reject(error));
        endMs += intervalMs;
        // After a standstill the missed windows are one: there is nothing to put into the others.
        while (endMs <= clock.now() - intervalMs) endMs += intervalMs;
      }
    }
  }

  #flush(timestampOf: () => number): Promise<FlushReport> {
    const { clock, onFlush } = this.#deps;
    const started = this.#turn.then(async () => {
      let timestamp = timestampOf();
      if (timestamp <= this.#lastTimestamp) {
        this.#waiting = true;
        await clock.sleepUntil((this.#lastTimestamp + 1) * 1000);
        this.#waiting = false;
        timestamp = Math.max(this.#lastTimestamp + 1, timestampOf());
      }
      this.#lastTimestamp = timestamp;
      this.lastFlushMs = clock.now();
      // Not awaited here: a flush that is still under way does not keep the next from ending its window.
      return { report: this.#backend.flush(timestamp) };
    });
    this.#turn = started;
    return started.then(async ({ report }) => {
      const flushed = await report;
      onFlush?.(flushed);
      return flushed;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= (async () => {
      this.#stop.abort();
      await this.#loop;
      await this.#turn;
      await this.#backend.stopListening();
      await this.#deps.onClosed?.();
      if (this.#config.statsd.flushOnShutdown) await this.flushNow();
      await this.#backend[Symbol.asyncDispose]();
    })();
  }
}

/** What may change while threads and sockets stay. */
const SOFT: Record<string, undefined> = {
  intervalMs: undefined,
  synchronizeWithInterval: undefined,
  flushOnShutdown: undefined,
  flushWatchdogMissedFlushes: undefined,
  percentiles: undefined,
  aggregates: undefined,
  tags: undefined,
  tagsExclude: undefined,
  metricSinkRouting: undefined,
  hostname: undefined,
  omitEmptyHostname: undefined,
  statsAddress: undefined,
  ownScopes: undefined,
  ownTags: undefined,
  countUniqueTimeseries: undefined,
  sources: undefined,
  numWorkers: undefined,
};
