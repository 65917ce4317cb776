import { FieldCursor, uuidText } from "./field_cursor.ts";
import type { Int64 } from "./int64.ts";
import { codeOf, Malformed, parsedOr, type ReasonCode, type WireFault } from "./reason.ts";

/** The value of an offset commit. */
export interface CommitValue {
  readonly version: number;
  /** The next record that the group will read. */
  readonly offset: Int64;
  /** Absent in versions that have none; -1 is unknown. */
  readonly leaderEpoch?: number;
  readonly metadata: string | null;
  /** Unix milliseconds. */
  readonly commitMs: Int64;
  /** Unix milliseconds; only in version 1. */
  readonly expireMs?: Int64;
  /** The topic's id as `8-4-4-4-12` hex digits; only in version 4. */
  readonly topicId?: string;
}

const LATEST_VERSION = 4;
const TOPIC_ID_TAG = 0;
const NO_ID = "00000000-0000-0000-0000-000000000000";

/**
 * Parses the value of an offset commit, OffsetCommitValue v0 to v4. What stands behind the commit's time may be missing or
 * damaged. A negative offset is refused.
 */
export function parseCommitValue(value: Uint8Array): CommitValue | WireFault {
  return parsedOr(() => readCommitValue(value));
}

function readCommitValue(value: Uint8Array): CommitValue {
  const cursor = new FieldCursor(value);
  const version = cursor.int16("no value version");
  if (version < 0 || version > LATEST_VERSION) throw new Malformed("value version");
  const offset = cursor.int64("offset");
  if (offset < 0) throw new Malformed("offset");
  const leaderEpoch = version >= 3 ? cursor.int32("leaderEpoch") : undefined;
  const metadata = cursor.nullableString(version >= 4, "metadata");
  const commitMs = cursor.int64("timestamp");
  const expireMs = version === 1 && cursor.remaining >= 8 ? cursor.int64("timestamp") : undefined;
  const topicId = version >= 4 ? readTopicId(cursor) : undefined;
  return {
    version,
    offset,
    ...(leaderEpoch !== undefined && { leaderEpoch }),
    metadata,
    commitMs,
    ...(expireMs !== undefined && { expireMs }),
    ...(topicId !== undefined && { topicId }),
  };
}

function readTopicId(cursor: FieldCursor): string | undefined {
  let topicId: string | undefined;
  try {
    cursor.tags("metadata", (tag, id) => {
      if (tag === TOPIC_ID_TAG && id.length === 16) topicId = uuidText(id);
    });
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    // The commit counts without what follows it.
  }
  return topicId === NO_ID ? undefined : topicId;
}

/**
 * A commit in place: numbers, and places in the bytes that hold the record. Filled by {@linkcode scanCommitKey} and
 * {@linkcode scanCommitValue}, so that a record costs no object.
 */
export interface CommitScan {
  groupStart: number;
  groupEnd: number;
  topicStart: number;
  topicEnd: number;
  partition: number;
  /** The two halves of the offset and of the commit's time, the high ones signed. */
  offsetHigh: number;
  offsetLow: number;
  timestampHigh: number;
  timestampLow: number;
  /** Where the sixteen bytes of the topic's id stand; -1 if there are none; -2 if only a whole parse tells. */
  topicIdAt: number;
}

/** A record for {@linkcode scanCommitKey} and {@linkcode scanCommitValue} to fill. */
export function newCommitScan(): CommitScan {
  return {
    groupStart: 0,
    groupEnd: 0,
    topicStart: 0,
    topicEnd: 0,
    partition: 0,
    offsetHigh: 0,
    offsetLow: 0,
    timestampHigh: 0,
    timestampLow: 0,
    topicIdAt: -1,
  };
}

const GROUP = codeOf("group");
const TOPIC = codeOf("topic");
const PARTITION = codeOf("partition");
const NO_VALUE_VERSION = codeOf("no value version");
const VALUE_VERSION = codeOf("value version");
const OFFSET = codeOf("offset");
const LEADER_EPOCH = codeOf("leaderEpoch");
const METADATA = codeOf("metadata");
const TIMESTAMP = codeOf("timestamp");

/**
 * Reads the key `view[start, end)` of a commit behind its type, which the caller has read. Whether the names are UTF-8 is
 * left to whoever sees them for the first time.
 *
 * @param start where the group's length stands
 * @returns 0, or why the key is refused
 */
export function scanCommitKey(view: DataView, start: number, end: number, out: CommitScan): ReasonCode {
  if (start + 2 > end) return GROUP;
  const groupStart = start + 2;
  const groupEnd = groupStart + view.getInt16(start);
  if (groupEnd < groupStart || groupEnd > end) return GROUP;
  if (groupEnd + 2 > end) return TOPIC;
  const topicStart = groupEnd + 2;
  const topicEnd = topicStart + view.getInt16(groupEnd);
  if (topicEnd < topicStart || topicEnd > end) return TOPIC;
  if (topicEnd + 4 > end) return PARTITION;
  out.groupStart = groupStart;
  out.groupEnd = groupEnd;
  out.topicStart = topicStart;
  out.topicEnd = topicEnd;
  out.partition = view.getInt32(topicEnd);
  return 0;
}

/**
 * Reads the value `view[start, end)` of a commit, which is no tombstone. Same rules as {@linkcode parseCommitValue}.
 *
 * @returns 0, or why the value is refused
 */
export function scanCommitValue(view: DataView, start: number, end: number, out: CommitScan): ReasonCode {
  if (start + 2 > end) return NO_VALUE_VERSION;
  const version = view.getInt16(start);
  if (version < 0 || version > LATEST_VERSION) return VALUE_VERSION;
  let at = start + 2;
  if (at + 8 > end) return OFFSET;
  out.offsetHigh = view.getInt32(at);
  out.offsetLow = view.getInt32(at + 4);
  if (out.offsetHigh < 0) return OFFSET;
  at += 8;
  if (version >= 3) {
    at += 4;
    if (at > end) return LEADER_EPOCH;
  }
  let length = 0;
  if (version >= 4) {
    let byte = 0x80;
    for (let scale = 1; byte >= 0x80; scale *= 128) {
      if (at >= end || scale > 268_435_456) return METADATA;
      byte = view.getUint8(at++);
      length += (byte & 0x7f) * scale;
    }
    if (length > 0) length--;
  } else {
    if (at + 2 > end) return METADATA;
    length = view.getInt16(at);
    at += 2;
    if (length === -1) length = 0;
    else if (length < 0) return METADATA;
  }
  at += length;
  if (at > end) return METADATA;
  if (at + 8 > end) return TIMESTAMP;
  out.timestampHigh = view.getInt32(at);
  out.timestampLow = view.getInt32(at + 4);
  at += 8;
  // One tag, number 0, sixteen bytes: what brokers write.
  if (version < 4 || at + 19 > end) out.topicIdAt = -1;
  else if (view.getUint8(at) === 1 && view.getUint8(at + 1) === TOPIC_ID_TAG && view.getUint8(at + 2) === 16) {
    out.topicIdAt = at + 3;
  } else out.topicIdAt = view.getUint8(at) === 0 ? -1 : -2;
  return 0;
}
