import { FieldCursor } from "./field_cursor.ts";
import { Malformed, parsedOr, type WireFault } from "./reason.ts";

/** What a record of the offsets topic is about. */
export type OffsetsKey =
  | { readonly kind: "offset"; readonly group: string; readonly topic: string; readonly partition: number }
  /** Metadata of a group of the classic protocol. */
  | { readonly kind: "group"; readonly group: string }
  /** Metadata of a group of the protocol of KIP-848. */
  | { readonly kind: "group848"; readonly group: string }
  | { readonly kind: "member"; readonly group: string; readonly member: string }
  | { readonly kind: "assignment"; readonly group: string; readonly member: string }
  /** A type that is known and says nothing about lag. */
  | { readonly kind: "other"; readonly keyVersion: number };

/** The types of keys that Kafka has, up to 4.3; each is used or ignored, any other one is unknown. */
export const KeyType = {
  offsetOldest: 0,
  offset: 1,
  group: 2,
  consumerGroup: 3,
  consumerGroupMember: 5,
  consumerGroupCurrentAssignment: 8,
} as const;

/** Ignored: 4, 6, 7 and 16 of KIP-848, 9 to 15 of share groups, 17 to 24 of streams groups. */
const LAST_KNOWN_TYPE = 24;

/** The type of a key as a number, or -1 if it is too short to have one. */
export function keyTypeOf(key: Uint8Array): number {
  return key.length < 2 ? -1 : (key[0]! << 24 >> 16) | key[1]!;
}

/**
 * Parses the key of a record: `int16 type`, then plain strings. Bytes behind the last field are ignored.
 *
 * @param key null is a record without a key
 */
export function parseKey(key: Uint8Array | null): OffsetsKey | WireFault {
  return parsedOr(() => readKey(key));
}

function readKey(key: Uint8Array | null): OffsetsKey {
  const cursor = new FieldCursor(key ?? new Uint8Array(0));
  const type = cursor.int16("no key version");
  switch (type) {
    case KeyType.offsetOldest:
    case KeyType.offset: {
      const group = cursor.string(false, "group");
      const topic = cursor.string(false, "topic");
      return { kind: "offset", group, topic, partition: cursor.int32("partition") };
    }
    case KeyType.group:
      return { kind: "group", group: cursor.string(false, "group") };
    case KeyType.consumerGroup:
      return { kind: "group848", group: cursor.string(false, "group") };
    case KeyType.consumerGroupMember:
    case KeyType.consumerGroupCurrentAssignment: {
      const group = cursor.string(false, "group");
      const member = cursor.string(false, "member_id");
      return { kind: type === KeyType.consumerGroupMember ? "member" : "assignment", group, member };
    }
    default:
      if (type < 0 || type > LAST_KNOWN_TYPE) throw new Malformed("key version");
      return { kind: "other", keyVersion: type };
  }
}
