import type { Clock } from "../clock/mod.ts";
import { type Address, formatAddress, parseAddress } from "../config/mod.ts";
import { BrokerConnection, type BrokerOptions, type RequestOptions } from "./connection.ts";
import { KafkaError } from "./errors.ts";
import { type ClusterMetadata, METADATA_VERSIONS, metadataRequest, type TopicMetadata } from "./metadata_wire.ts";
import { tokenSourceOf } from "./oauth.ts";
import { DEFAULTS, type KafkaOptions } from "./options.ts";
import { Api, type KafkaRequest } from "./request.ts";

/**
 * What a connection is for. A broker answers the requests of a connection one after another, so that a fetch that waits
 * for records must not stand in front of anything else.
 */
export type Lane = "control" | "produce" | "fetch" | "group";

/** How a request to a cluster is made. */
export interface ClusterRequestOptions extends RequestOptions {
  /** @default "control" */
  readonly lane?: Lane;
}

/** The brokers of a cluster, each with the connections that are in use. Nothing is connected before the first request. */
export class KafkaCluster {
  /** Private, as it holds a password, so that no inspection shows it. */
  readonly #options: BrokerOptions;
  readonly #bootstrap: readonly Address[];
  /** By `LANE@host:port`. */
  readonly #connections = new Map<string, Promise<BrokerConnection>>();
  /** Those whose session is over, until what is under way on them is answered, with the same names. */
  readonly #retired = new Map<BrokerConnection, string>();
  #brokers = new Map<number, Address>();
  /** Of the bootstrap brokers, the one that answered last. */
  #first = 0;
  #reached = 0;
  #closed = false;

  /** @throws {RangeError} when a broker is no `host:port` */
  constructor(options: KafkaOptions) {
    if (options.brokers.length === 0) throw new RangeError("Cannot use a Kafka cluster: name at least one broker");
    this.#options = withTokens(options);
    this.#bootstrap = options.brokers.map(parseAddress);
  }

  /** What its users wait by, too. */
  get clock(): Clock {
    return this.#options.clock;
  }

  /** From a request to its answer, in milliseconds. */
  get requestTimeoutMs(): number {
    return this.#options.requestTimeoutMs ?? DEFAULTS.requestTimeoutMs;
  }

  /**
   * Control connections made so far: one more, and a broker was lost and found again. One that follows another whose session
   * is over does not count.
   */
  get reached(): number {
    return this.#reached;
  }

