/** What a key of Veneur's file holds. `secret` is text; `list` is a list of maps. */
export type VeneurType = "string" | "secret" | "bool" | "int" | "float" | "duration" | "strings" | "floats" | "list";

/**
 * What becomes of a key: the place of its value in Limier's configuration, a key of the sink that is made an output,
 * a part of Veneur that Limier lacks (a warning says so), or nothing.
 */
export type Becomes =
  | { readonly place: string }
  | { readonly sink: string; readonly sinkKey: string }
  | { readonly missing: string }
  | { readonly nothing: string };

/** A key of Veneur's file. */
export interface VeneurKey {
  /** `http.config` for `config` in the map `http`. */
  readonly key: string;
  readonly type: VeneurType;
  /** What Veneur takes for an absent key, or, for text and numbers, an empty one. */
  readonly default: unknown;
  readonly becomes: Becomes;
  /** The default is not Limier's own, so that it is written out. */
  readonly spelledOut?: true;
}

type Row = readonly [key: string, type: VeneurType, initial: unknown, becomes: Becomes, spelledOut?: true];

const statsd = (key: string): Becomes => ({ place: `statsd.${key}` });
const sink = (kind: string, sinkKey: string): Becomes => ({ sink: kind, sinkKey });
const place = (path: string): Becomes => ({ place: path });
const missing = (part: string): Becomes => ({ missing: part });
const nothing = (why: string): Becomes => ({ nothing: why });

const QUEUE = nothing("spans wait in no queue");
const GO = nothing("it is about Go's runtime");
const ELSEWHERE = nothing("read where structured sinks are");

