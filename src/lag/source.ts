/** The lag source as the agent runs it: clusters and offsets topics in, judgements, pages and messages out. */
import type { Hono } from "@hono/hono";
import type { Clock, Running } from "../clock/mod.ts";
import type { Meter } from "../metric/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";
import { newUnreadSource } from "./cluster/unread_source.ts";
import { type ClusterWatch, startClusterWatch } from "./cluster/watch.ts";
import { type OffsetsReader, startOffsetsReader } from "./consumer/reader.ts";
import { type Evaluator, newCachingEvaluator } from "./evaluator/caching.ts";
import { Status } from "./evaluator/status.ts";
import { type LogLevelSetting, newLagApp } from "./http/app.ts";
import { burrowPage, ownPage } from "./http/metrics_page.ts";
import { startNotifier } from "./notifier/notifier.ts";
import { exposeLag } from "./own_metrics.ts";
import type { LagSourceConfig } from "./source_config.ts";
import { startStorage, type StorageCoordinator } from "./storage/coordinator.ts";

/** What the source is handed. */
export interface LagDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** Gets the groups' lag where the configuration says so. */
  readonly meter?: Meter;
  /** The level of the log, which a page can change. */
  readonly logLevel?: LogLevelSetting;
  /** The host's name, which answers carry. @default the machine's */
  readonly hostname?: string;
  /** The pages answer every path that nobody else does. */
  readonly answersAll?: boolean;
}

/** The source as it runs. */
export interface LagSource extends Running {
  readonly storage: StorageCoordinator;
  readonly evaluator: Evaluator;
  /** The pages `/v3/…` and `/burrow/…`. */
  readonly app: Hono;
  /** Whether every cluster and every offsets topic is being read. */
  readonly isReady: boolean;
  /** Prometheus text under the names of Burrow. */
  page(): Promise<string>;
  /** The same under names of ours, as much of it as the configuration says. */
  ownPage(): Promise<string>;
}

/**
 * Starts the source. Brokers that can't be reached, or refuse us, are tried again and again, and the log says why.
 *
 * @throws {StorageStartError} when what was kept can't be read
 * @throws {KafkaError} `kafka.tls` when a certificate's file can't be
 */
export async function startLag(config: LagSourceConfig, deps: LagDeps): Promise<LagSource> {
  const { clock, reporter } = deps;
  const storage = await startStorage(config.judge.storage, [...config.clusters.keys()], { clock, reporter });
  const source = new Source(config, deps, storage);
  try {
    source.start();
    return source;
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

class Source implements LagSource {
  readonly evaluator: Evaluator;
  readonly app: Hono;
  readonly #failed = Promise.withResolvers<void>();
  readonly done = this.#failed.promise;
  readonly #config: LagSourceConfig;
  readonly #deps: LagDeps;
  readonly #clusters = new Map<string, ClusterWatch>();
  readonly #readers: OffsetsReader[] = [];
  /** In the order of the start, storage left out. */
  readonly #parts: Running[] = [];
  readonly #stop = new AbortController();
  #endMetrics: (() => void) | undefined;
  #stopping: Promise<void> | undefined;

  constructor(config: LagSourceConfig, deps: LagDeps, readonly storage: StorageCoordinator) {
    this.#config = config;
    this.#deps = deps;
    this.done.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
    const { clock, logLevel } = deps;
    const records = newUnreadSource(this.#clusters);
    this.evaluator = newCachingEvaluator(config.judge.evaluator, { clock, storage, records });
    this.app = newLagApp({
      config,
      storage,
      evaluator: this.evaluator,
      isReady: () => this.isReady,
      hostname: deps.hostname ?? Deno.hostname(),
      answersAll: deps.answersAll ?? false,
      ...(logLevel === undefined ? {} : { logLevel }),
    });
  }

  get isReady(): boolean {
    return [...this.#clusters.values()].every(({ isReady }) => isReady) &&
      this.#readers.every(({ isStarted }) => isStarted);
  }

  start(): void {
    const { clock, reporter, meter } = this.#deps;
    const { store, positions } = this.storage;
    const { clusters, consumers, notifiers, groupRefreshMs } = this.#config;
    for (const [name, config] of clusters) {
      const ownGroups = [...consumers].filter(([, one]) => one.cluster === name).map(([one]) => `burrow-${one}`);
      const onReaped = (group: string) => this.evaluator.forget(name, group);
      const watch = startClusterWatch(name, config, { clock, reporter, store, ownGroups, onReaped });
      this.#clusters.set(name, watch);
      this.#add(watch);
    }
    for (const [name, config] of consumers) {
      const { topicRefreshMs } = clusters.get(config.cluster)!;
      const cluster = this.#clusters.get(config.cluster)!;
      const reader = startOffsetsReader(name, config, { clock, reporter, store, positions, cluster, topicRefreshMs });
      this.#readers.push(reader);
      this.#add(reader);
    }
    this.#endMetrics = exposeLag(reporter.metrics, store, [...this.#clusters.values()], this.#readers);
    if (notifiers.length > 0) {
      const isReady = () => this.isReady && this.#readers.every(({ hasCaughtUp }) => hasCaughtUp);
      const { evaluator } = this;
      this.#add(startNotifier(notifiers, { clock, reporter, store, evaluator, isReady, groupRefreshMs }));
    }
    if (this.#config.meter && meter !== undefined) this.#add(this.#measure(meter));
    this.storage.done.catch((error) => this.#failed.reject(error));
  }

  page(): Promise<string> {
    return burrowPage({ store: this.storage.store, evaluator: this.evaluator });
  }

  ownPage(): Promise<string> {
    return ownPage({ store: this.storage.store, evaluator: this.evaluator }, this.#config.metrics);
  }

  #add(part: Running): void {
    this.#parts.push(part);
    part.done.catch((error) => this.#failed.reject(error));
  }

  /** Hands the groups' lag to the aggregation, again and again. */
  #measure(meter: Meter): Running {
    const { clock } = this.#deps;
    const { signal } = this.#stop;
    const run = async (): Promise<void> => {
      while (!signal.aborted) {
        await clock.sleep(this.#config.meterIntervalMs, signal);
        if (!signal.aborted && this.isReady) await this.#measureOnce(meter);
      }
    };
    const done = run();
    return {
      done,
      [Symbol.asyncDispose]: async () => {
        this.#stop.abort();
        await done;
      },
    };
  }

  async #measureOnce(meter: Meter): Promise<void> {
    const { store } = this.storage;
    for (const cluster of store.clusters) {
      for (const group of store.cluster(cluster)?.consumers() ?? []) {
        const { status, totalLag, maxLagSeconds } = await this.evaluator.evaluate(cluster, group, true);
        if (status === Status.notFound) continue;
        const tags = [`cluster:${cluster}`, `consumer_group:${group}`];
        meter.gauge("kafka.consumer.lag", Number(totalLag), tags);
        meter.gauge("kafka.consumer.status", status, tags);
        if (maxLagSeconds !== null) meter.gauge("kafka.consumer.lag_seconds", maxLagSeconds, tags);
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= (async () => {
      this.#stop.abort();
      this.#endMetrics?.();
      try {
        for (const part of this.#parts.toReversed()) await part[Symbol.asyncDispose]();
      } finally {
        await this.storage[Symbol.asyncDispose]();
        this.#failed.resolve();
      }
    })();
  }
}
