/**
 * The judge of consumers' lag: what `__consumer_offsets` and the brokers say, kept in windows, and how groups do by them.
 *
 * @example How a group does
 * ```ts
 * import assert from "node:assert/strict";
 * import { EVALUATOR_DEFAULTS, LagStore, newCachingEvaluator, newRequest, STORAGE_DEFAULTS, statusText } from "./mod.ts";
 * import type { StorageRequest } from "./mod.ts";
 *
 * const store = new LagStore(STORAGE_DEFAULTS, ["main"]);
 * store.setTime(1_700_000_000_000);
 * const place = { cluster: "main", group: "orders", topic: "events", partition: 0 };
 * store.handle(newRequest("StorageSetBrokerOffset", { ...place, topicPartitionCount: 1, offset: 100 }));
 * store.handle(newRequest("StorageSetConsumerOffset", { ...place, offset: 100, order: 1, timestamp: 1_700_000_000_000 }));
 *
 * const storage = { store, fetch: (request: StorageRequest) => Promise.resolve(store.handle(request)) };
 * const clock = { now: () => 1_700_000_000_000, monotonic: () => 0 };
 * const evaluator = newCachingEvaluator({ name: "default", config: EVALUATOR_DEFAULTS }, { clock, storage });
 * assert.equal(statusText((await evaluator.evaluate("main", "orders", true)).status), "OK");
 * ```
 *
 * @module
 */
export {
  type ConsumerFilter,
  EVALUATOR_DEFAULTS,
  type EvaluatorConfig,
  LAG_KEYS,
  type LagConfig,
  type Named,
  readEvaluatorConfig,
  readGroupFilter,
  readLagConfig,
  readStorageConfig,
  STORAGE_CLASSES,
  STORAGE_DEFAULTS,
  type StorageClass,
  type StorageConfig,
  TIME_LAGS,
  type TimeLag,
} from "./config.ts";
export { LagScenario } from "./scenario.ts";
export { lagSection } from "./section.ts";
export { type LagDeps, type LagSource, startLag } from "./source.ts";
export { type LagSourceConfig, readLagSourceConfig, sameLagConfig } from "./source_config.ts";
export type { ClusterConfig } from "./cluster/config.ts";
export type { ConnectionProfile } from "./connection.ts";
export type { ConsumerConfig } from "./consumer/config.ts";
export type { LogLevelSetting } from "./http/app.ts";
export type { PageView } from "./http/page_view.ts";
export type { NotifierConfig } from "./notifier/config.ts";

export { type EvaluatedStorage, type Evaluator, type EvaluatorDeps, newCachingEvaluator } from "./evaluator/caching.ts";
export {
  badOnly,
  type GroupStatus,
  judgeGroup,
  type LagOrigin,
  notFound,
  type PartitionExtra,
  partitionsOf,
  type PartitionStatus,
  type SecondsLag,
} from "./evaluator/group.ts";
export { partitionObject, replyValue, shortFloat32, stateObject, statusObject } from "./evaluator/objects.ts";
export { type Judgement, judgePartition, type PartitionJudgement } from "./evaluator/partition.ts";
export { Status, STATUSES, statusText } from "./evaluator/status.ts";
export {
  type RecordSource,
  type UnreadAnswer,
  type UnreadQuestion,
  UnreadRecords,
} from "./evaluator/unread_records.ts";

export { Channel, type Sent } from "./storage/channel.ts";
export { ClusterStore, type StoreConfig } from "./storage/cluster_store.ts";
export { startStorage, type StorageCoordinator, StorageStartError } from "./storage/coordinator.ts";
export { startCoordinatorWithOffsets } from "./storage/fixture.ts";
export { accepts, compilePattern, type GroupFilter, PatternError } from "./storage/group_filter.ts";
export type { StorageDeps } from "./storage/inmemory.ts";
export { LagStore, type OnDropped } from "./storage/lag_store.ts";
export type { StorageModule, Submitted } from "./storage/module.ts";
export { compareCodePoints, sortedNames } from "./storage/names.ts";
export { type EachRecord, type LogBatch, type LogRecord } from "./storage/log_record.ts";
export { OffsetsLog, type OffsetsLogOptions, type OffsetsStream } from "./storage/offsets_log.ts";
export { Outcome, type OutcomeName, OUTCOMES } from "./storage/outcome.ts";
export { ReaderPositions } from "./storage/positions.ts";
export {
  type ConsumerTopics,
  isFetch,
  newRequest,
  type PartitionState,
  readRequest,
  REQUEST_TYPES,
  type RequestType,
  requestTypeName,
  type StorageReply,
  type StorageRequest,
} from "./storage/request.ts";
export { type InterpolatedLag, type PointOutcome, TimeLagTable } from "./storage/time_lag_table.ts";
export { type CommitEntry, WindowStore } from "./storage/window_store.ts";

export {
  type CommitScan,
  type CommitValue,
  newCommitScan,
  parseCommitValue,
  scanCommitKey,
  scanCommitValue,
} from "./wire/commit.ts";
export type { ConsumerAssignment, ConsumerGroup, ConsumerMember } from "./wire/consumer_group.ts";
export {
  decodeOffsetsRecord,
  decodeOffsetsText,
  type JsonObject,
  type JsonValue,
  readRecordLine,
  type RecordBytes,
} from "./wire/decode.ts";
export { type GroupMember, type GroupMetadata, parseGroupMetadata } from "./wire/group_metadata.ts";
export { add, distance, type Int64, larger, subtract, toInt64 } from "./wire/int64.ts";
export { type OffsetsKey, parseKey } from "./wire/key.ts";
export { type Reason, type ReasonCode, REASONS, type WireFault } from "./wire/reason.ts";
export { type OffsetsRecord, type ParsedRecord, parseRecord } from "./wire/record.ts";
