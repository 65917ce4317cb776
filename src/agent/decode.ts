/** `limier decode`: bytes of a protocol in, one line of JSON an object out. */
import { parse } from "@std/yaml";
import { fromHex } from "../bytes/mod.ts";
import { Section } from "../config/mod.ts";
import { decodeDatagram, decodeSsf, jsonLine, type JsonObject, readStatsdConfig } from "../statsd/mod.ts";

/** The protocols that can be decoded. */
export const DECODE_PROTOCOLS = ["dogstatsd", "ssf"] as const;
export type DecodeProtocol = (typeof DECODE_PROTOCOLS)[number];

/** How the input is to be read. */
export interface DecodeOptions {
  /** The input is hex text, one message a line. */
  readonly hex?: boolean;
  /** Unix seconds of receipt. @default 0 */
  readonly timeS?: number;
  /** Keys of the module's configuration, their values as YAML. */
  readonly set?: Readonly<Record<string, string>>;
}

/**
 * Decodes a whole input.
 *
 * @throws {ConfigError} when `set` names an unknown key, or a value it can't use
 */
export function* decodeInput(
  protocol: DecodeProtocol,
  input: Uint8Array,
  options: DecodeOptions = {},
): Generator<string> {
  const decode = decoderOf(protocol, options);
  if (!options.hex) {
    for (const object of decode(input)) yield jsonLine(object);
    return;
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
}

function decoderOf(protocol: DecodeProtocol, options: DecodeOptions): (message: Uint8Array) => Iterable<JsonObject> {
  const values = Object.fromEntries(Object.entries(options.set ?? {}).map(([key, text]) => [key, parse(text)]));
  const config = readStatsdConfig(Section.of(values, { file: "--set" }), false);
  switch (protocol) {
    case "dogstatsd":
      return (message) => decodeDatagram(message, options.timeS ?? 0, config);
    case "ssf":
      return decodeSsf;
  }
}
