import type { Section } from "../../config/mod.ts";
import type { Batch } from "../../metric/mod.ts";
import {
  type ClientDeps,
  DeliveryError,
  type Destination,
  type DestinationClient,
  type OutputConfig,
  type PublishResult,
} from "../contract.ts";
import { HttpConnection } from "../http_connection.ts";
import { statusFailure } from "../http_failure.ts";
import { type PartLimits, PartPublisher } from "../http_parts.ts";
import { type HttpTarget, parseHttpTarget, refuseBadHttpHosts } from "../http_target.ts";
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

class RemoteWriteClient implements DestinationClient {
  readonly #target: HttpTarget;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #connection: HttpConnection;
  readonly #deps: ClientDeps;
  readonly #parts = new PartPublisher(LIMITS);

  constructor(host: string, config: OutputConfig, own: RemoteWriteConfig, deps: ClientDeps) {
    const target = parseHttpTarget(host);
    if (target === null) {
      throw new TypeError("Cannot use a remote write host: write a URL such as http://h/api/v1/write");
    }
    this.#target = target;
    this.#headers = { "User-Agent": "veneur/cortex", ...own.headers, ...PROTOCOL_HEADERS, ...authorizationHeader(own) };
    this.#connection = new HttpConnection(target, config, deps);
    this.#deps = deps;
  }

  get isConnected(): boolean {
    return this.#connection.isConnected;
  }

  connect(): Promise<void> {
    return this.#connection.connect();
  }

  publish(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    return this.#parts.publish(batch, {
      body: (part) => Promise.resolve(this.#body(part)),
      send: (body, signal) => this.#send(body, signal),
    }, signal);
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }

  #body(part: Batch): Uint8Array<ArrayBuffer> {
    const { clock, observe } = this.#deps;
    const startMs = clock.monotonic();
    const body = snappyBlock(part.bytes); // an event is a whole field of the request
    observe?.({ action: "flush", durationMs: { part: "marshal", value: clock.monotonic() - startMs } });
    return body;
  }

  async #send(body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<DeliveryError | undefined> {
    const { path, search, label } = this.#target;
    const reply = await this.#connection.send({
      method: "POST",
      path: (path || USUAL_PATH) + search,
      headers: this.#headers,
      body,
      action: "flush",
      success: ANSWERS,
    }, signal);
    if (reply instanceof DeliveryError) return reply;
    if (reply.status !== 400) return undefined;
    // What a repeat meets when the first one arrived after all.
    if (DUPLICATE_SAMPLE.test(new TextDecoder().decode(reply.body))) return undefined;
    this.#deps.observe?.({ action: "flush", errorCause: "400" });
    return statusFailure(reply.status, reply.headers, label);
  }
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
  newClient: (host, config, own, deps) => new RemoteWriteClient(host, config, own, deps),
};
