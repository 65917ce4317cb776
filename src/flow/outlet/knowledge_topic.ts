/** What decoders know, between outlets: a compacted topic with a record for each exporter. */
import type { Clock } from "../../clock/mod.ts";
import {
  answerError,
  type Decompressor,
  fetchRecords,
  forEachRecord,
  KafkaCluster,
  KafkaError,
  listOffsets,
  newDecompressor,
  OffsetAt,
  type OutgoingRecord,
  Producer,
  ProtocolError,
  readRecordBatches,
  recordValue,
} from "../../kafka/mod.ts";
import type { Reporter } from "../../telemetry/mod.ts";
import type { SavedState } from "../decode/saved_state.ts";
import { clusterOptions, type FlowKafkaConfig, rawTopic } from "../kafka_config.ts";
import { manageTopic } from "../topic.ts";
import { Turns } from "./turns.ts";

/** What it is given. */
export interface KnowledgeTopicDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** What brokers call us. */
  readonly clientId: string;
  /** Told of what others have said. */
  readonly hear: (learned: SavedState) => void;
}

/** The topic's name. */
export function knowledgeTopic(kafka: Pick<FlowKafkaConfig, "topic">): string {
  return `${rawTopic(kafka)}-state`;
}

const PARTITION = 0;
const RETRY_MS = 500;
/** Brokers are waited for so long before the topic is taken as it is. */
const START_MS = 30_000;
/** What was learnt is offered for so long; datagrams wait meanwhile. */
const PUBLISH_MS = 10_000;
/** Who gets partitions waits for so long to hear what others have said. */
const HEAR_MS = 10_000;
const FETCH_WAIT_MS = 1_000;

/** A record's value. */
interface Said extends SavedState {
  /** Who has said it. */
  readonly By: string;
}

/** Reads the topic and goes on reading it. Disposing ends that. */
export class KnowledgeTopic implements AsyncDisposable {
  readonly #deps: KnowledgeTopicDeps;
  readonly #kafka: FlowKafkaConfig;
  readonly #topic: string;
  readonly #cluster: KafkaCluster;
  readonly #producer: Producer;
  readonly #turns = new Turns();
  readonly #own = crypto.randomUUID();
  readonly #stop = new AbortController();
  /** The record that is read next; -1: the first that is left. */
  #position = -1;
  /** The partition's; -1: not known. */
  #leader = -1;
  #moved = Promise.withResolvers<void>();
  #isFailing = false;
  #following: Promise<void> | undefined;

  constructor(kafka: FlowKafkaConfig, deps: KnowledgeTopicDeps) {
    this.#deps = deps;
    this.#kafka = kafka;
    this.#topic = knowledgeTopic(kafka);
    this.#cluster = new KafkaCluster({ ...clusterOptions(kafka, deps.clientId), clock: deps.clock });
    this.#producer = new Producer(this.#cluster, { compression: kafka.compression });
  }

