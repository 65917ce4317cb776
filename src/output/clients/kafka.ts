import {
  KafkaCluster,
  KafkaError,
  loadTls,
  Producer,
  ProtocolError,
  saslKeys,
  type Sent,
  type Transmission,
} from "../../kafka/mod.ts";
import { type Batch, type BatchKind, pickEvents } from "../../metric/mod.ts";
import {
  type ClientDeps,
  DeliveryError,
  type Destination,
  type DestinationClient,
  type OutputConfig,
  type PublishResult,
} from "../contract.ts";
import { brokerAddress, KAFKA_KEYS, type KafkaConfig, readKafkaConfig } from "./kafka_config.ts";
import { batchMessages, newKafkaEncoder } from "./kafka_encode.ts";

/** What is left of a batch, and what of it is on its way under which numbers. */
interface Pending {
  readonly batch: Batch;
  readonly transmission: Transmission;
  /** The place in the transmission of each event of `batch`. */
  readonly places: readonly number[];
}

/** Batches that are remembered in case they are published again. */
const MOST_PENDING = 4;

interface Open {
  readonly cluster: KafkaCluster;
  readonly points: Producer;
  readonly spans: Producer;
}

/**
 * A message for each event. What is left of a batch after an outcome that is not known is published again under the same
 * numbers, so that brokers store it once, also over a new connection.
 */
class KafkaClient implements DestinationClient {
  readonly #brokers: readonly string[];
  readonly #config: OutputConfig;
  readonly #own: KafkaConfig;
  readonly #deps: ClientDeps;
  readonly #topics: Readonly<Record<BatchKind, string>>;
  #open: Open | undefined;
  #isConnected = false;
  #pending: Pending[] = [];

  constructor(host: string, config: OutputConfig, own: KafkaConfig, deps: ClientDeps) {
    // All of them are brokers of one cluster, of which the first that answers names the others.
    this.#brokers = [...new Set([host, ...config.hosts].map(brokerAddress))];
    this.#config = config;
    this.#own = own;
    this.#deps = deps;
    this.#topics = { points: own.metricTopic, events: own.eventTopic, checks: own.checkTopic, spans: own.spanTopic };
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  async connect(timeoutMs: number): Promise<void> {
    if (this.#isConnected) return;
    this.#hangUp();
    try {
      const open = this.#newCluster(timeoutMs);
      this.#open = open;
      await open.cluster.metadata([]);
      if (this.#open !== open) throw new KafkaError("kafka.connect", "Cannot connect to Kafka: the output was closed");
      this.#isConnected = true;
    } catch (error) {
      throw deliveryError(error, false);
    }
  }

  async publish(batch: Batch, signal: AbortSignal): Promise<PublishResult> {
    const topic = this.#topics[batch.kind];
    const count = batch.ends.length;
    if (count === 0) return { remaining: null };
    if (topic === "") return { remaining: null, rejected: [{ reason: "no_topic", count }] };
    const open = this.#open;
    if (open === undefined) {
      const message = "Cannot deliver to Kafka: it is not connected";
      return { remaining: batch, error: new DeliveryError("connection", message, { label: "connect" }) };
    }
    const { observe } = this.#deps;
    const producer = batch.kind === "spans" ? open.spans : open.points;
    let pending: Pending;
    let sent: Sent;
    try {
      pending = this.#take(batch) ?? await this.#prepare(producer, topic, batch, signal);
      sent = await producer.send(pending.transmission, signal);
    } catch (cause) {
      const error = this.#failed(cause, false);
      observe?.({ action: "kafka_produce", errorCause: error.label });
      return { remaining: batch, error };
    }
    const rejected = [...sent.rejected].map(([reason, count]) => ({ reason, count }));
    const told = rejected.length === 0 ? {} : { rejected };
    if (sent.left.length === 0) {
      observe?.({ action: "kafka_produce", contentLength: batch.bytes.length });
      return { remaining: null, ...told };
    }
    const error = this.#failed(sent.error, sent.inDoubt);
    observe?.({ action: "kafka_produce", errorCause: error.label });
    return { remaining: this.#keep(pending, sent), ...told, error };
  }

  close(): Promise<void> {
    this.#hangUp();
    return Promise.resolve();
  }

  #newCluster(timeoutMs: number): Open {
    const { tls: files, timeoutMs: requestTimeoutMs } = this.#config;
    const { useTls, sasl, clientId, compression, batchSizeBytes, metricRequireAcks, spanRequireAcks } = this.#own;
    const cluster = new KafkaCluster({
      brokers: this.#brokers,
      clientId,
      clock: this.#deps.clock,
      requestTimeoutMs,
      ...(timeoutMs > 0 ? { connectTimeoutMs: timeoutMs } : {}),
      ...(useTls ? { tls: loadTls(files) } : {}),
      ...(sasl === undefined ? {} : { sasl }),
    });
    const options = { compression, batchBytes: batchSizeBytes };
    const points = new Producer(cluster, { ...options, acks: metricRequireAcks });
    const spans = new Producer(cluster, { ...options, acks: spanRequireAcks });
    return { cluster, points, spans };
  }

  #hangUp(): void {
    this.#isConnected = false;
    this.#open?.cluster.close();
    this.#open = undefined;
  }

  async #prepare(producer: Producer, topic: string, batch: Batch, signal: AbortSignal): Promise<Pending> {
    const timestampMs = batch.timestamp * 1000;
    const hashed = this.#own.partitioner === "hash";
    const records = batchMessages(batch).map(({ hash, value }) => ({
      value,
      timestampMs,
      ...(hashed ? { hash } : {}),
    }));
    const transmission = await producer.prepare(topic, records, signal);
    return { batch, transmission, places: records.map((_, place) => place) };
  }

  /** What is on its way of a batch that was published before. */
  #take(batch: Batch): Pending | undefined {
    const found = this.#pending.find((pending) => sameEvents(pending.batch, batch));
    if (found !== undefined) this.#pending = this.#pending.filter((pending) => pending !== found);
    return found;
  }

