import { FieldCursor } from "./field_cursor.ts";
import type { Int64 } from "./int64.ts";
import { faultOf, Malformed, parsedOr, type Reason, type WireFault } from "./reason.ts";

/** A member of a group of the classic protocol. */
export interface GroupMember {
  readonly id: string;
  readonly clientId: string;
  /** As Kafka sends it, usually `/10.0.0.9`. */
  readonly clientHost: string;
  /** Partitions by topic, in the order of the record. */
  readonly assignment: ReadonlyMap<string, readonly number[]>;
}

/** The value of a classic group's metadata. */
export interface GroupMetadata {
  /** `consumer`; of other kinds of group the assignments are not read. */
  readonly protocolType: string;
  readonly generation: number;
  readonly protocol: string | null;
  readonly leader: string | null;
  /** Unix milliseconds, -1 is unknown; absent before version 2. */
  readonly stateMs?: Int64;
  readonly members: readonly GroupMember[];
  /** What was wrong with members' assignments, which count as empty. */
  readonly warnings: readonly WireFault[];
}

const LATEST_VERSION = 4;
const LEAST_MEMBER_BYTES = 15;
const LEAST_TOPIC_BYTES = 6;
const PARTITION_BYTES = 4;

/** Parses GroupMetadataValue v0 to v4. A fault in its framing refuses all of it, one in an assignment only that. */
export function parseGroupMetadata(value: Uint8Array): GroupMetadata | WireFault {
  return parsedOr(() => readGroupMetadata(value));
}

function readGroupMetadata(value: Uint8Array): GroupMetadata {
  const cursor = new FieldCursor(value);
  const version = cursor.int16("no value version");
  if (version < 0 || version > LATEST_VERSION) throw new Malformed("value version");
  const flexible = version >= 4;
  const protocolType = cursor.nullableString(flexible, "protocol_type") ?? "";
  const generation = cursor.int32("generation");
  const protocol = cursor.nullableString(flexible, "protocol");
  const leader = cursor.nullableString(flexible, "leader");
  const stateMs = version >= 2 ? cursor.int64("current_state_timestamp") : undefined;
  const members: GroupMember[] = [];
  const warnings: WireFault[] = [];
  for (let left = cursor.count(flexible, LEAST_MEMBER_BYTES, "no member size"); left > 0; left--) {
    const id = cursor.string(flexible, "member_id");
    if (version >= 3) cursor.nullableString(flexible, "group_instance_id");
    const clientId = cursor.string(flexible, "client_id");
    const clientHost = cursor.string(flexible, "client_host");
    if (version >= 1) cursor.int32("rebalance_timeout");
    cursor.int32("session_timeout");
    cursor.bytes(flexible, "subscription_bytes");
    const bytes = cursor.bytes(flexible, "assignment_bytes");
    if (flexible) cursor.tags("assignment_bytes");
    const assignment = bytes === null || bytes.length === 0 || protocolType !== "consumer"
      ? NOTHING
      : parseAssignment(bytes);
    if (assignment instanceof Map) members.push({ id, clientId, clientHost, assignment });
    else {
      warnings.push(assignment);
      members.push({ id, clientId, clientHost, assignment: NOTHING });
    }
  }
  return {
    protocolType,
    generation,
    protocol,
    leader,
    ...(stateMs !== undefined && { stateMs }),
    members,
    warnings,
  };
}

const NOTHING = new Map<string, readonly number[]>();

/**
 * Parses a member's assignment, ConsumerProtocolAssignment: any version from 0 on has this layout in front. The user data
 * behind it is not looked at.
 */
export function parseAssignment(bytes: Uint8Array): Map<string, readonly number[]> | WireFault {
  try {
    return readAssignment(bytes);
  } catch (error) {
    if (error instanceof Malformed) return faultOf(error.reason satisfies Reason);
    throw error;
  }
}

function readAssignment(bytes: Uint8Array): Map<string, readonly number[]> {
  const cursor = new FieldCursor(bytes);
  if (cursor.int16("consumer_protocol_version") < 0) throw new Malformed("consumer_protocol_version");
  const assignment = new Map<string, number[]>();
  for (let left = cursor.count(false, LEAST_TOPIC_BYTES, "assignment_topic_count"); left > 0; left--) {
    const topic = cursor.string(false, "topic_name");
    const partitions = assignment.get(topic) ?? [];
    let ids = cursor.count(false, PARTITION_BYTES, "assignment_partition_count");
    for (; ids > 0; ids--) partitions.push(cursor.int32("assignment_partition_id"));
    assignment.set(topic, partitions);
  }
  return assignment;
}
