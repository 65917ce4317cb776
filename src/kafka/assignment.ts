import type { Assignments } from "./groups_wire.ts";
import type { TopicPartition } from "./records_wire.ts";

/** A member and what it subscribes to. */
export interface Subscriber {
  readonly memberId: string;
  readonly topics: readonly string[];
}

/**
 * Gives each member its range of each topic's partitions, members in the order of their ids and the first ones one more
 * where it does not come out even: the `range` strategy of Kafka's clients.
 *
 * @param partitions how many each topic has; topics that are missing are given to nobody
 */
export function assignRanges(members: readonly Subscriber[], partitions: ReadonlyMap<string, number>): Assignments {
  const assigned = new Map<string, TopicPartition[]>(members.map(({ memberId }) => [memberId, []]));
  for (const [topic, count] of partitions) {
    const ids = members.filter(({ topics }) => topics.includes(topic)).map(({ memberId }) => memberId).sort();
    let next = 0;
    ids.forEach((id, i) => {
      const share = Math.floor(count / ids.length) + (i < count % ids.length ? 1 : 0);
      for (let left = share; left > 0; left--) assigned.get(id)!.push({ topic, partition: next++ });
    });
  }
  return assigned;
}
