/** The configuration of `limier proxy`: its sections, how they are read, and how they are shown. */
import { stringify } from "@std/yaml";
import { readLimierDocument, readSentry } from "../agent/mod.ts";
import { formatDuration, formatSize, redact, Section } from "../config/mod.ts";
import { formatHttpAddress, type HttpConfig, readHttpConfig } from "../http/mod.ts";
import { type MemberSource, type ProxyConfig, readProxyConfig } from "../statsd/mod.ts";
import { LOG_LEVELS, type LogLevel, type SentryDsn } from "../telemetry/mod.ts";
import { translateVeneurProxy } from "./proxy_veneur.ts";

/** What a proxy process runs with. */
export interface ProxyProgramConfig {
  readonly http: HttpConfig;
  readonly proxy: ProxyConfig;
  /** Absent: nothing is reported. */
  readonly sentry: SentryDsn | undefined;
  /** The DSN as it is written; "" where there is none. */
  readonly sentryDsn: string;
  readonly logLevel: LogLevel | undefined;
  /** What must not be shown. */
  readonly secrets: readonly string[];
}

/** A configuration that was read. */
export interface LoadedProxy {
  readonly config: ProxyProgramConfig;
  /** What is odd about the file but stops nothing. */
  readonly warnings: readonly string[];
}

/** How a file is to be read. */
export interface ProxyLoadOptions {
  /** The file's name, for messages; "" without a file. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  /** The file is one of veneur-proxy's. */
  readonly veneur: boolean;
  /** Unknown keys of a veneur-proxy file are errors too. */
  readonly strict: boolean;
}

/** @throws {ConfigError | ConfigErrors} with everything that can't be used */
export function loadProxyConfig(text: string, { file, env, veneur, strict }: ProxyLoadOptions): LoadedProxy {
  if (!veneur) return { config: readProgramConfig(readLimierDocument(text, file || "defaults", env)), warnings: [] };
  const { config, warnings } = translateVeneurProxy(text, file, env, { strict });
  return { config: readProgramConfig(Section.of(config, { file, collect: true })), warnings };
}

function readProgramConfig(root: Section): ProxyProgramConfig {
  root.refuseOthers(["http", "proxy", "sentry", "log_level"]);
  const http = root.gather(() => readHttpConfig(root.section("http")));
  const proxy = root.gather(() => readProxyConfig(root.section("proxy")));
  const sentry = root.gather(() => readSentry(root.section("sentry")));
  const logLevel = root.oneOf("log_level", LOG_LEVELS);
  if (http?.address === null && proxy?.grpcAddress === "") {
    root.section("http").refuse("address", "an address, or proxy.grpc_address: else nothing can be sent here");
  }
  root.throwCollected();
  if (http === undefined || proxy === undefined) throw new TypeError("unreachable: collected");
  const { text = "", dsn } = sentry ?? {};
  const secrets = [http.token, proxy.consulToken, proxy.tlsKey, proxy.forwardTlsKey, text].filter((secret) =>
    secret !== undefined && secret !== ""
  );
  return { http, proxy, sentry: dsn, sentryDsn: text, logLevel, secrets: secrets as string[] };
}

/** The configuration in force as a file that says all of it would have it; secrets are shown only if `printSecrets`. */
export function shownProxyConfig({ config }: LoadedProxy, printSecrets: boolean): object {
  const { http, proxy, sentryDsn, logLevel } = config;
  const shown = {
    http: {
      address: http.address === null ? "" : formatHttpAddress(http.address),
      quit: http.quit,
      config: http.config,
      token: http.token ?? null,
      allowed_hosts: http.allowedHosts,
      tls: {
        cert_file: http.tls?.certFile ?? null,
        key_file: http.tls?.keyFile ?? null,
        client_ca_file: http.tls?.clientCaFile ?? null,
      },
      max_body: formatSize(http.limits.maxBodyBytes),
      max_connections: http.limits.maxConnections,
    },
    proxy: proxySection(proxy),
    sentry: { dsn: sentryDsn },
    log_level: logLevel ?? "info",
  };
  return printSecrets ? shown : redact(shown) as object;
}

/** What {@link shownProxyConfig} gives as the text of a file, which reads as the same configuration. */
export function shownProxyYaml(loaded: LoadedProxy, printSecrets: boolean): string {
  const text = stringify(shownProxyConfig(loaded, printSecrets), { lineWidth: -1 }).trimEnd();
  return text.replaceAll("${", () => "$${"); // where it stands in a value, it is no variable
}

function proxySection(proxy: ProxyConfig): Record<string, unknown> {
  return {
    ...ringKeys(proxy.rings.http, "forward_addresses", "consul_forward_service_name"),
    ...ringKeys(proxy.rings.grpc, "grpc_forward_addresses", "consul_forward_grpc_service_name"),
    grpc_address: proxy.grpcAddress,
    tls_key: proxy.tlsKey || null,
    tls_certificate: proxy.tlsCertificate || null,
    tls_authority_certificate: proxy.tlsAuthorityCertificate || null,
    forward_tls_key: proxy.forwardTlsKey || null,
    forward_tls_certificate: proxy.forwardTlsCertificate || null,
    forward_tls_authority_certificate: proxy.forwardTlsAuthorityCertificate || null,
    consul_address: proxy.consulAddress,
    consul_token: proxy.consulToken ?? null,
    consul_refresh_interval: formatDuration(proxy.refreshIntervalMs),
    forward_timeout: formatDuration(proxy.forwardTimeoutMs),
    max_idle_conns_per_host: proxy.maxIdleConnsPerHost,
    send_buffer_size: proxy.sendBufferSize,
    shutdown_timeout: formatDuration(proxy.shutdownTimeoutMs),
    ignore_tags: proxy.ignoreTags,
    stats_address: proxy.statsAddress,
    runtime_metrics_interval: formatDuration(proxy.runtimeMetricsIntervalMs),
  };
}

function ringKeys(source: MemberSource | undefined, list: string, service: string): Record<string, unknown> {
  switch (source?.kind) {
    case "static":
      return { [list]: source.members };
    case "consul":
      return { [service]: source.service };
    case "kubernetes":
      return { kubernetes_forward_label: source.label };
    default:
      return {};
  }
}

/** The parts of the configuration that a reload can't change, by their keys. */
export function keptKeys(now: ProxyProgramConfig, next: ProxyProgramConfig): string[] {
  const differ = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  return [
    ...differ(now.logLevel, next.logLevel) ? ["log_level"] : [],
    ...differ(now.sentryDsn, next.sentryDsn) ? ["sentry"] : [],
    ...differ(now.proxy.statsAddress, next.proxy.statsAddress) ? ["proxy.stats_address"] : [],
    ...differ(now.proxy.runtimeMetricsIntervalMs, next.proxy.runtimeMetricsIntervalMs)
      ? ["proxy.runtime_metrics_interval"]
      : [],
  ];
}
