/** Reads partitions of one topic from where it is told, one fetch loop a broker. */
import type { Clock } from "../../clock/mod.ts";
import {
  type Decompressor,
  type FetchedPartition,
  fetchRecords,
  forEachRecord,
  type KafkaCluster,
  KafkaError,
  ProtocolError,
  protocolErrorName,
  type ReadBatches,
  readRecordBatches,
  type RecordBatch,
  type RecordView,
} from "../../kafka/mod.ts";

/** A partition that is read. */
export interface FollowedPartition {
  readonly partition: number;
  /** The broker that leads it; -1 while that is not known. */
  leader: number;
  /** The offset to read next; -1 while that is not known. */
  next: number;
  /** Behind the last record, as the last fetch said; -1 before the first. */
  end: number;
  /** Reading ends there. */
  readonly stopAt: number;
  /** Takes a batch, records before `next` left out. */
  take(batch: RecordBatch, each: (batch: RecordBatch, take: (record: RecordView) => void) => void): void;
  /** Called when `stopAt` is reached. */
  onEnd?(): void;
}

/** What a follower is handed. */
export interface FollowerDeps {
  readonly clock: Clock;
  readonly kafka: KafkaCluster;
  readonly topic: string;
  readonly decompressor: Decompressor;
  readonly signal: AbortSignal;
  /** Leaders, or the place to read from, have to be looked up. */
  readonly onLost: (why: string, partition: number | undefined) => void;
  /** Called before the batches of a fetch are taken. */
  readonly onFetched: () => void;
  /** A partition was read on; a commit that a transaction holds open stands at `stable` or behind it. */
  readonly onRead: (partition: FollowedPartition, stable: number) => void;
  readonly onFaults: (faults: ReadBatches["faults"], partition: number) => void;
}

/** A fetch's bounds: parsing one answer stays below the time of a health check. */
const BOUNDS = {
  isolation: "read_uncommitted",
  maxWaitMs: 500,
  maxBytes: 4 * 2 ** 20,
  partitionMaxBytes: 2 ** 20,
} as const;

/** Reads partitions; which ones, and who leads them, is told by `assign`. */
export class Follower {
  readonly #deps: FollowerDeps;
  readonly #partitions = new Map<number, FollowedPartition>();
  /** By broker. */
  readonly #loops = new Map<number, Promise<void>>();

  constructor(deps: FollowerDeps) {
    this.#deps = deps;
  }

  /** Partitions that are not read to their end yet. */
  get partitions(): readonly FollowedPartition[] {
    return [...this.#partitions.values()];
  }

  /** A partition by its number. */
  get(partition: number): FollowedPartition | undefined {
    return this.#partitions.get(partition);
  }

  /** Adds a partition. */
  add(partition: FollowedPartition): void {
    this.#partitions.set(partition.partition, partition);
  }

  /** Stops reading a partition. */
  remove(partition: number): void {
    this.#partitions.delete(partition);
  }

  /** Sees to it that every broker that leads a partition is read from. */
  go(): void {
    for (const node of new Set(this.partitions.map(({ leader }) => leader))) {
      if (node < 0 || this.#loops.has(node)) continue;
      this.#loops.set(node, Promise.resolve().then(() => this.#read(node)));
    }
  }

  /** Resolves when nothing is read any more: its signal was aborted, or every partition is read. */
  async idle(): Promise<void> {
    while (this.#loops.size > 0) await Promise.all(this.#loops.values());
  }

  async #read(node: number): Promise<void> {
    try {
      const { signal, onFetched, onLost, kafka, topic } = this.#deps;
      for (let round = 0; !signal.aborted; round++) {
        const own = this.partitions.filter(({ leader, next }) => leader === node && next >= 0);
        if (own.length === 0) return;
        // A broker fills its answer in the order it is asked in: everyone is first now and then.
        const first = round % own.length;
        const positions = [...own.slice(first), ...own.slice(0, first)].map(({ partition, next }) => ({
          topic,
          partition,
          offset: next,
        }));
        let fetched: readonly FetchedPartition[];
        try {
          fetched = await fetchRecords(kafka, node, positions, BOUNDS, { signal });
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof KafkaError)) throw error;
          kafka.closeLane(node, "fetch");
          for (const partition of own) partition.leader = -1;
          onLost(error.message, undefined);
          return;
        }
        onFetched();
        for (const one of fetched) this.#take(one);
      }
    } finally {
      this.#loops.delete(node); // at once: who leads may be known again in the next moment
    }
  }

  #take(fetched: FetchedPartition): void {
    const partition = this.#partitions.get(fetched.partition);
    if (partition === undefined) return;
    if (fetched.error !== 0) return this.#lose(partition, fetched);
    const { decompressor, onFaults, onRead } = this.#deps;
    const { batches, faults, nextOffset } = readRecordBatches(fetched.records, decompressor);
    if (faults.length > 0) onFaults(faults, partition.partition);
    const from = partition.next;
    for (const batch of batches) {
      if (batch.lastOffset < from) continue;
      // The first batch may begin before what was asked for.
      const each = batch.baseOffset >= from ? forEachRecord : eachFrom(from);
      partition.take(batch, each);
    }
    partition.end = fetched.highWatermark;
    if (nextOffset !== undefined && nextOffset > from) partition.next = nextOffset;
    // Where compaction has taken the last records, no batch leads to the end.
    const isOver = fetched.records.length === 0 && partition.next >= fetched.highWatermark;
    if (isOver && partition.stopAt < Infinity) partition.next = partition.stopAt;
    const stable = fetched.lastStableOffset < 0 ? Infinity : fetched.lastStableOffset;
    if (partition.next >= partition.stopAt) {
      this.#partitions.delete(partition.partition);
      partition.onEnd?.();
    }
    onRead(partition, stable);
  }

  #lose(partition: FollowedPartition, { error, logStartOffset }: FetchedPartition): void {
    if (error === ProtocolError.offsetOutOfRange) {
      partition.next = logStartOffset >= 0 ? logStartOffset : -1;
      if (logStartOffset >= 0) return;
    } else partition.leader = -1;
    this.#deps.onLost(`the broker says ${protocolErrorName(error)}`, partition.partition);
  }
}

function eachFrom(from: number): typeof forEachRecord {
  return (batch, take) =>
    forEachRecord(batch, (record) => {
      if (record.offset >= from) take(record);
    });
}
