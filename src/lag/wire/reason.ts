/** Why a record of the offsets topic is refused. The words label the counter of refusals. */
export const REASONS = [
  "",
  "no key version",
  "key version",
  "group",
  "topic",
  "partition",
  "member_id",
  "no value version",
  "value version",
  "offset",
  "leaderEpoch",
  "metadata",
  "timestamp",
  "protocol_type",
  "generation",
  "protocol",
  "leader",
  "current_state_timestamp",
  "no member size",
  "group_instance_id",
  "client_id",
  "client_host",
  "rebalance_timeout",
  "session_timeout",
  "subscription_bytes",
  "assignment_bytes",
  "consumer_protocol_version",
  "assignment_topic_count",
  "topic_name",
  "assignment_partition_count",
  "assignment_partition_id",
  "assignment",
] as const;

/** One of the words of {@linkcode REASONS}, except the empty one. */
export type Reason = Exclude<(typeof REASONS)[number], "">;

/** A refusal by the place of its word in {@linkcode REASONS}, for paths that run once a record; 0 is none. */
export type ReasonCode = number;

/** The code of a word. */
export function codeOf(reason: Reason): ReasonCode {
  return REASONS.indexOf(reason);
}

/** What is wrong with a record. */
export interface WireFault {
  readonly kind: "fault";
  readonly reason: Reason;
  /** What could not be read, in words. */
  readonly message: string;
}

/** A fault in words that say which part of a record could not be read. */
export function faultOf(reason: Reason): WireFault {
  return {
    kind: "fault",
    reason,
    message: `Cannot decode the record: ${MESSAGES[reason] ?? `its ${reason} is malformed`}`,
  };
}

const MESSAGES: Readonly<Partial<Record<Reason, string>>> = {
  "no key version": "its key has no type",
  "key version": "the type of its key is unknown",
  "no value version": "its value has no version",
  "value version": "the version of its value is unknown",
  offset: "its offset is cut off or negative",
  "no member size": "the number of its members is cut off or more than its bytes can hold",
  consumer_protocol_version: "the version of a member's assignment is negative or cut off",
  assignment_topic_count: "an assignment names more topics than its bytes can hold",
  assignment_partition_count: "an assignment names more partitions than its bytes can hold",
};

/** Thrown by cursors, and caught by whoever parses a whole record: it never leaves this folder. */
export class Malformed extends Error {
  override readonly name = "Malformed";

  constructor(readonly reason: Reason) {
    super(reason);
  }
}

/** What `parse` returns, or the fault it met. */
export function parsedOr<T>(parse: () => T): T | WireFault {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Malformed) return faultOf(error.reason);
    throw error;
  }
}
