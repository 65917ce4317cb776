import { ByteError } from "../../bytes/mod.ts";
import type { Section } from "../../config/mod.ts";
import { gzipBytes } from "../compress.ts";
import {
  type ClientDeps,
  DeliveryError,
  type Destination,
  type DestinationClient,
  type OutputConfig,
} from "../contract.ts";
import type { HttpReply } from "../http_connection.ts";
import type { PartLimits } from "../http_parts.ts";
import { httpTargetOf, refuseBadHttpHosts } from "../http_target.ts";
import { marshal } from "../marshal.ts";
import { newPostingClient } from "../posting_client.ts";
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

function newOtlpClient(host: string, config: OutputConfig, own: OtlpConfig, deps: ClientDeps): DestinationClient {
  const target = httpTargetOf(host);
  const isZipped = own.compress === "gzip";
  return newPostingClient(target, config, deps, {
    path: (target.path || USUAL_PATH) + target.search,
    headers: { ...own.headers, "Content-Type": PROTOBUF, ...(isZipped ? { "Content-Encoding": "gzip" } : {}) },
    limits: LIMITS,
    action: "flush",
    body: (part) => marshal(deps, "flush", () => isZipped ? gzipBytes(otlpRequest(part)) : otlpRequest(part)),
    read(reply) {
      const answer = readAnswer(reply, target.label);
      if (answer instanceof DeliveryError) return answer;
      const { rejected, message } = answer;
      if (message !== "") {
        const what = rejected > 0 ? "refused some points" : "took all points and has a warning";
        deps.reporter.warn(`The receiver of output ${config.name} ${what}`, { points: rejected, why: message });
      }
      return rejected === 0 ? undefined : { reason: "partial_success", count: rejected };
    },
  });
}

function readAnswer({ headers, body }: HttpReply, label: string): OtlpPartialSuccess | DeliveryError {
  // Some answer success with a text of their own; only what claims to be the protocol's answer is held to it.
  if (!headers.get("content-type")?.startsWith(PROTOBUF)) return { rejected: 0, message: "" };
  try {
    return readOtlpResponse(body);
  } catch (error) {
    if (!(error instanceof ByteError)) throw error;
    return new DeliveryError("ambiguous", `Cannot deliver to ${label}: its answer is not readable`, {
      cause: error,
      label: "readresponse",
    });
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
  newClient: newOtlpClient,
};