const ROWS: readonly Row[] = [
  // Listening
  ["udp_address", "string", "", statsd("udp_address"), true],
  ["tcp_address", "string", "", statsd("tcp_address")],
  ["statsd_listen_addresses", "strings", [], statsd("statsd_listen_addresses")],
  ["ssf_listen_addresses", "strings", [], statsd("ssf_listen_addresses")],
  ["ssf_address", "string", "", statsd("ssf_listen_addresses")],
  ["trace_address", "string", "", statsd("trace_address")],
  ["grpc_listen_addresses", "strings", [], statsd("grpc_listen_addresses")],
  ["grpc_address", "string", "", statsd("grpc_address")],
  ["tls_key", "secret", "", statsd("tls_key")],
  ["tls_certificate", "string", "", statsd("tls_certificate")],
  ["tls_authority_certificate", "string", "", statsd("tls_authority_certificate")],
  ["metric_max_length", "int", 8192, statsd("metric_max_length")],
  ["trace_max_length_bytes", "int", 16_384, statsd("trace_max_length_bytes")],
  ["read_buffer_size_bytes", "int", 2_097_152, statsd("read_buffer_size_bytes")],
  ["num_readers", "int", 1, statsd("num_readers")],
  ["num_workers", "int", 1, statsd("num_workers")],
  ["num_span_workers", "int", 1, QUEUE],
  ["span_channel_capacity", "int", 100, QUEUE],
  ["datadog_span_buffer_size", "int", 16_384, statsd("datadog_span_buffer_size")],
  ["ssf_buffer_size", "int", 16_384, statsd("datadog_span_buffer_size")],

  // Aggregating
  ["interval", "duration", "10s", statsd("interval")],
  ["synchronize_with_interval", "bool", false, statsd("synchronize_with_interval"), true],
  ["flush_on_shutdown", "bool", true, statsd("flush_on_shutdown")],
  ["flush_watchdog_missed_flushes", "int", 0, statsd("flush_watchdog_missed_flushes")],
  ["percentiles", "floats", [], statsd("percentiles"), true],
  ["aggregates", "strings", ["min", "max", "count"], statsd("aggregates")],
  ["tags", "strings", [], statsd("tags")],
  ["extend_tags", "strings", [], statsd("extend_tags")],
  ["tags_exclude", "strings", [], statsd("tags_exclude")],
  ["hostname", "string", "", statsd("hostname")],
  ["omit_empty_hostname", "bool", false, statsd("omit_empty_hostname")],
  ["count_unique_timeseries", "bool", false, statsd("count_unique_timeseries")],
  ["indicator_span_timer_name", "string", "", statsd("indicator_span_timer_name")],
  ["objective_span_timer_name", "string", "", statsd("objective_span_timer_name")],
  ["sources", "list", [], statsd("sources")],

  // Forwarding
  ["forward_address", "string", "", statsd("forward_address")],
  ["forward_use_grpc", "bool", false, statsd("forward_use_grpc")],
  ["forward_set_format", "string", "", statsd("forward_set_format")],

  // Its own state
  ["http_address", "string", "", place("http.address"), true],
  ["http_quit", "bool", false, place("http.quit")],
  ["http.config", "bool", false, place("http.config")],
  ["stats_address", "string", "", statsd("stats_address")],
  ["veneur_metrics_scopes.counter", "string", "", statsd("veneur_metrics_scopes.counter")],
  ["veneur_metrics_scopes.gauge", "string", "", statsd("veneur_metrics_scopes.gauge")],
  ["veneur_metrics_scopes.histogram", "string", "", statsd("veneur_metrics_scopes.histogram")],
  ["veneur_metrics_scopes.set", "string", "", statsd("veneur_metrics_scopes.set")],
  ["veneur_metrics_scopes.status", "string", "", statsd("veneur_metrics_scopes.status")],
  ["veneur_metrics_additional_tags", "strings", [], statsd("veneur_metrics_additional_tags")],
  ["sentry_dsn", "secret", "", place("sentry.dsn")],
  ["debug", "bool", false, place("log_level")],
  ["debug_flushed_metrics", "bool", false, nothing("the debug sink shows them")],
  ["debug_ingested_spans", "bool", false, nothing("the debug sink shows them")],
  ["enable_profiling", "bool", false, place("enable_profiling")],
  ["mutex_profile_fraction", "int", 0, GO],
  ["block_profile_rate", "int", 0, GO],

  // Sinks as lists
  ["metric_sinks", "list", [], ELSEWHERE],
  ["span_sinks", "list", [], ELSEWHERE],
  ["metric_sink_routing", "list", [], statsd("metric_sink_routing")],
  ["features.enable_metric_sink_routing", "bool", false, nothing("it switches metric_sink_routing on")],
  ["features.diagnostics_metrics_enabled", "bool", false, GO],
  ["features.migrate_metric_sinks", "bool", false, nothing("flat and structured sinks work side by side")],
  ["features.migrate_span_sinks", "bool", false, nothing("flat and structured sinks work side by side")],
  ["features.proxy_protocol", "string", "", nothing("it is about another program")],
  ["prometheus_exposition", "bool", false, statsd("prometheus_exposition")],

  // Sinks as keys
  ["datadog_api_hostname", "string", "https://app.datadoghq.com", sink("datadog", "api_hostname")],
  ["api_hostname", "string", "https://app.datadoghq.com", sink("datadog", "api_hostname")],
  ["datadog_api_key", "secret", "", sink("datadog", "api_key")],
  ["key", "secret", "", sink("datadog", "api_key")],
  ["datadog_flush_max_per_body", "int", 25_000, sink("datadog", "flush_max_per_body")],
  ["flush_max_per_body", "int", 25_000, sink("datadog", "flush_max_per_body")],
  ["datadog_trace_api_address", "string", "", sink("datadog", "trace_api_address")],
  ["trace_api_address", "string", "", sink("datadog", "trace_api_address")],
  ["datadog_trace_format", "string", "traces", sink("datadog", "trace_format")],
  ["datadog_metric_name_prefix_drops", "strings", [], sink("datadog", "metric_name_prefix_drops")],
  ["datadog_exclude_tags_prefix_by_prefix_metric", "list", [], sink("datadog", "exclude_tags_prefix_by_prefix_metric")],
  ["aws_access_key_id", "secret", "", sink("s3", "access_key_id")],
  ["aws_secret_access_key", "secret", "", sink("s3", "secret_access_key")],
  ["aws_region", "string", "", sink("s3", "region")],
  ["aws_s3_bucket", "string", "", sink("s3", "s3_bucket")],
  ["flush_file", "string", "", sink("localfile", "flush_file")],
  ["influx_address", "string", "", sink("influxdb", "address")],
  ["influx_consistency", "string", "", sink("influxdb", "consistency")],
  ["influx_db_name", "string", "", sink("influxdb", "db_name")],
  ["prometheus_repeater_address", "string", "", sink("prometheus", "repeater_address")],
  ["prometheus_network_type", "string", "tcp", sink("prometheus", "network_type")],
  ["kafka_broker", "string", "", sink("kafka", "broker")],
  ["kafka_metric_topic", "string", "", sink("kafka", "metric_topic")],
  ["kafka_check_topic", "string", "", sink("kafka", "check_topic")],
  ["kafka_event_topic", "string", "", sink("kafka", "event_topic")],
  ["kafka_span_topic", "string", "", sink("kafka", "span_topic")],
  ["kafka_partitioner", "string", "hash", sink("kafka", "partitioner")],
  ["kafka_retry_max", "int", 0, sink("kafka", "retry_max")],
  ["kafka_metric_require_acks", "string", "all", sink("kafka", "metric_require_acks")],
  ["kafka_metric_buffer_bytes", "int", 0, sink("kafka", "metric_buffer_bytes")],
  ["kafka_metric_buffer_messages", "int", 0, sink("kafka", "metric_buffer_messages")],
  ["kafka_metric_buffer_frequency", "duration", "0s", sink("kafka", "metric_buffer_frequency")],
  ["kafka_span_require_acks", "string", "all", sink("kafka", "span_require_acks")],
  ["kafka_span_buffer_bytes", "int", 0, sink("kafka", "span_buffer_bytes")],
  ["kafka_span_buffer_mesages", "int", 0, sink("kafka", "span_buffer_mesages")], // its spelling
  ["kafka_span_buffer_frequency", "duration", "0s", sink("kafka", "span_buffer_frequency")],
  ["kafka_span_sample_rate_percent", "float", 100, sink("kafka", "span_sample_rate_percent")],
  ["kafka_span_sample_tag", "string", "", sink("kafka", "span_sample_tag")],
  ["kafka_span_serialization_format", "string", "protobuf", sink("kafka", "span_serialization_format")],

  // Sinks that Limier has no output for
  ["falconer_address", "string", "", missing("the falconer sink")],
  ...rowsOf("the signalfx sink", {
    signalfx_api_key: "secret",
    signalfx_dynamic_per_tag_api_keys_enable: "bool",
    signalfx_dynamic_per_tag_api_keys_refresh_period: "duration",
    signalfx_endpoint_api: "string",
    signalfx_endpoint_base: "string",
    signalfx_flush_max_per_body: "int",
    signalfx_hostname_tag: "string",
    signalfx_metric_name_prefix_drops: "strings",
    signalfx_metric_tag_prefix_drops: "strings",
    signalfx_per_tag_api_keys: "list",
    signalfx_vary_key_by: "string",
    signalfx_vary_key_by_favor_common_dimensions: "bool",
  }),
  ...rowsOf("the newrelic sink", {
    newrelic_account_id: "int",
    newrelic_common_tags: "strings",
    newrelic_event_type: "string",
    newrelic_insert_key: "secret",
    newrelic_region: "string",
    newrelic_service_check_event_type: "string",
    newrelic_trace_observer_url: "string",
  }),
  ...rowsOf("the lightstep sink", {
    lightstep_access_token: "secret",
    lightstep_collector_host: "string",
    lightstep_maximum_spans: "int",
    lightstep_num_clients: "int",
    lightstep_reconnect_period: "duration",
    trace_lightstep_access_token: "secret",
    trace_lightstep_collector_host: "string",
    trace_lightstep_maximum_spans: "int",
    trace_lightstep_num_clients: "int",
    trace_lightstep_reconnect_period: "duration",
  }),
  ...rowsOf("the splunk sink", {
    splunk_hec_address: "string",
    splunk_hec_batch_size: "int",
    splunk_hec_connection_lifetime_jitter: "duration",
    splunk_hec_ingest_timeout: "duration",
    splunk_hec_max_connection_lifetime: "duration",
    splunk_hec_send_timeout: "duration",
    splunk_hec_submission_workers: "int",
    splunk_hec_tls_validate_hostname: "string",
    splunk_hec_token: "secret",
    splunk_span_sample_rate: "int",
  }),
  ...rowsOf("the xray sink", {
    xray_address: "string",
    xray_annotation_tags: "strings",
    xray_sample_percentage: "float",
  }),
];

