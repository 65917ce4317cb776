import { parseAddress, type Section } from "../../config/mod.ts";
import { type Acks, type Compression, COMPRESSIONS, readSasl, type SaslConfig } from "../../kafka/mod.ts";

/** The keys of `kind: kafka`. A kind of values whose topic is "" is not sent. */
export interface KafkaConfig {
  readonly metricTopic: string;
  readonly eventTopic: string;
  readonly checkTopic: string;
  readonly spanTopic: string;
  /** `hash`: points of one series, and spans of one trace, get to one partition. `random`: evenly to all. */
  readonly partitioner: "hash" | "random";
  /** Acknowledgements to wait for; spans have their own. */
  readonly metricRequireAcks: Acks;
  readonly spanRequireAcks: Acks;
  /** `v14`: what Veneur 14 sends, rather than what it documents. */
  readonly metricJson: "documented" | "v14";
  readonly spanSerializationFormat: "protobuf" | "json";
  /** Of spans, from 0 to 100. */
  readonly spanSampleRatePercent: number;
  /** The tag whose value decides which spans are sent; "": the trace's id. */
  readonly spanSampleTag: string;
  readonly compression: Compression;
  /** Of a batch before compression. */
  readonly batchSizeBytes: number;
  readonly clientId: string;
  /** Set by any key of `tls` as well. */
  readonly useTls: boolean;
  readonly sasl?: SaslConfig;
}

/** The names under which they are written. */
export const KAFKA_KEYS = [
  "metric_topic",
  "event_topic",
  "check_topic",
  "span_topic",
  "partitioner",
  "metric_require_acks",
  "span_require_acks",
  "metric_json",
  "span_serialization_format",
  "span_sample_rate_percent",
  "span_sample_tag",
  "compression",
  "batch_size",
  "client_id",
  "use_tls",
  "sasl",
] as const;

const ACKS: readonly Acks[] = ["all", "local", "none"];

const DEFAULTS = {
  partitioner: "hash",
  acks: "all",
  metricJson: "documented",
  spanSerializationFormat: "protobuf",
  spanSampleRatePercent: 100,
  compression: "none",
  batchSizeBytes: 1_000_000, // below the 1 MiB that brokers take unless told otherwise
  clientId: "limier",
} as const;

const PORT = 9092;

/**
 * The address of a broker: `host:port`, where the port may be missing.
 *
 * @throws {RangeError} for anything else
 */
export function brokerAddress(text: string): string {
  const address = /^[^:]+$|^\[[^\]]*\]$/.test(text) ? `${text}:${PORT}` : text;
  const { hostname, port } = parseAddress(address);
  if (hostname === "" || port === 0) throw new RangeError(`Cannot use the broker "${text}": write host:port`);
  return address;
}

/** @throws {ConfigError} on a value it can't use */
export function readKafkaConfig(section: Section): KafkaConfig {
  for (const host of section.strings("hosts") ?? []) {
    try {
      brokerAddress(host);
    } catch (cause) {
      section.refuse("hosts", `brokers such as 127.0.0.1:${PORT}`, cause);
    }
  }
  if (section.string("proxy") !== undefined) section.fail("proxy", "no proxy: Kafka's protocol knows none");
  const topic = (key: string) => {
    const name = section.string(key) ?? "";
    if (!/^[\w.-]{0,249}$/.test(name)) section.fail(key, "a topic's name: letters, digits, dots, dashes, underscores");
    return name;
  };
  const topics = {
    metricTopic: topic("metric_topic"),
    eventTopic: topic("event_topic"),
    checkTopic: topic("check_topic"),
    spanTopic: topic("span_topic"),
  };
  if (Object.values(topics).every((name) => name === "")) {
    section.fail("metric_topic", "a topic for points, or one of event_topic, check_topic and span_topic");
  }
  const sasl = readSasl(section.section("sasl"));
  const tls = section.section("tls");
  return {
    ...topics,
    partitioner: section.oneOf("partitioner", ["hash", "random"]) ?? DEFAULTS.partitioner,
    metricRequireAcks: section.oneOf("metric_require_acks", ACKS) ?? DEFAULTS.acks,
    spanRequireAcks: section.oneOf("span_require_acks", ACKS) ?? DEFAULTS.acks,
    metricJson: section.oneOf("metric_json", ["documented", "v14"]) ?? DEFAULTS.metricJson,
    spanSerializationFormat: section.oneOf("span_serialization_format", ["protobuf", "json"]) ??
      DEFAULTS.spanSerializationFormat,
    spanSampleRatePercent: section.number("span_sample_rate_percent", { atLeast: 0, atMost: 100 }) ??
      DEFAULTS.spanSampleRatePercent,
    spanSampleTag: section.string("span_sample_tag") ?? "",
    compression: section.oneOf("compression", COMPRESSIONS) ?? DEFAULTS.compression,
    batchSizeBytes: section.size("batch_size", { atLeast: "1KB" }) ?? DEFAULTS.batchSizeBytes,
    clientId: section.string("client_id") || DEFAULTS.clientId,
    useTls: section.boolean("use_tls") ??
      tls.keys().some((key) => tls.value(key) !== null && tls.value(key) !== undefined),
    ...(sasl === undefined ? {} : { sasl }),
  };
}
