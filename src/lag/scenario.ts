import type { LagConfig } from "./config.ts";
import { type Evaluator, newCachingEvaluator } from "./evaluator/caching.ts";
import { replyValue, statusObject } from "./evaluator/objects.ts";
import type { RecordSource, UnreadAnswer, UnreadQuestion } from "./evaluator/unread_records.ts";
import { LagStore } from "./storage/lag_store.ts";
import { OffsetsLog } from "./storage/offsets_log.ts";
import { isFetch, newRequest, readRequest } from "./storage/request.ts";
import { type JsonObject, readRecordLine, type RecordBytes } from "./wire/decode.ts";
import { type Int64, toInt64 } from "./wire/int64.ts";

/** The cluster where neither the configuration nor an event names one. */
const DEFAULT_CLUSTER = "default";

/** A member of an event. */
type Fields = Readonly<Record<string, unknown>>;

/** V8 tells a reviver the text of each number; TypeScript's library does not know yet. */
type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;
const { parse } = JSON as unknown as { parse(text: string, reviver: Reviver): unknown };

/** What is wrong with a line of a scenario. */
class ScenarioFault extends Error {
  override readonly name = "ScenarioFault";
}

/**
 * Plays events one by one, each on its own time: storage and evaluator on a clock that stands where the last event says.
 *
 * The events are `{"at","offset":"KEYHEX VALUEHEX"}` (several lines in it are one batch; `cluster` and `order` may stand beside
 * it), `broker`, `request`, `evaluate`, and of what only a live cluster tells `record`, the first unread record of a partition
 * (`{"cluster","topic","partition","offset","timestamp"}`, timestamp null where nothing is left but ends of transactions) and
 * `topic`, a topic's id (`{"cluster","topic","id"}`).
 */
export class LagScenario implements RecordSource {
  readonly #store: LagStore;
  readonly #evaluator: Evaluator;
  readonly #config: LagConfig;
  readonly #logs = new Map<string, OffsetsLog[]>();
  readonly #next = new Map<string, Int64>();
  readonly #answers = new Map<string, UnreadAnswer>();
  /** The cluster that was named first. */
  #first: string | undefined;
  #nowMs = 0;
  #at = 0;
  #done: JsonObject[] = [];

  constructor(config: LagConfig) {
    this.#config = config;
    this.#store = new LagStore(config.storage.config, config.clusters);
    const clock = { now: () => this.#nowMs, monotonic: () => this.#nowMs };
    const storage = {
      store: this.#store,
      fetch: (request: Parameters<LagStore["handle"]>[0]) => Promise.resolve(this.#store.handle(request)),
    };
    this.#evaluator = newCachingEvaluator(config.evaluator, { clock, storage, records: this });
  }

  /** Plays the event of one line. @returns what it brought about, and whether it was the last */
  async play(line: string, record: number): Promise<{ readonly objects: JsonObject[]; readonly isLast: boolean }> {
    this.#done = [];
    let isLast = false;
    try {
      const event = readEvent(line);
      this.#at = event.at;
      this.#nowMs = event.at * 1000;
      this.#store.setTime(this.#nowMs);
      isLast = event.fields["do"] === "stop";
      await this.#act(event.fields);
    } catch (error) {
      if (!(error instanceof ScenarioFault)) throw error;
      this.#done.push({ at: this.#at, kind: "error", code: "scenario", message: error.message, record });
    }
    return { objects: this.#done, isLast };
  }

  brokerOf(): string {
    return "";
  }

  firstUnread({ cluster, topic, partition, offset }: UnreadQuestion): Promise<UnreadAnswer | null> {
    return Promise.resolve(this.#answers.get(JSON.stringify([cluster, topic, partition, String(offset)])) ?? null);
  }

  async #act(event: Fields): Promise<void> {
    if (event["offset"] !== undefined) return this.#offset(event);
    if (event["broker"] !== undefined) return this.#broker(fieldsOf(event, "broker"));
    if (event["request"] !== undefined) return this.#request(event["request"]);
    if (event["evaluate"] !== undefined) return await this.#evaluate(fieldsOf(event, "evaluate"));
    if (event["record"] !== undefined) return this.#record(fieldsOf(event, "record"));
    if (event["topic"] !== undefined) return this.#topic(fieldsOf(event, "topic"));
    if (event["do"] === "flush" || event["do"] === "stop") return;
    throw new ScenarioFault(
      'Cannot read the event: it needs "offset", "broker", "request", "evaluate", "record", "topic" or "do"',
    );
  }

  #offset(event: Fields): void {
    const cluster = this.#cluster(event);
    const records: RecordBytes[] = [];
    for (const line of String(event["offset"]).split("\n")) {
      if (line.trim() === "") continue;
      const record = readRecordLine(line);
      if (record === null) throw new ScenarioFault("Cannot read the record: write KEYHEX VALUEHEX, - for an empty one");
      records.push(record);
    }
    const order = numberOf(event, "order") ?? this.#next.get(cluster) ?? 0;
    for (const log of this.#logsOf(cluster)) log.records(records, order);
    this.#next.set(cluster, typeof order === "number" ? order + records.length : order + BigInt(records.length));
  }

  #broker(fields: Fields): void {
    const cluster = this.#cluster(fields);
    const topic = textOf(fields, "topic");
    const partition = Number(numberOf(fields, "partition") ?? 0);
    const known = this.#store.cluster(cluster)?.topicOffsets(topic)?.length ?? 0;
    const count = numberOf(fields, "count") ?? numberOf(fields, "topic_partition_count") ??
      Math.max(known, partition + 1);
    const logStart = numberOf(fields, "log_start");
    this.#store.handle(newRequest("StorageSetBrokerOffset", {
      cluster,
      topic,
      partition,
      topicPartitionCount: Number(count),
      offset: numberOf(fields, "offset") ?? 0,
      timestamp: numberOf(fields, "timestamp") ?? this.#nowMs,
      ...(logStart !== undefined && { logStart }),
    }));
    for (const log of this.#logsOf(cluster)) log.refreshed();
  }

