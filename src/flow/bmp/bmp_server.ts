/** Listens for routers that send their routes by BMP, and answers flows' questions from them. */
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { Clock, Running } from "../../clock/mod.ts";
import { parseAddress } from "../../config/mod.ts";
import { LinuxUnavailable, openTcpListener, receiveBuffer, setReceiveBuffer } from "../../linux/mod.ts";
import { newLogSampler, type Reporter, type SampledLog } from "../../telemetry/mod.ts";
import type { Routing } from "../enrich/routing.ts";
import { type BmpMetrics, newBmpMetrics } from "./bmp_metrics.ts";
import type { BmpSettings } from "./config.ts";
import { FrameBuffer } from "./frame_buffer.ts";
import { Rib } from "./rib.ts";
import { Station } from "./station.ts";

/** What the server is given. */
export interface BmpDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
}

/** A server that runs. */
export interface BmpServer extends Running, Routing {
  readonly address: { readonly hostname: string; readonly port: number };
  /** Routes of all peers that are found. */
  readonly routes: number;
  /** Peers, those of lost connections that are kept included. */
  readonly peers: number;
}

/** Connections at a time. */
const MOST_CONNECTIONS = 1000;
/** Octets of one connection that may wait. */
const MOST_WAITING_BYTES = 16 << 20;
/** Work is cut into slices of this length, between which flows are looked up. */
const SLICE_MS = 2;
/** Routes of removed peers that are taken out in a slice. */
const SWEPT_AT_ONCE = 5000;
const KEEPALIVE_MS = 60_000;

/**
 * Starts listening.
 *
 * @throws {SystemError} such as EADDRINUSE; without FFI, what `node:net` says
 */
export async function startBmpServer(settings: BmpSettings, deps: BmpDeps): Promise<BmpServer> {
  const { clock, reporter } = deps;
  const rib = new Rib();
  const metrics = newBmpMetrics(reporter.metrics);
  const connections = new Connections(settings, { rib, metrics, clock, reporter });
  const server = createServer((socket) => connections.accept(socket));
  const bound = await listenOn(server, settings, reporter);
  connections.bufferBytes = bound.bufferBytes;
  server.on("error", (error) => reporter.warn("Cannot accept a BMP connection", { error }));
  const forget = reporter.metrics.onCollect(() => connections.collect());
  const done = Promise.withResolvers<void>();
  let stopped: Promise<void> | undefined;

  async function stop(): Promise<void> {
    forget();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await connections.close();
    await closed;
    done.resolve();
  }

  return {
    address: bound.address,
    get routes() {
      return connections.routes;
    },
    get peers() {
      return connections.peers;
    },
    find: (words, at, nextHops, nextHopAt, found) => rib.find(words, at, nextHops, nextHopAt, found),
    done: done.promise,
    [Symbol.asyncDispose]: () => stopped ??= stop(),
  };
}

interface Bound {
  readonly address: { readonly hostname: string; readonly port: number };
  /** As the kernel tells it, twice what is granted; undefined where there is no FFI. */
  readonly bufferBytes: number | undefined;
}

async function listenOn(
  server: Server,
  { listen, receiveBufferBytes }: BmpSettings,
  reporter: Reporter,
): Promise<Bound> {
  const { hostname: name, port } = parseAddress(listen);
  const hostname = name === "" ? "::" : name === "localhost" ? "127.0.0.1" : name;
  let socket;
  try {
    socket = openTcpListener({ address: { hostname, port } });
  } catch (error) {
    if (!(error instanceof LinuxUnavailable) && !(error instanceof RangeError)) throw error;
    // No FFI, or a name that has to be resolved.
    await listening(server, { host: hostname, port });
    return { address: { hostname, port: (server.address() as AddressInfo).port }, bufferBytes: undefined };
  }
  try {
    // Connections inherit it from the socket that listens.
    if (receiveBufferBytes > 0) {
      const granted = setReceiveBuffer(socket.fd, receiveBufferBytes);
      if (granted < receiveBufferBytes) {
        reporter.warn(
          `Cannot have a receive buffer of ${receiveBufferBytes} bytes for BMP: the kernel grants ${granted}; ` +
            "raise net.core.rmem_max and net.ipv4.tcp_rmem",
        );
      }
    }
    const bufferBytes = 2 * receiveBuffer(socket.fd);
    await listening(server, { fd: socket.fd });
    socket.handOver();
    return { address: { hostname, port: socket.address.port }, bufferBytes };
  } catch (error) {
    socket.close();
    throw error;
  }
}

