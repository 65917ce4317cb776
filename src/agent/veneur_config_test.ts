import assert from "node:assert/strict";
import { ConfigErrors, parseDuration, Section } from "../config/mod.ts";
import { readStatsdConfig } from "../statsd/mod.ts";
import { translateVeneurConfig, type VeneurOptions } from "./veneur_config.ts";
import { VENEUR_1_1_KEYS } from "./veneur_keys.ts";

type Env = Record<string, string>;

/** What every translation says, whatever the file does. */
const SPELLED_OUT = {
  statsd: { udp_address: "", synchronize_with_interval: false, percentiles: [] },
  http: { address: "" },
};

interface Translated {
  config: Readonly<Record<string, unknown>>;
  statsd: Record<string, unknown>;
  outputs: Record<string, unknown>[];
  warnings: readonly string[];
}

function translate(text: string, env: Env = {}, options: VeneurOptions = {}): Translated {
  const { config, warnings } = translateVeneurConfig(text, "veneur.yaml", env, options);
  return {
    config,
    statsd: config.statsd as Translated["statsd"],
    outputs: config.outputs as Translated["outputs"],
    warnings,
  };
}

function errorsOf(text: string, env: Env = {}, options: VeneurOptions = {}): string[] {
  try {
    translate(text, env, options);
  } catch (error) {
    assert.ok(error instanceof ConfigErrors);
    return error.errors.map(({ message }) => message);
  }
  throw new assert.AssertionError({ message: "no error" });
}

function outputsOf(text: string, env: Env = {}): unknown {
  return translate(text, env).outputs;
}

const allKeys = new URL("../../testdata/veneur/all_keys_1_1.yaml", import.meta.url);

Deno.test("translateVeneurConfig() takes all 34 keys of 1.1", async () => {
  const text = await Deno.readTextFile(allKeys);
  assert.deepEqual([...text.matchAll(/^([a-z0-9_]+):/gm)].map(([, key]) => key), VENEUR_1_1_KEYS);
  const { config, statsd: given, warnings } = translate(text, {}, { strict: true });
  assert.deepEqual(warnings, []);
  const { tls_key, tls_certificate, tls_authority_certificate, ...statsd } = given;
  assert.match(String(tls_key), /^-----BEGIN PRIVATE KEY-----\n/);
  assert.match(String(tls_certificate), /^-----BEGIN CERTIFICATE-----\n/);
  assert.equal(tls_authority_certificate, tls_certificate);
  assert.deepEqual({ ...config, statsd }, {
    statsd: {
      aggregates: ["min", "max", "median", "avg", "count", "sum"],
      forward_address: "http://127.0.0.1:18127",
      hostname: "web1.example.org",
      interval: "1s",
      metric_max_length: 4096,
      num_readers: 2,
      num_workers: 4,
      omit_empty_hostname: true,
      percentiles: [0.5, 0.75, 0.99],
      read_buffer_size_bytes: 1_048_576,
      stats_address: "127.0.0.1:8126",
      synchronize_with_interval: false,
      tags: ["env:prod", "dc:eu"],
      tcp_address: "127.0.0.1:8128",
      trace_address: "127.0.0.1:8129",
      trace_max_length_bytes: 8192,
      udp_address: "127.0.0.1:8126",
    },
    http: { address: "127.0.0.1:8127" },
    sentry: { dsn: "http://public:private@127.0.0.1:19000/1" },
    log_level: "debug",
    enable_profiling: false,
    outputs: [
      {
        name: "datadog",
        kind: "datadog",
        hosts: ["http://127.0.0.1:18080"],
        key: "00000000000000000000000000001234",
        bulk_max_size: 5000,
        trace_api_address: "http://127.0.0.1:18126",
        sends: ["points", "events", "checks", "spans"],
      },
      {
        name: "s3",
        kind: "s3",
        bucket: "veneur-archive",
        region: "eu-west-1",
        access_key_id: "AKIDEXAMPLE",
        secret_access_key: "example/secret",
      },
      {
        name: "influxdb",
        kind: "influxdb",
        hosts: ["http://127.0.0.1:8086"],
        database: "veneur",
        consistency: "one",
      },
    ],
  });
  const read = readStatsdConfig(Section.of(config).section("statsd"));
  assert.equal(read.intervalMs, 1000);
  assert.equal(read.listen.length, 2);
});

