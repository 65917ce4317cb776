import { type ClientDeps, DeliveryError, type OutputConfig } from "../contract.ts";
import { HttpConnection } from "../http_connection.ts";
import { type HttpTarget, parseHttpTarget } from "../http_target.ts";

/** What matters of a request that the SDK has made and signed (`HttpRequest` of @smithy/types). */
export interface SdkRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** The answer as the SDK reads it. */
export interface SdkResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** Set by whoever sends, from the URL and the body; nobody waits for a 100 before the body. */
const SENDERS_OWN = ["host", "content-length", "expect"];

/** Statuses whose error code tells what they mean; some errors even come with 200. */
const REFUSALS = [400, 409];

/** Error codes of requests that did not arrive whole, met another that is under way, or came at a bad time. */
const TRY_AGAIN = [
  "RequestTimeout",
  "IncompleteBody",
  "BadDigest",
  "XAmzContentSHA256Mismatch",
  "OperationAborted",
  "ConditionalRequestConflict",
  "InternalError",
  "SlowDown",
];

/** Sends the SDK's requests by an output's connection. What fails is thrown as a `DeliveryError`, which the SDK passes on. */
export class S3Requests {
  readonly #config: OutputConfig;
  readonly #deps: ClientDeps;
  /** To the one origin that the bucket has. */
  #connection: HttpConnection | undefined;
  #target: HttpTarget | undefined;
  #lost = false;
  #closed = false;

  constructor(config: OutputConfig, deps: ClientDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  /** False after a request that could not reach the host, until `reopen()`. */
  get isConnected(): boolean {
    return !this.#lost;
  }

  /** Takes requests again. */
  reopen(): void {
    this.#lost = this.#closed = false;
  }

  /** Called by the SDK. */
  async handle(
    request: SdkRequest,
    { abortSignal }: { readonly abortSignal?: unknown } = {},
  ): Promise<{ readonly response: SdkResponse }> {
    if (this.#closed) throw new DeliveryError("connection", "Cannot deliver to S3: the connection is closed");
    const { connection, target } = this.#open(request);
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => !SENDERS_OWN.includes(name.toLowerCase())),
    );
    const path = request.path + queryOf(request.query ?? {});
    const body = request.body as Uint8Array<ArrayBuffer>; // the one that was put
    const signal = abortSignal instanceof AbortSignal ? abortSignal : new AbortController().signal;
    try {
      await connection.connect();
      const reply = await connection.send(
        { method: "PUT", path, headers, body, action: "flush", success: [200, ...REFUSALS] },
        signal,
      );
      if (reply instanceof DeliveryError) throw reply;
      const text = new TextDecoder().decode(reply.body);
      if (reply.status !== 200 || text.includes("<Error>")) throw this.#refusal(reply.status, text, target);
      return {
        response: { statusCode: reply.status, headers: Object.fromEntries(reply.headers), body: reply.body },
      };
    } catch (error) {
      this.#lost = !connection.isConnected;
      throw error;
    }
  }

  /** Ends requests under way and gives back the connection. */
  close(): void {
    this.#lost = this.#closed = true;
    this.#connection?.close();
  }

  #open({ protocol, hostname, port }: SdkRequest): { connection: HttpConnection; target: HttpTarget } {
    this.#target ??= parseHttpTarget(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`)!;
    this.#connection ??= new HttpConnection(this.#target, this.#config, this.#deps);
    return { connection: this.#connection, target: this.#target };
  }

  /** S3 says 400 of credentials, regions and broken transfers, never of what an object holds. */
  #refusal(status: number, text: string, { label }: HttpTarget): DeliveryError {
    this.#deps.observe?.({ action: "flush", errorCause: String(status) });
    const code = /<Code>(\w{1,80})<\/Code>/.exec(text)?.[1] ?? "without a code";
    const kind = TRY_AGAIN.includes(code) ? "retry" : "configuration";
    return new DeliveryError(kind, `Cannot deliver to ${label}: it answered ${status} (${code})`, { status });
  }
}

/** A query as it was signed: escaped as the signature has it. */
function queryOf(query: NonNullable<SdkRequest["query"]>): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((one) => one === null ? escape3986(name) : `${escape3986(name)}=${escape3986(one)}`)
  );
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

/** RFC 3986's unreserved characters stay; `encodeURIComponent` leaves a few more. */
function escape3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}
