/** A gRPC client over `node:http2`: one connection, and calls with one answer each. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import type { Clock } from "../clock/mod.ts";
import { frameMessages, MessageReader } from "./messages.ts";
import { endApart } from "./session_end.ts";
import { Code, type GrpcStatus, parseCode, statusOfHttp, unescapeMessage } from "./status.ts";
import { formatTimeout } from "./timeout.ts";

/** What a client knows of the server and shows of itself, PEM. */
export interface GrpcClientTls {
  /** Authorities that the server's certificate may be of; absent: the system's. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name the server's certificate must have; absent: the host's. */
  readonly serverName?: string;
}

/** A server. */
export interface GrpcTarget {
  /** A name or an IP literal, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Absent: HTTP/2 without TLS. */
  readonly tls?: GrpcClientTls;
}

/** How a call ended. */
export interface GrpcOutcome {
  readonly status: GrpcStatus;
  /** The server certainly took nothing of it in: it never got it, or has refused it unread. */
  readonly untouched: boolean;
}

/** How a call is made. */
export interface CallOptions {
  readonly timeoutMs: number;
}

/** A connection to a server. Disposing closes it. */
export interface GrpcConnection extends Disposable {
  /** Makes a call with these messages. Never throws. */
  call(path: string, messages: readonly Uint8Array[], options: CallOptions): Promise<GrpcOutcome>;
}

/** No connection; nothing was sent. */
export class GrpcConnectError extends Error {
  override readonly name = "GrpcConnectError";
  readonly code = "grpc.connect";

  constructor(target: GrpcTarget, why: string, readonly late: boolean, options?: ErrorOptions) {
    super(`Cannot connect to ${formatTarget(target)}: ${why}`, options);
  }
}

/** Bytes of messages written at once. */
const WRITE_BYTES = 65_536;
/** Our methods answer with empty messages. */
const MOST_ANSWER_BYTES = 1_048_576;

/** `host:port`, an IPv6 address in brackets. */
export function formatTarget({ hostname, port }: GrpcTarget): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/**
 * Connects, and waits until the server has shown that it speaks HTTP/2. A name is resolved anew.
 *
 * @throws {GrpcConnectError}
 */
export async function connectGrpc(
  target: GrpcTarget,
  timeoutMs: number,
  { clock }: { readonly clock: Clock },
): Promise<GrpcConnection> {
  const { tls } = target;
  const session = endApart(connect(`${tls === undefined ? "http" : "https"}://${formatTarget(target)}`, {
    settings: { enablePush: false },
    ...(tls === undefined ? {} : tlsOptions(tls)),
  }));
  const over = new AbortController();
  const late = clock.sleep(timeoutMs, over.signal).then(() => {
    if (!over.signal.aborted) throw new GrpcConnectError(target, "there was no answer in time", true);
  });
  const ready = new Promise<void>((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => reject(new GrpcConnectError(target, why, false, { cause }));
    session.once("remoteSettings", () => resolve());
    session.once("error", (error: Error) => fail(error.message, error));
    session.once("close", () => fail("the connection was closed before the server spoke HTTP/2"));
  });
  try {
    await Promise.race([ready, late]);
  } catch (error) {
    session.on("error", () => {}); // what follows is the same failure
    session.destroy();
    throw error;
  } finally {
    over.abort();
    ready.catch(() => {}); // lost the race
  }
  return new Connection(session, clock);
}