Deno.test("translateVeneurConfig() of an empty file listens nowhere and prints nothing", () => {
  for (const text of ["", "---\n", "# nothing\n"]) {
    const { config, warnings } = translate(text, {}, { strict: true });
    assert.deepEqual(config, { ...SPELLED_OUT, outputs: [] });
    assert.deepEqual(warnings, []);
  }
  assert.deepEqual(readStatsdConfig(Section.of(SPELLED_OUT).section("statsd")).listen, []);
});

Deno.test("translateVeneurConfig() takes empty values for none", () => {
  const { config, warnings } = translate(`
api_hostname: ""
key: ""
flush_max_per_body: 0
ssf_buffer_size: 0
http_address: ""
tls_key: ""
tags: [""]
extend_tags:
  - ""
num_workers: 0
trace_lightstep_reconnect_period: 0s
veneur_metrics_scopes: {counter: "", gauge: local}
aggregates: []
grpc_address: ""
forward_use_grpc: false
`);
  assert.deepEqual(config, {
    ...SPELLED_OUT,
    statsd: { ...SPELLED_OUT.statsd, forward_use_grpc: false, veneur_metrics_scopes: { gauge: "local" } },
    outputs: [],
  });
  assert.deepEqual(warnings, []);
});

const placed: [text: string, path: string, value: unknown][] = [
  ["synchronize_with_interval: true", "statsd.synchronize_with_interval", true],
  ["flush_on_shutdown: false", "statsd.flush_on_shutdown", false],
  ["grpc_address: localhost:8128", "statsd.grpc_address", "localhost:8128"],
  ['grpc_listen_addresses: ["tcp://:8126"]', "statsd.grpc_listen_addresses", ["tcp://:8126"]],
  ["forward_use_grpc: true", "statsd.forward_use_grpc", true],
  ["forward_set_format: v1", "statsd.forward_set_format", "v1"],
  ["flush_watchdog_missed_flushes: 3", "statsd.flush_watchdog_missed_flushes", 3],
  ["hostname: 12", "statsd.hostname", "12"],
  ["omit_empty_hostname: true", "statsd.hostname", ""],
  ["omit_empty_hostname: false", "statsd.hostname", undefined],
  ["statsd_listen_addresses: ['udp://:8126']", "statsd.statsd_listen_addresses", ["udp://:8126"]],
  ["ssf_address: localhost:8128", "statsd.ssf_listen_addresses", ["udp://localhost:8128"]],
  ["extend_tags: [a:b]", "statsd.extend_tags", ["a:b"]],
  ["tags_exclude: [nonce, 'host_env|signalfx']", "statsd.tags_exclude", ["nonce", "host_env|signalfx"]],
  ["veneur_metrics_scopes: {set: global}", "statsd.veneur_metrics_scopes.set", "global"],
  ["veneur_metrics_additional_tags: [a:b]", "statsd.veneur_metrics_additional_tags", ["a:b"]],
  ["count_unique_timeseries: true", "statsd.count_unique_timeseries", true],
  ["indicator_span_timer_name: a", "statsd.indicator_span_timer_name", "a"],
  ["http_address: einhorn@0", "http.address", "einhorn@0"],
  ["http_quit: true", "http.quit", true],
  ["http: {config: true}", "http.config", true],
  ["sentry_dsn: http://a@b/1", "sentry.dsn", "http://a@b/1"],
  ["debug: true", "log_level", "debug"],
  ["debug: false", "log_level", undefined],
  ["enable_profiling: yes", "enable_profiling", true],
  ["prometheus_exposition: true", "statsd.prometheus_exposition", true],
];
for (const [text, path, value] of placed) {
  Deno.test(`translateVeneurConfig() puts ${text} in ${path}`, () => {
    const { config, warnings } = translate(text, {}, { strict: true });
    let inside: unknown = config;
    for (const step of path.split(".")) inside = (inside as Record<string, unknown> | undefined)?.[step];
    assert.deepEqual(inside, value);
    assert.deepEqual(warnings, []);
  });
}

