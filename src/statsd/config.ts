import type { Section } from "../config/mod.ts";
import type { LoadBalancing } from "../linux/mod.ts";
import { readRoutingRules, type RoutingRule } from "../output/mod.ts";
import { type ListenAddress, parseForwardAddress, parseListenAddress } from "./address.ts";
import { readSources, type SourceConfig } from "./openmetrics/source_config.ts";

/** The names that `aggregates` may list, in the order in which they are published. */
export const AGGREGATES = ["max", "min", "sum", "avg", "count", "median", "hmean"] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** Scope of the agent's own metrics, by kind. */
export type OwnScope = "default" | "local" | "global";

/** The `statsd` section. Plain data, so that it can cross to a worker. */
export interface StatsdConfig {
  /** Where DogStatsD arrives. */
  readonly listen: readonly ListenAddress[];
  /** Where SSF arrives; a `udp` address takes the form of 2017 too. */
  readonly ssfListen: readonly ListenAddress[];
  /** Where DogStatsD packets and SSF spans arrive over gRPC. */
  readonly grpcListen: readonly ListenAddress[];
  /** Where other instances hand on over gRPC; one at most. */
  readonly grpcImport: readonly ListenAddress[];
  /** Length of one window, in milliseconds. */
  readonly intervalMs: number;
  /** Windows end at multiples of the interval of the Unix clock. */
  readonly synchronizeWithInterval: boolean;
  readonly flushOnShutdown: boolean;
  /** The process ends with an error when no flush started for more than that many intervals; 0 never. */
  readonly flushWatchdogMissedFlushes: number;
  /** In [0, 1], each once, in the order given. */
  readonly percentiles: readonly number[];
  readonly aggregates: readonly Aggregate[];
  /** Bytes of the longest datagram or stream line. */
  readonly metricMaxLength: number;
  /** Bytes of the longest SSF datagram. */
  readonly traceMaxLengthBytes: number;
  /** Sockets, and threads, for each UDP address. */
  readonly numReaders: number;
  /**
   * What a datagram's reader depends on. Not the sender alone, and each series is kept by every reader, up to `num_readers`
   * times in memory and in `max_series`.
   */
  readonly loadBalancing: LoadBalancing;
  /** Accepted for Veneur's sake; there is one aggregation thread. */
  readonly numWorkers: number;
  /** Receive buffer of a datagram socket. */
  readonly readBufferSizeBytes: number;
  /** Tags put on everything when it is published. */
  readonly tags: readonly string[];
  /** Tags put on every metric when it is read. */
  readonly extendTags: readonly string[];
  /** Tag keys left out: `key`, or `key|sink1|sink2`. */
  readonly tagsExclude: readonly string[];
  /** Which outputs get which points; all get all where there are no rules. */
  readonly metricSinkRouting: readonly RoutingRule[];
  /** Absent: the machine's name. */
  readonly hostname?: string;
  readonly omitEmptyHostname: boolean;
  /** Non-empty: a local instance, which leaves percentiles and sets to a global one. */
  readonly forwardAddress: string;
  /** Handed on over gRPC rather than by `POST /import`. */
  readonly forwardUseGrpc: boolean;
  /** `v1`: sets, and what else there is, as releases of Veneur before 1.7 understand it. */
  readonly forwardSetFormat: "v7" | "v1";
  /** PEM text or the path of a file, for forwarding over gRPC to `https://…`; the authority is "" for the system's. */
  readonly forwardTlsKey: string;
  readonly forwardTlsCertificate: string;
  readonly forwardTlsAuthorityCertificate: string;
  /** Series of all threads together in one interval. */
  readonly maxSeries: number;
  /** A series with more tags is refused; 0 has no bound. */
  readonly maxTagsPerMetric: number;
  /** Open stream connections. */
  readonly maxConnections: number;
  /** A stream that sends nothing for so long is closed, in milliseconds; so is an unfinished handshake. */
  readonly tcpIdleTimeoutMs: number;
  /** PEM text or the path of a file; empty: no TLS. */
  readonly tlsKey: string;
  readonly tlsCertificate: string;
  readonly tlsAuthorityCertificate: string;
  readonly indicatorSpanTimerName: string;
  readonly objectiveSpanTimerName: string;
  /** Spans kept for a flush, where an output sends them; a newer one overwrites the oldest. */
  readonly datadogSpanBufferSize: number;
  /** Pages of metrics to be scraped. */
  readonly sources: readonly SourceConfig[];
  /** Where own metrics go: `host:port`, `unix://PATH`, or "" for the agent's own aggregation only. */
  readonly statsAddress: string;
  readonly ownScopes: Readonly<Record<"counter" | "gauge" | "histogram" | "set" | "status", OwnScope>>;
  readonly ownTags: readonly string[];
  readonly countUniqueTimeseries: boolean;
  /** The aggregates are shown on `/metrics/statsd`. */
  readonly prometheusExposition: boolean;
}

