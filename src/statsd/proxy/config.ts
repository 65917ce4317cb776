import type { Section } from "../../config/mod.ts";
import { parseForwardAddress, parseHostPort } from "../address.ts";
import type { ForwardTlsKeys, TlsKeys } from "../stream_tls.ts";
import type { TagMatcher } from "./ring_key.ts";

/** Where the members of a ring are learnt from. */
export type MemberSource =
  /** They are written down. */
  | { readonly kind: "static"; readonly members: readonly string[] }
  /** Consul knows the healthy ones of a service. */
  | { readonly kind: "consul"; readonly service: string }
  /** Kubernetes knows the running pods that bear a label. */
  | { readonly kind: "kubernetes"; readonly label: string };

/** How series are sent: as a JSON import, or over gRPC. */
export type ProxyForm = "http" | "grpc";

/** The `proxy` section; its keys for TLS are those of `statsd`: of the gRPC listener, and towards members that have it. */
export interface ProxyConfig extends TlsKeys, ForwardTlsKeys {
  /** The global instances by the form in which they take series; at least one. What came in one form prefers its ring. */
  readonly rings: Readonly<Partial<Record<ProxyForm, MemberSource>>>;
  /** `host:port` where series come in over gRPC; "" does not listen. */
  readonly grpcAddress: string;
  /** URL of Consul's agent. */
  readonly consulAddress: string;
  /** Absent: none is sent. */
  readonly consulToken?: string;
  /** Between two looks for members, in milliseconds. */
  readonly refreshIntervalMs: number;
  /** For one request to a destination, in milliseconds. */
  readonly forwardTimeoutMs: number;
  /** Connections kept to each destination, and requests under way to it. */
  readonly maxIdleConnsPerHost: number;
  /** Series that may wait for one destination, those under way included. */
  readonly sendBufferSize: number;
  /** For sending what waits once the proxy stops, in milliseconds. */
  readonly shutdownTimeoutMs: number;
  /** Tags that don't tell series apart on the ring. */
  readonly ignoreTags: readonly TagMatcher[];
  /** Where own metrics go: `host:port` or `unix://PATH`; "" sends none. */
  readonly statsAddress: string;
  /** Between two reports of the process itself, in milliseconds. */
  readonly runtimeMetricsIntervalMs: number;
}

/** The keys of the section. */
export const PROXY_KEYS: readonly string[] = [
  "forward_address",
  "forward_addresses",
  "consul_forward_service_name",
  "grpc_forward_address",
  "grpc_forward_addresses",
  "consul_forward_grpc_service_name",
  "kubernetes_forward_label",
  "grpc_address",
  "tls_key",
  "tls_certificate",
  "tls_authority_certificate",
  "forward_tls_key",
  "forward_tls_certificate",
  "forward_tls_authority_certificate",
  "consul_address",
  "consul_token",
  "consul_refresh_interval",
  "forward_timeout",
  "max_idle_conns_per_host",
  "send_buffer_size",
  "shutdown_timeout",
  "ignore_tags",
  "stats_address",
  "runtime_metrics_interval",
];

/** The one place where these defaults are written. */
const DEFAULTS = {
  consulAddress: "http://127.0.0.1:8500",
  refreshIntervalMs: 30_000,
  forwardTimeoutMs: 10_000,
  maxIdleConnsPerHost: 100,
  sendBufferSize: 100_000,
  shutdownTimeoutMs: 10_000,
  runtimeMetricsIntervalMs: 10_000,
};

/** @throws {ConfigError} on an unknown key or a value that can't be used */
export function readProxyConfig(section: Section): ProxyConfig {
  section.refuseOthers(PROXY_KEYS);
  const token = section.secret("consul_token");
  const config: ProxyConfig = {
    rings: readRings(section),
    grpcAddress: section.address("grpc_address") ?? "",
    tlsKey: section.secret("tls_key") ?? "",
    tlsCertificate: section.string("tls_certificate") ?? "",
    tlsAuthorityCertificate: section.string("tls_authority_certificate") ?? "",
    forwardTlsKey: section.secret("forward_tls_key") ?? "",
    forwardTlsCertificate: section.string("forward_tls_certificate") ?? "",
    forwardTlsAuthorityCertificate: section.string("forward_tls_authority_certificate") ?? "",
    consulAddress: readUrl(section, "consul_address") ?? DEFAULTS.consulAddress,
    ...token === undefined || token === "" ? {} : { consulToken: token },
    refreshIntervalMs: section.duration("consul_refresh_interval", { atLeast: "10ms" }) ?? DEFAULTS.refreshIntervalMs,
    forwardTimeoutMs: section.duration("forward_timeout", { atLeast: "1ms" }) ?? DEFAULTS.forwardTimeoutMs,
    maxIdleConnsPerHost: section.integer("max_idle_conns_per_host", { atLeast: 1, atMost: 10_000 }) ??
      DEFAULTS.maxIdleConnsPerHost,
    sendBufferSize: section.integer("send_buffer_size", { atLeast: 1, atMost: 100_000_000 }) ??
      DEFAULTS.sendBufferSize,
    shutdownTimeoutMs: section.duration("shutdown_timeout") ?? DEFAULTS.shutdownTimeoutMs,
    ignoreTags: section.sections("ignore_tags").map(readMatcher).filter((matcher) => matcher !== undefined),
    statsAddress: readStatsAddress(section),
    runtimeMetricsIntervalMs: section.duration("runtime_metrics_interval", { atLeast: "10ms" }) ??
      DEFAULTS.runtimeMetricsIntervalMs,
  };
  checkPair(section, "tls_key", "tls_certificate");
  checkPair(section, "forward_tls_key", "forward_tls_certificate");
  if (config.tlsAuthorityCertificate !== "" && config.tlsKey === "") {
    section.refuse("tls_authority_certificate", "tls_key and tls_certificate beside it");
  }
  return config;
}

