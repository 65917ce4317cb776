/** The section `flow.outlet.routing`. */
import type { Section } from "../../config/mod.ts";
import { type AcceptedNumbers, parseDistinguisher } from "./route_filter.ts";

/** Settings of the BMP server. */
export interface BmpSettings {
  /** `host:port`; nothing in front of the colon: every address. */
  readonly listen: string;
  readonly rds: AcceptedNumbers;
  readonly rts: AcceptedNumbers;
  readonly collectsAsns: boolean;
  readonly collectsAsPaths: boolean;
  readonly collectsCommunities: boolean;
  /** Routes of a lost connection stay for so long. */
  readonly keepMs: number;
  /** SO_RCVBUF of connections; 0: the kernel's default. */
  readonly receiveBufferBytes: number;
  /** Messages of a connection that may wait. */
  readonly messageBuffer: number;
}

const DEFAULTS: BmpSettings = {
  listen: ":10179",
  rds: new Set(),
  rts: new Set(),
  collectsAsns: true,
  collectsAsPaths: true,
  collectsCommunities: true,
  keepMs: 5 * 60_000,
  receiveBufferBytes: 0,
  messageBuffer: 10_000,
};

const KEYS = [
  "type",
  "listen",
  "rds",
  "rts",
  "collect_asns",
  "collect_aspaths",
  "collect_communities",
  "keep",
  "receive_buffer",
  "message_buffer",
  "rib_shards",
];

/** Reads the section; undefined: no provider is configured. @throws {ConfigError} */
export function readRoutingSettings(routing: Section): BmpSettings | undefined {
  routing.refuseOthers(["provider"]);
  if (!routing.has("provider")) return undefined;
  const section = routing.section("provider");
  section.refuseOthers(KEYS);
  section.oneOf("type", ["bmp"]);
  const shards = section.integer("rib_shards", { atLeast: 1, atMost: 256 }); // accepted, and without a meaning here
  if (shards !== undefined && (shards & shards - 1) !== 0) section.refuse("rib_shards", "a power of 2 up to 256");
  return {
    listen: section.address("listen") ?? DEFAULTS.listen,
    rds: readNumbers(section, "rds"),
    rts: readNumbers(section, "rts"),
    collectsAsns: section.boolean("collect_asns") ?? DEFAULTS.collectsAsns,
    collectsAsPaths: section.boolean("collect_aspaths") ?? DEFAULTS.collectsAsPaths,
    collectsCommunities: section.boolean("collect_communities") ?? DEFAULTS.collectsCommunities,
    keepMs: section.duration("keep", { atLeast: "1s" }) ?? DEFAULTS.keepMs,
    receiveBufferBytes: section.size("receive_buffer", { atMost: "1GiB" }) ?? DEFAULTS.receiveBufferBytes,
    messageBuffer: section.integer("message_buffer", { atLeast: 1, atMost: 10_000_000 }) ?? DEFAULTS.messageBuffer,
  };
}

function readNumbers(section: Section, key: string): AcceptedNumbers {
  const written = section.value(key);
  if (written === undefined) return new Set();
  const items: unknown[] = Array.isArray(written) ? written : [written];
  const numbers = items.map((item) =>
    typeof item === "string" || typeof item === "number" || typeof item === "bigint"
      ? parseDistinguisher(String(item))
      : undefined
  );
  if (numbers.some((number) => number === undefined)) {
    section.refuse(key, "a list of texts such as 65000:100, 192.0.2.1:100, 0:65000:100, or 0 for none");
  }
  return new Set(numbers.filter((number) => number !== undefined));
}
