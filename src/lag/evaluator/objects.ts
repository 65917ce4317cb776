/** Statuses and replies as they are written in JSON. */
import type { PartitionState, StorageReply } from "../storage/request.ts";
import type { CommitEntry } from "../storage/window_store.ts";
import type { JsonObject, JsonValue } from "../wire/decode.ts";
import type { GroupStatus, PartitionStatus } from "./group.ts";
import { statusText } from "./status.ts";

/** A group's status, as `/status` and `/lag` show it. */
export function statusObject(status: GroupStatus): JsonObject {
  return {
    cluster: status.cluster,
    group: status.group,
    status: statusText(status.status),
    complete: shortFloat32(status.complete),
    partitions: status.partitions.map(partitionObject),
    partition_count: status.partitionCount,
    maxlag: status.maxLag === null ? null : partitionObject(status.maxLag),
    totallag: status.totalLag,
    maxlag_seconds: status.maxLagSeconds,
  };
}

/** One partition of it. */
export function partitionObject(one: PartitionStatus): JsonObject {
  return {
    topic: one.topic,
    partition: one.partition,
    owner: one.owner,
    client_id: one.clientId,
    status: statusText(one.status),
    start: entryObject(one.start),
    end: entryObject(one.end),
    current_lag: one.currentLag,
    complete: shortFloat32(one.complete),
    lag_seconds: one.lag.seconds,
    lag_seconds_extrapolated: one.lag.source === "extrapolated",
    lag_seconds_source: one.lag.source,
    lost: one.lost,
  };
}

/** What a fetch was answered with. */
export function replyValue(reply: StorageReply): JsonValue {
  switch (reply.kind) {
    case "names":
      return [...reply.names];
    case "topic":
      return [...reply.offsets];
    case "consumer":
      return Object.fromEntries([...reply.topics].map(([topic, states]) => [topic, states.map(stateObject)]));
  }
}

/** A partition as the consumer's detail shows it. */
export function stateObject(state: PartitionState): JsonObject {
  return {
    offsets: state.offsets.map(entryObject),
    owner: state.owner,
    client_id: state.clientId,
    "current-lag": state.currentLag,
  };
}

function entryObject(entry: CommitEntry | null): JsonObject | null {
  if (entry === null) return null;
  const { offset, timestamp, observedAt, lag } = entry;
  return { offset, timestamp, observedAt, lag };
}

/** The number whose shortest decimal is the shortest that gives this float32 again: 0.7 of 0.699999988079071. */
export function shortFloat32(value: number): number {
  const float = Math.fround(value);
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return float;
}
