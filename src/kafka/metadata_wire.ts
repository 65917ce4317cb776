import type { ByteReader } from "../bytes/mod.ts";
import {
  bodyOf,
  readBoolean,
  readCompactArray,
  readCompactNullableString,
  readCompactString,
  readUuid,
  skipTags,
  writeBoolean,
  writeCompactArray,
  writeCompactString,
} from "./primitives.ts";
import { Api, type KafkaRequest } from "./request.ts";

/** A broker as the cluster names it. */
export interface Broker {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

/** One partition of a topic. */
export interface PartitionMetadata {
  readonly partition: number;
  /** The protocol's error number, 0 if there is none; 5 while there is no leader. */
  readonly error: number;
  /** The leader's broker; -1 while there is none. */
  readonly leader: number;
  readonly leaderEpoch: number;
  /** How many replicas it has. */
  readonly replicas: number;
}

/** One topic. */
export interface TopicMetadata {
  readonly name: string;
  /** A UUID that tells a topic from one of the same name created later; "" where brokers have none (before 2.8). */
  readonly id: string;
  readonly error: number;
  /** The cluster's own: `__consumer_offsets`. */
  readonly isInternal: boolean;
  /** By partition. */
  readonly partitions: readonly PartitionMetadata[];
}

/** The cluster as one broker sees it. */
export interface ClusterMetadata {
  readonly brokers: readonly Broker[];
  /** "" where brokers do not tell. */
  readonly clusterId: string;
  /** The broker to ask for changes of topics; -1 if there is none. */
  readonly controller: number;
  readonly topics: readonly TopicMetadata[];
}

/** The versions that can be read: from 2.4 on; from 10 on they tell topic ids. */
export const METADATA_VERSIONS = { min: 9, max: 12 } as const;

/**
 * Metadata v9 to v12.
 *
 * @param topics `null`: all, the internal ones too
 * @param create whether brokers create what is missing, where they are configured to
 */
export function metadataRequest(
  version: number,
  topics: readonly string[] | null,
  create: boolean,
): KafkaRequest<ClusterMetadata> {
  return {
    api: Api.metadata,
    version,
    what: "read the cluster's metadata",
    flexible: true,
    body: bodyOf((out) => {
      if (topics === null) out.varint(0);
      else {
        writeCompactArray(out, topics, (name) => {
          if (version >= 10) out.bytes(new Uint8Array(16));
          writeCompactString(out, name);
          out.varint(0);
        });
      }
      writeBoolean(out, create);
      if (version <= 10) writeBoolean(out, false); // authorized operations of the cluster
      writeBoolean(out, false); // and of topics
      out.varint(0);
    }),
    read(reader) {
      reader.skip(4); // throttle time
      const brokers = readCompactArray(reader, readBroker);
      const clusterId = readCompactNullableString(reader) ?? "";
      const controller = reader.i32be();
      const all = readCompactArray(reader, (r) => readTopic(r, version));
      return { brokers, clusterId, controller, topics: all };
    },
  };
}

function readBroker(reader: ByteReader): Broker {
  const broker = { id: reader.i32be(), host: readCompactString(reader), port: reader.i32be() };
  readCompactNullableString(reader); // rack
  skipTags(reader);
  return broker;
}

function readTopic(reader: ByteReader, version: number): TopicMetadata {
  const error = reader.i16be();
  const name = readCompactString(reader);
  const id = version >= 10 ? readUuid(reader) : "";
  const isInternal = readBoolean(reader);
  const partitions = readCompactArray(reader, readPartition).sort((a, b) => a.partition - b.partition);
  reader.skip(4); // authorized operations
  skipTags(reader);
  return { name, id, error, isInternal, partitions };
}

function readPartition(reader: ByteReader): PartitionMetadata {
  const error = reader.i16be();
  const partition = reader.i32be();
  const leader = reader.i32be();
  const leaderEpoch = reader.i32be();
  const replicas = readCompactArray(reader, (r) => r.i32be()).length;
  readCompactArray(reader, (r) => r.i32be()); // in sync
  readCompactArray(reader, (r) => r.i32be()); // offline
  skipTags(reader);
  return { partition, error, leader, leaderEpoch, replicas };
}
