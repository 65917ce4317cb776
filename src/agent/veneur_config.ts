import {
  ConfigError,
  type Environment,
  formatPosition,
  isSlip,
  nearestName,
  parseDuration,
  type Position,
  readDocument,
  type Section,
} from "../config/mod.ts";
import { VENEUR_KEYS, VENEUR_RENAMED, type VeneurKey } from "./veneur_keys.ts";
import { addStructuredOutputs, flatOutputs, type Output, type SinkValues, type Warn } from "./veneur_sinks.ts";
import { veneurSources } from "./veneur_sources.ts";
import {
  isBlank,
  parseVeneurVariable,
  readVeneurValue,
  type VeneurValue,
  veneurVariable,
  veneurVariableNames,
} from "./veneur_values.ts";

/** How Veneur's file is taken. */
export interface VeneurOptions {
  /** An unknown key is an error (`-validate-config-strict`). @default false */
  readonly strict?: boolean;
  /** `/config` shows secrets (`-print-secrets`). @default false */
  readonly printSecrets?: boolean;
  /** What there is to translate to; what isn't there is left out with a warning. @default everything */
  readonly has?: LimierParts;
}

/** The parts of Limier that a key of Veneur's may need. */
export interface LimierParts {
  readonly outputKinds: readonly string[];
  /** The keys of the section `statsd`. */
  readonly statsdKeys: readonly string[];
  /** Sketches, counters and gauges get to a global instance that listens for gRPC. */
  readonly forwardsOverGrpc: boolean;
  /** Spans get to outputs. */
  readonly deliversSpans: boolean;
}

/** Veneur's configuration in Limier's words. */
export interface VeneurTranslation {
  /** What the YAML of a Limier file would yield. */
  readonly config: Readonly<Record<string, unknown>>;
  /** A line each, with the place they are about. */
  readonly warnings: readonly string[];
  /** As asked for. */
  readonly printSecrets: boolean;
  /** Where the file, or the environment, says what became this setting: `statsd.tags`, `outputs[0].hosts`. */
  readonly placeOf: (path: string) => Position | undefined;
}

/** A value, and where it comes from. */
interface Given {
  readonly value: VeneurValue;
  readonly at: Position;
}

/**
 * Translates Veneur's configuration file, of any of its releases, and its variables `VENEUR_…`, which win over the
 * file. Sink keys become outputs; where there are none, nothing is printed, as Veneur prints nothing.
 *
 * @param file the file's name, for messages
 * @throws {ConfigErrors} on values of a wrong type, and on unknown keys if `strict`
 * @throws {ConfigError} where the file is no YAML
 */
