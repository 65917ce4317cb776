import type { DeliveryError, Rejection } from "../contract.ts";

/**
 * How a batch ended. `completed`: none of its events will be sent again. `failed`: given up, `failed` events are not known
 * to be delivered. `canceled`: the submitter withdrew, and what became of the rest is not known.
 */
export interface Outcome {
  readonly kind: "completed" | "failed" | "canceled";
  /** Events the destination took. */
  readonly acked: number;
  /** Events the destination had already. */
  readonly duplicate: number;
  /** Events the destination will never take. */
  readonly rejected: number;
  /** Why, in the order in which it happened; absent where nothing was rejected. */
  readonly rejections?: readonly Rejection[];
  /** Events given up or withdrawn; 0 when completed. */
  readonly failed: number;
  /** Why events failed, one word: `closed`, `canceled`, `no_connection`, an HTTP status, a failure's kind or label. */
  readonly reason?: string;
  /** The last failure before the batch was given up. */
  readonly cause?: DeliveryError;
}

/** Whoever wants to be told how a batch ended. */
export type Receiver = (outcome: Outcome) => void;

/** Told of what signals do beside their work, to be counted. */
export interface SignalWatch {
  /** One signal was given. */
  signalled?(kind: Outcome["kind"]): void;
  /** A report after the first one was left out. */
  duplicateReport?(): void;
  /** A receiver threw. */
  receiverFailed?(error: unknown): void;
}

/** The outcome of a batch without events. */
export const NOTHING_TO_DO: Outcome = { kind: "completed", acked: 0, duplicate: 0, rejected: 0, failed: 0 };

/**
 * The one signal of one batch: the first report wins, later ones are counted. The receiver is called from a microtask,
 * never from inside `report()`, and what it throws is counted and changes nothing.
 */
export class Signal {
  /** Resolves once the receiver was called. */
  readonly settled: Promise<Outcome>;
  readonly #receiver: Receiver | undefined;
  readonly #watch: SignalWatch;
  readonly #resolve: (outcome: Outcome) => void;
  #reported = false;

  constructor(receiver?: Receiver, watch: SignalWatch = {}) {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.settled = promise;
    this.#resolve = resolve;
    this.#receiver = receiver;
    this.#watch = watch;
  }

  /** Whether the batch has ended. */
  get reported(): boolean {
    return this.#reported;
  }

  /** Ends the batch; false when it had ended before. */
  report(outcome: Outcome): boolean {
    if (this.#reported) {
      this.#watch.duplicateReport?.();
      return false;
    }
    this.#reported = true;
    this.#watch.signalled?.(outcome.kind);
    if (this.#receiver === undefined) {
      this.#resolve(outcome);
      return true;
    }
    queueMicrotask(() => {
      tell(this.#receiver, outcome, this.#watch);
      this.#resolve(outcome);
    });
    return true;
  }
}

/** What the `n` parts of a split batch report to. */
export interface SplitSignal {
  /** One part has ended. */
  readonly report: Receiver;
  /** The parts that were never sent have failed, with `events` events among them. */
  failRest(events: number, reason: string, cause?: DeliveryError): void;
}

/**
 * Makes one signal out of those of `parts` parts: counts are summed, canceled wins over failed wins over completed. No
 * parts at all are completed at once.
 */
export function splitSignal(receiver: Receiver | undefined, parts: number, watch: SignalWatch = {}): SplitSignal {
  const signal = new Signal(receiver, watch);
  let left = parts;
  let sum = NOTHING_TO_DO;
  const add = (outcome: Outcome, ended: number) => {
    if (left === 0) return void watch.duplicateReport?.();
    sum = sumOutcomes(sum, outcome);
    left -= ended;
    if (left === 0) signal.report(sum);
  };
  if (parts === 0) signal.report(NOTHING_TO_DO);
  return {
    report: (outcome) => add(outcome, 1),
    failRest: (events, reason, cause) => {
      const why = cause === undefined ? { reason } : { reason, cause };
      if (left > 0) add({ ...NOTHING_TO_DO, kind: "failed", failed: events, ...why }, left);
    },
  };
}

/** Gives one outcome to several receivers; absent ones are skipped, and one that throws keeps it from no other. */
export function combineSignals(receivers: readonly (Receiver | undefined)[], watch: SignalWatch = {}): Receiver {
  return (outcome) => {
    for (const receiver of receivers) tell(receiver, outcome, watch);
  };
}

/** A receiver whose outcomes are all `canceled` once `cancel()` was called. */
export function cancelableSignal(receiver: Receiver | undefined): { readonly receiver: Receiver; cancel(): void } {
  let canceled = false;
  return {
    receiver: (outcome) => receiver?.(canceled ? { ...outcome, kind: "canceled" } : outcome),
    cancel: () => void (canceled = true),
  };
}

const RANK = { completed: 0, failed: 1, canceled: 2 };

/** Two parts' outcomes as one: the worse kind, all counts, and the reason of the part that was worse (or later). */
export function sumOutcomes(a: Outcome, b: Outcome): Outcome {
  const worse = RANK[b.kind] >= RANK[a.kind] ? b : a;
  return {
    ...worse,
    acked: a.acked + b.acked,
    duplicate: a.duplicate + b.duplicate,
    rejected: a.rejected + b.rejected,
    failed: a.failed + b.failed,
    ...(a.rejections === undefined && b.rejections === undefined
      ? {}
      : { rejections: [...a.rejections ?? [], ...b.rejections ?? []] }),
  };
}

function tell(receiver: Receiver | undefined, outcome: Outcome, watch: SignalWatch): void {
  try {
    const returned: unknown = receiver?.(outcome);
    // An async function is a receiver too, as far as types go; its rejection must not end the process.
    if (returned instanceof Promise) returned.catch((error) => watch.receiverFailed?.(error));
  } catch (error) {
    watch.receiverFailed?.(error);
  }
}
