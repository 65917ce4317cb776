/** The gRPC listeners of the source: the import service, and those of packets and spans; each answers for its health too. */
import { Code, type GrpcMethods, healthMethods, startGrpcServer } from "../grpc/mod.ts";
import type { ListenAddress } from "./address.ts";
import type { AggregationCore } from "./core.ts";
import { decodeMetric } from "./forward_proto.ts";
import { FORWARD_PATHS, forwardMethods } from "./grpc_forward_service.ts";
import { packetMethods } from "./grpc_packet_services.ts";
import { READ_AHEAD } from "./metric_scan.ts";
import { At } from "./stats.ts";
import { untilQuiet, untilStreamsQuiet } from "./stream_drain.ts";
import type { StreamDeps, StreamListener, StreamSettings } from "./stream_server.ts";
import { listenOn } from "./stream_socket.ts";
import { sharedMonotonicMs } from "./threads.ts";

/** The name by which Veneur's probes ask for its health. */
const HEALTH_NAME = "veneur";

/** What a gRPC listener serves. */
export type GrpcServices = "import" | "packets";

/** Where a part of the listeners stands: addresses that are the same are one listener, which serves what both do. */
export interface GrpcListen {
  readonly address: ListenAddress;
  readonly services: readonly GrpcServices[];
}

/** The listeners that serve packets and spans on some addresses, and imports on others. */
export function planGrpc(packets: readonly ListenAddress[], imports: readonly ListenAddress[]): GrpcListen[] {
  const plan: { address: ListenAddress; services: GrpcServices[] }[] = [];
  const add = (address: ListenAddress, service: GrpcServices) => {
    const same = plan.find(({ address: other }) => isSame(address, other));
    if (same === undefined) plan.push({ address, services: [service] });
    else if (!same.services.includes(service)) same.services.push(service);
  };
  for (const address of packets) add(address, "packets");
  for (const address of imports) add(address, "import");
  return plan;
}

/** Two that ask for a free port get one each. */
function isSame(a: ListenAddress, b: ListenAddress): boolean {
  return a.hostname === b.hostname && a.path === b.path && a.port === b.port && (a.port !== 0 || a.path !== "");
}

/**
 * Listens for gRPC on a `tcp` or `unix` address.
 *
 * @throws {LockHeld} when another instance has the path
 * @throws {SystemError} such as EADDRINUSE
 */
export async function startGrpcListener(
  { address, services }: GrpcListen,
  { idleTimeoutMs, tls }: StreamSettings,
  { clock, limit, log, stats }: StreamDeps,
  core: Pick<AggregationCore, "heart" | "spans">,
): Promise<StreamListener> {
  let bound = address;
  const methods: GrpcMethods = {
    ...healthMethods([HEALTH_NAME]),
    ...(services.includes("import") ? importMethods(core) : {}),
    ...(services.includes("packets") ? intakeMethods(core) : {}),
  };
  const usesTls = address.transport === "tcp" && tls.mode !== "unencrypted";
  const running = await startGrpcServer(methods, {
    idleTimeoutMs,
    ...(usesTls ? { tls: { key: tls.key, cert: tls.cert, ca: tls.ca } } : {}),
  }, {
    async listen(server) {
      const { address: real, release } = await listenOn(server, address);
      bound = { ...real, over: "grpc" };
      return { release };
    },
    clock,
    untilQuiet: (events, of) => of === "connections" ? untilQuiet(events) : untilStreamsQuiet(events),
    limit,
    log,
    observe: {
      opened: () => void stats[At.tcpConnects]!++,
      closed: () => void stats[At.tcpDisconnects]!++,
      handshakeFailed: () => void stats[At.tlsFailures]!++,
      ended(path, { code }) {
        if (code !== Code.OK) stats[At.grpcFailed]!++;
        else if (path === FORWARD_PATHS.list || path === FORWARD_PATHS.stream) stats[At.grpcImports]!++;
      },
    },
  });
  return { address: bound, done: running.done, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

function importMethods({ heart }: Pick<AggregationCore, "heart">): GrpcMethods {
  return forwardMethods({
    metric(bytes) {
      const read = decodeMetric(bytes);
      heart.setTime(Date.now(), sharedMonotonicMs());
      heart.importAll(
        "cause" in read ? { series: [], errors: [{ index: 0, ...read }] } : { series: [read], errors: [] },
      );
    },
    malformed: () => void heart.stats[At.grpcImportsMalformed]!++,
  });
}

function intakeMethods({ heart, spans }: Pick<AggregationCore, "heart" | "spans">): GrpcMethods {
  const { stats } = heart;
  let room = new Uint8Array(0);
  return packetMethods({
    packet(bytes) {
      stats[At.grpcPackets]!++;
      const need = bytes.length + 1 + READ_AHEAD; // what reading a datagram asks for
      if (room.length < need) room = new Uint8Array(need * 2);
      room.set(bytes);
      heart.setTime(Date.now(), sharedMonotonicMs());
      heart.ingestDatagram(room, 0, bytes.length);
    },
    span(decoded) {
      stats[At.grpcSpans]!++;
      heart.setTime(Date.now(), sharedMonotonicMs());
      spans.ingest(decoded, "packet");
    },
    refusedSpan: ({ reason }) => void stats[reason === "zerolength" ? At.ssfZeroLength : At.ssfProcessing]!++,
  });
}