const flat: [name: string, text: string, outputs: unknown[]][] = [
  ["a key", "key: k", [{ name: "datadog", kind: "datadog", hosts: ["https://app.datadoghq.com"], key: "k" }]],
  ["a host without a key", "api_hostname: http://h", []],
  [
    "the later names",
    "datadog_api_key: k\ndatadog_api_hostname: http://h\ndatadog_flush_max_per_body: 7\n" +
    "datadog_metric_name_prefix_drops: [x.]\n" +
    "datadog_exclude_tags_prefix_by_prefix_metric: [{metric_prefix: m, tags: [t]}]",
    [{
      name: "datadog",
      kind: "datadog",
      hosts: ["http://h"],
      key: "k",
      bulk_max_size: 7,
      metric_name_prefix_drops: ["x."],
      exclude_tags_prefix_by_prefix_metric: [{ metric_prefix: "m", tags: ["t"] }],
    }],
  ],
  ["spans without a listener", "trace_api_address: http://t", []],
  ["spans without a key", "trace_address: ':1'\ntrace_api_address: http://t", [{
    name: "datadog",
    kind: "datadog",
    hosts: ["https://app.datadoghq.com"],
    trace_api_address: "http://t",
    sends: ["spans"],
  }]],
  ["a file", "flush_file: /tmp/x.tsv.gz", [
    { name: "localfile", kind: "file", path: "/tmp/x.tsv.gz", format: "tsv", compress: "gzip" },
  ]],
  ["a repeater", "prometheus_repeater_address: localhost:9125", [
    { name: "prometheus", kind: "prometheus_repeater", hosts: ["localhost:9125"], network_type: "tcp" },
  ]],
  ["Kafka", "kafka_broker: 'a:1,b:2'\nkafka_metric_topic: m\nkafka_span_topic: s\nkafka_retry_max: 2", [{
    name: "kafka",
    kind: "kafka",
    hosts: ["a:1", "b:2"],
    metric_topic: "m",
    span_topic: "s",
    max_retries: 2,
    sends: ["points", "spans"],
  }]],
  ["Kafka without a topic", "kafka_broker: a:1", []],
  ["S3 without credentials", "aws_s3_bucket: b\naws_region: r", [{ name: "s3", kind: "s3", bucket: "b", region: "r" }]],
];
for (const [name, text, outputs] of flat) {
  Deno.test(`translateVeneurConfig() with ${name}`, () => assert.deepEqual(outputsOf(text), outputs));
}

Deno.test("translateVeneurConfig() makes outputs of structured sinks", () => {
  const text = `
flush_file: /tmp/x
metric_sinks:
- {kind: datadog, name: dd, max_tags: 3, add_tags: {team: 5}, strip_tags: [{kind: prefix, value: "p:"}],
   config: {datadog_api_key: k, datadog_exclude_tags_prefix_by_prefix_metric: [{metric_prefix: m, tags: [t]}]}}
- {kind: s3, config: {s3_bucket: b, access_key_id: i, secret_access_key: s, region: r}}
- {kind: localfile, name: two, config: {flush_file: /tmp/y, delimiter: 44}}
- {kind: prometheus, name: p, config: {repeater_address: "a:1", network_type: udp}}
- kind: cortex
  name: c
  config:
    url: http://c/push
    remote_timeout: 5s
    proxy_url: http://p
    batch_write_size: 10
    headers: {X-Scope-OrgID: t}
    authorization: {credentials: tok}
- {kind: kafka, name: k, config: {broker: "a:1", metric_topic: m, metric_require_acks: local}}
- {kind: debug, name: d}
- {kind: blackhole, name: b}
span_sinks:
- {kind: datadog, name: dd, config: {trace_api_address: http://t}}
- {kind: kafka, name: k, config: {broker: "a:1", span_topic: s}}
`;
  const { config, warnings } = translate(text, {}, { strict: true });
  assert.deepEqual(warnings, []);
  assert.deepEqual(config.outputs, [
    { name: "localfile", kind: "file", path: "/tmp/x", format: "tsv", compress: "gzip" },
    {
      name: "dd",
      kind: "datadog",
      hosts: ["https://app.datadoghq.com"],
      key: "k",
      exclude_tags_prefix_by_prefix_metric: [{ metric_prefix: "m", tags: ["t"] }],
      max_tags: 3,
      strip_tags: [{ kind: "prefix", value: "p:" }],
      add_tags: { team: "5" },
      trace_api_address: "http://t",
      sends: ["points", "events", "checks", "spans"],
    },
    { name: "s3", kind: "s3", bucket: "b", region: "r", access_key_id: "i", secret_access_key: "s" },
    { name: "two", kind: "file", path: "/tmp/y", format: "tsv", compress: "gzip", delimiter: "," },
    { name: "p", kind: "prometheus_repeater", hosts: ["a:1"], network_type: "udp" },
    {
      name: "c",
      kind: "prometheus_remote_write",
      hosts: ["http://c/push"],
      timeout: "5s",
      proxy: "http://p",
      bulk_max_size: 10,
      headers: { "X-Scope-OrgID": "t" },
      authorization: { type: "Bearer", credentials: "tok" },
    },
    { name: "k", kind: "kafka", hosts: ["a:1"], metric_topic: "m", metric_require_acks: "local", sends: ["points"] },
    { name: "d", kind: "debug" },
    { name: "b", kind: "blackhole" },
    { name: "k_spans", kind: "kafka", hosts: ["a:1"], span_topic: "s", sends: ["spans"] },
  ]);
});

