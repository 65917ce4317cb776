/** `limier decode`: bytes of a protocol in, one line of JSON an object out. */
import { parse } from "@std/yaml";
import { fromHex } from "../bytes/mod.ts";
import { Section } from "../config/mod.ts";
import { decodeOffsetsText } from "../lag/mod.ts";
import { decodeDatagram, decodeSsf, jsonLine, type JsonObject, readStatsdConfig } from "../statsd/mod.ts";
import { decodeArchive, NetlinkDecoder, type TcpInfoLayout, tcpInfoLayout } from "../tcpinfo/mod.ts";
import { flowDecoder } from "./decode_flows.ts";

/** The protocols that can be decoded. */
export const DECODE_PROTOCOLS = [
  "dogstatsd",
  "ssf",
  "inet-diag",
  "tcpinfo-archive",
  "netflow",
  "sflow",
  "offsets",
] as const;
export type DecodeProtocol = (typeof DECODE_PROTOCOLS)[number];

/** How the input is to be read. */
export interface DecodeOptions {
  /** The input is hex text, one message a line. */
  readonly hex?: boolean;
  /** Unix seconds of receipt. @default 0 */
  readonly timeS?: number;
  /** The address that flows come from; in a capture that of each packet unless given. @default "127.0.0.1" */
  readonly exporter?: string;
  /** Shows of flows what else is in their datagrams: templates, options, what is skipped. */
  readonly verbose?: boolean;
  /** Keys of the module's configuration, their values as YAML. */
  readonly set?: Readonly<Record<string, string>>;
}

/**
 * Decodes a whole input.
 *
 * @returns whether it could be read to its end
 * @throws {ConfigError} when `set` names an unknown key, or a value it can't use
 */
export function* decodeInput(
  protocol: DecodeProtocol,
  input: Uint8Array,
  options: DecodeOptions = {},
): Generator<string, boolean> {
  const decode = decoderOf(protocol, options);
  // Lines of hex with or without `hex`; a line is two fields, which only their decoder can tell apart.
  if (!options.hex || protocol === "offsets") {
    const objects = decode(input)[Symbol.iterator]();
    let next = objects.next();
    for (; !next.done; next = objects.next()) yield jsonLine(next.value);
    return next.value !== false;
  }
  let record = 0;
  for (const line of new TextDecoder().decode(input).split("\n")) {
    if (line.trim() === "") continue;
    record++;
    const bytes = fromHex(line);
    if (bytes === null) {
      yield jsonLine({ kind: "error", code: "hex", message: "Cannot read the line: it is not hex", record });
      continue;
    }
    for (const object of decode(bytes)) yield jsonLine(object.kind === "error" ? { ...object, record } : object);
  }
  return true;
}

function decoderOf(protocol: DecodeProtocol, options: DecodeOptions): (message: Uint8Array) => Iterable<JsonObject> {
  const values = Object.fromEntries(Object.entries(options.set ?? {}).map(([key, text]) => [key, parse(text)]));
  const section = Section.of(values, { file: "--set" });
  switch (protocol) {
    case "dogstatsd": {
      const config = readStatsdConfig(section, false);
      return (message) => decodeDatagram(message, options.timeS ?? 0, config);
    }
    case "ssf":
      readStatsdConfig(section, false); // refuses what it can't use
      return decodeSsf;
    case "inet-diag":
      return netlinkDecoder(section, options);
    case "tcpinfo-archive": {
      const layout = kernelLayout(section, options);
      return (file) => decodeArchive(file, layout);
    }
    case "netflow":
    case "sflow":
      return flowDecoder(protocol, section, options);
    case "offsets":
      section.refuseOthers([]);
      return (lines) => decodeOffsetsText(new TextDecoder().decode(lines));
  }
}

/** The layout that `kernel_release` says; undefined where it says none. */
function kernelLayout(section: Section, options: DecodeOptions): TcpInfoLayout | undefined {
  section.refuseOthers(["kernel_release"]);
  return tcpInfoLayout(options.set?.["kernel_release"] ?? ""); // as written: 6.20 is no number
}

/** `kernel_release`, as `uname -r` tells it, says how the end of `struct tcp_info` is laid out. */
function netlinkDecoder(section: Section, options: DecodeOptions): (message: Uint8Array) => Iterable<JsonObject> {
  const layout = kernelLayout(section, options);
  const decoder = new NetlinkDecoder({
    record: options.hex ? "input" : "message",
    ...(layout !== undefined && { layout }),
  });
  return (message) => decoder.decode(message);
}
