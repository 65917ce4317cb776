/** What the threads of the statsd source say to each other. */
import type { Batch } from "../metric/mod.ts";
import type { OutputConfig } from "../output/mod.ts";
import type { LogLevel } from "../telemetry/mod.ts";
import type { ListenAddress } from "./address.ts";
import type { StatsdConfig } from "./config.ts";
import type { CoreConfig, FlushReport } from "./core.ts";
import type { FlushConfig } from "./flush.ts";
import type { ForwardOutcome, ForwardParts } from "./forwarder.ts";
import type { HeartConfig, Interval, RefusedLine } from "./heart.ts";
import type { ImportRequestError } from "./import_body.ts";

/** Words of the memory that all threads share. */
export const Control = { epoch: 0, stop: 1, length: 2 } as const;

/** Memory that all threads share. */
export interface Shared {
  /** `Control.epoch` is raised at each flush; `Control.stop` set to 1 ends the readers. */
  readonly control: Int32Array<SharedArrayBuffer>;
  /** One word: the series of all threads. */
  readonly budget: Int32Array<SharedArrayBuffer>;
}

/** How long a reader waits for a datagram before it looks at the epoch again. */
export const RECEIVE_TIMEOUT_MS = 20;

/** What a reader is started with. */
export interface ReaderStart {
  readonly fd: number;
  readonly datagramBytes: number;
  readonly config: HeartConfig;
  readonly shared: Shared;
  readonly stats: Float64Array<SharedArrayBuffer>;
  /** Where its intervals go: to the aggregation worker. */
  readonly port: MessagePort;
  /** Refused lines are reported one by one. */
  readonly reportsRefused: boolean;
  /**
   * Datagrams bear the time of their receipt, which orders gauges; this, added to that Unix time, is the monotonic time of
   * all threads. Absent: a batch is as old as the call that brought it.
   */
  readonly stampsToMonotonicMs?: number;
}

/** What a reader hands to the aggregation worker. */
export interface ReaderInterval {
  readonly epoch: number;
  readonly interval: Interval;
}

/** What a reader tells the main thread. */
export type FromReader =
  | { readonly kind: "started" }
  | { readonly kind: "refused"; readonly refused: RefusedLine }
  | { readonly kind: "receiveError"; readonly message: string }
  | { readonly kind: "stopped" };

/** What the aggregation worker is started with. */
export interface AggregationStart extends CoreConfig {
  readonly statsd: StatsdConfig;
  readonly shared: Shared;
  readonly stats: Float64Array<SharedArrayBuffer>;
  readonly listen: readonly ListenAddress[];
  readonly ssfListen: readonly ListenAddress[];
  readonly reportsRefused: boolean;
}

/** What the main thread tells the aggregation worker. */
export type ToAggregation =
  | { readonly kind: "start"; readonly start: AggregationStart }
  | { readonly kind: "listen" }
  | { readonly kind: "reader"; readonly port: MessagePort }
  | { readonly kind: "flush"; readonly epoch: number; readonly timestamp: number }
  | { readonly kind: "reconfigure"; readonly flush: FlushConfig; readonly outputs: readonly OutputConfig[] }
  | { readonly kind: "taken"; readonly output: number }
  | { readonly kind: "import"; readonly id: number; readonly body: Uint8Array<ArrayBuffer>; readonly encoding: string }
  | { readonly kind: "forwarded"; readonly id: number; readonly outcome: ForwardOutcome | ForwardParts }
  | { readonly kind: "lines"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Stops the listeners, which first read what has arrived. */
  | { readonly kind: "stopListening" }
  | { readonly kind: "stop" };

/** What the aggregation worker tells the main thread. */
export type FromAggregation =
  | { readonly kind: "listening"; readonly addresses: readonly ListenAddress[] }
  | { readonly kind: "batch"; readonly output: number; readonly batch: Batch }
  | { readonly kind: "flushed"; readonly epoch: number; readonly report: FlushReport }
  | { readonly kind: "forward"; readonly id: number; readonly body: Uint8Array<ArrayBuffer>; readonly series: number }
  | { readonly kind: "imported"; readonly id: number; readonly error: ImportRequestError | undefined }
  | { readonly kind: "refused"; readonly refused: RefusedLine }
  | { readonly kind: "log"; readonly level: LogLevel; readonly message: string }
  | { readonly kind: "quiet" }
  | { readonly kind: "stopped" }
  /** `code` is the error's own, which an error does not keep on its way to another thread. */
  | { readonly kind: "failed"; readonly message: string; readonly code?: string }
  /** Batches that come from now on are those of the new outputs. */
  | { readonly kind: "reconfigured" };

/** Milliseconds that mean the same on every thread of the process, and never step back. */
export function sharedMonotonicMs(): number {
  return performance.timeOrigin + performance.now();
}
