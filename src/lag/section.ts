/** The section in force, in the words of limier.yaml. */
import { formatDuration } from "../config/mod.ts";
import { saslKeys } from "../kafka/mod.ts";
import type { ClusterConfig } from "./cluster/config.ts";
import type { ConnectionProfile } from "./connection.ts";
import type { ConsumerConfig } from "./consumer/config.ts";
import type { NotifierConfig } from "./notifier/config.ts";
import type { LagSourceConfig } from "./source_config.ts";
import { type GroupFilter, patternText } from "./storage/group_filter.ts";

type Yaml = Record<string, unknown>;

/** The section as a limier.yaml that says all of it would have it, secrets and all. */
export function lagSection(config: LagSourceConfig): Yaml {
  const { judge, page } = config;
  const profiles = [...config.clusters.values(), ...config.consumers.values()].map(({ profile }) => profile);
  return {
    storage: { [judge.storage.name]: storageSection(config) },
    evaluator: { [judge.evaluator.name]: evaluatorSection(config) },
    client_profiles: Object.fromEntries(
      profiles.filter(({ name }) => name !== "").map((profile) => [profile.name, profileSection(profile)]),
    ),
    clusters: Object.fromEntries([...config.clusters].map(([name, one]) => [name, clusterSection(one)])),
    consumers: Object.fromEntries([...config.consumers].map(([name, one]) => [name, consumerSection(one)])),
    notifiers: Object.fromEntries(config.notifiers.map(({ name, config: one }) => [name, notifierSection(one)])),
    group_refresh: formatDuration(config.groupRefreshMs),
    metrics: config.metrics,
    meter: config.meter,
    meter_interval: formatDuration(config.meterIntervalMs),
    page: {
      as_burrow: page.asBurrow,
      allow_origin: page.allowOrigin,
      general: page.general,
      logging: page.logging,
      zookeeper: page.zookeeper,
      httpserver: page.httpserver,
    },
  };
}

function storageSection({ judge: { storage: { config } } }: LagSourceConfig): Yaml {
  return {
    class_name: config.className,
    intervals: config.intervals,
    min_distance: formatDuration(config.minDistanceMs),
    expire_group: formatDuration(config.expireGroupMs),
    ...filterKeys(config.filter),
    time_lag_points: config.timeLagPoints,
    max_groups: config.maxGroups,
    workers: config.workers,
    queue_depth: config.queueDepth,
    path: config.path,
    save_interval: formatDuration(config.saveIntervalMs),
    restore_limit: formatDuration(config.restoreLimitMs),
  };
}

function evaluatorSection({ judge: { evaluator: { config } } }: LagSourceConfig): Yaml {
  return {
    class_name: config.className,
    expire_cache: formatDuration(config.expireCacheMs),
    minimum_complete: config.minimumComplete,
    minimum_commits: config.minimumCommits,
    allowed_lag: config.allowedLag,
    stop_after: formatDuration(config.stopAfterMs),
    time_lag: config.timeLag,
    time_lag_fetches: config.timeLagFetches,
  };
}

function profileKeys(profile: ConnectionProfile): Yaml {
  return profile.name === "" ? profileSection(profile) : { client_profile: profile.name };
}

function profileSection({ clientId, kafkaVersion, tls, sasl, ...rest }: ConnectionProfile): Yaml {
  return {
    client_id: clientId,
    kafka_version: kafkaVersion,
    connect_timeout: formatDuration(rest.connectTimeoutMs),
    request_timeout: formatDuration(rest.requestTimeoutMs),
    tls: tls === undefined ? null : {
      name: tls.name,
      ca_file: tls.caFile ?? null,
      cert_file: tls.certFile ?? null,
      key_file: tls.keyFile ?? null,
      server_name: tls.serverName ?? null,
      skip_verify: tls.skipVerify ?? false,
    },
    sasl: sasl === undefined ? null : { name: sasl.name, ...saslKeys(sasl) },
  };
}

function clusterSection(config: ClusterConfig): Yaml {
  return {
    class_name: config.className,
    brokers: config.brokers,
    ...profileKeys(config.profile),
    offset_refresh: formatDuration(config.offsetRefreshMs),
    topic_refresh: formatDuration(config.topicRefreshMs),
    groups_reaper_refresh: formatDuration(config.groupsReaperRefreshMs),
  };
}

function consumerSection(config: ConsumerConfig): Yaml {
  return {
    class_name: config.className,
    cluster: config.cluster,
    brokers: config.brokers,
    ...profileKeys(config.profile),
    offsets_topic: config.offsetsTopic,
    start_latest: config.startLatest,
    backfill_earliest: config.backfillEarliest,
    self_report: config.selfReport,
    ...filterKeys(config.filter),
  };
}

function notifierSection(config: NotifierConfig): Yaml {
  const common = {
    class_name: config.className,
    interval: formatDuration(config.intervalMs),
    send_interval: formatDuration(config.sendIntervalMs),
    threshold: config.threshold,
    ...filterKeys(config.filter),
    template_open: config.templateOpen.path,
    template_close: config.templateClose?.path ?? null,
    send_close: config.sendClose,
    send_once: config.sendOnce,
    extras: config.extras,
  };
  if (config.className === "null") return common;
  const trust = {
    extra_ca: config.extraCa,
    noverify: config.noverify,
    username: config.username,
    password: config.password,
  };
  if (config.className === "email") {
    const { server, port, from, to, authType } = config;
    return { ...common, server, port, from, to, auth_type: authType, ...trust };
  }
  return {
    ...common,
    url_open: config.urlOpen,
    url_close: config.urlClose,
    method_open: config.methodOpen,
    method_close: config.methodClose,
    timeout: formatDuration(config.timeoutMs),
    keepalive: formatDuration(config.keepaliveMs),
    disable_http_keepalive: config.disableHttpKeepalive,
    ...trust,
    headers: config.headers,
  };
}

function filterKeys({ allow, deny }: GroupFilter): Yaml {
  return { group_allowlist: patternText(allow), group_denylist: patternText(deny) };
}