function rowsOf(part: string, types: Readonly<Record<string, VeneurType>>): Row[] {
  return Object.entries(types).map(([key, type]) => [key, type, undefined, missing(part)]);
}

/** Every key of Veneur's configuration file, from 1.1 to the last release, and the few that Limier adds. */
export const VENEUR_KEYS: readonly VeneurKey[] = ROWS.map(([key, type, initial, becomes, spelledOut]) => ({
  key,
  type,
  default: initial,
  becomes,
  ...spelledOut ? { spelledOut } : {},
}));

/** Names that Veneur gave up, and the name each has now; a file may have either. */
export const VENEUR_RENAMED: Readonly<Record<string, string>> = {
  api_hostname: "datadog_api_hostname",
  key: "datadog_api_key",
  flush_max_per_body: "datadog_flush_max_per_body",
  trace_api_address: "datadog_trace_api_address",
  ssf_buffer_size: "datadog_span_buffer_size",
  ssf_address: "ssf_listen_addresses",
  trace_lightstep_access_token: "lightstep_access_token",
  trace_lightstep_collector_host: "lightstep_collector_host",
  trace_lightstep_maximum_spans: "lightstep_maximum_spans",
  trace_lightstep_num_clients: "lightstep_num_clients",
  trace_lightstep_reconnect_period: "lightstep_reconnect_period",
};

/** The keys of Veneur 1.1.0's configuration (`type Config struct`, config.go). */
export const VENEUR_1_1_KEYS: readonly string[] = [
  "aggregates",
  "api_hostname",
  "aws_access_key_id",
  "aws_region",
  "aws_s3_bucket",
  "aws_secret_access_key",
  "debug",
  "enable_profiling",
  "flush_max_per_body",
  "forward_address",
  "hostname",
  "http_address",
  "influx_address",
  "influx_consistency",
  "influx_db_name",
  "interval",
  "key",
  "metric_max_length",
  "num_readers",
  "num_workers",
  "omit_empty_hostname",
  "percentiles",
  "read_buffer_size_bytes",
  "sentry_dsn",
  "stats_address",
  "tags",
  "tcp_address",
  "tls_authority_certificate",
  "tls_certificate",
  "tls_key",
  "trace_address",
  "trace_api_address",
  "trace_max_length_bytes",
  "udp_address",
];
