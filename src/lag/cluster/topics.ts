import type { ClusterMetadata, OffsetQuery, TopicMetadata } from "../../kafka/mod.ts";

/** A topic as the last good metadata had it. */
interface KnownTopic {
  /** "" where brokers tell none. */
  id: string;
  /** Brokers by partition; -1 where there is no leader. */
  leaders: readonly number[];
  /** Ends by partition, as storage has them; -1 where there is none. */
  ends: number[];
  /** An end below the one before, which the next measurement has to confirm. */
  falls: Map<number, number>;
  logStarts: number[];
}

/** What new metadata means for storage. */
export interface TopicChanges {
  /** Topics that are gone, or were made anew under the same name. */
  readonly deleted: readonly string[];
  /** Topics whose ids are new: null where there is none. */
  readonly ids: readonly (readonly [topic: string, id: string | null])[];
  /** Partitions without a leader. */
  readonly leaderless: number;
}

const NO_ID = /^[0-]*$/;

/** The topics of a cluster, and what was measured of them. Pure: metadata and offsets in, changes out. */
export class ClusterTopics {
  readonly #topics = new Map<string, KnownTopic>();
  #emptyBefore = false;

  /** @param restored topics that storage knows of from before */
  constructor(restored: Iterable<string> = []) {
    for (const name of restored) this.#topics.set(name, newTopic("", []));
  }

  /** Topics that are known. */
  get size(): number {
    return this.#topics.size;
  }

  /** All partitions that are known. */
  get partitions(): number {
    let sum = 0;
    for (const { leaders } of this.#topics.values()) sum += leaders.length;
    return sum;
  }

  /** The broker that leads a partition; -1 where there is none. */
  leaderOf(topic: string, partition: number): number {
    return this.#topics.get(topic)?.leaders[partition] ?? -1;
  }

  /** The oldest offset that is left; -1 where it is not known. */
  logStartOf(topic: string, partition: number): number {
    return this.#topics.get(topic)?.logStarts[partition] ?? -1;
  }

  /** How many partitions a topic has, those without a leader included. */
  countOf(topic: string): number {
    return this.#topics.get(topic)?.leaders.length ?? 0;
  }

  /** What to ask the brokers for. */
  queries(timestampMs: number): OffsetQuery[] {
    const queries: OffsetQuery[] = [];
    for (const [topic, { leaders }] of this.#topics) {
      leaders.forEach((leader, partition) => {
        if (leader >= 0) queries.push({ topic, partition, timestampMs });
      });
    }
    return queries;
  }

  /**
   * Takes over new metadata of all topics. A topic that it has an error for stays as it was; one that it does not have is
   * gone. That all are gone is believed when it is said twice: a broker that has just started may not know them yet.
   */
  refresh({ topics }: ClusterMetadata): TopicChanges {
    const deleted: string[] = [];
    const ids: [string, string | null][] = [];
    let leaderless = 0;
    const isEmpty = topics.length === 0 && this.#topics.size > 0;
    if (isEmpty && !this.#emptyBefore) {
      this.#emptyBefore = true;
      return { deleted, ids, leaderless };
    }
    this.#emptyBefore = isEmpty;
    const named = new Set(topics.map(({ name }) => name));
    for (const name of [...this.#topics.keys()]) {
      if (named.has(name)) continue;
      this.#topics.delete(name);
      deleted.push(name);
      ids.push([name, null]);
    }
    for (const topic of topics) {
      if (topic.error !== 0 || topic.partitions.length === 0) continue;
      const id = NO_ID.test(topic.id) ? "" : topic.id;
      const leaders = leadersOf(topic);
      leaderless += leaders.filter((leader) => leader < 0).length;
      let known = this.#topics.get(topic.name);
      if (known === undefined || known.id !== "" && id !== "" && known.id !== id) {
        if (known !== undefined) deleted.push(topic.name);
        this.#topics.set(topic.name, known = newTopic("", leaders));
      }
      if (known.id !== id) ids.push([topic.name, id === "" ? null : id]);
      known.id = id;
      known.leaders = leaders;
      if (known.ends.length > leaders.length) known.ends.length = known.logStarts.length = leaders.length;
    }
    return { deleted, ids, leaderless };
  }

  /**
   * An end that was measured. One below the end before counts only when the next measurement confirms it.
   *
   * @returns whether it is to be stored
   */
  measured(topic: string, partition: number, end: number): boolean {
    const known = this.#topics.get(topic);
    if (known === undefined || partition >= known.leaders.length || end < 0) return false;
    const before = known.ends[partition] ?? -1;
    if (end < before && !known.falls.has(partition)) {
      known.falls.set(partition, end);
      return false;
    }
    known.falls.delete(partition);
    known.ends[partition] = end;
    return true;
  }

  /** The oldest offset that is left was measured. */
  startMeasured(topic: string, partition: number, start: number): void {
    const known = this.#topics.get(topic);
    if (known !== undefined && start >= 0) known.logStarts[partition] = start;
  }
}

function newTopic(id: string, leaders: readonly number[]): KnownTopic {
  return { id, leaders, ends: [], falls: new Map(), logStarts: [] };
}

/** By partition, also where the metadata has gaps. */
function leadersOf({ partitions }: TopicMetadata): number[] {
  const count = Math.max(...partitions.map(({ partition }) => partition)) + 1;
  const leaders = new Array<number>(count).fill(-1);
  for (const { partition, error, leader } of partitions) if (error === 0) leaders[partition] = leader;
  return leaders;
}
