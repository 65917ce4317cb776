import type { Clock, Running } from "../../clock/mod.ts";
import type { Batch } from "../../metric/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import type { DestinationClient, OutputConfig } from "../contract.ts";
import type { BreakerConfig } from "./breaker.ts";
import type { Condition } from "./condition.ts";
import type { Outcome, Receiver } from "./signal.ts";

/** What a mode needs of an output's settings, and what it may be told besides. */
export interface ModeConfig
  extends Pick<OutputConfig, "name" | "mode" | "timeoutMs" | "backoff" | "maxRetries" | "bulkMaxSize"> {
  /** Batches outstanding on one connection; 0 is one after the other. @default what the clients allow */
  readonly pipelining?: number;
  /** Whether transactions start small and grow, where there is pipelining. @default false */
  readonly slowStart?: boolean;
  /** How long sends under way may go on after `close()`. @default 0, balanced 5 s */
  readonly closeTimeoutMs?: number;
  /** A connection unused for longer is opened anew; 0: none is. @default 0 */
  readonly idleLimitMs?: number;
  /** Between two probes of a host that refuses its configuration. @default 30 s */
  readonly holdMs?: number;
  /** How long an asynchronous send may be kept alive without progress. @default 5 min */
  readonly progressTimeoutMs?: number;
  /** When a host is left alone; `null`: never. @default as `Breaker` has it */
  readonly breaker?: BreakerConfig | null;
  /** What is sent twice counts twice there: nothing is sent again after an ambiguous outcome. @default false */
  readonly countsRepeats?: boolean;
  /**
   * What keeps its order: nothing; events with equal keys, see `ModeDeps.keyOf`; or everything, one batch being outstanding
   * in total. @default "none"
   */
  readonly order?: "none" | "key" | "strict";
  /** Whether the events are counted here; not where whoever hands them in keeps the books, as a spool does. @default true */
  readonly countsEvents?: boolean;
}

/** What a mode is given. */
export interface ModeDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** In [0, 1): jitter, and which host is first. @default Math.random */
  readonly random?: () => number;
  /** The key of an event, where order is kept by key. */
  readonly keyOf?: (event: Uint8Array) => string;
}

/** A client and the host it speaks to; several may share one host. */
export interface HostClient<Client = DestinationClient> {
  readonly host: string;
  readonly client: Client;
}

/** How one batch is to be published. */
export interface PublishOptions {
  /** No number of attempts ends it: only delivery, cancellation and closing do. @default false */
  readonly guaranteed?: boolean;
  /**
   * Withdraws the batch; it then ends as `canceled`. If the signal's reason is a word, the batch's is the last failure, and
   * that word where there was none.
   */
  readonly signal?: AbortSignal;
  /** Told of the outcome too, before the promise resolves. */
  readonly receiver?: Receiver;
  /** Called once when a connection takes the batch: the moment to offer the next one. */
  readonly taken?: () => void;
  /** Called when events have left the batch and others remain: what is still to be sent, in order. */
  readonly progress?: (remaining: readonly Batch[]) => void;
}

/**
 * One way of delivering over one or several connections. Disposing is closing with the mode's own patience.
 *
 * @example A batch to one host
 * ```ts
 * import assert from "node:assert/strict";
 * import { realClock } from "@limier/limier/clock";
 * import { BatchBuilder } from "@limier/limier/metric";
 * import { type DestinationClient, startMode } from "@limier/limier/output";
 * import { recordingReporter } from "@limier/limier/telemetry";
 *
 * const client: DestinationClient = {
 *   isConnected: true,
 *   connect: () => Promise.resolve(),
 *   publish: () => Promise.resolve({ remaining: null }),
 *   close: () => Promise.resolve(),
 * };
 * const config = {
 *   name: "out",
 *   mode: "single",
 *   timeoutMs: 30_000,
 *   backoff: { initMs: 1_000, maxMs: 60_000 },
 *   maxRetries: 3,
 *   bulkMaxSize: 0,
 * } as const;
 * await using mode = startMode(config, [{ host: "a:1", client }], { clock: realClock, reporter: recordingReporter() });
 * const builder = new BatchBuilder("points", 1700000010);
 * builder.appendText("event");
 * builder.endEvent();
 * assert.equal((await mode.publish(builder.build())).acked, 1);
 * ```
 */
export interface Mode extends Running {
  /** How it is doing at this moment. */
  readonly condition: Condition;
  /**
   * Delivers a batch. Never rejects, and settles exactly once.
   *
   * @throws {TypeError} at once, without any signal, when `batch` is none
   */
  publish(batch: Batch, options?: PublishOptions): Promise<Outcome>;
  /**
   * Takes no more, ends all waiting, lets sends under way go on for `timeoutMs`, and then ends them. When it resolves,
   * every batch has been signalled and every connection is closed. Closing again joins the close under way.
   */
  close(timeoutMs?: number): Promise<void>;
}
