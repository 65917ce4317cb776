/** The `flow` section in force, in the words of limier.yaml. */
import { formatDuration, formatSize } from "../config/mod.ts";
import { saslKeys } from "../kafka/mod.ts";
import type { FlowConfig, OutletConfig } from "./config.ts";
import type { FileInputConfig, ListenConfig } from "./inlet/config.ts";
import { type FlowKafkaConfig, saslWord } from "./kafka_config.ts";
import type { KafkaOutputConfig } from "./kafka_output/config.ts";
import { goDuration } from "./store/sql.ts";

type Yaml = Record<string, unknown>;

/** The section as a limier.yaml that says all of it would have it, secrets and all; null where nothing is configured. */
export function flowSection(config: FlowConfig): Yaml | null {
  const { inlet, kafka, outlet, schema, store } = config;
  if (inlet.listen.length === 0 && kafka === undefined && outlet === undefined) return null;
  return {
    inlet: { listen: inlet.listen.map(listenSection), max_exporters: inlet.maxExporters },
    kafka: kafka === undefined ? null : kafkaSection(kafka),
    outlet: outlet === undefined ? null : outletSection(outlet, config.written),
    schema: { ...snakeKeys({ ...schema, customDictionaries: undefined }), ...written(config.written, "schema") },
    store: outlet === undefined ? null : { chdb_path: store.chdbPath, directory: store.directory },
  };
}

function listenSection(listen: ListenConfig | FileInputConfig): Yaml {
  const { type, decoder, timestampSource, decapsulation, useSourceAddress, rateLimit } = listen;
  const common = {
    type,
    decoder,
    timestamp_source: timestampSource,
    decapsulation_protocol: decapsulation,
    use_src_addr_for_exporter_addr: useSourceAddress,
    rate_limit: rateLimit,
  };
  if (listen.type === "file") return { ...common, paths: listen.paths, max_flows: listen.maxFlows };
  return {
    ...common,
    address: listen.address,
    workers: listen.workers,
    receive_buffer: formatSize(listen.receiveBufferBytes),
    load_balancing: listen.loadBalancing,
  };
}

function kafkaSection({ tls, sasl, topicConfig, ...kafka }: FlowKafkaConfig): Yaml {
  return {
    brokers: kafka.brokers,
    topic: kafka.topic,
    tls: {
      enable: tls !== undefined,
      skip_verify: tls?.skipVerify ?? false,
      ca_file: tls?.caFile ?? "",
      cert_file: tls?.certFile ?? "",
      key_file: tls?.keyFile ?? "",
      server_name: tls?.serverName ?? "",
    },
    sasl: sasl === undefined
      ? { mechanism: "none", username: "", password: null }
      : { ...saslKeys(sasl), mechanism: saslWord(sasl.mechanism) },
    compression_codec: kafka.compression,
    queue_size: kafka.queueSize,
    load_balance: kafka.loadBalance,
    manage_topic: kafka.managesTopic,
    topic_configuration: {
      num_partitions: topicConfig.partitions,
      replication_factor: topicConfig.replicationFactor,
      config_entries: topicConfig.entries,
      config_entries_strict_sync: topicConfig.strict,
    },
  };
}

function kafkaOutputSection({ enabled, shutdownTimeoutMs, ...kafka }: KafkaOutputConfig): Yaml {
  const { brokers, ...section } = kafkaSection(kafka);
  return {
    enabled,
    ...(kafka.brokers.length === 0 ? {} : { brokers }), // one that is off may have none
    ...section,
    shutdown_timeout: formatDuration(shutdownTimeoutMs),
  };
}

function outletSection(outlet: OutletConfig, all: Yaml): Yaml {
  const { kafkaInput, kafkaOutput, clickhouse, decoder, enrichment, meter } = outlet;
  const own = written(all, "outlet");
  const { resolutions, orchestratorBasicAuth, tls, ...plain } = clickhouse;
  return {
    kafka_input: {
      consumer_group: kafkaInput.group,
      fetch_min_bytes: kafkaInput.fetchMinBytes,
      fetch_max_wait_time: formatDuration(kafkaInput.fetchMaxWaitMs),
      min_workers: kafkaInput.minWorkers,
      max_workers: kafkaInput.maxWorkers,
      worker_increase_rate_limit: formatDuration(kafkaInput.increaseMs),
      worker_decrease_rate_limit: formatDuration(kafkaInput.decreaseMs),
      session_timeout: formatDuration(kafkaInput.sessionTimeoutMs),
    },
    kafka_output: kafkaOutputSection(kafkaOutput),
    clickhouse: {
      ...snakeKeys(plain),
      tls: snakeKeys(tls),
      resolutions: resolutions.map(({ intervalS, ttlS, tableSettings }) => ({
        interval: goDuration(intervalS),
        ttl: goDuration(ttlS),
        table_settings: tableSettings,
      })),
      ...(orchestratorBasicAuth === undefined ? {} : { orchestrator_basic_auth: orchestratorBasicAuth }),
    },
    flow: snakeKeys({ ...decoder }),
    core: {
      exporter_classifiers: enrichment.exporterClassifiers,
      interface_classifiers: enrichment.interfaceClassifiers,
      classifier_cache_duration: formatDuration(enrichment.classifierCacheDurationMs),
      asn_providers: enrichment.selection.asnProviders,
      net_providers: enrichment.selection.netProviders,
      require_metadata: enrichment.requiresMetadata,
      require_sampling_rate: enrichment.sampling.isRequired,
      startup_delay: formatDuration(enrichment.startupDelayMs),
      ...written(own, "core"), // maps of subnets are shown as they are written
    },
    metadata: { ...snakeKeys({ ...enrichment.metadata, providers: [] }), ...written(own, "metadata") },
    geoip: {
      asn_database: enrichment.geoip.asnDatabases,
      geo_database: enrichment.geoip.geoDatabases,
      optional: enrichment.geoip.isOptional,
    },
    networks: written(own, "networks"),
    routing: written(own, "routing"),
    meter,
  };
}

/** A section as it is written; empty where it is not. */
function written(section: Yaml, key: string): Yaml {
  const value = section[key];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Yaml : {};
}

/** Fields by their keys: `maximumWaitTimeMs` is `maximum_wait_time`, a duration. */
function snakeKeys(fields: object): Yaml {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined).map(([field, value]) => {
    const isDuration = field.endsWith("Ms") && typeof value === "number";
    const name = isDuration ? field.slice(0, -2) : field;
    const key = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return [key, isDuration ? formatDuration(value) : value];
  });
  return Object.fromEntries(entries);
}
