import type { Int64 } from "../wire/int64.ts";
import type { GroupMetadata } from "../wire/group_metadata.ts";
import { codeOf, REASONS, type WireFault } from "../wire/reason.ts";
import { type OffsetsRecord, parseRecord } from "../wire/record.ts";
import type { ClusterStore } from "./cluster_store.ts";
import { ConsumerGroups } from "./consumer_groups.ts";
import { accepts, type GroupFilter } from "./group_filter.ts";
import type { LagStore } from "./lag_store.ts";
import { copied, type EachRecord, type LogBatch, part } from "./log_record.ts";
import { Outcome } from "./outcome.ts";
import { lastLive, revivedIn } from "./revived_groups.ts";
import { PendingTransactions, transactionEnd } from "./transactions.ts";

/** How a log is read. */
export interface OffsetsLogOptions {
  /** Groups that are taken in. */
  readonly filter?: GroupFilter;
  /** Told of each record that is refused, or of a member's assignment that is. */
  readonly onFault?: (fault: WireFault, order: Int64) => void;
  /** Bytes of records that wait for the end of their transaction, a stream. @default 64 MiB */
  readonly mostPendingBytes?: number;
}

/** Commits that wait for a partition to be known; what comes later is dropped. */
const MOST_HELD = 100_000;
/** Groups whose acceptance is remembered. */
const MOST_REMEMBERED = 10_000;
const PENDING_BYTES = 64 * 2 ** 20;

/** A commit for a partition that the metadata does not have yet. */
interface HeldCommit {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: Int64;
  readonly order: Int64;
  readonly timestamp: Int64;
  /** The topic's, where the commit names one that is not the one that is known. */
  readonly topicId?: string | undefined;
  /** Looks at the metadata that had begun when it came. */
  readonly looks: number;
}

/**
 * What the records of one offsets topic do to storage: commits, ownership, deletions.
 *
 * All records of a group stand in one partition. A log may be read by two streams a partition, one from the end and one that
 * catches up from the start: commits are told apart by their order, and what is not a commit counts only when it is newer than
 * what was seen of its group.
 */
export class OffsetsLog {
  /** Records refused, by reason, in the order of `REASONS`. */
  readonly faults: Float64Array = new Float64Array(REASONS.length);
  /** Records of types that say nothing of lag. */
  ignored = 0;
  /** Transactional records for which there was no room. */
  overflowed = 0;
  /** Commits for partitions that the next metadata did not have either. */
  droppedHeld = 0;
  readonly #store: LagStore;
  readonly #cluster: ClusterStore;
  readonly #options: OffsetsLogOptions;
  readonly #accepts: ((group: string) => boolean) | undefined;
  readonly #accepted = new Map<string, boolean>();
  readonly #groups848: ConsumerGroups;
  #held: HeldCommit[] = [];
  /** Classic groups whose members were told since the last metadata: topics may have been unknown, or others of that name. */
  #recent = new Map<string, { readonly value: GroupMetadata; readonly looks: number }>();
  /** Looks at the metadata that have begun. */
  #looks = 0;
  /** Newest order of a deletion, by group, and by partition of a group, while older records may still come. */
  readonly #deleted = new Map<string, Int64>();
  /** Newest order of what is no commit, by group and kind, while older records may still come. */
  readonly #newest = new Map<string, Int64>();
  #catchingUp = 0;

  /** @throws {RangeError} if storage has no such cluster */
  constructor(store: LagStore, cluster: string, options: OffsetsLogOptions = {}) {
    const known = store.cluster(cluster);
    if (known === undefined) throw new RangeError(`Cannot read offsets of ${cluster}: there is no such cluster`);
    this.#store = store;
    this.#cluster = known;
    this.#options = options;
    this.#groups848 = new ConsumerGroups(known);
    const { filter } = options;
    const isOpen = filter === undefined || filter.allow === undefined && filter.deny === undefined;
    this.#accepts = isOpen ? undefined : (group) => this.#remembers(filter, group);
  }