Deno.test("translateVeneurConfig() lets the environment say a sink's settings", () => {
  const text = "metric_sinks: [{kind: datadog, name: dd, config: {api_key: file}}]";
  for (const name of ["DD_APIKEY", "DD_API_KEY", "DD_DATADOGAPIKEY"]) {
    assert.deepEqual(outputsOf(text, { [name]: "env" }), [
      { name: "dd", kind: "datadog", hosts: ["https://app.datadoghq.com"], key: "env" },
    ]);
  }
  assert.deepEqual(errorsOf(text, { DD_FLUSHMAXPERBODY: "many" }), [
    'DD_FLUSHMAXPERBODY: Cannot use flush_max_per_body = "many": write a whole number',
  ]);
});

const variables: [name: string, value: string, key: string, expected: unknown][] = [
  ["VENEUR_UDPADDRESS", ":1", "udp_address", ":1"],
  ["VENEUR_UDP_ADDRESS", ":1", "udp_address", ":1"],
  ["VENEUR_HOSTNAME", "env", "hostname", "env"],
  ["VENEUR_TAGS", "a:b,c", "tags", ["a:b", "c"]],
  ["VENEUR_PERCENTILES", "0.5,0.9", "percentiles", [0.5, 0.9]],
  ["VENEUR_NUMWORKERS", "3", "num_workers", 3],
  ["VENEUR_SYNCHRONIZEWITHINTERVAL", "T", "synchronize_with_interval", true],
  ["VENEUR_INTERVAL", "1m", "interval", "1m"],
  ["VENEUR_VENEURMETRICSSCOPES_COUNTER", "global", "veneur_metrics_scopes", { counter: "global" }],
];
for (const [name, value, key, expected] of variables) {
  Deno.test(`translateVeneurConfig() with ${name}=${value}`, () => {
    const { statsd } = translate("hostname: file\ninterval: 5s\ntags: [x]\n", { [name]: value });
    assert.deepEqual(statsd[key], expected);
  });
}

Deno.test("translateVeneurConfig() warns of old names beside new ones, in the file and the environment", () => {
  const { outputs, warnings } = translate("key: old\ndatadog_api_key: new\napi_hostname: http://only\n");
  assert.equal(outputs[0]?.key, "new");
  assert.deepEqual(outputs[0]?.hosts, ["http://only"]);
  assert.deepEqual(warnings, ["veneur.yaml:1:1: key has no effect beside datadog_api_key, its new name"]);
  const env = translate("key: old\n", { VENEUR_DATADOGAPIKEY: "new" });
  assert.equal(env.outputs[0]?.key, "new");
  assert.equal(env.warnings.length, 1);
  assert.equal(translate("key: old\n", { VENEUR_KEY: "env" }).outputs[0]?.key, "env");
});

Deno.test("translateVeneurConfig() warns once of each unknown key, and names the closest", () => {
  const text = "udp_adress: ':1'\nwhatever: {a: 1}\nhttp: {confg: true}\nmetric_sinks:\n" +
    "- {kind: debug, nam: x, config: {y: 1}}\n";
  const { warnings } = translate(text);
  assert.deepEqual(warnings.map((line) => line.replace(/; the closest known key is \w+$/, "")), [
    "veneur.yaml:1:1: unknown key udp_adress has no effect",
    "veneur.yaml:2:1: unknown key whatever has no effect",
    "veneur.yaml:3:8: unknown key http.confg has no effect",
    "veneur.yaml:5:17: unknown key metric_sinks[0].nam has no effect",
    "veneur.yaml:5:34: unknown key metric_sinks[0].config.y has no effect",
  ]);
  assert.match(warnings[0]!, /the closest known key is udp_address$/);
  assert.match(warnings[2]!, /the closest known key is config$/);
  assert.deepEqual(errorsOf(text, {}, { strict: true }).map((line) => line.replace(/; .*/, "")), [
    "veneur.yaml:1:1: Cannot use udp_adress: there is no such key",
    "veneur.yaml:2:1: Cannot use whatever: there is no such key",
    "veneur.yaml:3:8: Cannot use http.confg: there is no such key",
    "veneur.yaml:5:17: Cannot use metric_sinks[0].nam: there is no such key",
    "veneur.yaml:5:34: Cannot use metric_sinks[0].config.y: there is no such key",
  ]);
});

