/** The configuration as Burrow's pages show it: its names, seconds, and no secret. */
import type { ClusterConfig } from "../cluster/config.ts";
import type { ConnectionProfile } from "../connection.ts";
import type { ConsumerConfig } from "../consumer/config.ts";
import type { NotifierConfig } from "../notifier/config.ts";
import type { LagSourceConfig } from "../source_config.ts";
import { type GroupFilter, patternText } from "../storage/group_filter.ts";
import type { JsonObject, JsonValue } from "../wire/decode.ts";

/** The kinds of modules. */
export const MODULE_KINDS = ["storage", "evaluator", "cluster", "consumer", "notifier"] as const;
export type ModuleKind = (typeof MODULE_KINDS)[number];

/** Everything that is no module's. */
export function mainView({ page }: LagSourceConfig): JsonObject {
  const { general, logging, zookeeper, httpserver } = page;
  return { general, logging, zookeeper, httpserver } as unknown as JsonObject;
}

/** The names of a kind's modules. */
export function moduleNames(config: LagSourceConfig, kind: ModuleKind): readonly string[] {
  switch (kind) {
    case "storage":
    case "evaluator":
      return [config.judge[kind].name];
    case "cluster":
      return [...config.clusters.keys()];
    case "consumer":
      return [...config.consumers.keys()];
    case "notifier":
      return config.notifiers.map(({ name }) => name);
  }
}

/** One module; undefined where there is none of that name. */
export function moduleView(config: LagSourceConfig, kind: ModuleKind, name: string): JsonObject | undefined {
  switch (kind) {
    case "storage":
      return config.judge.storage.name === name ? storageView(config) : undefined;
    case "evaluator":
      return config.judge.evaluator.name === name ? evaluatorView(config) : undefined;
    case "cluster": {
      const cluster = config.clusters.get(name);
      return cluster === undefined ? undefined : clusterView(cluster);
    }
    case "consumer": {
      const consumer = config.consumers.get(name);
      return consumer === undefined ? undefined : consumerView(consumer);
    }
    case "notifier": {
      const notifier = config.notifiers.find((one) => one.name === name);
      return notifier === undefined ? undefined : notifierView(notifier.config);
    }
  }
}

function storageView({ judge: { storage: { config } } }: LagSourceConfig): JsonObject {
  return {
    "class-name": config.className,
    intervals: config.intervals,
    "min-distance": seconds(config.minDistanceMs),
    ...filterView(config.filter),
    "expire-group": seconds(config.expireGroupMs),
    workers: config.workers,
    "queue-depth": config.queueDepth,
  };
}

function evaluatorView({ judge: { evaluator: { config } } }: LagSourceConfig): JsonObject {
  return {
    "class-name": config.className,
    "expire-cache": seconds(config.expireCacheMs),
    "minimum-complete": config.minimumComplete,
    "minimum-commits": config.minimumCommits,
    "allowed-lag": config.allowedLag,
    "stop-after": seconds(config.stopAfterMs),
    "time-lag": config.timeLag,
  };
}

function clusterView(config: ClusterConfig): JsonObject {
  return {
    "class-name": config.className,
    servers: [...config.brokers],
    "client-profile": profileView(config.profile),
    "topic-refresh": seconds(config.topicRefreshMs),
    "offset-refresh": seconds(config.offsetRefreshMs),
    "groups-reaper-refresh": seconds(config.groupsReaperRefreshMs),
  };
}

function consumerView(config: ConsumerConfig): JsonObject {
  return {
    "class-name": config.className,
    cluster: config.cluster,
    servers: [...config.brokers],
    ...filterView(config.filter),
    "zookeeper-path": "",
    "zookeeper-timeout": 0,
    "client-profile": profileView(config.profile),
    "offsets-topic": config.offsetsTopic,
    "start-latest": config.startLatest,
    "backfill-earliest": config.backfillEarliest,
    "self-report": config.selfReport,
  };
}

function profileView({ name, clientId, kafkaVersion, tls, sasl }: ConnectionProfile): JsonObject {
  return {
    name,
    "client-id": clientId,
    "kafka-version": kafkaVersion,
    tls: tls === undefined ? null : {
      name: tls.name,
      noverify: tls.skipVerify ?? false,
      certfile: tls.certFile ?? "",
      keyfile: tls.keyFile ?? "",
      cafile: tls.caFile ?? "",
    },
    sasl: sasl === undefined ? null : { name: sasl.name, "handshake-first": true, username: sasl.username },
  };
}

function notifierView(config: NotifierConfig): JsonObject {
  const common = {
    "class-name": config.className,
    ...filterView(config.filter),
    interval: seconds(config.intervalMs),
    "send-interval": seconds(config.sendIntervalMs),
    threshold: config.threshold,
    "template-open": config.templateOpen.path,
    "template-close": config.templateClose?.path ?? "",
    extra: hidden(config.extras),
    "send-close": config.sendClose,
    "send-once": config.sendOnce,
  };
  switch (config.className) {
    case "http":
      return {
        ...common,
        timeout: seconds(config.timeoutMs),
        keepalive: seconds(config.keepaliveMs),
        "url-open": config.urlOpen,
        "url-close": config.urlClose,
        "method-open": config.methodOpen,
        "method-close": config.methodClose,
        "extra-ca": config.extraCa,
        noverify: String(config.noverify),
        headers: hidden(config.headers),
      };
    case "email":
      return {
        ...common,
        server: config.server,
        port: config.port,
        "auth-type": config.authType,
        username: config.username,
        from: config.from,
        to: config.to,
        "extra-ca": config.extraCa,
        noverify: String(config.noverify),
      };
    case "null":
      return common;
  }
}

function filterView({ allow, deny }: GroupFilter): Record<string, JsonValue> {
  return { "group-allowlist": patternText(allow), "group-denylist": patternText(deny) };
}

/** They hold keys often enough. */
function hidden(map: Readonly<Record<string, string>>): JsonObject {
  return Object.fromEntries(Object.keys(map).map((key) => [key, "***"]));
}

function seconds(ms: number): number {
  return ms / 1000;
}
