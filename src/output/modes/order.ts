import type { Running } from "../../clock/mod.ts";
import type { Condition } from "./condition.ts";
import { type Batch, eventBytes, pickEvents } from "../../metric/mod.ts";
import type { Mode, PublishOptions } from "./mode.ts";
import { NOTHING_TO_DO, type Outcome, Signal, sumOutcomes } from "./signal.ts";

/** What stands for an event as far as order goes: events with equal keys are delivered in the order they came. */
export type KeyOf = (event: Uint8Array) => string;

/** A batch of which some events may have to wait for others. */
interface Submission {
  readonly batch: Batch;
  readonly keys: readonly string[];
  readonly options: PublishOptions;
  readonly signal: Signal;
  /** Events that have not ended. */
  left: number;
  sum: Outcome;
}

interface WaitingEvent {
  readonly submission: Submission;
  readonly index: number;
}

/**
 * A mode that keeps the order of events with equal keys: of each key one event is under way, and only events of that key
 * wait for it. Everything else goes at once, in as many batches as that takes.
 */
export class KeyOrdered implements Mode {
  readonly #mode: Mode;
  readonly #keyOf: KeyOf;
  /** Keys under way, with what waits for them. */
  readonly #busy = new Map<string, WaitingEvent[]>();
  readonly #live = new Set<Submission>();

  constructor(mode: Mode, keyOf: KeyOf) {
    this.#mode = mode;
    this.#keyOf = keyOf;
  }

  get done(): Running["done"] {
    return this.#mode.done;
  }

  get condition(): Condition {
    return this.#mode.condition;
  }

  publish(batch: Batch, options: PublishOptions = {}): Promise<Outcome> {
    const count = batch.ends.length;
    if (count === 0) return this.#mode.publish(batch, options);
    const keys = Array.from({ length: count }, (_, i) => this.#keyOf(eventBytes(batch, i)));
    const signal = new Signal(options.receiver);
    const submission: Submission = { batch, keys, options, signal, left: count, sum: NOTHING_TO_DO };
    this.#live.add(submission);
    const free: number[] = [];
    keys.forEach((key, index) => {
      const waiting = this.#busy.get(key);
      if (waiting !== undefined) return void waiting.push({ submission, index });
      this.#busy.set(key, []);
      free.push(index);
    });
    const withdraw = () => this.#withdraw(submission);
    options.signal?.addEventListener("abort", withdraw, { once: true });
    void signal.settled.then(() => {
      this.#live.delete(submission);
      options.signal?.removeEventListener("abort", withdraw);
    });
    if (free.length > 0) void this.#dispatch(submission, free);
    return signal.settled;
  }

  async close(timeoutMs?: number): Promise<void> {
    await this.#mode.close(timeoutMs); // what waits is then refused by it, one key after the other
    await Promise.all(Array.from(this.#live, ({ signal }) => signal.settled));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #dispatch(submission: Submission, indices: readonly number[]): Promise<void> {
    const { batch, keys, options } = submission;
    let under = indices;
    const outcome = await this.#mode.publish(
      indices.length === batch.ends.length ? batch : pickEvents(batch, indices),
      {
        ...(options.guaranteed === undefined ? {} : { guaranteed: options.guaranteed }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        ...(options.taken === undefined ? {} : { taken: options.taken }),
        progress: (remaining) => {
          const left = stillThere(batch, under, remaining);
          const gone = under.filter((index) => !left.has(index));
          under = under.filter((index) => left.has(index));
          this.#release(gone.map((index) => keys[index]!));
        },
      },
    );
    this.#settle(submission, indices.length, outcome);
    this.#release(under.map((index) => keys[index]!));
  }

  /** Events of these keys have ended: the next of each goes, those of one batch together. */
  #release(keys: readonly string[]): void {
    const next = new Map<Submission, number[]>();
    for (const key of keys) {
      const first = this.#busy.get(key)?.shift();
      if (first === undefined) {
        this.#busy.delete(key);
        continue;
      }
      const { submission, index } = first;
      const indices = next.get(submission);
      if (indices === undefined) next.set(submission, [index]);
      else indices.push(index);
    }
    for (const [submission, indices] of next) void this.#dispatch(submission, indices.sort((a, b) => a - b));
  }

  #withdraw(submission: Submission): void {
    let count = 0;
    for (const [key, waiting] of this.#busy) {
      const others = waiting.filter((event) => event.submission !== submission);
      count += waiting.length - others.length;
      this.#busy.set(key, others);
    }
    if (count > 0) {
      this.#settle(submission, count, { ...NOTHING_TO_DO, kind: "canceled", failed: count, reason: "canceled" });
    }
  }

  #settle(submission: Submission, count: number, outcome: Outcome): void {
    submission.sum = sumOutcomes(submission.sum, outcome);
    submission.left -= count;
    if (submission.left === 0) submission.signal.report(submission.sum);
  }
}

/** Which of `indices`, in order, are in `remaining`: a subset of them in the same order, compared by their bytes. */
function stillThere(batch: Batch, indices: readonly number[], remaining: readonly Batch[]): Set<number> {
  const left = new Set<number>();
  let at = indices.length - 1;
  for (const part of remaining.toReversed()) {
    for (let i = part.ends.length - 1; i >= 0; i--) {
      const event = eventBytes(part, i);
      // From the end, so that of equal events the later ones count as those that are left.
      while (at >= 0 && !equal(eventBytes(batch, indices[at]!), event)) at--;
      if (at >= 0) left.add(indices[at--]!);
    }
  }
  return left;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
