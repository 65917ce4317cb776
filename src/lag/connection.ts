/** How the brokers of a cluster are reached: inline in a cluster's section, or a profile that several share. */
import { parseAddress, type Section } from "../config/mod.ts";
import { type KafkaOptions, type KafkaTlsFiles, loadTls, readSasl, type SaslConfig } from "../kafka/mod.ts";
import type { Clock } from "../clock/mod.ts";

/** How brokers are spoken to. */
export interface ConnectionProfile {
  /** Its name; "" where it stands in the section that uses it. */
  readonly name: string;
  readonly clientId: string;
  /** What brokers are said to be, `3.9.0`; `auto` says nothing. Versions are negotiated in either case. */
  readonly kafkaVersion: string;
  readonly tls?: KafkaTlsFiles & { readonly name: string };
  readonly sasl?: SaslConfig & { readonly name: string };
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/** The keys of a profile. */
export const PROFILE_KEYS: readonly string[] = [
  "client_id",
  "kafka_version",
  "tls",
  "sasl",
  "connect_timeout",
  "request_timeout",
];

/** The one place where these defaults are written. */
const DEFAULTS = { clientId: "limier-lag", kafkaVersion: "auto", connectTimeoutMs: 10_000, requestTimeoutMs: 30_000 };

const TLS_KEYS = ["name", "ca_file", "cert_file", "key_file", "server_name", "skip_verify"];

/**
 * Reads the profile that a section names with `client_profile`, or the one that stands in the section itself.
 *
 * @param profiles the profiles by name
 * @throws {ConfigError} on a name that is none, an unknown key, or a value that can't be used
 */
export function readProfile(section: Section, profiles: Section): ConnectionProfile {
  const name = section.string("client_profile");
  if (name === undefined) return readSettings(section, "");
  if (!profiles.keys().includes(name)) {
    section.fail("client_profile", `a profile of lag.client_profiles: unknown client-profile '${name}'`);
  }
  for (const key of PROFILE_KEYS) {
    if (section.has(key)) section.refuse(key, `it in the profile ${name}, which client_profile names`);
  }
  const profile = profiles.section(name);
  profile.refuseOthers(PROFILE_KEYS);
  return readSettings(profile, name);
}

function readSettings(section: Section, name: string): ConnectionProfile {
  const tls = section.has("tls") ? readTls(section.section("tls")) : undefined;
  const sasl = section.has("sasl") ? readNamedSasl(section.section("sasl")) : undefined;
  return {
    name,
    clientId: section.string("client_id") ?? DEFAULTS.clientId,
    kafkaVersion: readVersion(section) ?? DEFAULTS.kafkaVersion,
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl }),
    connectTimeoutMs: section.duration("connect_timeout", { atLeast: "1ms" }) ?? DEFAULTS.connectTimeoutMs,
    requestTimeoutMs: section.duration("request_timeout", { atLeast: "1ms" }) ?? DEFAULTS.requestTimeoutMs,
  };
}

function readVersion(section: Section): string | undefined {
  const text = section.string("kafka_version");
  if (text === undefined || text === "auto" || /^\d{1,2}(\.\d{1,3}){1,3}$/.test(text)) return text;
  return section.refuse("kafka_version", "a version such as 3.9.0, or auto");
}

function readTls(section: Section): ConnectionProfile["tls"] {
  section.refuseOthers(TLS_KEYS);
  const [caFile, certFile] = [section.string("ca_file"), section.string("cert_file")];
  const [keyFile, serverName] = [section.string("key_file"), section.string("server_name")];
  const skipVerify = section.boolean("skip_verify");
  if (certFile !== undefined && keyFile === undefined) section.refuse("key_file", "the path of cert_file's key");
  if (keyFile !== undefined && certFile === undefined) {
    section.refuse("cert_file", "the path of key_file's certificate");
  }
  return {
    name: section.string("name") ?? "",
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(skipVerify === undefined ? {} : { skipVerify }),
  };
}

function readNamedSasl(section: Section): ConnectionProfile["sasl"] {
  const sasl = readSasl(section, ["name"]);
  return sasl === undefined ? undefined : { ...sasl, name: section.string("name") ?? "" };
}

/** `brokers` of a cluster or a consumer. @param what how messages name it: "cluster main" */
export function readBrokers(section: Section, what: string): readonly string[] | undefined {
  const brokers = section.strings("brokers");
  if (brokers === undefined) return undefined;
  if (brokers.length === 0) {
    section.fail("brokers", `host:port of some brokers: No Kafka brokers specified for ${what}`);
  }
  const bad = brokers.find((broker) => !isBroker(broker));
  if (bad === undefined) return brokers;
  const name = what.replace(/^(\w)(\w*) (.*)$/, (_, first: string, rest: string, own: string) => {
    return `${first.toUpperCase()}${rest} '${own}'`;
  });
  section.fail("brokers", `host:port: ${name} has one or more improperly formatted servers (must be host:port)`);
}

function isBroker(text: string): boolean {
  try {
    const { hostname, port } = parseAddress(text);
    return hostname !== "" && port > 0;
  } catch (error) {
    if (error instanceof RangeError) return false; // that is what was asked
    throw error;
  }
}

/**
 * What the Kafka client is given.
 *
 * @throws {KafkaError} `kafka.tls` when a file can't be read
 */
export function kafkaOptions(brokers: readonly string[], profile: ConnectionProfile, clock: Clock): KafkaOptions {
  const { clientId, tls, sasl, connectTimeoutMs, requestTimeoutMs } = profile;
  return {
    brokers,
    clientId,
    clock,
    connectTimeoutMs,
    requestTimeoutMs,
    ...(tls === undefined ? {} : { tls: loadTls(tls) }),
    ...(sasl === undefined ? {} : { sasl }),
  };
}
