import { newCommitScan, scanCommitKey, scanCommitValue } from "../wire/commit.ts";
import { distance, type Int64, int64Of, larger } from "../wire/int64.ts";
import type { BrokerStore } from "./broker_store.ts";
import { type BrokerTopic, BrokerTopics, type SavedEnds } from "./broker_topics.ts";
import { accepts, type GroupFilter } from "./group_filter.ts";
import { hashPartition, hasPrefix, KeyIndex, type KeyPrefix, prefixOf } from "./key_index.ts";
import { insertCommit } from "./insertion.ts";
import { nameBytes, sortedNames } from "./names.ts";
import { Outcome } from "./outcome.ts";
import type { ConsumerTopics, PartitionState } from "./request.ts";
import { isOtherId } from "./topic_id.ts";
import type { InterpolatedLag } from "./time_lag_table.ts";
import { Appended, type CommitEntry, WindowStore } from "./window_store.ts";

/** How commits are kept. */
export interface StoreConfig {
  /** Commits of a window, and measurements of an end. */
  readonly intervals: number;
  /** Commits nearer than this to the one before are merged with it; 0 merges none but those that go back. */
  readonly minDistanceMs: number;
  /** A group without a commit for so long is gone. */
  readonly expireGroupMs: number;
  readonly filter: GroupFilter;
  /** Points of each partition's table for the lag in seconds; 0 keeps none. */
  readonly timeLagPoints: number;
  /** Groups of a cluster; what comes later is refused. 0 has no bound. */
  readonly maxGroups: number;
}

/** A group of consumers. */
export interface Group {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Unix milliseconds of the latest commit's own time; `-Infinity` before the first. */
  lastCommit: number;
  /** Unix milliseconds at which ownership was last told; `-Infinity` if it never was. */
  lastOwned: number;
  /** Unix milliseconds of the arrival of the latest commit that was stored. */
  lastSeen: number;
  readonly topics: Map<string, GroupTopic>;
  /** Changed since it was last saved. */
  changed: boolean;
}

/** A topic of a group. */
interface GroupTopic extends KeyPrefix {
  readonly number: number;
  readonly group: Group;
  readonly topic: BrokerTopic;
  /** The slot of each partition, or one of the two below. */
  slots: Int32Array;
  owners: string[] | null;
  clients: string[] | null;
}

/** Names of what changed and of what is gone. */
export interface StoreChanges {
  readonly groups: readonly string[];
  readonly topics: readonly string[];
  readonly removedGroups: readonly string[];
  readonly removedTopics: readonly string[];
}

/** A partition of a group as it is saved. */
export interface SavedPartition {
  readonly partition: number;
  readonly owner: string;
  readonly clientId: string;
  /** Oldest first; empty where there was an owner only. */
  readonly entries: readonly CommitEntry[];
}

/** A group as it is saved. */
export interface SavedGroup {
  /** Unix milliseconds, `-Infinity` for none. */
  readonly lastCommit: number;
  readonly lastOwned: number;
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly SavedPartition[] }[];
}

/** Never had a commit or an owner. */
const UNTOUCHED = -1;
/** Had an owner, no commit. */
const WITHOUT_COMMIT = -2;

const TWO_32 = 4_294_967_296;

/** One cluster: what its brokers say of its topics, and what its groups have committed. Time is told by `setTime`. */
export class ClusterStore {
  readonly name: string;
  readonly #config: StoreConfig;
  readonly #topics: BrokerTopics;
  readonly #groups = new Map<string, Group>();
  readonly #windows: WindowStore;
  readonly #groupTopics: (GroupTopic | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  readonly #index: KeyIndex;
  readonly #ends: BrokerStore;
  /** Topics that were deleted, by the request that did it, as long as older requests may be on their way. */
  readonly #deletedTopics = new Map<string, number>();
  readonly #removedGroups = new Set<string>();
  readonly #scan = newCommitScan();
  /** Whose the last commit in place was. */
  #last: GroupTopic | null = null;
  #nowMs = 0;
  #expiredBeforeMs = -Infinity;

  constructor(name: string, config: StoreConfig) {
    this.name = name;
    this.#config = config;
    this.#windows = new WindowStore(config.intervals);
    this.#topics = new BrokerTopics(config.intervals, config.timeLagPoints, (topic) => this.#shrink(topic));
    this.#ends = this.#topics.ends;
    this.#index = new KeyIndex(this.#windows, this.#groupTopics);
  }

  /** The time of what comes next, Unix milliseconds. */
  setTime(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#expiredBeforeMs = Math.floor(nowMs / 1000) * 1000 - this.#config.expireGroupMs;
  }

