/** Requests about consumer groups: finding their coordinator, membership, offsets. */
import { ByteReader, type ByteWriter } from "../bytes/mod.ts";
import {
  bodyOf,
  readArray,
  readCompactArray,
  readCompactString,
  readInt64,
  readNullableBytes,
  readNullableString,
  readString,
  skipTags,
  writeArray,
  writeBytes,
  writeInt64,
  writeNullableString,
  writeString,
} from "./primitives.ts";
import { byTopic, readByTopic, type TopicPartition } from "./records_wire.ts";
import { Api, type KafkaRequest } from "./request.ts";

/** Which broker coordinates a group. */
export interface Coordinator {
  readonly error: number;
  readonly message: string | null;
  readonly node: number;
  readonly host: string;
  readonly port: number;
}

/** FindCoordinator v2, of a consumer group; to any broker. */
export function findCoordinatorRequest(group: string): KafkaRequest<Coordinator> {
  return {
    api: Api.findCoordinator,
    version: 2,
    what: `find the coordinator of group ${group}`,
    body: bodyOf((out) => {
      writeString(out, group);
      out.u8(0); // a group
    }),
    read(reader) {
      reader.skip(4); // throttle time
      const [error, message] = [reader.i16be(), readNullableString(reader)];
      return { error, message, node: reader.i32be(), host: readString(reader), port: reader.i32be() };
    },
  };
}

/** Who a member is. */
export interface Membership {
  readonly group: string;
  /** "" before the coordinator gave one. */
  readonly memberId: string;
  /** -1 before the first generation. */
  readonly generation: number;
}

/** The answer to a join. */
export interface Joined {
  readonly error: number;
  readonly generation: number;
  readonly leader: string;
  readonly memberId: string;
  /** All members with what they subscribe to; the leader's answer alone has them. */
  readonly members: readonly { readonly memberId: string; readonly topics: readonly string[] }[];
}

/** The name of the only strategy in use: ranges of each topic's partitions, members in the order of their ids. */
const STRATEGY = "range";

/** JoinGroup v5. */
export function joinGroupRequest(
  { group, memberId }: Membership,
  options: {
    readonly sessionTimeoutMs: number;
    readonly rebalanceTimeoutMs: number;
    readonly topics: readonly string[];
  },
): KafkaRequest<Joined> {
  return {
    api: Api.joinGroup,
    version: 5,
    what: `join group ${group}`,
    body: bodyOf((out) => {
      writeString(out, group);
      out.u32be(options.sessionTimeoutMs);
      out.u32be(options.rebalanceTimeoutMs);
      writeString(out, memberId);
      writeNullableString(out, null); // a static member's id
      writeString(out, "consumer");
      writeArray(out, [STRATEGY], (name) => {
        writeString(out, name);
        writeBytes(out, encodeSubscription(options.topics));
      });
    }),
    read(reader) {
      reader.skip(4); // throttle time
      const [error, generation] = [reader.i16be(), reader.i32be()];
      readNullableString(reader); // strategy
      const [leader, id] = [readString(reader), readString(reader)];
      const members = readArray(reader, (r) => {
        const memberId = readString(r);
        readNullableString(r); // a static member's id
        return { memberId, topics: readSubscription(readNullableBytes(r)) };
      });
      return { error, generation, leader, memberId: id, members };
    },
  };
}

/** `ConsumerProtocolSubscription` v0. */
function encodeSubscription(topics: readonly string[]): Uint8Array {
  return bodyOf((out) => {
    out.u16be(0);
    writeArray(out, topics, (topic) => writeString(out, topic));
    out.u32be(0xffffffff); // user data
  });
}

function readSubscription(bytes: Uint8Array | null): string[] {
  if (bytes === null || bytes.length === 0) return [];
  const reader = new ByteReader(bytes);
  reader.skip(2); // version; later ones put more behind the topics
  return readArray(reader, readString);
}

/** What each member gets, by its id. */
export type Assignments = ReadonlyMap<string, readonly TopicPartition[]>;

/** SyncGroup v3. Only the leader gives `assignments`. */
export function syncGroupRequest(
  { group, memberId, generation }: Membership,
  assignments: Assignments,
): KafkaRequest<{ readonly error: number; readonly partitions: readonly TopicPartition[] }> {
  return {
    api: Api.syncGroup,
    version: 3,
    what: `take part in group ${group}`,
    body: bodyOf((out) => {
      writeMember(out, group, generation, memberId);
      writeNullableString(out, null); // a static member's id
      writeArray(out, [...assignments], ([member, partitions]) => {
        writeString(out, member);
        writeBytes(out, encodeAssignment(partitions));
      });
    }),
    read(reader) {
      reader.skip(4); // throttle time
      return { error: reader.i16be(), partitions: readAssignment(readNullableBytes(reader)) };
    },
  };
}

/** `ConsumerProtocolAssignment` v0. */
function encodeAssignment(partitions: readonly TopicPartition[]): Uint8Array {
  return bodyOf((out) => {
    out.u16be(0);
    writeArray(out, byTopic(partitions), ([topic, items]) => {
      writeString(out, topic);
      writeArray(out, items, ({ partition }) => out.u32be(partition));
    });
    out.u32be(0xffffffff); // user data
  });
}

function readAssignment(bytes: Uint8Array | null): TopicPartition[] {
  if (bytes === null || bytes.length === 0) return [];
  const reader = new ByteReader(bytes);
  reader.skip(2); // version
  return readByTopic(reader, (r, topic) => ({ topic, partition: r.i32be() }));
}

