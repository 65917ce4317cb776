import { ConfigError, type Environment, type Position, type Section } from "../config/mod.ts";
import type { VeneurType } from "./veneur_keys.ts";
import { isBlank, parseVeneurVariable, readVeneurValue, type VeneurValue, veneurVariable } from "./veneur_values.ts";

/** An entry of `outputs`, as the YAML would yield it. */
export type Output = Record<string, unknown>;

/** The settings of one sink by their keys; blank ones may be missing. */
export type SinkValues = ReadonlyMap<string, VeneurValue>;

interface SinkKind {
  readonly keys: Readonly<Record<string, VeneurType>>;
  /** What the sink can't do without: it is off while these are blank. */
  isOn(values: SinkValues): boolean;
  /** The output, without its name. */
  output(values: SinkValues): Output;
}

/** Takes a warning, and the place it is about; `undefined`: the whole file. */
export type Warn = (at: Position | undefined, message: string) => void;

/** What structured sinks are translated with. */
export interface SinkDeps {
  readonly env: Environment;
  readonly warn: Warn;
  /** An unknown key: a warning, or an error. */
  readonly unknown: (section: Section, known: readonly string[]) => void;
  /** Told where an output stands in the file. */
  readonly placed: (output: Output, at: Position) => void;
}

const KINDS: Readonly<Record<string, SinkKind>> = {
  datadog: {
    keys: {
      api_key: "secret",
      api_hostname: "string",
      flush_max_per_body: "int",
      metric_name_prefix_drops: "strings",
      exclude_tags_prefix_by_prefix_metric: "list",
      trace_api_address: "string",
      trace_format: "string",
      span_buffer_size: "int",
    },
    isOn: (values) => text(values, "api_key") !== "" || text(values, "trace_api_address") !== "",
    output: (values) => {
      const hasKey = text(values, "api_key") !== "";
      const hasTraces = text(values, "trace_api_address") !== "";
      return {
        kind: "datadog",
        hosts: [text(values, "api_hostname") || "https://app.datadoghq.com"],
        ...given(values, "api_key", "key"),
        ...given(values, "flush_max_per_body", "bulk_max_size"),
        ...given(values, "metric_name_prefix_drops"),
        ...prefixRules(values),
        ...given(values, "trace_api_address"),
        ...given(values, "trace_format"),
        ...hasTraces ? { sends: hasKey ? ["points", "events", "checks", "spans"] : ["spans"] } : {},
      };
    },
  },
  s3: {
    keys: {
      access_key_id: "secret",
      secret_access_key: "secret",
      region: "string",
      s3_bucket: "string",
    },
    isOn: (values) => text(values, "s3_bucket") !== "",
    output: (values) => ({
      kind: "s3",
      ...given(values, "s3_bucket", "bucket"),
      ...given(values, "region"),
      ...given(values, "access_key_id"),
      ...given(values, "secret_access_key"),
    }),
  },
  localfile: {
    keys: { flush_file: "string", delimiter: "string" },
    isOn: (values) => text(values, "flush_file") !== "",
    output: (values) => ({
      kind: "file",
      path: text(values, "flush_file"),
      format: "tsv",
      compress: "gzip",
      ...delimiter(text(values, "delimiter")),
    }),
  },
  influxdb: {
    keys: { address: "string", consistency: "string", db_name: "string" },
    isOn: (values) => text(values, "address") !== "",
    output: (values) => ({
      kind: "influxdb",
      hosts: [text(values, "address")],
      ...given(values, "db_name", "database"),
      ...given(values, "consistency"),
    }),
  },
  prometheus: {
    keys: { repeater_address: "string", network_type: "string" },
    isOn: (values) => text(values, "repeater_address") !== "",
    output: (values) => ({
      kind: "prometheus_repeater",
      hosts: [text(values, "repeater_address")],
      network_type: text(values, "network_type") || "tcp",
    }),
  },
  cortex: {
    keys: {
      url: "string",
      remote_timeout: "duration",
      proxy_url: "string",
      batch_write_size: "int",
      convert_counters_to_monotonic: "bool",
    },
    isOn: (values) => text(values, "url") !== "",
    output: (values) => ({
      kind: "prometheus_remote_write",
      hosts: [text(values, "url")],
      ...given(values, "remote_timeout", "timeout"),
      ...given(values, "proxy_url", "proxy"),
      ...given(values, "batch_write_size", "bulk_max_size"),
      ...given(values, "convert_counters_to_monotonic"),
    }),
  },
  kafka: {
    keys: {
      broker: "string",
      metric_topic: "string",
      check_topic: "string",
      event_topic: "string",
      span_topic: "string",
      partitioner: "string",
      retry_max: "int",
      metric_require_acks: "string",
      metric_buffer_bytes: "int",
      metric_buffer_messages: "int",
      metric_buffer_frequency: "duration",
      span_require_acks: "string",
      span_buffer_bytes: "int",
      span_buffer_mesages: "int", // its spelling
      span_buffer_frequency: "duration",
      span_sample_rate_percent: "float",
      span_sample_tag: "string",
      span_serialization_format: "string",
    },
    isOn: (values) => text(values, "broker") !== "" && TOPICS.some(([key]) => text(values, key) !== ""),
    output: (values) => ({
      kind: "kafka",
      hosts: text(values, "broker").split(",").map((host) => host.trim()).filter((host) => host !== ""),
      ...Object.assign({}, ...TOPICS.map(([key]) => given(values, key))),
      ...given(values, "partitioner"),
      ...given(values, "retry_max", "max_retries"),
      ...given(values, "metric_require_acks"),
      ...given(values, "span_require_acks"),
      ...given(values, "span_sample_rate_percent"),
      ...given(values, "span_sample_tag"),
      ...given(values, "span_serialization_format"),
      sends: TOPICS.filter(([key]) => text(values, key) !== "").map(([, kind]) => kind),
    }),
  },
  debug: { keys: {}, isOn: () => true, output: () => ({ kind: "debug" }) },
  blackhole: { keys: {}, isOn: () => true, output: () => ({ kind: "blackhole" }) },
};

