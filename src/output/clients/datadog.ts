import type { Section } from "../../config/mod.ts";
import { type Batch, batchBytes, type BatchKind } from "../../metric/mod.ts";
import { deflateBytes } from "../compress.ts";
import {
  type ClientDeps,
  DeliveryError,
  type Destination,
  type DestinationClient,
  type OutputConfig,
  type PublishResult,
} from "../contract.ts";
import { HttpConnection } from "../http_connection.ts";
import { type PartLimits, PartPublisher } from "../http_parts.ts";
import { type HttpTarget, httpTargetOf, parseHttpTarget, refuseBadHttpHosts } from "../http_target.ts";
import { marshal } from "../marshal.ts";
import { DatadogEncoder } from "./datadog_encode.ts";
import { TRACE_FORMATS, type TraceFormat, tracesBody } from "./datadog_spans.ts";

/** The keys of `kind: datadog`. */
export interface DatadogConfig {
  /** The API key; secret; "" for an output of spans alone. */
  readonly key: string;
  /** Where spans are put, the trace agent's URL; absent: spans go nowhere. */
  readonly traceApiAddress?: string;
  readonly traceFormat: TraceFormat;
}

/** The intake's own limits are a little above the first two. */
const LIMITS: PartLimits = { bytes: 60_000_000, bodyBytes: 3_000_000, concurrency: 8 };

/** A trace agent takes 10 MiB a request, newer ones more; grouping adds two brackets a trace. */
const TRACE_LIMITS: PartLimits = { bytes: 9_000_000, bodyBytes: 10_000_000, concurrency: 2 };

interface Endpoint {
  readonly method: "POST" | "PUT";
  readonly path: string;
  /** What its requests are measured as. */
  readonly action: string;
  readonly compressed: boolean;
  /** What stands before and behind the events. */
  readonly open: string;
  readonly close: string;
}

const SERIES_PATH = "/api/v1/series";

const ENDPOINTS: Readonly<Record<Exclude<BatchKind, "spans">, Endpoint>> = {
  points: post(SERIES_PATH, "flush", true, '{"series":[', "]}"),
  checks: post("/api/v1/check_run", "flush_checks", false, "[", "]"), // it refuses deflate
  events: post("/intake", "flush_events", true, '{"events":{"api":[', "]}}"),
};

const TRACE_ENDPOINTS: Readonly<Record<TraceFormat, Endpoint>> = {
  traces: { ...post("/v0.3/traces", "flush_traces", false, "[", "]"), method: "PUT" },
  spans: post("/spans", "flush_traces", false, "[", "]"),
};

function post(path: string, action: string, compressed: boolean, open: string, close: string): Endpoint {
  return { method: "POST", path, action, compressed, open, close };
}

class DatadogClient implements DestinationClient {
  readonly concurrency = LIMITS.concurrency;
  readonly #key: string;
  readonly #deps: ClientDeps;
  readonly #target: HttpTarget;
  readonly #api: HttpConnection;
  readonly #traces: HttpConnection | undefined;
  readonly #tracesPath: string = "";
  readonly #traceFormat: TraceFormat;
  readonly #parts = new PartPublisher(LIMITS);
  readonly #traceParts = new PartPublisher(TRACE_LIMITS);

  constructor(host: string, config: OutputConfig, own: DatadogConfig, deps: ClientDeps) {
    this.#key = own.key;
    this.#deps = deps;
    this.#target = httpTargetOf(host);
    this.#api = new HttpConnection(this.#target, config, deps);
    this.#traceFormat = own.traceFormat;
    if (own.traceApiAddress === undefined) return;
    const traces = httpTargetOf(own.traceApiAddress);
    this.#tracesPath = tracesPathOf(traces, TRACE_ENDPOINTS[own.traceFormat].path) + traces.search;
    this.#traces = new HttpConnection(traces, config, deps);
  }

  get isConnected(): boolean {
    return this.#api.isConnected && this.#traces?.isConnected !== false;
  }

  async connect(): Promise<void> {
    await this.#api.connect();
    await this.#traces?.connect();
  }

