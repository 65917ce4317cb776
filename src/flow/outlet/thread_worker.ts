/** A worker of the outlet in a thread of its own, as the main thread sees it. */
import type { OutletWorker, WorkerHooks } from "./hooks.ts";
import { settledOffsets } from "./settled_offsets.ts";
import type { FromOutlet, ToOutlet } from "./threads.ts";
import type { WorkerConfig } from "./worker.ts";

/** Starts a thread. @throws when the worker can't be started in it */
export async function startThreadWorker(config: WorkerConfig, hooks: WorkerHooks): Promise<OutletWorker> {
  const thread = new Thread(config, hooks);
  await thread.started;
  return thread;
}

class Thread implements OutletWorker {
  readonly #hooks: WorkerHooks;
  readonly #worker: Worker;
  readonly #started = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #inserts = new Map<number, AbortController>();
  readonly #flushes = new Map<number, () => void>();
  #lastFlush = 0;
  #stopping: Promise<void> | undefined;
  readonly started = this.#started.promise;
  readonly done = this.#stopped.promise;
  readonly sink: OutletWorker["sink"];

  constructor(config: WorkerConfig, hooks: WorkerHooks) {
    this.#hooks = hooks;
    this.done.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
    this.#worker = new Worker(new URL("./outlet_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<FromOutlet>) => this.#take(data);
    this.#worker.onerror = (event) => {
      event.preventDefault(); // or the runtime ends the process before anyone could report
      this.#fail(event.error instanceof Error ? event.error : new Error(event.message));
    };
    this.sink = config.kafka !== undefined ? undefined : {
      take: () => Promise.reject(new TypeError("unreachable: a thread takes parcels by ports")),
      connect: (port, control, pool) => this.#tell({ kind: "reader", port, control, pool }, [port]),
    };
    const { name, clientId, store, knowledge } = hooks;
    this.#tell({
      kind: "start",
      start: { config, columns: store.schema.ingested, name, clientId: `${clientId}-${name}` },
    });
    knowledge.join(name, (learned) => this.#tell({ kind: "learn", learned }));
  }

  #tell(message: ToOutlet, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #take(message: FromOutlet): void {
    const { reporter, metrics, name, onRates, onFlushed } = this.#hooks;
    switch (message.kind) {
      case "started":
        return this.#started.resolve();
      case "log": {
        const { level, message: text, fields } = message.line;
        return reporter[level](text, fields);
      }
      case "metrics":
        return metrics.take(name, message.changes);
      case "insert":
        return void this.#insert(message);
      case "withdraw":
        return this.#inserts.get(message.id)?.abort();
      case "offsets":
        return void this.#offsets(message);
      case "remember":
        return void this.#hooks.knowledge.take(name, message.learned)
          .then(() => this.#tell({ kind: "remembered", id: message.id }));
      case "rates":
        return onRates(message.rates);
      case "batch":
        return onFlushed(message.signal);
      case "flushed":
        this.#flushes.get(message.id)?.();
        this.#flushes.delete(message.id);
        return;
      case "stopped":
        return void this.#ended(message);
      case "failed":
        return this.#fail(
          Object.assign(new Error(message.message), message.code === undefined ? {} : { code: message.code }),
        );
    }
  }

  async #insert({ id, block }: Extract<FromOutlet, { kind: "insert" }>): Promise<void> {
    const withdrawn = new AbortController();
    this.#inserts.set(id, withdrawn);
    const outcome = await this.#hooks.store.insert(block, withdrawn.signal);
    this.#inserts.delete(id);
    this.#tell({ kind: "inserted", id, outcome });
  }

  async #offsets({ id, topic }: Extract<FromOutlet, { kind: "offsets" }>): Promise<void> {
    const { store, clock, knowledge } = this.#hooks;
    let offsets: ReadonlyMap<number, bigint> | undefined;
    try {
      await knowledge.caughtUp(); // a partition comes with what its last owner has learnt
      offsets = await settledOffsets(store, topic, clock);
    } catch (error) {
      this.#hooks.reporter.warn("Cannot read which flows are stored; it is tried again", { error });
    }
    this.#tell({ kind: "offsets", id, offsets });
  }

  async #ended({ state }: Extract<FromOutlet, { kind: "stopped" }>): Promise<void> {
    const { knowledge, metrics, name } = this.#hooks;
    knowledge.leave(name);
    await knowledge.take(name, state);
    metrics.forget(name);
    this.#stopped.resolve();
  }

  #fail(error: Error): void {
    this.#hooks.knowledge.leave(this.#hooks.name);
    this.#started.reject(error);
    this.#stopped.reject(error);
    for (const flushed of this.#flushes.values()) flushed();
    this.#worker.terminate();
  }

  flush(): Promise<void> {
    const id = ++this.#lastFlush;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#flushes.set(id, resolve);
    this.#tell({ kind: "flush", id });
    return promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= (async () => {
      this.#tell({ kind: "stop" });
      await this.done.catch(() => {}); // told by `done`
    })();
  }
}
