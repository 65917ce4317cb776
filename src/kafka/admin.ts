import type { KafkaCluster } from "./cluster.ts";
import type { RequestOptions } from "./connection.ts";
import { answerError, KafkaError } from "./errors.ts";
import {
  type CommittedOffset,
  findCoordinatorRequest,
  LIST_GROUPS_VERSIONS,
  type ListedGroup,
  listGroupsRequest,
  offsetFetchRequest,
} from "./groups_wire.ts";
import type { ClusterMetadata } from "./metadata_wire.ts";
import { ProtocolError } from "./protocol_errors.ts";
import {
  type Isolation,
  listOffsetsRequest,
  type OffsetAnswer,
  type OffsetQuery,
  type TopicPartition,
} from "./records_wire.ts";
import { Api } from "./request.ts";
import {
  alterTopicsRequest,
  createPartitionsRequest,
  createTopicsRequest,
  deleteTopicsRequest,
  describeTopicsRequest,
  type NamedAnswer,
  type NewTopic,
  type TopicChange,
  type TopicSettings,
} from "./topics_wire.ts";

/** What was asked of several brokers: what they said, and which of them failed. */
export interface Gathered<T> {
  readonly answers: readonly T[];
  readonly failures: readonly KafkaError[];
}

/** How long a broker may take for a change of topics, in milliseconds. */
const CHANGE_MS = 15_000;

/**
 * Offsets by partition, each asked of its leader, the brokers in parallel. A partition without a leader answers
 * `LEADER_NOT_AVAILABLE`; what a broker that fails should have answered is missing, and its error among the failures.
 *
 * @param metadata of the topics in question, not older than a refresh
 */
export async function listOffsets(
  cluster: KafkaCluster,
  metadata: ClusterMetadata,
  queries: readonly OffsetQuery[],
  options: RequestOptions & { readonly isolation?: Isolation } = {},
): Promise<Gathered<OffsetAnswer>> {
  const leaders = new Map<string, number>();
  for (const { name, partitions } of metadata.topics) {
    for (const { partition, leader } of partitions) leaders.set(`${partition}@${name}`, leader);
  }
  const byLeader = Map.groupBy(queries, ({ topic, partition }) => leaders.get(`${partition}@${topic}`) ?? -1);
  const answers: OffsetAnswer[] = (byLeader.get(-1) ?? []).map(({ topic, partition }) => {
    const error = ProtocolError.leaderNotAvailable;
    return { topic, partition, error, offset: -1, timestampMs: -1, leaderEpoch: -1 };
  });
  byLeader.delete(-1);
  const failures: KafkaError[] = [];
  await Promise.all([...byLeader].map(async ([node, own]) => {
    try {
      const request = listOffsetsRequest(own, options.isolation ?? "read_uncommitted");
      answers.push(...await cluster.request(node, request, options));
    } catch (error) {
      failures.push(asKafkaError(error));
    }
  }));
  return { answers, failures };
}

/** The groups of every broker, of every type. A broker that fails, or answers an error, is among the failures. */
export async function listGroups(cluster: KafkaCluster, options: RequestOptions = {}): Promise<Gathered<ListedGroup>> {
  await cluster.metadata([], options);
  const answers: ListedGroup[] = [];
  const failures: KafkaError[] = [];
  await Promise.all(cluster.brokers.map(async (node) => {
    try {
      const max = await cluster.maxVersion(node, Api.listGroups, options.signal) ?? 0;
      const { typed, plain } = LIST_GROUPS_VERSIONS;
      const { error, groups } = await cluster.request(node, listGroupsRequest(max >= typed ? typed : plain), options);
      if (error !== 0) throw answerError(error, `list the groups of broker ${node}`);
      answers.push(...groups);
    } catch (error) {
      failures.push(asKafkaError(error));
    }
  }));
  return { answers, failures };
}

/**
 * The node that coordinates a group.
 *
 * @throws {KafkaError} when no broker can tell
 */
export async function findCoordinator(
  cluster: KafkaCluster,
  group: string,
  options: RequestOptions = {},
): Promise<number> {
  const request = findCoordinatorRequest(group);
  const { error, message, node } = await cluster.requestAny(request, options);
  if (error !== 0) throw answerError(error, request.what, message);
  if (!cluster.brokers.includes(node)) await cluster.metadata([], options);
  return node;
}

/**
 * What a group of either protocol has committed; `null` asks for every partition that has a commit.
 *
 * @throws {KafkaError} when that can't be read
 */
export async function committedOffsets(
  cluster: KafkaCluster,
  group: string,
  partitions: readonly TopicPartition[] | null,
  options: RequestOptions = {},
): Promise<readonly CommittedOffset[]> {
  const node = await findCoordinator(cluster, group, options);
  const request = offsetFetchRequest(group, partitions);
  const { error, offsets } = await cluster.request(node, request, options);
  if (error !== 0) throw answerError(error, request.what);
  return offsets;
}

/** Creates topics; one that exists answers `TOPIC_ALREADY_EXISTS`. @throws {KafkaError} when the controller fails */
export async function createTopics(
  cluster: KafkaCluster,
  topics: readonly NewTopic[],
  options: RequestOptions = {},
): Promise<readonly NamedAnswer[]> {
  return await cluster.request(await controllerOf(cluster, options), createTopicsRequest(topics, CHANGE_MS), {
    ...options,
    brokerWaitsMs: CHANGE_MS,
  });
}

/** Deletes topics. @throws {KafkaError} when the controller fails */
export async function deleteTopics(
  cluster: KafkaCluster,
  topics: readonly string[],
  options: RequestOptions = {},
): Promise<readonly NamedAnswer[]> {
  return await cluster.request(await controllerOf(cluster, options), deleteTopicsRequest(topics, CHANGE_MS), {
    ...options,
    brokerWaitsMs: CHANGE_MS,
  });
}

/** Raises the number of partitions to `partitions`. @throws {KafkaError} when the controller fails */
export async function createPartitions(
  cluster: KafkaCluster,
  topics: readonly { readonly name: string; readonly partitions: number }[],
  options: RequestOptions = {},
): Promise<readonly NamedAnswer[]> {
  return await cluster.request(await controllerOf(cluster, options), createPartitionsRequest(topics, CHANGE_MS), {
    ...options,
    brokerWaitsMs: CHANGE_MS,
  });
}

/** The settings of topics. @throws {KafkaError} when no broker answers */
export function describeTopics(
  cluster: KafkaCluster,
  topics: readonly string[],
  options: RequestOptions = {},
): Promise<readonly TopicSettings[]> {
  return cluster.requestAny(describeTopicsRequest(topics), options);
}

/** Changes settings of topics and leaves the others as they are. @throws {KafkaError} when no broker answers */
export function alterTopics(
  cluster: KafkaCluster,
  topics: readonly TopicChange[],
  options: RequestOptions = {},
): Promise<readonly NamedAnswer[]> {
  return cluster.requestAny(alterTopicsRequest(topics), options);
}

async function controllerOf(cluster: KafkaCluster, options: RequestOptions): Promise<number> {
  const { controller } = await cluster.metadata([], options);
  if (controller < 0) throw new KafkaError("kafka.connect", "Cannot change topics: the cluster has no controller now");
  return controller;
}

/** What is no `KafkaError` is a fault of ours. */
function asKafkaError(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error;
  throw error;
}
