/** The `lag` section: how consumers of Kafka are watched. */
import type { Section } from "../config/mod.ts";
import { compilePattern, type GroupFilter, PatternError } from "./storage/group_filter.ts";
import type { StoreConfig } from "./storage/cluster_store.ts";
import { MOST_INTERVALS } from "./storage/window_store.ts";

/** Where commits are kept: in memory, or also in a file, so that a restart keeps them. */
export const STORAGE_CLASSES = ["inmemory", "sqlite"] as const;
export type StorageClass = (typeof STORAGE_CLASSES)[number];

/** One storage module. */
export interface StorageConfig extends StoreConfig {
  readonly className: StorageClass;
  /** Workers that requests are shared among; each group's go to one of them. */
  readonly workers: number;
  /** Requests that wait for one worker before whoever sends waits too; 0 waits for the worker itself. */
  readonly queueDepth: number;
  /** The file of `sqlite`; "" of others. */
  readonly path: string;
  /** How often `sqlite` saves what changed, in milliseconds. */
  readonly saveIntervalMs: number;
  /** What `sqlite` saved longer ago than this is not restored, in milliseconds. */
  readonly restoreLimitMs: number;
}

/** One evaluator module. */
export interface EvaluatorConfig {
  readonly className: "caching";
  /** An evaluation serves for so long, in milliseconds; 0 serves once. */
  readonly expireCacheMs: number;
  /** A partition whose window is filled less than this, from 0 to 1, is OK. */
  readonly minimumComplete: number;
  /** A partition with fewer commits than this is OK. */
  readonly minimumCommits: number;
  /** Lag up to this is none. */
  readonly allowedLag: number;
  /** A consumer counts as stopped after so long at the latest, in milliseconds; 0 has no bound but the window's. */
  readonly stopAfterMs: number;
  /** How the lag in seconds is found. */
  readonly timeLag: TimeLag;
  /** Records read to find it, a second and broker. */
  readonly timeLagFetches: number;
}

/** `exact` reads the first unread record's time and interpolates where it can't; `off` tells no lag in seconds. */
export const TIME_LAGS = ["exact", "interpolated", "off"] as const;
export type TimeLag = (typeof TIME_LAGS)[number];

/** A section by its name. */
export interface Named<T> {
  readonly name: string;
  readonly config: T;
}

/** Whose commits a consumer module takes in. The rest of its section is read by whoever connects to the cluster. */
export interface ConsumerFilter {
  readonly name: string;
  readonly cluster: string;
  readonly filter: GroupFilter;
}

/** What the judge of lag runs with. The sections of clusters and consumers are read by those who connect to them. */
export interface LagConfig {
  readonly storage: Named<StorageConfig>;
  readonly evaluator: Named<EvaluatorConfig>;
  /** The names of the clusters, in the order in which they are written. */
  readonly clusters: readonly string[];
  readonly consumers: readonly ConsumerFilter[];
}

/** The one place where these defaults are written. */
export const STORAGE_DEFAULTS: StorageConfig = {
  className: "inmemory",
  intervals: 10,
  minDistanceMs: 0,
  expireGroupMs: 604_800_000,
  filter: {},
  timeLagPoints: 60,
  maxGroups: 0,
  workers: 20,
  queueDepth: 1,
  path: "",
  saveIntervalMs: 60_000,
  restoreLimitMs: 86_400_000,
};

/** The one place where these defaults are written. */
export const EVALUATOR_DEFAULTS: EvaluatorConfig = {
  className: "caching",
  expireCacheMs: 10_000,
  minimumComplete: 0,
  minimumCommits: 1,
  allowedLag: 0,
  stopAfterMs: 0,
  timeLag: "exact",
  timeLagFetches: 50,
};

const STORAGE_KEYS = [
  "class_name",
  "intervals",
  "min_distance",
  "expire_group",
  "group_allowlist",
  "group_denylist",
  "time_lag_points",
  "max_groups",
  "workers",
  "queue_depth",
  "path",
  "save_interval",
  "restore_limit",
];
const EVALUATOR_KEYS = [
  "class_name",
  "expire_cache",
  "minimum_complete",
  "minimum_commits",
  "allowed_lag",
  "stop_after",
  "time_lag",
  "time_lag_fetches",
];

/** The keys of the section that are read here. */
export const LAG_KEYS: readonly string[] = ["storage", "evaluator", "clusters", "consumers"];

/**
 * Reads storage, evaluator and the names of the clusters. `storage` and `evaluator` are one module's settings, or one map of
 * settings by the module's name.
 *
 * @throws {ConfigError} on two modules of a kind, an unknown class, an unknown key, or a value that can't be used
 */
export function readLagConfig(section: Section): LagConfig {
  return {
    storage: readOne(section, "storage", STORAGE_KEYS, readStorageConfig),
    evaluator: readOne(section, "evaluator", EVALUATOR_KEYS, readEvaluatorConfig),
    clusters: section.section("clusters").keys(),
    consumers: readConsumerFilters(section),
  };
}

