/** A worker that takes datagrams out of Kafka: a member of the group, a batch for each partition, commits behind the store. */
import type { Running } from "../../clock/mod.ts";
import {
  type Decompressor,
  forEachRecord,
  GroupConsumer,
  KafkaCluster,
  KafkaError,
  newAbortFilter,
  newDecompressor,
  type OffsetToCommit,
  type PolledPartition,
  readRecordBatches,
  type RecordBatch,
  type TopicPartition,
} from "../../kafka/mod.ts";
import { AddressPool, TextPool } from "../columns_pool.ts";
import type { SavedState } from "../decode/saved_state.ts";
import { clusterOptions, type FlowKafkaConfig, rawTopic } from "../kafka_config.ts";
import { kafkaToken, originColumns, type RowBlock } from "../store/mod.ts";
import { findBeginnings } from "./beginnings.ts";
import { RowBatch } from "./row_batch.ts";
import { Turns } from "./turns.ts";
import { startWorkerParts, type WorkerConfig, type WorkerDeps, type WorkerParts } from "./worker.ts";

/** A running worker. Disposing stores and commits what it has, and leaves the group. */
export interface KafkaWorker extends Running {
  /** What decoders know. */
  state(): SavedState;
  /** Takes in what decoders of other workers have learnt. */
  learn(learned: SavedState): void;
}

/** Starts a worker. @throws {GeoDatabaseError} on a database that can't be used */
export async function startKafkaWorker(
  config: WorkerConfig & { readonly kafka: FlowKafkaConfig },
  deps: WorkerDeps,
): Promise<KafkaWorker> {
  const parts = await startWorkerParts(config, deps);
  return new Member(config, deps, parts, await newDecompressor());
}

/** A partition that is ours, and what was read of it since the last commit. */
interface Own {
  readonly partition: number;
  readonly batch: RowBatch;
  /** Offsets of the records whose rows are in the batch. */
  first: number;
  last: number;
  /** The record that is read next. */
  next: number;
  /** What is committed, as far as is known; -1: nothing. */
  committed: number;
  /** From where it is read when what was read had to be given up: behind what is stored. */
  start: number;
  /** Aborts when it is taken away without notice. */
  readonly lost: AbortController;
}

/** How long the stored offsets are waited for, as a part of the session's time. */
const PATIENCE = 0.6;
const RETRY_MS = 200;
/** How long a member waits for its own partitions before it looks again. */
const JOINING_MS = 20;

class Member implements KafkaWorker {
  readonly #config: WorkerConfig & { readonly kafka: FlowKafkaConfig };
  readonly #deps: WorkerDeps;
  readonly #parts: WorkerParts;
  readonly #decompressor: Decompressor;
  readonly #topic: string;
  readonly #cluster: KafkaCluster;
  readonly #consumer: GroupConsumer;
  readonly #counts;
  readonly #turns = new Turns();
  readonly #stop = new AbortController();
  /** All partitions number texts and addresses alike, so that the enrichment looks each up once. */
  readonly #texts = new TextPool();
  readonly #addresses = new AddressPool();
  readonly #owned = new Map<number, Own>();
  /** Raised whenever partitions come or go: what was polled before is not ours to take in. */
  #epoch = 0;
  /** Monotonic milliseconds of the first row; NaN: there is none. */
  #sinceMs = NaN;
  readonly done: Promise<void>;
  #stopping: Promise<void> | undefined;