/** The keys of the section. */
export const STATSD_KEYS: readonly string[] = [
  "udp_address",
  "tcp_address",
  "statsd_listen_addresses",
  "ssf_listen_addresses",
  "trace_address",
  "grpc_listen_addresses",
  "grpc_address",
  "interval",
  "synchronize_with_interval",
  "flush_on_shutdown",
  "flush_watchdog_missed_flushes",
  "percentiles",
  "aggregates",
  "metric_max_length",
  "trace_max_length_bytes",
  "num_readers",
  "load_balancing",
  "num_workers",
  "read_buffer_size_bytes",
  "tags",
  "extend_tags",
  "tags_exclude",
  "metric_sink_routing",
  "hostname",
  "omit_empty_hostname",
  "forward_address",
  "forward_use_grpc",
  "forward_set_format",
  "forward_tls_key",
  "forward_tls_certificate",
  "forward_tls_authority_certificate",
  "max_series",
  "max_tags_per_metric",
  "max_connections",
  "tcp_idle_timeout",
  "tls_key",
  "tls_key_file",
  "tls_certificate",
  "tls_authority_certificate",
  "indicator_span_timer_name",
  "objective_span_timer_name",
  "datadog_span_buffer_size",
  "sources",
  "stats_address",
  "veneur_metrics_scopes",
  "veneur_metrics_additional_tags",
  "count_unique_timeseries",
  "prometheus_exposition",
];

/** The one place where these defaults are written. */
const DEFAULTS = {
  udpAddress: "127.0.0.1:8125",
  intervalMs: 10_000,
  aggregates: ["max", "min", "count"] as readonly Aggregate[],
  metricMaxLength: 8192,
  traceMaxLengthBytes: 16_384,
  datadogSpanBufferSize: 16_384,
  readBufferSizeBytes: 2_097_152,
  maxSeries: 1_000_000,
  maxConnections: 10_000,
  tcpIdleTimeoutMs: 600_000,
};

/** The largest payload of a UDP datagram over IPv4. */
const LARGEST_DATAGRAM = 65_507;

/**
 * Reads the section.
 *
 * @param listensByDefault a section that names no address listens on the usual one
 * @throws {ConfigError} on an unknown key or a value it can't use
 */