const TOPICS = [
  ["metric_topic", "points"],
  ["event_topic", "events"],
  ["check_topic", "checks"],
  ["span_topic", "spans"],
] as const;

/** What goes before a sink's keys in a flat file, and may also do so in a structured one. */
const PREFIXES: Readonly<Record<string, string>> = { s3: "aws_", influxdb: "influx_" };

const FLAT = ["datadog", "s3", "localfile", "influxdb", "prometheus", "kafka"];

/** The outputs of the flat keys, `sinks` being their values by sink and by the sink's key. */
export function flatOutputs(sinks: ReadonlyMap<string, SinkValues>, warn: Warn): Output[] {
  const outputs: Output[] = [];
  for (const name of FLAT) {
    const values = sinks.get(name);
    if (values === undefined) continue;
    if (KINDS[name]!.isOn(values)) outputs.push({ name, ...KINDS[name]!.output(values) });
    else if (name === "s3" && !isBlank(values.get("access_key_id"))) {
      warn(undefined, "aws_s3_bucket is empty: nothing goes to S3");
    }
  }
  return outputs;
}

/** The outputs of `metric_sinks` and `span_sinks`, put behind `outputs`, which are those of the flat keys. */
export function addStructuredOutputs(root: Section, outputs: Output[], deps: SinkDeps): void {
  for (const [key, spans] of [["metric_sinks", false], ["span_sinks", true]] as const) {
    const names = new Set(spans ? [] : outputs.map((output) => output.name));
    for (const entry of root.sections(key)) {
      const output = root.gather(() => structuredOutput(entry, spans, names, deps));
      if (output === undefined) continue;
      deps.placed(output, entry.at("kind"));
      addOutput(outputs, output, spans);
    }
  }
}

const ENTRY_KEYS = [
  "kind",
  "name",
  "config",
  "max_name_length",
  "max_tag_length",
  "max_tags",
  "strip_tags",
  "add_tags",
  "dropped_metrics_add_tags",
];

function structuredOutput(entry: Section, spans: boolean, names: Set<unknown>, deps: SinkDeps): Output | undefined {
  const kind = readVeneurValue(entry, "kind", "string");
  if (kind === undefined || kind === "") entry.fail("kind", "the kind of the sink, such as datadog");
  const name = readVeneurValue(entry, "name", "string") || kind;
  if (names.has(name)) entry.fail("name", "a name that no other sink has");
  names.add(name);
  deps.unknown(entry, ENTRY_KEYS);
  const at = entry.at("kind");
  const known = Object.hasOwn(KINDS, String(kind)) ? KINDS[String(kind)] : undefined;
  if (known === undefined || kind === "influxdb") {
    deps.warn(at, `sink ${name} is left out: kind ${kind} is not supported`);
    return undefined;
  }
  const values = readSinkValues(entry.section("config"), String(kind), String(name), known, deps);
  if (!known.isOn(values)) {
    deps.warn(at, `sink ${name} is off: its config does not say where to, or with which key`);
    return undefined;
  }
  const output = { name, ...known.output(values), ...authorization(entry.section("config"), String(kind)) };
  return spans ? { ...output, sends: ["spans"] } : { ...output, ...filters(entry, deps.warn) };
}

