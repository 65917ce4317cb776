/** The event socket: tells local programs of connections that open and close. */
import { createServer, type Server, type Socket } from "node:net";
import type { Clock, Running } from "../clock/mod.ts";
import { openUnixListener } from "../linux/mod.ts";
import type { Gauge, Reporter } from "../telemetry/mod.ts";
import { encodeEvent, type TcpEvent } from "./events_wire.ts";

/** How the socket behaves. */
export interface EventSocketOptions {
  /** Permissions of the socket's file: who may write to it may listen. @default {0o660} */
  readonly mode?: number;
  /**
   * The events that may wait for one client, beside the batch that is being sent to it. A burst may go beyond, up to 64
   * times as many, as long as the client goes on reading. @default {1000}
   */
  readonly queueEvents?: number;
  /** Clients at a time; more are turned away. @default {100} */
  readonly mostClients?: number;
}

/** What an event socket is given. */
export interface EventSocketDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
}

/**
 * Where events go. Disposing removes the socket's file, gives the clients a second to take what waits for them, and closes
 * them.
 */
export interface EventSocket extends Running {
  readonly path: string;
  /** Clients connected. */
  readonly clients: number;
  /** Clients that were disconnected because they did not keep up. */
  readonly slowClients: number;
  /**
   * Tells every client. Returns at once and never throws; what is published in one turn of the event loop is sent in one
   * piece. Without a client it costs nothing.
   */
  publish(event: TcpEvent): void;
}

/** How long the clients have to take what waits for them when the socket is closed. */
const LAST_WORDS_MS = 1000;
/** A client for which too much waits is given so long to take some of it. */
const STALL_MS = 1000;
/** So many times the queue is the end, however fast it reads: all of a large host's connections may close at once. */
const BURST_FACTOR = 64;
/** Batches are put together into writes of that size. */
const WRITE_BYTES = 65_536;

/**
 * Starts the server on a unix stream socket. Its path is held by a lock on `PATH.lock`; a socket that a dead program left
 * there is removed, one that still answers or a file that is no socket is not.
 *
 * Each client has a queue of its own; what waits in several is in memory once. A client for which more than `queueEvents`
 * wait is disconnected if it takes nothing of it for a second, so that no client holds up another, nor the one who publishes.
 * A client hears events from when it connects; what it says is ignored.
 *
 * @throws {LockHeld} when another instance has the path
 * @throws {SystemError} such as EADDRINUSE
 * @throws {RangeError} when the path cannot be an address
 * @throws {LinuxUnavailable}
 *
 * @example
 * ```ts
 * import { realClock } from "../clock/mod.ts";
 * import { recordingReporter } from "../telemetry/mod.ts";
 * import { startEventSocket } from "./mod.ts";
 *
 * const path = `${Deno.makeTempDirSync()}/events.sock`;
 * await using events = await startEventSocket(path, { clock: realClock, reporter: recordingReporter() });
 * events.publish({ kind: "close", timestamp: "2024-03-01T00:00:03.5Z", uuid: "host_1700000000_00000000000003E8" });
 * ```
 */
export async function startEventSocket(
  path: string,
  deps: EventSocketDeps,
  options: EventSocketOptions = {},
): Promise<EventSocket> {
  const { clock, reporter } = deps;
  const listener = openUnixListener(path);
  const server = createServer();
  try {
    if (!path.startsWith("@")) Deno.chmodSync(path, options.mode ?? 0o660);
    await listening(server, listener.fd);
  } catch (error) {
    listener.close();
    throw error;
  }
  listener.handOver();
  const clients = new Clients(path, deps, options);
  server.on("connection", (socket) => clients.accept(socket));
  server.on("error", (error) => reporter.warn(`Cannot accept a client of ${path}: ${error.message}`));
  const done = Promise.withResolvers<void>();
  let stopped: Promise<void> | undefined;

  async function stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    listener.close();
    const timeUp = new AbortController();
    await Promise.race([clients.drained(), clock.sleep(LAST_WORDS_MS, timeUp.signal)]);
    timeUp.abort();
    clients.closeAll();
    await closed;
    done.resolve();
  }

  return {
    path,
    get clients() {
      return clients.count;
    },
    get slowClients() {
      return clients.slow;
    },
    publish: (event) => clients.publish(event),
    done: done.promise,
    [Symbol.asyncDispose]: () => stopped ??= stop(),
  };
}

function listening(server: Server, fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ fd }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Events that were published in one turn, encoded once for all clients. */
interface EventBatch {
  readonly bytes: Uint8Array;
  readonly events: number;
}

const encoder = new TextEncoder();

/** The clients of one socket. */
class Clients {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  readonly #queueEvents: number;
  readonly #mostClients: number;
  readonly #stop = new AbortController();
  readonly #open = new Set<Client>();
  readonly #gauge: Gauge;
  #lines: string[] = [];
  #stopping = false;
  slow = 0;

  constructor(path: string, { clock, reporter }: EventSocketDeps, options: EventSocketOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#reporter = reporter;
    this.#queueEvents = options.queueEvents ?? 1000;
    this.#mostClients = options.mostClients ?? 100;
    const { metrics } = reporter;
    this.#gauge = metrics.gauge("limier_tcpinfo_event_clients", "Programs that listen to the event socket.");
    this.#gauge.set(0);
    metrics.counter(...DISCONNECTED).child({ reason: "slow" });
    metrics.counter(...DISCONNECTED).child({ reason: "limit" });
    metrics.counter(...DROPPED).inc(0);
  }