Deno.test("translateVeneurConfig() warns of variables that are nearly known, and of no others", () => {
  const env = { VENEUR_UDPADRESS: ":1", VENEUR_EMIT_TRACE_ID: "1", VENEUR_SERVICE_HOST: "x", HOME: "/" };
  const { warnings } = translate("", env, { strict: true });
  assert.deepEqual(warnings, [
    "VENEUR_UDPADRESS: unknown variable has no effect; the closest known one is VENEUR_UDPADDRESS",
  ]);
});

Deno.test("translateVeneurConfig() takes the last of two keys, and says so; not where it is strict", () => {
  const text = "hostname: a\ntags: [x]\nhostname: b\n";
  const { statsd, warnings } = translate(text);
  assert.equal(statsd.hostname, "b");
  assert.deepEqual(warnings, ["veneur.yaml:3:1: the key stands twice; the last one counts"]);
  assert.throws(() => translate(text, {}, { strict: true }), { message: /^veneur\.yaml:3:1: .*duplicated/ });
});

Deno.test("translateVeneurConfig() brings the keys of sources to one level", () => {
  const { config, warnings } = translate(`
sources:
- kind: openmetrics
  name: node
  tags: [job:node]
  config: {scrape_target: "http://127.0.0.1:9100/metrics", scrape_interval: 30s, scrape_timeout: 5s, allowlist: ^node_}
- {kind: openmetrics, name: node, config: {scrape_target: "http://127.0.0.1:1/metrics", denylist: x, proxy: y}}
`);
  const sources = (config.statsd as { sources: object[] }).sources;
  assert.deepEqual(sources, [
    {
      kind: "openmetrics",
      scrape_target: "http://127.0.0.1:9100/metrics",
      scrape_interval: "30s",
      scrape_timeout: "5s",
      allowlist: "^node_",
      tags: ["job:node"],
      name: "node",
    },
    { kind: "openmetrics", scrape_target: "http://127.0.0.1:1/metrics", denylist: "x", name: "node_" },
  ]);
  assert.equal(readStatsdConfig(Section.of(config).section("statsd")).sources.length, 2);
  assert.deepEqual(warnings.length, 1);
  assert.match(warnings[0]!, /unknown key sources\[1\]\.config\.proxy has no effect/);
});

Deno.test("translateVeneurConfig() warns of what is not supported, once for each part", () => {
  const { config, warnings } = translate(`
signalfx_api_key: x
signalfx_hostname_tag: y
num_span_workers: 10
mutex_profile_fraction: 1
sources: [{kind: proxy, name: p}]
metric_sinks:
- {kind: signalfx, name: sfx, config: {api_key: x}}
- {kind: datadog, name: off, config: {}}
- {kind: debug, strip_tags: [{kind: regex, value: x}, {kind: prefix, value: y, unset: true}]}
span_sinks: [{kind: constructor}]
`);
  const stripTags = [{ kind: "regex", value: "x" }, { kind: "prefix", value: "y", unset: true }];
  assert.deepEqual(config, {
    ...SPELLED_OUT,
    outputs: [{ name: "debug", kind: "debug", strip_tags: stripTags }],
  });
  assert.deepEqual(
    warnings,
    [
      "veneur.yaml:2:1: the signalfx sink is not supported: signalfx_api_key, signalfx_hostname_tag have no effect",
      "veneur.yaml:6:18: source p is left out: kind proxy is not supported",
      "veneur.yaml:8:10: sink sfx is left out: kind signalfx is not supported",
      "veneur.yaml:9:10: sink off is off: its config does not say where to, or with which key",
      "veneur.yaml:11:21: sink constructor is left out: kind constructor is not supported",
    ],
  );
});

