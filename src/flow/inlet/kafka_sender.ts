/** Datagrams to Kafka: what has come meanwhile is one transmission, which is sent until the brokers have it. */
import type { Clock, Running } from "../../clock/mod.ts";
import { KafkaCluster, KafkaError, type OutgoingRecord, Producer, type Transmission } from "../../kafka/mod.ts";
import type { CounterChild, Reporter } from "../../telemetry/mod.ts";
import { formatAddress } from "../address.ts";
import { clusterOptions, type FlowKafkaConfig, rawTopic } from "../kafka_config.ts";
import { RawFlow } from "../raw_flow.ts";
import { forEachRawFlow, type Parcel } from "./parcel.ts";

/** What the sender is given. */
export interface KafkaSenderDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly clientId: string;
  readonly maxExporters: number;
  /** Of a stop that finds brokers silent. @default 10 s */
  readonly closeTimeoutMs?: number;
}

/** A running sender. Disposing sends what it has, for ten seconds at most. */
export interface KafkaSender extends Running {
  /** Takes datagrams; resolves when the brokers have them, or they are given up. */
  take(parcel: Parcel): Promise<void>;
}

/** Records of one transmission. */
const MOST_RECORDS = 8_192;
/** From a record's arrival to when it is given up. */
const RECORD_TIMEOUT_MS = 120_000;
const ATTEMPT_MS = 30_000;
const RETRY_MS = 250;
const CLOSE_MS = 10_000;

interface Waiting {
  readonly parcel: Parcel;
  readonly done: () => void;
}

/** Starts a sender; nothing is connected before there is something to send. */
export function startKafkaSender(config: FlowKafkaConfig, deps: KafkaSenderDeps): KafkaSender {
  return new Sender(config, deps);
}

class Sender implements KafkaSender {
  readonly #config: FlowKafkaConfig;
  readonly #deps: KafkaSenderDeps;
  readonly #cluster: KafkaCluster;
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #counts: ExporterSent;
  readonly #errors;
  readonly #buffered;
  readonly #queue: Waiting[] = [];
  readonly #giveUp = new AbortController();
  #sending: Promise<void> | undefined;
  readonly #done = Promise.withResolvers<void>();
  readonly done = this.#done.promise;
  #stopping: Promise<void> | undefined;

  constructor(config: FlowKafkaConfig, deps: KafkaSenderDeps) {
    this.#config = config;
    this.#deps = deps;
    const { clock, reporter: { metrics } } = deps;
    this.#topic = rawTopic(config);
    this.#cluster = new KafkaCluster({ ...clusterOptions(config, deps.clientId), clock });
    this.#producer = new Producer(this.#cluster, { compression: config.compression });
    this.#counts = new ExporterSent(deps);
    this.#errors = metrics.counter("limier_inlet_kafka_errors_total", "Datagrams that Kafka did not take.");
    this.#buffered = metrics.gauge("limier_inlet_kafka_buffered_produce_records", "Datagrams on their way to Kafka.")
      .child({});
  }

