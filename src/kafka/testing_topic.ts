import type { KafkaCluster } from "./cluster.ts";
import { newDecompressor } from "./compression.ts";
import { answerError } from "./errors.ts";
import { fetchRecords } from "./fetcher.ts";
import { isRetriable, ProtocolError } from "./protocol_errors.ts";
import { forEachRecord, readRecordBatches, recordKey, recordValue } from "./record_batch.ts";
import type { FetchedPartition, FetchPosition, Isolation } from "./records_wire.ts";

/** A guard against a hang. */
const MOST_TRIES = 1_000;

/** A record, copied out of its batch. */
export interface TopicRecord {
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/**
 * Every record that a topic has so far, one partition after the other; the ends of transactions are none. Empty where there
 * is no topic.
 *
 * @throws {KafkaError} when the brokers don't answer, or with an error
 */
export async function readTopic(
  cluster: KafkaCluster,
  topic: string,
  isolation: Isolation = "read_committed",
): Promise<TopicRecord[]> {
  const { topics } = await cluster.metadata([topic]);
  const decompressor = await newDecompressor();
  const all: TopicRecord[] = [];
  for (const { partition } of topics[0]?.partitions ?? []) {
    for (let offset: number | undefined = 0; offset !== undefined;) {
      const { records } = await fetchOnceLed(cluster, { topic, partition, offset }, isolation);
      const { batches, nextOffset } = readRecordBatches(records, decompressor);
      for (const batch of batches) {
        if (batch.isControl) continue;
        forEachRecord(batch, (record) => {
          all.push({
            partition,
            key: recordKey(record)?.slice() ?? null,
            value: recordValue(record)?.slice() ?? null,
          });
        });
      }
      offset = nextOffset;
    }
  }
  return all;
}

/** A topic that was just made has no leader yet, or one that does not know of it. */
async function fetchOnceLed(
  cluster: KafkaCluster,
  position: FetchPosition,
  isolation: Isolation,
): Promise<FetchedPartition> {
  const { topic, partition } = position;
  for (let tries = 0;; tries++) {
    const { topics } = await cluster.metadata([topic]);
    const leader = topics[0]?.partitions.find((one) => one.partition === partition)?.leader ?? -1;
    const [fetched] = leader < 0 ? [] : await fetchRecords(cluster, leader, [position], { isolation, maxWaitMs: 10 });
    if (fetched?.error === 0) return fetched;
    const error = fetched?.error ?? ProtocolError.leaderNotAvailable;
    if (!isRetriable(error) || tries === MOST_TRIES) throw answerError(error, `read ${topic}, partition ${partition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
