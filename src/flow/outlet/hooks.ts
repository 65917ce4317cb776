/** What the outlet and its workers are given, wherever they run. */
import type { Clock, Running } from "../../clock/mod.ts";
import type { Meter } from "../../metric/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import type { InletSink } from "../inlet/inlet.ts";
import type { MetricsOfThreads } from "../relayed_metrics.ts";
import type { FlowStore } from "../store/mod.ts";
import type { FlowRate } from "./flow_rates.ts";
import type { Knowledge } from "./knowledge.ts";
import type { FlushSignal } from "./scaler.ts";

/** What the outlet is given. */
export interface OutletDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly store: Pick<FlowStore, "insert" | "storedOffsets" | "query" | "schema">;
  /** Workers get threads. */
  readonly threads: boolean;
  /** What brokers call us. */
  readonly clientId: string;
  /** Datagrams of inputs of the main thread that may wait. */
  readonly queueSize: number;
  readonly meter?: Meter | undefined;
}

/** One worker, wherever it runs. */
export interface OutletWorker extends Running {
  readonly sink: InletSink | undefined;
  flush(): Promise<void>;
}

/** How a worker is hooked up. */
export interface WorkerHooks extends Omit<OutletDeps, "meter"> {
  readonly name: string;
  readonly metrics: MetricsOfThreads;
  readonly onRates: (rates: readonly FlowRate[]) => void;
  readonly onFlushed: (signal: FlushSignal) => void;
  readonly knowledge: Pick<Knowledge, "join" | "leave" | "take" | "caughtUp">;
}