/** A key and its certificate go together. */
function checkPair(section: Section, key: string, certificate: string): void {
  if (section.has(key) === section.has(certificate)) return;
  const [given, absent] = section.has(key) ? [key, certificate] : [certificate, key];
  section.refuse(given, `${absent} beside it`);
}

const HTTP_KEYS = ["forward_address", "forward_addresses", "consul_forward_service_name"];
const GRPC_KEYS = ["grpc_forward_address", "grpc_forward_addresses", "consul_forward_grpc_service_name"];
const POD_KEY = "kubernetes_forward_label";

function readRings(section: Section): ProxyConfig["rings"] {
  const http = readSource(section, [...HTTP_KEYS, POD_KEY], isHttpAddress, "http://host:port, or host:port");
  const grpc = readSource(section, GRPC_KEYS, isGrpcAddress, "host:port, or https://host:port where it has TLS");
  const given = [...HTTP_KEYS, ...GRPC_KEYS, POD_KEY].some((key) => !isBlank(section, key));
  if (!given) section.refuse("forward_addresses", "the addresses of the global instances, or another way to find them");
  return { ...http === undefined ? {} : { http }, ...grpc === undefined ? {} : { grpc } };
}

/** @param keys a single address, a list of them, a service of Consul's, a label of Kubernetes' */
function readSource(
  section: Section,
  keys: readonly string[],
  isMember: (text: string) => boolean,
  want: string,
): MemberSource | undefined {
  const [one = "", several = "", service = "", label = ""] = keys;
  const given = keys.filter((key) => !isBlank(section, key));
  if (given.length > 1) return section.refuse(given[1]!, `either ${given[0]} or ${given[1]}`);
  switch (given[0]) {
    case one:
    case several: {
      const members = given[0] === one ? [section.string(one) ?? ""] : section.strings(several) ?? [];
      if (!members.every(isMember)) return section.refuse(given[0], given[0] === one ? want : `a list of ${want}`);
      return { kind: "static", members: [...new Set(members)] };
    }
    case service:
      return { kind: "consul", service: section.string(service) ?? "" };
    case label:
      return { kind: "kubernetes", label: section.string(label) ?? "" };
  }
  return undefined;
}

/** Absent, without a value, or empty. */
function isBlank(section: Section, key: string): boolean {
  const value = section.value(key);
  return value === undefined || value === "" || Array.isArray(value) && value.length === 0;
}

function readMatcher(section: Section): TagMatcher | undefined {
  section.refuseOthers(["kind", "value"]);
  const kind = section.oneOf("kind", ["exact", "prefix", "regex"]) ?? "exact";
  const value = section.string("value");
  if (value === undefined) return section.refuse("value", "the tag, its beginning, or a regular expression");
  if (kind === "regex") {
    try {
      new RegExp(value, "u");
    } catch (error) {
      return section.refuse("value", "a regular expression", error);
    }
  }
  return { kind, value };
}

function readUrl(section: Section, key: string): string | undefined {
  const text = section.string(key);
  if (text === undefined || text === "") return undefined;
  const url = text.includes("://") ? text : `http://${text}`;
  return isHttpAddress(url) ? url.replace(/\/+$/, "") : section.refuse(key, "http://host:port, or host:port");
}

function readStatsAddress(section: Section): string {
  const text = section.string("stats_address") ?? "";
  const isAddress = text === "" || /^unix(?:gram)?:\/\/./.test(text) || isHostPort(text.replace(/^udp:\/\//, ""));
  return isAddress ? text : section.refuse("stats_address", "host:port or unix:///path") ?? "";
}

function isHttpAddress(text: string): boolean {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== "" && url.search === "" && url.hash === "";
}

function isGrpcAddress(text: string): boolean {
  return parseForwardAddress(text) !== undefined;
}

function isHostPort(text: string): boolean {
  const address = parseHostPort(text);
  return address !== undefined && address.hostname !== "" && address.port > 0;
}