  take(parcel: Parcel): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue.push({ parcel, done: resolve });
    this.#sending ??= this.#send();
    return promise;
  }

  async #send(): Promise<void> {
    while (this.#queue.length > 0) {
      const taken: Waiting[] = [];
      let count = 0;
      while (this.#queue.length > 0 && (count === 0 || count + this.#queue[0]!.parcel.count <= MOST_RECORDS)) {
        const next = this.#queue.shift()!;
        taken.push(next);
        count += next.parcel.count;
      }
      this.#buffered.set(this.#queue.reduce((sum, { parcel }) => sum + parcel.count, count));
      await this.#deliver(taken.map(({ parcel }) => parcel));
      for (const { done } of taken) done();
    }
    // At once, not behind another turn: whoever has just been told may bring more before that.
    this.#sending = undefined;
    this.#buffered.set(0);
  }

  async #deliver(parcels: readonly Parcel[]): Promise<void> {
    const { clock, reporter } = this.#deps;
    const records = this.#records(parcels);
    const endMs = clock.monotonic() + RECORD_TIMEOUT_MS;
    let transmission: Transmission | undefined;
    let error: unknown;
    while (clock.monotonic() < endMs && !this.#giveUp.signal.aborted) {
      const signal = AbortSignal.any([AbortSignal.timeout(ATTEMPT_MS), this.#giveUp.signal]);
      try {
        transmission ??= await this.#producer.prepare(this.#topic, records, signal);
        const sent = await this.#producer.send(transmission, signal);
        for (const [reason, count] of sent.rejected) this.#errors.inc(count, { error: reason });
        if (sent.left.length === 0) {
          this.#counts.count(records);
          return;
        }
        error = sent.error;
      } catch (failure) {
        if (!(failure instanceof KafkaError)) throw failure;
        error = failure;
      }
      reporter.warn("Cannot hand datagrams to Kafka; it is tried again", { error });
      await clock.sleep(RETRY_MS, this.#giveUp.signal);
    }
    const left = transmission?.left.length ?? records.length;
    this.#errors.inc(left, { error: error instanceof KafkaError ? error.label : "unknown" });
    reporter.error(`Cannot hand ${left} datagrams to Kafka: they are lost`, { error });
  }

  #records(parcels: readonly Parcel[]): OutgoingRecord[] {
    const isRandom = this.#config.loadBalance === "random";
    const records: OutgoingRecord[] = [];
    const raw = new RawFlow();
    const encoder = new TextEncoder();
    const timestampMs = this.#deps.clock.now();
    for (const parcel of parcels) {
      const random = isRandom ? crypto.getRandomValues(new Uint8Array(4 * Math.min(parcel.count, 16_384))) : undefined;
      let place = 0;
      forEachRawFlow(parcel, (start, end) => {
        const value = parcel.octets.subarray(start, end);
        let key: Uint8Array;
        if (random === undefined) {
          raw.read(parcel.octets, start, end);
          key = encoder.encode(formatAddress(raw.source));
        } else {
          const at = 4 * (place++ % (random.length / 4));
          key = random.subarray(at, at + 4);
        }
        records.push({ key, value, timestampMs });
      });
    }
    return records;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= this.#end();
  }

  async #end(): Promise<void> {
    const { clock, closeTimeoutMs = CLOSE_MS } = this.#deps;
    const sent = new AbortController();
    const limit = clock.sleep(closeTimeoutMs, sent.signal).then(() => {
      if (!sent.signal.aborted) this.#giveUp.abort();
    });
    await this.#sending;
    sent.abort();
    await limit;
    this.#cluster.close();
    this.#done.resolve();
  }
}

/** Counts what the brokers have, by exporter. */
class ExporterSent {
  readonly #messages;
  readonly #bytes;
  readonly #most: number;
  readonly #children = new Map<string, { readonly messages: CounterChild; readonly bytes: CounterChild }>();
  readonly #raw = new RawFlow();

  constructor({ reporter: { metrics }, maxExporters }: KafkaSenderDeps) {
    this.#messages = metrics.counter("limier_inlet_kafka_sent_messages_total", "Datagrams that Kafka has.");
    this.#bytes = metrics.counter("limier_inlet_kafka_sent_bytes_total", "Octets of messages that Kafka has.");
    this.#most = maxExporters;
  }

  count(records: readonly OutgoingRecord[]): void {
    for (const { value } of records) {
      if (value === null) continue;
      this.#raw.read(value);
      const child = this.#child(formatAddress(this.#raw.source));
      child.messages.inc();
      child.bytes.inc(value.length);
    }
  }

  #child(exporter: string) {
    const known = this.#children.get(exporter);
    if (known !== undefined) return known;
    const name = this.#children.size >= this.#most ? "other" : exporter;
    const labels = { exporter: name };
    const made = { messages: this.#messages.child(labels), bytes: this.#bytes.child(labels) };
    this.#children.set(name, made);
    return made;
  }
}
