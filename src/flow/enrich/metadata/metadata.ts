/** Names of exporters and interfaces: asked of providers in turn, kept in a cache, refreshed behind the flows' back. */
import type { Clock, Running } from "../../../clock/mod.ts";
import { newLogSampler, type Reporter } from "../../../telemetry/mod.ts";
import { Breakers } from "./breaker.ts";
import { readCacheFile, writeCacheFile } from "./cache_file.ts";
import type { MetadataSettings } from "./config.ts";
import type { Answer, Metadata, MetadataProvider } from "./facts.ts";
import { MetadataCache } from "./metadata_cache.ts";
import { newMetadataMetrics } from "./metadata_metrics.ts";

/** What the metadata are given. */
export interface MetadataDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** Asked in this order. They are disposed of with the metadata. */
  readonly providers: readonly MetadataProvider[];
}

/** Answers about interfaces. */
export interface MetadataSource extends Running {
  /** Whether there is anyone to ask. */
  readonly hasProviders: boolean;
  /** What the cache has: facts, `null` if there are none, undefined if nobody was asked. */
  lookup(exporter: string, ifIndex: number): Metadata | null | undefined;
  /**
   * Asks the providers, together with whoever asks the same. Resolves when there is an answer, which `lookup()` then
   * gives, or when nobody answered within the time; never rejects.
   */
  fetch(exporter: string, ifIndex: number): Promise<void>;
  /** Answers in the cache. */
  readonly size: number;
}

/** Answers that are kept. */
const MOST_KEPT = 100_000;
/** Questions that providers are asked at a time, and of these for refreshing. */
const MOST_QUERIES = 64;
const MOST_REFRESHES = 8;
/** Questions that may wait for their turn; further ones are refused, and asked again by the next flow. */
const MOST_WAITING = 10_000;

/** Starts answering: reads the cache file, and expires and refreshes answers as time goes by. */
export async function startMetadata(settings: MetadataSettings, deps: MetadataDeps): Promise<MetadataSource> {
  const asking = new Asking(settings, deps);
  await asking.restore();
  const stop = new AbortController();
  const done = asking.maintain(stop.signal);
  let stopped: Promise<void> | undefined;

  async function dispose(): Promise<void> {
    stop.abort();
    await done;
    for (const provider of deps.providers) provider[Symbol.dispose]();
    await asking.settled();
    await asking.save();
  }

  return {
    hasProviders: deps.providers.length > 0,
    lookup: (exporter, ifIndex) => asking.lookup(exporter, ifIndex),
    fetch: (exporter, ifIndex) => asking.fetch(exporter, ifIndex),
    get size() {
      return asking.size;
    },
    done,
    [Symbol.asyncDispose]: () => stopped ??= dispose(),
  };
}

