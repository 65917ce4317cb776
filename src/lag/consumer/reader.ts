/** Reads an offsets topic: every partition of it, without a group, and without leaving a trace in the cluster. */
import type { Clock, Running } from "../../clock/mod.ts";
import { KafkaCluster, KafkaError, listOffsets, newDecompressor, OffsetAt, ProtocolError } from "../../kafka/mod.ts";
import { newLogSampler, type Reporter } from "../../telemetry/mod.ts";
import type { ClusterWatch } from "../cluster/watch.ts";
import { userFields } from "../cluster/watch.ts";
import { kafkaOptions } from "../connection.ts";
import type { LagStore } from "../storage/lag_store.ts";
import { OffsetsLog } from "../storage/offsets_log.ts";
import type { ReaderPositions } from "../storage/positions.ts";
import type { ConsumerConfig } from "./config.ts";
import { type FollowedPartition, Follower } from "./follower.ts";

/** What a reader is handed. */
export interface OffsetsReaderDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly store: LagStore;
  readonly positions: ReaderPositions;
  /** The cluster that it tells of: nothing is read before its topics are known. */
  readonly cluster: Pick<ClusterWatch, "ready" | "onRefresh">;
  /** How often partitions and their leaders are looked up. */
  readonly topicRefreshMs: number;
}

/** How far a partition was read. */
export interface ReaderPosition {
  readonly partition: number;
  readonly next: number;
  /** -1 before it was read. */
  readonly end: number;
}

/** A reader of an offsets topic. */
export interface OffsetsReader extends Running {
  readonly name: string;
  readonly cluster: string;
  readonly log: OffsetsLog;
  /** Resolves when it is known where to read from, or the reader was stopped. */
  readonly started: Promise<void>;
  readonly isStarted: boolean;
  /** Whether it has come to the ends that it saw at its start. */
  readonly hasCaughtUp: boolean;
  readonly positions: readonly ReaderPosition[];
}

/** How often an offsets topic is looked for that is not there: nobody has committed yet. */
const ABSENT_MS = 500;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 5_000;

/** Starts to read; brokers that can't be reached are tried again and again. @throws {KafkaError} on unreadable files */
export function startOffsetsReader(name: string, config: ConsumerConfig, deps: OffsetsReaderDeps): OffsetsReader {
  return new Reader(name, config, deps);
}

class Reader implements OffsetsReader {
  readonly log: OffsetsLog;
  readonly done: Promise<void>;
  readonly #started = Promise.withResolvers<void>();
  readonly started = this.#started.promise;
  isStarted = false;
  readonly #config: ConsumerConfig;
  readonly #deps: OffsetsReaderDeps;
  readonly #stop = new AbortController();
  readonly #kafka: KafkaCluster;
  /** The ends at the start, by partition, until they are reached. */
  readonly #ahead = new Map<number, number>();
  #wake = Promise.withResolvers<void>();
  #follower: Follower | undefined;
  /** What stands before the end, where reading has begun there. */
  #backfill: { readonly follower: Follower; readonly kafka: KafkaCluster } | undefined;
  readonly #sampled;
  readonly #refused;

