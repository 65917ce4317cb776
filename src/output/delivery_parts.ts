import type { Clock, Running } from "../clock/mod.ts";
import type { Batch, BatchKind } from "../metric/mod.ts";
import type { OutputConfig } from "./contract.ts";
import type { Mode } from "./modes/mode.ts";
import type { Outcome as ModeOutcome } from "./modes/signal.ts";

/** How a batch ended, in events. */
export interface Outcome {
  readonly delivered: number;
  /** Refused for good by the destination. */
  readonly rejected: number;
  /** Given up. */
  readonly failed: number;
  /** Kept on the disk, to be delivered later; absent where there is no spool. */
  readonly stored?: number;
  /** Why events failed, the same word that labels the counter: an HTTP status, `connection`, `deadline`, `queue_full`, … */
  readonly cause?: string;
}

/** What waits to be sent in memory, at most. */
export interface QueueLimits {
  readonly batches: number;
  readonly bytes: number;
}

/**
 * An output that takes batches. Disposing stops taking, lets accepted batches end, and fails those that take too long; what
 * is on the disk stays there.
 */
export interface Output extends Running {
  readonly name: string;
  /**
   * Takes a batch. Never rejects, and settles exactly once: with a spool when the batch is stored; else when it has ended,
   * because it was delivered, `deadline` aborted (its reason, if it is a word, is the cause), or the output was closed.
   */
  offer(batch: Batch, deadline?: AbortSignal): Promise<Outcome>;
  /** What the destination shows by itself, where it does: the text of an HTTP page. */
  page(): string | undefined;
}

/** What both kinds of delivery are made of: over a spool, and without one. */
export interface DeliveryParts {
  readonly config: OutputConfig;
  readonly mode: Mode;
  readonly clock: Clock;
  /** How long disposing lets batches end, in milliseconds. */
  readonly drainMs: number;
  readonly page: () => string | undefined;
  readonly onEnd: (kind: BatchKind, outcome: Outcome) => void;
}

/** What a mode says of a batch, as an output says it. */
export function outcomeOf({ acked, duplicate, rejected, failed, reason }: ModeOutcome): Outcome {
  const cause = failed > 0 && reason !== undefined ? { cause: reason } : {};
  return { delivered: acked + duplicate, rejected, failed, ...cause };
}
