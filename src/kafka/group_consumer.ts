import type { Running } from "../clock/mod.ts";
import { findCoordinator } from "./admin.ts";
import { assignRanges } from "./assignment.ts";
import { backoffMs } from "./backoff.ts";
import type { KafkaCluster } from "./cluster.ts";
import { answerError, KafkaError } from "./errors.ts";
import { fetchRecords } from "./fetcher.ts";
import {
  heartbeatRequest,
  joinGroupRequest,
  leaveGroupRequest,
  type Membership,
  offsetCommitRequest,
  type OffsetToCommit,
  syncGroupRequest,
} from "./groups_wire.ts";
import { GroupPlaces, placeKey } from "./group_places.ts";
import { ProtocolError } from "./protocol_errors.ts";
import type { FetchBounds, FetchedPartition, TopicPartition } from "./records_wire.ts";
import type { KafkaRequest } from "./request.ts";

/** How a group is read. */
export interface GroupConsumerOptions {
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a partition without a commit starts. One whose commit is gone from the log starts at what is left of it. */
  readonly start: "earliest" | "latest";
  /** The coordinator drops a member of which it hears nothing for so long. @default 45 s */
  readonly sessionTimeoutMs?: number;
  /** How long a member may take to let its partitions go. @default 60 s */
  readonly rebalanceTimeoutMs?: number;
  /** @default 3 s */
  readonly heartbeatMs?: number;
  readonly bounds?: Partial<FetchBounds>;
  /** In [0, 1), for the jitter of waits. @default Math.random */
  readonly random?: () => number;
}

/** Who is told of what becomes of the partitions. */
export interface GroupListener {
  /** These are ours from now on; may give offsets to start at instead of the committed ones. */
  assigned?(partitions: readonly TopicPartition[]): Promise<readonly OffsetToCommit[] | void>;
  /**
   * These are taken away. What is in work can still be committed until the promise settles; `deadline` aborts a little
   * before the coordinator stops waiting.
   */
  revoked?(partitions: readonly TopicPartition[], deadline: AbortSignal): Promise<void>;
  /** These were taken away already: nothing can be committed for them any more. */
  lost?(partitions: readonly TopicPartition[]): void;
  /** Something failed that is tried again. */
  failed?(error: KafkaError): void;
}

/** What a poll gives of a partition. */
export interface PolledPartition extends FetchedPartition {
  /** Where we are in it: the first batch may begin before, and its records below this are to be passed over. */
  readonly position: number;
}

/** What is left of the rebalance's time when `deadline` aborts. */
const MARGIN_MS = 5_000;
const BACKOFF = { initMs: 100, maxMs: 10_000 };

interface Generation {
  readonly member: Membership;
  readonly coordinator: number;
  readonly partitions: readonly TopicPartition[];
  /** The next offset of each partition, by `PARTITION@TOPIC`. */
  readonly positions: Map<string, number>;
  /** The leader of each partition, likewise. */
  leaders: ReadonlyMap<string, number>;
  /** Aborts when the partitions are ours no longer. */
  readonly over: AbortController;
}

/**
 * A member of a consumer group, of the classic protocol and with offsets committed by hand. It stays a member, and
 * tells of partitions that come and go, by itself; records are handed out by `poll`.
 */
export class GroupConsumer implements Running {
  readonly done: Promise<void>;
  readonly #cluster: KafkaCluster;
  readonly #options: GroupConsumerOptions;
  readonly #listener: GroupListener;
  readonly #places: GroupPlaces;
  readonly #stop = new AbortController();
  #generation: Generation | undefined;
  #changed = Promise.withResolvers<void>();
  #memberId = "";

  /** Starts to join the group at once. The cluster is the caller's, and no other member may use it. */
  constructor(cluster: KafkaCluster, options: GroupConsumerOptions, listener: GroupListener = {}) {
    this.#cluster = cluster;
    this.#options = options;
    this.#listener = listener;
    this.#places = new GroupPlaces(cluster, options);
    this.done = this.#live();
  }

  /** The partitions that are ours now. */
  get partitions(): readonly TopicPartition[] {
    return this.#generation?.partitions ?? [];
  }

