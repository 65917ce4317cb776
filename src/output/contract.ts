import type { RoutingRule, TagMatcher } from "./routing.ts";
import type { Section } from "../config/mod.ts";
import type { Batch, BatchBuilder, BatchKind, Check, Event, Point, Span } from "../metric/mod.ts";
import type { Clock } from "../clock/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";

/** Why events were refused for good, and how many. */
export interface Rejection {
  /** A stable word: `encode`, `400`, `too_large`. */
  readonly reason: string;
  readonly count: number;
}

/** How one publish ended. */
export interface PublishResult {
  /** Every event not known to be published, in order; `null` when none is left. */
  readonly remaining: Batch | null;
  /** Events that can never be published; they are not in `remaining`. */
  readonly rejected?: readonly Rejection[];
  /** Events that the destination had already; they are not in `remaining`. @default 0 */
  readonly duplicate?: number;
  /** Mandatory when the publish failed or timed out. */
  readonly error?: DeliveryError;
}

/** How a failed attempt is to be understood; what to do about it is the delivery mode's business. */
export type DeliveryFailure =
  | "connection" // refused, reset, unreachable, no such name: nothing was sent
  | "ambiguous" // a timeout, or cut off after the request was written: it may have been executed
  | "retry" // the destination asks for another try
  | "throttle" // 429: wait as told
  | "too_large" // 413: send less at once
  | "configuration" // 401, 403, 404, a certificate that does not verify: no retry mends it
  | "permanent"; // the destination will never take these events

/** A delivery that did not succeed. Its message names the output and never a key or a full URL. */
export class DeliveryError extends Error {
  override readonly name = "DeliveryError";
  readonly code = "output.delivery";

  /**
   * @param failure what kind of failure it was
   * @param message what could not be done, and where
   * @param options `status`: the HTTP status; `retryAfterMs`: how long the destination asked to be left alone;
   *   `label`: see the getter; `reported`: the client has told of it, so that losses to it are counted but not logged
   */
  constructor(
    readonly failure: DeliveryFailure,
    message: string,
    readonly options: { cause?: unknown; status?: number; retryAfterMs?: number; label?: string; reported?: boolean } =
      {},
  ) {
    super(message, { cause: options.cause });
  }

  /** What the failure is counted under: the HTTP status, or a word. */
  get label(): string {
    return this.options.label ?? this.options.status?.toString() ?? "io";
  }
}

/**
 * One connection to one destination, driven by one owner at a time (but for `close`). Construction does no I/O.
 */
export interface DestinationClient {
  /** How many publishes may be under way at once; absent: one. */
  readonly concurrency?: number;
  /** Cheap. False after a publish lost the connection, until the next successful connect. */
  readonly isConnected: boolean;
  /**
   * Makes a usable connection within `timeoutMs` (0: no limit). Safe when connected.
   *
   * @throws {DeliveryError} when it can't
   */
  connect(timeoutMs: number): Promise<void>;
  /** Publishes any part of `batch`; never throws for a delivery problem, never changes `batch`. */
  publish(batch: Batch, signal: AbortSignal): Promise<PublishResult>;
  /** Idempotent; legal at any time. A publish under way ends promptly with an error. `connect` opens it again. */
  close(): Promise<void>;
  /** What the destination shows by itself, as the text of an HTTP page, where it does. */
  page?(): string;
}

/** What the settings of every output have in common; plain data, so that it can cross to a worker. */
export interface OutputConfig {
  /** Unique; the label `output` of every metric. */
  readonly name: string;
  readonly kind: string;
  readonly mode: "single" | "failover" | "load_balance";
  readonly hosts: readonly string[];
  /** Connections a host. */
  readonly worker: number;
  /** One attempt, in milliseconds. */
  readonly timeoutMs: number;
  readonly backoff: { readonly initMs: number; readonly maxMs: number };
  /** Attempts after the first; -1 without end. */
  readonly maxRetries: number;
  /** Events a request; 0 has no bound. */
  readonly bulkMaxSize: number;
  readonly sends: readonly BatchKind[];
  /** What is to be delivered is kept on the disk until it is. */
  readonly spool: boolean;
  readonly tls: {
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
    readonly serverName?: string;
  };
  readonly proxy?: string;
  /** Which points get here, and what is taken off or added on the way. */
  readonly filter: PointFilterConfig;
  /** The kind's own settings, as its `readConfig` gave them. */
  readonly own: unknown;
}

