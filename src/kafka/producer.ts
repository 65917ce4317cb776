import { backoffMs } from "./backoff.ts";
import type { KafkaCluster } from "./cluster.ts";
import type { Compression } from "./compression.ts";
import { answerError, KafkaError } from "./errors.ts";
import { ProtocolError, protocolErrorName } from "./protocol_errors.ts";
import { ANONYMOUS, encodeRecordBatch } from "./record_batch.ts";
import {
  type Acks,
  initProducerIdRequest,
  type ProduceAnswer,
  type ProduceData,
  produceRequest,
} from "./records_wire.ts";
import { type OutgoingBatch, type OutgoingRecord, type ProducerSession, Transmission } from "./transmission.ts";

/** How records are sent. */
export interface ProducerOptions {
  /** @default "all", which alone lets a repeat be told from a new batch */
  readonly acks?: Acks;
  /** @default "none" */
  readonly compression?: Compression;
  /** Bytes of a batch before compression; brokers take 1 MiB unless told otherwise. @default 1000000 */
  readonly batchBytes?: number;
  /** In [0, 1), for the first partition and the jitter of waits. @default Math.random */
  readonly random?: () => number;
}

/** How a transmission ended. */
export interface Sent {
  /** Places of the records that are not stored, or not known to be; `Transmission.left`. */
  readonly left: readonly number[];
  /** Records that brokers refuse for good, by reason: `too_large`, `invalid_record`, … */
  readonly rejected: ReadonlyMap<string, number>;
  /** Some of what is left may be stored. Sending the same transmission again does not store it twice, with `acks: all`. */
  readonly inDoubt: boolean;
  /** Why something is left. */
  readonly error?: KafkaError;
}

interface Topic {
  /** The leader of each partition, -1 where there is none. */
  readonly leaders: readonly number[];
  readonly readMs: number;
}

/** How old metadata may be, in milliseconds: partitions may have been added. */
const METADATA_MAX_AGE_MS = 300_000;
/** How long a topic that is created on demand may take. */
const CREATION_MS = 5_000;
const BACKOFF = { initMs: 50, maxMs: 1_000 };
/** Rounds that bring nothing forward before a transmission is given back. */
const IDLE_ROUNDS = 8;
/** Bytes of a request; brokers take 100 MiB. */
const REQUEST_BYTES = 32 * 2 ** 20;

/** Errors that mean a batch's number is not the next one of its producer. */
const SEQUENCE_ERRORS: readonly number[] = [
  ProtocolError.outOfOrderSequenceNumber,
  ProtocolError.unknownProducerId,
  ProtocolError.invalidProducerEpoch,
  ProtocolError.producerFenced,
];
/** Errors after which the leader may hold the batch all the same. */
const IN_DOUBT: readonly number[] = [ProtocolError.requestTimedOut, ProtocolError.notEnoughReplicasAfterAppend];
const TOO_LARGE: readonly number[] = [ProtocolError.messageTooLarge, ProtocolError.recordListTooLarge];
/** Errors that are about the records: `INVALID_TIMESTAMP`, `POLICY_VIOLATION`, `INVALID_RECORD`. */
const BAD_RECORDS: readonly number[] = [32, 44, ProtocolError.invalidRecord];

/**
 * Sends records, one transmission at a time. With `acks: all` batches are numbered, so that one sent again after an
 * outcome that is not known is stored once.
 */