const refused: [name: string, text: string, env: Env, errors: string[]][] = [
  ["wrong types, all of them", "interval: 10\nnum_workers: many\nkey: [secretly]\nhttp: x\n", {}, [
    "veneur.yaml:1:11: Cannot use interval = 10: write a duration such as 10s or 1m30s",
    'veneur.yaml:2:14: Cannot use num_workers = "many": write a whole number',
    "veneur.yaml:3:6: Cannot use key = REDACTED: write a text",
    'veneur.yaml:4:7: Cannot use http = "x": write a map of settings',
  ]],
  ["an interval of nothing", "interval: 0s\n", {}, [
    'veneur.yaml:1:11: Cannot use interval = "0s": write a duration of more than 0s, such as 10s',
  ]],
  ["an empty interval", 'interval: ""\n', {}, [
    'veneur.yaml:1:11: Cannot use interval = "": write a duration of more than 0s, such as 10s',
  ]],
  ["a negative interval", "interval: 5s\n", { VENEUR_INTERVAL: "-5s" }, [
    'VENEUR_INTERVAL: Cannot use interval = "-5s": write a duration of more than 0s, such as 10s',
  ]],
  ["a flag that is none", "", { VENEUR_DEBUG: "yes" }, ['VENEUR_DEBUG: Cannot use debug = "yes": write true or false']],
  ["an empty number", "", { VENEUR_NUMWORKERS: "" }, [
    'VENEUR_NUMWORKERS: Cannot use num_workers = "": write a whole number',
  ]],
  ["floats that are none", "", { VENEUR_PERCENTILES: "p99" }, [
    'VENEUR_PERCENTILES: Cannot use percentiles = "p99": write numbers, parted by commas',
  ]],
  ["a sink without a kind", "metric_sinks: [{name: a}]\n", {}, [
    "veneur.yaml:1:16: Cannot do without metric_sinks[0].kind: write the kind of the sink, such as datadog",
  ]],
  ["a sink's name twice", "metric_sinks: [{kind: debug}, {kind: blackhole, name: debug}]\n", {}, [
    'veneur.yaml:1:55: Cannot use metric_sinks[1].name = "debug": write a name that no other sink has',
  ]],
  ["a sink named as a flat one", "flush_file: /x\nmetric_sinks: [{kind: debug, name: localfile}]\n", {}, [
    'veneur.yaml:2:36: Cannot use metric_sinks[0].name = "localfile": write a name that no other sink has',
  ]],
  [
    "two ways to be let in",
    "metric_sinks: [{kind: cortex, config: {url: u, basic_auth: {username: a, password: b}, authorization: {credentials: c}}}]",
    {},
    ["veneur.yaml:1:103: Cannot use metric_sinks[0].config.authorization = REDACTED: write either basic_auth or authorization"],
  ],
];
for (const [name, text, env, errors] of refused) {
  Deno.test(`translateVeneurConfig() refuses ${name}`, () => assert.deepEqual(errorsOf(text, env), errors));
}

Deno.test("translateVeneurConfig() warns of an interval that is no whole number of seconds", () => {
  const { statsd, warnings } = translate("interval: 1500ms\n", {}, { strict: true });
  assert.equal(parseDuration(String(statsd.interval)), 1500);
  assert.deepEqual(warnings, [
    "veneur.yaml:1:1: interval is not a whole number of seconds, as Datadog has it",
  ]);
});

Deno.test("translateVeneurConfig() passes on whether secrets are shown", () => {
  assert.equal(translateVeneurConfig("", "f", {}).printSecrets, false);
  assert.equal(translateVeneurConfig("", "f", {}, { printSecrets: true }).printSecrets, true);
});

Deno.test("translateVeneurConfig() routes by metric_sink_routing where that is switched on", () => {
  const rules = `
metric_sink_routing:
- {name: r, match: [{name: {kind: prefix, value: a}, tags: []}], sinks: {matched: [x], not_matched: [y]}}
`;
  const on = translate(`${rules}features: {enable_metric_sink_routing: true}\n`);
  assert.deepEqual(on.warnings, []);
  assert.deepEqual((on.config.statsd as Record<string, unknown>).metric_sink_routing, [{
    name: "r",
    match: [{ name: { kind: "prefix", value: "a" }, tags: [] }],
    sinks: { matched: ["x"], not_matched: ["y"] },
  }]);
  const off = translate(rules);
  assert.deepEqual(off.config, { ...SPELLED_OUT, outputs: [] });
  assert.deepEqual(off.warnings, [
    "veneur.yaml:2:1: metric_sink_routing has no effect without features.enable_metric_sink_routing",
  ]);
});
