/** The source in threads of its own: a reader for each datagram socket, and one aggregation worker. */
import { giveBackBlocksFrom, giveBackFreed, receiveDrops } from "../linux/mod.ts";
import type { ListenAddress } from "./address.ts";
import type { Backend, BackendConfig, BackendDeps } from "./backend.ts";
import type { FlushReport } from "./core.ts";
import type { ImportRequestError } from "./import_body.ts";
import { openReaderSockets, type ReaderSocket } from "./reader_sockets.ts";
import { newStats } from "./stats.ts";
import {
  Control,
  type FromAggregation,
  type FromReader,
  type ReaderStart,
  type Shared,
  sharedMonotonicMs,
  type ToAggregation,
} from "./threads.ts";

/**
 * From this size on, memory that a thread frees goes back to the kernel. The tables of a large interval grow to dozens of
 * megabytes and change threads at each flush; kept for later by each thread's allocator, they would be held several times.
 */
const LARGE_BLOCK_BYTES = 2 ** 20;
/** How often what the engine's compiler and the allocator keep for later is given back; it takes a millisecond or two. */
const GIVE_BACK_MS = 2_000;

/** Starts the threads. @throws {SystemError} when an address can't be bound; nothing is left running then */
export async function startThreadBackend(config: BackendConfig, deps: BackendDeps): Promise<Backend> {
  giveBackBlocksFrom(LARGE_BLOCK_BYTES);
  const threads = new Threads(config, deps);
  try {
    await threads.start();
    return threads;
  } catch (error) {
    threads.terminate();
    throw error;
  }
}

