import { ByteError } from "../../bytes/mod.ts";
import type { Section } from "../../config/mod.ts";
import type { Batch } from "../../metric/mod.ts";
import { gzipBytes } from "../compress.ts";
import {
  type ClientDeps,
  DeliveryError,
  type Destination,
  type DestinationClient,
  type OutputConfig,
  type PublishResult,
} from "../contract.ts";
import { HttpConnection, type HttpReply } from "../http_connection.ts";
import { type PartLimits, PartPublisher } from "../http_parts.ts";
import { type HttpTarget, parseHttpTarget, refuseBadHttpHosts } from "../http_target.ts";
import { readHeaders } from "./http_headers.ts";
import { OtlpEncoder, type OtlpPartialSuccess, otlpRequest, readOtlpResponse } from "./otlp_encode.ts";

/** The keys of `kind: otlp`. */
export interface OtlpConfig {
  /** Sent with every request; most services take their key here. */
  readonly headers: Readonly<Record<string, string>>;
  readonly compress: "none" | "gzip";
}

/** The Collector takes 20 MiB unless told otherwise. */
const LIMITS: PartLimits = { bytes: 16 * 2 ** 20, bodyBytes: 16 * 2 ** 20, concurrency: 1 };

/** OTLP/HTTP's own path of metrics. */
const USUAL_PATH = "/v1/metrics";

const PROTOBUF = "application/x-protobuf";

class OtlpClient implements DestinationClient {
  readonly #target: HttpTarget;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #own: OtlpConfig;
  readonly #output: string;
  readonly #connection: HttpConnection;
  readonly #deps: ClientDeps;
  readonly #parts = new PartPublisher(LIMITS);

  constructor(host: string, config: OutputConfig, own: OtlpConfig, deps: ClientDeps) {
    const target = parseHttpTarget(host);
    if (target === null) throw new TypeError("Cannot use an OTLP host: write a URL such as http://127.0.0.1:4318");
    this.#target = target;
    this.#headers = {
      ...own.headers,
      "Content-Type": PROTOBUF,
      ...(own.compress === "gzip" ? { "Content-Encoding": "gzip" } : {}),
    };
    this.#own = own;
    this.#output = config.name;
    this.#connection = new HttpConnection(target, config, deps);
    this.#deps = deps;
  }

  get isConnected(): boolean {
    return this.#connection.isConnected;
  }

  connect(): Promise<void> {
    return this.#connection.connect();
  }

  async publish(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    let refused = 0;
    const result = await this.#parts.publish(batch, {
      body: (part) => this.#body(part),
      send: async (body, signal) => {
        const answer = await this.#send(body, signal);
        if (answer instanceof DeliveryError) return answer;
        refused += answer.rejected;
        if (answer.message !== "") this.#tell(answer);
        return undefined;
      },
    }, signal);
    if (refused === 0) return result;
    const most = batch.ends.length - (result.remaining?.ends.length ?? 0);
    const partly = { reason: "partial_success", count: Math.min(refused, most) };
    return { ...result, rejected: [...result.rejected ?? [], partly] };
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }

  async #body(part: Batch): Promise<Uint8Array<ArrayBuffer>> {
    const { clock, observe } = this.#deps;
    const startMs = clock.monotonic();
    const plain = otlpRequest(part);
    const body = this.#own.compress === "gzip" ? await gzipBytes(plain) : plain;
    observe?.({ action: "flush", durationMs: { part: "marshal", value: clock.monotonic() - startMs } });
    return body;
  }

  async #send(body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<OtlpPartialSuccess | DeliveryError> {
    const { path, search } = this.#target;
    const request = { method: "POST", headers: this.#headers, body, action: "flush" } as const;
    const reply = await this.#connection.send({ ...request, path: (path || USUAL_PATH) + search }, signal);
    return reply instanceof DeliveryError ? reply : this.#read(reply);
  }

  #read({ headers, body }: HttpReply): OtlpPartialSuccess | DeliveryError {
    // Some answer success with a text of their own; only what claims to be the protocol's answer is held to it.
    if (!headers.get("content-type")?.startsWith(PROTOBUF)) return { rejected: 0, message: "" };
    try {
      return readOtlpResponse(body);
    } catch (error) {
      if (!(error instanceof ByteError)) throw error;
      return new DeliveryError("ambiguous", `Cannot deliver to ${this.#target.label}: its answer is not readable`, {
        cause: error,
        label: "readresponse",
      });
    }
  }

  #tell({ rejected, message }: OtlpPartialSuccess): void {
    const what = rejected > 0 ? "refused some points" : "took all points and has a warning";
    this.#deps.reporter.warn(`The receiver of output ${this.#output} ${what}`, { points: rejected, why: message });
  }
}

/** OpenTelemetry's protocol over HTTP, in protobuf: points as metrics. */
export const otlp: Destination<OtlpConfig> = {
  kind: "otlp",
  sends: ["points"],
  defaultHosts: [],
  keys: ["headers", "compress"],
  countsRepeats: true, // deltas add up there
  readConfig(section: Section): OtlpConfig {
    refuseBadHttpHosts(section);
    return {
      headers: readHeaders(section, ["content-type", "content-encoding"]),
      compress: section.oneOf("compress", ["none", "gzip"]) ?? "none",
    };
  },
  newEncoder: () => new OtlpEncoder(),
  newClient: (host, config, own, deps) => new OtlpClient(host, config, own, deps),
};
