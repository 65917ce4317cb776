import { type Batch, sliceBatch } from "../../metric/mod.ts";
import type { DeliveryError, PublishResult, Rejection } from "../contract.ts";
import { Attempts } from "./attempts.ts";
import type { Books } from "./books.ts";
import { reasonOf } from "./failures.ts";
import type { PublishOptions } from "./mode.ts";
import { type Outcome, Signal } from "./signal.ts";

/** What one publish did to a batch, in events. */
export interface Gone {
  readonly acked: number;
  /** Acknowledged, known before, or rejected. */
  readonly all: number;
}

/**
 * One batch on its way: the parts of it that are still to be delivered, in order, what became of the rest, and its one
 * signal. Events leave it by the part they were sent in, never by a count from its front.
 */
export class Flight {
  readonly signal: Signal;
  readonly attempts: Attempts;
  readonly guaranteed: boolean;
  readonly withdrawn: AbortSignal | undefined;
  /** The last failure; what it is given up for, if it is. */
  lastError: DeliveryError | undefined;
  readonly #books: Books;
  readonly #options: PublishOptions;
  readonly #acceptedMs: number;
  #parts: Batch[];
  #taken = false;
  /** Whether events left it since the last failed attempt. */
  #moved = false;
  #acked = 0;
  #duplicate = 0;
  #rejected = 0;
  readonly #rejections: Rejection[] = [];
  #lost = 0;
  #lostReason = "";
  #cuts = 0;

  constructor(batch: Batch, options: PublishOptions, maxAttempts: number, books: Books) {
    this.#books = books;
    this.#options = options;
    this.#parts = [batch];
    this.guaranteed = options.guaranteed ?? false;
    this.withdrawn = options.signal;
    this.attempts = new Attempts(this.guaranteed ? 0 : maxAttempts);
    this.signal = new Signal(options.receiver, books);
    this.#acceptedMs = books.monotonic();
  }

  /** What is still to be delivered, in order. */
  get parts(): readonly Batch[] {
    return this.#parts;
  }

  /** Events still to be delivered. */
  get left(): number {
    return this.#parts.reduce((sum, part) => sum + part.ends.length, 0);
  }

  /** Whether nothing is left to send. */
  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  get isOver(): boolean {
    return this.signal.reported;
  }

  get isWithdrawn(): boolean {
    return this.withdrawn?.aborted ?? false;
  }

  /** How often it was cut because the destination refused a part as a whole. */
  get cuts(): number {
    return this.#cuts;
  }

  /**
   * An attempt failed: it costs one, unless events left the batch since the last one did.
   *
   * @param free whether it costs nothing at all
   * @returns whether it was the last one allowed
   */
  failAttempt(free: boolean): boolean {
    const progress = this.#moved;
    this.#moved = false;
    return (progress || !free) && this.attempts.fail(progress);
  }

  /** A connection took it. */
  take(): void {
    if (this.#taken) return;
    this.#taken = true;
    const { taken } = this.#options;
    if (taken !== undefined) this.#tell(taken);
  }

  /** Takes what `result` says of `part` off the batch; the result is trusted as far as `checkResult()` goes. */
  apply(part: Batch, result: PublishResult): Gone {
    const at = this.#parts.indexOf(part);
    if (at < 0 || this.isOver) return { acked: 0, all: 0 };
    const { remaining, rejected = [], duplicate = 0, error } = result;
    const left = remaining === null ? 0 : remaining.ends.length;
    const all = part.ends.length - left;
    let refused = 0;
    for (const { reason, count } of rejected) {
      const counted = Math.min(count, all - refused);
      refused += counted;
      if (counted === 0) continue;
      this.#books.reject(reason, counted, error);
      this.#rejections.push({ reason, count: counted });
    }
    const known = Math.min(duplicate, all - refused);
    const acked = all - refused - known;
    if (remaining !== null && left > 0) this.#parts[at] = remaining;
    else this.#parts.splice(at, 1);
    this.#acked += acked;
    this.#duplicate += known;
    this.#rejected += refused;
    const bytes = part.bytes.length - (left > 0 ? remaining!.bytes.length : 0);
    if (all > 0) {
      this.#moved = true;
      this.#books.gone(acked, known, refused, bytes);
      const { progress } = this.#options;
      const parts = this.#parts.slice();
      if (progress !== undefined && parts.length > 0) this.#tell(() => progress(parts));
    }
    return { acked: acked + known, all };
  }

  /** Cuts `part` in two, the first with `count` events, and returns that one. */
  cut(part: Batch, count: number): Batch {
    const at = this.#parts.indexOf(part);
    const head = sliceBatch(part, 0, count);
    if (at >= 0) this.#parts.splice(at, 1, head, sliceBatch(part, count, part.ends.length));
    return head;
  }

  /** Cuts `part` in halves, because the destination refused it as a whole. */
  halve(part: Batch): void {
    this.#cuts++;
    this.#books.split();
    this.cut(part, Math.ceil(part.ends.length / 2));
  }

  /** The destination will never take `part`. */
  reject(part: Batch, error: DeliveryError): void {
    const reason = error.failure === "too_large" ? "too_large" : reasonOf(error);
    this.apply(part, { remaining: null, rejected: [{ reason, count: part.ends.length }], error });
  }

  /** Gives `part` up, and nothing else: what became of it is unknown and it must not be sent twice. */
  lose(part: Batch, error: DeliveryError): void {
    const at = this.#parts.indexOf(part);
    if (at < 0 || this.isOver) return;
    this.#parts.splice(at, 1);
    this.#lost += part.ends.length;
    this.#lostReason = reasonOf(error);
    this.#books.drop(this.#lostReason, part.ends.length, part.bytes.length, error);
  }

  /** Ends a batch of which nothing is left to send. */
  complete(): void {
    if (this.#lost === 0) this.#end({ kind: "completed" });
    else this.#end({ kind: "failed", reason: this.#lostReason });
  }

  /** Gives up what is left, for `reason` or for the last failure. */
  fail(reason?: string): void {
    const { lastError } = this;
    this.#end({ kind: "failed", reason: reason ?? (lastError === undefined ? "unknown" : reasonOf(lastError)) });
  }

  /** Ends it as withdrawn; where the submitter says why, by what kept it from being delivered until then. */
  cancel(): void {
    const why: unknown = this.withdrawn?.reason;
    const { lastError } = this;
    const reason = typeof why !== "string" ? "canceled" : lastError === undefined ? why : reasonOf(lastError);
    this.#end({ kind: "canceled", reason });
  }

  /** Calls back from a microtask: what a submitter does there, or throws, is its own affair. */
  #tell(callback: () => void): void {
    queueMicrotask(() => {
      try {
        callback();
      } catch (error) {
        this.#books.receiverFailed(error);
      }
    });
  }

  #end(how: Pick<Outcome, "kind" | "reason">): void {
    if (this.isOver) return this.#books.duplicateReport();
    const { left, lastError } = this;
    if (left > 0) {
      const bytes = this.#parts.reduce((sum, part) => sum + part.bytes.length, 0);
      this.#books.drop(how.reason ?? "unknown", left, bytes, lastError);
    }
    this.#parts = [];
    this.#books.end(how.kind, this.#acceptedMs);
    this.signal.report({
      ...how,
      acked: this.#acked,
      duplicate: this.#duplicate,
      rejected: this.#rejected,
      failed: left + this.#lost,
      ...(this.#rejections.length === 0 ? {} : { rejections: this.#rejections }),
      ...(how.kind === "completed" || lastError === undefined ? {} : { cause: lastError }),
    });
  }
}
