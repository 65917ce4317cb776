/** The outlet behind an inlet of the same process: datagrams come by the parcel, rows go by the block. */
import type { Running } from "../../clock/mod.ts";
import { forEachRawFlow, type Parcel } from "../inlet/parcel.ts";
import type { SavedState } from "../decode/saved_state.ts";
import { RowBatch } from "./row_batch.ts";
import { Turns } from "./turns.ts";
import { startWorkerParts, type WorkerConfig, type WorkerDeps, type WorkerParts } from "./worker.ts";

/** A running worker. Disposing stores what it has. */
export interface DirectWorker extends Running {
  /** Takes datagrams in; resolves when there is room for more. */
  take(parcel: Parcel): Promise<void>;
  /** Ends the batch now, and resolves when it is stored. */
  flush(): Promise<void>;
  /** What decoders know. */
  state(): SavedState;
  /** Takes in what others have learnt. */
  learn(learned: SavedState): void;
}

/** Starts a worker. @throws {GeoDatabaseError} on a database that can't be used */
export async function startDirectWorker(config: WorkerConfig, deps: WorkerDeps): Promise<DirectWorker> {
  return new Direct(config, deps, await startWorkerParts(config, deps));
}

class Direct implements DirectWorker {
  readonly #config: WorkerConfig;
  readonly #deps: WorkerDeps;
  readonly #parts: WorkerParts;
  readonly #batch = new RowBatch();
  readonly #turns = new Turns();
  readonly #stop = new AbortController();
  readonly #giveUp = new AbortController();
  readonly #lost;
  /** Monotonic milliseconds of the first row; NaN: there is none. */
  #sinceMs = NaN;
  /** The block before this one: one is stored while the next is filled. */
  #storing: Promise<void> = Promise.resolve();
  readonly #done = Promise.withResolvers<void>();
  readonly done = this.#done.promise;
  #stopping: Promise<void> | undefined;

  constructor(config: WorkerConfig, deps: WorkerDeps, parts: WorkerParts) {
    this.#config = config;
    this.#deps = deps;
    this.#parts = parts;
    this.#lost = deps.reporter.metrics.counter(
      "limier_outlet_core_lost_flows_total",
      "Flows that could not be stored before the process had to end.",
    );
  }

  take(parcel: Parcel): Promise<void> {
    return this.#turns.run(() => this.#take(parcel));
  }

  flush(): Promise<void> {
    return this.#turns.run(async () => {
      await this.#flush();
      await this.#storing;
    });
  }

  state(): SavedState {
    return this.#parts.state();
  }

  learn(learned: SavedState): void {
    this.#parts.learn(learned);
  }

  async #take(parcel: Parcel): Promise<void> {
    const { heart } = this.#parts;
    const batch = this.#batch;
    forEachRawFlow(parcel, (start, end) => heart.read(parcel.octets, start, end, batch));
    if (batch.rows === 0) return;
    if (Number.isNaN(this.#sinceMs)) this.#await();
    if (batch.rows >= this.#config.maximumBatchSize) await this.#flush();
  }

  /** The batch has its first row: it may wait for so long. */
  #await(): void {
    const { clock } = this.#deps;
    const sinceMs = this.#sinceMs = clock.monotonic();
    clock.sleep(this.#config.maximumWaitTimeMs, this.#stop.signal)
      .then(() => this.#turns.run(() => this.#sinceMs === sinceMs ? this.#flush() : undefined))
      .catch((error) => this.#done.reject(error));
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    if (batch.rows === 0) return;
    const { maker, output } = this.#parts;
    const { clock, store, reporter } = this.#deps;
    const waitMs = clock.monotonic() - this.#sinceMs;
    this.#sinceMs = NaN;
    const { rows } = batch;
    await maker.complete(batch);
    output?.add(batch.columns);
    output?.send();
    const block = batch.rows === 0 ? undefined : { ...maker.encode(batch), token: crypto.randomUUID() };
    batch.reset();
    await this.#parts.remember();
    await this.#storing;
    this.#parts.flushed(rows, waitMs);
    if (block === undefined) return;
    this.#storing = store.insert(block, this.#giveUp.signal).then(({ failed, cause }) => {
      if (failed === 0) return;
      this.#lost.inc(failed);
      reporter.error(`Cannot store ${failed} flows before the end: ${cause ?? "the store did not answer"}`);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= this.#end();
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    const stored = new AbortController();
    const grace = this.#deps.clock.sleep(this.#config.gracePeriodMs, stored.signal).then(() => {
      if (!stored.signal.aborted) this.#giveUp.abort();
    });
    await this.flush();
    stored.abort();
    await grace;
    await this.#parts[Symbol.asyncDispose]();
    this.#done.resolve();
  }
}
