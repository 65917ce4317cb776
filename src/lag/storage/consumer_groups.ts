import type { ConsumerAssignment, ConsumerMember } from "../wire/consumer_group.ts";
import type { ClusterStore } from "./cluster_store.ts";

/** What is known of a member of a group of KIP-848's protocol. */
interface Member {
  clientId: string;
  clientHost: string;
  assignment: ConsumerAssignment | null;
}

/** Who reads a partition. */
interface Ownership {
  readonly host: string;
  readonly clientId: string;
}

interface MemberGroup {
  readonly members: Map<string, Member>;
  /** What storage was told, by topic and partition. */
  told: Map<string, Map<number, Ownership>>;
  /** An assignment names a topic whose name is not known yet. */
  hasUnknownTopic: boolean;
}

/**
 * The members of groups of KIP-848's protocol. A group's ownership is spread over a record a member, and topics are named by
 * their ids, so that it is put together anew with each record, and what changed is told to storage.
 */
export class ConsumerGroups {
  readonly #store: ClusterStore;
  readonly #groups = new Map<string, MemberGroup>();

  constructor(store: ClusterStore) {
    this.#store = store;
  }

  /** A member's own record; null is its tombstone. */
  setMember(group: string, id: string, value: ConsumerMember | null): void {
    this.#update(group, id, (member) => {
      member.clientId = value?.clientId ?? "";
      member.clientHost = value?.clientHost ?? "";
    });
  }

  /** A member's assignment; null is its tombstone. */
  setAssignment(group: string, id: string, value: ConsumerAssignment | null): void {
    this.#update(group, id, (member) => member.assignment = value);
  }

  /** Forgets a group; storage is told nothing. */
  forget(group: string): void {
    this.#groups.delete(group);
  }

  /** Looks again for topics whose names were not known: the metadata is new. */
  refreshed(): void {
    for (const [name, group] of this.#groups) if (group.hasUnknownTopic) this.#tell(name, group);
  }

  #update(name: string, id: string, change: (member: Member) => void): void {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { members: new Map(), told: new Map(), hasUnknownTopic: false };
      this.#groups.set(name, group);
    }
    const member = group.members.get(id) ?? { clientId: "", clientHost: "", assignment: null };
    change(member);
    if (member.clientHost === "" && member.clientId === "" && member.assignment === null) group.members.delete(id);
    else group.members.set(id, member);
    this.#tell(name, group);
    if (group.members.size === 0) this.#groups.delete(name);
  }

  #tell(name: string, group: MemberGroup): void {
    const owners = this.#ownersOf(group);
    for (const [topic, partitions] of group.told) {
      for (const partition of partitions.keys()) {
        if (!owners.get(topic)?.has(partition)) this.#store.setConsumerOwner(name, topic, partition, "", "");
      }
    }
    for (const [topic, partitions] of owners) {
      for (const [partition, { host, clientId }] of partitions) {
        const before = group.told.get(topic)?.get(partition);
        if (before?.host === host && before.clientId === clientId) continue;
        // What storage does not know yet is told again when the metadata is new.
        if (!this.#store.setConsumerOwner(name, topic, partition, host, clientId)) {
          partitions.delete(partition);
          group.hasUnknownTopic = true;
        }
      }
    }
    group.told = owners;
  }

  #ownersOf(group: MemberGroup): Map<string, Map<number, Ownership>> {
    const owners = new Map<string, Map<number, Ownership>>();
    group.hasUnknownTopic = false;
    // Of two members the one that it is assigned to wins over the one that is to give it back.
    for (const part of ["revoking", "assigned"] as const) {
      for (const { clientHost: host, clientId, assignment } of group.members.values()) {
        if (assignment === null || host === "" && clientId === "") continue;
        for (const [id, partitions] of assignment[part]) {
          const topic = this.#store.topicOfId(id);
          if (topic === undefined) {
            group.hasUnknownTopic = true;
            continue;
          }
          let of = owners.get(topic);
          if (of === undefined) owners.set(topic, of = new Map());
          for (const partition of partitions) of.set(partition, { host, clientId });
        }
      }
    }
    return owners;
  }
}
