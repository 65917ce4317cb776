import { FieldCursor } from "./field_cursor.ts";
import { Malformed, parsedOr, type WireFault } from "./reason.ts";

/** ConsumerGroupMetadataValue, as much of it as matters. */
export interface ConsumerGroup {
  readonly epoch: number;
}

/** ConsumerGroupMemberMetadataValue, as much of it as matters. */
export interface ConsumerMember {
  readonly clientId: string;
  /** As Kafka sends it, usually `/10.0.0.9`. */
  readonly clientHost: string;
}

/** ConsumerGroupCurrentMemberAssignmentValue: partitions by the id of their topic. */
export interface ConsumerAssignment {
  readonly epoch: number;
  readonly assigned: ReadonlyMap<string, readonly number[]>;
  /** The member is to give them back and may still read them. */
  readonly revoking: ReadonlyMap<string, readonly number[]>;
}

/** An id, an empty array and an empty tag section. */
const LEAST_TOPIC_BYTES = 18;
const PARTITION_BYTES = 4;

/** Parses the value of a group's key. */
export function parseConsumerGroup(value: Uint8Array): ConsumerGroup | WireFault {
  return parsedOr(() => ({ epoch: start(value).int32("generation") }));
}

/** Parses the value of a member's key. */
export function parseConsumerMember(value: Uint8Array): ConsumerMember | WireFault {
  return parsedOr(() => {
    const cursor = start(value);
    cursor.nullableString(true, "group_instance_id");
    cursor.nullableString(true, "group_instance_id"); // the rack
    const clientId = cursor.string(true, "client_id");
    return { clientId, clientHost: cursor.string(true, "client_host") };
  });
}

/** Parses the value of a member's current assignment. */
export function parseConsumerAssignment(value: Uint8Array): ConsumerAssignment | WireFault {
  return parsedOr(() => {
    const cursor = start(value);
    const epoch = cursor.int32("generation");
    cursor.int32("generation"); // the epoch before
    cursor.int8("assignment"); // its state
    return { epoch, assigned: readPartitions(cursor), revoking: readPartitions(cursor) };
  });
}

function start(value: Uint8Array): FieldCursor {
  const cursor = new FieldCursor(value);
  if (cursor.int16("no value version") !== 0) throw new Malformed("value version");
  return cursor;
}

function readPartitions(cursor: FieldCursor): Map<string, readonly number[]> {
  const topics = new Map<string, number[]>();
  for (let left = cursor.count(true, LEAST_TOPIC_BYTES, "assignment_topic_count"); left > 0; left--) {
    const id = cursor.uuid("topic_name");
    const partitions = topics.get(id) ?? [];
    let ids = cursor.count(true, PARTITION_BYTES, "assignment_partition_count");
    for (; ids > 0; ids--) partitions.push(cursor.int32("assignment_partition_id"));
    cursor.tags("assignment");
    topics.set(id, partitions);
  }
  return topics;
}
