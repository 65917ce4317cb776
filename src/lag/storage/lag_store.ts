import { ClusterStore, type StoreConfig } from "./cluster_store.ts";
import { sortedNames } from "./names.ts";
import { Outcome, OUTCOMES } from "./outcome.ts";
import type { StorageReply, StorageRequest } from "./request.ts";

/** A request that had no effect, and why. */
export type OnDropped = (request: StorageRequest, outcome: Outcome) => void;

/**
 * Everything that is known of the configured clusters: the heart of storage. Values and a time in, answers out; requests are
 * handled at once, in the order in which they are handed in.
 */
export class LagStore {
  readonly config: StoreConfig;
  /** Commits by what became of them, in the order of {@linkcode OUTCOMES}. */
  readonly outcomes: Float64Array = new Float64Array(OUTCOMES.length);
  readonly #clusters: Map<string, ClusterStore>;
  readonly #onDropped: OnDropped;
  #nowMs = 0;

  /** @param clusters the names of the clusters; requests for any other one are dropped */
  constructor(config: StoreConfig, clusters: readonly string[], onDropped: OnDropped = () => {}) {
    this.config = config;
    this.#clusters = new Map(clusters.map((name) => [name, new ClusterStore(name, config)]));
    this.#onDropped = onDropped;
  }

  /** Adds a cluster, if it is not there. */
  addCluster(name: string): void {
    if (this.#clusters.has(name)) return;
    const cluster = new ClusterStore(name, this.config);
    cluster.setTime(this.#nowMs);
    this.#clusters.set(name, cluster);
  }

  /** The time of what comes next, Unix milliseconds. */
  setTime(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const cluster of this.#clusters.values()) cluster.setTime(nowMs);
  }

  /** Unix milliseconds, as they were told last. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** A cluster by its name. */
  cluster(name: string): ClusterStore | undefined {
    return this.#clusters.get(name);
  }

  /** The names of the clusters, in order. */
  get clusters(): string[] {
    return sortedNames(this.#clusters.keys());
  }

  /** Windows in memory. */
  get partitions(): number {
    return this.#sum((cluster) => cluster.partitions);
  }

  /** Groups in memory. */
  get groups(): number {
    return this.#sum((cluster) => cluster.groups);
  }

  /** Removes the groups whose time is over. @returns how many there were */
  sweep(): number {
    return this.#sum((cluster) => cluster.sweep());
  }

  /** Counts a commit that was taken in past `handle`. */
  count(outcome: Outcome): void {
    this.outcomes[outcome]!++;
  }

  /** Says that no request submitted before a deletion is on its way any more. */
  forgetDeletions(): void {
    for (const cluster of this.#clusters.values()) cluster.forgetDeletions();
  }

  /**
   * Handles one request.
   *
   * @param sequence when it was submitted, where requests may overtake each other
   * @returns a fetch's answer; nothing where what it asks for is not there
   */
  handle(request: StorageRequest, sequence?: number): StorageReply | undefined {
    if (request.type === "StorageFetchClusters") return { kind: "names", names: this.clusters };
    const cluster = this.#clusters.get(request.cluster);
    if (cluster === undefined) {
      if (request.type === "StorageSetConsumerOffset") this.count(Outcome.unknownCluster);
      this.#onDropped(request, Outcome.unknownCluster);
      return undefined;
    }
    const { group, topic, partition } = request;
    switch (request.type) {
      case "StorageSetBrokerOffset": {
        const { topicPartitionCount, offset, timestamp, logStart } = request;
        const taken = cluster.setBrokerOffset(topic, partition, topicPartitionCount, offset, timestamp, logStart);
        if (!taken) this.#onDropped(request, offset < 0 ? Outcome.negativeOffset : Outcome.unknownPartition);
        return undefined;
      }
      case "StorageSetConsumerOffset": {
        const { offset, order, timestamp } = request;
        const outcome = cluster.setConsumerOffset(group, topic, partition, offset, order, timestamp, sequence);
        this.count(outcome);
        if (outcome > Outcome.merged) this.#onDropped(request, outcome);
        return undefined;
      }
      case "StorageSetConsumerOwner":
        cluster.setConsumerOwner(group, topic, partition, request.owner, request.clientId);
        return undefined;
      case "StorageClearConsumerOwners":
        cluster.clearConsumerOwners(group);
        return undefined;
      case "StorageSetDeleteTopic":
        cluster.deleteTopic(topic, sequence);
        return undefined;
      case "StorageSetDeleteGroup":
        cluster.deleteGroup(group, topic);
        return undefined;
      case "StorageSetDeletePartition":
        cluster.deletePartition(group, topic, partition, request.order);
        return undefined;
      case "StorageFetchConsumers":
        return { kind: "names", names: cluster.consumers() };
      case "StorageFetchTopics":
        return { kind: "names", names: cluster.topics() };
      case "StorageFetchConsumersForTopic":
        return { kind: "names", names: cluster.consumers(topic) };
      case "StorageFetchConsumer": {
        const topics = cluster.consumer(group);
        return topics === null ? undefined : { kind: "consumer", topics };
      }
      case "StorageFetchTopic": {
        const offsets = cluster.topicOffsets(topic);
        return offsets === null ? undefined : { kind: "topic", offsets };
      }
    }
  }

  #sum(of: (cluster: ClusterStore) => number): number {
    let sum = 0;
    for (const cluster of this.#clusters.values()) sum += of(cluster);
    return sum;
  }
}
