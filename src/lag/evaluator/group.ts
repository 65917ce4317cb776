import type { ConsumerTopics, PartitionState } from "../storage/request.ts";
import type { CommitEntry } from "../storage/window_store.ts";
import { add, type Int64 } from "../wire/int64.ts";
import { type Judgement, judgePartition } from "./partition.ts";
import { Status } from "./status.ts";

/** Where a lag in seconds comes from: the first unread record's time, or the table of ends, within or beyond its points. */
export type LagOrigin = "record" | "interpolated" | "extrapolated";

/** How old the first unread record of a partition is. */
export interface SecondsLag {
  /** Null is unknown. */
  readonly seconds: number | null;
  readonly source: LagOrigin | null;
}

/** One partition of a group's status. */
export interface PartitionStatus {
  readonly topic: string;
  readonly partition: number;
  readonly owner: string;
  readonly clientId: string;
  readonly status: Status;
  readonly start: CommitEntry | null;
  readonly end: CommitEntry | null;
  readonly currentLag: Int64;
  /** A float32 from 0 to 1. */
  readonly complete: number;
  readonly lag: SecondsLag;
  /** Messages that retention took before the group read them. */
  readonly lost: Int64;
}

/** The status of a group. */
export interface GroupStatus {
  readonly cluster: string;
  readonly group: string;
  readonly status: Status;
  /** The part of the partitions whose windows are full, a float32. */
  readonly complete: number;
  /** Topics in order, partitions ascending. */
  readonly partitions: readonly PartitionStatus[];
  /** All partitions, also where `partitions` holds the bad ones only. */
  readonly partitionCount: number;
  readonly maxLag: PartitionStatus | null;
  readonly totalLag: Int64;
  /** The highest that is known. */
  readonly maxLagSeconds: number | null;
}

/** What reading records tells of a partition; absent where nothing was read. */
export interface PartitionExtra {
  readonly topic: string;
  readonly partition: number;
  readonly state: PartitionState;
  /** Messages left, less than the state says where only transactions' ends are left. */
  readonly currentLag: Int64;
  readonly lag: SecondsLag;
}

/** The status of a group that nobody knows. */
export function notFound(cluster: string, group: string): GroupStatus {
  return {
    cluster,
    group,
    status: Status.notFound,
    complete: 1,
    partitions: [],
    partitionCount: 0,
    maxLag: null,
    totalLag: 0,
    maxLagSeconds: null,
  };
}

/** A group's partitions in one list, as they stand in storage. */
export function partitionsOf(topics: ConsumerTopics): { topic: string; partition: number; state: PartitionState }[] {
  return [...topics].flatMap(([topic, states]) => states.map((state, partition) => ({ topic, partition, state })));
}

/** Judges a group by its partitions. @param nowMs Unix milliseconds */
export function judgeGroup(
  cluster: string,
  group: string,
  parts: readonly PartitionExtra[],
  nowMs: number,
  judgement: Judgement,
): GroupStatus {
  let status: Status = Status.ok;
  let full = 0;
  let totalLag: Int64 = 0;
  let maxLag: PartitionStatus | null = null;
  let maxLagSeconds: number | null = null;
  const partitions = parts.map(({ topic, partition, state, currentLag, lag }): PartitionStatus => {
    const judged = judgePartition({ ...state, currentLag }, nowMs, judgement);
    const { owner, clientId, lost } = state;
    const one = { topic, partition, owner, clientId, ...judged, currentLag, lag, lost };
    if (judged.status > Status.warn) status = Status.err;
    else if (judged.status === Status.warn && status === Status.ok) status = Status.warn;
    if (judged.complete === 1) full++;
    totalLag = add(totalLag, currentLag);
    if (maxLag === null || currentLag > maxLag.currentLag) maxLag = one;
    if (lag.seconds !== null && lag.seconds > (maxLagSeconds ?? -1)) maxLagSeconds = lag.seconds;
    return one;
  });
  const complete = partitions.length === 0 ? 0 : Math.fround(full / partitions.length);
  const partitionCount = partitions.length;
  return { cluster, group, status, complete, partitions, partitionCount, maxLag, totalLag, maxLagSeconds };
}

/** The status with the partitions only that are not OK. */
export function badOnly(status: GroupStatus): GroupStatus {
  return { ...status, partitions: status.partitions.filter((one) => one.status > Status.ok) };
}
