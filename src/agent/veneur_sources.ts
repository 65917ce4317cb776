/** Veneur's `sources`: what it scrapes. */
import type { Section } from "../config/mod.ts";
import type { SinkDeps } from "./veneur_sinks.ts";
import { readVeneurValue } from "./veneur_values.ts";

const ENTRY_KEYS = ["kind", "name", "config", "tags"];
const CONFIG_KEYS = ["scrape_target", "scrape_interval", "scrape_timeout", "allowlist", "denylist"];

/** The entries of `statsd.sources`, whose keys stand side by side; other kinds are left out with a warning. */
export function veneurSources(
  entries: readonly Section[],
  { warn, unknown }: Pick<SinkDeps, "warn" | "unknown">,
): Record<string, unknown>[] {
  const sources: Record<string, unknown>[] = [];
  for (const entry of entries) {
    unknown(entry, ENTRY_KEYS);
    const kind = readVeneurValue(entry, "kind", "string");
    let name = String(readVeneurValue(entry, "name", "string") || kind);
    if (kind !== "openmetrics") {
      warn(entry.at("kind"), `source ${name} is left out: kind ${kind} is not supported`);
      continue;
    }
    const config = entry.section("config");
    unknown(config, CONFIG_KEYS);
    const source: Record<string, unknown> = { kind };
    for (const key of CONFIG_KEYS) {
      const value = readVeneurValue(config, key, "string");
      if (value !== undefined && value !== "") source[key] = value;
    }
    const tags = readVeneurValue(entry, "tags", "strings");
    if (tags !== undefined) source.tags = tags;
    // Veneur does not ask for names, nor for different ones.
    while (sources.some((other) => other.name === name)) name += "_";
    sources.push({ ...source, name });
  }
  return sources;
}