  #request(value: unknown): void {
    const request = readRequest(value, { timestamp: this.#nowMs });
    if (typeof request === "string") throw new ScenarioFault(request);
    if (this.#config.clusters.length === 0 && request.type === "StorageSetBrokerOffset") {
      this.#cluster({ cluster: request.cluster });
    }
    const reply = this.#store.handle(request);
    const { type, cluster, group, topic } = request;
    if (type === "StorageSetDeleteGroup") this.#evaluator.forget(cluster, group);
    if (!isFetch(type)) return;
    this.#done.push({
      at: this.#at,
      kind: "reply",
      type,
      ...(cluster !== "" && { cluster }),
      ...(group !== "" && { group }),
      ...(topic !== "" && { topic }),
      value: reply === undefined ? null : replyValue(reply),
    });
  }

  async #evaluate(fields: Fields): Promise<void> {
    const showAll = fields["show_all"] ?? fields["showAll"] ?? true;
    const status = await this.#evaluator.evaluate(this.#cluster(fields), textOf(fields, "group"), showAll === true);
    this.#done.push({ at: this.#at, kind: "status", ...statusObject(status) });
  }

  #record(fields: Fields): void {
    const place = [this.#cluster(fields), textOf(fields, "topic"), Number(numberOf(fields, "partition") ?? 0)];
    const timestamp = numberOf(fields, "timestamp");
    this.#answers.set(
      JSON.stringify([...place, String(numberOf(fields, "offset") ?? 0)]),
      timestamp === undefined ? { kind: "nothing" } : { kind: "record", timestampMs: Number(timestamp) },
    );
  }

  #topic(fields: Fields): void {
    const cluster = this.#cluster(fields);
    this.#store.cluster(cluster)?.setTopicId(textOf(fields, "topic"), textOf(fields, "id"));
    for (const log of this.#logsOf(cluster)) log.refreshed();
  }

  #logsOf(cluster: string): OffsetsLog[] {
    let logs = this.#logs.get(cluster);
    if (logs === undefined && this.#store.cluster(cluster) !== undefined) {
      const consumers = this.#config.consumers.filter((consumer) => consumer.cluster === cluster);
      const filters = consumers.length === 0 ? [{}] : consumers.map(({ filter }) => filter);
      logs = filters.map((filter) =>
        new OffsetsLog(this.#store, cluster, {
          filter,
          onFault: ({ reason, message }, order) =>
            this.#done.push({ at: this.#at, kind: "error", code: reason, message, order }),
        })
      );
      this.#logs.set(cluster, logs);
    }
    return logs ?? [];
  }

  /** The cluster that is named, else the first that is configured. Where none is, each that is named is there. */
  #cluster(fields: Fields): string {
    const named = fields["cluster"];
    const cluster = typeof named === "string" ? named : this.#config.clusters[0] ?? this.#first ?? DEFAULT_CLUSTER;
    this.#first ??= cluster;
    if (this.#config.clusters.length === 0) this.#store.addCluster(cluster);
    return cluster;
  }
}

function readEvent(line: string): { readonly at: number; readonly fields: Fields } {
  let value: unknown;
  try {
    value = parse(line, (_key, member, { source }) => {
      if (typeof member !== "number" || Number.isSafeInteger(member) || !/^-?\d+$/.test(source ?? "")) return member;
      return BigInt(source!);
    });
  } catch (error) {
    throw new ScenarioFault(`Cannot read the event: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== "object" || value === null || !("at" in value) || typeof value.at !== "number") {
    throw new ScenarioFault('Cannot read the event: it needs "at", in seconds');
  }
  return { at: value.at, fields: { ...value } };
}

function fieldsOf(event: Fields, key: string): Fields {
  const value = event[key];
  if (typeof value !== "object" || value === null) {
    throw new ScenarioFault(`Cannot read the event: ${key} is no object`);
  }
  return { ...value };
}

function textOf(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value !== "string") throw new ScenarioFault(`Cannot read the event: it needs ${key}, a text`);
  return value;
}

function numberOf(fields: Fields, key: string): Int64 | undefined {
  const value = fields[key];
  if (value === undefined || value === null) return undefined;
  try {
    if (typeof value === "number" || typeof value === "bigint") return toInt64(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new ScenarioFault(`Cannot read the event: ${key} is no whole number`);
}
