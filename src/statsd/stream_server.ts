/** What all stream listeners share: accepting, TLS, bounds, idle timeout, and a stop that loses nothing that arrived. */
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import type { Clock, Running } from "../clock/mod.ts";
import { formatAddress, type ListenAddress } from "./address.ts";
import { At } from "./stats.ts";
import { untilQuiet, untilStreamsQuiet } from "./stream_drain.ts";
import type { ConnectionLimit, ListenerLog } from "./stream_limit.ts";
import { listenOn } from "./stream_socket.ts";
import type { TlsSettings } from "./stream_tls.ts";

/** How a stream listener treats its connections. */
export interface StreamSettings {
  /** A connection on which nothing was completed for so long is closed; a TLS handshake must end within it too. */
  readonly idleTimeoutMs: number;
  /** For `tcp` addresses. */
  readonly tls: TlsSettings;
}

/** What a stream listener is given. */
export interface StreamDeps {
  /** The thread's counts. */
  readonly stats: Float64Array;
  /** Tells how long a connection has been idle. */
  readonly clock: Clock;
  /** Shared with the other listeners. */
  readonly limit: ConnectionLimit;
  readonly log: ListenerLog;
}

/** A listener. Disposing stops accepting, reads what has arrived and closes every connection. */
export interface StreamListener extends Running {
  /** Where it listens, with the port it got. */
  readonly address: ListenAddress;
}

/**
 * What a reader made of a chunk: it completed a line or frame, or none; `refused` closes the connection. A client that
 * sends a byte now and then but never completes anything is idle.
 */
export type Taken = "progress" | "nothing" | "refused";

/** Takes in the bytes of one connection, at once: the next chunk is read when it returns. */
export interface StreamReader {
  /** `chunk` is valid until the call returns. */
  push(chunk: Uint8Array): Taken;
  /** The client has sent everything. Not called when the connection ends in another way. */
  end(): void;
}

interface Connection {
  readonly raw: Socket;
  /** Carries the bytes once they can be read: `raw` itself, or TLS over it. */
  socket: Socket | undefined;
  /** By the clock's monotonic time. */
  deadlineMs: number;
}

/** Log lines of one listener in a second. */
const LINES_A_SECOND = 10;

/**
 * Listens on a `tcp` or `unix` address; each connection gets a reader of its own.
 *
 * @throws {LockHeld} when another instance has the path
 * @throws {SystemError} such as EADDRINUSE
 */
export async function startStreamServer(
  address: ListenAddress,
  settings: StreamSettings,
  deps: StreamDeps,
  newReader: () => StreamReader,
): Promise<StreamListener> {
  const server = createServer();
  const streams = new Streams(settings, deps, newReader);
  const usesTls = address.transport === "tcp" && settings.tls.mode !== "unencrypted";
  const tlsServer = usesTls ? newTlsServer(settings.tls, streams) : undefined;
  server.on("connection", (raw) => streams.accept(raw, tlsServer));
  const bound = await listenOn(server, address);
  streams.name = formatAddress(bound.address);
  server.on("error", (error) => streams.serverFailed(error));
  const idle = streams.closeIdle();
  const done = Promise.withResolvers<void>();
  idle.catch(done.reject);
  let stopped: Promise<void> | undefined;

  async function stop(): Promise<void> {
    // Connections that wait to be accepted would be reset: their clients believe that their lines were sent.
    await untilQuiet(() => streams.accepted);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    bound.release();
    if (streams.open > 0) await untilStreamsQuiet(() => streams.events);
    streams.closeAll();
    await Promise.all([closed, idle]);
    done.resolve();
  }

  return { address: bound.address, done: done.promise, [Symbol.asyncDispose]: () => stopped ??= stop() };
}

/** Does the TLS of sockets that it is handed; it doesn't listen itself. */
function newTlsServer({ mode, key, cert, ca }: TlsSettings, streams: Streams): TlsServer {
  const requires = mode === "authenticated" ? { ca: [...ca], requestCert: true, rejectUnauthorized: true } : {};
  const server = createTlsServer({ key, cert, ...requires });
  server.on("secureConnection", (socket) => streams.secured(socket));
  server.on("tlsClientError", (error, socket) => streams.handshakeFailed(error, socket));
  return server;
}

/** The connections of one listener. */
class Streams {
  readonly #settings: StreamSettings;
  readonly #deps: StreamDeps;
  readonly #newReader: () => StreamReader;
  /** For the log. */
  name = "";
  /** The first to become idle first: all wait equally long. */
  readonly #byDeadline = new Set<Connection>();
  readonly #handshakes = new Map<Socket, Connection>();
  readonly #stop = new AbortController();
  #accepted = 0;
  #events = 0;
  #logSecond = 0;
  #logged = 0;

