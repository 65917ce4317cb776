/** Sends forwards to a global instance over gRPC. */
import type { Clock } from "../clock/mod.ts";
import {
  Code,
  codeName,
  connectGrpc,
  type GrpcClientTls,
  GrpcConnectError,
  type GrpcConnection,
  type GrpcOutcome,
  type GrpcTarget,
} from "../grpc/mod.ts";
import type { Observation } from "../output/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";
import { parseForwardAddress } from "./address.ts";
import type { StatsdConfig } from "./config.ts";
import type { ForwardOutcome, ForwardParts } from "./forwarder.ts";
import { FORWARD_PATHS, metricsOf } from "./grpc_forward_service.ts";
import { encodeMetricList } from "./forward_proto.ts";
import { readForwardTls } from "./stream_tls.ts";

/** What a client is given. */
export interface GrpcForwardDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** Told of each forward. */
  readonly observe?: (what: Observation) => void;
}

/** Bytes of the metrics in one call: gRPC's servers take messages of 4 MiB unless told otherwise. */
const CALL_BYTES = 3 * 1024 * 1024;

/** Codes that come before anything of a call is read. */
const NOT_TAKEN: readonly Code[] = [Code.UNIMPLEMENTED, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED];

/**
 * Where `forward_address` and the settings beside it lead.
 *
 * @throws {RangeError} for an address that is none
 * @throws {TlsSettingError} when a certificate can't be used
 */
export function grpcForwardTarget(
  config: Pick<
    StatsdConfig,
    "forwardAddress" | "forwardTlsKey" | "forwardTlsCertificate" | "forwardTlsAuthorityCertificate"
  >,
): GrpcTarget {
  const address = parseForwardAddress(config.forwardAddress);
  if (address === undefined) throw new RangeError(`Cannot forward to ${config.forwardAddress}: write host:port`);
  const { hostname, port, usesTls } = address;
  const tls: GrpcClientTls | undefined = usesTls ? readForwardTls(config) : undefined;
  return { hostname, port, ...(tls === undefined ? {} : { tls }) };
}

/**
 * A function that sends one forward, a `forwardrpc.MetricList`, on a connection of its own: as streams, or, to a server
 * that has no such method, as lists. It goes in calls of a few megabytes, one after the other, so that a failure leaves
 * no more in doubt than one of them held.
 *
 * @param timeoutMs of a whole forward
 */
export function newGrpcForwardClient(
  target: GrpcTarget,
  timeoutMs: number,
  { clock, reporter, observe }: GrpcForwardDeps,
): (body: Uint8Array<ArrayBuffer>, series: number) => Promise<ForwardParts> {
  const forwarded = reporter.metrics.counter(
    "limier_forward_series_total",
    "Series of forwards, by how they ended.",
  );
  const ambiguous = reporter.metrics.counter(
    "limier_forward_ambiguous_total",
    "Series of forwards that may have been taken, and were not sent again.",
  );
  return async (body, series) => {
    const startMs = clock.monotonic();
    const leftMs = () => timeoutMs - (clock.monotonic() - startMs);
    const { parts, failure } = await send(target, body, leftMs, clock);
    observe?.({
      action: "forward",
      contentLength: body.length,
      durationMs: { part: "grpc", value: clock.monotonic() - startMs },
      ...(failure === undefined ? {} : { errorCause: failure.cause }),
    });
    const refused = series - parts.delivered - parts.ambiguous;
    const counts: readonly [ForwardOutcome, number][] = [
      ["delivered", parts.delivered],
      ["ambiguous", parts.ambiguous],
      ["refused", refused],
    ];
    for (const [outcome, count] of counts) if (count > 0) forwarded.inc(count, { outcome });
    if (parts.ambiguous > 0) ambiguous.inc(parts.ambiguous);
    if (failure !== undefined) {
      const outcome: ForwardOutcome = parts.ambiguous > 0 ? "ambiguous" : "refused";
      reporter.warn(failure.message, { series: parts.ambiguous + refused, outcome });
    }
    return parts;
  };
}

