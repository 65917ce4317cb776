import type { Section } from "../../config/mod.ts";
import type { ClientDeps, Destination, DestinationClient, OutputConfig } from "../contract.ts";
import type { PartLimits } from "../http_parts.ts";
import { httpTargetOf, refuseBadHttpHosts } from "../http_target.ts";
import { marshal } from "../marshal.ts";
import { newPostingClient } from "../posting_client.ts";
import {
  type AuthorizationConfig,
  authorizationHeader,
  type BasicAuthConfig,
  readAuthorization,
  readHeaders,
} from "./http_headers.ts";
import { RemoteWriteEncoder, type RemoteWriteEncoding } from "./remote_write_encode.ts";
import { snappyBlock } from "./snappy_block.ts";

/** The keys of `kind: prometheus_remote_write`. */
export interface RemoteWriteConfig extends RemoteWriteEncoding {
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** At most one of the two is there. */
  readonly authorization: AuthorizationConfig | null;
  readonly basicAuth: BasicAuthConfig | null;
}

/** Receivers take some tens of megabytes once decompressed. */
const LIMITS: PartLimits = { bytes: 16 * 2 ** 20, bodyBytes: 16 * 2 ** 20, concurrency: 1 };

const DEFAULTS = { maxSeries: 1_000_000 };

/** Where Prometheus itself takes it. */
const USUAL_PATH = "/api/v1/write";

/** Remote write 0.1.0. */
const PROTOCOL_HEADERS = {
  "Content-Encoding": "snappy",
  "Content-Type": "application/x-protobuf",
  "X-Prometheus-Remote-Write-Version": "0.1.0",
} as const;

/** Any success, and the refusal whose text may say otherwise. */
const ANSWERS = [...Array.from({ length: 100 }, (_, i) => 200 + i), 400];

/** How Prometheus and Mimir, and how Cortex say that they have another value of that time. */
const DUPLICATE_SAMPLE = /duplicate sample|duplicate-timestamp|repeated timestamp/i;

function newRemoteWriteClient(
  host: string,
  config: OutputConfig,
  own: RemoteWriteConfig,
  deps: ClientDeps,
): DestinationClient {
  const target = httpTargetOf(host);
  return newPostingClient(target, config, deps, {
    path: (target.path || USUAL_PATH) + target.search,
    headers: { "User-Agent": "veneur/cortex", ...own.headers, ...PROTOCOL_HEADERS, ...authorizationHeader(own) },
    limits: LIMITS,
    action: "flush",
    success: ANSWERS,
    body: (part) => marshal(deps, "flush", () => snappyBlock(part.bytes)), // an event is a whole field of the request
    read({ status, body }) {
      if (status !== 400) return undefined;
      // What a repeat meets when the first one arrived after all.
      return DUPLICATE_SAMPLE.test(new TextDecoder().decode(body)) ? undefined : "refused";
    },
  });
}

/** Prometheus' remote write: Prometheus, Cortex, Mimir, Thanos, VictoriaMetrics. */
export const prometheusRemoteWrite: Destination<RemoteWriteConfig> = {
  kind: "prometheus_remote_write",
  sends: ["points"],
  defaultHosts: [],
  keys: ["headers", "authorization", "basic_auth", "convert_counters_to_monotonic", "max_series"],
  readConfig(section: Section): RemoteWriteConfig {
    refuseBadHttpHosts(section);
    const auth = readAuthorization(section);
    const reserved = [...Object.keys(PROTOCOL_HEADERS), ...Object.keys(authorizationHeader(auth))];
    return {
      headers: readHeaders(section, reserved.map((name) => name.toLowerCase())),
      ...auth,
      convertCountersToMonotonic: section.boolean("convert_counters_to_monotonic") ?? false,
      maxSeries: section.integer("max_series", { atLeast: 1 }) ?? DEFAULTS.maxSeries,
      hostLabel: !section.strings("tags_exclude")?.includes("host"),
    };
  },
  newEncoder: (own) => new RemoteWriteEncoder(own),
  newClient: newRemoteWriteClient,
};