class Threads implements Backend {
  readonly #config: BackendConfig;
  readonly #deps: BackendDeps;
  readonly #sockets: ReaderSocket[] = [];
  readonly #shared: Shared = {
    control: new Int32Array(new SharedArrayBuffer(Control.length * 4)),
    budget: new Int32Array(new SharedArrayBuffer(4)),
  };
  /** One for all readers: a step of the clock must not put one before the other. */
  readonly #stampsToMonotonicMs = sharedMonotonicMs() - Date.now();
  readonly #aggregation: Worker;
  readonly #readers: { readonly worker: Worker; readonly stopped: Promise<void> }[] = [];
  readonly #flushing = new Map<number, PromiseWithResolvers<FlushReport>>();
  readonly #reconfiguring: PromiseWithResolvers<void>[] = [];
  readonly #imports = new Map<number, PromiseWithResolvers<ImportRequestError | undefined>>();
  #lastImport = 0;
  readonly #listening = Promise.withResolvers<void>();
  readonly #quiet = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly done = this.#stopped.promise;
  readonly stats: Float64Array<SharedArrayBuffer>[] = [newStats()];
  addresses: Backend["addresses"] = [];
  #drops = 0;
  #receiving = true;
  #givingBack: ReturnType<typeof setInterval> | undefined;
  #stop: Promise<void> | undefined;

  constructor(config: BackendConfig, deps: BackendDeps) {
    this.#config = config;
    this.#deps = deps;
    // Whoever waits for these hears of it; nobody has to.
    this.done.catch(() => {});
    this.#listening.promise.catch(() => {});
    this.#aggregation = new Worker(new URL("./aggregation_worker.ts", import.meta.url), { type: "module" });
    this.#aggregation.onmessage = ({ data }: MessageEvent<FromAggregation>) => this.#handle(data);
    this.#aggregation.onerror = (event) => this.#fail(event);
  }

  async start(): Promise<void> {
    const { statsd, core } = this.#config;
    const isDatagram = ({ transport }: ListenAddress) => transport === "udp" || transport === "unixgram";
    this.#tell({
      kind: "start",
      start: {
        statsd,
        ...core,
        shared: this.#shared,
        stats: this.stats[0]!,
        listen: statsd.listen.filter((address) => !isDatagram(address)),
        ssfListen: statsd.ssfListen,
        reportsRefused: this.#deps.onRefused !== undefined,
      },
    });
    await this.#startReaders(statsd.listen.filter(({ transport }) => transport === "udp"));
    await this.#deps.onReceiving?.();
    await this.#startReaders(statsd.listen.filter(({ transport }) => transport === "unixgram"));
    this.#tell({ kind: "listen" });
    await this.#listening.promise;
    const datagram = this.#sockets.map(({ address }) => address)
      .filter((address, i, all) => all.findIndex((a) => a.port === address.port && a.path === address.path) === i);
    this.addresses = [...datagram, ...this.addresses];
    giveBackFreed(); // what loading and compiling the program took
    this.#givingBack = setInterval(giveBackFreed, GIVE_BACK_MS);
  }

  async #startReaders(addresses: readonly ListenAddress[]): Promise<void> {
    const opened = await openReaderSockets(addresses, this.#config.statsd, this.#deps);
    this.#sockets.push(...opened);
    await Promise.all(opened.map((socket) => this.#startReader(socket)));
  }

  #startReader({ socket, isStamped }: ReaderSocket): Promise<void> {
    const stats = newStats();
    this.stats.push(stats);
    const channel = new MessageChannel();
    const worker = new Worker(new URL("./reader_worker.ts", import.meta.url), { type: "module" });
    const started = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    worker.onerror = (event) => {
      started.reject(new Error(event.message));
      this.#fail(event);
    };
    worker.onmessage = ({ data }: MessageEvent<FromReader>) => {
      switch (data.kind) {
        case "started":
          started.resolve();
          break;
        case "refused":
          this.#deps.onRefused?.(data.refused);
          break;
        case "receiveError":
          this.#deps.reporter.warn(data.message);
          break;
        case "stopped":
          stopped.resolve();
      }
    };
    this.#readers.push({ worker, stopped: stopped.promise });
    this.#aggregation.postMessage({ kind: "reader", port: channel.port1 } satisfies ToAggregation, [channel.port1]);
    const start: ReaderStart = {
      fd: socket.fd,
      datagramBytes: this.#config.statsd.metricMaxLength,
      config: this.#config.core.heart,
      shared: this.#shared,
      stats,
      port: channel.port2,
      reportsRefused: this.#deps.onRefused !== undefined,
      ...(isStamped ? { stampsToMonotonicMs: this.#stampsToMonotonicMs } : {}),
    };
    worker.postMessage(start, [channel.port2]);
    return started.promise;
  }

  drops(): number {
    if (this.#receiving) this.#drops = this.#sockets.reduce((sum, { socket }) => sum + receiveDrops(socket.fd), 0);
    return this.#drops;
  }

  flush(timestamp: number): Promise<FlushReport> {
    const epoch = Atomics.add(this.#shared.control, Control.epoch, 1) + 1;
    const flushing = Promise.withResolvers<FlushReport>();
    this.#flushing.set(epoch, flushing);
    this.#tell({ kind: "flush", epoch, timestamp });
    return flushing.promise;
  }

  reconfigure({ flush, outputs }: BackendConfig["core"]): Promise<void> {
    const taken = Promise.withResolvers<void>();
    this.#reconfiguring.push(taken);
    this.#tell({ kind: "reconfigure", flush, outputs });
    return taken.promise;
  }

  import(body: Uint8Array<ArrayBuffer>, encoding: string): Promise<ImportRequestError | undefined> {
    const id = ++this.#lastImport;
    const imported = Promise.withResolvers<ImportRequestError | undefined>();
    this.#imports.set(id, imported);
    this.#aggregation.postMessage({ kind: "import", id, body, encoding } satisfies ToAggregation, [body.buffer]);
    return imported.promise;
  }

  ingest(lines: Uint8Array<ArrayBuffer>): void {
    this.#aggregation.postMessage({ kind: "lines", bytes: lines } satisfies ToAggregation, [lines.buffer]);
  }

  async stopListening(): Promise<void> {
    if (this.#receiving) {
      Atomics.store(this.#shared.control, Control.stop, 1);
      this.#tell({ kind: "stopListening" });
      await Promise.all([this.#quiet.promise, ...this.#readers.map(({ stopped }) => stopped)]);
      this.drops();
      this.#receiving = false;
      for (const socket of this.#sockets) socket.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop ??= (async () => {
      await this.stopListening();
      clearInterval(this.#givingBack);
      this.#tell({ kind: "stop" });
      await this.done;
    })();
  }

  /** Ends all threads at once, and closes the sockets. */
  terminate(): void {
    clearInterval(this.#givingBack);
    this.#aggregation.terminate();
    for (const { worker } of this.#readers) worker.terminate();
    for (const socket of this.#sockets) socket.close();
  }

  #tell(message: ToAggregation): void {
    this.#aggregation.postMessage(message);
  }

  async #handle(message: FromAggregation): Promise<void> {
    switch (message.kind) {
      case "listening":
        this.addresses = message.addresses;
        this.#listening.resolve();
        break;
      case "batch":
        await this.#deps.deliver(message.output, message.batch);
        // Settled, so nobody needs it: its memory goes now, not when the collector comes by, some dozens of batches later.
        message.batch.bytes.buffer.transfer(0);
        this.#tell({ kind: "taken", output: message.output });
        break;
      case "forward": {
        const outcome = await this.#deps.forward?.(message.body, message.series) ?? "refused";
        this.#tell({ kind: "forwarded", id: message.id, outcome });
        break;
      }
      case "imported":
        this.#imports.get(message.id)?.resolve(message.error);
        this.#imports.delete(message.id);
        break;
      case "flushed":
        giveBackFreed();
        this.#flushing.get(message.epoch)?.resolve(message.report);
        this.#flushing.delete(message.epoch);
        break;
      case "refused":
        this.#deps.onRefused?.(message.refused);
        break;
      case "log":
        this.#deps.reporter[message.level](message.message);
        break;
      case "quiet":
        this.#quiet.resolve();
        break;
      case "stopped":
        this.#stopped.resolve();
        break;
      case "reconfigured":
        this.#reconfiguring.shift()?.resolve();
        break;
      case "failed": {
        const { code } = message;
        this.#failWith(Object.assign(new Error(message.message), code === undefined ? {} : { code }));
      }
    }
  }

  #fail(event: ErrorEvent): void {
    event.preventDefault(); // or the runtime ends the process before anyone could report
    this.#failWith(event.error instanceof Error ? event.error : new Error(event.message));
  }

  #failWith(error: Error): void {
    clearInterval(this.#givingBack);
    this.#listening.reject(error);
    for (const flushing of this.#flushing.values()) flushing.reject(error);
    this.#flushing.clear();
    for (const imported of this.#imports.values()) imported.reject(error);
    this.#imports.clear();
    for (const taken of this.#reconfiguring.splice(0)) taken.reject(error);
    this.#quiet.resolve();
    this.#stopped.reject(error);
  }
}
