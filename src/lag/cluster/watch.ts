/** One cluster as it is now: its topics, the ends of their partitions, the groups that its brokers list. */
import type { Clock, Running } from "../../clock/mod.ts";
import { KafkaCluster, KafkaError, listGroups, listOffsets, type OffsetAnswer, OffsetAt } from "../../kafka/mod.ts";
import { newLogSampler, type Reporter } from "../../telemetry/mod.ts";
import { type ConnectionProfile, kafkaOptions } from "../connection.ts";
import type { LagStore } from "../storage/lag_store.ts";
import type { ClusterConfig } from "./config.ts";
import { GroupReaper } from "./reaper.ts";
import { ClusterTopics } from "./topics.ts";
import { versionWarning } from "./version_check.ts";

/** What a watch is handed. */
export interface ClusterWatchDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly store: LagStore;
  /** Groups that brokers do not list and that are not gone all the same. */
  readonly ownGroups: readonly string[];
  /** Told of groups that were removed because brokers do not list them any more. */
  readonly onReaped?: (group: string) => void;
}

/** A cluster that is watched. */
export interface ClusterWatch extends Running {
  readonly name: string;
  /** For reading single records; nobody waits on its fetches. */
  readonly kafka: KafkaCluster;
  /** Resolves when topics and ends were stored for the first time, or the watch was stopped. */
  readonly ready: Promise<void>;
  readonly isReady: boolean;
  /** Whether the last look at it succeeded. */
  readonly isHealthy: boolean;
  readonly topics: Pick<ClusterTopics, "leaderOf" | "logStartOf" | "countOf" | "size" | "partitions">;
  /** Calls `begin` before topics are looked up anew, and what it returns when that is done and their ends are stored. */
  onRefresh(begin: () => () => void): void;
}

/** Tries again: at first after this, then after twice the time before, up to the longest. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5_000;

/** Starts to watch; brokers that can't be reached are tried again and again. @throws {KafkaError} on unreadable files */
export function startClusterWatch(name: string, config: ClusterConfig, deps: ClusterWatchDeps): ClusterWatch {
  return new Watch(name, config, deps);
}

class Watch implements ClusterWatch {
  readonly kafka: KafkaCluster;
  readonly topics: ClusterTopics;
  readonly #ready = Promise.withResolvers<void>();
  readonly ready = this.#ready.promise;
  readonly done: Promise<void>;
  isReady = false;
  isHealthy = false;
  readonly #config: ClusterConfig;
  readonly #deps: ClusterWatchDeps;
  readonly #stop = new AbortController();
  readonly #listeners: (() => () => void)[] = [];
  readonly #reaper = new GroupReaper();
  /** Topics are looked up at the next tick. */
  #stale = true;
  #topicsDueMs = 0;
  #versionChecked = false;
  readonly #sampled;
  readonly #refreshes;
  #metadata: Awaited<ReturnType<KafkaCluster["metadata"]>> | undefined;

