import { committedOffsets, listOffsets } from "./admin.ts";
import type { KafkaCluster } from "./cluster.ts";
import { answerError } from "./errors.ts";
import type { OffsetToCommit } from "./groups_wire.ts";
import { OffsetAt, type TopicPartition } from "./records_wire.ts";

/** What a partition's facts are kept under. */
export function placeKey(topic: string, partition: number): string {
  return `${partition}@${topic}`;
}

/** Where a group's partitions are led, and where in them it goes on. */
export class GroupPlaces {
  readonly #cluster: KafkaCluster;
  readonly #group: string;
  readonly #topics: readonly string[];
  readonly #start: "earliest" | "latest";

  /** @param options `start`: where a partition without a commit starts */
  constructor(
    cluster: KafkaCluster,
    { group, topics, start }: {
      readonly group: string;
      readonly topics: readonly string[];
      readonly start: "earliest" | "latest";
    },
  ) {
    this.#cluster = cluster;
    this.#group = group;
    this.#topics = topics;
    this.#start = start;
  }

  /** How many partitions the topics have that any member subscribes to. */
  async partitionCounts(
    members: readonly { readonly topics: readonly string[] }[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    const topics = [...new Set(members.flatMap((member) => member.topics))];
    const metadata = await this.#cluster.metadata(topics, { signal });
    return new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length]));
  }

  /** The leader of each partition by its key; -1 where there is none. */
  async leaders(signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const { topics } = await this.#cluster.metadata(this.#topics, { signal });
    return new Map(
      topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partition, leader }): [string, number] => [placeKey(name, partition), leader])
      ),
    );
  }

  /** From where partitions are read, by their keys: as given, else as committed, else the start. */
  async positions(
    partitions: readonly TopicPartition[],
    given: readonly OffsetToCommit[],
    signal: AbortSignal,
  ): Promise<Map<string, number>> {
    const positions = new Map(given.map(({ topic, partition, offset }) => [placeKey(topic, partition), offset]));
    const unknown = () => partitions.filter(({ topic, partition }) => !positions.has(placeKey(topic, partition)));
    if (unknown().length > 0) {
      for (const committed of await committedOffsets(this.#cluster, this.#group, unknown(), { signal })) {
        const { topic, partition, offset, error } = committed;
        if (error !== 0) throw answerError(error, `read the offsets of group ${this.#group}`);
        if (offset >= 0) positions.set(placeKey(topic, partition), offset);
      }
    }
    await this.reset(unknown(), this.#start, positions, signal);
    return positions;
  }

  /** Sets positions to the first record that is left, or behind the last. */
  async reset(
    partitions: readonly TopicPartition[],
    start: "earliest" | "latest",
    positions: Map<string, number>,
    signal: AbortSignal,
  ): Promise<void> {
    if (partitions.length === 0) return;
    const metadata = await this.#cluster.metadata(this.#topics, { signal });
    const queries = partitions.map(({ topic, partition }) => ({ topic, partition, timestampMs: OffsetAt[start] }));
    const { answers, failures } = await listOffsets(this.#cluster, metadata, queries, { signal });
    if (failures[0] !== undefined) throw failures[0];
    for (const { topic, partition, error, offset } of answers) {
      if (error !== 0) throw answerError(error, `find where ${topic}, partition ${partition}, starts`);
      positions.set(placeKey(topic, partition), offset);
    }
  }
}