function listening(server: Server, options: { host: string; port: number } | { fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

interface Connection {
  readonly exporter: string;
  readonly socket: Socket;
  readonly frames: FrameBuffer;
  readonly station: Station;
  isPaused: boolean;
  /** Nothing more comes: what waits is handled, then it ends. */
  isEnding: boolean;
  isClosed: boolean;
}

class Connections {
  readonly #settings: BmpSettings;
  readonly #deps;
  readonly #log: SampledLog;
  /** Connections that are open or have messages left. */
  readonly #open = new Set<Connection>();
  /** Those that are lost, whose routes are kept for a while. */
  readonly #lost = new Set<Connection>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  /** Exporters that have shown in metrics. */
  readonly #exporters = new Set<string>();
  #isWorking = false;
  bufferBytes: number | undefined;

  constructor(settings: BmpSettings, deps: BmpDeps & { readonly rib: Rib; readonly metrics: BmpMetrics }) {
    this.#settings = settings;
    this.#deps = deps;
    this.#log = newLogSampler(deps.reporter, deps.clock).sampled("flow.bmp", 1);
  }

  get peers(): number {
    return this.#sum(({ peers }) => peers);
  }

  get routes(): number {
    return this.#sum(({ routes }) => routes);
  }

  #sum(of: (station: Station) => number): number {
    let sum = 0;
    for (const set of [this.#open, this.#lost]) for (const { station } of set) sum += of(station);
    return sum;
  }

  accept(socket: Socket): void {
    const { metrics } = this.#deps;
    const exporter = (socket.remoteAddress ?? "unknown").replace(/^::ffff:/i, "");
    const labels = { exporter };
    socket.on("error", (error) => this.#log.info(`A BMP connection of ${exporter} failed: ${error.message}`));
    if (this.#open.size >= MOST_CONNECTIONS || this.#stop.signal.aborted) {
      metrics.errors.inc(1, { exporter, error: "too many connections" });
      socket.destroy();
      return;
    }
    metrics.opened.inc(1, labels);
    if (this.bufferBytes !== undefined) metrics.bufferSize.set(this.bufferBytes, labels);
    this.#exporters.add(exporter);
    socket.setKeepAlive(true, KEEPALIVE_MS);
    const connection: Connection = {
      exporter,
      socket,
      frames: new FrameBuffer(),
      station: new Station(exporter, this.#settings, this.#deps),
      isPaused: false,
      isEnding: false,
      isClosed: false,
    };
    this.#open.add(connection);
    socket.on("data", (chunk: Uint8Array) => this.#receive(connection, chunk));
    socket.on("close", () => {
      metrics.closed.inc(1, labels);
      connection.isEnding = true;
      this.#work();
    });
  }

  #receive(connection: Connection, chunk: Uint8Array): void {
    if (connection.isClosed) return;
    const { metrics } = this.#deps;
    const { frames, exporter, socket } = connection;
    const count = frames.push(chunk);
    metrics.queueNotFull.inc(count, { exporter });
    if (frames.messages >= this.#settings.messageBuffer || frames.size >= MOST_WAITING_BYTES) {
      connection.isPaused = true;
      metrics.queueFull.inc(1, { exporter });
      socket.pause();
    }
    this.#work();
  }

  /** Handles what waits, slice by slice, until nothing does. */
  #work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#run(async () => {
      try {
        while (this.#slice()) await this.#yield();
      } finally {
        this.#isWorking = false;
      }
    });
  }

  /** Lets others have their turn. No clock: it is not time that is waited for. */
  #yield(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 0));
  }

  /** @returns whether something is left */
  #slice(): boolean {
    const endMs = performance.now() + SLICE_MS;
    let isLeft = this.#deps.rib.sweep(SWEPT_AT_ONCE);
    for (const connection of this.#open) {
      // One after another, so that a router with a full table holds no other up.
      for (let i = 0; i < 64 && !connection.isClosed; i++) {
        const message = connection.frames.next();
        if (message === undefined) break;
        this.#handle(connection, message);
      }
      this.#afterTurn(connection);
      if (this.#open.has(connection) && connection.frames.messages > 0) isLeft = true;
      if (performance.now() > endMs) return true;
    }
    return isLeft;
  }

  #handle(connection: Connection, message: Uint8Array): void {
    const { metrics } = this.#deps;
    const { exporter, station } = connection;
    try {
      if (!station.handle(message)) this.#end(connection);
    } catch (error) {
      // Nothing in a message should cause this; the router may try again, the others go on.
      metrics.panics.inc(1, { exporter });
      this.#log.error(`Cannot handle a BMP message of ${exporter}`, { error });
      this.#end(connection);
    }
  }

  #afterTurn(connection: Connection): void {
    const { frames, socket, exporter } = connection;
    if (frames.messages > 0 && !connection.isClosed) return;
    if (frames.fault !== undefined && !connection.isClosed) {
      this.#deps.metrics.errors.inc(1, { exporter, error: frames.fault });
      this.#log.warn(`Cannot read the BMP stream of ${exporter}: ${frames.fault}`);
      this.#end(connection);
    }
    if (connection.isPaused) {
      connection.isPaused = false;
      socket.resume();
    }
    if (connection.isEnding || connection.isClosed) this.#lose(connection);
  }

  #end(connection: Connection): void {
    connection.isClosed = true;
    connection.socket.destroy();
  }

  /** The router is gone; its routes are good for a while, in case it comes back. */
  #lose(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    connection.isClosed = true;
    if (connection.station.peers === 0) return;
    this.#lost.add(connection);
    const { clock } = this.#deps;
    this.#run(async () => {
      await clock.sleep(this.#settings.keepMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      this.#lost.delete(connection);
      connection.station.removeAll();
      this.#work();
    });
  }

  #run(task: () => Promise<void>): void {
    const running: Promise<void> = task().catch((error) => {
      this.#log.error("Cannot go on with BMP messages", { error });
    }).finally(() => this.#tasks.delete(running));
    this.#tasks.add(running);
  }

  /** Sets the gauges. */
  collect(): void {
    const { metrics } = this.#deps;
    for (const exporter of this.#exporters) {
      let peers = 0, routes = 0;
      let isThere = false;
      for (const set of [this.#open, this.#lost]) {
        for (const connection of set) {
          if (connection.exporter !== exporter) continue;
          isThere = true;
          peers += connection.station.peers;
          routes += connection.station.routes;
        }
      }
      metrics.peers.set(peers, { exporter });
      metrics.routes.set(routes, { exporter });
      if (isThere) continue;
      metrics.bufferSize.remove({ exporter });
      metrics.peers.remove({ exporter });
      metrics.routes.remove({ exporter });
      this.#exporters.delete(exporter);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const closed = [...this.#open].filter(({ socket }) => !socket.closed).map(({ socket }) =>
      new Promise<void>((resolve) => socket.once("close", () => resolve()))
    );
    for (const connection of this.#open) this.#end(connection);
    await Promise.all(closed);
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}
