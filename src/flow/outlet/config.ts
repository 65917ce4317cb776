/** The section `flow.outlet`: how flows are read, completed and stored. */
import type { Section } from "../../config/mod.ts";
import { STATE_LIMITS, type StateLimits } from "../decode/state.ts";

/** How datagrams are taken out of Kafka. */
export interface KafkaInputConfig {
  readonly group: string;
  readonly fetchMinBytes: number;
  readonly fetchMaxWaitMs: number;
  readonly minWorkers: number;
  readonly maxWorkers: number;
  /** From one decision about the number of workers to the next. */
  readonly increaseMs: number;
  /** How long workers have to be idle before one is stopped. */
  readonly decreaseMs: number;
  /** A worker of which nothing is heard for so long has lost its partitions. */
  readonly sessionTimeoutMs: number;
}

/** What the decoders remember. */
export interface DecoderConfig {
  /** "" keeps nothing over a restart. */
  readonly statePersistFile: string;
  readonly templateTimeoutMs: number;
  readonly maxTemplatesPerExporter: number;
  /** Sets of an unknown template wait for it. */
  readonly queueUnknownSets: boolean;
  /** Outlets tell each other what they learn, by a topic beside that of the datagrams. */
  readonly shareState: boolean;
}

/** What an empty section means. */
export const KAFKA_INPUT: KafkaInputConfig = {
  group: "limier-outlet",
  fetchMinBytes: 1_000_000,
  fetchMaxWaitMs: 1_000,
  minWorkers: 1,
  maxWorkers: 8,
  increaseMs: 60_000,
  decreaseMs: 600_000,
  sessionTimeoutMs: 45_000,
};

/** What an empty section means. */
export const DECODER: DecoderConfig = {
  statePersistFile: "",
  templateTimeoutMs: STATE_LIMITS.templateTimeoutS * 1000,
  maxTemplatesPerExporter: STATE_LIMITS.templatesPerExporter,
  queueUnknownSets: false,
  shareState: false,
};

/** The bounds of what is remembered. */
export function stateLimits({ templateTimeoutMs, maxTemplatesPerExporter }: DecoderConfig): Partial<StateLimits> {
  return {
    templateTimeoutS: Math.floor(templateTimeoutMs / 1000),
    templatesPerExporter: maxTemplatesPerExporter,
  };
}

/** Reads `flow.outlet.kafka_input`. @throws {ConfigError} */
export function readKafkaInput(section: Section): KafkaInputConfig {
  section.refuseOthers([
    "consumer_group",
    "fetch_min_bytes",
    "fetch_max_wait_time",
    "min_workers",
    "max_workers",
    "worker_increase_rate_limit",
    "worker_decrease_rate_limit",
    "session_timeout",
  ]);
  const usual = KAFKA_INPUT;
  const group = section.string("consumer_group") ?? usual.group;
  if (!/^[\x21-\x7e]+$/.test(group)) section.refuse("consumer_group", "a name of printable ASCII");
  const minWorkers = section.integer("min_workers", { atLeast: 1, atMost: 256 }) ?? usual.minWorkers;
  const maxWorkers = section.integer("max_workers", { atLeast: 1, atMost: 256 }) ??
    Math.max(usual.maxWorkers, minWorkers);
  if (maxWorkers < minWorkers) section.refuse("max_workers", "at least as many as min_workers");
  const increaseMs = section.duration("worker_increase_rate_limit", { atLeast: "10s" }) ?? usual.increaseMs;
  const decreaseMs = section.duration("worker_decrease_rate_limit", { atLeast: "20s" }) ??
    Math.max(usual.decreaseMs, 2 * increaseMs);
  if (decreaseMs <= increaseMs) section.refuse("worker_decrease_rate_limit", "more than worker_increase_rate_limit");
  return {
    group,
    fetchMinBytes: section.integer("fetch_min_bytes", { atLeast: 1, atMost: 0x7fff_ffff }) ?? usual.fetchMinBytes,
    fetchMaxWaitMs: section.duration("fetch_max_wait_time", { atLeast: "100ms", atMost: "1m" }) ?? usual.fetchMaxWaitMs,
    minWorkers,
    maxWorkers,
    increaseMs,
    decreaseMs,
    sessionTimeoutMs: section.duration("session_timeout", { atLeast: "1s", atMost: "30m" }) ?? usual.sessionTimeoutMs,
  };
}

/** Reads `flow.outlet.flow`. @throws {ConfigError} */
export function readDecoderConfig(section: Section): DecoderConfig {
  section.refuseOthers([
    "state_persist_file",
    "share_state",
    "template_timeout",
    "max_templates_per_exporter",
    "queue_unknown_sets",
  ]);
  const usual = DECODER;
  return {
    statePersistFile: section.string("state_persist_file") ?? usual.statePersistFile,
    templateTimeoutMs: section.duration("template_timeout", { atLeast: "1m" }) ?? usual.templateTimeoutMs,
    maxTemplatesPerExporter: section.integer("max_templates_per_exporter", { atLeast: 16, atMost: 65_536 }) ??
      usual.maxTemplatesPerExporter,
    queueUnknownSets: section.boolean("queue_unknown_sets") ?? usual.queueUnknownSets,
    shareState: section.boolean("share_state") ?? usual.shareState,
  };
}
