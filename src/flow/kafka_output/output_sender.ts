/** Completed flows to Kafka, beside the store: what has no room is dropped and counted, and nobody waits for it. */
import type { Clock } from "../../clock/mod.ts";
import { KafkaCluster, KafkaError, type OutgoingRecord, Producer, type Sent } from "../../kafka/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import { formatAddress } from "../address.ts";
import type { Column } from "../columns.ts";
import type { FlowBatch } from "../columns_batch.ts";
import { clusterOptions } from "../kafka_config.ts";
import { enrichedTopic, type KafkaOutputConfig } from "./config.ts";
import { enrichedMessage } from "./message.ts";
import { RowEncoder } from "./row_encoder.ts";

/** What it is given. */
export interface KafkaOutputDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** The columns that are stored. */
  readonly columns: readonly Column[];
  /** What brokers call us. */
  readonly clientId: string;
}

/** A running output. Disposing waits for the brokers, as long as the configuration says, and drops what is left. */
export interface KafkaOutput extends AsyncDisposable {
  /**
   * Encodes the rows of a batch that is completed; they are sent by the next {@linkcode KafkaOutput.send}. Where more
   * than `queueSize` rows that came before still wait, these are dropped. Never waits and never throws.
   */
  add(batch: FlowBatch): void;
  /** Begins to send what was added: the rows of one flush, which have room or have none together. */
  send(): void;
}

/** Rows of one flush on their way. */
interface Parcel {
  readonly octets: Uint8Array;
  /** Where each message ends. */
  readonly ends: Uint32Array;
  /** A key a message, or four octets for each of them. */
  readonly keys: readonly Uint8Array[] | Uint8Array;
  readonly timestampMs: number;
  /** The message that goes next. */
  next: number;
}

/** Records of one transmission. */
const MOST_RECORDS = 8_192;
/** A transmission that brokers do not answer is given up after so long. */
const ATTEMPT_MS = 30_000;
const KEY_OCTETS = 4;
/** `crypto.getRandomValues` gives no more at a time. */
const MOST_RANDOM_OCTETS = 65_536;

/** Starts an output; nothing is connected before there is something to send. @throws {KafkaError} `kafka.tls` */
export function startKafkaOutput(config: KafkaOutputConfig, deps: KafkaOutputDeps): KafkaOutput {
  return new Output(config, deps);
}

class Output implements KafkaOutput {
  readonly #config: KafkaOutputConfig;
  readonly #deps: KafkaOutputDeps;
  readonly #cluster: KafkaCluster;
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #encoder: RowEncoder;
  readonly #counts;
  readonly #queue: Parcel[] = [];
  /** Rows in the queue and in the transmission under way. */
  #waiting = 0;
  /** The keys of the rows that are being added; empty where they are random. */
  #keys: Uint8Array[] = [];
  readonly #giveUp = new AbortController();
  #sending: Promise<void> | undefined;
  /** Brokers have not taken the last transmission: that is said once. */
  #isFailing = false;
  #stopping: Promise<void> | undefined;

  constructor(config: KafkaOutputConfig, deps: KafkaOutputDeps) {
    this.#config = config;
    this.#deps = deps;
    const message = enrichedMessage(deps.columns);
    this.#topic = enrichedTopic(config, message);
    this.#encoder = new RowEncoder(message);
    this.#cluster = new KafkaCluster({ ...clusterOptions(config, deps.clientId), clock: deps.clock });
    this.#producer = new Producer(this.#cluster, { compression: config.compression });
    this.#counts = newCounts(deps.reporter);
  }

  add(batch: FlowBatch): void {
    if (this.#waiting > this.#config.queueSize || this.#stopping !== undefined) {
      this.#counts.dropped.inc(batch.rows);
      return;
    }
    this.#encoder.add(batch);
    if (this.#config.loadBalance === "by-exporter") this.#addKeys(batch);
  }

  /** Exporters send many flows in a row. */
  #addKeys({ rows, exporterAddress, addresses }: FlowBatch): void {
    const text = new TextEncoder();
    const known = new Map<number, Uint8Array>();
    for (let row = 0; row < rows; row++) {
      const id = exporterAddress[row]!;
      let key = known.get(id);
      if (key === undefined) known.set(id, key = text.encode(formatAddress(addresses.words, 4 * id)));
      this.#keys.push(key);
    }
  }

