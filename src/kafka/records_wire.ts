/** Requests about records: produce, fetch, list offsets. */
import type { ByteReader } from "../bytes/mod.ts";
import {
  bodyOf,
  readArray,
  readInt64,
  readNullableBytes,
  readNullableString,
  readString,
  writeArray,
  writeBytes,
  writeInt64,
  writeNullableString,
  writeString,
} from "./primitives.ts";
import { Api, type KafkaRequest } from "./request.ts";

/** Something about one partition of one topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Groups what is about partitions by topic, as requests have it. */
export function byTopic<T extends TopicPartition>(items: readonly T[]): [topic: string, items: T[]][] {
  const topics = new Map<string, T[]>();
  for (const item of items) {
    const list = topics.get(item.topic);
    if (list === undefined) topics.set(item.topic, [item]);
    else list.push(item);
  }
  return [...topics];
}

/** Reads `topics[name, partitions[…]]` into one list. */
export function readByTopic<T>(reader: ByteReader, read: (reader: ByteReader, topic: string) => T): T[] {
  return readArray(reader, (r) => {
    const topic = readString(r);
    return readArray(r, (inner) => read(inner, topic));
  }).flat();
}

/** Which offset is asked for. */
export const OffsetAt = {
  /** Behind the last record. */
  latest: -1,
  /** The log's start: the first one that is left. */
  earliest: -2,
} as const;

/** What `listOffsets` asks of a partition. */
export interface OffsetQuery extends TopicPartition {
  /** `OffsetAt.latest`, `OffsetAt.earliest`, or Unix milliseconds: the first record of that time or later. */
  readonly timestampMs: number;
}