  /** The brokers that the last metadata named. */
  get brokers(): readonly number[] {
    return [...this.#brokers.keys()];
  }

  /**
   * Asks any broker for the cluster and topics.
   *
   * @param topics `null`: all, the internal ones too
   * @throws {KafkaError} when none answers
   */
  async metadata(
    topics: readonly string[] | null,
    options: RequestOptions & { readonly create?: boolean } = {},
  ): Promise<ClusterMetadata> {
    const connection = await this.#any(options.signal);
    const speaks = connection.versions(Api.metadata) ?? METADATA_VERSIONS;
    const version = Math.max(METADATA_VERSIONS.min, Math.min(METADATA_VERSIONS.max, speaks.max));
    const metadata = await connection.request(metadataRequest(version, topics, options.create ?? false), options);
    this.#brokers = new Map(metadata.brokers.map(({ id, host, port }) => [id, { hostname: host, port }]));
    return metadata;
  }

  /**
   * Asks one broker.
   *
   * @param node its id in the metadata
   * @throws {KafkaError} `kafka.connect` also when the metadata does not name it
   */
  async request<T>(node: number, request: KafkaRequest<T>, options: ClusterRequestOptions = {}): Promise<T> {
    const address = this.#brokers.get(node);
    if (address === undefined) {
      throw new KafkaError(
        "kafka.connect",
        `Cannot ${request.what}: there is no broker ${node} in the cluster's metadata`,
      );
    }
    const connection = await this.#open(address, options.lane ?? "control", options.signal);
    return await connection.request(request, options);
  }

  /** As `request`, of whichever broker answers. */
  async requestAny<T>(request: KafkaRequest<T>, options: RequestOptions = {}): Promise<T> {
    return await (await this.#any(options.signal)).request(request, options);
  }

  /** The highest version of a request that a broker speaks; `undefined` if none. */
  async maxVersion(node: number, api: number, signal?: AbortSignal): Promise<number | undefined> {
    const address = this.#brokers.get(node);
    if (address === undefined) return undefined;
    return (await this.#open(address, "control", signal)).versions(api)?.max;
  }

  /** Closes a lane's connection to a broker; what is under way on it fails. */
  closeLane(node: number, lane: Lane): void {
    const address = this.#brokers.get(node);
    if (address !== undefined) this.#forget(keyOf(address, lane));
  }

  /** Idempotent. Requests under way fail. */
  close(): void {
    this.#closed = true;
    for (const key of [...this.#connections.keys(), ...this.#retired.values()]) this.#forget(key);
  }

  /** A connection to any broker: a known one, or the first of the configured that answers. */
  async #any(signal: AbortSignal | undefined): Promise<BrokerConnection> {
    let failure: unknown;
    for (let i = 0; i < this.#bootstrap.length; i++) {
      const index = (this.#first + i) % this.#bootstrap.length;
      try {
        const connection = await this.#open(this.#bootstrap[index]!, "control", signal);
        this.#first = index;
        return connection;
      } catch (error) {
        if (signal?.aborted) throw error;
        // Of several, one that says what to mend is the most useful.
        if (failure === undefined || !(error instanceof KafkaError && error.retryable)) failure = error;
      }
    }
    throw failure;
  }

  async #open(address: Address, lane: Lane, signal: AbortSignal | undefined): Promise<BrokerConnection> {
    const key = keyOf(address, lane);
    if (this.#closed) throw closedError(address);
    let opening = this.#connections.get(key);
    let isRenewal = false;
    if (opening !== undefined) {
      const connection = await beforeAbort(opening, address, signal);
      if (connection.isOpen && !connection.isSessionOver) return connection;
      isRenewal = connection.isOpen;
      if (this.#connections.get(key) === opening) {
        this.#connections.delete(key);
        if (isRenewal) this.#retire(connection, key);
      }
      opening = this.#connections.get(key);
    }
    if (opening === undefined) {
      const started = BrokerConnection.open(address, this.#options);
      opening = started;
      this.#connections.set(key, started);
      started.then(
        () => void (lane === "control" && !isRenewal && this.#reached++),
        () => this.#connections.get(key) === started && this.#connections.delete(key),
      );
    }
    const connection = await beforeAbort(opening, address, signal);
    if (!this.#closed) return connection;
    connection.close();
    throw closedError(address);
  }

  #retire(connection: BrokerConnection, key: string): void {
    this.#retired.set(connection, key);
    connection.retire().then(() => this.#retired.delete(connection));
  }

  #forget(key: string): void {
    for (const [connection, own] of this.#retired) if (own === key) connection.close();
    // One that fails to open has told those who wait for it.
    this.#connections.get(key)?.then((connection) => connection.close(), () => {});
    this.#connections.delete(key);
  }
}

/** The topic's metadata, or what is wrong with it. */
export function topicOf({ topics }: ClusterMetadata, name: string): TopicMetadata | undefined {
  return topics.find((topic) => topic.name === name);
}

/** Client credentials become a source of tokens. */
function withTokens(options: KafkaOptions): BrokerOptions {
  const { sasl, ...rest } = options;
  if (sasl === undefined) return rest;
  if (!("tokenUrl" in sasl)) return { ...rest, sasl };
  const { mechanism, username } = sasl;
  const { clock, connectTimeoutMs: timeoutMs = DEFAULTS.connectTimeoutMs } = options;
  return { ...rest, sasl: { mechanism, username, token: tokenSourceOf(sasl, { clock, timeoutMs }) } };
}

function keyOf(address: Address, lane: Lane): string {
  return `${lane}@${formatAddress(address)}`;
}

function closedError(address: Address): KafkaError {
  return new KafkaError("kafka.connect", `Cannot connect to Kafka broker ${formatAddress(address)}: we have closed`);
}

async function beforeAbort<T>(promise: Promise<T>, address: Address, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  const late = () =>
    new KafkaError("kafka.connect", `Cannot connect to Kafka broker ${formatAddress(address)} in time`);
  if (signal.aborted) throw late();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(late());
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
