/** The section `flow.kafka`: the brokers between inlet and outlet. */
import { parseAddress, type Section } from "../config/mod.ts";
import {
  type Compression,
  COMPRESSIONS,
  hasOauthKeys,
  type KafkaOptions,
  type KafkaTlsFiles,
  loadTls,
  OAUTH_WORDS,
  readMechanism,
  SASL_KEYS,
  type SaslConfig,
} from "../kafka/mod.ts";
import { RAW_FLOW_VERSION } from "./raw_flow.ts";

/** What chooses the partition of a record. */
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

/** How a topic of flows is reached and written to. Plain data, so that it can cross to a thread. */
export interface FlowKafkaConfig {
  readonly brokers: readonly string[];
  /** Without its version. */
  readonly topic: string;
  /** Absent: plain text. */
  readonly tls?: KafkaTlsFiles;
  readonly sasl?: SaslConfig;
  readonly compression: Compression;
  /** Records that the brokers have not stored yet. */
  readonly queueSize: number;
  readonly loadBalance: FlowKey;
  /** The topic is made, and changed, as it should be. */
  readonly managesTopic: boolean;
  readonly topicConfig: TopicConfig;
}

/** The keys of the section. */
export const KAFKA_KEYS: readonly string[] = [
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

const SASL_WORDS = ["none", "plain", "scram-sha256", "scram-sha512", ...OAUTH_WORDS] as const;
const MECHANISMS = {
  "plain": "PLAIN",
  "scram-sha256": "SCRAM-SHA-256",
  "scram-sha512": "SCRAM-SHA-512",
  "OAUTHBEARER": "OAUTHBEARER",
  "oauth": "OAUTHBEARER",
} as const;

/** The word of the section for a mechanism; of two, the short one. */
export function saslWord(mechanism: SaslConfig["mechanism"]): string {
  return Object.entries(MECHANISMS).findLast(([, name]) => name === mechanism)![0]; // each has one
}

/** Reads the section. @throws {ConfigError} */
export function readFlowKafkaConfig(section: Section): FlowKafkaConfig {
  section.refuseOthers([...KAFKA_KEYS, ...HISTORICAL]);
  return {
    brokers: readBrokers(section) ?? ["127.0.0.1:9092"],
    ...readSecurity(section),
    ...readTopicSettings(section, "flows"),
  };
}

/** How a topic is written to, and looked after. @throws {ConfigError} */
export function readTopicSettings(
  section: Section,
  usualTopic: string,
): Omit<FlowKafkaConfig, "brokers" | "tls" | "sasl"> {
  const topic = section.string("topic") ?? usualTopic;
  if (!/^[A-Za-z0-9._-]{1,120}$/.test(topic)) section.refuse("topic", "a name of letters, digits, ., _ and -");
  return {
    topic,
    compression: section.oneOf("compression_codec", COMPRESSIONS) ?? "lz4",
    queueSize: section.integer("queue_size", { atLeast: 1, atMost: 10_000_000 }) ?? 4096,
    loadBalance: section.oneOf("load_balance", KEYS) ?? "random",
    managesTopic: section.boolean("manage_topic") ?? true,
    topicConfig: readTopic(section.section("topic_configuration")),
  };
}

/** How brokers are known, and we to them. @throws {ConfigError} */
export function readSecurity(section: Section): Pick<FlowKafkaConfig, "tls" | "sasl"> {
  const tls = readTls(section.section("tls"));
  const sasl = readSasl(section.section("sasl"));
  return { ...(tls === undefined ? {} : { tls }), ...(sasl === undefined ? {} : { sasl }) };
}

/** The brokers of a section; undefined where it names none. @throws {ConfigError} */
export function readBrokers(section: Section): readonly string[] | undefined {
  const brokers = section.strings("brokers");
  if (brokers === undefined) return undefined;
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

function readSasl(section: Section): SaslConfig | undefined {
  section.refuseOthers(SASL_KEYS);
  const word = section.oneOf("mechanism", SASL_WORDS) ?? "none";
  const username = section.string("username") ?? "", password = section.secret("password") ?? "";
  if (word === "none") {
    if (username !== "") {
      section.refuse("mechanism", "how the name is to be shown: plain, scram-sha256, scram-sha512 or oauth");
    }
    if (hasOauthKeys(section)) section.refuse("mechanism", "oauth, which the keys oauth_… are for");
    return undefined;
  }
  if (username === "") section.refuse("username", "the name that goes with the mechanism");
  return readMechanism(section, MECHANISMS[word], { username, password });
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
  { brokers, tls, sasl }: Pick<FlowKafkaConfig, "brokers" | "tls" | "sasl">,
  clientId: string,
): Omit<KafkaOptions, "clock"> {
  return {
    brokers,
    clientId,
    ...(tls === undefined ? {} : { tls: loadTls(tls) }),
    ...(sasl === undefined ? {} : { sasl }),
  };
}
