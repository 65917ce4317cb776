/** The section `flow.kafka`: the brokers between inlet and outlet. */
import { parseAddress, type Section } from "../config/mod.ts";
import {
  type Compression,
  COMPRESSIONS,
  type KafkaOptions,
  type KafkaTlsFiles,
  loadTls,
  type PasswordSasl,
} from "../kafka/mod.ts";
import { RAW_FLOW_VERSION } from "./raw_flow.ts";

/** What chooses the partition of a datagram. */
export const KEYS = ["random", "by-exporter"] as const;
export type FlowKey = (typeof KEYS)[number];

/** What the topic should be like. */
export interface TopicConfig {
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly entries: Readonly<Record<string, string>>;
  /** Settings of the topic that are not among the entries are removed. */
  readonly strict: boolean;
}

/** The section. Plain data, so that it can cross to a thread. */
export interface FlowKafkaConfig {
  readonly brokers: readonly string[];
  /** Without its version. */
  readonly topic: string;
  /** Absent: plain text. */
  readonly tls?: KafkaTlsFiles;
  readonly sasl?: PasswordSasl;
  readonly compression: Compression;
  /** Datagrams that are received and not stored by the brokers yet. */
  readonly queueSize: number;
  readonly loadBalance: FlowKey;
  /** The topic is made, and changed, as it should be. */
  readonly managesTopic: boolean;
  readonly topicConfig: TopicConfig;
}

const KEYS_KNOWN = [
  "brokers",
  "topic",
  "tls",
  "sasl",
  "compression_codec",
  "queue_size",
  "load_balance",
  "manage_topic",
  "topic_configuration",
];
/** Keys of the original's that mean nothing any more. */
const HISTORICAL = ["flush_interval", "flush_bytes", "max_message_bytes", "version"];

const SASL_WORDS = ["none", "plain", "scram-sha256", "scram-sha512"] as const;
const MECHANISMS = { "plain": "PLAIN", "scram-sha256": "SCRAM-SHA-256", "scram-sha512": "SCRAM-SHA-512" } as const;

/** Reads the section. @throws {ConfigError} */
export function readFlowKafkaConfig(section: Section): FlowKafkaConfig {
  section.refuseOthers([...KEYS_KNOWN, ...HISTORICAL]);
  const tls = readTls(section.section("tls"));
  const sasl = readSasl(section.section("sasl"));
  const topic = section.string("topic") ?? "flows";
  if (!/^[A-Za-z0-9._-]{1,120}$/.test(topic)) section.refuse("topic", "a name of letters, digits, ., _ and -");
  return {
    brokers: readBrokers(section),
    topic,
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl }),
    compression: section.oneOf("compression_codec", COMPRESSIONS) ?? "lz4",
    queueSize: section.integer("queue_size", { atLeast: 1, atMost: 10_000_000 }) ?? 4096,
    loadBalance: section.oneOf("load_balance", KEYS) ?? "random",
    managesTopic: section.boolean("manage_topic") ?? true,
    topicConfig: readTopic(section.section("topic_configuration")),
  };
}

function readBrokers(section: Section): readonly string[] {
  const brokers = section.strings("brokers") ?? ["127.0.0.1:9092"];
  const isAddress = (text: string) => {
    try {
      return parseAddress(text).hostname !== "";
    } catch {
      return false; // that is what was asked
    }
  };
  if (brokers.length === 0 || !brokers.every(isAddress)) section.refuse("brokers", "a list of host:port");
  return brokers;
}

function readTls(section: Section): KafkaTlsFiles | undefined {
  section.refuseOthers(["enable", "skip_verify", "verify", "ca_file", "cert_file", "key_file", "server_name"]);
  const verify = section.boolean("verify");
  const skipVerify = section.boolean("skip_verify") ?? (verify === undefined ? false : !verify);
  const texts = { caFile: "ca_file", certFile: "cert_file", keyFile: "key_file", serverName: "server_name" } as const;
  const files = Object.fromEntries(
    Object.entries(texts).map(([field, key]) => [field, section.string(key) ?? ""]).filter(([, text]) => text !== ""),
  ) as KafkaTlsFiles;
  if (files.keyFile !== undefined && files.certFile === undefined) section.refuse("key_file", "cert_file with it");
  if (!(section.boolean("enable") ?? false)) return undefined;
  // The key may stand in the certificate's file.
  const keyFile = files.keyFile ?? files.certFile;
  return { ...files, ...(keyFile === undefined ? {} : { keyFile }), skipVerify };
}

function readSasl(section: Section): PasswordSasl | undefined {
  section.refuseOthers(["mechanism", "username", "password"]);
  const word = section.oneOf("mechanism", SASL_WORDS) ?? "none";
  const username = section.string("username") ?? "", password = section.secret("password") ?? "";
  if (word === "none") {
    if (username !== "") {
      section.refuse("mechanism", "how the name is to be shown: plain, scram-sha256 or scram-sha512");
    }
    return undefined;
  }
  if (username === "") section.refuse("username", "the name that goes with the mechanism");
  return { mechanism: MECHANISMS[word], username, password };
}

function readTopic(section: Section): TopicConfig {
  section.refuseOthers(["num_partitions", "replication_factor", "config_entries", "config_entries_strict_sync"]);
  return {
    partitions: section.integer("num_partitions", { atLeast: 1, atMost: 100_000 }) ?? 1,
    replicationFactor: section.integer("replication_factor", { atLeast: 1, atMost: 32_767 }) ?? 1,
    entries: section.map("config_entries") ?? {},
    strict: section.boolean("config_entries_strict_sync") ?? true,
  };
}

/** The topic of the datagrams. */
export function rawTopic({ topic }: Pick<FlowKafkaConfig, "topic">): string {
  return `${topic}-v${RAW_FLOW_VERSION}`;
}

/** How the brokers are reached. @throws {KafkaError} `kafka.tls` when a file can't be read */
export function clusterOptions(
  { brokers, tls, sasl }: FlowKafkaConfig,
  clientId: string,
): Omit<KafkaOptions, "clock"> {
  return {
    brokers,
    clientId,
    ...(tls === undefined ? {} : { tls: loadTls(tls) }),
    ...(sasl === undefined ? {} : { sasl }),
  };
}