/** Heartbeat v3; gives the error. */
export function heartbeatRequest({ group, memberId, generation }: Membership): KafkaRequest<number> {
  return {
    api: Api.heartbeat,
    version: 3,
    what: `stay in group ${group}`,
    body: bodyOf((out) => {
      writeMember(out, group, generation, memberId);
      writeNullableString(out, null); // a static member's id
    }),
    read: readError,
  };
}

/** LeaveGroup v2; gives the error. */
export function leaveGroupRequest({ group, memberId }: Membership): KafkaRequest<number> {
  return {
    api: Api.leaveGroup,
    version: 2,
    what: `leave group ${group}`,
    body: bodyOf((out) => {
      writeString(out, group);
      writeString(out, memberId);
    }),
    read: readError,
  };
}

function writeMember(out: ByteWriter, group: string, generation: number, memberId: string): void {
  writeString(out, group);
  out.u32be(generation);
  writeString(out, memberId);
}

function readError(reader: ByteReader): number {
  reader.skip(4); // throttle time
  return reader.i16be();
}

/** An offset to be committed: that of the first record that is not done yet. */
export interface OffsetToCommit extends TopicPartition {
  readonly offset: number;
  readonly metadata?: string;
}

/** How the commit of a partition ended. */
export interface CommitAnswer extends TopicPartition {
  readonly error: number;
}

/** OffsetCommit v7, to the coordinator. Generation -1 without a member commits for a group that has no members. */
export function offsetCommitRequest(
  { group, memberId, generation }: Membership,
  offsets: readonly OffsetToCommit[],
): KafkaRequest<CommitAnswer[]> {
  return {
    api: Api.offsetCommit,
    version: 7,
    what: `commit offsets of group ${group}`,
    body: bodyOf((out) => {
      writeMember(out, group, generation, memberId);
      writeNullableString(out, null); // a static member's id
      writeArray(out, byTopic(offsets), ([topic, items]) => {
        writeString(out, topic);
        writeArray(out, items, ({ partition, offset, metadata }) => {
          out.u32be(partition);
          writeInt64(out, offset);
          out.u32be(0xffffffff); // leader epoch: not known
          writeNullableString(out, metadata ?? "");
        });
      });
    }),
    read(reader) {
      reader.skip(4); // throttle time
      return readByTopic(reader, (r, topic) => ({ topic, partition: r.i32be(), error: r.i16be() }));
    },
  };
}

/** A committed offset. */
export interface CommittedOffset extends TopicPartition {
  readonly error: number;
  /** -1: none is committed. */
  readonly offset: number;
  readonly metadata: string | null;
}

/** OffsetFetch v5, to the coordinator, for groups of either protocol. `null`: every partition that has a commit. */
export function offsetFetchRequest(
  group: string,
  partitions: readonly TopicPartition[] | null,
): KafkaRequest<{ readonly error: number; readonly offsets: readonly CommittedOffset[] }> {
  return {
    api: Api.offsetFetch,
    version: 5,
    what: `read the offsets of group ${group}`,
    body: bodyOf((out) => {
      writeString(out, group);
      if (partitions === null) out.u32be(0xffffffff);
      else {
        writeArray(out, byTopic(partitions), ([topic, items]) => {
          writeString(out, topic);
          writeArray(out, items, ({ partition }) => out.u32be(partition));
        });
      }
    }),
    read(reader) {
      reader.skip(4); // throttle time
      const offsets = readByTopic(reader, (r, topic) => {
        const [partition, offset] = [r.i32be(), readInt64(r)];
        r.skip(4); // leader epoch
        return { topic, partition, offset, metadata: readNullableString(r), error: r.i16be() };
      });
      return { error: reader.i16be(), offsets };
    },
  };
}

/** A group as a broker lists it. */
export interface ListedGroup {
  readonly group: string;
  /** `consumer`, `connect`, `share`, …; "" of a group that only commits. */
  readonly protocolType: string;
  /** `Stable`, `Empty`, …; "" where brokers do not tell (before 2.6). */
  readonly state: string;
  /** `classic`, `consumer`, `share`, `streams`; "" where brokers do not tell (before 3.8). */
  readonly type: string;
}

/** The version that tells states and types; brokers before 3.8 take 2. */
export const LIST_GROUPS_VERSIONS = { plain: 2, typed: 5 } as const;

/** ListGroups v2 or v5, of every type and state; each broker lists those it coordinates. */
export function listGroupsRequest(
  version: number,
): KafkaRequest<{ readonly error: number; readonly groups: readonly ListedGroup[] }> {
  const typed = version === LIST_GROUPS_VERSIONS.typed;
  return {
    api: Api.listGroups,
    version,
    what: "list groups",
    flexible: typed,
    body: typed ? new Uint8Array([1, 1, 0]) : new Uint8Array(0), // no states and no types to choose: all
    read(reader) {
      reader.skip(4); // throttle time
      const error = reader.i16be();
      const groups = typed
        ? readCompactArray(reader, (r) => {
          const [group, protocolType] = [readCompactString(r), readCompactString(r)];
          const [state, type] = [readCompactString(r), readCompactString(r)];
          skipTags(r);
          return { group, protocolType, state, type };
        })
        : readArray(reader, (r) => ({ group: readString(r), protocolType: readString(r), state: "", type: "" }));
      return { error, groups };
    },
  };
}
