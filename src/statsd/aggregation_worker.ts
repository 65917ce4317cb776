/// <reference lib="deno.worker" />
/** The aggregation worker: stream listeners and their table, and at each flush all threads' tables and the encoding. */
import { AggregationCore, type CoreDeps } from "./core.ts";
import type { ForwardOutcome, ForwardParts } from "./forwarder.ts";
import type { Interval } from "./heart.ts";
import { ingestLines } from "./inline_backend.ts";
import { type Listeners, startListeners } from "./listeners.ts";
import {
  type AggregationStart,
  type FromAggregation,
  type ReaderInterval,
  sharedMonotonicMs,
  type ToAggregation,
} from "./threads.ts";

function tell(message: FromAggregation, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

/** Batches that an output may have taken in but not yet said it has: more would only fill the memory. */
const BATCHES_ON_THE_WAY = 4;

/** Turns of an output: `post` waits for one, `taken` gives it back. */
class Turns {
  readonly #free: number[] = [];
  readonly #waiting = new Map<number, (() => void)[]>();

  async take(output: number): Promise<void> {
    const free = this.#free[output] ?? BATCHES_ON_THE_WAY;
    this.#free[output] = free - 1;
    if (free > 0) return;
    await new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(output) ?? [];
      waiting.push(resolve);
      this.#waiting.set(output, waiting);
    });
  }

  giveBack(output: number): void {
    this.#free[output] = (this.#free[output] ?? BATCHES_ON_THE_WAY) + 1;
    this.#waiting.get(output)?.shift()?.();
  }
}

/** The worker's state once it is started. */
class Aggregation {
  readonly #core: AggregationCore;
  readonly #turns = new Turns();
  readonly #readers: { readonly port: MessagePort; latest: number; readonly arrived: ReaderInterval[] }[] = [];
  readonly #forwards = new Map<number, PromiseWithResolvers<ForwardOutcome | ForwardParts>>();
  #lastForward = 0;
  #listeners: Listeners | undefined;
  #flushes: Promise<void> = Promise.resolve();
  #arrival: () => void = () => {};
  readonly #start: AggregationStart;

  constructor(start: AggregationStart) {
    this.#start = start;
    const deps: CoreDeps = {
      budget: start.shared.budget,
      stats: start.stats,
      post: async (output, batch) => {
        await this.#turns.take(output);
        tell({ kind: "batch", output, batch }, [batch.bytes.buffer, batch.ends.buffer]);
      },
      forward: (body, series) => {
        const id = ++this.#lastForward;
        const outcome = Promise.withResolvers<ForwardOutcome | ForwardParts>();
        this.#forwards.set(id, outcome);
        tell({ kind: "forward", id, body, series }, [body.buffer]);
        return outcome.promise;
      },
      pause: () => new Promise((resolve) => setTimeout(resolve, 0)),
      monotonic: sharedMonotonicMs,
      ...(start.reportsRefused ? { onRefused: (refused) => tell({ kind: "refused", refused }) } : {}),
    };
    this.#core = new AggregationCore(start, deps);
  }

  async #listen(): Promise<void> {
    this.#listeners = await startListeners(this.#start, this.#core, (level, message) => {
      tell({ kind: "log", level, message });
    });
    tell({ kind: "listening", addresses: this.#listeners.addresses });
  }

  async handle(message: ToAggregation): Promise<void> {
    switch (message.kind) {
      case "start":
        throw new TypeError("Cannot start the aggregation twice");
      case "listen":
        await this.#listen();
        break;
      case "reader":
        this.#addReader(message.port);
        break;
      case "flush":
        this.#flushes = this.#flushes.then(() => this.#flush(message.epoch, message.timestamp));
        await this.#flushes;
        break;
      case "reconfigure":
        this.#flushes = this.#flushes.then(() => this.#core.reconfigure(message.flush, message.outputs));
        await this.#flushes;
        tell({ kind: "reconfigured" });
        break;
      case "taken":
        this.#turns.giveBack(message.output);
        break;
      case "forwarded":
        this.#forwards.get(message.id)?.resolve(message.outcome);
        this.#forwards.delete(message.id);
        break;
      case "import":
        this.#core.heart.setTime(Date.now(), sharedMonotonicMs());
        tell({ kind: "imported", id: message.id, error: this.#core.import(message.body, message.encoding) });
        break;
      case "lines":
        ingestLines(this.#core, message.bytes);
        break;
      case "stopListening":
        await this.#listeners?.[Symbol.asyncDispose]();
        tell({ kind: "quiet" });
        break;
      case "stop":
        await this.#flushes;
        for (const { port } of this.#readers) port.close();
        tell({ kind: "stopped" });
        self.close();
    }
  }

  #addReader(port: MessagePort): void {
    const reader = { port, latest: -1, arrived: [] as ReaderInterval[] };
    this.#readers.push(reader);
    port.onmessage = ({ data }: MessageEvent<ReaderInterval>) => {
      reader.arrived.push(data);
      reader.latest = data.epoch;
      this.#arrival();
    };
  }

  async #flush(epoch: number, timestamp: number): Promise<void> {
    // A reader looks at the epoch at least every few milliseconds; one that met two epochs at once answers the later.
    while (this.#readers.some((reader) => reader.latest < epoch)) {
      await new Promise<void>((resolve) => this.#arrival = resolve);
    }
    const intervals: Interval[] = [];
    for (const reader of this.#readers) intervals.push(...reader.arrived.splice(0).map(({ interval }) => interval));
    const report = await this.#core.flush(intervals, timestamp);
    tell({ kind: "flushed", epoch, report });
  }
}

let aggregation: Aggregation | undefined;

self.onmessage = async ({ data }: MessageEvent<ToAggregation>) => {
  try {
    if (data.kind === "start") aggregation = new Aggregation(data.start);
    else await aggregation?.handle(data);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? { code: String(error.code) } : {};
    tell({ kind: "failed", message: error instanceof Error ? error.message : String(error), ...code });
  }
};