  /**
   * A reader of one partition.
   *
   * @param catchesUp it reads what another stream of that partition has passed over; end it when it is done
   */
  stream({ catchesUp = false }: { readonly catchesUp?: boolean } = {}): OffsetsStream {
    if (catchesUp) this.#catchingUp++;
    let isOver = !catchesUp;
    const pending = new PendingTransactions(this.#options.mostPendingBytes ?? PENDING_BYTES);
    return {
      take: (batch, each) => this.#batch(batch, each, pending),
      end: () => {
        if (isOver) return;
        isOver = true;
        if (--this.#catchingUp > 0) return;
        this.#deleted.clear();
        this.#newest.clear();
      },
    };
  }

  /** Takes in records as one batch outside a transaction, `order` being the first one's offset. */
  records(
    records: readonly { readonly key: Uint8Array | null; readonly value: Uint8Array | null }[],
    order: Int64,
  ): void {
    const revived = lastLive(records.map(({ key, value }) => ({ key, isLive: value !== null && value.length > 0 })));
    records.forEach(({ key, value }, i) => {
      const place = typeof order === "number" ? order + i : order + BigInt(i);
      this.#slowly(key, value, place, (group) => (revived.get(group) ?? -1) > i);
    });
  }

  /** {@linkcode refreshing} and its end at once: the metadata is newer than all that came so far. */
  refreshed(): void {
    this.refreshing()();
  }

  /**
   * The metadata is about to be looked up.
   *
   * @returns what is called once it is new: commits for partitions that were not known are applied or dropped, topics' ids
   * looked up. None is dropped that came after the look had begun: it may be of what was made meanwhile, and waits for the next.
   */
  refreshing(): () => void {
    const look = ++this.#looks;
    return () => this.#refreshed(look);
  }

  #refreshed(look: number): void {
    const held = this.#held;
    this.#held = [];
    for (const commit of held) {
      const { group, topic, partition, offset, order, timestamp, topicId, looks } = commit;
      const mayCome = looks >= look;
      // It is of a topic that is gone, or of one that was made anew under its name just before.
      if (topicId !== undefined && this.#cluster.topicId(topic) !== topicId) {
        if (mayCome) this.#held.push(commit);
        else this.#store.count(Outcome.otherTopicId);
        continue;
      }
      const outcome = this.#cluster.setConsumerOffset(group, topic, partition, offset, order, timestamp);
      if (mayCome && isUnknownPlace(outcome)) {
        this.#held.push(commit);
        continue;
      }
      this.#store.count(outcome);
      if (isUnknownPlace(outcome)) this.droppedHeld++;
    }
    this.#groups848.refreshed();
    for (const [group, { value, looks }] of [...this.#recent]) {
      // A group that was removed meanwhile stays away.
      if (this.#cluster.groupTimes(group) !== null) this.#own(group, value);
      if (looks < look) this.#recent.delete(group);
    }
  }

  #batch<B extends LogBatch>(batch: B, each: EachRecord<B>, pending: PendingTransactions): void {
    if (batch.isControl) {
      // Without a record, compaction has taken the marker: and before it what it ended.
      const ended = pending.end(batch.producerId);
      let end: "commit" | "abort" | null = null;
      each(batch, ({ bytes, keyStart, keyEnd }) => end = transactionEnd(part(bytes, keyStart, keyEnd)));
      if (end === "commit") { for (const { key, value, order } of ended) this.#slowly(key, value, order, () => false); }
      return;
    }
    if (batch.isTransactional) {
      each(batch, ({ bytes, offset, keyStart, keyEnd, valueStart, valueEnd }) => {
        const key = copied(bytes, keyStart, keyEnd);
        const value = copied(bytes, valueStart, valueEnd);
        if (!pending.keep(batch.producerId, { key, value, order: offset })) this.overflowed++;
      });
      return;
    }
    let view: DataView | undefined;
    let revived: ReadonlyMap<string, number> | undefined;
    each(batch, (record) => {
      const { bytes, keyStart, valueStart } = record;
      view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const isCommit = keyStart >= 0 && record.keyEnd - keyStart >= 2 && bytes[keyStart] === 0 &&
        bytes[keyStart + 1]! <= 1;
      if (isCommit && valueStart >= 0 && record.valueEnd > valueStart && this.#deleted.size === 0) {
        const { keyEnd, valueEnd, offset } = record;
        const outcome = this.#cluster.commit(view, keyStart + 2, keyEnd, valueStart, valueEnd, offset, this.#accepts);
        if (outcome !== undefined && outcome !== Outcome.otherTopicId) return this.#store.count(outcome);
      }
      this.#slowly(
        part(bytes, keyStart, record.keyEnd),
        part(bytes, valueStart, record.valueEnd),
        record.offset,
        (group) => ((revived ??= revivedIn(batch, each)).get(group) ?? -1) > record.offset,
      );
    });
  }

  /** @param isRevived whether a record that the group lives follows in the same batch */
  #slowly(key: Uint8Array | null, value: Uint8Array | null, order: Int64, isRevived: (group: string) => boolean): void {
    const parsed = parseRecord(key, value, this.#accepts);
    if (parsed === undefined) return this.#store.count(Outcome.filtered);
    if (parsed.kind === "fault") {
      this.#refuse(parsed, order);
      return;
    }
    this.#apply(parsed.record, order, isRevived);
  }

  #apply(record: OffsetsRecord, order: Int64, isRevived: (group: string) => boolean): void {
    const { key } = record;
    switch (key.kind) {
      case "other":
        this.ignored++;
        return;
      case "offset":
        this.#commit(key, (record as Of<"offset">).value, order);
        return;
      default:
    }
    const id = "member" in key ? key.member : "";
    if (this.#isOld(`${key.kind}\0${key.group}\0${id}`, order)) return;
    switch (key.kind) {
      case "group":
        this.#classicGroup(key.group, (record as Of<"group">).value, order, isRevived);
        return;
      case "group848":
        if ((record as Of<"group848">).value === null) this.#deleteGroup(key.group, order, isRevived);
        return;
      case "member":
        this.#groups848.setMember(key.group, key.member, (record as Of<"member">).value);
        return;
      case "assignment":
        this.#groups848.setAssignment(key.group, key.member, (record as Of<"assignment">).value);
    }
  }

  #commit(key: Of<"offset">["key"], value: Of<"offset">["value"], order: Int64): void {
    const { group, topic, partition } = key;
    const place = JSON.stringify([group, topic, partition]);
    if (value === null) {
      if (this.#catchingUp > 0) raise(this.#deleted, place, order);
      this.#held = this.#held.filter((one) =>
        one.order > order || one.group !== group || one.topic !== topic || one.partition !== partition
      );
      this.#cluster.deletePartition(group, topic, partition, order);
      return;
    }
    if (this.#deleted.size > 0) {
      const deleted = [this.#deleted.get(place), this.#deleted.get(JSON.stringify([group]))];
      if (deleted.some((one) => one !== undefined && one > order)) return;
    }
    const { offset, commitMs: timestamp, topicId } = value;
    const known = topicId === undefined ? undefined : this.#cluster.topicId(topic);
    if (known !== undefined && known !== topicId) {
      if (this.#held.length >= MOST_HELD) return this.#store.count(Outcome.otherTopicId);
      // Perhaps the topic was made anew since the metadata was read.
      this.#held.push({ group, topic, partition, offset, order, timestamp, topicId, looks: this.#looks });
      return;
    }
    const outcome = this.#cluster.setConsumerOffset(group, topic, partition, offset, order, timestamp);
    if (isUnknownPlace(outcome) && partition >= 0 && this.#held.length < MOST_HELD) {
      this.#held.push({ group, topic, partition, offset, order, timestamp, looks: this.#looks });
    } else this.#store.count(outcome);
  }

  #classicGroup(
    group: string,
    value: Of<"group">["value"],
    order: Int64,
    isRevived: (group: string) => boolean,
  ): void {
    if (value === null) {
      this.#deleteGroup(group, order, isRevived);
      return;
    }
    if (value.protocolType !== "consumer") return;
    this.#groups848.forget(group);
    for (const warning of value.warnings) this.#refuse(warning, order);
    this.#cluster.clearConsumerOwners(group);
    this.#own(group, value);
    this.#recent.delete(group);
    if (value.members.length > 0 && this.#recent.size < MOST_HELD) {
      this.#recent.set(group, { value, looks: this.#looks });
    }
  }

  #own(group: string, { members }: GroupMetadata): void {
    for (const { clientId, clientHost, assignment } of members) {
      for (const [topic, partitions] of assignment) {
        for (const partition of partitions) {
          this.#cluster.setConsumerOwner(group, topic, partition, clientHost, clientId);
        }
      }
    }
  }

  #deleteGroup(group: string, order: Int64, isRevived: (group: string) => boolean): void {
    this.#recent.delete(group);
    if (isRevived(group)) {
      // It goes over to the other protocol: its windows stay, who reads what is told anew.
      this.#cluster.clearConsumerOwners(group);
      this.#groups848.forget(group);
      return;
    }
    if (this.#catchingUp > 0) raise(this.#deleted, JSON.stringify([group]), order);
    this.#groups848.forget(group);
    this.#held = this.#held.filter((one) => one.group !== group || one.order > order);
    this.#cluster.deleteGroup(group);
  }

  #isOld(what: string, order: Int64): boolean {
    if (this.#catchingUp === 0) return false;
    const newest = this.#newest.get(what);
    raise(this.#newest, what, order);
    return newest !== undefined && newest > order;
  }

  #refuse(fault: WireFault, order: Int64): void {
    this.faults[codeOf(fault.reason)]!++;
    this.#options.onFault?.(fault, order);
  }

  #remembers(filter: GroupFilter, group: string): boolean {
    let known = this.#accepted.get(group);
    if (known === undefined) {
      known = accepts(filter, group);
      if (this.#accepted.size >= MOST_REMEMBERED) this.#accepted.clear();
      this.#accepted.set(group, known);
    }
    return known;
  }
}

/** Reads one partition of an offsets topic. */
export interface OffsetsStream {
  /** Takes in a batch, the one behind the batch before. */
  take<B extends LogBatch>(batch: B, each: EachRecord<B>): void;
  /** Says that a stream that catches up is done. */
  end(): void;
}

type Of<Kind extends string> = Extract<OffsetsRecord, { key: { kind: Kind } }>;

function isUnknownPlace(outcome: Outcome): boolean {
  return outcome === Outcome.unknownTopic || outcome === Outcome.unknownPartition || outcome === Outcome.noBrokerOffset;
}

function raise(map: Map<string, Int64>, key: string, order: Int64): void {
  const known = map.get(key);
  if (known === undefined || order > known) map.set(key, order);
}
