/** The whole `lag` section: the judge's, and what connects it to clusters, people and pages. */
import type { Section } from "../config/mod.ts";
import { type ClusterConfig, readClusterConfig } from "./cluster/config.ts";
import { LAG_KEYS, type LagConfig, type Named, readLagConfig } from "./config.ts";
import { type ConsumerConfig, defaultConsumer, readConsumerConfig } from "./consumer/config.ts";
import { type NotifierConfig, readNotifierConfig } from "./notifier/config.ts";
import { METRICS_DETAILS, type MetricsDetail } from "./http/metrics_page.ts";
import { NO_PAGE_VIEW, PAGE_VIEW_KEYS, type PageView, readPageView } from "./http/page_view.ts";

/** What the lag source runs with. */
export interface LagSourceConfig {
  readonly judge: LagConfig;
  readonly clusters: ReadonlyMap<string, ClusterConfig>;
  readonly consumers: ReadonlyMap<string, ConsumerConfig>;
  readonly notifiers: readonly Named<NotifierConfig>[];
  /** How often groups are listed for the notifiers. */
  readonly groupRefreshMs: number;
  /** Groups' lag is handed to the aggregation, too. */
  readonly meter: boolean;
  /** How often that is done. */
  readonly meterIntervalMs: number;
  /** How much of the groups the agent's own page of metrics shows. */
  readonly metrics: MetricsDetail;
  /** What pages show of settings that only a file of Burrow's has. */
  readonly page: PageView;
}

/** The one place where these defaults are written. */
const DEFAULTS = { metrics: "partitions", meter: false, meterIntervalMs: 10_000, groupRefreshMs: 60_000 } as const;

/** `listeners` are read by whoever serves HTTP. */
const KEYS = [
  ...LAG_KEYS,
  "client_profiles",
  "notifiers",
  "meter",
  "meter_interval",
  "group_refresh",
  "metrics",
  "page",
  "listeners",
];

/**
 * Reads the section; where it is empty, there is nothing to watch.
 *
 * @throws {ConfigError} on an unknown key, a reference to nothing, or a value that can't be used
 */
export function readLagSourceConfig(section: Section): LagSourceConfig {
  section.refuseOthers(KEYS);
  const judge = readLagConfig(section);
  const profiles = section.section("client_profiles");
  const clusters = new Map(
    section.section("clusters").entries().map(([name, one]) => [name, readClusterConfig(one, name, profiles)]),
  );
  const consumers = new Map(
    section.section("consumers").entries().map(([name, one]) => [
      name,
      readConsumerConfig(one, name, clusters, profiles),
    ]),
  );
  for (const [name, cluster] of clusters) {
    const isRead = [...consumers.values()].some((consumer) => consumer.cluster === name);
    if (!isRead && !consumers.has(name)) consumers.set(name, defaultConsumer(name, cluster));
  }
  return {
    judge,
    clusters,
    consumers,
    notifiers: section.section("notifiers").entries().map(([name, one]) => ({
      name,
      config: readNotifierConfig(one),
    })),
    groupRefreshMs: section.duration("group_refresh", { atLeast: "100ms" }) ?? DEFAULTS.groupRefreshMs,
    metrics: section.oneOf("metrics", METRICS_DETAILS) ?? DEFAULTS.metrics,
    meter: section.boolean("meter") ?? DEFAULTS.meter,
    meterIntervalMs: section.duration("meter_interval", { atLeast: "100ms" }) ?? DEFAULTS.meterIntervalMs,
    page: section.has("page") ? readPageView(section.section("page"), PAGE_VIEW_KEYS) : NO_PAGE_VIEW,
  };
}

/** Whether two configurations are the same. */
export function sameLagConfig(a: LagSourceConfig, b: LagSourceConfig): boolean {
  return comparable(a) === comparable(b);
}

function comparable(config: LagSourceConfig): string {
  return JSON.stringify(config, (_, value: unknown) => {
    if (value instanceof Map) return [...value];
    return value instanceof RegExp ? String(value) : value;
  });
}
