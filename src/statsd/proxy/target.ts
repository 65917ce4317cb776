/** Where a member of the ring takes series: by JSON imports, or over gRPC. */
import { deflateSync } from "node:zlib";
import type { Clock } from "../../clock/mod.ts";
import { newLogSampler, Registry, type Reporter } from "../../telemetry/mod.ts";
import { parseForwardAddress } from "../address.ts";
import { newForwardClient } from "../forward_client.ts";
import { encodeMetricList } from "../forward_proto.ts";
import type { ForwardOutcome, ForwardParts } from "../forwarder.ts";
import { newGrpcForwardClient } from "../grpc_forward_client.ts";
import { type ForwardTlsKeys, readForwardTls } from "../stream_tls.ts";
import type { CarriedSeries } from "./carried.ts";

/** How a request to a member ended. */
export interface SendResult {
  /** Of the series that were sent, in their order. */
  readonly parts: ForwardParts;
  /** Series that have no form in which the member could take them; they were not sent. */
  readonly unfit: readonly CarriedSeries[];
}

/** Takes series to one member. */
export interface ProxyTarget {
  /** One request, not repeated; resolves however it ends. */
  send(series: readonly CarriedSeries[]): Promise<SendResult>;
  /** Gives back connections that are not in use. */
  close(): void;
}

/** What a target is given. */
export interface TargetDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
}

/** Bounds of a target. */
export interface TargetLimits {
  /** For one request. */
  readonly timeoutMs: number;
}

/** Digests and sets in base64 hardly gain by more: level 6 takes half as long again for 2 % fewer bytes. */
const DEFLATE_LEVEL = 2;

/** Failures of one destination that are logged a second. */
const LOGGED_PER_SECOND = 1;

const NO_TLS: ForwardTlsKeys = { forwardTlsKey: "", forwardTlsCertificate: "", forwardTlsAuthorityCertificate: "" };

const NOTHING: ForwardParts = { delivered: 0, ambiguous: 0 };

/** @param member `http://host:port`, or `host:port` */
export function newHttpTarget(
  member: string,
  { timeoutMs }: TargetLimits,
  deps: TargetDeps,
): ProxyTarget {
  const post = newForwardClient(member, timeoutMs, {
    clock: deps.clock,
    reporter: memberReporter(deps),
    fetch,
  });
  return {
    async send(series) {
      await turnOfTheLoop();
      const { sent, unfit } = formsOf(series, (one) => one.json());
      if (sent.length === 0) return { parts: NOTHING, unfit };
      const body = deflateSync(`[${sent.join(",")}]`, { level: DEFLATE_LEVEL });
      return { parts: partsOf(await post(new Uint8Array(body), sent.length), sent.length), unfit };
    },
    close: () => {}, // each request has had a connection of its own
  };
}

/**
 * Each request has a connection of its own.
 *
 * @param member `host:port`, `https://host:port` for TLS; without a scheme it is TLS where there are settings for that
 * @throws {TlsSettingError} when a certificate can't be used
 */
export function newGrpcTarget(
  member: string,
  { timeoutMs }: TargetLimits,
  deps: TargetDeps,
  tls: ForwardTlsKeys = NO_TLS,
): ProxyTarget {
  const address = parseForwardAddress(member);
  if (address === undefined) throw new RangeError(`Cannot forward to ${member}: write host:port`);
  const { hostname, port } = address;
  const isConfigured = tls.forwardTlsAuthorityCertificate !== "" || tls.forwardTlsKey !== "";
  const usesTls = address.usesTls || isConfigured && !member.includes("://");
  const send = newGrpcForwardClient({ hostname, port, ...usesTls ? { tls: readForwardTls(tls) } : {} }, timeoutMs, {
    clock: deps.clock,
    reporter: memberReporter(deps),
  });
  return {
    async send(series) {
      await turnOfTheLoop();
      const { sent, unfit } = formsOf(series, (one) => one.metric());
      if (sent.length === 0) return { parts: NOTHING, unfit };
      return { parts: await send(encodeMetricList(sent), sent.length), unfit };
    },
    close: () => {},
  };
}

/** A reporter for one member's client: its log is sampled, and its counters, which know of one destination, don't show. */
function memberReporter({ clock, reporter }: TargetDeps): Reporter {
  return { ...newLogSampler(reporter, clock).sampled("forward", LOGGED_PER_SECOND), metrics: new Registry() };
}

/** Encoding takes its time, for which the sender of the series, who is answered first, need not wait. */
function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function formsOf<Form>(series: readonly CarriedSeries[], formOf: (one: CarriedSeries) => Form | undefined) {
  const sent: Form[] = [], unfit: CarriedSeries[] = [];
  for (const one of series) {
    const form = formOf(one);
    if (form === undefined) unfit.push(one);
    else sent.push(form);
  }
  return { sent, unfit };
}

function partsOf(outcome: ForwardOutcome, series: number): ForwardParts {
  return { delivered: outcome === "delivered" ? series : 0, ambiguous: outcome === "ambiguous" ? series : 0 };
}