export function readStatsdConfig(section: Section, listensByDefault = true): StatsdConfig {
  section.refuseOthers(STATSD_KEYS);
  const hostname = section.string("hostname");
  const config: StatsdConfig = {
    listen: readListen(section, listensByDefault),
    ssfListen: readSsfListen(section),
    grpcListen: readGrpcListen(section),
    grpcImport: readGrpcImport(section),
    intervalMs: section.duration("interval", { atLeast: "10ms" }) ?? DEFAULTS.intervalMs,
    synchronizeWithInterval: section.boolean("synchronize_with_interval") ?? true,
    flushOnShutdown: section.boolean("flush_on_shutdown") ?? true,
    flushWatchdogMissedFlushes: section.integer("flush_watchdog_missed_flushes", { atLeast: 0 }) ?? 0,
    percentiles: readPercentiles(section),
    aggregates: readAggregates(section),
    metricMaxLength: section.integer("metric_max_length", { atLeast: 1, atMost: LARGEST_DATAGRAM }) ??
      DEFAULTS.metricMaxLength,
    traceMaxLengthBytes: section.integer("trace_max_length_bytes", { atLeast: 1, atMost: LARGEST_DATAGRAM }) ??
      DEFAULTS.traceMaxLengthBytes,
    numReaders: section.integer("num_readers", { atLeast: 1, atMost: 64 }) ?? 1,
    loadBalancing: section.oneOf("load_balancing", ["hash", "auto", "ebpf", "cbpf"]) ?? "hash",
    numWorkers: section.integer("num_workers", { atLeast: 1 }) ?? 1,
    readBufferSizeBytes: section.size("read_buffer_size_bytes") ?? DEFAULTS.readBufferSizeBytes,
    tags: section.strings("tags") ?? [],
    extendTags: (section.strings("extend_tags") ?? []).filter((tag) => tag !== ""),
    tagsExclude: section.strings("tags_exclude") ?? [],
    metricSinkRouting: readRoutingRules(section.sections("metric_sink_routing")),
    omitEmptyHostname: section.boolean("omit_empty_hostname") ?? false,
    ...(hostname === undefined ? {} : { hostname }),
    forwardAddress: section.string("forward_address") ?? "",
    forwardUseGrpc: section.boolean("forward_use_grpc") ?? false,
    forwardSetFormat: section.oneOf("forward_set_format", ["v7", "v1"]) ?? "v7",
    forwardTlsKey: section.secret("forward_tls_key") ?? "",
    forwardTlsCertificate: section.string("forward_tls_certificate") ?? "",
    forwardTlsAuthorityCertificate: section.string("forward_tls_authority_certificate") ?? "",
    maxSeries: section.integer("max_series", { atLeast: 1, atMost: 100_000_000 }) ?? DEFAULTS.maxSeries,
    maxTagsPerMetric: section.integer("max_tags_per_metric", { atLeast: 0 }) ?? 0,
    maxConnections: section.integer("max_connections", { atLeast: 1 }) ?? DEFAULTS.maxConnections,
    tcpIdleTimeoutMs: section.duration("tcp_idle_timeout", { atLeast: "10ms" }) ?? DEFAULTS.tcpIdleTimeoutMs,
    tlsKey: section.secret("tls_key") ?? "",
    tlsCertificate: section.string("tls_certificate") ?? "",
    tlsAuthorityCertificate: section.string("tls_authority_certificate") ?? "",
    indicatorSpanTimerName: section.string("indicator_span_timer_name") ?? "",
    objectiveSpanTimerName: section.string("objective_span_timer_name") ?? "",
    datadogSpanBufferSize: section.integer("datadog_span_buffer_size", { atLeast: 1, atMost: 10_000_000 }) ??
      DEFAULTS.datadogSpanBufferSize,
    sources: readSources(section.sections("sources")),
    statsAddress: section.string("stats_address") ?? "",
    ownScopes: readOwnScopes(section.section("veneur_metrics_scopes")),
    ownTags: section.strings("veneur_metrics_additional_tags") ?? [],
    countUniqueTimeseries: section.boolean("count_unique_timeseries") ?? false,
    prometheusExposition: section.boolean("prometheus_exposition") ?? false,
  };
  checkTls(section, config);
  checkForwarding(section, config);
  return config;
}

function readListen(section: Section, listensByDefault: boolean): ListenAddress[] {
  const udp = section.string("udp_address");
  const tcp = section.string("tcp_address");
  const listed = section.strings("statsd_listen_addresses");
  const byDefault = listensByDefault && udp === undefined && tcp === undefined && listed === undefined;
  return [
    ...addressesOf(section, "udp_address", urlOf("udp", byDefault ? DEFAULTS.udpAddress : udp), "host:port"),
    ...addressesOf(section, "tcp_address", urlOf("tcp", tcp), "host:port"),
    ...addressesOf(
      section,
      "statsd_listen_addresses",
      listed ?? [],
      "a list of udp://host:port, udp4://, udp6://, tcp://, unix:///path, unixgram:///path",
    ),
  ];
}

function readSsfListen(section: Section): ListenAddress[] {
  const key = "ssf_listen_addresses";
  const listed = section.strings(key) ?? [];
  return [
    ...addressesOf(section, key, listed, "a list of udp://host:port, tcp://host:port, unix:///path", ["unixgram"]),
    ...addressesOf(section, "trace_address", urlOf("udp", section.string("trace_address")), "host:port"),
  ];
}

