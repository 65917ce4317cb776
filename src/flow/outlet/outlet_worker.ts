/// <reference lib="deno.worker" />
/** A thread with one worker of the outlet; its store, log and metrics are the main thread's. */
import { realClock, type Running } from "../../clock/mod.ts";
import type { SavedState } from "../decode/saved_state.ts";
import { ParcelPorts } from "../inlet/parcel_ports.ts";
import { RelayedRegistry, relayedReporter } from "../relayed_metrics.ts";
import type { InsertOutcome, RowBlock } from "../store/mod.ts";
import { type DirectWorker, startDirectWorker } from "./direct_worker.ts";
import { type KafkaWorker, startKafkaWorker } from "./kafka_worker.ts";
import type { FromOutlet, OutletStart, ToOutlet } from "./threads.ts";
import type { WorkerDeps } from "./worker.ts";

/** How often metrics are told. */
const METRICS_MS = 500;

const metrics = new RelayedRegistry();
/** Answers of the main thread that are waited for. */
class Answers<T> {
  readonly #waiting = new Map<number, PromiseWithResolvers<T>>();
  #lastId = 0;

  /** Asks under a number of its own. */
  ask(question: (id: number) => void): Promise<T> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<T>();
    this.#waiting.set(id, waiting);
    question(id);
    return waiting.promise;
  }

  /** Who is to be answered; the answer is waited for no more. */
  take(id: number): PromiseWithResolvers<T> | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}

const inserts = new Answers<InsertOutcome>();
const offsets = new Answers<ReadonlyMap<number, bigint>>();
const lessons = new Answers<void>();
let ports: ParcelPorts | undefined;
let worker: (Running & Pick<DirectWorker | KafkaWorker, "state" | "learn">) | undefined;
let direct: DirectWorker | undefined;
/** What others learnt before we had started. */
const early: SavedState[] = [];
let telling: ReturnType<typeof setInterval> | undefined;

function tell(message: FromOutlet, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

function tellMetrics(): void {
  const changes = metrics.changes();
  if (changes !== undefined) tell({ kind: "metrics", changes });
}

function insert(block: RowBlock, signal?: AbortSignal): Promise<InsertOutcome> {
  const ended = new AbortController();
  return inserts.ask((id) => {
    tell({ kind: "insert", id, block }, [block.octets.buffer as ArrayBuffer]);
    const withdraw = () => tell({ kind: "withdraw", id });
    if (signal?.aborted) withdraw();
    else signal?.addEventListener("abort", withdraw, { once: true, signal: ended.signal });
  }).finally(() => ended.abort());
}

function storedOffsets(topic: string): Promise<ReadonlyMap<number, bigint>> {
  return offsets.ask((id) => tell({ kind: "offsets", id, topic }));
}

function remember(learned: SavedState): Promise<void> {
  return lessons.ask((id) => tell({ kind: "remember", id, learned }));
}

async function start({ config, columns, name, clientId }: OutletStart): Promise<void> {
  const deps: WorkerDeps = {
    clock: realClock,
    reporter: relayedReporter(metrics, (line) => tell({ kind: "log", line })),
    store: { insert, storedOffsets },
    columns,
    name,
    clientId,
    onRates: (rates) => tell({ kind: "rates", rates }),
    onFlushed: (signal) => {
      tell({ kind: "batch", signal });
      tellMetrics();
    },
    remember,
  };
  telling = setInterval(tellMetrics, METRICS_MS);
  const { kafka } = config;
  if (kafka === undefined) {
    const started = worker = direct = await startDirectWorker(config, deps);
    ports = new ParcelPorts((parcel) => started.take(parcel));
  } else worker = await startKafkaWorker({ ...config, kafka }, deps);
  for (const learned of early.splice(0)) worker.learn(learned);
  worker.done.catch(fail);
  tell({ kind: "started" });
}

async function stop(): Promise<void> {
  await ports?.ended();
  await worker?.[Symbol.asyncDispose]();
  clearInterval(telling);
  tellMetrics();
  tell({ kind: "stopped", state: worker?.state() ?? { Version: 1, Decoders: {} } });
  self.close();
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  tell({ kind: "failed", message, ...(code === undefined ? {} : { code }) });
}

self.onmessage = ({ data }: MessageEvent<ToOutlet>) => {
  switch (data.kind) {
    case "start":
      start(data.start).catch(fail);
      break;
    case "reader":
      ports?.connect(data.port, data.control, data.pool);
      break;
    case "inserted":
      inserts.take(data.id)?.resolve(data.outcome);
      break;
    case "offsets": {
      const waiting = offsets.take(data.id);
      if (data.offsets === undefined) waiting?.reject(new Error("Cannot read the stored offsets: no store answers"));
      else waiting?.resolve(data.offsets);
      break;
    }
    case "remembered":
      lessons.take(data.id)?.resolve();
      break;
    case "learn":
      if (worker === undefined) early.push(data.learned);
      else worker.learn(data.learned);
      break;
    case "flush":
      (direct?.flush() ?? Promise.resolve()).then(() => {
        tellMetrics();
        tell({ kind: "flushed", id: data.id });
      }, fail);
      break;
    case "stop":
      stop().catch(fail);
  }
};
