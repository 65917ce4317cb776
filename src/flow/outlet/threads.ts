/** What a worker of the outlet and the main thread say to each other. */
import type { Column } from "../columns.ts";
import type { SavedState } from "../decode/saved_state.ts";
import type { ParcelPool } from "../inlet/parcel.ts";
import type { MetricChanges, RelayedLine } from "../relayed_metrics.ts";
import type { InsertOutcome, RowBlock } from "../store/mod.ts";
import type { FlowRate } from "./flow_rates.ts";
import type { FlushSignal } from "./scaler.ts";
import type { WorkerConfig } from "./worker.ts";

/** What the thread is started with. */
export interface OutletStart {
  readonly config: WorkerConfig;
  readonly columns: readonly Column[];
  readonly name: string;
  readonly clientId: string;
}

/** What the main thread tells the worker. */
export type ToOutlet =
  | { readonly kind: "start"; readonly start: OutletStart }
  /** A reader's parcels come by `port`; `control` is the readers' memory. */
  | {
    readonly kind: "reader";
    readonly port: MessagePort;
    readonly control: Int32Array<SharedArrayBuffer>;
    readonly pool: ParcelPool;
  }
  | { readonly kind: "inserted"; readonly id: number; readonly outcome: InsertOutcome }
  /** Undefined: the store did not answer. */
  | { readonly kind: "offsets"; readonly id: number; readonly offsets: ReadonlyMap<number, bigint> | undefined }
  | { readonly kind: "remembered"; readonly id: number }
  /** What another worker has learnt. */
  | { readonly kind: "learn"; readonly learned: SavedState }
  | { readonly kind: "flush"; readonly id: number }
  | { readonly kind: "stop" };

/** What the worker tells the main thread. */
export type FromOutlet =
  | { readonly kind: "started" }
  | { readonly kind: "log"; readonly line: RelayedLine }
  | { readonly kind: "metrics"; readonly changes: MetricChanges }
  | { readonly kind: "insert"; readonly id: number; readonly block: RowBlock }
  | { readonly kind: "withdraw"; readonly id: number }
  | { readonly kind: "offsets"; readonly id: number; readonly topic: string }
  | { readonly kind: "remember"; readonly id: number; readonly learned: SavedState }
  | { readonly kind: "rates"; readonly rates: readonly FlowRate[] }
  | { readonly kind: "batch"; readonly signal: FlushSignal }
  | { readonly kind: "flushed"; readonly id: number }
  | { readonly kind: "stopped"; readonly state: SavedState }
  | { readonly kind: "failed"; readonly message: string; readonly code?: string };
