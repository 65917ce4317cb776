/** The protocols `netflow` and `sflow` of `limier decode`. */
import type { Section } from "../config/mod.ts";
import { FlowShower, INPUT_SETTINGS, parseAddressWords, readInputSettings, type ShownObject } from "../flow/mod.ts";

/** How datagrams of flows are to be read. */
export interface DecodeFlowsOptions {
  readonly hex?: boolean;
  readonly timeS?: number;
  readonly exporter?: string;
  readonly verbose?: boolean;
}

/**
 * A function that shows a message: a datagram where the input is hex, else a capture or one datagram. The generator's
 * result says whether the capture could be read to its end.
 *
 * @throws {ConfigError} on a setting that can't be used
 * @throws {RangeError} on an exporter that is no address
 */
export function flowDecoder(
  protocol: "netflow" | "sflow",
  section: Section,
  { hex = false, timeS = 0, exporter, verbose = false }: DecodeFlowsOptions,
): (message: Uint8Array) => Generator<ShownObject, boolean | void> {
  section.refuseOthers([...INPUT_SETTINGS, "queue_unknown_sets"]);
  const words = exporter === undefined ? undefined : parseAddressWords(exporter);
  if (exporter !== undefined && words === undefined) {
    throw new RangeError(`Cannot use ${exporter} as an exporter: write an IP address`);
  }
  const shower = new FlowShower(protocol, {
    ...readInputSettings(section),
    queueUnknownSets: section.boolean("queue_unknown_sets") ?? false,
    timeS,
    verbose,
    ...(words !== undefined && { exporter: words }),
  });
  return (message) => hex ? shower.datagram(message) : shower.input(message);
}