  send(): void {
    const { rows, octets, ends } = this.#encoder;
    if (rows === 0) return;
    this.#queue.push({
      octets: octets.slice(),
      ends: ends.slice(),
      keys: this.#config.loadBalance === "by-exporter" ? this.#keys : randomOctets(KEY_OCTETS * rows),
      timestampMs: this.#deps.clock.now(),
      next: 0,
    });
    this.#encoder.clear();
    this.#keys = [];
    this.#waiting += rows;
    this.#sending ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.#giveUp.signal.aborted) {
      const records = this.#take();
      await this.#deliver(records);
      this.#waiting -= records.length;
    }
    this.#counts.dropped.inc(this.#waiting); // of a stop that can wait no longer
    this.#waiting = 0;
    this.#queue.length = 0;
    this.#sending = undefined; // at once: what is added next begins another run
  }

  #take(): OutgoingRecord[] {
    const records: OutgoingRecord[] = [];
    while (this.#queue.length > 0 && records.length < MOST_RECORDS) {
      const parcel = this.#queue[0]!;
      const { octets, ends, keys, timestampMs } = parcel;
      const end = Math.min(ends.length, parcel.next + MOST_RECORDS - records.length);
      for (let i = parcel.next; i < end; i++) {
        const key = keys instanceof Uint8Array ? keys.subarray(KEY_OCTETS * i, KEY_OCTETS * (i + 1)) : keys[i]!;
        records.push({ key, value: octets.subarray(i === 0 ? 0 : ends[i - 1]!, ends[i]), timestampMs });
      }
      parcel.next = end;
      if (end === ends.length) this.#queue.shift();
    }
    return records;
  }

  async #deliver(records: readonly OutgoingRecord[]): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(ATTEMPT_MS), this.#giveUp.signal]);
    try {
      const transmission = await this.#producer.prepare(this.#topic, records, signal);
      this.#settle(records, await this.#producer.send(transmission, signal));
    } catch (error) {
      // Whatever it is, the store goes on.
      this.#settle(records, { left: records.map((_, place) => place), rejected: new Map(), inDoubt: false }, error);
    }
  }

  #settle(records: readonly OutgoingRecord[], sent: Sent, error: unknown = sent.error): void {
    const { errors, dropped, messages, bytes } = this.#counts;
    let refused = 0;
    for (const [reason, count] of sent.rejected) {
      refused += count;
      errors.inc(count, { error: reason });
    }
    const left = sent.left.length;
    if (left > 0 && this.#giveUp.signal.aborted) dropped.inc(left);
    else if (left > 0) errors.inc(left, { error: error instanceof KafkaError ? error.label : "unknown" });
    const stored = records.length - left - refused;
    const lengthOf = ({ value }: OutgoingRecord) => value?.length ?? 0;
    const octets = records.reduce((sum, record) => sum + lengthOf(record), 0) -
      sent.left.reduce((sum, place) => sum + lengthOf(records[place]!), 0);
    messages.inc(stored);
    // Which records are refused is not told.
    bytes.inc(refused === 0 ? octets : Math.round(octets * stored / (stored + refused)));
    if (!this.#giveUp.signal.aborted) this.#tell(left + refused, error);
  }

  #tell(lost: number, error: unknown): void {
    const { reporter } = this.#deps;
    const isFailing = lost > 0;
    if (isFailing === this.#isFailing) return;
    this.#isFailing = isFailing;
    if (isFailing) reporter.error(`Cannot hand ${lost} enriched flows to Kafka: that topic misses them`, { error });
    else reporter.info("Kafka takes enriched flows again", { topic: this.#topic });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= this.#end();
  }

  async #end(): Promise<void> {
    const sent = new AbortController();
    const limit = this.#deps.clock.sleep(this.#config.shutdownTimeoutMs, sent.signal).then(() => {
      if (!sent.signal.aborted) this.#giveUp.abort();
    });
    if (this.#config.shutdownTimeoutMs === 0) this.#giveUp.abort();
    await this.#sending;
    sent.abort();
    await limit;
    this.#cluster.close();
  }
}

function randomOctets(length: number): Uint8Array {
  const octets = new Uint8Array(length);
  for (let at = 0; at < length; at += MOST_RANDOM_OCTETS) {
    crypto.getRandomValues(octets.subarray(at, at + MOST_RANDOM_OCTETS));
  }
  return octets;
}

function newCounts({ metrics }: Reporter) {
  const counter = (name: string, help: string) => metrics.counter(`limier_outlet_kafkaoutput_${name}_total`, help);
  return {
    messages: counter("sent_messages", "Enriched flows that Kafka has.").child({}),
    bytes: counter("sent_bytes", "Octets of enriched flows that Kafka has.").child({}),
    dropped: counter("dropped_messages", "Enriched flows that had no room on their way to Kafka.").child({}),
    errors: counter("errors", "Enriched flows that Kafka did not take."),
  };
}
