import { type Batch, sliceBatch } from "../metric/mod.ts";
import { type DeliveryParts, type Outcome, outcomeOf, type Output } from "./delivery_parts.ts";
import type { Outcome as ModeOutcome } from "./modes/signal.ts";
import type { SequenceRange, Spool, SpooledBatch, SpoolReader } from "./spool/mod.ts";

/** How often a stop looks whether there is a point in waiting. */
const LOOK_EVERY_MS = 50;

/**
 * Stores batches, and delivers what is stored, in order of storing, for as long as it takes: no number of attempts and no
 * deadline gives up what is on the disk.
 */
export class SpooledDelivery implements Output {
  readonly name: string;
  readonly done: Promise<void>;
  readonly #parts: DeliveryParts;
  readonly #spool: Spool;
  /** Aborts when no more is to be read. */
  readonly #enough = new AbortController();
  readonly #flights = new Set<Promise<void>>();
  readonly #draining: Promise<void>;
  readonly #finished = Promise.withResolvers<void>();
  #stopping: Promise<void> | undefined;

  /** @param after resolves when nobody else reads what is stored for this output */
  constructor(parts: DeliveryParts, spool: Spool, after: Promise<unknown>) {
    this.name = parts.config.name;
    this.#parts = parts;
    this.#spool = spool;
    this.done = this.#finished.promise;
    this.#draining = this.#drain(after);
    this.#draining.catch((error) => this.#finished.reject(error));
    this.done.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
  }

  async offer(batch: Batch): Promise<Outcome> {
    const { stored, rejected, dropped, cause } = await this.#spool.append(this.name, batch);
    const outcome = { delivered: 0, rejected, failed: dropped, stored, ...(cause === undefined ? {} : { cause }) };
    if (rejected + dropped > 0) this.#parts.onEnd(batch.kind, outcome);
    return outcome;
  }

  page(): string | undefined {
    return this.#parts.page();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  async #drain(after: Promise<unknown>): Promise<void> {
    await after;
    if (this.#enough.signal.aborted) return;
    await using reader = this.#spool.reader(this.name);
    for (let next; (next = await reader.next(this.#enough.signal)) !== null;) {
      for (const piece of this.#pieces(next)) {
        await this.#publish(piece, reader);
        if (this.#enough.signal.aborted) break;
      }
    }
    await Promise.all(this.#flights);
  }

  /** As many events as one request takes, so that what was delivered of a large batch is finished bit by bit. */
  *#pieces({ from, batch }: SpooledBatch): Generator<SpooledBatch> {
    const count = batch.ends.length;
    const { bulkMaxSize } = this.#parts.config;
    const most = bulkMaxSize > 0 ? bulkMaxSize : count;
    if (count <= most) return yield { from, to: from + count, batch };
    for (let at = 0; at < count; at += most) {
      const to = Math.min(count, at + most);
      yield { from: from + at, to: from + to, batch: sliceBatch(batch, at, to) };
    }
  }

  /** Begins to deliver; resolves when a connection has it, or when it is over. */
  async #publish(piece: SpooledBatch, reader: SpoolReader): Promise<void> {
    const { mode, onEnd } = this.#parts;
    const taken = Promise.withResolvers<void>();
    const ended = mode.publish(piece.batch, { guaranteed: true, taken: taken.resolve }).then((outcome) => {
      this.#finish(piece, outcome, reader);
      onEnd(piece.batch.kind, outcomeOf(outcome));
      this.#flights.delete(ended);
      if (this.#stopping !== undefined && this.#pending === 0) this.#enough.abort();
    });
    this.#flights.add(ended);
    await Promise.race([taken.promise, ended]);
  }

  /** What the mode says of a piece is told the spool; which of its events it was makes no difference any more. */
  #finish(piece: SequenceRange, outcome: ModeOutcome, reader: SpoolReader): void {
    if (outcome.reason === "closed") return; // the next process, or the next reader, sends it again
    let at = piece.from;
    const range = (count: number) => ({ from: at, to: at += count });
    reader.finish(range(outcome.acked), "delivered");
    reader.finish(range(outcome.duplicate), "duplicate");
    for (const { reason, count } of outcome.rejections ?? []) reader.finish(range(count), "rejected", reason);
    reader.finish({ from: at, to: piece.to }, "dropped", outcome.reason ?? "unknown");
  }

  get #pending(): number {
    return this.#spool.outputs().find(({ name }) => name === this.name)?.pendingEvents ?? 0;
  }

  /** Whether waiting may see something delivered: not where the destination fails, as what is stored can wait. */
  get #isOfUse(): boolean {
    const { state } = this.#parts.mode.condition;
    return state === "delivering" || state === "idle";
  }

  async #stop(): Promise<void> {
    const { clock, mode, drainMs } = this.#parts;
    const timer = new AbortController();
    const endMs = clock.monotonic() + drainMs;
    const late = (async () => {
      while (this.#pending > 0 && this.#isOfUse && clock.monotonic() < endMs && !timer.signal.aborted) {
        await clock.sleep(Math.min(LOOK_EVERY_MS, endMs - clock.monotonic()), timer.signal);
      }
      this.#enough.abort();
    })();
    // What is under way when the time is over is ended by closing the mode, and stays stored.
    await Promise.race([this.#draining.catch(() => {}), late]); // `done` tells of an error
    timer.abort();
    await late;
    await mode.close(0);
    await this.#draining.catch(() => {});
    this.#finished.resolve();
  }
}