  async publish(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    if (batch.kind !== "spans") {
      const endpoint = ENDPOINTS[batch.kind];
      const path = requestPath(this.#target, endpoint.path) + this.#query();
      return await this.#send(batch, endpoint, path, this.#api, this.#parts, signal);
    }
    if (this.#traces === undefined) {
      return { remaining: null, rejected: [{ reason: "no_trace_api_address", count: batch.ends.length }] };
    }
    const endpoint = TRACE_ENDPOINTS[this.#traceFormat];
    return await this.#send(batch, endpoint, this.#tracesPath, this.#traces, this.#traceParts, signal);
  }

  async #send(
    batch: Batch,
    endpoint: Endpoint,
    path: string,
    connection: HttpConnection,
    parts: PartPublisher,
    signal: AbortSignal,
  ): Promise<PublishResult> {
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (endpoint.compressed) headers["Content-Encoding"] = "deflate";
    const { method, action } = endpoint;
    return await parts.publish(batch, {
      body: (part) => this.#body(part, endpoint),
      send: async (body, signal) => {
        const reply = await connection.send({ method, path, headers, body, action, success: [200, 202] }, signal);
        return reply instanceof DeliveryError ? reply : undefined;
      },
    }, signal);
  }

  close(): Promise<void> {
    this.#api.close();
    this.#traces?.close();
    return Promise.resolve();
  }

  #query(): string {
    const { search } = this.#target;
    return `${search === "" ? "?" : `${search}&`}api_key=${encodeURIComponent(this.#key)}`;
  }

  /** The request's body, in the zlib format where it is compressed: what `Content-Encoding: deflate` means. */
  #body(part: Batch, endpoint: Endpoint): Promise<Uint8Array<ArrayBuffer>> {
    return marshal(this.#deps, endpoint.action, () => {
      const grouped = part.kind === "spans" && this.#traceFormat === "traces";
      const plain = grouped ? tracesBody(part) : batchBytes(part, endpoint.open, ",", endpoint.close);
      return endpoint.compressed ? deflateBytes(plain) : plain;
    });
  }
}

/**
 * The path of a request: the host entry's own is the one of points. The other endpoints stand beside it if it ends like
 * the usual one, and are the same otherwise.
 */
function requestPath({ path }: HttpTarget, usual: string): string {
  if (path === "") return usual;
  return path.endsWith(SERIES_PATH) ? path.slice(0, -SERIES_PATH.length) + usual : path;
}

/** Where spans are put: below the path that the trace agent's URL has, unless that is whole. */
function tracesPathOf({ path }: HttpTarget, usual: string): string {
  return path.endsWith(usual) ? path : path.replace(/\/$/, "") + usual;
}

/** Datadog's intake: points, service checks, events and, where there is a trace agent, spans. */
export const datadog: Destination<DatadogConfig> = {
  kind: "datadog",
  sends: ["points", "events", "checks", "spans"], // spans only where there is a trace agent
  defaultHosts: ["https://app.datadoghq.com"],
  keys: ["key", "trace_api_address", "trace_format"],
  readConfig(section: Section): DatadogConfig {
    refuseBadHttpHosts(section);
    const key = section.secret("key") ?? "";
    const traces = section.string("trace_api_address");
    const spansAlone = traces !== undefined && traces !== "" && section.strings("sends")?.join() === "spans";
    if (key === "" && !spansAlone) section.fail("key", "the API key, or key_file with a file that holds it");
    if (traces !== undefined && traces !== "" && parseHttpTarget(traces) === null) {
      section.fail("trace_api_address", "a URL such as http://127.0.0.1:8126");
    }
    const traceFormat = section.oneOf("trace_format", TRACE_FORMATS) ?? "traces";
    return { key, traceFormat, ...(traces === undefined || traces === "" ? {} : { traceApiAddress: traces }) };
  },
  newEncoder: ({ traceApiAddress, traceFormat }) =>
    new DatadogEncoder(traceApiAddress === undefined ? undefined : traceFormat),
  newClient: (host, config, own, deps) => new DatadogClient(host, config, own, deps),
};