function readSinkValues(config: Section, kind: string, name: string, sink: SinkKind, deps: SinkDeps): SinkValues {
  const prefix = PREFIXES[kind] ?? `${kind}_`;
  const own = kind === "cortex" ? ["headers", "basic_auth", "authorization"] : [];
  const values = new Map<string, VeneurValue>();
  const spellings: string[] = [];
  for (const [key, type] of Object.entries(sink.keys)) {
    const spelt = [key, `${prefix}${key}`, ...key === "s3_bucket" ? ["bucket"] : []];
    spellings.push(...spelt);
    for (const each of spelt) {
      // Go writes a tab as the number of its character.
      const value = key === "delimiter" && typeof config.value(each) === "number"
        ? String.fromCodePoint(config.integer(each, { atLeast: 1, atMost: 0x10FFFF }) ?? 9)
        : readVeneurValue(config, each, type);
      if (value !== undefined) values.set(key, value);
    }
    if (type === "list") continue;
    const variable = spelt.map((each) => veneurVariable(deps.env, name, each)).find((each) => each !== undefined);
    if (variable === undefined) continue;
    const read = parseVeneurVariable(variable.text, type);
    if ("want" in read) {
      throw new ConfigError({ file: variable.name, line: 0, column: 0 }, key, variable.text, read.want);
    }
    values.set(key, read.value);
  }
  deps.unknown(config, [...spellings, ...own]);
  return values;
}

/** Puts an output behind the others. Spans for Datadog join its other data; else names are told apart. */
function addOutput(outputs: Output[], output: Output, spans: boolean): void {
  const datadog = outputs.find(({ kind, trace_api_address }) => kind === "datadog" && trace_api_address === undefined);
  if (spans && output.kind === "datadog" && datadog !== undefined) {
    datadog.trace_api_address = output.trace_api_address;
    datadog.sends = ["points", "events", "checks", "spans"];
    return;
  }
  while (outputs.some(({ name }) => name === output.name)) output.name = `${output.name}_spans`;
  outputs.push(output);
}

/** The limits and changes that every sink of a list may have. */
function filters(entry: Section, warn: Warn): Output {
  const own: Output = {};
  for (const key of ["max_name_length", "max_tag_length", "max_tags"]) {
    const value = readVeneurValue(entry, key, "int");
    if (!isBlank(value)) own[key] = value;
  }
  const added = entry.section("add_tags");
  const tags = added.keys().map((key) => [key, readVeneurValue(added, key, "string") ?? ""]);
  if (tags.length > 0) own.add_tags = Object.fromEntries(tags);
  const strips = entry.sections("strip_tags");
  if (strips.length > 0) own.strip_tags = strips.map(matcherOf);
  if (!isBlank(readVeneurValue(entry, "dropped_metrics_add_tags", "strings"))) {
    warn(entry.at("dropped_metrics_add_tags"), "dropped_metrics_add_tags has no effect");
  }
  return own;
}

function matcherOf(matcher: Section): Output {
  return Object.fromEntries(
    (["kind", "value", "unset"] as const)
      .map((key) => [key, readVeneurValue(matcher, key, key === "unset" ? "bool" : "string")])
      .filter(([, value]) => value !== undefined),
  );
}

/** What Cortex asks to be let in: headers, and either a name and a password or a token. */
function authorization(config: Section, kind: string): Output {
  if (kind !== "cortex") return {};
  const headers = config.map("headers") ?? {};
  const basic = config.section("basic_auth");
  const [user, password] = [basic.string("username"), basic.string("password")];
  const bearer = config.section("authorization");
  const credentials = bearer.string("credentials");
  if (user && !password) basic.fail("password", "the password of username");
  if (user && credentials) config.fail("authorization", "either basic_auth or authorization");
  return {
    ...Object.keys(headers).length === 0 ? {} : { headers },
    ...user ? { basic_auth: { username: user, password } } : {},
    ...credentials ? { authorization: { type: bearer.string("type") ?? "Bearer", credentials } } : {},
  };
}

function prefixRules(values: SinkValues): Output {
  const rules = values.get("exclude_tags_prefix_by_prefix_metric") as readonly Section[] | undefined ?? [];
  if (rules.length === 0) return {};
  return {
    exclude_tags_prefix_by_prefix_metric: rules.map((rule) => ({
      metric_prefix: readVeneurValue(rule, "metric_prefix", "string") ?? "",
      tags: readVeneurValue(rule, "tags", "strings") ?? [],
    })),
  };
}

function delimiter(text: string): Output {
  return text === "" || text === "\t" ? {} : { delimiter: text };
}

function text(values: SinkValues, key: string): string {
  return String(values.get(key) ?? "");
}

function given(values: SinkValues, key: string, name = key): Output {
  const value = values.get(key);
  return isBlank(value) ? {} : { [name]: value };
}