export function translateVeneurConfig(
  text: string,
  file: string,
  env: Environment,
  options: VeneurOptions = {},
): VeneurTranslation {
  const { strict = false, printSecrets = false, has } = options;
  const warned: { at: Position; message: string }[] = [];
  const warn: Warn = (at = { file, line: 0, column: 0 }, message) => void warned.push({ at, message });
  const duplicate = (at: Position) => warn(at, "the key stands twice; the last one counts");
  const root = readDocument(text, file, {
    expand: false,
    collect: true,
    ...strict ? {} : { onDuplicateKey: duplicate },
  });
  const unknown = (section: Section, known: readonly string[]) => {
    if (strict) section.refuseOthers(known);
    else for (const key of section.others(known)) warn(section.atKey(key), unknownKey(section, key, known));
  };

  warnUnknownKeys(root, unknown);
  warnUnknownVariables(env, warn);
  const given = readAll(root, env);
  settleNames(given, warn);
  checkInterval(root, given, warn);

  const config: Record<string, unknown> = {};
  placeValues(config, given);
  // Empty, it is the machine's, as an absent one is.
  if (given.get("omit_empty_hostname")?.value === true) setAt(config, ["statsd", "hostname"], hostnameOf(given));
  if (!isBlank(given.get("sources")?.value)) {
    // Their keys stand a level deeper there.
    const sources = veneurSources(root.sections("sources"), { warn, unknown });
    if (sources.length > 0) setAt(config, ["statsd", "sources"], sources);
    else delete (config.statsd as Record<string, unknown>).sources;
  }
  placeRouting(root, config, given, warn);
  warnMissing(given, warn);
  const places = new Map<Output, Position>();
  const placed = (output: Output, at: Position) => void places.set(output, at);
  let outputs: Output[] = flatOutputs(sinksOf(given), warn);
  for (const output of outputs) places.set(output, placeOfSink(given, String(output.name)) ?? root.at(""));
  root.gather(() => addStructuredOutputs(root, outputs, { env, warn, unknown, placed }));
  root.throwCollected();
  if (has !== undefined) {
    leaveOutKeys(config.statsd as Record<string, unknown>, given, has, warn);
    outputs = outputs.filter((output) => isKept(output, has, (message) => warn(places.get(output), message)));
  }
  // The order of the file; the environment has no lines and comes first.
  warned.sort((a, b) => a.at.line - b.at.line || a.at.column - b.at.column);
  const warnings = warned.map(({ at, message }) => `${formatPosition(at)}: ${message}`);
  const placeOf = (path: string) => {
    const output = outputs[Number(/^outputs\[(\d+)\]/.exec(path)?.[1])];
    return output === undefined ? placeOfSetting(given, path.replace(/\[.*/, "")) : places.get(output);
  };
  return { config: { ...config, outputs }, warnings, printSecrets, placeOf };
}

/** Sections of the file whose keys are known one by one. */
function warnUnknownKeys(root: Section, unknown: (section: Section, known: readonly string[]) => void): void {
  const known = new Map<string, string[]>([["", []]]);
  for (const { key } of VENEUR_KEYS) {
    const [outer, inner] = key.split(".");
    known.get("")!.push(outer!);
    if (inner !== undefined) known.set(outer!, [...known.get(outer!) ?? [], inner]);
  }
  for (const [section, keys] of known) unknown(section === "" ? root : root.section(section), keys);
}

function unknownKey(section: Section, key: string, known: readonly string[]): string {
  const path = section.path === "" ? key : `${section.path}.${key}`;
  const nearest = nearestName(key, known);
  const hint = nearest === undefined ? "" : `; the closest known key is ${nearest}`;
  return `unknown key ${path} has no effect${hint}`;
}

/** A variable that is nearly one of ours is a slip; others may be anybody's. */
function warnUnknownVariables(env: Environment, warn: Warn): void {
  const known = VENEUR_KEYS.flatMap(({ key, type }) => type === "list" ? [] : veneurVariableNames("VENEUR", key));
  for (const name of Object.keys(env)) {
    if (!name.startsWith("VENEUR_") || env[name] === undefined || known.includes(name)) continue;
    const nearest = nearestName(name, known);
    const own = name.slice("VENEUR_".length);
    if (nearest !== undefined && isSlip(own, nearest.slice("VENEUR_".length))) {
      warn({ file: name, line: 0, column: 0 }, `unknown variable has no effect; the closest known one is ${nearest}`);
    }
  }
}

function readAll(root: Section, env: Environment): Map<string, Given> {
  const given = new Map<string, Given>();
  for (const known of VENEUR_KEYS) {
    const found = readOne(root, env, known);
    if (found !== undefined) given.set(known.key, found);
  }
  return given;
}

function readOne(root: Section, env: Environment, { key, type }: VeneurKey): Given | undefined {
  const variable = type === "list" ? undefined : veneurVariable(env, "VENEUR", key);
  if (variable !== undefined) {
    const at = { file: variable.name, line: 0, column: 0 };
    const read = parseVeneurVariable(variable.text, type);
    if ("value" in read) return { value: read.value, at };
    return root.gather(() => {
      throw new ConfigError(at, key, variable.text, read.want);
    });
  }
  const [outer, inner] = key.split(".");
  const [section, name] = inner === undefined ? [root, key] : [root.section(outer!), inner];
  const value = readVeneurValue(section, name, type);
  return value === undefined ? undefined : { value, at: section.atKey(name) };
}

/** Where a setting stands under both its names the new one wins, and where it stands under the old one it is moved. */
function settleNames(given: Map<string, Given>, warn: Warn): void {
  for (const [old, now] of Object.entries(VENEUR_RENAMED)) {
    const before = given.get(old);
    given.delete(old);
    if (before === undefined || isBlank(before.value)) continue;
    if (!isBlank(given.get(now)?.value)) {
      warn(before.at, `${old} has no effect beside ${now}, its new name`);
      continue;
    }
    given.set(now, old === "ssf_address" ? { ...before, value: [`udp://${before.value}`] } : before);
  }
}

function checkInterval(root: Section, given: ReadonlyMap<string, Given>, warn: Warn): void {
  const interval = given.get("interval");
  if (interval === undefined) return;
  const ms = interval.value === "" ? 0 : parseDuration(String(interval.value));
  if (ms <= 0) {
    root.gather(() => {
      const at = interval.at.line === 0 ? interval.at : root.at("interval");
      const written = interval.at.line === 0 ? interval.value : root.value("interval");
      throw new ConfigError(at, "interval", written, "a duration of more than 0s, such as 10s");
    });
  } else if (ms % 1000 !== 0) {
    warn(interval.at, "interval is not a whole number of seconds, as Datadog has it");
  }
}

/** Puts every value that has a place there. */
function placeValues(config: Record<string, unknown>, given: ReadonlyMap<string, Given>): void {
  for (const { key, becomes, default: initial, spelledOut } of VENEUR_KEYS) {
    if (!("place" in becomes) || Object.hasOwn(VENEUR_RENAMED, key)) continue;
    const value = given.get(key)?.value;
    if (!isBlank(value)) {
      if (key !== "debug") setAt(config, becomes.place.split("."), value);
      else if (value === true) setAt(config, [becomes.place], "debug");
    } else if (spelledOut) setAt(config, becomes.place.split("."), initial);
  }
}

/** Rules stand as they are, but for where they are switched off. */
function placeRouting(
  root: Section,
  config: Record<string, unknown>,
  given: ReadonlyMap<string, Given>,
  warn: Warn,
): void {
  const key = "metric_sink_routing";
  const rules = given.get(key);
  if (rules === undefined || isBlank(rules.value)) return;
  if (given.get("features.enable_metric_sink_routing")?.value === true) {
    setAt(config, ["statsd", key], root.value(key));
    return;
  }
  warn(rules.at, `${key} has no effect without features.enable_metric_sink_routing`);
  delete (config.statsd as Record<string, unknown>)[key];
}

function hostnameOf(given: ReadonlyMap<string, Given>): VeneurValue {
  return given.get("hostname")?.value ?? "";
}

function setAt(config: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let inside = config;
  for (const step of path.slice(0, -1)) inside = (inside[step] ??= {}) as Record<string, unknown>;
  inside[path.at(-1)!] = value;
}

/** One line for each part of Veneur that is asked for and isn't there. */
function warnMissing(given: ReadonlyMap<string, Given>, warn: Warn): void {
  const asked = new Map<string, { at: Position; keys: string[] }>();
  for (const { key, becomes } of VENEUR_KEYS) {
    const found = given.get(key);
    if (!("missing" in becomes) || found === undefined || isBlank(found.value) || found.value === false) continue;
    const part = asked.get(becomes.missing) ?? { at: found.at, keys: [] };
    part.keys.push(key);
    asked.set(becomes.missing, part);
  }
  for (const [part, { at, keys }] of asked) {
    const have = keys.length === 1 ? "has" : "have";
    warn(at, `${part} is not supported: ${keys.join(", ")} ${have} no effect`);
  }
}

/** Takes settings of `statsd` away that mean nothing here. */
function leaveOutKeys(
  statsd: Record<string, unknown>,
  given: ReadonlyMap<string, Given>,
  has: LimierParts,
  warn: Warn,
): void {
  for (const setting of Object.keys(statsd)) {
    if (has.statsdKeys.includes(setting)) continue;
    delete statsd[setting];
    warn(
      placeOfSetting(given, `statsd.${setting}`),
      `${setting} has no effect: this version of Limier lacks that part`,
    );
  }
  const forward = given.get("forward_address");
  const overGrpc = given.get("forward_use_grpc")?.value === true;
  if (!has.forwardsOverGrpc && overGrpc && !isBlank(forward?.value)) {
    delete statsd.forward_address;
    const instead = "this instance publishes everything itself";
    warn(forward?.at, `forward_address has no effect: this version of Limier forwards over HTTP alone, and ${instead}`);
  }
}

/** Whether there is an output of that kind, and something for it to send. */
function isKept(output: Output, has: LimierParts, warn: (message: string) => void): boolean {
  if (!has.outputKinds.includes(String(output.kind))) {
    warn(`sink ${output.name} is left out: this version of Limier has no output of kind ${output.kind}`);
    return false;
  }
  const sends = output.sends as readonly string[] | undefined ?? [];
  if (has.deliversSpans || !sends.includes("spans")) return true;
  const others = sends.filter((kind) => kind !== "spans");
  warn(
    `sink ${output.name} gets no spans: this version of Limier takes spans in for their metrics alone` +
      (others.length === 0 ? ", so the sink is left out" : ""),
  );
  output.sends = others;
  return others.length > 0;
}

/** Where a setting of Limier's comes from. */
function placeOfSetting(given: ReadonlyMap<string, Given>, path: string): Position | undefined {
  const key = VENEUR_KEYS.find(({ key, becomes }) => "place" in becomes && becomes.place === path && given.has(key));
  return key === undefined ? undefined : given.get(key.key)?.at;
}

/** The first key of a flat sink that says something. */
function placeOfSink(given: ReadonlyMap<string, Given>, sink: string): Position | undefined {
  const key = VENEUR_KEYS.find(({ key, becomes }) =>
    "sink" in becomes && becomes.sink === sink && !isBlank(given.get(key)?.value)
  );
  return key === undefined ? undefined : given.get(key.key)?.at;
}

/** The values of the flat sink keys, by sink. */
function sinksOf(given: ReadonlyMap<string, Given>): Map<string, SinkValues> {
  const sinks = new Map<string, Map<string, VeneurValue>>();
  const hasSpans = ["ssf_listen_addresses", "trace_address", "grpc_listen_addresses"].some((key) =>
    !isBlank(given.get(key)?.value)
  );
  for (const { key, becomes } of VENEUR_KEYS) {
    const found = given.get(key);
    if (!("sink" in becomes) || found === undefined) continue;
    if (becomes.sinkKey === "trace_api_address" && !hasSpans) continue;
    const values = sinks.get(becomes.sink) ?? new Map<string, VeneurValue>();
    values.set(becomes.sinkKey, found.value);
    sinks.set(becomes.sink, values);
  }
  return sinks;
}