function tlsOptions({ ca, cert, key, serverName }: GrpcClientTls): SecureClientSessionOptions {
  return {
    ALPNProtocols: ["h2"],
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

class Connection implements GrpcConnection {
  readonly #session: ClientHttp2Session;
  readonly #clock: Clock;
  #failure = "the connection is closed";
  #isClosed = false;

  constructor(session: ClientHttp2Session, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
    session.on("error", (error: Error) => this.#failure = error.message); // the calls end with it
    session.on("goaway", () => session.close());
  }

  async call(path: string, messages: readonly Uint8Array[], { timeoutMs }: CallOptions): Promise<GrpcOutcome> {
    if (this.#isClosed || this.#session.closed || this.#session.destroyed) return unreached(this.#failure);
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request({
        ":method": "POST",
        ":path": path,
        te: "trailers",
        "content-type": "application/grpc",
        "grpc-timeout": formatTimeout(timeoutMs),
        "user-agent": "limier",
      });
    } catch (error) {
      return unreached(error instanceof Error ? error.message : String(error)); // it was closed meanwhile
    }
    const over = new AbortController();
    const answered = answerOf(stream, () => this.#failure);
    const late = this.#clock.sleep(timeoutMs, over.signal).then((): GrpcOutcome => ({
      status: { code: Code.DEADLINE_EXCEEDED, message: "there was no answer in time" },
      untouched: false,
    }));
    write(stream, messages);
    try {
      return await Promise.race([answered, late]);
    } finally {
      over.abort();
      stream.close(constants.NGHTTP2_CANCEL);
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#session.destroy();
  }
}

function unreached(why: string): GrpcOutcome {
  return { status: { code: Code.UNAVAILABLE, message: why }, untouched: true };
}

/** Writes as fast as the server takes it, until it is written or the stream is gone. */
function write(stream: ClientHttp2Stream, messages: readonly Uint8Array[]): void {
  let next = 0;
  const go = () => {
    while (next < messages.length) {
      if (stream.destroyed || stream.closed) return;
      const from = next;
      for (let bytes = 0; next < messages.length && bytes < WRITE_BYTES; next++) bytes += messages[next]!.length;
      if (!stream.write(frameMessages(messages.slice(from, next)))) {
        stream.once("drain", go);
        return;
      }
    }
    stream.end();
  };
  go();
}

/** Resolves with the answer, when the stream has ended. */
function answerOf(stream: ClientHttp2Stream, failure: () => string): Promise<GrpcOutcome> {
  const reader = new MessageReader(MOST_ANSWER_BYTES);
  let status: GrpcStatus | undefined;
  let broken: GrpcStatus | undefined;
  let error: Error | undefined;
  let answers = 0;
  const answered = Promise.withResolvers<GrpcOutcome>();
  const tell = (headers: IncomingHttpHeaders) => {
    const code = headers["grpc-status"];
    if (code === undefined) return;
    status = { code: parseCode(String(code)), message: unescapeMessage(String(headers["grpc-message"] ?? "")) };
  };
  const settle = () => {
    if (status === undefined) {
      answered.resolve(withoutStatus(stream.rstCode ?? 0, error?.message ?? failure()));
      return;
    }
    const isWhole = status.code !== Code.OK || (broken === undefined && answers === 1);
    answered.resolve({
      status: isWhole ? status : broken ?? { code: Code.INTERNAL, message: `there were ${answers} answers` },
      untouched: false,
    });
  };
  stream.on("response", (headers) => {
    const httpStatus = Number(headers[":status"]);
    tell(headers); // where there is nothing else, the status comes here
    if (httpStatus !== 200) status ??= statusOfHttp(httpStatus);
    // A refusal counts at once: the stream closes only when the rest of the request is written, which nobody reads.
    if (status !== undefined) settle();
  });
  stream.on("trailers", (headers) => {
    tell(headers);
    if (status !== undefined && status.code !== Code.OK) settle();
  });
  stream.on("data", (chunk: Uint8Array) => {
    broken ??= reader.push(chunk, () => void answers++);
  });
  stream.on("error", (cause: Error) => error = cause);
  stream.on("close", settle);
  return answered.promise;
}

/** The outcome of a stream that ended without a status ("Errors", HTTP2 Transport Mapping). */
function withoutStatus(rstCode: number, why: string): GrpcOutcome {
  // REFUSED_STREAM: "prior to any application processing having occurred" (RFC 9113 §8.7).
  if (rstCode === constants.NGHTTP2_REFUSED_STREAM) return unreached("it refused the call unread");
  const code = rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM
    ? Code.RESOURCE_EXHAUSTED
    : rstCode === constants.NGHTTP2_INADEQUATE_SECURITY
    ? Code.PERMISSION_DENIED
    : Code.UNAVAILABLE;
  return { status: { code, message: why }, untouched: false };
}