  /** Makes the topic, if that is ours to do, and reads what it says. @throws {KafkaError} when brokers refuse */
  async start(): Promise<void> {
    const { managesTopic, topicConfig: { replicationFactor } } = this.#kafka;
    if (managesTopic) {
      const entries = { "cleanup.policy": "compact" };
      const topicConfig = { partitions: 1, replicationFactor, entries, strict: false };
      const signal = AbortSignal.any([AbortSignal.timeout(START_MS), this.#stop.signal]);
      await manageTopic({ ...this.#kafka, topicConfig }, this.#topic, { ...this.#deps, signal });
    }
    this.#following = this.#follow(await newDecompressor());
    await this.caughtUp();
  }

  /** Says what is known of exporters, each by its address. Resolves when brokers have it, or it was told that they don't. */
  publish(exporters: ReadonlyMap<string, SavedState>): Promise<void> {
    const encoder = new TextEncoder();
    const timestampMs = this.#deps.clock.now();
    const records = Array.from(exporters, ([exporter, state]): OutgoingRecord => ({
      key: encoder.encode(exporter),
      value: encoder.encode(JSON.stringify({ ...state, By: this.#own } satisfies Said)),
      timestampMs,
    }));
    return this.#turns.run(() => this.#send(records));
  }

  async #send(records: readonly OutgoingRecord[]): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(PUBLISH_MS), this.#stop.signal]);
    let error: unknown;
    try {
      const transmission = await this.#producer.prepare(this.#topic, records, signal);
      while (!signal.aborted) {
        const sent = await this.#producer.send(transmission, signal);
        error = sent.error;
        if (sent.left.length === 0) break;
        await this.#deps.clock.sleep(RETRY_MS, signal);
      }
      if (transmission.left.length === 0) return;
    } catch (failure) {
      if (!(failure instanceof KafkaError)) throw failure;
      error = failure;
    }
    this.#deps.reporter.warn(`Cannot tell other outlets in ${this.#topic} what exporters have said`, { error });
  }

  /** Resolves when everything is heard that was said before; or, once it took too long, when that was told. */
  async caughtUp(): Promise<void> {
    const late = AbortSignal.any([AbortSignal.timeout(HEAR_MS), this.#stop.signal]);
    const { clock, reporter } = this.#deps;
    let error: unknown;
    for (let end: number | undefined; !late.aborted;) {
      try {
        end ??= await this.#offset(OffsetAt.latest, late);
        if (this.#position >= end) return;
      } catch (failure) {
        if (!(failure instanceof KafkaError)) throw failure;
        error = failure;
      }
      await Promise.race([this.#moved.promise, clock.sleep(RETRY_MS, late)]);
    }
    if (this.#stop.signal.aborted) return;
    reporter.warn(`Cannot hear from ${this.#topic} in time what other outlets know; templates may be missing`, {
      error,
    });
  }

  async #offset(timestampMs: number, signal: AbortSignal): Promise<number> {
    const metadata = await this.#cluster.metadata([this.#topic], { signal });
    const query = { topic: this.#topic, partition: PARTITION, timestampMs };
    const { answers: [answer], failures: [failure] } = await listOffsets(this.#cluster, metadata, [query], { signal });
    if (failure !== undefined) throw failure;
    const error = answer?.error ?? ProtocolError.leaderNotAvailable;
    if (error !== 0) throw answerError(error, `find where ${this.#topic} begins and ends`);
    return answer!.offset;
  }

  async #follow(decompressor: Decompressor): Promise<void> {
    const { clock, reporter } = this.#deps;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#fetch(decompressor, signal);
        this.#isFailing = false;
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        if (signal.aborted) return;
        this.#leader = -1;
        if (!this.#isFailing) reporter.warn(`Cannot read ${this.#topic}; it is tried again`, { error });
        this.#isFailing = true;
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  async #fetch(decompressor: Decompressor, signal: AbortSignal): Promise<void> {
    if (this.#leader < 0) {
      const { topics } = await this.#cluster.metadata([this.#topic], { signal });
      this.#leader = topics[0]?.partitions.find(({ partition }) => partition === PARTITION)?.leader ?? -1;
      if (this.#leader < 0) throw answerError(ProtocolError.leaderNotAvailable, `read ${this.#topic}`);
    }
    if (this.#position < 0) this.#moveTo(await this.#offset(OffsetAt.earliest, signal));
    const place = { topic: this.#topic, partition: PARTITION, offset: this.#position };
    const bounds = { maxWaitMs: FETCH_WAIT_MS };
    const [fetched] = await fetchRecords(this.#cluster, this.#leader, [place], bounds, { signal });
    if (fetched === undefined) return;
    if (fetched.error === ProtocolError.offsetOutOfRange) {
      this.#position = -1;
      return;
    }
    if (fetched.error !== 0) throw answerError(fetched.error, `read ${this.#topic}`);
    const { batches, nextOffset } = readRecordBatches(fetched.records, decompressor);
    for (const batch of batches) forEachRecord(batch, (record) => this.#hear(recordValue(record)));
    if (nextOffset !== undefined) this.#moveTo(nextOffset);
  }

  #moveTo(position: number): void {
    this.#position = position;
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  #hear(value: Uint8Array | null): void {
    if (value === null) return; // an exporter that somebody has removed
    let said: Said;
    try {
      said = JSON.parse(new TextDecoder().decode(value));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#deps.reporter.warn(`Cannot use a record of ${this.#topic}: it is no JSON`);
      return;
    }
    if (said?.By !== this.#own) this.#deps.hear(said);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turns.settled();
    this.#stop.abort();
    await this.#following;
    this.#cluster.close();
  }
}