function readGrpcListen(section: Section): ListenAddress[] {
  const key = "grpc_listen_addresses";
  const want = "a list of tcp://host:port, unix:///path";
  return addressesOf(section, key, section.strings(key) ?? [], want, ["udp", "unixgram"]);
}

function readGrpcImport(section: Section): ListenAddress[] {
  const urls = urlOf("tcp", section.string("grpc_address"));
  return addressesOf(section, "grpc_address", urls, "host:port");
}

function urlOf(scheme: "udp" | "tcp", hostPort = ""): string[] {
  return hostPort === "" ? [] : [`${scheme}://${hostPort}`];
}

/** The addresses that the texts of one key are; the key is refused when one of them is none. */
function addressesOf(
  section: Section,
  key: string,
  texts: readonly string[],
  want: string,
  refused: readonly ListenAddress["transport"][] = [],
): ListenAddress[] {
  const addresses = texts.map(parseListenAddress).filter((address) => address !== undefined)
    .filter(({ transport }) => !refused.includes(transport));
  if (addresses.length < texts.length) section.refuse(key, want);
  return addresses;
}

function readPercentiles(section: Section): number[] {
  const percentiles = section.numbers("percentiles") ?? [];
  if (!percentiles.every((p) => p >= 0 && p <= 1)) {
    section.refuse("percentiles", "numbers from 0 to 1: 0.99 is the 99th percentile");
  }
  return [...new Set(percentiles)];
}

function readAggregates(section: Section): Aggregate[] {
  const words = section.strings("aggregates") ?? DEFAULTS.aggregates;
  if (!words.every((word) => AGGREGATES.some((known) => known === word))) {
    section.refuse("aggregates", `some of ${AGGREGATES.join(", ")}`);
  }
  return AGGREGATES.filter((known) => words.includes(known));
}

function readOwnScopes(section: Section): StatsdConfig["ownScopes"] {
  section.refuseOthers(["counter", "gauge", "histogram", "set", "status"]);
  const scope = (key: string) => section.oneOf(key, ["default", "local", "global"]) ?? "local";
  return {
    counter: scope("counter"),
    gauge: scope("gauge"),
    histogram: scope("histogram"),
    set: scope("set"),
    status: scope("status"),
  };
}

function checkTls(section: Section, config: StatsdConfig): void {
  const { tlsKey, tlsCertificate, tlsAuthorityCertificate } = config;
  if (tlsKey !== "" && tlsCertificate === "") {
    section.refuse("tls_key", "tls_certificate beside it: tls_key is set; must set tls_certificate");
  }
  if (tlsCertificate !== "" && tlsKey === "") section.refuse("tls_certificate", "tls_key beside it");
  if (tlsAuthorityCertificate !== "" && tlsKey === "") {
    section.refuse("tls_authority_certificate", "tls_key and tls_certificate beside it");
  }
}

function checkForwarding(section: Section, config: StatsdConfig): void {
  const { forwardAddress, forwardUseGrpc, forwardSetFormat, forwardTlsKey, forwardTlsCertificate } = config;
  if (forwardUseGrpc && forwardAddress !== "" && parseForwardAddress(forwardAddress) === undefined) {
    section.refuse("forward_address", "host:port of the other's grpc_address, or https://host:port where it has TLS");
  }
  if (forwardUseGrpc && forwardSetFormat === "v1") {
    section.refuse("forward_set_format", "v7, or forward_use_grpc: false: releases that want v1 take no gRPC");
  }
  if ((forwardTlsKey === "") !== (forwardTlsCertificate === "")) {
    const [set, other] = forwardTlsKey === "" ? ["certificate", "key"] : ["key", "certificate"];
    section.refuse(`forward_tls_${set}`, `forward_tls_${other} beside it`);
  }
  const isTls = forwardUseGrpc && forwardAddress.startsWith("https://");
  for (const key of ["forward_tls_certificate", "forward_tls_authority_certificate"]) {
    if (!isTls && (section.string(key) ?? "") !== "") {
      section.refuse(key, "forward_use_grpc: true and an https://host:port as forward_address beside it");
    }
  }
}
