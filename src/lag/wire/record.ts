import { type CommitValue, parseCommitValue } from "./commit.ts";
import {
  type ConsumerAssignment,
  type ConsumerGroup,
  type ConsumerMember,
  parseConsumerAssignment,
  parseConsumerGroup,
  parseConsumerMember,
} from "./consumer_group.ts";
import { type GroupMetadata, parseGroupMetadata } from "./group_metadata.ts";
import { type OffsetsKey, parseKey } from "./key.ts";
import type { WireFault } from "./reason.ts";

/** A key with its value, which is null where the record takes back what the key said before. */
export type OffsetsRecord =
  | { readonly key: Extract<OffsetsKey, { kind: "offset" }>; readonly value: CommitValue | null }
  | { readonly key: Extract<OffsetsKey, { kind: "group" }>; readonly value: GroupMetadata | null }
  | { readonly key: Extract<OffsetsKey, { kind: "group848" }>; readonly value: ConsumerGroup | null }
  | { readonly key: Extract<OffsetsKey, { kind: "member" }>; readonly value: ConsumerMember | null }
  | { readonly key: Extract<OffsetsKey, { kind: "assignment" }>; readonly value: ConsumerAssignment | null }
  | { readonly key: Extract<OffsetsKey, { kind: "other" }> };

/** A record that was understood, or why it was not. */
export type ParsedRecord = { readonly kind: "record"; readonly record: OffsetsRecord } | WireFault;

/**
 * Parses a record of `__consumer_offsets`. A value that is null or empty is a tombstone.
 *
 * @param accepts asked about the group before the value is read; a record it declines is undefined
 */
export function parseRecord(
  key: Uint8Array | null,
  value: Uint8Array | null,
  accepts?: (group: string) => boolean,
): ParsedRecord | undefined {
  const parsed = parseKey(key);
  if (parsed.kind === "fault") return parsed;
  if (parsed.kind !== "other" && accepts !== undefined && !accepts(parsed.group)) return undefined;
  const live = value === null || value.length === 0 ? null : value;
  switch (parsed.kind) {
    case "offset":
      return joined(live === null ? null : parseCommitValue(live), (value) => ({ key: parsed, value }));
    case "group":
      return joined(live === null ? null : parseGroupMetadata(live), (value) => ({ key: parsed, value }));
    case "group848":
      return joined(live === null ? null : parseConsumerGroup(live), (value) => ({ key: parsed, value }));
    case "member":
      return joined(live === null ? null : parseConsumerMember(live), (value) => ({ key: parsed, value }));
    case "assignment":
      return joined(live === null ? null : parseConsumerAssignment(live), (value) => ({ key: parsed, value }));
    case "other":
      return { kind: "record", record: { key: parsed } };
  }
}

function joined<V extends object>(
  value: V | WireFault | null,
  join: (value: V | null) => OffsetsRecord,
): ParsedRecord {
  if (value !== null && isFault(value)) return value;
  return { kind: "record", record: join(value) };
}

function isFault(value: object): value is WireFault {
  return "kind" in value && value.kind === "fault";
}
