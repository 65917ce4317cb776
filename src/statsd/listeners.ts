/** All of the listeners that share the aggregation thread: streams, SSF, and datagrams where FFI does not receive them. */
import { realClock } from "../clock/mod.ts";
import type { LogLevel } from "../telemetry/mod.ts";
import type { ListenAddress } from "./address.ts";
import type { StatsdConfig } from "./config.ts";
import type { AggregationCore } from "./core.ts";
import { startDatagramListener } from "./datagram_listener.ts";
import { planGrpc, startGrpcListener } from "./grpc_listener.ts";
import { startSsfListener } from "./ssf_listener.ts";
import { newConnectionLimit } from "./stream_limit.ts";
import { startStreamListener } from "./stream_listener.ts";
import { readTlsSettings } from "./stream_tls.ts";
import { sharedMonotonicMs } from "./threads.ts";

/** Listeners that were started together. */
export interface Listeners extends AsyncDisposable {
  /** Where they listen, with the ports they got; those of DogStatsD first. */
  readonly addresses: readonly ListenAddress[];
}

/** What is to be listened on. */
export interface ListenersConfig {
  readonly statsd: StatsdConfig;
  readonly listen: readonly ListenAddress[];
  readonly ssfListen: readonly ListenAddress[];
}

/**
 * Starts all listeners, or none.
 *
 * @throws {SystemError} and others when an address can't be bound
 */
export async function startListeners(
  { statsd, listen, ssfListen }: ListenersConfig,
  core: AggregationCore,
  log: (level: LogLevel, message: string) => void,
): Promise<Listeners> {
  const { heart } = core;
  const tls = readTlsSettings(statsd);
  const stream = {
    idleTimeoutMs: statsd.tcpIdleTimeoutMs,
    tls,
    metricMaxLength: statsd.metricMaxLength,
    traceMaxLengthBytes: statsd.traceMaxLengthBytes,
  };
  const deps = { clock: realClock, limit: newConnectionLimit(statsd.maxConnections, log), log, stats: heart.stats };
  const grpc = planGrpc(statsd.grpcListen, statsd.grpcImport);
  if ([...listen, ...grpc.map(({ address }) => address)].some(({ transport }) => transport === "tcp")) {
    log("info", `TCP clients are ${tls.mode}`);
  }
  await using started = new AsyncDisposableStack();
  const addresses: ListenAddress[] = [];
  for (const address of listen) {
    const isDatagram = address.transport === "udp" || address.transport === "unixgram";
    const listener = started.use(
      isDatagram
        ? startDatagramListener(address, heart, (error) => log("warn", `Cannot receive: ${error}`))
        : await startStreamListener(address, stream, { ...deps, heart }),
    );
    addresses.push(listener.address);
  }
  for (const address of ssfListen) {
    const listener = started.use(
      await startSsfListener(address, stream, {
        ...deps,
        onSpan: (span, format) => {
          heart.setTime(Date.now(), sharedMonotonicMs());
          core.spans.ingest(span, format);
        },
      }),
    );
    addresses.push(listener.address);
  }
  for (const one of grpc) {
    const listener = started.use(await startGrpcListener(one, stream, deps, core));
    addresses.push(listener.address);
  }
  const all = started.move();
  return { addresses, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
