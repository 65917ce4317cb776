import { fromHex } from "../../bytes/mod.ts";
import { type OffsetsRecord, parseRecord } from "./record.ts";

/** What a line of JSON can say; a `bigint` is an integer of any size. */
export type JsonValue = string | number | bigint | boolean | null | readonly JsonValue[] | JsonObject;
/** Keys stand in the order in which they were set. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** The bytes of a record's key and value; null where the record has none. */
export interface RecordBytes {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** Reads `KEYHEX VALUEHEX`, `-` for an empty or null one; null if the line is not that. */
export function readRecordLine(line: string): RecordBytes | null {
  const words = line.trim().split(/\s+/);
  if (words.length !== 2) return null;
  const [key, value] = words.map((word) => word === "-" ? undefined : fromHex(word));
  return key === null || value === null ? null : { key: key ?? null, value: value ?? null };
}

/** What records say, one a line as {@linkcode readRecordLine} reads them; empty lines are skipped. */
export function* decodeOffsetsText(text: string): Generator<JsonObject> {
  let record = 0;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    record++;
    const bytes = readRecordLine(line);
    if (bytes === null) {
      const message = "Cannot read the line: write KEYHEX VALUEHEX, - for an empty or null one";
      yield { kind: "error", code: "hex", message, record };
      continue;
    }
    const object = decodeOffsetsRecord(bytes);
    yield object["kind"] === "error" ? { ...object, record } : object;
  }
}

/** What a record of the offsets topic says, as `limier decode` shows it. */
export function decodeOffsetsRecord({ key, value }: RecordBytes): JsonObject {
  const parsed = parseRecord(key, value)!; // nothing is declined: no filter was given
  if (parsed.kind === "fault") return { kind: "error", code: parsed.reason, message: parsed.message };
  return recordObject(parsed.record);
}

function recordObject(record: OffsetsRecord): JsonObject {
  if (record.key.kind === "other") return { kind: "other", key_version: record.key.keyVersion };
  const live = liveObject(record);
  return live ?? tombstoneObject(record);
}

function tombstoneObject({ key }: OffsetsRecord): JsonObject {
  switch (key.kind) {
    case "other":
      return { kind: "other", key_version: key.keyVersion };
    case "offset":
      return { kind: "tombstone", of: "offset", group: key.group, topic: key.topic, partition: key.partition };
    case "member":
      return { kind: "tombstone", of: "member", group: key.group, id: key.member };
    case "assignment":
      return { kind: "tombstone", of: "assignment", group: key.group, member: key.member };
    default:
      return { kind: "tombstone", of: key.kind, group: key.group };
  }
}

/** Null of a tombstone. */
function liveObject(record: OffsetsRecord): JsonObject | null {
  if (!("value" in record) || record.value === null) return null;
  const { key, value } = record;
  switch (key.kind) {
    case "offset":
      return commitObject({ key, value } as LiveRecord<"offset">);
    case "group":
      return groupObject({ key, value } as LiveRecord<"group">);
    case "group848":
      return { kind: "group848", group: key.group, epoch: (value as LiveRecord<"group848">["value"]).epoch };
    case "member": {
      const { clientId, clientHost } = value as LiveRecord<"member">["value"];
      return { kind: "member", group: key.group, id: key.member, client_id: clientId, host: clientHost };
    }
    case "assignment": {
      const { assigned, revoking } = value as LiveRecord<"assignment">["value"];
      return {
        kind: "assignment",
        group: key.group,
        member: key.member,
        assigned: Object.fromEntries(assigned),
        revoking: Object.fromEntries(revoking),
      };
    }
  }
}

/** A record of that kind which is no tombstone. */
type LiveRecord<Kind extends string> = Extract<OffsetsRecord, { key: { kind: Kind } }> extends infer R
  ? R extends { key: infer K; value: infer V } ? { readonly key: K; readonly value: NonNullable<V> } : never
  : never;

function commitObject({ key, value }: LiveRecord<"offset">): JsonObject {
  return {
    kind: "offset",
    version: value.version,
    group: key.group,
    topic: key.topic,
    partition: key.partition,
    offset: value.offset,
    ...(value.leaderEpoch !== undefined && { leader_epoch: value.leaderEpoch }),
    metadata: value.metadata,
    commit_ms: value.commitMs,
    ...(value.expireMs !== undefined && { expire_ms: value.expireMs }),
    ...(value.topicId !== undefined && { topic_id: value.topicId }),
  };
}

function groupObject({ key, value }: LiveRecord<"group">): JsonObject {
  return {
    kind: "group",
    group: key.group,
    protocol_type: value.protocolType,
    generation: value.generation,
    protocol: value.protocol,
    leader: value.leader,
    ...(value.stateMs !== undefined && { state_ms: value.stateMs }),
    members: value.members.map(({ id, clientId, clientHost, assignment }) => ({
      id,
      client_id: clientId,
      host: clientHost,
      assignment: Object.fromEntries(assignment),
    })),
    ...(value.warnings.length > 0 && { warnings: value.warnings.map(({ reason }) => reason) }),
  };
}