  constructor(settings: StreamSettings, deps: StreamDeps, newReader: () => StreamReader) {
    this.#settings = settings;
    this.#deps = deps;
    this.#newReader = newReader;
  }

  accept(raw: Socket, tlsServer: TlsServer | undefined): void {
    const { stats, limit } = this.#deps;
    this.#accepted++;
    stats[At.tcpConnects]!++;
    raw.on("error", (error) => this.#log("debug", `Cannot go on with a connection: ${error.message}`));
    if (!limit.enter()) {
      raw.on("close", () => void stats[At.tcpDisconnects]!++);
      raw.destroy();
      return;
    }
    const connection: Connection = { raw, socket: undefined, deadlineMs: 0 };
    raw.on("close", () => this.#closed(connection));
    if (tlsServer === undefined) {
      this.#read(connection, raw);
    } else {
      this.#keep(connection);
      this.#handshakes.set(raw, connection);
      tlsServer.emit("connection", raw);
    }
  }

  /** A handshake succeeded; with it, the client has shown what was asked for. */
  secured(socket: TLSSocket): void {
    // The socket below is a property that has no type but is part of every implementation of `node:tls`.
    const raw: Socket | undefined = Reflect.get(socket, "_parent");
    const connection = raw && this.#handshakes.get(raw);
    socket.on("error", (error) => this.#log("debug", `Cannot go on with a TLS connection: ${error.message}`));
    if (connection === undefined || connection.raw.destroyed) {
      socket.destroy();
      return;
    }
    this.#events++;
    this.#handshakes.delete(connection.raw);
    this.#read(connection, socket);
  }

  /** Counted when its connection closes. */
  handshakeFailed(error: Error, socket: Socket): void {
    this.#log("debug", `Cannot agree on TLS with a client: ${error.message}`);
    socket.on("error", () => {}); // what follows is the same failure
    socket.destroy();
  }

  serverFailed(error: Error): void {
    this.#deps.stats[At.receiveErrors]!++;
    this.#log("warn", `Cannot accept a connection: ${error.message}`);
  }

  /** Closes what becomes idle, until `closeAll`. */
  async closeIdle(): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const nowMs = clock.monotonic();
      let nextMs = nowMs + this.#settings.idleTimeoutMs;
      for (const connection of this.#byDeadline) {
        if (connection.deadlineMs > nowMs) {
          nextMs = connection.deadlineMs;
          break;
        }
        this.#log("debug", `Closed a connection: ${connection.socket ? "nothing" : "no TLS handshake"} was completed`);
        this.#close(connection);
      }
      await clock.sleep(nextMs - nowMs, signal);
    }
  }

  /** How many have been accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Connections that have not been closed from here. */
  get open(): number {
    return this.#byDeadline.size;
  }

  /** Grows with everything that happens on a connection. */
  get events(): number {
    return this.#events;
  }

  closeAll(): void {
    this.#stop.abort();
    for (const connection of this.#byDeadline) this.#close(connection);
  }

  #read(connection: Connection, socket: Socket): void {
    const reader = this.#newReader();
    connection.socket = socket;
    this.#keep(connection);
    socket.on("data", (chunk: Uint8Array) => {
      if (socket.destroyed) return;
      this.#events++;
      // A plain array: parsers that also met Node's subclass would run slower for everyone.
      const taken = reader.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      if (taken === "progress") this.#keep(connection);
      else if (taken === "refused") this.#close(connection);
    });
    socket.on("end", () => {
      this.#events++;
      reader.end();
      this.#close(connection);
    });
  }

  /** Puts off the deadline. */
  #keep(connection: Connection): void {
    connection.deadlineMs = this.#deps.clock.monotonic() + this.#settings.idleTimeoutMs;
    this.#byDeadline.delete(connection);
    this.#byDeadline.add(connection);
  }

  #close(connection: Connection): void {
    this.#byDeadline.delete(connection);
    connection.socket?.destroy();
    connection.raw.destroy();
  }

  #closed(connection: Connection): void {
    const { stats, limit } = this.#deps;
    this.#events++;
    this.#byDeadline.delete(connection);
    limit.leave();
    stats[At.tcpDisconnects]!++;
    // A stop interrupts handshakes that did not fail.
    if (this.#handshakes.delete(connection.raw) && !this.#stop.signal.aborted) stats[At.tlsFailures]!++;
  }

  #log(level: "debug" | "warn", message: string): void {
    const second = Math.floor(this.#deps.clock.monotonic() / 1000);
    if (second !== this.#logSecond) [this.#logSecond, this.#logged] = [second, 0];
    if (this.#logged++ < LINES_A_SECOND) this.#deps.log(level, `${this.name}: ${message}`);
  }
}
