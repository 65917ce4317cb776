/** One call at a server: the headers' checks, its messages in, its status out ("gRPC over HTTP/2"). */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Clock } from "../clock/mod.ts";
import { ENCODINGS, frameMessages, MessageReader, parseEncoding } from "./messages.ts";
import type { AnsweringMethod, GrpcCall, GrpcMethod, WatchMethod } from "./service.ts";
import { Code, escapeMessage, type GrpcStatus, OK } from "./status.ts";
import { parseTimeout } from "./timeout.ts";

/** A call that has not ended. */
export interface OpenCall {
  /** It waits for the server's end, however long that takes. */
  readonly watches: boolean;
  /** Ends it because the server stops. */
  stop(): void;
  /** Its connection is gone. */
  abandon(): void;
}

/** What a call is served with. */
export interface CallDeps {
  /** `undefined`: there is no such method. */
  readonly method: GrpcMethod | undefined;
  /** What all calls of the server hold of messages that are not complete. */
  readonly held: { bytes: number };
  readonly maxHeldBytes: number;
  readonly clock: Clock;
  /** Told of all that comes. */
  readonly happened: () => void;
  readonly opened: (call: OpenCall) => void;
  readonly ended: (call: OpenCall, status: GrpcStatus) => void;
}

const HEADERS = { ":status": 200, "content-type": "application/grpc", "grpc-accept-encoding": ENCODINGS.join(",") };

/** Serves one call. */
export function serveCall(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, deps: CallDeps): void {
  stream.on("error", () => {}); // a caller that goes away; "close" follows, and tells
  const httpStatus = refusedAsHttp(headers);
  if (httpStatus !== undefined) {
    unlessGone(() => {
      stream.respond({ ":status": httpStatus }, { endStream: true });
      stream.close(constants.NGHTTP2_NO_ERROR);
    });
    return;
  }
  new Call(stream, deps).start(headers);
}

/** The HTTP status for what is no call of gRPC's at all. */
function refusedAsHttp(headers: IncomingHttpHeaders): number | undefined {
  if (headers[":method"] !== "POST") return 405;
  return /^application\/grpc(?:[+;]|$)/.test(headers["content-type"] ?? "") ? undefined : 415;
}

/** Does something with a stream whose caller may be gone, of which the stream tells by throwing. */
function unlessGone(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Error && String(Reflect.get(error, "code")).startsWith("ERR_HTTP2_"))) throw error;
  }
}

class Call implements OpenCall {
  readonly #stream: ServerHttp2Stream;
  readonly #deps: CallDeps;
  readonly #over = new AbortController();
  #reader: MessageReader | undefined;
  #heldBytes = 0;
  /** The request of a watch, once it is answered. */
  #watched: { readonly method: WatchMethod; readonly request: Uint8Array } | undefined;

  constructor(stream: ServerHttp2Stream, deps: CallDeps) {
    this.#stream = stream;
    this.#deps = deps;
  }

  get watches(): boolean {
    return this.#watched !== undefined;
  }