  constructor(
    config: WorkerConfig & { readonly kafka: FlowKafkaConfig },
    deps: WorkerDeps,
    parts: WorkerParts,
    decompressor: Decompressor,
  ) {
    this.#config = config;
    this.#deps = deps;
    this.#parts = parts;
    this.#decompressor = decompressor;
    this.#topic = rawTopic(config.kafka);
    this.#counts = newCounts(deps);
    this.#cluster = new KafkaCluster({ ...clusterOptions(config.kafka, deps.clientId), clock: deps.clock });
    const { group, fetchMinBytes, fetchMaxWaitMs, sessionTimeoutMs } = config.kafkaInput;
    this.#consumer = new GroupConsumer(this.#cluster, {
      group,
      topics: [this.#topic],
      start: "latest",
      sessionTimeoutMs,
      heartbeatMs: Math.min(3_000, sessionTimeoutMs / 4),
      bounds: { minBytes: fetchMinBytes, maxWaitMs: fetchMaxWaitMs },
    }, {
      assigned: (partitions) => this.#assigned(partitions),
      revoked: (_partitions, deadline) => this.#revoked(deadline),
      lost: (partitions) => this.#lose(partitions),
      failed: (error) => {
        this.#counts.errors.inc();
        deps.reporter.warn("Cannot read from Kafka; it is tried again", { error });
      },
    });
    this.done = this.#run();
    this.done.catch(() => {}); // whoever waits for it hears of it; nobody has to
  }

  state(): SavedState {
    return this.#parts.state();
  }

  learn(learned: SavedState): void {
    this.#parts.learn(learned);
  }

  async #run(): Promise<void> {
    const failed = this.#consumer.done.then(() => {}, (error) => {
      throw error;
    });
    failed.catch(() => {}); // the race below hears of it
    while (!this.#stop.signal.aborted) {
      const epoch = this.#epoch;
      const polled = await Promise.race([this.#consumer.poll(this.#stop.signal), failed.then(() => [])]);
      if (this.#stop.signal.aborted) return;
      if (polled.length === 0) continue;
      this.#counts.fetches.inc();
      await this.#turns.run(() => this.#take(polled, epoch));
    }
  }

  async #take(polled: readonly PolledPartition[], epoch: number): Promise<void> {
    for (const one of polled) {
      if (this.#epoch !== epoch) return; // it is fetched again by whoever has it now
      const own = this.#owned.get(one.partition);
      if (own === undefined) continue;
      this.#counts.bytes.inc(one.records.length);
      const { batches, faults, nextOffset } = readRecordBatches(one.records, this.#decompressor);
      for (const { fault, offset } of faults) {
        this.#counts.errors.inc();
        this.#deps.reporter.error(`Cannot read a batch of ${this.#topic}, partition ${own.partition}: ${fault}`, {
          offset,
        });
      }
      const isWanted = newAbortFilter(one.aborted);
      for (const batch of batches) {
        if (isWanted(batch)) this.#read(batch, own, one.position);
        if (batch.lastOffset >= one.position) own.next = batch.lastOffset + 1;
        if (!await this.#flushIfFull(own, epoch)) return;
      }
      if (nextOffset !== undefined && nextOffset > own.next) own.next = nextOffset;
      this.#consumer.advance(this.#topic, own.partition, own.next);
    }
    void this.#parts.remember(); // others may get datagrams of the same exporters; a flush waits for it
    if (Number.isNaN(this.#sinceMs) && this.#hasWork()) this.#await();
  }

  #read(records: RecordBatch, own: Own, position: number): void {
    const { heart } = this.#parts;
    const { batch } = own;
    const whole = forEachRecord(records, (record) => {
      if (record.offset < position) return;
      this.#counts.messages.inc();
      const firstRow = batch.rows;
      heart.read(record.bytes, Math.max(0, record.valueStart), Math.max(0, record.valueEnd), batch);
      if (batch.rows === firstRow) return;
      batch.originate(firstRow, BigInt(record.offset));
      if (firstRow === 0) own.first = record.offset;
      own.last = record.offset;
    });
    if (!whole) this.#counts.errors.inc();
  }

  /** @returns whether the partitions are still those of `epoch` */
  async #flushIfFull(own: Own, epoch: number): Promise<boolean> {
    if (this.#rows() < this.#config.maximumBatchSize) return true;
    this.#consumer.advance(this.#topic, own.partition, own.next);
    await this.#flush();
    return this.#epoch === epoch;
  }

  #rows(): number {
    return this.#owned.values().reduce((sum, { batch }) => sum + batch.rows, 0);
  }

  #hasWork(): boolean {
    return this.#owned.values().some(({ next, committed }) => next > committed);
  }

  /** There is something to store or commit: it may wait for so long. */
  #await(): void {
    const { clock, reporter } = this.#deps;
    const sinceMs = this.#sinceMs = clock.monotonic();
    clock.sleep(this.#config.maximumWaitTimeMs, this.#stop.signal)
      .then(() => this.#turns.run(() => this.#sinceMs === sinceMs ? this.#flush() : undefined))
      .catch((error) => reporter.error("Cannot flush a batch", { error }));
  }

  /** Stores the rows of all partitions, then commits. What can't be stored is read again. */
  async #flush(deadline?: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    // Before anything is stored: whoever goes on behind what is stored does not see again what it was read with.
    await this.#parts.remember();
    const work = [...this.#owned.values()].filter(({ next, committed }) => next > committed);
    const waitMs = Number.isNaN(this.#sinceMs) ? 0 : clock.monotonic() - this.#sinceMs;
    this.#sinceMs = NaN;
    if (work.length === 0) return;
    const rows = this.#rows();
    const blocks = new Map<Own, RowBlock>();
    for (const own of work) {
      const block = own.batch.rows === 0 ? undefined : await this.#block(own);
      if (block !== undefined) blocks.set(own, block);
    }
    this.#parts.output?.send();
    for (const { batch } of work) batch.reset();
    const places = new Map(work.map((own) => [own, own.next]));
    const stored = await Promise.all(work.map((own) => this.#store(own, blocks.get(own), deadline)));
    if (rows > 0) this.#parts.flushed(rows, waitMs);
    for (const [i, own] of work.entries()) if (stored[i]) own.start = places.get(own)!;
    const ours = work.filter((own, i) => stored[i] && !own.lost.signal.aborted);
    await this.#commit(ours.map((own) => ({ topic: this.#topic, partition: own.partition, offset: places.get(own)! })));
    for (const [i, own] of work.entries()) if (!stored[i]) this.#readAgain(own);
  }

  async #block(own: Own): Promise<RowBlock | undefined> {
    const { maker, output } = this.#parts;
    const { batch, partition, first, last } = own;
    await maker.complete(batch);
    const { rows } = batch;
    if (rows === 0) return undefined;
    output?.add(batch.columns);
    const range = { topic: this.#topic, partition, first, last };
    const token = await kafkaToken(this.#config.kafkaInput.group, [range]);
    return { ...maker.encode(batch, originColumns(this.#topic, partition, batch.offsets.slice(0, rows))), token };
  }

  /** @returns whether everything of it is in the store */
  async #store(own: Own, block: RowBlock | undefined, deadline: AbortSignal | undefined): Promise<boolean> {
    if (block === undefined) return true;
    const signal = deadline === undefined ? own.lost.signal : AbortSignal.any([own.lost.signal, deadline]);
    if (signal.aborted) return false;
    const { failed } = await this.#deps.store.insert(block, signal);
    if (failed === 0) return true;
    this.#counts.abandoned.inc(1, {
      reason: own.lost.signal.aborted ? "lost" : deadline?.aborted ? "revoked" : "closed",
    });
    return false;
  }

  async #commit(offsets: readonly OffsetToCommit[]): Promise<void> {
    if (offsets.length === 0) return;
    try {
      await this.#consumer.commit(offsets);
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      // What is stored says where the next owner starts.
      this.#counts.errors.inc();
      this.#deps.reporter.warn("Cannot commit what is stored", { error });
      return;
    }
    this.#counts.committed.inc();
    for (const { partition, offset } of offsets) {
      const own = this.#owned.get(partition);
      if (own !== undefined) own.committed = offset;
    }
  }

  /** What was given up is fetched again, from where the last commit left it. */
  #readAgain(own: Own): void {
    if (own.lost.signal.aborted || this.#owned.get(own.partition) !== own) return;
    own.next = own.start;
    this.#consumer.advance(this.#topic, own.partition, own.start);
  }

  /** From where each partition is read: behind what is committed, and behind what is stored. */
  async #assigned(partitions: readonly TopicPartition[]): Promise<readonly OffsetToCommit[]> {
    this.#epoch++;
    this.#owned.clear();
    this.#sinceMs = NaN;
    const stored = await this.#stored();
    const { group } = this.#config.kafkaInput;
    const numbers = partitions.map(({ partition }) => partition);
    const found = await findBeginnings(this.#cluster, { group, topic: this.#topic, partitions: numbers, stored });
    for (const { partition, first, committed } of found) {
      this.#owned.set(partition, {
        partition,
        batch: new RowBatch(256, this.#texts, this.#addresses),
        first: -1,
        last: -1,
        next: first,
        committed,
        start: first,
        lost: new AbortController(),
      });
    }
    // A group that is new says so at once: what comes from now on is its own, whatever happens.
    if (found.some(({ first, committed }) => first !== committed)) this.#commitStarts();
    return found.map(({ partition, first }) => ({ topic: this.#topic, partition, offset: first }));
  }

  /** Commits where reading begins, as soon as we are a member. */
  #commitStarts(): void {
    const { clock, reporter } = this.#deps;
    const epoch = this.#epoch;
    (async () => {
      while (this.#consumer.partitions.length === 0 && this.#epoch === epoch && !this.#stop.signal.aborted) {
        await clock.sleep(JOINING_MS, this.#stop.signal);
      }
      if (this.#epoch === epoch) await this.#turns.run(() => this.#flush());
    })().catch((error) => reporter.error("Cannot commit where reading begins", { error }));
  }

  /** @throws {KafkaError} when the store does not answer in time: the group must not wait for us */
  async #stored(): Promise<ReadonlyMap<number, bigint>> {
    const { clock, store } = this.#deps;
    const endMs = clock.monotonic() + PATIENCE * this.#config.kafkaInput.sessionTimeoutMs;
    for (;;) {
      try {
        return await store.storedOffsets(this.#topic);
      } catch (cause) {
        if (clock.monotonic() > endMs || this.#stop.signal.aborted) {
          const message = `Cannot take over partitions of ${this.#topic}: the store does not say what it has`;
          throw new KafkaError("kafka.timeout", message, { cause });
        }
      }
      await clock.sleep(RETRY_MS, this.#stop.signal);
    }
  }

  /** Everything that was read is stored and committed before somebody else has the partitions. */
  async #revoked(deadline: AbortSignal): Promise<void> {
    this.#epoch++;
    await this.#turns.run(() => this.#flush(deadline));
    this.#owned.clear();
  }

  #lose(partitions: readonly TopicPartition[]): void {
    this.#epoch++;
    for (const { partition } of partitions) {
      this.#owned.get(partition)?.lost.abort();
      this.#owned.delete(partition);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= this.#end();
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    try {
      await this.#consumer[Symbol.asyncDispose]();
      await this.done;
      await this.#turns.settled();
    } finally {
      this.#cluster.close();
      await this.#parts[Symbol.asyncDispose]();
    }
  }
}

function newCounts({ reporter, name }: WorkerDeps) {
  const { metrics } = reporter;
  const labels = { worker: name };
  const received = (what: string, help: string) =>
    metrics.counter(`limier_outlet_kafkainput_received_${what}_total`, help).child(labels);
  return {
    messages: received("messages", "Records read from Kafka."),
    fetches: received("fetches", "Answers with records in them."),
    bytes: received("bytes", "Octets of records as they came from Kafka."),
    errors: received("errors", "Requests that failed, and batches that could not be read."),
    committed: metrics.counter("limier_outlet_kafkainput_committed_batches_total", "Batches stored and committed.")
      .child({}),
    abandoned: metrics.counter(
      "limier_outlet_kafkainput_abandoned_batches_total",
      "Batches that were given up, to be read again.",
    ),
  };
}