  /**
   * The next batches of the partitions that are ours; waits for them, and while there are none. Empty when `signal`
   * aborts or the consumer is disposed of. The positions are moved on with `advance`.
   *
   * @throws {KafkaError} when an answer says what no other try mends
   */
  async poll(signal: AbortSignal): Promise<readonly PolledPartition[]> {
    const { clock } = this.#cluster;
    const ends = AbortSignal.any([signal, this.#stop.signal]);
    for (let failures = 0; !ends.aborted;) {
      const generation = this.#generation;
      const over = generation?.over.signal.aborted ?? true; // until the next generation there is nothing to read
      if (generation === undefined || over || generation.partitions.length === 0) {
        await Promise.race([this.#changed.promise, aborted(ends)]);
        continue;
      }
      try {
        const fetched = await this.#fetch(generation, ends);
        if (fetched.length > 0 && this.#generation === generation) return fetched;
        failures = 0;
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        if (ends.aborted) break;
        if (generation.over.signal.aborted) continue;
        if (!error.retryable) throw error;
        this.#listener.failed?.(error);
        await clock.sleep(this.#wait(failures++), ends);
      }
    }
    return [];
  }

  /** Moves the position of a partition to `offset`, from where the next poll reads. Without effect if it is not ours. */
  advance(topic: string, partition: number, offset: number): void {
    const key = placeKey(topic, partition);
    const { positions } = this.#generation ?? {};
    if (positions?.has(key)) positions.set(key, offset);
  }

  /**
   * Commits offsets of partitions that are ours: of each, that of the first record that is not done yet.
   *
   * @throws {KafkaError} when the coordinator refuses, or they are ours no longer
   */
  async commit(offsets: readonly OffsetToCommit[]): Promise<void> {
    if (offsets.length === 0) return;
    const generation = this.#generation;
    const request = offsetCommitRequest(
      generation?.member ?? { group: this.#options.group, generation: -1, memberId: "" },
      offsets,
    );
    if (generation === undefined) {
      throw new KafkaError("kafka.answer", `Cannot ${request.what}: we are no member now`, {
        number: ProtocolError.unknownMemberId,
      });
    }
    const { clock } = this.#cluster;
    for (let tries = 0;; tries++) {
      const answers = await this.#ask(generation.coordinator, request);
      const failed = answers.find(({ error }) => error !== 0);
      if (failed === undefined) return;
      const error = answerError(failed.error, request.what);
      if (failed.error !== ProtocolError.coordinatorLoadInProgress || tries === 20) throw error;
      await clock.sleep(this.#wait(tries));
    }
  }

  /** Gives the partitions back, with the same hook as when they are taken away, and leaves the group. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.done;
  }

  async #live(): Promise<void> {
    const { clock } = this.#cluster;
    for (let failures = 0; !this.#stop.signal.aborted;) {
      try {
        const generation = await this.#join();
        failures = 0;
        this.#generation = generation;
        this.#changed.resolve();
        this.#changed = Promise.withResolvers();
        await this.#stay(generation);
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        if (this.#stop.signal.aborted) break;
        this.#listener.failed?.(error);
        if (error.number === ProtocolError.unknownMemberId) this.#memberId = "";
        await clock.sleep(this.#wait(failures++), this.#stop.signal);
      }
    }
    await this.#leave();
  }

  /** Joins, takes part in a generation, and finds out where its partitions start. */
  async #join(): Promise<Generation> {
    const { group, topics } = this.#options;
    const signal = this.#stop.signal;
    const coordinator = await findCoordinator(this.#cluster, group, { signal });
    const sessionTimeoutMs = this.#options.sessionTimeoutMs ?? 45_000;
    const options = { sessionTimeoutMs, rebalanceTimeoutMs: this.#rebalanceMs, topics };
    const join = () =>
      this.#ask(
        coordinator,
        joinGroupRequest({ group, memberId: this.#memberId, generation: -1 }, options),
        this.#rebalanceMs,
        signal,
      );
    let joined = await join();
    if (joined.error === ProtocolError.unknownMemberId && this.#memberId !== "") {
      this.#memberId = ""; // the session has ended meanwhile
      joined = await join();
    }
    if (joined.error === ProtocolError.memberIdRequired) {
      this.#memberId = joined.memberId;
      joined = await join();
    }
    if (joined.error !== 0) throw answerError(joined.error, `join group ${group}`);
    this.#memberId = joined.memberId;
    const member: Membership = { group, memberId: joined.memberId, generation: joined.generation };
    const isLeader = joined.leader === joined.memberId;
    const assignments = isLeader
      ? assignRanges(joined.members, await this.#places.partitionCounts(joined.members, signal))
      : new Map();
    const synced = await this.#ask(coordinator, syncGroupRequest(member, assignments), this.#rebalanceMs, signal);
    if (synced.error !== 0) throw answerError(synced.error, `take part in group ${group}`);
    const { partitions } = synced;
    const settled = new AbortController();
    const beats = this.#beat({ coordinator, member }, settled.signal);
    try {
      const given = partitions.length === 0 ? undefined : await this.#listener.assigned?.(partitions);
      return {
        member,
        coordinator,
        partitions,
        positions: await this.#places.positions(partitions, given ?? [], signal),
        leaders: await this.#places.leaders(signal),
        over: new AbortController(),
      };
    } finally {
      settled.abort();
      await beats;
    }
  }

  /** Heartbeats until the partitions have to go, then lets them go. */
  async #stay(generation: Generation): Promise<void> {
    const { clock } = this.#cluster;
    for (;;) {
      await clock.sleep(this.#options.heartbeatMs ?? 3_000, this.#stop.signal);
      if (this.#stop.signal.aborted) return await this.#release(generation);
      let error: number;
      try {
        error = await this.#ask(generation.coordinator, heartbeatRequest(generation.member));
      } catch (failure) {
        if (!(failure instanceof KafkaError)) throw failure;
        // The coordinator may be gone; whether our membership is, too, the next join tells.
        this.#lose(generation);
        throw failure;
      }
      if (error === 0) continue;
      if (error === ProtocolError.rebalanceInProgress) return await this.#release(generation);
      this.#lose(generation);
      if (error === ProtocolError.unknownMemberId || error === ProtocolError.fencedInstanceId) this.#memberId = "";
      if (error === ProtocolError.illegalGeneration || error === ProtocolError.unknownMemberId) return;
      throw answerError(error, `stay in group ${generation.member.group}`);
    }
  }

  /** Lets the partitions go: fetching stops, commits are possible until the listener is done. */
  async #release(generation: Generation): Promise<void> {
    generation.over.abort();
    const { partitions } = generation;
    if (partitions.length > 0 && this.#listener.revoked !== undefined) {
      const { clock } = this.#cluster;
      const done = new AbortController();
      const deadline = new AbortController();
      const timer = clock.sleep(Math.max(0, this.#rebalanceMs - MARGIN_MS), done.signal).then(() => deadline.abort());
      const beats = this.#beat(generation, done.signal);
      try {
        await this.#listener.revoked(partitions, deadline.signal);
      } finally {
        done.abort();
        await Promise.all([timer, beats]);
      }
    }
    this.#generation = undefined;
  }

  /** While the listener works, the session must not end. */
  async #beat({ coordinator, member }: Pick<Generation, "coordinator" | "member">, until: AbortSignal): Promise<void> {
    const { clock } = this.#cluster;
    for (;;) {
      await clock.sleep(this.#options.heartbeatMs ?? 3_000, until);
      if (until.aborted) return;
      try {
        await this.#ask(coordinator, heartbeatRequest(member));
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        return; // the commit, or the heartbeat, that follows tells
      }
    }
  }

  #lose(generation: Generation): void {
    generation.over.abort();
    this.#generation = undefined;
    if (generation.partitions.length > 0) this.#listener.lost?.(generation.partitions);
  }

  async #leave(): Promise<void> {
    if (this.#generation !== undefined) await this.#release(this.#generation);
    if (this.#memberId === "") return;
    const { group } = this.#options;
    try {
      const coordinator = await findCoordinator(this.#cluster, group, { signal: AbortSignal.timeout(2_000) });
      await this.#ask(coordinator, leaveGroupRequest({ group, memberId: this.#memberId, generation: -1 }));
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error; // the session ends by itself where nobody can be told
    }
  }

  async #fetch(generation: Generation, signal: AbortSignal): Promise<PolledPartition[]> {
    const { positions, partitions } = generation;
    const ends = AbortSignal.any([signal, generation.over.signal]);
    const wanted = partitions.map((one) => ({ ...one, offset: positions.get(placeKey(one.topic, one.partition))! }));
    const byLeader = Map.groupBy(
      wanted,
      ({ topic, partition }) => generation.leaders.get(placeKey(topic, partition)) ?? -1,
    );
    const leaderless = byLeader.delete(-1);
    const fetched = (await Promise.all(
      [...byLeader].map(([node, own]) =>
        fetchRecords(this.#cluster, node, own, this.#options.bounds, { signal: ends }).catch(async (error) => {
          if (error instanceof KafkaError && error.code === "kafka.connect") {
            generation.leaders = await this.#places.leaders(this.#stop.signal);
          }
          throw error;
        })
      ),
    )).flat();
    const usable: PolledPartition[] = [];
    let failure: KafkaError | undefined;
    for (const one of fetched) {
      const { topic, partition, error } = one;
      if (error === 0) {
        if (one.records.length > 0) usable.push({ ...one, position: positions.get(placeKey(topic, partition))! });
      } else if (error === ProtocolError.offsetOutOfRange) {
        await this.#places.reset([one], "earliest", positions, this.#stop.signal);
      } else failure = answerError(error, `fetch from ${topic}, partition ${partition}`);
    }
    if (failure !== undefined || leaderless) generation.leaders = await this.#places.leaders(this.#stop.signal);
    if (usable.length === 0 && failure !== undefined) throw failure;
    if (usable.length === 0 && byLeader.size === 0) {
      throw answerError(ProtocolError.leaderNotAvailable, "fetch records");
    }
    return usable;
  }

  #ask<T>(node: number, request: KafkaRequest<T>, brokerWaitsMs = 0, signal?: AbortSignal): Promise<T> {
    return this.#cluster.request(node, request, {
      lane: "group",
      brokerWaitsMs,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  get #rebalanceMs(): number {
    return this.#options.rebalanceTimeoutMs ?? 60_000;
  }

  #wait(k: number): number {
    return backoffMs(k, BACKOFF.initMs, BACKOFF.maxMs, (this.#options.random ?? Math.random)());
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
