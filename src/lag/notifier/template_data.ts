/** What templates are given: an incident and a group's status, under the names that Go's structures have. */
import { partitionObject, statusObject } from "../evaluator/objects.ts";
import type { GroupStatus, PartitionStatus } from "../evaluator/group.ts";
import type { CommitEntry } from "../storage/window_store.ts";
import { GoTime } from "./go_time.ts";
import { Float32Value, type MapValue, StatusValue, Struct, type Value } from "./template_values.ts";

/** What a notification tells of. */
export interface Notice {
  readonly status: GroupStatus;
  /** "" where there is no incident. */
  readonly incidentId: string;
  /** Unix milliseconds; null where there is no incident. */
  readonly startMs: number | null;
}

/** The data of a notification. */
export function templateData(
  { status, incidentId, startMs }: Notice,
  extras: Readonly<Record<string, string>>,
): Struct {
  const start = new GoTime(startMs);
  const map = extrasMap(extras);
  const result = statusStruct(status);
  return new Struct({
    Cluster: status.cluster,
    Group: status.group,
    ID: incidentId,
    Id: incidentId,
    Start: start,
    Extras: map,
    Result: result,
  }, {
    Cluster: status.cluster,
    Group: status.group,
    ID: incidentId,
    Start: start.toJSON(),
    Extras: { ...extras },
    Result: result.json,
  });
}

/** Under the names that were written, and in lower case. */
function extrasMap(extras: Readonly<Record<string, string>>): MapValue {
  const map = new Map<string, Value>();
  for (const [key, value] of Object.entries(extras)) if (key !== key.toLowerCase()) map.set(key.toLowerCase(), value);
  for (const [key, value] of Object.entries(extras)) map.set(key, value);
  return map;
}

function statusStruct(status: GroupStatus): Struct {
  return new Struct({
    Cluster: status.cluster,
    Group: status.group,
    Status: new StatusValue(status.status),
    Complete: new Float32Value(status.complete),
    Partitions: status.partitions.map(partitionStruct),
    TotalPartitions: status.partitionCount,
    Maxlag: status.maxLag === null ? null : partitionStruct(status.maxLag),
    TotalLag: status.totalLag,
    MaxlagSeconds: status.maxLagSeconds,
  }, statusObject(status));
}

function partitionStruct(one: PartitionStatus): Struct {
  const json = partitionObject(one);
  return new Struct({
    Topic: one.topic,
    Partition: one.partition,
    Owner: one.owner,
    ClientID: one.clientId,
    Status: new StatusValue(one.status),
    Start: entryStruct(one.start),
    End: entryStruct(one.end),
    CurrentLag: one.currentLag,
    Complete: new Float32Value(one.complete),
    LagSeconds: one.lag.seconds,
    Lost: one.lost,
  }, json);
}

function entryStruct(entry: CommitEntry | null): Struct | null {
  if (entry === null) return null;
  const { offset, order, timestamp, observedAt, lag } = entry;
  return new Struct({
    Offset: offset,
    Order: order,
    Timestamp: timestamp,
    ObservedTimestamp: observedAt,
    Lag: lag ?? "",
  }, { offset, timestamp, observedAt, lag });
}
