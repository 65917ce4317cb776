/** Reads the first record that a group has not read, for its time. */
import {
  type Decompressor,
  fetchRecords,
  forEachRecord,
  KafkaError,
  newAbortFilter,
  newDecompressor,
  readRecordBatches,
} from "../../kafka/mod.ts";
import type { RecordSource, UnreadAnswer, UnreadQuestion } from "../evaluator/unread_records.ts";
import type { ClusterWatch } from "./watch.ts";

/** A few records are enough; behind nothing but ends of transactions more is read. */
const FIRST_BYTES = 4 * 1024;
const MORE_BYTES = 1024 * 1024;
/** Fetches for one answer. */
const MOST_FETCHES = 8;
/** An answer that takes longer is none. */
const PATIENCE_MS = 5_000;

/** A source of records that asks the clusters that are watched. @param clusters by name */
export function newUnreadSource(clusters: ReadonlyMap<string, ClusterWatch>): RecordSource {
  let decompressor: Promise<Decompressor> | undefined;

  async function read(
    watch: ClusterWatch,
    { topic, partition, offset, end }: UnreadQuestion & { offset: number; end: number },
    unzip: Decompressor,
  ): Promise<UnreadAnswer | null> {
    let from = Math.max(offset, watch.topics.logStartOf(topic, partition));
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for (let i = 0; i < MOST_FETCHES; i++) {
      const node = watch.topics.leaderOf(topic, partition);
      if (node < 0) return null;
      const bytes = i === 0 ? FIRST_BYTES : MORE_BYTES;
      const bounds = { isolation: "read_committed", maxWaitMs: 0, maxBytes: bytes, partitionMaxBytes: bytes } as const;
      const [fetched] = await fetchRecords(watch.kafka, node, [{ topic, partition, offset: from }], bounds, { signal });
      if (fetched === undefined || fetched.error !== 0) return null;
      const { batches, nextOffset } = readRecordBatches(fetched.records, unzip);
      const isVisible = newAbortFilter(fetched.aborted);
      let timestampMs: number | undefined;
      for (const batch of batches) {
        if (!isVisible(batch) || timestampMs !== undefined) continue;
        forEachRecord(batch, (record) => {
          if (record.offset >= from) timestampMs ??= record.timestampMs;
        });
      }
      if (timestampMs !== undefined) return { kind: "record", timestampMs };
      if (nextOffset !== undefined && nextOffset > from) from = nextOffset;
      else if (fetched.lastStableOffset < fetched.highWatermark) return null; // an open transaction may hold records
      else if (fetched.records.length === 0) from = Math.max(from, fetched.highWatermark);
      if (from >= end) return { kind: "nothing" };
    }
    return null;
  }

  return {
    brokerOf({ cluster, topic, partition }) {
      return `${clusters.get(cluster)?.topics.leaderOf(topic, partition)}@${cluster}`;
    },
    async firstUnread(question) {
      const watch = clusters.get(question.cluster);
      const { offset, end } = question;
      if (watch === undefined || !watch.isHealthy || typeof offset !== "number" || typeof end !== "number") return null;
      decompressor ??= newDecompressor();
      try {
        return await read(watch, { ...question, offset, end }, await decompressor);
      } catch (error) {
        if (error instanceof KafkaError) return null; // it can't be told now; interpolation fills in
        throw error;
      }
    },
  };
}
