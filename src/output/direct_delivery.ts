import type { Batch } from "../metric/mod.ts";
import { type DeliveryParts, type Outcome, outcomeOf, type Output, type QueueLimits } from "./delivery_parts.ts";

/** Hands batches on to the mode as they come; how much may wait in memory is bounded. */
export class DirectDelivery implements Output {
  readonly name: string;
  readonly #parts: DeliveryParts;
  readonly #limits: QueueLimits;
  readonly #held = new Set<Promise<unknown>>();
  #heldBytes = 0;
  #stopping: Promise<void> | undefined;

  constructor(parts: DeliveryParts, limits: QueueLimits) {
    this.name = parts.config.name;
    this.#parts = parts;
    this.#limits = limits;
  }

  get done(): Promise<void> {
    return this.#parts.mode.done;
  }

  async offer(batch: Batch, deadline?: AbortSignal): Promise<Outcome> {
    const { mode, onEnd } = this.#parts;
    const refusal = this.#refusal(batch);
    const signal = refusal === undefined ? deadline : AbortSignal.abort(refusal);
    const ended = mode.publish(batch, signal === undefined ? {} : { signal });
    if (refusal === undefined) {
      this.#held.add(ended);
      this.#heldBytes += batch.bytes.length;
    }
    const outcome = outcomeOf(await ended);
    if (this.#held.delete(ended)) this.#heldBytes -= batch.bytes.length;
    if (batch.ends.length > 0) onEnd(batch.kind, outcome);
    return outcome;
  }

  page(): string | undefined {
    return this.#parts.page();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  /** Why a batch can't be taken; a batch that is larger than the bound is, when it is alone. */
  #refusal(batch: Batch): string | undefined {
    if (this.#stopping !== undefined) return "closed";
    const { batches, bytes } = this.#limits;
    const full = this.#held.size >= batches || this.#heldBytes + batch.bytes.length > bytes;
    return this.#held.size > 0 && full ? "queue_full" : undefined;
  }

  async #stop(): Promise<void> {
    const { clock, mode, drainMs } = this.#parts;
    const timer = new AbortController();
    await Promise.race([Promise.all(this.#held), clock.sleep(drainMs, timer.signal)]);
    timer.abort();
    await mode.close(0);
  }
}
