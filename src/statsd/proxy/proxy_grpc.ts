/** `forwardrpc.Forward` of the proxy: series in over gRPC. */
import type { Clock, Running } from "../../clock/mod.ts";
import { Code, type GrpcMethods, healthMethods, startGrpcServer } from "../../grpc/mod.ts";
import { newLogSampler, type Reporter } from "../../telemetry/mod.ts";
import { formatAddress, parseListenAddress } from "../address.ts";
import { FORWARD_PATHS, forwardMethods } from "../grpc_forward_service.ts";
import { untilQuiet, untilStreamsQuiet } from "../stream_drain.ts";
import { ConnectionLimit } from "../stream_limit.ts";
import { listenOn } from "../stream_socket.ts";
import { readTlsSettings, type TlsKeys } from "../stream_tls.ts";
import type { ProxyConfig } from "./config.ts";
import type { IngestProtocol, ProxyMetrics } from "./metrics.ts";
import type { Proxy } from "./proxy.ts";

/** A listener. Disposing takes in what has arrived. */
export interface ProxyGrpc extends Running {
  /** `grpc://host:port`, with the port it got. */
  readonly address: string;
}

/** What the listener is given. */
export interface ProxyGrpcDeps {
  /** The proxy in force, which a reload replaces. */
  readonly current: () => Pick<Proxy, "takeMetric" | "isAccepting">;
  readonly metrics: ProxyMetrics;
  readonly clock: Clock;
  readonly reporter: Reporter;
}

/** A connection on which nothing came for so long is closed. */
const IDLE_MS = 600_000;
/** Connections at a time. */
const MOST_CONNECTIONS = 10_000;

/** The name by which Veneur's probes ask for its health. */
const HEALTH_NAME = "veneur";

const PROTOCOLS: readonly (readonly [path: string, protocol: IngestProtocol])[] = [
  [FORWARD_PATHS.list, "grpc-single"],
  [FORWARD_PATHS.stream, "grpc-stream"],
];

/**
 * Listens for imports over gRPC.
 *
 * @param config where, `host:port` or `:port`, and with which certificates
 * @throws {RangeError} for an address that is none
 * @throws {TlsSettingError} when a certificate can't be used
 * @throws {SystemError} such as EADDRINUSE
 */
export async function startProxyGrpc(
  config: Pick<ProxyConfig, "grpcAddress"> & TlsKeys,
  deps: ProxyGrpcDeps,
): Promise<ProxyGrpc> {
  const { clock, metrics, reporter } = deps;
  const { grpcAddress: hostPort } = config;
  const { mode, key, cert, ca } = readTlsSettings(config);
  const address = parseListenAddress(`tcp://${hostPort}`);
  if (address === undefined) throw new RangeError(`Cannot listen for gRPC on ${hostPort}: write host:port`);
  const sampled = newLogSampler(reporter, clock).sampled("grpc");
  let bound = hostPort;
  const running = await startGrpcServer(
    { ...healthMethods([HEALTH_NAME]), ...importMethods(deps) },
    { idleTimeoutMs: IDLE_MS, ...mode === "unencrypted" ? {} : { tls: { key, cert, ca } } },
    {
      async listen(server) {
        const { address: real, release } = await listenOn(server, address);
        bound = formatAddress({ ...real, over: "grpc" });
        return { release };
      },
      clock,
      untilQuiet: (events, of) => of === "connections" ? untilQuiet(events) : untilStreamsQuiet(events),
      limit: new ConnectionLimit(MOST_CONNECTIONS, (level, message) => reporter[level](message)),
      log: (level, message) => sampled[level](message),
      observe: {
        ended(path, { code }) {
          const protocol = PROTOCOLS.find(([one]) => one === path)?.[1];
          if (protocol === undefined) return;
          if (code === Code.OK) metrics.taken(protocol);
          else metrics.refused(protocol, code === Code.INTERNAL ? "protobuf" : "call");
        },
      },
    },
  );
  return { address: bound, done: running.done, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

/** The methods of the service, each told apart by what it is counted under. */
function importMethods({ current }: ProxyGrpcDeps): GrpcMethods {
  return Object.fromEntries(PROTOCOLS.map(([path, protocol]) => {
    const methods = forwardMethods({
      metric: (bytes) => current().takeMetric(protocol, bytes),
      malformed: () => {}, // its call ends as INTERNAL, which is counted
    });
    return [path, methods[path]!];
  }));
}
