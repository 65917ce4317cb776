import { isSlip, nearestName, type Section } from "../config/mod.ts";
import type { BatchKind } from "../metric/mod.ts";
import type { Destination, OutputConfig, PointFilterConfig } from "./contract.ts";
import { destinations as allDestinations } from "./destinations.ts";
import { readTagMatchers } from "./routing.ts";

/** What an output has unless told otherwise; `sends` and `hosts` are its kind's. */
const DEFAULTS = {
  mode: "single",
  worker: 1,
  timeoutMs: 30_000,
  backoff: { initMs: 1_000, maxMs: 60_000 },
  maxRetries: 3,
  bulkMaxSize: 25_000,
  spool: false,
  tls: {},
} as const;

/** Passes everything as it is. */
export const NO_FILTER: PointFilterConfig = {
  maxNameLength: 0,
  maxTagLength: 0,
  maxTags: 0,
  excludeTags: [],
  addTags: {},
  dropNamePrefixes: [],
  excludeTagPrefixes: [],
  stripTags: [],
  routing: [],
};

const BATCH_KINDS: readonly BatchKind[] = ["points", "events", "checks", "spans"];

/** The keys that every kind has. */
const COMMON_KEYS = [
  "name",
  "kind",
  "mode",
  "hosts",
  "worker",
  "timeout",
  "backoff",
  "max_retries",
  "bulk_max_size",
  "spool",
  "sends",
  "tls",
  "proxy",
  "tags_exclude",
  "strip_tags",
  "add_tags",
  "max_name_length",
  "max_tag_length",
  "max_tags",
  "metric_name_prefix_drops",
  "exclude_tags_prefix_by_prefix_metric",
] as const;

/** How outputs are read. */
export interface ReadOutputsOptions {
  /** Whether a list without outputs means one that prints to standard output. */
  readonly defaultStdout: boolean;
  /** The kinds there are. @default all */
  readonly destinations?: readonly Destination<unknown>[];
}

/**
 * Reads the list `outputs`. Where errors are collected, outputs that can't be used are left out of what is returned.
 *
 * @throws {ConfigError} on an unknown key or kind, a value out of its range, or a name that is there twice
 */
export function readOutputs(sections: readonly Section[], options: ReadOutputsOptions): OutputConfig[] {
  const kinds = options.destinations ?? allDestinations;
  if (sections.length === 0 && options.defaultStdout) return [defaultStdoutOutput()];
  const names = new Set<string>();
  return sections.map((section) =>
    section.gather(() => {
      const output = readOutput(section, kinds);
      if (output.name !== "" && names.has(output.name)) section.refuse("name", "a name that no other output has");
      names.add(output.name);
      return output;
    })
  ).filter((output) => output !== undefined).filter(({ name }) => name !== "");
}

/** The output of an agent that has none: everything is printed. */
function defaultStdoutOutput(): OutputConfig {
  const format = Deno.stdout.isTerminal() ? "table" : "json";
  const sends: BatchKind[] = ["points", "events", "checks"];
  return { ...DEFAULTS, name: "stdout", kind: "stdout", hosts: [], sends, filter: NO_FILTER, own: { format } };
}

function readOutput(section: Section, kinds: readonly Destination<unknown>[]): OutputConfig {
  const name = section.string("name") ?? "";
  if (name === "") section.refuse("name", "a name of its own for each output");
  const destination = readKind(section, kinds);
  section.refuseOthers([...COMMON_KEYS, ...destination.keys]);

  const backoff = section.section("backoff");
  backoff.refuseOthers(["init", "max"]);
  const proxy = section.string("proxy");
  if (proxy !== undefined && !/^(?:https?|socks5):\/\/[^/]/.test(proxy)) {
    section.refuse("proxy", "a URL such as http://proxy:3128");
  }
  return {
    name,
    kind: destination.kind,
    mode: section.oneOf("mode", ["single", "failover", "load_balance"]) ?? DEFAULTS.mode,
    hosts: readHosts(section, destination),
    worker: section.integer("worker", { atLeast: 1, atMost: 1_000 }) ?? DEFAULTS.worker,
    timeoutMs: section.duration("timeout", { atLeast: "1ms" }) ?? DEFAULTS.timeoutMs,
    backoff: {
      initMs: backoff.duration("init") ?? DEFAULTS.backoff.initMs,
      maxMs: backoff.duration("max") ?? DEFAULTS.backoff.maxMs,
    },
    maxRetries: section.integer("max_retries", { atLeast: -1 }) ?? DEFAULTS.maxRetries,
    bulkMaxSize: section.integer("bulk_max_size", { atLeast: 0 }) ?? destination.bulkMaxSize ?? DEFAULTS.bulkMaxSize,
    spool: readSpooled(section, destination),
    sends: readSends(section) ?? destination.sends,
    tls: readTls(section.section("tls")),
    ...(proxy === undefined ? {} : { proxy }),
    filter: readFilter(section),
    own: destination.readConfig(section),
  };
}

