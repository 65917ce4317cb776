/** The inlet's way to Kafka: a thread that compresses and sends, or the caller's. */
import type { Clock, Running } from "../../clock/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import type { FlowKafkaConfig } from "../kafka_config.ts";
import { MetricsOfThreads } from "../relayed_metrics.ts";
import type { InletSink } from "./inlet.ts";
import { startKafkaSender } from "./kafka_sender.ts";
import { PortSink } from "./port_sink.ts";
import type { Connect } from "./threads.ts";
import type { FromSender, ToSender } from "./sender_worker.ts";

/** What it is given. */
export interface InletKafkaDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly threads: boolean;
  readonly clientId: string;
  readonly maxExporters: number;
}

/** A running way. Disposing, once the inlet has ended, sends what is left. */
export interface InletKafka extends Running {
  readonly sink: InletSink;
}

/** Starts it. @throws {KafkaError} `kafka.tls` when a file can't be read */
export async function startInletKafka(config: FlowKafkaConfig, deps: InletKafkaDeps): Promise<InletKafka> {
  const { clock, reporter, clientId, maxExporters } = deps;
  if (!deps.threads) {
    const sender = startKafkaSender(config, { clock, reporter, clientId, maxExporters });
    return {
      sink: { take: (parcel) => sender.take(parcel) },
      done: sender.done,
      [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
    };
  }
  const metrics = new MetricsOfThreads(reporter.metrics);
  const started = Promise.withResolvers<void>(), stopped = Promise.withResolvers<void>();
  stopped.promise.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
  const worker = new Worker(new URL("./sender_worker.ts", import.meta.url), { type: "module" });
  const tell = (message: ToSender, transfer: Transferable[] = []) => worker.postMessage(message, transfer);
  const fail = (error: Error) => {
    started.reject(error);
    stopped.reject(error);
    worker.terminate();
  };
  worker.onerror = (event) => {
    event.preventDefault(); // or the runtime ends the process before anyone could report
    fail(event.error instanceof Error ? event.error : new Error(event.message));
  };
  worker.onmessage = ({ data }: MessageEvent<FromSender>) => {
    switch (data.kind) {
      case "started":
        return started.resolve();
      case "log":
        return reporter[data.line.level](data.line.message, data.line.fields);
      case "metrics":
        return metrics.take("inlet", data.changes);
      case "stopped":
        return stopped.resolve();
      case "failed":
        return fail(new Error(data.message));
    }
  };
  tell({ kind: "start", kafka: config, clientId, maxExporters });
  await started.promise;
  const connect: Connect = (port, control, pool) => tell({ kind: "reader", port, control, pool }, [port]);
  const own = new PortSink(connect, config.queueSize);
  let stopping: Promise<void> | undefined;
  return {
    sink: { take: (parcel) => own.take(parcel), connect },
    done: stopped.promise,
    [Symbol.asyncDispose]() {
      return stopping ??= (async () => {
        own.end();
        tell({ kind: "stop" });
        await stopped.promise.catch(() => {}); // told by `done`
      })();
    },
  };
}
