/** The whole configuration, composed of the modules' sections. */
import { isSecretName, Section } from "../config/mod.ts";
import { type FlowConfig, readFlowConfig } from "../flow/mod.ts";
import { type HttpConfig, readHttpConfig } from "../http/mod.ts";
import { type LagSourceConfig, readLagSourceConfig } from "../lag/mod.ts";
import { type LagListener, readLagListeners } from "./lag_listeners.ts";
import { type OutputConfig, readOutputs, readSpoolConfig, type SpoolConfig } from "../output/mod.ts";
import { readStatsdConfig, type StatsdConfig } from "../statsd/mod.ts";
import { readTcpinfoConfig, type TcpinfoConfig } from "../tcpinfo/mod.ts";
import { readTakeoverConfig, type TakeoverConfig } from "./takeover.ts";
import { LOG_LEVELS, type LogLevel, type SentryDsn } from "../telemetry/mod.ts";
import { readSentry } from "./sentry_section.ts";

/** What an agent runs with. */
export interface AgentConfig {
  readonly statsd: StatsdConfig;
  readonly http: HttpConfig;
  readonly outputs: readonly OutputConfig[];
  /** Used where an output asks for it. */
  readonly spool: SpoolConfig;
  readonly takeover: TakeoverConfig;
  readonly tcpinfo: TcpinfoConfig;
  /** Absent: no flows are received or stored. */
  readonly flow: FlowConfig | undefined;
  /** Absent: no consumers are watched. */
  readonly lag: LagSourceConfig | undefined;
  /** Where its pages are served beside the agent's. */
  readonly lagListeners: readonly LagListener[];
  /** Absent: nothing is reported. */
  readonly sentry: SentryDsn | undefined;
  /** The DSN as it is written; "" where there is none. */
  readonly sentryDsn: string;
  readonly logLevel: LogLevel | undefined;
  /** The CPU profile of the whole run is written to this file; "" writes none. */
  readonly profilePath: string;
  /** What must not be shown: keys, tokens, passwords. */
  readonly secrets: readonly string[];
}

/** What differs between the program and an embedded agent. */
export interface AgentDefaults {
  /** Listens for DogStatsD and HTTP, and prints, where the configuration says nothing of them. */
  readonly asProgram: boolean;
  /** Watches TCP connections where the configuration says nothing of them. @default false */
  readonly watchesTcp?: boolean;
}

const KEYS = [
  "statsd",
  "http",
  "outputs",
  "spool",
  "takeover",
  "tcpinfo",
  "flow",
  "lag",
  "sentry",
  "log_level",
  "enable_profiling",
];

/** @throws {ConfigError} on the first thing that can't be used; where errors are collected, `ConfigErrors` with all */
export function readAgentConfig(root: Section, { asProgram, watchesTcp = false }: AgentDefaults): AgentConfig {
  root.refuseOthers(KEYS);
  const statsd = root.gather(() => readStatsdConfig(root.section("statsd"), asProgram));
  const http = root.gather(() => readHttpConfig(root.section("http")));
  const outputs = root.gather(() =>
    readOutputs(root.sections("outputs"), { defaultStdout: asProgram && !root.has("outputs") })
  );
  const spool = root.gather(() => readSpoolConfig(root.section("spool")));
  const takeover = root.gather(() => readTakeoverConfig(root.section("takeover")));
  const tcpinfo = root.gather(() =>
    readTcpinfoConfig(root.section("tcpinfo"), watchesTcp || root.keys().includes("tcpinfo"))
  );
  const flow = root.has("flow") ? root.gather(() => readFlowConfig(root.section("flow"))) : undefined;
  const lag = root.has("lag") ? root.gather(() => readLagSourceConfig(root.section("lag"))) : undefined;
  const lagListeners = root.gather(() => readLagListeners(root.section("lag"))) ?? [];
  const sentry = root.gather(() => readSentry(root.section("sentry")));
  const logLevel = root.oneOf("log_level", LOG_LEVELS);
  const profile = root.boolean("enable_profiling") ?? false;
  root.throwCollected();
  if (
    statsd === undefined || http === undefined || outputs === undefined || spool === undefined ||
    takeover === undefined || tcpinfo === undefined
  ) {
    throw new TypeError("unreachable: collected");
  }
  return {
    statsd,
    http: asProgram || root.section("http").has("address") ? http : { ...http, address: null },
    outputs: withRouting(statsd, withExclusions(statsd, withExposition(statsd, outputs))),
    spool,
    takeover,
    tcpinfo,
    flow,
    lag,
    lagListeners,
    sentry: sentry?.dsn,
    sentryDsn: sentry?.text ?? "",
    logLevel,
    profilePath: profile ? "limier.cpuprofile" : "",
    secrets: secretsOf(root),
  };
}

/** The host field of what is published: as configured, else the machine's. */
export function hostnameOf({ statsd }: Pick<AgentConfig, "statsd">): string {
  if (statsd.hostname !== undefined && statsd.hostname !== "") return statsd.hostname;
  return statsd.omitEmptyHostname && statsd.hostname !== undefined ? "" : Deno.hostname();
}

/** `prometheus_exposition: true` is an output that shows rather than sends. */
function withExposition(statsd: StatsdConfig, outputs: readonly OutputConfig[]): readonly OutputConfig[] {
  const kind = "prometheus_exposition";
  if (!statsd.prometheusExposition || outputs.some((output) => output.kind === kind)) return outputs;
  const section = { name: kind, kind, interval: `${statsd.intervalMs}ms`, max_series: statsd.maxSeries };
  return [...outputs, ...readOutputs([Section.of(section)], { defaultStdout: false })];
}

/** `tags_exclude` names tag keys for every output, or `key|output|output`. */
function withExclusions(statsd: StatsdConfig, outputs: readonly OutputConfig[]): readonly OutputConfig[] {
  if (statsd.tagsExclude.length === 0) return outputs;
  const rules = statsd.tagsExclude.map((rule) => rule.split("|"));
  return outputs.map((output) => {
    const keys = rules.filter(([, ...names]) =>
      names.length === 0 || names.includes(output.name) || names.includes(output.kind)
    ).map(([key]) => key!);
    const excludeTags = [...new Set([...output.filter.excludeTags, ...keys])];
    return { ...output, filter: { ...output.filter, excludeTags } };
  });
}

/** `metric_sink_routing` says for each point which outputs get it. */
function withRouting(
  { metricSinkRouting: routing }: StatsdConfig,
  outputs: readonly OutputConfig[],
): readonly OutputConfig[] {
  return routing.length === 0 ? outputs : outputs.map((one) => ({ ...one, filter: { ...one.filter, routing } }));
}

/** Every text that stands under a key with a secret's name, wherever. */
function secretsOf(section: Section): string[] {
  const found: string[] = [];
  const visit = (value: unknown, secret: boolean) => {
    if (typeof value === "string") {
      if (secret && value !== "") found.push(value);
    } else if (Array.isArray(value)) value.forEach((item) => visit(item, secret));
    else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) visit(item, isSecretName(key));
    }
  };
  for (const key of section.keys()) visit(section.value(key), isSecretName(key));
  return found;
}
