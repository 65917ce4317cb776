/// <reference lib="deno.worker" />
/** A thread that hands the readers' datagrams to Kafka. */
import { realClock } from "../../clock/mod.ts";
import type { FlowKafkaConfig } from "../kafka_config.ts";
import { type MetricChanges, type RelayedLine, RelayedRegistry, relayedReporter } from "../relayed_metrics.ts";
import { type KafkaSender, startKafkaSender } from "./kafka_sender.ts";
import type { ParcelPool } from "./parcel.ts";
import { ParcelPorts } from "./parcel_ports.ts";

/** What the main thread tells it. */
export type ToSender =
  | {
    readonly kind: "start";
    readonly kafka: FlowKafkaConfig;
    readonly clientId: string;
    readonly maxExporters: number;
  }
  | {
    readonly kind: "reader";
    readonly port: MessagePort;
    readonly control: Int32Array<SharedArrayBuffer>;
    readonly pool: ParcelPool;
  }
  | { readonly kind: "stop" };

/** What it tells the main thread. */
export type FromSender =
  | { readonly kind: "started" }
  | { readonly kind: "log"; readonly line: RelayedLine }
  | { readonly kind: "metrics"; readonly changes: MetricChanges }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly message: string };

const METRICS_MS = 500;
const LAST_PARCELS_MS = 10_000;
const metrics = new RelayedRegistry();
let sender: KafkaSender | undefined;
let ports: ParcelPorts | undefined;
let telling: ReturnType<typeof setInterval> | undefined;

function tell(message: FromSender): void {
  self.postMessage(message);
}

function tellMetrics(): void {
  const changes = metrics.changes();
  if (changes !== undefined) tell({ kind: "metrics", changes });
}

async function stop(): Promise<void> {
  // What readers had may take as long as the brokers need, up to a bound; the sender then gives up what is left.
  const ended = ports?.ended();
  const limit = new AbortController();
  await Promise.race([ended, realClock.sleep(LAST_PARCELS_MS, limit.signal)]);
  limit.abort();
  await sender?.[Symbol.asyncDispose]();
  await ended;
  clearInterval(telling);
  tellMetrics();
  tell({ kind: "stopped" });
  self.close();
}

self.onmessage = ({ data }: MessageEvent<ToSender>) => {
  switch (data.kind) {
    case "start": {
      const reporter = relayedReporter(metrics, (line) => tell({ kind: "log", line }));
      const { clientId, maxExporters } = data;
      try {
        const started = sender = startKafkaSender(data.kafka, { clock: realClock, reporter, clientId, maxExporters });
        ports = new ParcelPorts((parcel) => started.take(parcel));
        telling = setInterval(tellMetrics, METRICS_MS);
        tell({ kind: "started" });
      } catch (error) {
        tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
      }
      break;
    }
    case "reader":
      ports?.connect(data.port, data.control, data.pool);
      break;
    case "stop":
      stop().catch((error) =>
        tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) })
      );
  }
};
