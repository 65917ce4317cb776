/** Settings of one input that its decoder has to know. */
import type { Section } from "../config/mod.ts";
import { type Decapsulation, DECAPSULATIONS, TIMESTAMP_SOURCES, type TimestampSource } from "./decode/datagram.ts";

/** What an input tells the decoder of its datagrams. */
export interface InputSettings {
  /** Where TimeReceived comes from. */
  readonly timestampSource: TimestampSource;
  /** Which tunnel its packets are in. */
  readonly decapsulation: Decapsulation;
  /** The exporter is the sender, whatever the datagram says. */
  readonly useSourceAddress: boolean;
}

/** The keys that {@linkcode readInputSettings} reads. */
export const INPUT_SETTINGS = ["timestamp_source", "decapsulation_protocol", "use_src_addr_for_exporter_addr"] as const;

/** Reads them from the section of an input. @throws {ConfigError} on a value that is none */
export function readInputSettings(section: Section): InputSettings {
  const written = section.string("timestamp_source") ?? "input";
  const source = TIMESTAMP_SOURCES.find((one) => one === (written === "udp" ? "input" : written));
  if (source === undefined) section.refuse("timestamp_source", `one of ${[...TIMESTAMP_SOURCES, "udp"].join(", ")}`);
  const tunnel = section.string("decapsulation_protocol") ?? "none";
  const decapsulation = DECAPSULATIONS.find((one) => one === tunnel);
  if (decapsulation === undefined) section.refuse("decapsulation_protocol", `one of ${DECAPSULATIONS.join(", ")}`);
  return {
    timestampSource: source ?? "input",
    decapsulation: decapsulation ?? "none",
    useSourceAddress: section.boolean("use_src_addr_for_exporter_addr") ?? false,
  };
}