  /** Remembers what is left, and gives it as a batch. */
  #keep({ batch, transmission, places }: Pending, { left }: Sent): Batch {
    const stillLeft = new Set(left);
    const indices = places.flatMap((place, index) => stillLeft.has(place) ? [index] : []);
    const remaining = indices.length === places.length ? batch : pickEvents(batch, indices);
    this.#pending.push({ batch: remaining, transmission, places: indices.map((index) => places[index]!) });
    if (this.#pending.length > MOST_PENDING) this.#pending.shift();
    return remaining;
  }

  #failed(error: unknown, inDoubt: boolean): DeliveryError {
    const failure = deliveryError(error, inDoubt);
    if (failure.failure === "connection" || failure.failure === "ambiguous") this.#isConnected = false;
    return failure;
  }
}

/** Whether two batches hold the same: one may be the other, cut out of a larger one or read from the disk again. */
function sameEvents(a: Batch, b: Batch): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.timestamp !== b.timestamp || a.bytes.length !== b.bytes.length) return false;
  return a.ends.length === b.ends.length && a.ends.every((end, i) => end === b.ends[i]) &&
    a.bytes.every((byte, i) => byte === b.bytes[i]);
}

/** Errors that somebody has to mend, although the protocol calls them retriable: a topic that nobody creates. */
const TO_MEND: readonly number[] = [ProtocolError.unknownTopicOrPartition];

/** The library's own errors are not passed on as causes, whatever they hold. */
function deliveryError(error: unknown, inDoubt: boolean): DeliveryError {
  if (!(error instanceof KafkaError)) {
    const kind = error instanceof Error ? error.name : typeof error;
    return new DeliveryError("ambiguous", `Cannot deliver to Kafka: the client failed with a ${kind}`, { label: "io" });
  }
  return new DeliveryError(failureOf(error, inDoubt), error.message, { label: error.label });
}

function failureOf(error: KafkaError, inDoubt: boolean): DeliveryError["failure"] {
  switch (error.code) {
    case "kafka.connect":
    case "kafka.closed":
    case "kafka.timeout":
      return inDoubt ? "ambiguous" : "connection";
    case "kafka.protocol":
      return inDoubt ? "ambiguous" : "retry";
    case "kafka.answer":
      if (error.number === ProtocolError.throttlingQuotaExceeded) return "throttle";
      if (inDoubt) return "ambiguous";
      return error.number === -1 || error.retryable && !TO_MEND.includes(error.number) ? "retry" : "configuration";
    default:
      return "configuration";
  }
}

/**
 * Kafka: a message for each point, event, check and span. That a repeat is stored once is the producer's doing; after a
 * restart what the spool holds may be there twice, which readers can tell by name, tags and time.
 */
export const kafka: Destination<KafkaConfig> = {
  kind: "kafka",
  sends: ["points", "events", "checks", "spans"],
  defaultHosts: [],
  keys: KAFKA_KEYS,
  written: ({ sasl }) => sasl === undefined ? {} : { sasl: saslKeys(sasl) },
  readConfig: readKafkaConfig,
  newEncoder: newKafkaEncoder,
  newClient: (host, config, own, deps) => new KafkaClient(host, config, own, deps),
};
