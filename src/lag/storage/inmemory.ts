import type { Clock } from "../../clock/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import type { StorageConfig } from "../config.ts";
import { Channel } from "./channel.ts";
import { LagStore } from "./lag_store.ts";
import type { StorageModule, Submitted } from "./module.ts";
import { Outcome, OUTCOMES } from "./outcome.ts";
import { ReaderPositions } from "./positions.ts";
import type { StorageRequest } from "./request.ts";

/** What a storage module is handed. */
export interface StorageDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
}

/** A request with its place in the order in which requests were submitted. */
interface Numbered extends Submitted {
  readonly sequence: number;
}

/** How often groups are looked for whose time is over. */
const SWEEP_MS = 60_000;

/**
 * Starts the module that keeps everything in memory.
 *
 * Requests of one group go to one worker, and those about the ends of one topic too, so that each is handled in the order in
 * which it was submitted. A commit that a topic's deletion overtakes does not bring the topic back.
 *
 * @param clusters the clusters that there are
 */
export function startInMemory(
  name: string,
  config: StorageConfig,
  clusters: readonly string[],
  deps: StorageDeps,
): StorageModule {
  const { clock, reporter } = deps;
  const dropped = reporter.metrics.counter(
    "limier_lag_requests_dropped_total",
    "Requests to storage without effect, by reason.",
  );
  const store = new LagStore(config, clusters, (request, outcome) => {
    dropped.inc(1, { reason: OUTCOMES[outcome]! });
    const isOdd = outcome === Outcome.unknownCluster || outcome === Outcome.negativePartition ||
      request.type === "StorageSetBrokerOffset";
    if (isOdd) reporter.debug("a request to storage had no effect", { ...request, reason: OUTCOMES[outcome] });
  });
  store.setTime(clock.now());
  const input = new Channel<Submitted>(config.queueDepth);
  const queues = Array.from({ length: config.workers }, () => new Channel<Numbered>(config.queueDepth));
  const stop = new AbortController();
  let sequence = 0;
  let underWay = 0;

  async function dispatch(): Promise<void> {
    for (let next = await input.receive(); next !== undefined; next = await input.receive()) {
      underWay++;
      await queues[workerOf(next.request, queues.length)]!.send({ ...next, sequence: sequence++ });
    }
    for (const queue of queues) queue.close();
  }

  async function work(queue: Channel<Numbered>): Promise<void> {
    for (let next = await queue.receive(); next !== undefined; next = await queue.receive()) {
      store.setTime(clock.now());
      next.reply(store.handle(next.request, next.sequence));
      // With nothing on its way, nothing can be late for a deletion.
      if (--underWay === 0) store.forgetDeletions();
    }
  }

  async function sweep(): Promise<void> {
    while (!stop.signal.aborted) {
      await clock.sleep(SWEEP_MS, stop.signal);
      store.setTime(clock.now());
      store.sweep();
    }
  }

  const done = Promise.all([dispatch(), sweep(), ...queues.map(work)]).then(() => {});
  return {
    name,
    channel: input,
    store,
    positions: new ReaderPositions(),
    done,
    async [Symbol.asyncDispose]() {
      input.close();
      stop.abort();
      await done;
    },
  };
}

/** The worker that handles a request: by group where it is about one, else by topic. */
function workerOf(request: StorageRequest, workers: number): number {
  const { type, cluster, group, topic } = request;
  switch (type) {
    case "StorageSetConsumerOffset":
    case "StorageSetConsumerOwner":
    case "StorageSetDeleteGroup":
    case "StorageSetDeletePartition":
    case "StorageFetchConsumer":
    case "StorageClearConsumerOwners":
      return hashText(group, hashText(cluster, 0)) % workers;
    default:
      return hashText(topic, hashText(cluster, 1)) % workers;
  }
}

/** FNV-1a over UTF-16 units: any hash would do, as long as a name always has the same. */
function hashText(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash ^ hash >>> 15) >>> 0;
}
