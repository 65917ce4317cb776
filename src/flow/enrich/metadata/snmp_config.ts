/** Settings of the SNMP provider. */
import type { Section } from "../../../config/mod.ts";
import { formatAddress, parseAddressWords } from "../../address.ts";
import { type PrefixEntry, readPrefixes } from "../prefix_table.ts";

/** Hashes that prove who a message is from (RFC 3414, RFC 7860). */
export const AUTH_PROTOCOLS = ["none", "MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512"] as const;
export type AuthProtocol = (typeof AUTH_PROTOCOLS)[number];

/** Ciphers (RFC 3414, RFC 3826); with `-C` the key is lengthened as Cisco does, otherwise as Blumenthal's draft has it. */
export const PRIVACY_PROTOCOLS = ["none", "DES", "AES", "AES192", "AES256", "AES192-C", "AES256-C"] as const;
export type PrivacyProtocol = (typeof PRIVACY_PROTOCOLS)[number];

/** By which communities an exporter is asked (v2c), or as which user (v3). */
export type SnmpCredentials =
  | { readonly version: 2; readonly communities: readonly string[] }
  | {
    readonly version: 3;
    readonly userName: string;
    readonly authProtocol: AuthProtocol;
    readonly authPassphrase: string;
    readonly privacyProtocol: PrivacyProtocol;
    readonly privacyPassphrase: string;
    readonly contextName: string;
  };

/** Settings of the SNMP provider. */
export interface SnmpSettings {
  readonly type: "snmp";
  /** By exporter. */
  readonly credentials: readonly PrefixEntry<SnmpCredentials>[];
  /** UDP ports by exporter. */
  readonly ports: readonly PrefixEntry<number>[];
  /** Addresses of agents by those of exporters, where they differ. */
  readonly agents: ReadonlyMap<string, string>;
  readonly retries: number;
  /** Of one attempt. */
  readonly timeoutMs: number;
}

/** Of exporters that settings don't mention. */
export const DEFAULT_CREDENTIALS: SnmpCredentials = { version: 2, communities: ["public"] };
/** Of exporters that settings don't mention. */
export const DEFAULT_PORT = 161;

/** Reads them. @throws {ConfigError} */
export function readSnmpSettings(section: Section): SnmpSettings {
  section.refuseOthers(["type", "credentials", "ports", "agents", "poller_retries", "poller_timeout"]);
  const readPort = (ports: Section, key: string) => ports.integer(key, { atLeast: 1, atMost: 65_535 });
  return {
    type: "snmp",
    credentials: readPrefixes(section, "credentials", (subnets, subnet) => readCredentials(subnets.section(subnet))),
    ports: readPrefixes(section, "ports", readPort, readPort),
    agents: readAgents(section),
    retries: section.integer("poller_retries", { atLeast: 0, atMost: 10 }) ?? 1,
    timeoutMs: section.duration("poller_timeout", { atLeast: "100ms", atMost: "1m" }) ?? 1000,
  };
}

function readAgents(section: Section): Map<string, string> {
  const agents = new Map<string, string>();
  const inner = section.section("agents");
  for (const exporter of inner.keys()) {
    const agent = inner.string(exporter);
    const words = parseAddressWords(exporter), agentWords = agent === undefined ? undefined : parseAddressWords(agent);
    if (words === undefined) inner.refuse(exporter, "the address of an exporter in front of it");
    else if (agentWords === undefined) inner.refuse(exporter, "the address of its agent");
    else agents.set(formatAddress(words), formatAddress(agentWords));
  }
  return agents;
}

const V3_KEYS = [
  "user_name",
  "authentication_protocol",
  "authentication_passphrase",
  "privacy_protocol",
  "privacy_passphrase",
  "context_name",
] as const;

/** Passphrases are at least so long (RFC 3414 §11.2). */
const SHORTEST_PASSPHRASE = 8;

function readCredentials(section: Section): SnmpCredentials | undefined {
  section.refuseOthers(["communities", ...V3_KEYS]);
  if (!section.has("user_name")) {
    for (const key of V3_KEYS) if (section.has(key)) return section.refuse(key, "user_name as well");
    const written = section.value("communities");
    const communities = typeof written === "string" ? [section.string("communities")!] : section.strings("communities");
    if (communities !== undefined && communities.length === 0) return section.refuse("communities", "at least one");
    return communities === undefined ? DEFAULT_CREDENTIALS : { version: 2, communities };
  }
  if (section.has("communities")) return section.refuse("communities", "it or user_name, not both");
  const authProtocol = section.oneOf("authentication_protocol", AUTH_PROTOCOLS) ?? "none";
  const privacyProtocol = section.oneOf("privacy_protocol", PRIVACY_PROTOCOLS) ?? "none";
  const authPassphrase = section.secret("authentication_passphrase") ?? "";
  const privacyPassphrase = section.secret("privacy_passphrase") ?? "";
  const want = `${SHORTEST_PASSPHRASE} characters or more`;
  if (authProtocol !== "none" && authPassphrase.length < SHORTEST_PASSPHRASE) {
    return section.refuse("authentication_passphrase", want);
  }
  if (privacyProtocol !== "none") {
    if (authProtocol === "none") return section.refuse("privacy_protocol", "authentication_protocol as well");
    if (privacyPassphrase.length < SHORTEST_PASSPHRASE) return section.refuse("privacy_passphrase", want);
  }
  return {
    version: 3,
    userName: section.string("user_name") ?? "",
    authProtocol,
    authPassphrase,
    privacyProtocol,
    privacyPassphrase,
    contextName: section.string("context_name") ?? "",
  };
}