export class Producer {
  readonly #cluster: KafkaCluster;
  readonly #acks: Acks;
  readonly #compression: Compression;
  readonly #batchBytes: number;
  readonly #random: () => number;
  readonly #topics = new Map<string, Topic>();
  #session: ProducerSession | undefined;
  /** Brokers that do not let us number batches. */
  #numbersRefused = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(cluster: KafkaCluster, options: ProducerOptions = {}) {
    this.#cluster = cluster;
    this.#acks = options.acks ?? "all";
    this.#compression = options.compression ?? "none";
    this.#batchBytes = options.batchBytes ?? 1_000_000;
    this.#random = options.random ?? Math.random;
  }

  /**
   * Puts records into batches by partition. A topic that is missing is created where the brokers are configured to.
   *
   * @throws {KafkaError} when the topic's partitions are not known
   */
  async prepare(topic: string, records: readonly OutgoingRecord[], signal: AbortSignal): Promise<Transmission> {
    const { leaders } = await this.#topic(topic, signal);
    const partitions = leaders.length;
    return await Transmission.prepare(topic, records, {
      partitions,
      turn: Math.floor(this.#random() * partitions),
      compression: this.#compression,
      batchBytes: this.#batchBytes,
    });
  }

  /** Sends what is left of a transmission until all is stored, nothing goes forward or `signal` aborts. Never throws. */
  async send(transmission: Transmission, signal: AbortSignal): Promise<Sent> {
    const turn = this.#last.then(() => this.#run(transmission, signal));
    this.#last = turn;
    return await turn;
  }

  async #run(transmission: Transmission, signal: AbortSignal): Promise<Sent> {
    const rejected = new Map<string, number>();
    let error: KafkaError | undefined;
    for (let idle = 0; transmission.queues.size > 0 && idle < IDLE_ROUNDS; idle++) {
      if (idle > 0) {
        const wait = backoffMs(idle - 1, BACKOFF.initMs, BACKOFF.maxMs, this.#random());
        await this.#cluster.clock.sleep(wait, signal);
      }
      if (signal.aborted) {
        error ??= new KafkaError("kafka.timeout", `Cannot produce to ${transmission.topic}: there was no time left`);
        break;
      }
      const before = progressOf(transmission);
      try {
        error = await this.#round(transmission, signal, rejected);
      } catch (cause) {
        if (!(cause instanceof KafkaError)) throw cause;
        error = cause;
        if (cause.code !== "kafka.answer") break; // no broker answers: there is nobody to go on with
      }
      if (error !== undefined && !error.retryable && !SEQUENCE_ERRORS.includes(error.number)) break;
      if (progressOf(transmission) !== before) idle = error === undefined ? -1 : 0;
    }
    return this.#end(transmission, rejected, error);
  }

  #end(transmission: Transmission, rejected: ReadonlyMap<string, number>, error: KafkaError | undefined): Sent {
    for (const batch of [...transmission.queues.values()].flat()) {
      // The numbers of what is not stored go to the next batches; those of what may be are not for others.
      if (!batch.inDoubt) batch.assigned = undefined;
      else if (batch.assigned?.session === this.#session) this.#session = undefined;
    }
    const { left, inDoubt } = transmission;
    return { left, rejected, inDoubt, ...(left.length === 0 || error === undefined ? {} : { error }) };
  }

  /** Sends the first batch of each partition to its leader; the last error, if any. */
  async #round(
    transmission: Transmission,
    signal: AbortSignal,
    rejected: Map<string, number>,
  ): Promise<KafkaError | undefined> {
    const { topic } = transmission;
    const { leaders } = await this.#topic(topic, signal);
    await this.#number(transmission, signal);
    const errors: KafkaError[] = [];
    const byLeader = Map.groupBy(transmission.heads, ({ partition }) => leaders[partition] ?? -1);
    await Promise.all([...byLeader].map(async ([node, heads]) => {
      if (node < 0) {
        this.#topics.delete(topic);
        errors.push(answerError(ProtocolError.leaderNotAvailable, `produce to ${topic}`));
        return;
      }
      for (const batches of requestsOf(heads)) {
        const error = await this.#send(node, transmission, batches, signal, rejected);
        if (error !== undefined) errors.push(error);
      }
    }));
    return errors.find((error) => !error.retryable) ?? errors[0];
  }

  async #send(
    node: number,
    transmission: Transmission,
    batches: readonly OutgoingBatch[],
    signal: AbortSignal,
    rejected: Map<string, number>,
  ): Promise<KafkaError | undefined> {
    const { topic } = transmission;
    const data = batches.map((batch): ProduceData => ({
      topic,
      partition: batch.partition,
      records: encodeRecordBatch(
        batch.sealed,
        batch.assigned === undefined ? ANONYMOUS : {
          producerId: batch.assigned.session.id,
          producerEpoch: batch.assigned.session.epoch,
          baseSequence: batch.assigned.sequence,
        },
      ),
    }));
    const { requestTimeoutMs: timeoutMs } = this.#cluster;
    let answers: readonly ProduceAnswer[];
    try {
      const request = produceRequest(data, { acks: this.#acks, timeoutMs });
      const answer = await this.#cluster.request(node, request, { signal, lane: "produce" });
      answers = request.silent
        ? data.map(({ partition }) => ({ topic, partition, error: 0, baseOffset: -1, message: null }))
        : answer;
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      if (error.code === "kafka.connect") this.#topics.delete(topic); // somebody else may lead by now
      else if (error.code !== "kafka.unsupported") { for (const batch of batches) batch.inDoubt = true; }
      // What comes late on this connection would be a surprise to nobody, but it may hold the next request up.
      if (error.ambiguous) this.#cluster.closeLane(node, "produce");
      return error;
    }
    let failure: KafkaError | undefined;
    for (const batch of batches) {
      const answer = answers.find(({ partition }) => partition === batch.partition);
      failure = await this.#settle(transmission, batch, answer, rejected) ?? failure;
    }
    return failure;
  }

  /** What becomes of a batch after the broker's answer. */
  async #settle(
    transmission: Transmission,
    batch: OutgoingBatch,
    answer: ProduceAnswer | undefined,
    rejected: Map<string, number>,
  ): Promise<KafkaError | undefined> {
    const { topic } = transmission;
    const { partition, places, assigned } = batch;
    const what = `produce to ${topic}, partition ${partition}`;
    if (answer === undefined) {
      batch.inDoubt = true;
      return new KafkaError("kafka.protocol", `Cannot ${what}: the broker's answer is about other partitions`);
    }
    const { error, message } = answer;
    if (error === 0 || error === ProtocolError.duplicateSequenceNumber) {
      assigned?.session.sequences.set(`${partition}@${topic}`, assigned.sequence + places.length & 0x7fffffff);
      transmission.shift(partition);
      return undefined;
    }
    const failure = answerError(error, what, message);
    if (IN_DOUBT.includes(error)) batch.inDoubt = true;
    else if (TOO_LARGE.includes(error) && places.length > 1) {
      await transmission.halve(partition);
      return undefined;
    } else if (TOO_LARGE.includes(error) || BAD_RECORDS.includes(error)) {
      const reason = TOO_LARGE.includes(error) ? "too_large" : protocolErrorName(error).toLowerCase();
      rejected.set(reason, (rejected.get(reason) ?? 0) + places.length);
      transmission.shift(partition);
      return undefined;
    } else if (SEQUENCE_ERRORS.includes(error)) {
      // The broker has forgotten us. What was never in doubt is not stored, and goes on under new numbers.
      if (assigned?.session === this.#session) this.#session = undefined;
      if (!batch.inDoubt) batch.assigned = undefined;
      else return new KafkaError("kafka.closed", `Cannot ${what}: the broker can't tell whether it has it already`);
    }
    this.#topics.delete(topic);
    return failure;
  }

  /** Gives the first batch of each partition its number. */
  async #number(transmission: Transmission, signal: AbortSignal): Promise<void> {
    if (this.#acks !== "all" || this.#numbersRefused) return;
    const fresh = transmission.heads.filter(({ assigned }) => assigned === undefined);
    if (fresh.length === 0) return;
    if (this.#session === undefined) {
      const request = initProducerIdRequest();
      const { error, id, epoch } = await this.#cluster.requestAny(request, { signal });
      if (error === ProtocolError.clusterAuthorizationFailed || error === ProtocolError.unsupportedVersion) {
        this.#numbersRefused = true; // it takes batches without numbers all the same
        return;
      }
      if (error !== 0) throw answerError(error, request.what);
      this.#session = { id, epoch, sequences: new Map() };
    }
    const session = this.#session;
    for (const batch of fresh) {
      const sequence = session.sequences.get(`${batch.partition}@${transmission.topic}`) ?? 0;
      batch.assigned = { session, sequence };
    }
  }

  async #topic(name: string, signal: AbortSignal): Promise<Topic> {
    const { clock } = this.#cluster;
    const known = this.#topics.get(name);
    if (known !== undefined && clock.monotonic() - known.readMs < METADATA_MAX_AGE_MS) return known;
    const startMs = clock.monotonic();
    for (let tries = 0;; tries++) {
      const metadata = await this.#cluster.metadata([name], { signal, create: true });
      const topic = metadata.topics.find((one) => one.name === name);
      if (topic !== undefined && topic.error === 0 && topic.partitions.length > 0) {
        const leaders: number[] = Array(topic.partitions.length).fill(-1);
        for (const { partition, leader } of topic.partitions) leaders[partition] = leader;
        const read = { leaders, readMs: clock.monotonic() };
        this.#topics.set(name, read);
        return read;
      }
      const failure = answerError(topic?.error ?? ProtocolError.unknownTopicOrPartition, `produce to topic ${name}`);
      const isOver = signal.aborted || clock.monotonic() - startMs >= CREATION_MS;
      if (!failure.retryable || isOver) throw failure;
      await clock.sleep(backoffMs(tries, BACKOFF.initMs, BACKOFF.maxMs, this.#random()), signal);
    }
  }
}

/** Changes with each batch that is stored, rejected or cut in two. */
function progressOf({ queues }: Transmission): string {
  return [...queues].map(([partition, { length }]) => `${partition}:${length}`).join();
}

/** Batches in requests of bounded size. */
function requestsOf(heads: readonly OutgoingBatch[]): OutgoingBatch[][] {
  const requests: OutgoingBatch[][] = [];
  let bytes = Infinity;
  for (const head of heads) {
    const { length } = head.sealed.records;
    if (bytes + length > REQUEST_BYTES) {
      requests.push([]);
      bytes = 0;
    }
    requests.at(-1)!.push(head);
    bytes += length;
  }
  return requests;
}
