/** A gRPC server over `node:http2`: connections, their bounds and their end. What a call does is in `server_call.ts`. */
import { constants, createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import type { Clock, Running } from "../clock/mod.ts";
import { type OpenCall, serveCall } from "./server_call.ts";
import type { GrpcMethods } from "./service.ts";
import { endApart } from "./session_end.ts";
import { Code, codeName, type GrpcStatus } from "./status.ts";

/** A server's certificate, PEM. */
export interface GrpcServerTls {
  readonly key: string;
  /** With those between it and its authority. */
  readonly cert: string;
  /** Clients must show a certificate of one of these; none: they need not. */
  readonly ca: readonly string[];
}

/** How a server treats its connections. */
export interface GrpcServerSettings {
  readonly tls?: GrpcServerTls;
  /** A connection on which nothing came for so long is closed; a TLS handshake must end within it too. */
  readonly idleTimeoutMs: number;
  /** Bytes that all calls together may hold of messages not yet complete. @default 256 MiB */
  readonly maxHeldBytes?: number;
}

/** What a server is given. */
export interface GrpcServerDeps {
  /** Makes the server listen, and gives what it stands on. */
  readonly listen: (server: Server) => Promise<{ release(): void }>;
  readonly clock: Clock;
  /** Resolves when `events()` no longer grows: nobody waits to be accepted, or sends any more. */
  readonly untilQuiet: (events: () => number, of: "connections" | "streams") => Promise<void>;
  /** Whether there is room for one more connection; each that there was room for is given back by `leave`. */
  readonly limit?: { enter(): boolean; leave(): void };
  readonly log: (level: "debug" | "warn", message: string) => void;
  /** Told of what happens to connections and calls. */
  readonly observe?: GrpcServerObserver;
}

/** Hears of what happens. */
export interface GrpcServerObserver {
  opened?(): void;
  closed?(): void;
  handshakeFailed?(): void;
  /** A call of that path ended. */
  ended?(path: string, status: GrpcStatus): void;
}

/** Calls that a connection may have open at a time; a client makes further ones wait. */
const MOST_CALLS = 100;
const MOST_HEADER_BYTES = 16_384;
const DEFAULT_HELD_BYTES = 256 * 1024 * 1024;
/** How often idle connections are looked for, in parts of the timeout. */
const LOOKS = 4;
/** Silence on TCP after which the kernel asks whether the peer is still there. */
const KEEP_ALIVE_MS = 60_000;

interface Connection {
  readonly raw: Socket;
  session: ServerHttp2Session | undefined;
  readonly calls: Set<OpenCall>;
  /** By the clock's monotonic time. */
  lastMs: number;
}

/**
 * Starts a server. Disposing stops accepting, takes in what has arrived, ends calls that are still open as UNAVAILABLE,
 * and closes every connection.
 *
 * @throws what `listen` throws
 */
export async function startGrpcServer(
  methods: GrpcMethods,
  settings: GrpcServerSettings,
  deps: GrpcServerDeps,
): Promise<Running> {
  const server = new Connections(methods, settings, deps);
  await server.start();
  return server;
}

class Connections implements Running {
  readonly #methods: GrpcMethods;
  readonly #settings: GrpcServerSettings;
  readonly #deps: GrpcServerDeps;
  readonly #server: Server = createServer();
  readonly #http2: Http2Server;
  readonly #tls: TlsServer | undefined;
  readonly #all = new Set<Connection>();
  /** Connections whose TLS is not agreed on yet. */
  readonly #handshakes = new Map<Socket, Connection>();
  /** Whose session is being made. */
  #opening: Connection | undefined;
  readonly #stop = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  readonly done = this.#done.promise;
  readonly #held = { bytes: 0 };
  #release: () => void = () => {};
  #accepted = 0;
  #events = 0;
  #idle: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(methods: GrpcMethods, settings: GrpcServerSettings, deps: GrpcServerDeps) {
    this.#methods = methods;
    this.#settings = settings;
    this.#deps = deps;
    this.#http2 = createHttp2Server({
      settings: { maxConcurrentStreams: MOST_CALLS, maxHeaderListSize: MOST_HEADER_BYTES, enablePush: false },
    });
    this.#http2.on("session", (session) => this.#opened(session));
    this.#http2.on("sessionError", (error: Error) => deps.log("debug", `Cannot go on with HTTP/2: ${error.message}`));
    this.#tls = settings.tls === undefined ? undefined : this.#newTlsServer(settings.tls);
    this.#server.on("connection", (raw) => this.#accept(raw));
  }

  async start(): Promise<void> {
    const { release } = await this.#deps.listen(this.#server);
    this.#release = release;
    this.#server.on("error", (error) => this.#deps.log("warn", `Cannot accept a connection: ${error.message}`));
    this.#idle = this.#closeIdle();
    this.#idle.catch(this.#done.reject);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopped ??= this.#end();
  }

  async #end(): Promise<void> {
    const { untilQuiet } = this.#deps;
    await untilQuiet(() => this.#accepted, "connections");
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#release();
    for (const { session } of this.#all) if (session?.destroyed === false) session.goaway(constants.NGHTTP2_NO_ERROR);
    if (this.#all.size > 0) await untilQuiet(() => this.#events, "streams");
    const calls = [...this.#all].flatMap((connection) => [...connection.calls]);
    for (const call of calls) call.stop();
    if (calls.length > 0) await untilQuiet(() => this.#events, "streams"); // their statuses are on their way
    this.#stop.abort();
    for (const connection of this.#all) this.#close(connection);
    await Promise.all([closed, this.#idle]);
    this.#done.resolve();
  }

  /** Does the TLS of sockets that it is handed; it doesn't listen itself. */
  #newTlsServer({ key, cert, ca }: GrpcServerTls): TlsServer {
    const requires = ca.length > 0 ? { ca: [...ca], requestCert: true, rejectUnauthorized: true } : {};
    const server = createTlsServer({ key, cert, ALPNProtocols: ["h2"], ...requires });
    server.on("secureConnection", (socket) => this.#secured(socket));
    server.on("tlsClientError", (error, socket) => {
      this.#deps.log("debug", `Cannot agree on TLS with a client: ${error.message}`);
      socket.on("error", () => {}); // what follows is the same failure
      socket.destroy();
    });
    return server;
  }

  #accept(raw: Socket): void {
    const { limit, observe, log } = this.#deps;
    this.#accepted++;
    observe?.opened?.();
    raw.on("error", (error) => log("debug", `Cannot go on with a connection: ${error.message}`));
    if (limit?.enter() === false) {
      raw.on("close", () => observe?.closed?.());
      raw.destroy();
      return;
    }
    raw.setKeepAlive(true, KEEP_ALIVE_MS);
    const connection: Connection = { raw, session: undefined, calls: new Set(), lastMs: this.#deps.clock.monotonic() };
    this.#all.add(connection);
    raw.on("close", () => this.#closed(connection));
    if (this.#tls === undefined) {
      this.#open(connection, raw);
      return;
    }
    this.#handshakes.set(raw, connection);
    this.#tls.emit("connection", raw);
  }

  /** A handshake succeeded; with it, the client has shown what was asked for. */
  #secured(socket: TLSSocket): void {
    // The socket below is a property that has no type but is part of every implementation of `node:tls`.
    const raw: Socket | undefined = Reflect.get(socket, "_parent");
    const connection = raw && this.#handshakes.get(raw);
    socket.on("error", (error) => this.#deps.log("debug", `Cannot go on with a TLS connection: ${error.message}`));
    if (connection === undefined || connection.raw.destroyed) {
      socket.destroy();
      return;
    }
    this.#handshakes.delete(connection.raw);
    this.#happened(connection);
    this.#open(connection, socket);
  }

  /** Speaks HTTP/2 on `socket`, which is the connection's own or TLS over it. */
  #open(connection: Connection, socket: Socket): void {
    this.#opening = connection;
    this.#http2.emit("connection", socket); // makes the session, at once
    this.#opening = undefined;
  }

  #opened(session: ServerHttp2Session): void {
    endApart(session);
    const connection = this.#opening;
    if (connection === undefined) {
      session.destroy();
      return;
    }
    connection.session = session;
    session.on("close", () => connection.raw.destroy());
    session.on("stream", (stream, headers) => {
      const path = String(headers[":path"] ?? "");
      this.#happened(connection);
      serveCall(stream, headers, {
        method: Object.hasOwn(this.#methods, path) ? this.#methods[path] : undefined,
        held: this.#held,
        maxHeldBytes: this.#settings.maxHeldBytes ?? DEFAULT_HELD_BYTES,
        clock: this.#deps.clock,
        happened: () => this.#happened(connection),
        opened: (call) => void connection.calls.add(call),
        ended: (call, status) => this.#ended(connection, call, path, status),
      });
    });
  }

  #happened(connection: Connection): void {
    this.#events++;
    connection.lastMs = this.#deps.clock.monotonic();
  }

  #ended(connection: Connection, call: OpenCall, path: string, status: GrpcStatus): void {
    connection.calls.delete(call);
    this.#happened(connection);
    const { observe, log } = this.#deps;
    observe?.ended?.(path, status);
    if (status.code !== Code.OK) log("debug", `${path} ended as ${codeName(status.code)}: ${status.message}`);
  }

  /** Closes what is idle, until the stop. One that watches is not: it waits to be told something. */
  async #closeIdle(): Promise<void> {
    const { clock, log } = this.#deps;
    const { idleTimeoutMs } = this.#settings;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(idleTimeoutMs / LOOKS, signal);
      const before = clock.monotonic() - idleTimeoutMs;
      for (const connection of this.#all) {
        if (connection.lastMs > before || [...connection.calls].some(({ watches }) => watches)) continue;
        log("debug", "Closed a connection: nothing came for too long");
        this.#close(connection);
      }
    }
  }

  #close(connection: Connection): void {
    connection.session?.destroy();
    connection.raw.destroy();
  }

  #closed(connection: Connection): void {
    const { limit, observe } = this.#deps;
    this.#events++;
    this.#all.delete(connection);
    for (const call of connection.calls) call.abandon();
    limit?.leave();
    observe?.closed?.();
    // A stop interrupts handshakes that did not fail.
    if (this.#handshakes.delete(connection.raw) && !this.#stop.signal.aborted) observe?.handshakeFailed?.();
  }
}