/** Why a forward did not end well; `cause` labels `forward.error_total`. */
interface Failure {
  readonly cause: "deadline_exceeded" | "transient_unavailable" | "send";
  readonly message: string;
}

interface Sent {
  readonly parts: ForwardParts;
  readonly failure?: Failure;
}

async function send(
  target: GrpcTarget,
  body: Uint8Array<ArrayBuffer>,
  leftMs: () => number,
  clock: Clock,
): Promise<Sent> {
  const metrics = metricsOf(body);
  if (!Array.isArray(metrics)) throw new TypeError(metrics.message); // ours
  let delivered = 0;
  let connection: GrpcConnection;
  try {
    connection = await connectGrpc(target, leftMs(), { clock });
  } catch (error) {
    if (!(error instanceof GrpcConnectError)) throw error;
    const cause = error.late ? "deadline_exceeded" : "transient_unavailable";
    return { parts: { delivered, ambiguous: 0 }, failure: { cause, message: error.message } };
  }
  using open = connection;
  const calls = new Calls(open);
  while (delivered < metrics.length) {
    const part = metrics.slice(delivered, delivered + countWithin(metrics, delivered, CALL_BYTES));
    const left = leftMs();
    if (left <= 0) {
      const message = `Cannot forward all to ${target.hostname}: ${metrics.length - delivered} series are late`;
      return { parts: { delivered, ambiguous: 0 }, failure: { cause: "deadline_exceeded", message } };
    }
    const { outcome, isCertain } = await calls.send(part, left);
    const { code, message } = outcome.status;
    if (code !== Code.OK) {
      const why = message === "" ? codeName(code) : `${codeName(code)}: ${message}`;
      return {
        parts: { delivered, ambiguous: isCertain ? 0 : part.length },
        failure: { cause: causeOf(code), message: `Cannot forward to ${target.hostname}: it ended as ${why}` },
      };
    }
    delivered += part.length;
  }
  return { parts: { delivered, ambiguous: 0 } };
}

function causeOf(code: Code): Failure["cause"] {
  if (code === Code.DEADLINE_EXCEEDED) return "deadline_exceeded";
  return code === Code.UNAVAILABLE ? "transient_unavailable" : "send";
}

/** How many metrics from `from` on have so many bytes; at least one. */
function countWithin(metrics: readonly Uint8Array[], from: number, mostBytes: number): number {
  let count = 1;
  for (let bytes = metrics[from]!.length; from + count < metrics.length; count++) {
    bytes += metrics[from + count]!.length;
    if (bytes > mostBytes) break;
  }
  return count;
}

/** Calls on one connection: streams, until the server turns out to have none. */
class Calls {
  readonly #connection: GrpcConnection;
  #asLists = false;

  constructor(connection: GrpcConnection) {
    this.#connection = connection;
  }

  /** `isCertain`: a call that failed has certainly left nothing at the server. */
  async send(
    metrics: readonly Uint8Array[],
    timeoutMs: number,
  ): Promise<{ readonly outcome: GrpcOutcome; readonly isCertain: boolean }> {
    if (!this.#asLists) {
      const outcome = await this.#connection.call(FORWARD_PATHS.stream, metrics, { timeoutMs });
      if (outcome.status.code !== Code.UNIMPLEMENTED) return { outcome, isCertain: isNotTaken(outcome) };
      this.#asLists = true;
    }
    const outcome = await this.#connection.call(FORWARD_PATHS.list, [encodeMetricList(metrics)], { timeoutMs });
    // A list is taken whole or, being too large, not at all; a stream's metrics are taken as they come.
    const isCertain = isNotTaken(outcome) || outcome.status.code === Code.RESOURCE_EXHAUSTED;
    return { outcome, isCertain };
  }
}

function isNotTaken({ untouched, status }: GrpcOutcome): boolean {
  return untouched || NOT_TAKEN.includes(status.code);
}
