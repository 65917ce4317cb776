/** The exporters whose datagrams are recorded. */
import { isFile, until } from "../../src/testing/mod.ts";
import { CABLE, HERE } from "./namespaces.ts";
import { run, startTool, type Tools } from "./tools.ts";

/** One recording. */
export interface FlowRecording {
  readonly protocol: "netflow" | "sflow";
  readonly name: string;
  readonly why: string;
  readonly source: string;
  /** Records hold both directions of a flow. */
  readonly isBiflow?: boolean;
  /** Connections and datagrams of each kind. */
  readonly rounds: number;
  /** Starts the exporter. */
  start(tools: Tools, folder: string, port: number): Promise<RunningExporter>;
}

/** An exporter that runs. */
export interface RunningExporter {
  /** Ends it: it sends what it has. */
  stop(): Promise<void>;
}

/**
 * softflowd asks libpcap for no time limit, so that it sees packets only by the megabyte: tcpdump watches the cable for it,
 * and it reads the capture.
 */
function softflowd(version: string, ...more: string[]): FlowRecording["start"] {
  return async (tools, folder, port) => {
    const capture = `${folder}/cable.pcap`;
    const watching = startTool(tools, "tcpdump", ["-i", CABLE, "-U", "-Z", "root", "-w", capture]);
    await until(() => isFile(capture));
    return {
      async stop() {
        await watching.stop("SIGINT");
        const files = ["-p", `${folder}/softflowd.pid`, "-c", "none"];
        const to = ["-n", `127.0.0.1:${port}`, "-v", version];
        await run(tools.path("softflowd"), ["-r", capture, "-6", ...to, ...files, ...more], { ...tools.env });
      },
    };
  };
}

/** pmacctd, which watches the cable by itself; `PORT` in its lines is where it sends to. */
export function pmacctd(...lines: string[]): FlowRecording["start"] {
  return async (tools, folder, port) => {
    const common = ["daemonize: false", `pcap_interface: ${CABLE}`, `pidfile: ${folder}/pmacctd.pid`];
    const text = [...common, ...lines].map((line) => line.replaceAll("PORT", String(port))).join("\n");
    await Deno.writeTextFile(`${folder}/pmacctd.conf`, `${text}\n`);
    const running = startTool(tools, "pmacctd", ["-f", `${folder}/pmacctd.conf`]);
    await until(() => running.log.includes("] link type is"));
    return { stop: () => running.stop("SIGINT") };
  };
}

const PROBE = "aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags, src_mac, dst_mac, vlan";
const SOFTFLOWD = "softflowd 1.1.0 of Debian, on a veth interface between two network namespaces.";
const PMACCT = "pmacct 1.7.7 of Debian, on a veth interface between two network namespaces.";

export const FLOW_RECORDINGS: readonly FlowRecording[] = [
  ...(["5", "9", "10"] as const).map((version): FlowRecording => ({
    protocol: "netflow",
    name: `softflowd_${version === "10" ? "ipfix" : `v${version}`}`,
    why: `what softflowd sends as ${version === "10" ? "IPFIX" : `version ${version}`}`,
    source: SOFTFLOWD,
    rounds: 2,
    start: softflowd(version),
  })),
  {
    protocol: "netflow",
    name: "softflowd_v9_sampled",
    why: "a sampling rate in the options of version 9, whose set is not padded",
    source: SOFTFLOWD,
    rounds: 4,
    start: softflowd("9", "-s", "2"),
  },
  {
    protocol: "netflow",
    name: "softflowd_ipfix_sampled",
    why: "a sampling rate as packet interval and space, in options of the metering process",
    source: SOFTFLOWD,
    rounds: 4,
    start: softflowd("10", "-s", "2"),
  },
  {
    protocol: "netflow",
    name: "softflowd_ipfix_biflow",
    why: "both directions of a flow in one record",
    isBiflow: true,
    source: SOFTFLOWD,
    rounds: 2,
    start: softflowd("10", "-b"),
  },
  {
    protocol: "netflow",
    name: "softflowd_ipfix_ether_milliseconds",
    why: "addresses of layer 2, VLANs, and times in milliseconds",
    source: SOFTFLOWD,
    rounds: 2,
    start: softflowd("10", "-T", "ether", "-A", "milli"),
  },
  ...(["5", "9", "10"] as const).map((version): FlowRecording => ({
    protocol: "netflow",
    name: `nfprobe_${version === "10" ? "ipfix" : `v${version}`}`,
    why: `what pmacct's nfprobe sends as ${version === "10" ? "IPFIX" : `version ${version}`}`,
    source: PMACCT,
    rounds: 2,
    start: pmacctd(
      "plugins: nfprobe[out]",
      "nfprobe_receiver[out]: 127.0.0.1:PORT",
      `nfprobe_version[out]: ${version}`,
      "nfprobe_ifindex[out]: 7",
      "nfprobe_direction[out]: in",
      `${PROBE}`,
    ),
  })),
  {
    protocol: "sflow",
    name: "sfprobe",
    why: "what pmacct's sfprobe samples",
    source: PMACCT,
    rounds: 1,
    start: pmacctd(
      "plugins: sfprobe[out]",
      "sfprobe_receiver[out]: 127.0.0.1:PORT",
      `sfprobe_agentip[out]: ${HERE[0]}`,
      "sampling_rate: 2",
      "sfprobe_ifindex[out]: 7",
      "sfprobe_direction[out]: in",
    ),
  },
];
