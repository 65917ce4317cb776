/**
 * One door to Kafka: brokers and their connections, offsets, records as they are in the log, groups, and sending.
 * Brokers from 2.4 on are spoken to. The client library does connections, SASL and two compressions; requests and record
 * batches are ours, because the library's high-level classes can't read internal topics, give up a whole answer for one
 * partition's error, and don't check checksums.
 *
 * @example Sending records and reading them back, without a group
 * ```ts ignore
 * import { realClock } from "../clock/mod.ts";
 * import { fetchRecords, forEachRecord, KafkaCluster, newDecompressor, Producer, readRecordBatches, recordValue } from "./mod.ts";
 *
 * const signal = AbortSignal.timeout(10_000);
 * const cluster = new KafkaCluster({ brokers: ["127.0.0.1:9092"], clientId: "example", clock: realClock });
 * const producer = new Producer(cluster, { compression: "lz4" });
 * const records = [{ value: new TextEncoder().encode("hello"), timestampMs: Date.now() }];
 * const { left, error } = await producer.send(await producer.prepare("greetings", records, signal), signal);
 * if (left.length > 0) throw error;
 *
 * const { topics } = await cluster.metadata(["greetings"]);
 * const { leader } = topics[0]!.partitions[0]!;
 * const decompressor = await newDecompressor();
 * for (const { records } of await fetchRecords(cluster, leader, [{ topic: "greetings", partition: 0, offset: 0 }])) {
 *   for (const batch of readRecordBatches(records, decompressor).batches) {
 *     forEachRecord(batch, (record) => console.log(record.offset, recordValue(record)));
 *   }
 * }
 * cluster.close();
 * ```
 *
 * @module
 */
export {
  alterTopics,
  committedOffsets,
  createPartitions,
  createTopics,
  deleteTopics,
  describeTopics,
  findCoordinator,
  type Gathered,
  listGroups,
  listOffsets,
} from "./admin.ts";
export { type ClusterRequestOptions, KafkaCluster, type Lane, topicOf } from "./cluster.ts";
export { type Compression, COMPRESSIONS, type Decompressor, newDecompressor } from "./compression.ts";
export {
  hasOauthKeys,
  type KafkaTlsFiles,
  loadTls,
  OAUTH_WORDS,
  readMechanism,
  readSasl,
  SASL_KEYS,
  saslKeys,
} from "./config.ts";
export { type RequestOptions } from "./connection.ts";
export { answerError, KafkaError, type KafkaErrorCode } from "./errors.ts";
export { FETCH_BOUNDS, fetchRecords } from "./fetcher.ts";
export {
  GroupConsumer,
  type GroupConsumerOptions,
  type GroupListener,
  type PolledPartition,
} from "./group_consumer.ts";
export { type CommittedOffset, type ListedGroup, type OffsetToCommit } from "./groups_wire.ts";
export { type Broker, type ClusterMetadata, type PartitionMetadata, type TopicMetadata } from "./metadata_wire.ts";
export { keyPartition, murmur2 } from "./murmur2.ts";
export {
  type KafkaOptions,
  type KafkaSasl,
  type KafkaTls,
  type OauthSasl,
  type PasswordSasl,
  SASL_MECHANISMS,
  type SaslConfig,
  type TokenSasl,
} from "./options.ts";
export { Producer, type ProducerOptions, type Sent } from "./producer.ts";
export { isRetriable, ProtocolError, protocolErrorName } from "./protocol_errors.ts";
export {
  type BatchFault,
  forEachRecord,
  newAbortFilter,
  type ReadBatches,
  type ReadBatchesOptions,
  readRecordBatches,
  type RecordBatch,
  recordKey,
  recordValue,
  type RecordView,
} from "./record_batch.ts";
export {
  type AbortedTransaction,
  type Acks,
  type FetchBounds,
  type FetchedPartition,
  type FetchPosition,
  type Isolation,
  type OffsetAnswer,
  OffsetAt,
  type OffsetQuery,
  type TopicPartition,
} from "./records_wire.ts";
export {
  type NamedAnswer,
  type NewTopic,
  type TopicChange,
  type TopicSetting,
  type TopicSettings,
} from "./topics_wire.ts";
export { type OutgoingRecord, type Transmission } from "./transmission.ts";