function readConsumerFilters(section: Section): ConsumerFilter[] {
  const clusters = section.section("clusters").keys();
  return section.section("consumers").entries().map(([name, consumer]) => {
    const cluster = consumer.string("cluster") ?? (clusters.length === 1 ? clusters[0]! : "");
    if (!clusters.includes(cluster)) {
      section.section("consumers").fail(
        name,
        `a cluster that is configured: Consumer '${name}' references an unknown cluster '${cluster}'`,
      );
    }
    return { name, cluster, filter: readGroupFilter(consumer) };
  });
}

/** The one module of a kind: `default` where none is written. */
function readOne<T>(
  section: Section,
  kind: string,
  keys: readonly string[],
  read: (module: Section) => T,
): Named<T> {
  const written = section.section(kind);
  const names = written.keys();
  if (names.length === 0 || names.some((name) => keys.includes(name) || !isMap(written.value(name)))) {
    return { name: "default", config: read(written) };
  }
  if (names.length > 1) section.fail(kind, `one of them: Only one ${kind} module must be configured`);
  return { name: names[0]!, config: read(written.section(names[0]!)) };
}

function isMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads one storage module. @throws {ConfigError} */
export function readStorageConfig(section: Section): StorageConfig {
  section.refuseOthers([...STORAGE_KEYS, "group_whitelist", "group_blacklist"]);
  const d = STORAGE_DEFAULTS;
  const className = readClass(section, "storage", STORAGE_CLASSES);
  const config: StorageConfig = {
    className,
    intervals: section.integer("intervals", { atLeast: 1, atMost: MOST_INTERVALS }) ?? d.intervals,
    minDistanceMs: section.duration("min_distance") ?? d.minDistanceMs,
    expireGroupMs: section.duration("expire_group", { atLeast: "1s" }) ?? d.expireGroupMs,
    filter: readGroupFilter(section),
    timeLagPoints: readPoints(section) ?? d.timeLagPoints,
    maxGroups: section.integer("max_groups", { atLeast: 0 }) ?? d.maxGroups,
    workers: section.integer("workers", { atLeast: 1, atMost: 1_000 }) ?? d.workers,
    queueDepth: section.integer("queue_depth", { atLeast: 0, atMost: 1_000_000 }) ?? d.queueDepth,
    path: section.string("path") ?? d.path,
    saveIntervalMs: section.duration("save_interval", { atLeast: "1s" }) ?? d.saveIntervalMs,
    restoreLimitMs: section.duration("restore_limit") ?? d.restoreLimitMs,
  };
  if (className === "sqlite" && config.path === "") {
    section.refuse("path", "the path of a file: sqlite keeps windows there");
  }
  return config;
}

/** Reads one evaluator module. @throws {ConfigError} */
export function readEvaluatorConfig(section: Section): EvaluatorConfig {
  section.refuseOthers(EVALUATOR_KEYS);
  const d = EVALUATOR_DEFAULTS;
  return {
    className: readClass(section, "evaluator", ["caching"]),
    expireCacheMs: section.duration("expire_cache") ?? d.expireCacheMs,
    minimumComplete: section.number("minimum_complete", { atLeast: 0, atMost: 1 }) ?? d.minimumComplete,
    minimumCommits: section.integer("minimum_commits", { atLeast: 0 }) ?? d.minimumCommits,
    allowedLag: section.integer("allowed_lag", { atLeast: 0 }) ?? d.allowedLag,
    stopAfterMs: section.duration("stop_after") ?? d.stopAfterMs,
    timeLag: section.oneOf("time_lag", TIME_LAGS) ?? d.timeLag,
    timeLagFetches: section.integer("time_lag_fetches", { atLeast: 0 }) ?? d.timeLagFetches,
  };
}

/** Reads `group_allowlist` and `group_denylist` of any module; an empty pattern is none. @throws {ConfigError} */
export function readGroupFilter(section: Section): GroupFilter {
  for (const old of ["group_whitelist", "group_blacklist"]) {
    if (section.has(old)) section.refuse(old, "Please change configurations to allowlist and denylist");
  }
  const allow = readPattern(section, "group_allowlist", "allowlist");
  const deny = readPattern(section, "group_denylist", "denylist");
  return { ...(allow !== undefined && { allow }), ...(deny !== undefined && { deny }) };
}

function readPattern(section: Section, key: string, what: string): RegExp | undefined {
  const pattern = section.string(key);
  if (pattern === undefined || pattern === "") return undefined;
  try {
    return compilePattern(pattern);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return section.refuse(key, `a pattern in RE2's syntax: Failed to compile group ${what}: ${error.message}`, error);
  }
}

function readClass<const Word extends string>(section: Section, kind: string, words: readonly Word[]): Word {
  const written = section.string("class_name") ?? words[0]!;
  const known = words.find((word) => word === written);
  if (known !== undefined) return known;
  section.fail("class_name", `${words.join(" or ")}: Unknown ${kind} className provided: ${written}`);
}

function readPoints(section: Section): number | undefined {
  const points = section.integer("time_lag_points", { atLeast: 0, atMost: 100_000 });
  return points === 1 ? section.refuse("time_lag_points", "0 for none, or 2 or more: one point tells nothing") : points;
}
