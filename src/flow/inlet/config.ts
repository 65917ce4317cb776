/** The section `flow.inlet`: where datagrams are received. */
import type { Section } from "../../config/mod.ts";
import type { LoadBalancing } from "../../linux/mod.ts";
import { INPUT_SETTINGS, readInputSettings } from "../input_settings.ts";
import { DECODERS, type RawFlowSettings } from "../raw_flow.ts";

/** How datagrams are spread over the sockets of a listener. */
export const LOAD_BALANCING = ["auto", "ebpf", "cbpf", "hash"] as const satisfies readonly LoadBalancing[];

/** One UDP listener. */
export interface ListenConfig extends RawFlowSettings {
  readonly type: "udp";
  /** `host:port`; without a host every interface; port 0 picks one. */
  readonly address: string;
  /** Sockets, each with a thread. */
  readonly workers: number;
  /** Octets of each socket's receive buffer; 0: the kernel's default. */
  readonly receiveBufferBytes: number;
  readonly loadBalancing: LoadBalancing;
}

/** Files whose contents are datagrams, for tests. */
export interface FileInputConfig extends RawFlowSettings {
  readonly type: "file";
  /** One datagram each; read in turn, endlessly. */
  readonly paths: readonly string[];
  /** Datagrams after which it falls silent; 0: never. */
  readonly maxFlows: number;
}

/** The section. */
export interface InletConfig {
  readonly listen: readonly (ListenConfig | FileInputConfig)[];
  /** Exporters with counters of their own; those that come later are counted as `other`. */
  readonly maxExporters: number;
}

/** What an empty section means: nothing is received. */
export const NO_INLET: InletConfig = { listen: [], maxExporters: 10_000 };

const DEFAULTS = { workers: 1, receiveBufferBytes: 0, loadBalancing: "auto", rateLimit: 0 } as const;

const COMMON_KEYS = ["type", "decoder", "rate_limit", ...INPUT_SETTINGS];
const UDP_KEYS = ["address", "workers", "receive_buffer", "load_balancing", "queue_size"];
const FILE_KEYS = ["paths", "max_flows"];

/** Reads the section. @throws {ConfigError} */
export function readInletConfig(section: Section): InletConfig {
  section.refuseOthers(["listen", "max_exporters"]);
  return {
    listen: section.sections("listen").map(readListen).filter((one) => one !== undefined),
    maxExporters: section.integer("max_exporters", { atLeast: 1, atMost: 1_000_000 }) ?? NO_INLET.maxExporters,
  };
}

function readListen(section: Section): ListenConfig | FileInputConfig | undefined {
  const type = section.oneOf("type", ["udp", "file"]) ?? "udp";
  section.refuseOthers([...COMMON_KEYS, ...(type === "udp" ? UDP_KEYS : FILE_KEYS)]);
  const decoder = section.oneOf("decoder", DECODERS);
  if (decoder === undefined) {
    if (!section.has("decoder")) section.refuse("decoder", "netflow or sflow");
    return undefined;
  }
  const common: RawFlowSettings = {
    decoder,
    ...readInputSettings(section),
    rateLimit: section.integer("rate_limit", { atLeast: 0 }) ?? DEFAULTS.rateLimit,
  };
  if (type === "file") {
    const paths = section.strings("paths") ?? [];
    if (paths.length === 0) section.refuse("paths", "a list of one file or more");
    return { type, ...common, paths, maxFlows: section.integer("max_flows", { atLeast: 0 }) ?? 0 };
  }
  const address = section.address("address");
  if (address === undefined || address === "") {
    if (!section.has("address")) section.refuse("address", "where to listen: host:port or :port");
    return undefined;
  }
  // A queue that the original once had. Whoever still writes it is told nothing, as nothing is amiss.
  section.value("queue_size");
  return {
    type,
    ...common,
    address,
    workers: section.integer("workers", { atLeast: 1, atMost: 256 }) ?? DEFAULTS.workers,
    receiveBufferBytes: section.size("receive_buffer") ?? DEFAULTS.receiveBufferBytes,
    loadBalancing: section.oneOf("load_balancing", LOAD_BALANCING) ?? DEFAULTS.loadBalancing,
  };
}
