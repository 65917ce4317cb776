/** The section `flow.outlet.metadata`. */
import type { Section } from "../../../config/mod.ts";
import type { Clock } from "../../../clock/mod.ts";
import type { Reporter } from "../../../telemetry/mod.ts";
import type { MetadataProvider } from "./facts.ts";
import { readSnmpSettings, type SnmpSettings } from "./snmp_config.ts";
import { SnmpProvider } from "./snmp_provider.ts";
import { readStaticSettings, StaticProvider, type StaticSettings } from "./static_provider.ts";

/** Settings of one provider. */
export type ProviderSettings = StaticSettings | SnmpSettings;

/** The section. Durations are milliseconds. */
export interface MetadataSettings {
  /** An answer that was not asked for so long is forgotten. */
  readonly cacheDurationMs: number;
  /** An answer is asked for again after so long; 0: never. */
  readonly cacheRefreshMs: number;
  readonly cacheCheckIntervalMs: number;
  /** Where answers are kept over a restart; "": nowhere. */
  readonly cachePersistFile: string;
  /** How long flows wait for an answer. */
  readonly queryTimeoutMs: number;
  /** During this time after the start they wait until its end. */
  readonly initialDelayMs: number;
  /** Asked in this order. */
  readonly providers: readonly ProviderSettings[];
}

const DEFAULTS: MetadataSettings = {
  cacheDurationMs: 30 * 60_000,
  cacheRefreshMs: 60 * 60_000,
  cacheCheckIntervalMs: 2 * 60_000,
  cachePersistFile: "",
  queryTimeoutMs: 5000,
  initialDelayMs: 60_000,
  providers: [],
};

/** Reads the section. @throws {ConfigError} */
export function readMetadataSettings(section: Section): MetadataSettings {
  section.refuseOthers([
    "cache_duration",
    "cache_refresh",
    "cache_check_interval",
    "cache_persist_file",
    "query_timeout",
    "initial_delay",
    "providers",
  ]);
  const cacheDurationMs = section.duration("cache_duration", { atLeast: "1m" }) ?? DEFAULTS.cacheDurationMs;
  const cacheRefreshMs = section.duration("cache_refresh") ??
    Math.max(DEFAULTS.cacheRefreshMs, cacheDurationMs); // the default follows a longer duration
  const cacheCheckIntervalMs = section.duration("cache_check_interval", { atLeast: "1s" }) ??
    Math.min(DEFAULTS.cacheCheckIntervalMs, cacheDurationMs);
  if (cacheRefreshMs !== 0 && cacheRefreshMs < cacheDurationMs) {
    section.refuse("cache_refresh", "0, or at least cache_duration");
  }
  if (cacheCheckIntervalMs > cacheDurationMs || (cacheRefreshMs !== 0 && cacheCheckIntervalMs > cacheRefreshMs)) {
    section.refuse("cache_check_interval", "at most cache_duration and cache_refresh");
  }
  return {
    cacheDurationMs,
    cacheRefreshMs,
    cacheCheckIntervalMs,
    cachePersistFile: section.string("cache_persist_file") ?? DEFAULTS.cachePersistFile,
    queryTimeoutMs: section.duration("query_timeout", { atLeast: "100ms", atMost: "1m" }) ?? DEFAULTS.queryTimeoutMs,
    initialDelayMs: section.duration("initial_delay", { atLeast: "1s", atMost: "1h" }) ?? DEFAULTS.initialDelayMs,
    providers: section.sections("providers").map(readProvider).filter((one) => one !== undefined),
  };
}

function readProvider(section: Section): ProviderSettings | undefined {
  switch (section.oneOf("type", ["static", "snmp"])) {
    case "static":
      return readStaticSettings(section);
    case "snmp":
      return readSnmpSettings(section);
    default:
      return section.has("type") ? undefined : section.refuse("type", "static or snmp");
  }
}

/** Makes the providers that settings name. */
export function newProviders(
  settings: readonly ProviderSettings[],
  deps: { readonly clock: Clock; readonly reporter: Reporter },
): MetadataProvider[] {
  return settings.map((one) => one.type === "static" ? new StaticProvider(one) : new SnmpProvider(one, deps));
}
