/** The configuration in force, in the words of limier.yaml: every key of every section, whatever was written. */
import { formatDuration, formatSize, isSecretName } from "../config/mod.ts";
import { flowSection } from "../flow/mod.ts";
import { formatHttpAddress, type HttpConfig } from "../http/mod.ts";
import type { BatchKind } from "../metric/mod.ts";
import { destinationOf, type Encoder, type OutputConfig, type SpoolConfig } from "../output/mod.ts";
import { formatAddress, type ListenAddress, sourceSection, STATSD_KEYS, type StatsdConfig } from "../statsd/mod.ts";
import { lagSection } from "../lag/mod.ts";
import { tcpinfoSection } from "../tcpinfo/mod.ts";
import { type AgentConfig, hostnameOf } from "./config.ts";
import { listenerSection } from "./lag_listeners.ts";

/** A section as the YAML yields it. */
type Yaml = Record<string, unknown>;

/**
 * The configuration as a limier.yaml that says all of it would have it, secrets and all. A key without a value, such as
 * a proxy that is not used, is `null`, which reads as if it were absent.
 */
export function effectiveConfig(config: AgentConfig): Yaml {
  return {
    statsd: statsdSection(config),
    http: httpSection(config.http),
    outputs: config.outputs.map(outputSection),
    spool: spoolSection(config.spool),
    takeover: { enabled: config.takeover.enabled, directory: config.takeover.directory },
    tcpinfo: tcpinfoSection(config.tcpinfo),
    flow: config.flow === undefined ? null : flowSection(config.flow),
    ...lagKeys(config),
    sentry: { dsn: config.sentryDsn },
    log_level: config.logLevel ?? "info",
    enable_profiling: config.profilePath !== "",
  };
}

function lagKeys({ lag, lagListeners }: AgentConfig): Yaml {
  if (lag === undefined) return {};
  const format = { address: formatHttpAddress, duration: formatDuration };
  return { lag: { ...lagSection(lag), listeners: lagListeners.map((one) => listenerSection(one, format)) } };
}

function statsdSection(config: AgentConfig): Yaml {
  const { statsd } = config;
  const named: Yaml = {
    ...listenKeys(statsd),
    ssf_listen_addresses: statsd.ssfListen.map(formatAddress),
    trace_address: "", // one of ssf_listen_addresses by now
    grpc_listen_addresses: statsd.grpcListen.map(formatAddress),
    grpc_address: statsd.grpcImport.map((address) => formatAddress(address).slice("tcp://".length)).join(""),
    hostname: hostnameOf(config),
    sources: statsd.sources.map(sourceSection),
    veneur_metrics_scopes: statsd.ownScopes,
    veneur_metrics_additional_tags: statsd.ownTags,
  };
  return byName(STATSD_KEYS, statsd, named);
}

/** The first addresses are those of `udp_address` and `tcp_address`, where they are of that kind and plain. */
function listenKeys({ listen }: StatsdConfig): Yaml {
  const rest = [...listen];
  const take = (transport: ListenAddress["transport"]): string => {
    const [first] = rest;
    if (first === undefined || first.transport !== transport || first.family !== undefined) return "";
    rest.shift();
    return formatAddress(first).slice(`${transport}://`.length);
  };
  return { udp_address: take("udp"), tcp_address: take("tcp"), statsd_listen_addresses: rest.map(formatAddress) };
}

function httpSection({ address, quit, config, token, allowedHosts, tls, limits }: HttpConfig): Yaml {
  return {
    address: address === null ? "" : formatHttpAddress(address),
    quit,
    config,
    token: token ?? null,
    allowed_hosts: allowedHosts,
    tls: {
      cert_file: tls?.certFile ?? null,
      key_file: tls?.keyFile ?? null,
      client_ca_file: tls?.clientCaFile ?? null,
    },
    max_body: formatSize(limits.maxBodyBytes),
    max_connections: limits.maxConnections,
  };
}

function outputSection(output: OutputConfig): Yaml {
  const { tls, filter, backoff } = output;
  const destination = destinationOf(output.kind);
  return {
    name: output.name,
    kind: output.kind,
    mode: output.mode,
    hosts: output.hosts,
    worker: output.worker,
    timeout: formatDuration(output.timeoutMs),
    backoff: { init: formatDuration(backoff.initMs), max: formatDuration(backoff.maxMs) },
    max_retries: output.maxRetries,
    bulk_max_size: output.bulkMaxSize,
    spool: output.spool,
    sends: sentBy(output, destination.newEncoder(output.own)),
    tls: {
      ca_file: tls.caFile ?? null,
      cert_file: tls.certFile ?? null,
      key_file: tls.keyFile ?? null,
      server_name: tls.serverName ?? null,
    },
    proxy: output.proxy ?? null,
    tags_exclude: filter.excludeTags,
    strip_tags: filter.stripTags,
    add_tags: filter.addTags,
    max_name_length: filter.maxNameLength,
    max_tag_length: filter.maxTagLength,
    max_tags: filter.maxTags,
    metric_name_prefix_drops: filter.dropNamePrefixes,
    exclude_tags_prefix_by_prefix_metric: filter.excludeTagPrefixes.map(({ metricPrefix, tags }) => ({
      metric_prefix: metricPrefix,
      tags,
    })),
    ...byName(destination.keys, output.own, destination.written?.(output.own) ?? {}),
  };
}

function spoolSection(spool: SpoolConfig): Yaml {
  return {
    directory: spool.directory,
    max_bytes: formatSize(spool.maxBytes),
    segment_bytes: formatSize(spool.segmentBytes),
    when_full: spool.whenFull,
    fsync: spool.fsync,
    max_age: spool.maxAgeMs === null ? null : formatDuration(spool.maxAgeMs),
    max_event_bytes: formatSize(spool.maxEventBytes),
    min_free_bytes: spool.minFreeBytes === null ? null : formatSize(spool.minFreeBytes),
  };
}

const METHODS = { points: "point", events: "event", checks: "check", spans: "span" } as const satisfies Record<
  BatchKind,
  keyof Encoder
>;

/** Of what an output is to send, that for which its destination has a form. */
function sentBy({ sends }: OutputConfig, encoder: Encoder): readonly BatchKind[] {
  return sends.filter((kind) => encoder[METHODS[kind]] !== undefined);
}

/** Values of a section by its keys: each is a field of the same name, whose unit, if it has one, ends the field's name. */
function byName(keys: readonly string[], section: unknown, named: Yaml): Yaml {
  const fields = (section ?? {}) as Yaml;
  const entries = keys.filter((key) => !isSecretFile(key)).map((key) => {
    if (Object.hasOwn(named, key)) return [key, named[key]];
    const field = key.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    const durationMs = fields[`${field}Ms`];
    if (typeof durationMs === "number") return [key, formatDuration(durationMs)];
    const sizeBytes = fields[`${field}Bytes`];
    if (typeof sizeBytes === "number") return [key, formatSize(sizeBytes)];
    return [key, fields[field] ?? null];
  });
  return Object.fromEntries(entries);
}

/** The other way to write a secret, of which nothing is left once it is read. */
function isSecretFile(key: string): boolean {
  return key.endsWith("_file") && isSecretName(key.slice(0, -"_file".length));
}
