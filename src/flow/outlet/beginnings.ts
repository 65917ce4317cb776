/** Where a worker begins in the partitions that it gets: behind what is committed, and behind what is stored. */
import {
  answerError,
  committedOffsets,
  type KafkaCluster,
  KafkaError,
  listOffsets,
  OffsetAt,
} from "../../kafka/mod.ts";
import { firstOffset } from "../store/mod.ts";

/** The beginning in one partition. */
export interface Beginning {
  readonly partition: number;
  /** The offset that is read first. */
  readonly first: number;
  /** What the group has committed; -1: nothing. */
  readonly committed: number;
}

/**
 * Finds where each partition is to be read from. A group that has committed nothing begins at the end.
 *
 * @param stored the highest offset stored of each partition
 * @throws {KafkaError} when a broker does not say where the group is, or where a partition ends
 */
export async function findBeginnings(
  cluster: KafkaCluster,
  { group, topic, partitions, stored }: {
    readonly group: string;
    readonly topic: string;
    readonly partitions: readonly number[];
    readonly stored: ReadonlyMap<number, bigint>;
  },
): Promise<readonly Beginning[]> {
  const places = partitions.map((partition) => ({ topic, partition }));
  const committed = new Map<number, number>();
  for (const { partition, offset, error } of await committedOffsets(cluster, group, places)) {
    if (error !== 0) throw answerError(error, `read where group ${group} is in ${topic}`);
    if (offset >= 0) committed.set(partition, offset);
  }
  const metadata = await cluster.metadata([topic]);
  const { answers } = await listOffsets(
    cluster,
    metadata,
    places.map((place) => ({ ...place, timestampMs: OffsetAt.latest })),
  );
  const ends = new Map(answers.filter(({ error }) => error === 0).map(({ partition, offset }) => [partition, offset]));
  return partitions.map((partition) => {
    const known = committed.get(partition);
    const end = ends.get(partition);
    if (end === undefined) {
      const message = `Cannot read ${topic}, partition ${partition}: it does not say where it ends`;
      throw new KafkaError("kafka.timeout", message);
    }
    const behind = firstOffset(known === undefined ? undefined : BigInt(known), stored.get(partition), BigInt(end));
    return { partition, first: behind === undefined ? end : Number(behind), committed: known ?? -1 }; // far below 2^53
  });
}
