import type { Running } from "../../clock/mod.ts";
import type { Named, StorageConfig } from "../config.ts";
import { Channel } from "./channel.ts";
import { startInMemory, type StorageDeps } from "./inmemory.ts";
import type { LagStore } from "./lag_store.ts";
import type { StorageModule, Submitted } from "./module.ts";
import type { ReaderPositions } from "./positions.ts";
import type { StorageReply, StorageRequest } from "./request.ts";
import { startSqlite } from "./sqlite.ts";

/** A storage module that could not be started. */
export class StorageStartError extends Error {
  override readonly name = "StorageStartError";
  readonly code = "lag.storage_start";

  constructor(module: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`Error starting storage module: Cannot start ${module}: ${why}`, { cause });
  }
}

/** How long a request of the commit path waits for room; then it is lost, and counted. */
const LONGEST_WAIT_MS = 1_000;

/** Owns the one storage module, and hands it every request in the order in which they came. */
export interface StorageCoordinator extends Running {
  readonly module: StorageModule;
  /** Where everybody sends requests to. */
  readonly channel: Channel<Submitted>;
  /** What the module keeps, for whoever feeds or reads it in bulk. */
  readonly store: LagStore;
  readonly positions: ReaderPositions;
  /** Asks; nothing where what is asked for is not there, or storage has stopped. */
  fetch(request: StorageRequest): Promise<StorageReply | undefined>;
  /** Hands in a request and waits until it was handled. */
  set(request: StorageRequest): Promise<void>;
  /** Hands in a request and waits for room only, a second at most. @returns false if the request is lost */
  offer(request: StorageRequest): Promise<boolean>;
}

/**
 * Starts the module of a class, then the forwarding to it.
 *
 * @throws {StorageStartError} when the module does not start
 */
export async function startStorage(
  { name, config }: Named<StorageConfig>,
  clusters: readonly string[],
  deps: StorageDeps,
): Promise<StorageCoordinator> {
  const { clock, reporter } = deps;
  const lost = reporter.metrics.counter(
    "limier_lag_requests_lost_total",
    "Requests to storage that found no room within a second.",
  );
  let module: StorageModule;
  try {
    module = config.className === "sqlite"
      ? await startSqlite(name, config, clusters, deps)
      : startInMemory(name, config, clusters, deps);
  } catch (error) {
    throw new StorageStartError(name, error);
  }
  const channel = new Channel<Submitted>(config.queueDepth);

  async function forward(): Promise<void> {
    for (let next = await channel.receive(); next !== undefined; next = await channel.receive()) {
      if (await module.channel.send(next) !== "sent") next.reply(undefined);
    }
  }

  function fetch(request: StorageRequest): Promise<StorageReply | undefined> {
    return new Promise((resolve) => {
      channel.send({ request, reply: resolve }).then((sent) => {
        if (sent !== "sent") resolve(undefined);
      });
    });
  }

  let warnedMs = -Infinity;
  async function offer(request: StorageRequest): Promise<boolean> {
    const waited = new AbortController();
    const sent = channel.send({ request, reply: () => {} }, waited.signal);
    const ended = new AbortController();
    const timeout = clock.sleep(LONGEST_WAIT_MS, ended.signal).then(() => waited.abort());
    const outcome = await sent;
    ended.abort();
    await timeout;
    if (outcome === "sent") return true;
    lost.inc();
    if (clock.monotonic() - warnedMs >= LONGEST_WAIT_MS) {
      warnedMs = clock.monotonic();
      reporter.warn("a request to storage is lost: its queue was full for a second", { type: request.type });
    }
    return false;
  }

  const done = forward().then(() => module[Symbol.asyncDispose]());
  return {
    module,
    channel,
    store: module.store,
    positions: module.positions,
    fetch,
    set: async (request) => void await fetch(request),
    offer,
    done,
    async [Symbol.asyncDispose]() {
      channel.close();
      await done;
    },
  };
}
