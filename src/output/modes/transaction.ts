import type { Clock } from "../../clock/mod.ts";
import { type Batch, sliceBatch } from "../../metric/mod.ts";
import { DeliveryError, type PublishResult } from "../contract.ts";
import type { AsyncClient } from "./async_client.ts";
import type { Books } from "./books.ts";
import { asDeliveryError, noProgress } from "./failures.ts";
import { checkResult, overdue } from "./link.ts";

/** What transactions are made with. */
export interface TransactionContext {
  readonly output: string;
  readonly clock: Clock;
  readonly books: Books;
  /** Without a sign of life; 0: no limit. */
  readonly timeoutMs: number;
  /** Without progress, however alive the destination is. */
  readonly progressTimeoutMs: number;
}

/**
 * One send that was begun and not reported yet. It ends once: by its report, by its deadlines, or by `fail()`. What is
 * reported of it later is never credited to another one, because every report is of one transaction.
 */
export class Transaction {
  readonly part: Batch;
  readonly startMs: number;
  readonly #context: TransactionContext;
  readonly #ended: (result: PublishResult, why: "reported" | "timeout" | "protocol") => void;
  readonly #over = new AbortController();
  readonly #stop = new AbortController();
  #isOver = false;
  #taken = 0;
  #readDueMs = Infinity;
  #progressDueMs = Infinity;

  /** @param ended told of the end, once */
  constructor(
    part: Batch,
    context: TransactionContext,
    ended: (result: PublishResult, why: "reported" | "timeout" | "protocol") => void,
  ) {
    this.part = part;
    this.#context = context;
    this.#ended = ended;
    this.startMs = context.clock.monotonic();
  }

  /** Events of it that the destination said it has taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Begins the send. @returns why it could not begin; it is over then, and `ended` is not told */
  begin(client: AsyncClient): DeliveryError | undefined {
    let refused: DeliveryError | undefined;
    try {
      refused = client.send(
        this.part,
        { progress: (events) => this.#progress(events), done: (result) => this.#report(result) },
        this.#stop.signal,
      );
    } catch (error) {
      refused = asDeliveryError(error, this.#context.output, "ambiguous");
    }
    if (this.#isOver) { // it reported at once; an error returned besides is the second report
      if (refused !== undefined) this.#context.books.duplicateReport();
      return undefined;
    }
    if (refused !== undefined) {
      this.#close();
      return refused;
    }
    void this.#watch();
    return undefined;
  }

  /** Ends it from outside, as when its connection is closed. */
  fail(error: DeliveryError): void {
    if (this.#isOver) return;
    this.#stop.abort();
    this.#end({ remaining: this.part, error }, "reported");
  }

  #report(result: PublishResult): void {
    if (this.#isOver) {
      // That a send which was given up comes back as failed is no news; that it succeeded after all is.
      if (!this.#stop.signal.aborted || result.error === undefined) this.#context.books.duplicateReport();
      return;
    }
    this.#end(checkResult(result, this.part, this.#context.output), "reported");
  }

  #progress(events: number): void {
    if (this.#isOver) return this.#context.books.duplicateReport();
    if (!Number.isInteger(events) || events < this.#taken || events > this.part.ends.length) {
      const why = `it acknowledged ${events} of ${this.part.ends.length} events after ${this.#taken}`;
      const message = `Cannot deliver to output ${this.#context.output}: ${why}`;
      const error = new DeliveryError("ambiguous", message, { label: "protocol" });
      return this.#end({ remaining: this.part, error }, "protocol");
    }
    const nowMs = this.#context.clock.monotonic();
    this.#readDueMs = nowMs + this.#readMs();
    if (events > this.#taken) this.#progressDueMs = nowMs + this.#context.progressTimeoutMs;
    this.#taken = events;
  }

  async #watch(): Promise<void> {
    const { clock, output } = this.#context;
    this.#readDueMs = this.startMs + this.#readMs();
    this.#progressDueMs = this.startMs + this.#context.progressTimeoutMs;
    for (;;) {
      const waitMs = Math.min(this.#readDueMs, this.#progressDueMs) - clock.monotonic();
      if (waitMs <= 0) break;
      await clock.sleep(waitMs, this.#over.signal);
      if (this.#isOver) return;
    }
    this.#stop.abort();
    this.#end({ remaining: this.part, error: overdue(output, true) }, "timeout");
  }

  #readMs(): number {
    return this.#context.timeoutMs > 0 ? this.#context.timeoutMs : Infinity;
  }

  #end(result: PublishResult, why: "reported" | "timeout" | "protocol"): void {
    this.#close();
    this.#ended(this.#credit(result), why);
  }

  /** What was acknowledged before the send failed leaves the batch, by its place in this part of it. */
  #credit(result: PublishResult): PublishResult {
    const { remaining } = result;
    if (remaining !== this.part || this.#taken === 0) return result;
    const count = this.part.ends.length;
    if (this.#taken === count) return { remaining: null };
    return {
      ...result,
      error: result.error ?? noProgress(this.#context.output),
      remaining: sliceBatch(this.part, this.#taken, count),
    };
  }

  #close(): void {
    this.#isOver = true;
    this.#over.abort();
  }
}