function readKind(section: Section, kinds: readonly Destination<unknown>[]): Destination<unknown> {
  const written = section.string("kind");
  const destination = kinds.find(({ kind }) => kind === written);
  if (destination !== undefined) return destination;
  const names = kinds.map(({ kind }) => kind);
  const nearest = written === undefined ? undefined : nearestName(written, names);
  const slip = nearest !== undefined && isSlip(written!, nearest);
  section.fail("kind", slip ? nearest : `one of ${names.join(", ")}`);
}

function readSpooled(section: Section, { kind, countsRepeats, shows }: Destination<unknown>): boolean {
  const spool = section.boolean("spool") ?? false;
  // After a crash nobody knows whether what was under way has arrived, and the spool sends it again.
  if (spool && countsRepeats) section.refuse("spool", `false: what is sent twice to ${kind} counts twice`);
  if (spool && shows) section.refuse("spool", `false: ${kind} shows the last flush and delivers nothing`);
  return spool;
}

function readHosts(section: Section, { kind, defaultHosts }: Destination<unknown>): readonly string[] {
  const hosts = [...new Set(section.strings("hosts"))];
  if (defaultHosts === null) {
    if (hosts.length > 0) section.refuse("hosts", `no hosts: ${kind} has none`);
    return [];
  }
  if (hosts.length > 0) return hosts;
  if (defaultHosts.length === 0 || section.has("hosts")) section.refuse("hosts", "a list of at least one host");
  return defaultHosts;
}

function readSends(section: Section): BatchKind[] | undefined {
  const written = section.strings("sends");
  if (written === undefined) return undefined;
  const sends = BATCH_KINDS.filter((kind) => written.includes(kind));
  if (sends.length === 0 || sends.length !== new Set(written).size) {
    section.refuse("sends", `a list of ${BATCH_KINDS.join(", ")}`);
  }
  return sends;
}

function readTls(tls: Section): OutputConfig["tls"] {
  tls.refuseOthers(["ca_file", "cert_file", "key_file", "server_name"]);
  const [caFile, certFile] = [tls.string("ca_file"), tls.string("cert_file")];
  const [keyFile, serverName] = [tls.string("key_file"), tls.string("server_name")];
  if (certFile !== undefined && keyFile === undefined) tls.refuse("key_file", "the path of cert_file's key");
  if (keyFile !== undefined && certFile === undefined) tls.refuse("cert_file", "the path of key_file's certificate");
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

function readFilter(section: Section): PointFilterConfig {
  return {
    maxNameLength: section.integer("max_name_length", { atLeast: 0 }) ?? NO_FILTER.maxNameLength,
    maxTagLength: section.integer("max_tag_length", { atLeast: 0 }) ?? NO_FILTER.maxTagLength,
    maxTags: section.integer("max_tags", { atLeast: 0 }) ?? NO_FILTER.maxTags,
    excludeTags: section.strings("tags_exclude") ?? NO_FILTER.excludeTags,
    addTags: section.map("add_tags") ?? NO_FILTER.addTags,
    dropNamePrefixes: section.strings("metric_name_prefix_drops") ?? NO_FILTER.dropNamePrefixes,
    stripTags: readTagMatchers(section.sections("strip_tags")),
    routing: NO_FILTER.routing,
    excludeTagPrefixes: section.sections("exclude_tags_prefix_by_prefix_metric").map((rule) => {
      rule.refuseOthers(["metric_prefix", "tags"]);
      return { metricPrefix: rule.string("metric_prefix") ?? "", tags: rule.strings("tags") ?? [] };
    }),
  };
}
