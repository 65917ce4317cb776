/** The section `flow.outlet.kafka_output`: completed flows to a topic, beside the store. */
import { Section } from "../../config/mod.ts";
import { type FlowKafkaConfig, KAFKA_KEYS, readBrokers, readSecurity, readTopicSettings } from "../kafka_config.ts";
import type { EnrichedMessage } from "./message.ts";

/** The section. Plain data, so that it can cross to a thread. */
export interface KafkaOutputConfig extends FlowKafkaConfig {
  readonly enabled: boolean;
  /** How long a stop waits for the brokers; 0: not at all. */
  readonly shutdownTimeoutMs: number;
}

/**
 * Reads the section. Who names no brokers means those of `flow.kafka`, and how one speaks to them; `tls` and `sasl` of the
 * section go before its. Who names brokers says all of it: a password is for those that it was given for.
 *
 * @param kafka `flow.kafka`, if there is such a section
 * @throws {ConfigError}
 */
export function readKafkaOutput(section: Section, kafka: FlowKafkaConfig | undefined): KafkaOutputConfig {
  section.refuseOthers([...KAFKA_KEYS, "enabled", "shutdown_timeout"]);
  const enabled = section.boolean("enabled") ?? false;
  const own = readBrokers(section);
  if (enabled && own === undefined && kafka === undefined) {
    section.refuse("brokers", "host:port of brokers here, or a section flow.kafka whose brokers are used");
  }
  const inherited = enabled && own === undefined ? kafka : undefined;
  const security = readSecurity(section);
  const tls = section.has("tls") ? security.tls : inherited?.tls;
  const sasl = section.has("sasl") ? security.sasl : inherited?.sasl;
  return {
    enabled,
    brokers: own ?? inherited?.brokers ?? [],
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl }),
    ...readTopicSettings(section, "flows-enriched"),
    shutdownTimeoutMs: section.duration("shutdown_timeout", { atLeast: "0s" }) ?? 1_000,
  };
}

/** What an empty section means. */
export const NO_KAFKA_OUTPUT: KafkaOutputConfig = readKafkaOutput(Section.of({}), undefined);

/** The topic of a message's layout. */
export function enrichedTopic(
  { topic }: Pick<KafkaOutputConfig, "topic">,
  { hash }: Pick<EnrichedMessage, "hash">,
): string {
  return `${topic}-${hash}`;
}
