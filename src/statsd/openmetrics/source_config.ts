/** The list `sources`: what the agent goes and asks for metrics. */
import { formatDuration, formatSize, type Section } from "../../config/mod.ts";

/** One source; plain data. */
export interface SourceConfig {
  readonly kind: "openmetrics";
  /** Unique; the label `source` of its metrics. */
  readonly name: string;
  /** The URL of the page. */
  readonly scrapeTarget: string;
  readonly scrapeIntervalMs: number;
  /** At most the interval. */
  readonly scrapeTimeoutMs: number;
  /** Only families whose name it matches somewhere; "" all. As {@link compileRule} reads it. */
  readonly allowlist: string;
  /** No families whose name it matches somewhere; "" none. */
  readonly denylist: string;
  /** Put on everything. */
  readonly tags: readonly string[];
  /** Bytes of the largest page. */
  readonly maxBodyBytes: number;
}

/** The keys of a source. */
export const SOURCE_KEYS = [
  "kind",
  "name",
  "scrape_target",
  "scrape_interval",
  "scrape_timeout",
  "allowlist",
  "denylist",
  "tags",
  "max_body",
] as const;

const DEFAULTS = { scrapeIntervalMs: 10_000, scrapeTimeoutMs: 10_000, maxBodyBytes: 64 * 1024 * 1024 };

/**
 * Reads the list.
 *
 * @throws {ConfigError} on an unknown key, a value it can't use, or a name that is there twice
 */
export function readSources(sections: readonly Section[]): SourceConfig[] {
  const names = new Set<string>();
  return sections.map((section) =>
    section.gather(() => {
      const source = readSource(section);
      if (names.has(source.name)) section.refuse("name", "a name that no other source has");
      names.add(source.name);
      return source;
    })
  ).filter((source) => source !== undefined);
}

/** A source in the words of the section. */
export function sourceSection(source: SourceConfig): Record<string, unknown> {
  return {
    kind: source.kind,
    name: source.name,
    scrape_target: source.scrapeTarget,
    scrape_interval: formatDuration(source.scrapeIntervalMs),
    scrape_timeout: formatDuration(source.scrapeTimeoutMs),
    allowlist: source.allowlist,
    denylist: source.denylist,
    tags: source.tags,
    max_body: formatSize(source.maxBodyBytes),
  };
}

/**
 * A rule as an expression: JavaScript's, of which Go's is nearly a part; flags in front, `(?i)`, and named groups,
 * `(?P<name>…)`, may be written as Go has them.
 *
 * @throws {SyntaxError} when it is none
 */
export function compileRule(text: string): RegExp {
  const [, flags = "", rest = ""] = /^(?:\(\?([ims]+)\))?([^]*)$/.exec(text) ?? [];
  return new RegExp(rest.replaceAll("(?P<", "(?<"), flags);
}

function readSource(section: Section): SourceConfig {
  section.refuseOthers(SOURCE_KEYS);
  const kind = section.oneOf("kind", ["openmetrics"]);
  if (!section.has("kind")) section.refuse("kind", "openmetrics");
  const target = readTarget(section);
  const scrapeIntervalMs = section.duration("scrape_interval", { atLeast: "10ms" }) ?? DEFAULTS.scrapeIntervalMs;
  const written = section.duration("scrape_timeout", { atLeast: "1ms" });
  if (written !== undefined && written > scrapeIntervalMs) {
    section.refuse("scrape_timeout", `a duration of at most scrape_interval, ${formatDuration(scrapeIntervalMs)}`);
  }
  return {
    kind: kind ?? "openmetrics",
    name: section.string("name") || (URL.parse(target)?.host ?? ""),
    scrapeTarget: target,
    scrapeIntervalMs,
    scrapeTimeoutMs: written ?? Math.min(DEFAULTS.scrapeTimeoutMs, scrapeIntervalMs),
    allowlist: readRule(section, "allowlist"),
    denylist: readRule(section, "denylist"),
    tags: section.strings("tags") ?? [],
    maxBodyBytes: section.size("max_body", { atLeast: "1KiB", atMost: "1GiB" }) ?? DEFAULTS.maxBodyBytes,
  };
}

function readTarget(section: Section): string {
  const text = section.string("scrape_target") ?? "";
  const url = URL.parse(text);
  const isHttp = url !== null && (url.protocol === "http:" || url.protocol === "https:");
  if (!isHttp) section.refuse("scrape_target", "a URL such as http://127.0.0.1:9100/metrics");
  else if (url.username !== "" || url.password !== "") {
    section.refuse("scrape_target", "a URL without a user and a password: they would be shown");
  }
  return text;
}

function readRule(section: Section, key: "allowlist" | "denylist"): string {
  const text = section.string(key) ?? "";
  try {
    compileRule(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    section.refuse(key, `a regular expression: ${error.message}`);
  }
  return text;
}
