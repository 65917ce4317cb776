import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** How a request came in. Hono apps find it as `c.env.connection`. */
export interface Connection {
  readonly transport: "tcp" | "unix";
  /** The address the client reached, without brackets; absent on a unix socket, and when the client is gone. */
  readonly localAddress?: string;
  readonly remoteAddress?: string;
  /** The client showed a certificate of the authority that is asked for. */
  readonly authenticated: boolean;
}

/** What requests bring beside themselves: `new Hono<{ Bindings: HttpBindings }>()`. */
export interface HttpBindings {
  readonly connection?: Connection;
}

/** What answers requests: a Hono app, or anything of its shape. */
export interface HttpApp {
  fetch(request: Request, bindings: HttpBindings): Response | Promise<Response>;
}

/** A request's body is longer than the server takes; reading it ends with this. */
export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
  readonly code = "http.body_too_large";

  constructor(maxBodyBytes: number) {
    super(`Cannot take the request: its body is longer than ${maxBodyBytes} bytes`);
  }
}

/** How {@link bridge} does it. */
export interface BridgeOptions {
  readonly transport: Connection["transport"];
  /** Clients have to show a certificate. */
  readonly authenticates: boolean;
  readonly maxBodyBytes: number;
  /** Whether the server stops: answers then end their connection. */
  readonly isStopping: () => boolean;
  /** Told of what the app threw. */
  readonly onError: (error: unknown) => void;
}

/**
 * Lets `app` answer a request of `node:http`. Bodies stream in both directions; the request's signal aborts when the
 * client goes away. Never rejects.
 */
export async function bridge(
  app: HttpApp,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: BridgeOptions,
): Promise<void> {
  const { maxBodyBytes, onError } = options;
  const gone = new AbortController();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  outgoing.on("error", () => gone.abort()); // the client closed while it was being written to
  const body = boundedBody(incoming, maxBodyBytes);
  let response: Response;
  if (Number(incoming.headers["content-length"] ?? 0) > maxBodyBytes) {
    response = tooLarge(maxBodyBytes);
  } else {
    const request = toRequest(incoming, body.stream, gone.signal);
    if (request === undefined) response = new Response("Bad Request\n", { status: 400 });
    else {
      try {
        response = await app.fetch(request, { connection: connectionOf(incoming.socket, options) });
      } catch (error) {
        if (!body.isTooLarge() && !gone.signal.aborted) onError(error);
        response = new Response("Internal Server Error\n", { status: 500 });
      }
      if (body.isTooLarge()) response = tooLarge(maxBodyBytes);
    }
  }
  // What is left of a body that nobody read must not be taken for the next request.
  const unread = !incoming.complete && !incoming.readableEnded && hasBody(incoming);
  if (unread || options.isStopping()) outgoing.setHeader("connection", "close");
  try {
    await send(response, outgoing, incoming.method === "HEAD");
  } catch (error) {
    if (!gone.signal.aborted) onError(error);
    outgoing.destroy(); // cut off, so that the client doesn't take a part for the whole
  }
}

function tooLarge(maxBodyBytes: number): Response {
  return new Response(`${new BodyTooLarge(maxBodyBytes).message}\n`, { status: 413 });
}

function hasBody(incoming: IncomingMessage): boolean {
  return incoming.headers["transfer-encoding"] !== undefined || Number(incoming.headers["content-length"] ?? 0) > 0;
}

/** The request, or `undefined` when its target, its Host or its method can't be one. */
function toRequest(incoming: IncomingMessage, body: ReadableStream, signal: AbortSignal): Request | undefined {
  const { method = "GET", url: target = "/", headers: { host = "localhost" } } = incoming;
  // A Host that is more than one would change what the path is.
  if (!/^[^\s/?#@\\]+$/.test(host)) return undefined;
  const scheme = isTls(incoming.socket) ? "https" : "http";
  const url = URL.parse(target.startsWith("/") ? `${scheme}://${host}${target}` : target); // RFC 9112 §3.2.2
  if (url === null || !url.protocol.startsWith("http")) return undefined;
  const headers = new Headers();
  const raw = incoming.rawHeaders;
  try {
    for (let i = 0; i + 1 < raw.length; i += 2) headers.append(raw[i]!, raw[i + 1]!);
    const withBody = method !== "GET" && method !== "HEAD" && hasBody(incoming);
    return new Request(url, { method, headers, signal, ...withBody ? { body, duplex: "half" } : {} } as RequestInit);
  } catch {
    return undefined; // TRACE, for one, is a method that a Request can't have
  }
}

/** The body as a stream that ends with {@link BodyTooLarge} where it gets too long. */
function boundedBody(incoming: IncomingMessage, maxBodyBytes: number) {
  let chunks: AsyncIterator<Uint8Array> | undefined;
  let bytes = 0;
  const isTooLarge = () => bytes > maxBodyBytes;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      chunks ??= incoming[Symbol.asyncIterator](); // only now: whoever doesn't ask gets no error either
      const { done, value } = await chunks.next();
      if (done) return controller.close();
      bytes += value.length;
      if (isTooLarge()) controller.error(new BodyTooLarge(maxBodyBytes));
      else controller.enqueue(value);
    },
  }, { highWaterMark: 0 });
  return { stream, isTooLarge };
}

async function send(response: Response, outgoing: ServerResponse, withoutBody: boolean): Promise<void> {
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) {
    if (name !== "set-cookie") outgoing.setHeader(name, value);
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
  if (response.body === null || withoutBody) {
    await response.body?.cancel();
    outgoing.end();
    return;
  }
  const reader = response.body.getReader();
  outgoing.on("close", () => void reader.cancel().catch(() => {})); // the stream's owner was told; its error says no more
  const first = await reader.read();
  if (first.done) return void outgoing.end();
  const second = reader.read();
  // Most answers are one piece, and are sent with their length; a stream that has to be waited for is not held back.
  if (await isOver(second)) return void outgoing.end(first.value);
  if (!outgoing.write(first.value)) await writable(outgoing);
  for (let chunk = await second; !chunk.done && !outgoing.destroyed; chunk = await reader.read()) {
    if (!outgoing.write(chunk.value)) await writable(outgoing);
  }
  outgoing.end();
}

/** Whether that read has ended the stream already. */
async function isOver(read: Promise<{ done: boolean }>): Promise<boolean> {
  const { promise: later, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, 0, false);
  const over = await Promise.race([read.then(({ done }) => done), later]);
  clearTimeout(timer);
  return over;
}

/** Resolves when more can be written, or never will be. */
function writable(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off("drain", done).off("close", done);
      resolve();
    };
    outgoing.on("drain", done).on("close", done);
    if (outgoing.destroyed) done();
  });
}

function connectionOf(socket: Socket, { transport, authenticates }: BridgeOptions): Connection {
  const { localAddress, remoteAddress } = socket;
  return {
    transport,
    // Where no certificate is asked for, the runtime calls every client authorized.
    authenticated: authenticates && isTls(socket) && socket.authorized,
    ...remoteAddress === undefined ? {} : { remoteAddress: unmapped(remoteAddress) },
    ...localAddress === undefined ? {} : { localAddress: unmapped(localAddress) },
  };
}

function isTls(socket: Socket): socket is TLSSocket {
  return "encrypted" in socket;
}

/** An IPv4 address on an IPv6 socket, as itself. */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