/** What a partition answers. */
export interface OffsetAnswer extends TopicPartition {
  readonly error: number;
  /** -1: there is no record of that time or later. */
  readonly offset: number;
  /** The record's; -1 if `offset` is no record's. */
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

/** Whether records of transactions that are not committed yet are seen. */
export type Isolation = "read_uncommitted" | "read_committed";

/** ListOffsets v5, to the leader of the partitions. */
export function listOffsetsRequest(
  queries: readonly OffsetQuery[],
  isolation: Isolation,
): KafkaRequest<OffsetAnswer[]> {
  return {
    api: Api.listOffsets,
    version: 5,
    what: "list offsets",
    body: bodyOf((out) => {
      out.u32be(0xffffffff); // replica: none
      out.u8(isolation === "read_committed" ? 1 : 0);
      writeArray(out, byTopic(queries), ([topic, items]) => {
        writeString(out, topic);
        writeArray(out, items, ({ partition, timestampMs }) => {
          out.u32be(partition);
          out.u32be(0xffffffff); // leader epoch: whichever
          writeInt64(out, timestampMs);
        });
      });
    }),
    read(reader) {
      reader.skip(4); // throttle time
      return readByTopic(reader, (r, topic) => {
        const partition = r.i32be();
        const error = r.i16be();
        const timestampMs = readInt64(r);
        return { topic, partition, error, timestampMs, offset: readInt64(r), leaderEpoch: r.i32be() };
      });
    },
  };
}

/** From where a partition is fetched. */
export interface FetchPosition extends TopicPartition {
  readonly offset: number;
}

/** Bounds of a fetch. */
export interface FetchBounds {
  /** How long the broker waits for `minBytes`. */
  readonly maxWaitMs: number;
  readonly minBytes: number;
  /** Bytes of records in the answer; a first batch that is larger comes all the same. */
  readonly maxBytes: number;
  /** The same for each partition. */
  readonly partitionMaxBytes: number;
  readonly isolation: Isolation;
}

/** A transaction that was aborted: its producer's records from `firstOffset` on are none, up to its marker. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/** What a partition answers to a fetch. */
export interface FetchedPartition extends TopicPartition {
  readonly error: number;
  /** Behind the last record that all replicas in sync have. */
  readonly highWatermark: number;
  /** Behind the last record that no open transaction stands before; -1 where it is not told. */
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** Of `read_committed` only. */
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches as they are in the log, the last one perhaps cut short: a view of the answer. */
  readonly records: Uint8Array;
}

/** The answer to a fetch. */
export interface FetchAnswer {
  readonly error: number;
  readonly partitions: readonly FetchedPartition[];
}

const NOTHING = new Uint8Array(0);

/** Fetch v11, to the leader of the partitions; without a session. */
export function fetchRequest(positions: readonly FetchPosition[], bounds: FetchBounds): KafkaRequest<FetchAnswer> {
  return {
    api: Api.fetch,
    version: 11,
    what: "fetch records",
    body: bodyOf((out) => {
      out.u32be(0xffffffff); // replica: none
      out.u32be(bounds.maxWaitMs);
      out.u32be(bounds.minBytes);
      out.u32be(bounds.maxBytes);
      out.u8(bounds.isolation === "read_committed" ? 1 : 0);
      out.u32be(0); // session
      out.u32be(0xffffffff); // its epoch: none
      writeArray(out, byTopic(positions), ([topic, items]) => {
        writeString(out, topic);
        writeArray(out, items, ({ partition, offset }) => {
          out.u32be(partition);
          out.u32be(0xffffffff); // leader epoch: whichever
          writeInt64(out, offset);
          writeInt64(out, -1); // log start: a follower's
          out.u32be(bounds.partitionMaxBytes);
        });
      });
      out.u32be(0); // forgotten
      writeString(out, ""); // rack
    }),
    read(reader) {
      reader.skip(4); // throttle time
      const error = reader.i16be();
      reader.skip(4); // session
      const partitions = readByTopic(reader, (r, topic): FetchedPartition => {
        const partition = r.i32be();
        const error = r.i16be();
        const [highWatermark, lastStableOffset, logStartOffset] = [readInt64(r), readInt64(r), readInt64(r)];
        const aborted = readArray(r, (one) => ({ producerId: one.i64be(), firstOffset: readInt64(one) }));
        r.skip(4); // preferred replica
        const records = readNullableBytes(r) ?? NOTHING;
        return { topic, partition, error, highWatermark, lastStableOffset, logStartOffset, aborted, records };
      });
      return { error, partitions };
    },
  };
}

/** Acknowledgements a produce request waits for: of all replicas in sync, of the leader, or none. */
export type Acks = "all" | "local" | "none";

const ACKS = { all: -1, local: 1, none: 0 } as const;

/** Record batches for one partition. */
export interface ProduceData extends TopicPartition {
  readonly records: Uint8Array;
}

/** What a partition answers. */
export interface ProduceAnswer extends TopicPartition {
  readonly error: number;
  /** The offset of the first record; -1 where it is not known. */
  readonly baseOffset: number;
  /** The broker's own words. */
  readonly message: string | null;
}

/** Produce v8, to the leader of the partitions. Without acknowledgements there is no answer. */
export function produceRequest(
  data: readonly ProduceData[],
  options: { readonly acks: Acks; readonly timeoutMs: number },
): KafkaRequest<ProduceAnswer[]> {
  return {
    api: Api.produce,
    version: 8,
    what: "produce records",
    silent: options.acks === "none",
    body: bodyOf((out) => {
      writeNullableString(out, null); // transaction
      out.u16be(ACKS[options.acks]);
      out.u32be(options.timeoutMs);
      writeArray(out, byTopic(data), ([topic, items]) => {
        writeString(out, topic);
        writeArray(out, items, ({ partition, records }) => {
          out.u32be(partition);
          writeBytes(out, records);
        });
      });
    }),
    read: (reader) =>
      readByTopic(reader, (r, topic) => {
        const partition = r.i32be();
        const error = r.i16be();
        const baseOffset = readInt64(r);
        r.skip(16); // log append time, log start
        const faults = readArray(r, (one) => {
          one.skip(4);
          return readNullableString(one);
        });
        return { topic, partition, error, baseOffset, message: readNullableString(r) ?? faults[0] ?? null };
      }),
  };
}

/** Whom the batches of a producer are from, so that a broker knows one that it has already. */
export interface ProducerId {
  readonly id: bigint;
  readonly epoch: number;
}

/** InitProducerId v1, without a transaction; to any broker. */
export function initProducerIdRequest(): KafkaRequest<ProducerId & { readonly error: number }> {
  return {
    api: Api.initProducerId,
    version: 1,
    what: "get a producer id",
    body: bodyOf((out) => {
      writeNullableString(out, null);
      out.u32be(0); // transaction timeout
    }),
    read(reader) {
      reader.skip(4); // throttle time
      return { error: reader.i16be(), id: reader.i64be(), epoch: reader.i16be() };
    },
  };
}