  constructor(readonly name: string, config: ConsumerConfig, deps: OffsetsReaderDeps) {
    const { reporter, clock } = deps;
    this.#config = config;
    this.#deps = deps;
    this.#kafka = new KafkaCluster(kafkaOptions(config.brokers, config.profile, clock));
    this.#sampled = newLogSampler(reporter, clock).sampled(`consumer ${name}`, 1);
    this.#refused = reporter.metrics.counter(
      "limier_lag_records_refused_total",
      "Records of offsets topics that could not be decoded, by reason.",
    );
    const unknownTypes = new Set<string>();
    this.log = new OffsetsLog(deps.store, config.cluster, {
      filter: config.filter,
      onFault: ({ reason, message }, order) => {
        this.#refused.inc(1, { cluster: config.cluster, reason });
        if (reason !== "key version") {
          this.#sampled.warn("failed to decode", { reason, message, cluster: config.cluster, offset: String(order) });
        } else if (!unknownTypes.has(message)) {
          unknownTypes.add(message);
          reporter.info("records of a type that is not known are passed over", { message, cluster: config.cluster });
        }
      },
    });
    deps.cluster.onRefresh(() => {
      const refreshed = this.log.refreshing();
      return () => {
        deps.store.setTime(clock.now());
        refreshed();
      };
    });
    this.done = this.#run();
  }

  get cluster(): string {
    return this.#config.cluster;
  }

  get hasCaughtUp(): boolean {
    return this.isStarted && this.#ahead.size === 0 && this.#backfill === undefined;
  }

  get positions(): readonly ReaderPosition[] {
    return (this.#follower?.partitions ?? []).map(({ partition, next, end }) => ({ partition, next, end }))
      .sort((a, b) => a.partition - b.partition);
  }

  async #run(): Promise<void> {
    const { clock, cluster, topicRefreshMs } = this.#deps;
    const { signal } = this.#stop;
    const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    await Promise.race([cluster.ready, stopped]);
    if (!signal.aborted) this.#follower = await this.#newFollower(this.#kafka);
    let failures = 0;
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers();
      let waitMs = topicRefreshMs;
      try {
        const isComplete = await this.#refresh();
        failures = isComplete ? 0 : failures + 1;
        if (!isComplete) waitMs = retryMs(failures);
        else if (this.#follower!.partitions.length === 0) waitMs = ABSENT_MS;
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof KafkaError)) throw error;
        waitMs = retryMs(++failures);
        this.#tellOfFailure(error);
      }
      const slept = new AbortController();
      const end = () => slept.abort();
      signal.addEventListener("abort", end);
      this.#wake.promise.then(end);
      await clock.sleep(waitMs, slept.signal);
      signal.removeEventListener("abort", end);
      if (slept.signal.aborted && !signal.aborted) await clock.sleep(retryMs(failures + 1), signal);
    }
    this.#started.resolve();
    await this.#follower?.idle();
    await this.#backfill?.follower.idle();
    this.#backfill?.kafka.close();
  }

  async #newFollower(kafka: KafkaCluster): Promise<Follower> {
    const { clock, store } = this.#deps;
    const { cluster, offsetsTopic: topic } = this.#config;
    return new Follower({
      clock,
      kafka,
      topic,
      decompressor: await newDecompressor(),
      signal: this.#stop.signal,
      onLost: (why, partition) => {
        this.#sampled.warn(`reading of ${topic} is interrupted: ${why}`, {
          cluster,
          ...(partition === undefined ? {} : { partition }),
        });
        this.#wake.resolve();
      },
      onFetched: () => store.setTime(clock.now()),
      onRead: (partition, stable) => this.#wasRead(partition, stable, kafka !== this.#kafka),
      onFaults: (faults, partition) => {
        for (const { fault, offset } of faults) {
          this.#refused.inc(1, { cluster, reason: `batch ${fault}` });
          this.#sampled.warn("a batch of records can't be read", { cluster, partition, offset, reason: fault });
        }
      },
    });
  }

  #wasRead({ partition, next }: FollowedPartition, stable: number, isBackfill: boolean): void {
    const { cluster, offsetsTopic, selfReport } = this.#config;
    const { positions, store, clock } = this.#deps;
    if (isBackfill) {
      if (this.#backfill?.follower.partitions.length === 0) {
        this.#backfill.kafka.close();
        this.#backfill = undefined;
        this.#deps.reporter.info("read what was committed before", { cluster });
      }
      return;
    }
    // What a restart must read again: records whose transaction is open.
    positions.set(cluster, offsetsTopic, partition, Math.min(next, stable));
    const ahead = this.#ahead.get(partition);
    if (ahead !== undefined && next >= ahead) {
      this.#ahead.delete(partition);
      if (this.#ahead.size === 0) this.#deps.reporter.info("caught up with commits", { cluster, topic: offsetsTopic });
    }
    if (!selfReport || next === 0) return;
    const outcome = store.cluster(cluster)!.setConsumerOffset(
      `burrow-${this.name}`,
      offsetsTopic,
      partition,
      next,
      next - 1,
      clock.now(),
    );
    store.count(outcome);
  }

  /** Looks up partitions and leaders, and where to begin. @returns whether all is known */
  async #refresh(): Promise<boolean> {
    const { offsetsTopic: topic } = this.#config;
    const { signal } = this.#stop;
    const follower = this.#follower!;
    const metadata = await this.#kafka.metadata([topic], { signal });
    const known = metadata.topics.find(({ name }) => name === topic);
    if (known === undefined || known.error === ProtocolError.unknownTopicOrPartition) {
      for (const { partition } of follower.partitions) follower.remove(partition);
      this.#start();
      return true;
    }
    if (known.error !== 0) return false;
    for (const { partition, leader } of known.partitions) {
      const followed = follower.get(partition) ?? this.#newPartition(partition);
      followed.leader = leader;
      follower.add(followed);
      const behind = this.#backfill?.follower.get(partition);
      if (behind !== undefined) behind.leader = leader;
    }
    const placed = await this.#place(metadata);
    follower.go();
    if (this.#backfill !== undefined) {
      await this.#backfill.kafka.metadata([topic], { signal });
      this.#backfill.follower.go();
    }
    if (placed) this.#start();
    return placed && known.partitions.every(({ leader }) => leader >= 0);
  }

  #start(): void {
    this.isStarted = true;
    this.#started.resolve();
  }

  #newPartition(partition: number): FollowedPartition {
    const stream = this.log.stream();
    return {
      partition,
      leader: -1,
      next: -1,
      end: -1,
      stopAt: Infinity,
      take: (batch, each) => stream.take(batch, each),
    };
  }

  /** Finds where to begin for partitions that have no place yet. @returns whether all have one */
  async #place(metadata: Awaited<ReturnType<KafkaCluster["metadata"]>>): Promise<boolean> {
    const { cluster, offsetsTopic: topic, startLatest, backfillEarliest } = this.#config;
    const { signal } = this.#stop;
    const unplaced = this.#follower!.partitions.filter(({ next }) => next < 0);
    if (unplaced.length === 0) return true;
    const ask = async (timestampMs: number): Promise<Map<number, number>> => {
      const queries = unplaced.map(({ partition }) => ({ topic, partition, timestampMs }));
      const { answers } = await listOffsets(this.#kafka, metadata, queries, { signal });
      return new Map(
        answers.filter(({ error, offset }) => error === 0 && offset >= 0).map((one) => [one.partition, one.offset]),
      );
    };
    const [starts, ends] = await Promise.all([ask(OffsetAt.earliest), ask(OffsetAt.latest)]);
    let complete = true;
    for (const partition of unplaced) {
      const [start, end] = [starts.get(partition.partition), ends.get(partition.partition)];
      if (start === undefined || end === undefined) {
        complete = false;
        continue;
      }
      const saved = this.isStarted ? undefined : this.#deps.positions.get(cluster, topic, partition.partition);
      const isKnown = saved !== undefined && saved >= start && saved <= end;
      // A partition that comes later is new: everything in it is.
      const fromEnd = startLatest && !this.isStarted;
      partition.next = isKnown ? saved : fromEnd ? end : start;
      if (!this.isStarted && partition.next < end) this.#ahead.set(partition.partition, end);
      if (fromEnd && !isKnown && backfillEarliest && start < end) await this.#fill(partition, start, end);
    }
    return complete;
  }

  /** Reads what stands before the end, beside what comes behind it. */
  async #fill({ partition, leader }: FollowedPartition, start: number, end: number): Promise<void> {
    if (this.#backfill === undefined) {
      const { brokers, profile } = this.#config;
      const kafka = new KafkaCluster(kafkaOptions(brokers, profile, this.#deps.clock));
      this.#backfill = { kafka, follower: await this.#newFollower(kafka) };
    }
    const stream = this.log.stream({ catchesUp: true });
    this.#backfill.follower.add({
      partition,
      leader,
      next: start,
      end: -1,
      stopAt: end,
      take: (batch, each) => stream.take(batch, each),
      onEnd: () => stream.end(),
    });
  }

  #tellOfFailure(error: KafkaError): void {
    const { cluster, brokers, profile } = this.#config;
    this.#deps.reporter.error(`Cannot read the offsets of cluster ${cluster}: ${error.message}`, {
      cluster,
      servers: brokers.join(),
      ...userFields(profile),
      reason: error.label,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#kafka.close();
    this.#backfill?.kafka.close();
    await this.done;
  }
}

function retryMs(failures: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, failures - 1));
}
