import type { ByteReader } from "../bytes/mod.ts";

/** The numbers of the requests in use. */
export const Api = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  offsetCommit: 8,
  offsetFetch: 9,
  findCoordinator: 10,
  joinGroup: 11,
  heartbeat: 12,
  leaveGroup: 13,
  syncGroup: 14,
  listGroups: 16,
  apiVersions: 18,
  createTopics: 19,
  deleteTopics: 20,
  initProducerId: 22,
  describeConfigs: 32,
  createPartitions: 37,
  incrementalAlterConfigs: 44,
} as const;

/** A request of one version: its body, and how its answer is read. */
export interface KafkaRequest<T> {
  readonly api: number;
  readonly version: number;
  /** What is done, for messages: "list offsets". */
  readonly what: string;
  /** Whether the version has tagged fields, in the header as well. @default false */
  readonly flexible?: boolean;
  readonly body: Uint8Array;
  /** There is no answer: a produce request that wants no acknowledgement. @default false */
  readonly silent?: boolean;
  /** Reads the answer's body. @throws {ByteError} when it ends too early */
  read(reader: ByteReader): T;
}

/** What a broker speaks of one request. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}