class Asking {
  readonly #settings: MetadataSettings;
  readonly #deps: MetadataDeps;
  readonly #cache = new MetadataCache(MOST_KEPT);
  readonly #breakers = new Breakers();
  readonly #metrics;
  readonly #log;
  readonly #startMs: number;
  /** Questions under way, by exporter and interface. */
  readonly #pending = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(settings: MetadataSettings, deps: MetadataDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#metrics = newMetadataMetrics(deps.reporter.metrics, () => this.#cache.size);
    this.#log = newLogSampler(deps.reporter, deps.clock).sampled("flow.metadata", 1);
    this.#startMs = deps.clock.monotonic();
  }

  get size(): number {
    return this.#cache.size;
  }

  lookup(exporter: string, ifIndex: number): Metadata | null | undefined {
    const entry = this.#cache.use(exporter, ifIndex, this.#deps.clock.now());
    (entry === undefined ? this.#metrics.misses : this.#metrics.hits).inc();
    return entry?.answer;
  }

  async fetch(exporter: string, ifIndex: number): Promise<void> {
    const { clock } = this.#deps;
    const query = this.#query(exporter, ifIndex);
    const nowMs = clock.monotonic();
    // While providers come up, flows wait rather than being stored without names.
    const deadlineMs = Math.max(nowMs + this.#settings.queryTimeoutMs, this.#startMs + this.#settings.initialDelayMs);
    const answered = new AbortController();
    await Promise.race([query, clock.sleep(deadlineMs - nowMs, answered.signal)]);
    answered.abort();
  }

  /** One question, asked once however many want to know. A late answer is kept as well. */
  #query(exporter: string, ifIndex: number): Promise<void> {
    const key = `${exporter} ${ifIndex}`;
    let query = this.#pending.get(key);
    if (query === undefined) {
      query = this.#ask(exporter, ifIndex).finally(() => this.#pending.delete(key));
      this.#pending.set(key, query);
    }
    return query;
  }

  async #ask(exporter: string, ifIndex: number): Promise<void> {
    const { clock, providers } = this.#deps;
    if (!this.#breakers.allows(exporter, clock.monotonic())) return;
    if (!await this.#enter()) return;
    try {
      if (!this.#breakers.allows(exporter, clock.monotonic())) return; // it opened while this waited
      let answer: Answer = "skip";
      for (const provider of providers) {
        this.#metrics.requests.inc();
        answer = await provider.query(exporter, ifIndex);
        if (answer !== "skip") break;
        this.#metrics.skips.inc(1, { exporter });
      }
      this.#breakers.succeed(exporter);
      this.#cache.put(exporter, ifIndex, answer === "skip" ? null : answer, clock.now());
    } catch (error) {
      this.#metrics.errors.inc();
      this.#log.warn(`Cannot learn about interface ${ifIndex} of ${exporter}`, { error });
      if (this.#breakers.fail(exporter, clock.monotonic())) {
        this.#metrics.opens.inc(1, { exporter });
        this.#log.warn(`Cannot reach the metadata of ${exporter}: it is left alone for a minute`);
      }
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<boolean> {
    if (this.#running >= MOST_QUERIES) {
      if (this.#waiting.length >= MOST_WAITING) return false;
      await new Promise<void>((resolve) => this.#waiting.push(resolve)); // whoever leaves hands its place on
      return true;
    }
    this.#running++;
    return true;
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }

  /** Resolves when nothing is asked any more. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending.values());
  }

  async maintain(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const { cacheDurationMs, cacheRefreshMs, cacheCheckIntervalMs } = this.#settings;
    for (;;) {
      await clock.sleep(cacheCheckIntervalMs, signal);
      if (signal.aborted) return;
      const nowMs = clock.now();
      this.#metrics.expired.inc(this.#cache.expire(nowMs - cacheDurationMs));
      if (cacheRefreshMs > 0) await this.#refresh(nowMs - cacheRefreshMs, signal);
    }
  }

  async #refresh(beforeMs: number, signal: AbortSignal): Promise<void> {
    const stale = this.#cache.stale(beforeMs);
    this.#metrics.refreshRuns.inc();
    let next = 0;
    const worker = async () => {
      for (let entry = stale[next++]; entry !== undefined && !signal.aborted; entry = stale[next++]) {
        this.#metrics.refreshes.inc();
        await this.#query(entry.exporter, entry.ifIndex); // what can't be learned now stays as it is
      }
    };
    await Promise.all(Array.from({ length: MOST_REFRESHES }, worker));
  }

  async restore(): Promise<void> {
    const { cachePersistFile } = this.#settings;
    if (cachePersistFile === "") return;
    try {
      const entries = await readCacheFile(cachePersistFile, this.#deps.clock.now());
      for (const entry of entries) this.#cache.restore(entry);
    } catch (error) {
      this.#deps.reporter.warn(`Cannot use the metadata in ${cachePersistFile}: begun without`, { error });
    }
  }

  async save(): Promise<void> {
    const { cachePersistFile } = this.#settings;
    if (cachePersistFile === "") return;
    try {
      await writeCacheFile(cachePersistFile, this.#cache.entries());
    } catch (error) {
      this.#deps.reporter.warn(`Cannot keep the metadata in ${cachePersistFile}`, { error });
    }
  }
}