/** Limits and changes applied to every point for one output. 0 has no bound. */
export interface PointFilterConfig {
  readonly maxNameLength: number;
  readonly maxTagLength: number;
  readonly maxTags: number;
  /** Tag keys left out, matched exactly. */
  readonly excludeTags: readonly string[];
  /** Tags added where their key is not there yet. */
  readonly addTags: Readonly<Record<string, string>>;
  /** Points whose name starts with one of these are left out. */
  readonly dropNamePrefixes: readonly string[];
  /** Tags left out, compared as a whole. */
  readonly stripTags: readonly TagMatcher[];
  /** Which points get here at all; those of all outputs, of which each looks for itself. */
  readonly routing: readonly RoutingRule[];
  /** For names that start with `metricPrefix`, tags that start with one of `tags` are left out. */
  readonly excludeTagPrefixes: readonly { readonly metricPrefix: string; readonly tags: readonly string[] }[];
}

/** Turns values into the bytes of one destination. Pure, and run where the flush runs. */
export interface Encoder {
  /** Appends exactly one event without ending it, or returns false when the destination has no form for it. */
  point?(point: Point, out: BatchBuilder): boolean;
  event?(event: Event, out: BatchBuilder): boolean;
  check?(check: Check, out: BatchBuilder): boolean;
  span?(span: Span, out: BatchBuilder): boolean;
}

/** What a client is given. */
export interface ClientDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** The HTTP of clients that speak it; replaced in tests and by `feed`. */
  readonly fetch: (url: string, init: RequestInit & { client?: Deno.HttpClient }) => Promise<Response>;
  /** Told of each request's work, for the agent's own metrics: bytes, durations in ms, failures. */
  readonly observe?: (what: Observation) => void;
}

/** One measured part of a request. */
export interface Observation {
  /** `flush`, `flush_events`, `flush_checks`, … */
  readonly action: string;
  readonly contentLength?: number;
  readonly durationMs?: { readonly part: string; readonly value: number };
  /** `undefined`: the request succeeded. */
  readonly errorCause?: string;
}

/** A kind of destination: one file in `clients/`. */
export interface Destination<Own> {
  readonly kind: string;
  /** What its outputs send unless told otherwise. */
  readonly sends: readonly BatchKind[];
  /** The hosts of an output that names none; none: `hosts` is mandatory, `null`: the kind has no hosts. */
  readonly defaultHosts: readonly string[] | null;
  /**
   * Reads the kind's own keys from an output's section; the common ones are read already.
   *
   * @throws {ConfigError} on a value it can't use
   */
  readConfig(section: Section): Own;
  /** The keys `readConfig` reads. */
  readonly keys: readonly string[];
  /** Of the keys, those that would not be read again as the field of the same name is: their values, secrets and all. */
  written?(own: Own): Readonly<Record<string, unknown>>;
  /** `bulk_max_size` of an output that names none. @default 25000 */
  readonly bulkMaxSize?: number;
  /** What is sent twice counts twice there, so nothing is sent again after an ambiguous outcome. @default false */
  readonly countsRepeats?: boolean;
  /** It shows what it is given and delivers nothing, so that there is nothing to keep for later. @default false */
  readonly shows?: boolean;
  newEncoder(own: Own): Encoder;
  newClient(host: string, config: OutputConfig, own: Own, deps: ClientDeps): DestinationClient;
}