  constructor(readonly name: string, config: ClusterConfig, deps: ClusterWatchDeps) {
    this.#config = config;
    this.#deps = deps;
    this.kafka = new KafkaCluster(kafkaOptions(config.brokers, config.profile, deps.clock));
    this.topics = new ClusterTopics(deps.store.cluster(name)?.topics());
    this.#sampled = newLogSampler(deps.reporter, deps.clock).sampled(`cluster ${name}`, 1);
    this.#refreshes = deps.reporter.metrics.counter(
      "limier_lag_cluster_refreshes_total",
      "Looks at a cluster's partitions, by how they ended.",
    );
    this.done = Promise.all([this.#watch(), this.#reap()]).then(() => {});
  }

  onRefresh(begin: () => () => void): void {
    this.#listeners.push(begin);
  }

  async #watch(): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#stop;
    let failures = 0;
    let atMs = clock.monotonic();
    while (!signal.aborted) {
      try {
        await this.#tick();
        failures = 0;
        this.isHealthy = true;
        this.#refreshes.inc(1, { cluster: this.name, result: "ok" });
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof KafkaError)) throw error;
        failures++;
        this.isHealthy = false;
        this.#stale = true;
        this.#refreshes.inc(1, { cluster: this.name, result: error.label });
        this.#tellOfFailure(error);
      }
      atMs += this.#config.offsetRefreshMs;
      const nowMs = clock.monotonic();
      if (atMs < nowMs) atMs = nowMs;
      const retryMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
      const waitMs = failures > 0 && !this.isReady
        ? retryMs
        : Math.min(atMs - nowMs, failures > 0 ? retryMs : Infinity);
      await clock.sleep(Math.max(waitMs, 50), signal);
    }
    this.#ready.resolve();
  }

  #tellOfFailure(error: KafkaError): void {
    const { brokers, profile } = this.#config;
    this.#deps.reporter.error(`Cannot read cluster ${this.name}: ${error.message}`, {
      cluster: this.name,
      servers: brokers.join(),
      ...userFields(profile),
      reason: error.label,
    });
  }

  async #tick(): Promise<void> {
    const { clock, store } = this.#deps;
    const { signal } = this.#stop;
    let refreshed: readonly (() => void)[] = [];
    if (this.#stale || this.#metadata === undefined || clock.monotonic() >= this.#topicsDueMs) {
      refreshed = this.#listeners.map((begin) => begin());
      this.#metadata = await this.kafka.metadata(null, { signal });
      this.#stale = false;
      this.#topicsDueMs = clock.monotonic() + this.#config.topicRefreshMs;
      this.#takeTopics();
      if (!this.#versionChecked) await this.#checkVersion();
    }
    const metadata = this.#metadata;
    const ask = (timestampMs: number) =>
      listOffsets(this.kafka, metadata, this.topics.queries(timestampMs), { signal });
    const [starts, ends] = await Promise.all([ask(OffsetAt.earliest), ask(OffsetAt.latest)]);
    if (signal.aborted) return;
    store.setTime(clock.now());
    for (const { topic, partition, error, offset } of starts.answers) {
      if (error === 0) this.topics.startMeasured(topic, partition, offset);
    }
    for (const answer of ends.answers) this.#takeEnd(answer);
    const failure = ends.failures[0] ?? starts.failures[0];
    if (failure !== undefined) {
      this.#stale = true;
      if (ends.answers.length === 0) throw failure;
      this.#sampled.warn(`Cannot measure all partitions of cluster ${this.name}: ${failure.message}`, {
        cluster: this.name,
      });
    }
    if (!this.isReady) {
      this.isReady = true;
      this.#ready.resolve();
      this.#deps.reporter.info("watching cluster", {
        cluster: this.name,
        topics: this.topics.size,
        partitions: this.topics.partitions,
      });
    }
    for (const end of refreshed) end();
  }

  #takeTopics(): void {
    const { store, clock } = this.#deps;
    const cluster = store.cluster(this.name)!;
    store.setTime(clock.now());
    const { deleted, ids, leaderless } = this.topics.refresh(this.#metadata!);
    for (const topic of deleted) cluster.deleteTopic(topic);
    for (const [topic, id] of ids) cluster.setTopicId(topic, id);
    if (leaderless > 0) {
      this.#stale = true;
      this.#sampled.warn("partitions without a leader are not measured", {
        cluster: this.name,
        partitions: leaderless,
      });
    }
  }

  #takeEnd({ topic, partition, error, offset }: OffsetAnswer): void {
    if (error !== 0 || offset < 0) {
      this.#stale = true;
      this.#sampled.warn("a partition can't be measured", { cluster: this.name, topic, partition, error });
      return;
    }
    if (!this.topics.measured(topic, partition, offset)) {
      this.#stale = true; // it may be another topic of the same name
      return;
    }
    const { store, clock } = this.#deps;
    const logStart = this.topics.logStartOf(topic, partition);
    store.cluster(this.name)!.setBrokerOffset(
      topic,
      partition,
      this.topics.countOf(topic),
      offset,
      clock.now(),
      logStart < 0 ? undefined : logStart,
    );
  }

  async #checkVersion(): Promise<void> {
    this.#versionChecked = true;
    const { name, kafkaVersion } = this.#config.profile;
    const node = this.kafka.brokers[0];
    if (node === undefined) return;
    const key = name === "" ? `kafka_version of cluster ${this.name}` : `client-profile.${name}.kafka-version`;
    const warning = await versionWarning(this.kafka, node, kafkaVersion, key);
    if (warning !== undefined) this.#deps.reporter.warn(warning, { cluster: this.name });
  }

  async #reap(): Promise<void> {
    const { clock } = this.#deps;
    const { groupsReaperRefreshMs } = this.#config;
    const { signal } = this.#stop;
    if (groupsReaperRefreshMs === 0) return;
    await this.ready;
    while (!signal.aborted) {
      await clock.sleep(groupsReaperRefreshMs, signal);
      if (signal.aborted) return;
      try {
        await this.#reapOnce();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof KafkaError)) throw error;
        this.#sampled.warn(`Cannot list groups: ${error.message}`, { cluster: this.name });
      }
    }
  }

  async #reapOnce(): Promise<void> {
    const { clock, store, ownGroups, onReaped } = this.#deps;
    const { answers, failures } = await listGroups(this.kafka, { signal: this.#stop.signal });
    if (failures.length > 0) throw failures[0]!;
    store.setTime(clock.now());
    const cluster = store.cluster(this.name)!;
    const known = cluster.consumers().filter((group) => !ownGroups.includes(group)).map((name) => ({
      name,
      lastSeenMs: cluster.groupTimes(name)?.lastSeenMs ?? 0,
    }));
    const listed = new Set(answers.map(({ group }) => group));
    for (const group of this.#reaper.round(clock.now(), this.kafka.reached, listed, known)) {
      this.#deps.reporter.info("a group is gone: its brokers do not list it any more", { cluster: this.name, group });
      cluster.deleteGroup(group);
      onReaped?.(group);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.kafka.close();
    await this.done;
  }
}

/** Who we are to brokers, for logs; never a password. */
export function userFields({ sasl }: ConnectionProfile): { mechanism?: string; user?: string } {
  return sasl === undefined ? {} : { mechanism: sasl.mechanism, user: sasl.username };
}
