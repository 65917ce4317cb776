/** The source in threads of its own: one that polls, and marshallers that write. */
import { type Backend, type BackendConfig, type BackendDeps, HURRY_MS, NetlinkUnavailable } from "./backend.ts";
import { newStats } from "./stats.ts";
import {
  Control,
  type FromMarshaller,
  type FromPoll,
  type MarshallerStart,
  type PollStart,
  type Shared,
} from "./threads.ts";

/** Starts the threads. @throws {NetlinkUnavailable} where netlink is not to be had; nothing is left running then */
export async function startThreadBackend(config: BackendConfig, deps: BackendDeps): Promise<Backend> {
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
  readonly #workers: Worker[] = [];
  readonly #shared: Shared;
  readonly #failed = Promise.withResolvers<never>();
  readonly #stopped: Promise<void>[] = [];
  #running: Promise<unknown> = Promise.resolve();
  done: Promise<void> = Promise.resolve();
  readonly stats: Float64Array<SharedArrayBuffer>[] = [];
  #stop: Promise<void> | undefined;

  constructor(config: BackendConfig, deps: BackendDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#shared = {
      control: new Int32Array(new SharedArrayBuffer(4 * Control.length)),
      inFlight: new Int32Array(new SharedArrayBuffer(4 * Math.max(1, config.tcpinfo.marshallers))),
    };
    this.#failed.promise.catch(() => {}); // `done` tells of it
  }

  async start(): Promise<void> {
    const { directory, tcpinfo, uuidPrefix } = this.#config;
    const ports: MessagePort[] = [];
    const started: Promise<void>[] = [];
    for (let i = 0; directory !== "" && i < tcpinfo.marshallers; i++) {
      const { port1, port2 } = new MessageChannel();
      ports.push(port1);
      started.push(this.#startMarshaller(i, port2));
    }
    await Promise.race([Promise.all(started), this.#failed.promise]);
    const stats = newStats();
    this.stats.push(stats);
    await Promise.race([
      this.#startPoll({
        config: tcpinfo,
        uuidPrefix,
        shared: this.#shared,
        stats,
        ports,
        reportsEvents: this.#deps.onEvents !== undefined,
      }),
      this.#failed.promise,
    ]);
    this.#running = Promise.all(this.#stopped);
    this.done = Promise.race([this.#running.then(() => {}), this.#failed.promise]);
    this.done.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
  }

  #startMarshaller(index: number, port: MessagePort): Promise<void> {
    const { tcpinfo: { archive, anonymizeIp, marshallers }, directory, uuidPrefix } = this.#config;
    const stats = newStats();
    this.stats.push(stats);
    const started = Promise.withResolvers<void>(), stopped = Promise.withResolvers<void>();
    this.#stopped.push(stopped.promise);
    const worker = this.#worker(new URL("./marshaller_worker.ts", import.meta.url));
    worker.onmessage = ({ data }: MessageEvent<FromMarshaller>) => {
      if (data.kind === "started") started.resolve();
      else if (data.kind === "warn") this.#deps.reporter.warn(data.message, data.fields);
      else stopped.resolve();
    };
    const start: MarshallerStart = {
      index,
      directory,
      uuidPrefix,
      fileAgeLimitMs: archive.fileAgeLimitMs,
      flushIntervalMs: archive.flushIntervalMs,
      bufferBytes: archive.bufferBytes / marshallers,
      fsync: archive.fsync,
      anonymizeIp,
      shared: this.#shared,
      stats,
      port,
    };
    worker.postMessage(start, [port]);
    return started.promise;
  }

  #startPoll(start: PollStart): Promise<void> {
    const started = Promise.withResolvers<void>(), stopped = Promise.withResolvers<void>();
    this.#stopped.push(stopped.promise);
    const worker = this.#worker(new URL("./poll_worker.ts", import.meta.url));
    worker.onmessage = ({ data }: MessageEvent<FromPoll>) => {
      switch (data.kind) {
        case "started":
          started.resolve();
          break;
        case "unavailable":
          started.reject(new NetlinkUnavailable(data.message));
          break;
        case "log":
          this.#deps.reporter[data.level](data.message);
          break;
        case "events":
          this.#deps.onEvents?.(data.events);
          break;
        case "stopped":
          stopped.resolve();
      }
    };
    worker.postMessage(start, [...start.ports]);
    return started.promise;
  }

  #worker(module: URL): Worker {
    const worker = new Worker(module, { type: "module" });
    worker.onerror = (event) => {
      event.preventDefault(); // or the runtime ends the process before anyone could report
      this.#failed.reject(event.error instanceof Error ? event.error : new Error(event.message));
    };
    this.#workers.push(worker);
    return worker;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop ??= (async () => {
      const { control } = this.#shared;
      Atomics.store(control, Control.stop, 1);
      Atomics.notify(control, Control.stop);
      const hurry = setTimeout(() => Atomics.store(control, Control.hurry, 1), HURRY_MS);
      try {
        await this.done;
      } finally {
        clearTimeout(hurry);
        this.terminate();
      }
    })();
  }

  /** Ends all threads at once. */
  terminate(): void {
    Atomics.store(this.#shared.control, Control.stop, 1);
    for (const worker of this.#workers) worker.terminate();
  }
}