  get count(): number {
    return this.#open.size;
  }

  accept(socket: Socket): void {
    socket.on("error", () => socket.destroy()); // a client that went away; "close" follows and says what is to be done
    if (this.#stopping || this.#open.size >= this.#mostClients) {
      socket.destroy();
      this.#reporter.metrics.counter(...DISCONNECTED).inc(1, { reason: "limit" });
      this.#reporter.debug(`Cannot take another client of ${this.#path}: ${this.#open.size} are connected`);
      return;
    }
    const client = new Client(socket);
    this.#open.add(client);
    this.#gauge.set(this.#open.size);
    socket.on("close", () => this.#forget(client));
    socket.resume(); // what it says is ignored; that it hangs up is noticed this way
  }

  publish(event: TcpEvent): void {
    if (this.#open.size === 0 || this.#stopping) return;
    this.#lines.push(encodeEvent(event));
    if (this.#lines.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (this.#lines.length === 0) return;
    const batch = { bytes: encoder.encode(this.#lines.join("")), events: this.#lines.length };
    this.#lines = [];
    for (const client of this.#open) {
      client.offer(batch);
      if (client.waitingEvents > this.#queueEvents * BURST_FACTOR) this.#disconnectSlow(client);
      else if (client.waitingEvents > this.#queueEvents && !client.isWatched) this.#watch(client);
    }
  }

  /** Waits until a client has caught up; disconnects it if it stands still. */
  async #watch(client: Client): Promise<void> {
    client.isWatched = true;
    while (this.#open.has(client) && client.waitingEvents > this.#queueEvents) {
      const before = client.sent;
      await this.#clock.sleep(STALL_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      const isBehind = this.#open.has(client) && client.waitingEvents > this.#queueEvents;
      if (isBehind && client.sent === before) this.#disconnectSlow(client);
    }
    client.isWatched = false;
  }

  #disconnectSlow(client: Client): void {
    const dropped = client.waitingEvents;
    this.slow++;
    this.#forget(client);
    client.close();
    this.#reporter.metrics.counter(...DISCONNECTED).inc(1, { reason: "slow" });
    this.#reporter.metrics.counter(...DROPPED).inc(dropped);
    this.#reporter.warn(`Disconnected a client of ${this.#path}: it does not keep up`, { dropped });
  }

  #forget(client: Client): void {
    if (this.#open.delete(client)) this.#gauge.set(this.#open.size);
  }

  /** Takes no more events, and resolves when all clients have theirs. */
  async drained(): Promise<void> {
    this.#flush();
    this.#stopping = true;
    await Promise.all([...this.#open].map((client) => client.finished()));
  }

  closeAll(): void {
    this.#stop.abort();
    for (const client of this.#open) {
      client.close();
      this.#forget(client);
    }
  }
}

const DISCONNECTED = [
  "limier_tcpinfo_event_clients_disconnected_total",
  "Clients of the event socket that were turned away or cut off.",
] as const;
const DROPPED = ["limier_tcpinfo_events_dropped_total", "Events that clients did not take in time."] as const;

/** One connection, and what waits for it. */
class Client {
  readonly #socket: Socket;
  #waiting: EventBatch[] = [];
  #isSending = false;
  /** Events that wait, without those being sent. */
  waitingEvents = 0;
  /** Writes that the client has taken. */
  sent = 0;
  isWatched = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Sends a batch, now or in its turn. */
  offer(batch: EventBatch): void {
    if (!this.#isSending) return this.#send(batch.bytes);
    this.#waiting.push(batch);
    this.waitingEvents += batch.events;
  }

  #send(bytes: Uint8Array): void {
    this.#isSending = true;
    this.#socket.write(bytes, (error) => {
      this.#isSending = false;
      this.sent++;
      if (error || this.#socket.destroyed) return; // "close" follows
      if (this.#waiting.length > 0) this.#send(this.#takeWaiting());
    });
  }

  /** The next that waits: a large batch as it is, small ones together. */
  #takeWaiting(): Uint8Array {
    let bytes = 0, count = 0;
    for (const batch of this.#waiting) {
      if (count > 0 && bytes + batch.bytes.length > WRITE_BYTES) break;
      bytes += batch.bytes.length;
      count++;
    }
    const batches = this.#waiting.splice(0, count);
    for (const { events } of batches) this.waitingEvents -= events;
    if (batches.length === 1) return batches[0]!.bytes; // shared with other clients: not copied
    const all = new Uint8Array(bytes);
    let at = 0;
    for (const one of batches) {
      all.set(one.bytes, at);
      at += one.bytes.length;
    }
    return all;
  }

  /** Ends the connection behind what waits. Resolves when it is closed, by whichever side. */
  finished(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once("close", () => resolve());
      while (this.#waiting.length > 0) socket.write(this.#takeWaiting());
      socket.end();
    });
  }

  close(): void {
    this.#waiting = [];
    this.waitingEvents = 0;
    this.#socket.destroy();
  }
}