  /** Windows in memory. */
  get partitions(): number {
    return this.#windows.size;
  }

  /** Groups in memory, those included whose time is over and that were not asked for since. */
  get groups(): number {
    return this.#groups.size;
  }

  /**
   * An end that was measured.
   *
   * @param count partitions that the topic has; those behind it go, with what groups committed for them
   * @returns false if the measurement was dropped: no such partition, or a negative offset
   */
  setBrokerOffset(
    topic: string,
    partition: number,
    count: number,
    offset: Int64,
    timeMs: Int64,
    logStart?: Int64,
  ): boolean {
    return this.#topics.add(topic, partition, count, offset, timeMs, logStart);
  }

  /** A commit. @param sequence when the request was submitted, where requests may overtake each other */
  setConsumerOffset(
    group: string,
    topic: string,
    partition: number,
    offset: Int64,
    order: Int64,
    timestamp: Int64,
    sequence = Infinity,
  ): Outcome {
    if (timestamp < this.#expiredBeforeMs) return Outcome.expired;
    if (!accepts(this.#config.filter, group)) return Outcome.filtered;
    if (sequence < (this.#deletedTopics.get(topic) ?? -1)) return Outcome.deletedTopic;
    const found = this.#topics.lookUp(topic, partition);
    if (typeof found === "number") return found;
    if (offset < 0) return Outcome.negativeOffset;
    const owner = this.#groupTopic(group, found);
    if (owner === null) return Outcome.tooManyGroups;
    return this.#insert(this.#slot(owner, partition), offset, order, timestamp);
  }

  /**
   * A commit in place: as {@linkcode setConsumerOffset}, without an object or a text where the partition is known.
   *
   * @param keyStart where the group's length stands, behind the key's type
   * @param accept a further filter, of whoever reads the log
   * @returns `undefined` for a record that is malformed, or whose partition is not known: its own words say why
   */
  commit(
    view: DataView,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    order: number,
    accept?: (group: string) => boolean,
  ): Outcome | undefined {
    const scan = this.#scan;
    if (scanCommitValue(view, valueStart, valueEnd, scan) !== 0) return undefined;
    let owner = this.#last;
    let slot: number;
    // Commits of one group come in a row: mostly the names are those of the commit before.
    if (owner !== null && keyStart + owner.prefixBytes + 4 <= keyEnd && hasPrefix(view, keyStart, owner)) {
      slot = owner.slots[view.getInt32(keyStart + owner.prefixBytes)] ?? UNTOUCHED;
      if (slot < 0) return undefined;
    } else {
      if (scanCommitKey(view, keyStart, keyEnd, scan) !== 0) return undefined;
      slot = this.#index.find(view, keyStart, scan.topicEnd - keyStart, scan.partition);
      if (slot < 0) return undefined;
      this.#last = owner = this.#groupTopics[this.#windows.owner(slot)]!;
    }
    const { group } = owner;
    if (accept !== undefined && !accept(group.name)) return Outcome.filtered;
    const timestamp = scan.timestampHigh * TWO_32 + (scan.timestampLow >>> 0);
    if (timestamp < this.#expiredBeforeMs) return Outcome.expired;
    if (owner.topic.id !== null && isOtherId(owner.topic.id, view, scan, valueStart, valueEnd)) {
      return Outcome.otherTopicId;
    }
    // Numbers beyond 2^53 are for the general way, which knows them exactly.
    if ((scan.offsetHigh | scan.timestampHigh) >>> 21 === 0) {
      const offset = scan.offsetHigh * TWO_32 + (scan.offsetLow >>> 0);
      const { minDistanceMs } = this.#config;
      const done = this.#windows.append(slot, offset, order, timestamp, this.#ends, this.#nowMs, minDistanceMs);
      if (done !== Appended.no) {
        if (timestamp > group.lastCommit) group.lastCommit = timestamp;
        if (group.lastSeen !== this.#nowMs) group.lastSeen = this.#nowMs;
        group.changed = true;
        return done === Appended.stored ? Outcome.stored : Outcome.merged;
      }
    }
    const offset = int64Of(scan.offsetHigh, scan.offsetLow);
    return this.#insert(slot, offset, order, int64Of(scan.timestampHigh, scan.timestampLow));
  }

  /** Who reads a partition. @returns false if the group is filtered or the partition unknown */
  setConsumerOwner(group: string, topic: string, partition: number, owner: string, clientId: string): boolean {
    if (!accepts(this.#config.filter, group)) return false;
    // A group is known by its ownership alone, also while the partition is not.
    const known = this.#group(group);
    if (known === null) return false;
    known.lastOwned = this.#nowMs;
    known.changed = true;
    const found = this.#topics.lookUp(topic, partition);
    if (typeof found === "number") return false;
    const of = this.#groupTopic(group, found)!;
    if (of.slots[partition] === UNTOUCHED) of.slots[partition] = WITHOUT_COMMIT;
    (of.owners ??= [])[partition] = owner;
    (of.clients ??= [])[partition] = clientId;
    return true;
  }

  /** Nobody reads the group's partitions any more. */
  clearConsumerOwners(group: string): void {
    const known = this.#groups.get(group);
    if (known === undefined || !accepts(this.#config.filter, group)) return;
    known.changed = true;
    for (const of of known.topics.values()) of.owners = of.clients = null;
  }

  /** Takes a topic out of all groups, and out of the brokers' topics. @param sequence as in `setConsumerOffset` */
  deleteTopic(topic: string, sequence?: number): void {
    if (sequence !== undefined) this.#deletedTopics.set(topic, sequence);
    for (const group of [...this.#groups.values()]) this.#removeTopic(group, topic);
    this.#topics.delete(topic);
  }

  /** Says that no request submitted before a deletion is on its way any more. */
  forgetDeletions(): void {
    this.#deletedTopics.clear();
  }

  /** Removes a group, or one of its topics. */
  deleteGroup(group: string, topic = ""): void {
    const known = this.#groups.get(group);
    if (known === undefined) return;
    if (topic !== "") return this.#removeTopic(known, topic);
    for (const name of [...known.topics.keys()]) this.#dropTopic(known, name);
    this.#dropGroup(known);
  }

  /** The commit of a partition is gone, unless there is a newer one than that order. */
  deletePartition(group: string, topic: string, partition: number, order: Int64): void {
    const known = this.#groups.get(group);
    const of = known?.topics.get(topic);
    if (known === undefined || of === undefined || !(partition >= 0 && partition < of.slots.length)) return;
    const slot = of.slots[partition]!;
    if (slot >= 0) {
      const count = this.#windows.count(slot);
      if (count > 0 && this.#windows.entry(slot, count - 1).order > order) return;
    }
    this.#freeSlot(slot);
    of.slots[partition] = UNTOUCHED;
    if (of.owners !== null) of.owners[partition] = "";
    if (of.clients !== null) of.clients[partition] = "";
    known.changed = true;
    const last = of.slots.findLastIndex((one) => one !== UNTOUCHED);
    of.slots = of.slots.slice(0, last + 1);
    if (last < 0) this.#removeTopic(known, topic);
  }

  /** The names of the groups whose time is not over; with `topic`, of those that hold it. */
  consumers(topic?: string): string[] {
    const groups = [...this.#groups.values()].filter((group) =>
      !this.#isExpired(group) && (topic === undefined || group.topics.has(topic))
    );
    return sortedNames(groups.map(({ name }) => name));
  }

  /** The names of the topics whose ends are known. */
  topics(): string[] {
    return sortedNames(this.#topics.names());
  }

  /** The newest end of each partition; null if the topic is unknown. */
  topicOffsets(topic: string): (Int64 | null)[] | null {
    const known = this.#topics.get(topic);
    return known === undefined ? null : Array.from(known.cells, (cell) => this.#ends.newest(cell));
  }

  /** Whether a commit for the partition would be kept. */
  hasPartition(topic: string, partition: number): boolean {
    return typeof this.#topics.lookUp(topic, partition) !== "number";
  }

  /** A group's partitions as they are now; null if it is unknown or its time is over, which removes it. */
  consumer(group: string): ConsumerTopics | null {
    const known = this.#groups.get(group);
    if (known === undefined) return null;
    if (this.#isExpired(known)) {
      this.deleteGroup(group);
      return null;
    }
    const topics = new Map<string, readonly PartitionState[]>();
    for (const name of sortedNames(known.topics.keys())) {
      const of = known.topics.get(name)!;
      topics.set(name, Array.from(of.slots, (slot, partition) => this.#state(of, slot, partition)));
    }
    return topics;
  }

  /** When a group last committed (by the commit's time) and when that was stored; null if it is unknown. */
  groupTimes(group: string): { readonly lastCommitMs: number; readonly lastSeenMs: number } | null {
    const known = this.#groups.get(group);
    return known === undefined ? null : { lastCommitMs: known.lastCommit, lastSeenMs: known.lastSeen };
  }

  /** How long ago a partition's end was at that offset; null where the table does not tell. */
  interpolate(topic: string, partition: number, committed: Int64): InterpolatedLag | null {
    return this.#topics.interpolate(topic, partition, committed, this.#nowMs);
  }

  /** The id that the cluster has for a topic now, `8-4-4-4-12` lower-case hex digits: commits for another one are dropped. */
  setTopicId(topic: string, id: string | null): void {
    this.#topics.setId(topic, id);
  }

  /** The id that the cluster has for a topic. */
  topicId(topic: string): string | undefined {
    return this.#topics.idOf(topic);
  }

  /** The topic that has that id now. */
  topicOfId(id: string): string | undefined {
    return this.#topics.nameOf(id);
  }

  /** Removes the groups whose time is over. @returns how many there were */
  sweep(): number {
    const over = [...this.#groups.values()].filter((group) => this.#isExpired(group));
    for (const { name } of over) this.deleteGroup(name);
    return over.length;
  }

  /** What changed, and what is gone, since this was last asked. */
  takeChanges(): StoreChanges {
    const changed = [...this.#groups.values()].filter((group) => group.changed);
    for (const group of changed) group.changed = false;
    const removedGroups = [...this.#removedGroups];
    this.#removedGroups.clear();
    return { groups: changed.map(({ name }) => name), removedGroups, ...this.#topics.takeChanges() };
  }

  /** Puts back changes that could not be saved: they are told again. */
  returnChanges({ groups, topics, removedGroups, removedTopics }: StoreChanges): void {
    for (const name of groups) {
      const group = this.#groups.get(name);
      if (group !== undefined) group.changed = true;
    }
    for (const name of removedGroups) if (!this.#groups.has(name)) this.#removedGroups.add(name);
    this.#topics.returnChanges(topics, removedTopics);
  }

  /** A group as it can be saved; null if it is gone. */
  saveGroup(name: string): SavedGroup | null {
    const group = this.#groups.get(name);
    if (group === undefined) return null;
    const topics = [...group.topics].map(([topic, of]) => {
      const partitions: SavedPartition[] = [];
      of.slots.forEach((slot, partition) => {
        if (slot === UNTOUCHED) return;
        const [owner, clientId] = [of.owners?.[partition] ?? "", of.clients?.[partition] ?? ""];
        partitions.push({ partition, owner, clientId, entries: slot < 0 ? [] : this.#windows.read(slot) });
      });
      return { topic, partitions };
    });
    return { lastCommit: group.lastCommit, lastOwned: group.lastOwned, topics };
  }

  /** Puts back a group; topics that the brokers are not known to have stay away. */
  restoreGroup(name: string, { lastCommit, lastOwned, topics }: SavedGroup): void {
    if (!accepts(this.#config.filter, name)) return;
    const group = this.#group(name);
    if (group === null) return;
    group.lastCommit = lastCommit;
    group.lastOwned = lastOwned;
    for (const { topic, partitions } of topics) {
      for (const { partition, owner, clientId, entries } of partitions) {
        const found = this.#topics.lookUp(topic, partition);
        if (typeof found === "number") continue;
        const of = this.#groupTopic(name, found)!;
        if (entries.length > 0) {
          this.#windows.write(this.#slot(of, partition), entries.slice(-this.#config.intervals), -1);
        } else of.slots[partition] = WITHOUT_COMMIT;
        if (owner !== "") (of.owners ??= [])[partition] = owner;
        if (clientId !== "") (of.clients ??= [])[partition] = clientId;
      }
    }
    group.changed = false;
  }

  /** A topic's measured ends as they can be saved; null if it is gone. */
  saveTopic(name: string): SavedEnds[] | null {
    return this.#topics.save(name);
  }

  /** Puts back a topic's measured ends. */
  restoreTopic(name: string, partitions: readonly SavedEnds[]): void {
    this.#topics.restore(name, partitions);
  }

  #state(of: GroupTopic, slot: number, partition: number): PartitionState {
    const cell = of.topic.cells[partition];
    const brokerOffsets = cell === undefined ? [] : this.#ends.offsets(cell);
    const entries = slot < 0 ? [] : this.#windows.read(slot);
    const empty = slot === UNTOUCHED ? 0 : this.#config.intervals - entries.length;
    const committed = entries.at(-1)?.offset;
    const end = brokerOffsets.at(-1);
    const start = cell === undefined ? null : this.#ends.logStart(cell);
    const known = committed !== undefined && end !== undefined;
    return {
      offsets: [...new Array<null>(empty).fill(null), ...entries],
      brokerOffsets,
      owner: of.owners?.[partition] ?? "",
      clientId: of.clients?.[partition] ?? "",
      currentLag: known ? distance(end, start === null ? committed : larger(committed, start)) : 0,
      lost: committed !== undefined && start !== null ? distance(start, committed) : 0,
    };
  }

  /** Null where there are as many as there may be. */
  #group(name: string): Group | null {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const { maxGroups } = this.#config;
    if (maxGroups > 0 && this.#groups.size >= maxGroups) return null;
    const group: Group = {
      name,
      bytes: nameBytes(name),
      lastCommit: -Infinity,
      lastOwned: -Infinity,
      lastSeen: this.#nowMs,
      topics: new Map(),
      changed: true,
    };
    this.#groups.set(name, group);
    this.#removedGroups.delete(name);
    return group;
  }

  #groupTopic(name: string, topic: BrokerTopic): GroupTopic | null {
    const group = this.#group(name);
    if (group === null) return null;
    let of = group.topics.get(topic.name);
    if (of === undefined) {
      const number = this.#freeNumbers.pop() ?? this.#groupTopics.length;
      const slots = new Int32Array(topic.cells.length).fill(UNTOUCHED);
      of = { number, group, topic, ...prefixOf(group.bytes, topic.bytes), slots, owners: null, clients: null };
      this.#groupTopics[number] = of;
      group.topics.set(topic.name, of);
    } else if (of.slots.length < topic.cells.length) of.slots = resized(of.slots, topic.cells.length);
    return of;
  }

  /** The slot of a partition, made if it has none. */
  #slot(of: GroupTopic, partition: number): number {
    const known = of.slots[partition]!;
    if (known >= 0) return known;
    const cell = of.topic.cells[partition]!;
    const slot = this.#windows.allocate(hashPartition(of, partition), of.number, partition, cell);
    this.#index.add(slot);
    of.slots[partition] = slot;
    return slot;
  }

  #freeSlot(slot: number): void {
    if (slot < 0) return;
    this.#index.remove(slot);
    this.#windows.free(slot);
  }

  /** The general way of inserting, which knows backfill, merging and numbers of any size. */
  #insert(slot: number, offset: Int64, order: Int64, timestamp: Int64): Outcome {
    const of = this.#groupTopics[this.#windows.owner(slot)]!;
    // A topic may have got partitions since the group last committed for it.
    if (of.slots.length < of.topic.cells.length) of.slots = resized(of.slots, of.topic.cells.length);
    const window = this.#windows.read(slot);
    const cell = this.#windows.broker(slot);
    const sample = this.#ends.samples(cell);
    const before = this.#windows.sample(slot);
    const { outcome, isNewest } = insertCommit(window, {
      offset,
      order,
      timestamp,
      observedAt: this.#nowMs,
      end: this.#ends.newest(cell)!,
      isMeasured: before !== sample,
    }, this.#config);
    if (outcome > Outcome.merged) return outcome;
    this.#windows.write(slot, window, isNewest ? sample : before);
    const { group } = of;
    group.lastSeen = this.#nowMs;
    group.changed = true;
    if (isNewest) group.lastCommit = Math.max(group.lastCommit, Number(timestamp));
    return outcome;
  }

  #isExpired(group: Group): boolean {
    const last = group.lastCommit === -Infinity ? group.lastOwned : group.lastCommit;
    return last < this.#expiredBeforeMs && last !== -Infinity;
  }

  /** Takes partitions that a topic does not have any more out of its groups. */
  #shrink(topic: BrokerTopic): void {
    const count = topic.cells.length;
    for (const group of [...this.#groups.values()]) {
      const of = group.topics.get(topic.name);
      if (of === undefined || of.slots.length <= count) continue;
      for (const slot of of.slots.subarray(count)) this.#freeSlot(slot);
      of.slots = of.slots.slice(0, count);
      of.owners?.splice(count);
      of.clients?.splice(count);
      group.changed = true;
      if (of.slots.every((slot) => slot === UNTOUCHED)) this.#removeTopic(group, topic.name);
    }
  }

  #removeTopic(group: Group, topic: string): void {
    if (!this.#dropTopic(group, topic)) return;
    group.changed = true;
    if (group.topics.size === 0) this.#dropGroup(group);
  }

  #dropTopic(group: Group, topic: string): boolean {
    const of = group.topics.get(topic);
    if (of === undefined) return false;
    for (const slot of of.slots) this.#freeSlot(slot);
    if (this.#last === of) this.#last = null;
    group.topics.delete(topic);
    this.#groupTopics[of.number] = undefined;
    this.#freeNumbers.push(of.number);
    return true;
  }

  #dropGroup(group: Group): void {
    this.#groups.delete(group.name);
    this.#removedGroups.add(group.name);
  }
}

function resized(slots: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length).fill(UNTOUCHED);
  larger.set(slots);
  return larger;
}