  start(headers: IncomingHttpHeaders): void {
    const { method, opened } = this.#deps;
    opened(this);
    this.#stream.on("close", () => this.abandon());
    if (method === undefined) {
      this.#end({ code: Code.UNIMPLEMENTED, message: `Cannot call ${headers[":path"]}: there is no such method` });
      return;
    }
    const named = headers["grpc-encoding"];
    const encoding = parseEncoding(named === undefined ? undefined : String(named));
    if (encoding === undefined) {
      this.#end({ code: Code.UNIMPLEMENTED, message: `Cannot read ${named}: send ${ENCODINGS.join(", ")}` });
      return;
    }
    if (!this.#startTimeout(headers["grpc-timeout"])) return;
    this.#reader = new MessageReader(method.maxMessageBytes, encoding);
    if (method.kind === "watch") this.#read(watchCall((request) => this.#watch(method, request)));
    else this.#read(method.kind === "unary" ? onlyOne(method) : method.newCall());
  }

  stop(): void {
    if (this.#watched !== undefined) {
      const { method, request } = this.#watched;
      unlessGone(() => this.#stream.write(frameMessages([method.last(request)])));
    }
    this.#end({ code: Code.UNAVAILABLE, message: "Cannot go on: the server stops" });
  }

  abandon(): void {
    this.#finish({ code: Code.CANCELLED, message: "the caller went away" });
  }

  /** False: the call is over already. */
  #startTimeout(header: string | string[] | undefined): boolean {
    if (header === undefined) return true;
    const ms = parseTimeout(String(header));
    if (ms === undefined) {
      this.#end({ code: Code.INTERNAL, message: `Cannot read grpc-timeout ${JSON.stringify(header)}: write 100m` });
      return false;
    }
    this.#deps.clock.sleep(ms, this.#over.signal).then(() => {
      this.#end({ code: Code.DEADLINE_EXCEEDED, message: "the caller's deadline is over" });
    });
    return true;
  }

  #read(call: GrpcCall): void {
    const stream = this.#stream, reader = this.#reader!;
    const { held, maxHeldBytes, happened } = this.#deps;
    const take = (message: Uint8Array) => call.message(message);
    stream.on("data", (chunk: Uint8Array) => {
      happened();
      if (this.#over.signal.aborted) return;
      // A plain array: parsers that also met Node's subclass would run slower for everyone.
      const refused = reader.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength), take);
      held.bytes += reader.heldBytes - this.#heldBytes;
      this.#heldBytes = reader.heldBytes;
      if (refused !== undefined) this.#end(refused);
      else if (held.bytes > maxHeldBytes && reader.heldBytes > 0) {
        this.#end({ code: Code.RESOURCE_EXHAUSTED, message: "Cannot hold more messages that are not complete" });
      }
    });
    stream.on("end", () => {
      happened();
      if (stream.aborted || stream.destroyed) this.abandon(); // the connection's end, not the request's
      if (this.#over.signal.aborted) return;
      const refused = reader.end();
      const answer = refused ?? call.end();
      if (!(answer instanceof Uint8Array)) this.#end(answer);
      else if (this.#watched === undefined) this.#answer(answer);
    });
  }

  /** Answers a watch, and leaves it open. */
  #watch(method: WatchMethod, request: Uint8Array): GrpcStatus | undefined {
    const answer = method.first(request);
    if (!(answer instanceof Uint8Array)) return answer;
    this.#watched = { method, request: request.slice() };
    this.#write(answer);
    return undefined;
  }

  #answer(message: Uint8Array): void {
    this.#write(message);
    this.#end(OK);
  }

  /** The one answer, which trailers follow. */
  #write(message: Uint8Array): void {
    unlessGone(() => {
      this.#stream.respond(HEADERS, { waitForTrailers: true });
      this.#stream.write(frameMessages([message]));
    });
  }

  #end(status: GrpcStatus): void {
    if (this.#over.signal.aborted) return;
    this.#finish(status);
    const stream = this.#stream;
    const trailers = {
      "grpc-status": String(status.code),
      ...(status.message === "" ? {} : { "grpc-message": escapeMessage(status.message) }),
    };
    unlessGone(() => {
      if (stream.headersSent) {
        stream.once("wantTrailers", () => unlessGone(() => stream.sendTrailers(trailers)));
        stream.end();
      } else stream.respond({ ...HEADERS, ...trailers }, { endStream: true });
      // What the caller still sends is of no use: RST_STREAM with NO_ERROR says so (RFC 9113 §8.1).
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #finish(status: GrpcStatus): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#deps.held.bytes -= this.#heldBytes;
    this.#heldBytes = 0;
    this.#reader = undefined;
    this.#deps.ended(this, status);
  }
}

/** A unary method's call: with one message, no less and no more. */
function onlyOne(method: AnsweringMethod): GrpcCall {
  const call = method.newCall();
  let messages = 0;
  return {
    message(bytes) {
      if (++messages > 1) return { code: Code.INTERNAL, message: "Cannot answer more than one message" };
      return call.message(bytes);
    },
    end: () => messages === 1 ? call.end() : { code: Code.INTERNAL, message: "Cannot answer: there is no message" },
  };
}

/** A watch as a call: what it is asked, it answers at once. */
function watchCall(ask: (request: Uint8Array) => GrpcStatus | undefined): GrpcCall {
  return onlyOne({
    kind: "unary",
    maxMessageBytes: 0,
    newCall: () => ({ message: ask, end: () => new Uint8Array(0) }),
  });
}
