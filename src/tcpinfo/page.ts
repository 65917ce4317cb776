/** `/metrics/tcpinfo`: the counts under the names that M-Lab's tcp-info gives them, as it writes them. */
import { At, Histogram, type HistogramShape, readHistogram } from "./stats.ts";

/** Label values by what they count; those behind the gap are not the original's. */
const ERRORS: readonly (readonly [type: string, at: number])[] = [
  ["wrong seq num", At.wrongSequence],
  ["wrong pid", At.wrongPort],
  ["NLMSG_ERROR", At.failedError],
  ["totalSent < reportedSent", At.sentBelow],
  ["totalSent-reportedSent exceeds network capacity", At.sentBeyond],
  ["totalReceived < reportedReceived", At.receivedBelow],
  ["totalReceived-reportedReceived exceeds network capacity", At.receivedBeyond],

  ["dump failed", At.failedDump],
  ["done status", At.failedStatus],
  ["truncated", At.failedTruncated],
  ["malformed message", At.failedMalformed],
  ["malformed attribute", At.rejectedAttribute],
  ["dump interrupted", At.interrupted],
  ["enobufs", At.failedMemory],
  ["zero cookie", At.rejectedCookie],
  ["duplicate", At.duplicates],
  ["incomplete cycle", At.incompleteCycles],
  ["write", At.writeErrors],
  ["rotate", At.rotateErrors],
];

/** `type` of structures that are longer than is known. */
const LARGE: readonly (readonly [type: string, at: number])[] = [
  ["BBRInfo", At.largeBbrInfo],
  ["DCTCPInfo", At.largeDctcpInfo],
  ["MemInfo", At.largeMemInfo],
  ["SockMemInfo", At.largeSockMemInfo],
  ["TCPInfo", At.largeTcpInfo],
  ["VegasInfo", At.largeVegasInfo],
];

/** What the page shows beside the threads' counts. */
export interface PageDeps {
  /** Clients of the event socket that did not keep up. */
  readonly slowClients: number;
}

/** @param stats the sum of all threads' counts */
export function metricsPage(stats: Float64Array, { slowClients }: PageDeps): string {
  const lines: string[] = [];
  const family = (name: string, type: string, help: string) =>
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  const sample = (name: string, labels: string, value: number) => lines.push(`${name}${labels} ${goNumber(value)}`);
  const histogram = (name: string, help: string, series: readonly (readonly [labels: string, HistogramShape])[]) => {
    family(name, "histogram", help);
    for (const [labels, shape] of series) {
      const { bounds, buckets, sum, count } = readHistogram(stats, shape);
      const within = labels === "" ? "" : `${labels},`;
      let cumulated = 0;
      for (const [i, bucket] of buckets.entries()) {
        cumulated += bucket;
        sample(`${name}_bucket`, `{${within}le="${goNumber(bounds[i] ?? Infinity)}"}`, cumulated);
      }
      const braces = labels === "" ? "" : `{${labels}}`;
      sample(`${name}_sum`, braces, sum);
      sample(`${name}_count`, braces, count);
    }
  };

  family("git_short_commit", "gauge", "The git commit the program was built from, as a number.");
  sample("git_short_commit", '{commit="No commit specified"}', 0);
  family("large_netlink_total", "counter", "Attributes longer than is known.");
  for (const [type, at] of LARGE) sample("large_netlink_total", `{type="${type}"}`, stats[at]!);
  family("netlink_skipped_total", "counter", "Attributes that are not known.");
  sample("netlink_skipped_total", '{type="unknown"}', stats[At.unknownAttributes]!);
  histogram("tcpinfo_cache_count_histogram", "Connections in the cache at the end of a cycle.", [[
    "",
    Histogram.cache,
  ]]);
  histogram("tcpinfo_connection_count_histogram", "Messages of a dump.", [
    ['af="ipv4"', Histogram.connectionsV4],
    ['af="ipv6"', Histogram.connectionsV6],
  ]);
  family("tcpinfo_error_total", "counter", "Errors, by their type.");
  for (const [type, at] of ERRORS) sample("tcpinfo_error_total", `{type="${type}"}`, stats[at]!);
  sample("tcpinfo_error_total", '{type="slow client"}', slowClients);
  family("tcpinfo_flow_events_total", "counter", "Connections that opened and closed.");
  const closed = stats[At.closedAbsent]! + stats[At.closedDestroyed]! + stats[At.closedShutdown]!;
  sample("tcpinfo_flow_events_total", '{event="close"}', closed);
  sample("tcpinfo_flow_events_total", '{event="open"}', stats[At.opened]!);
  family("tcpinfo_new_file_total", "counter", "Files created.");
  sample("tcpinfo_new_file_total", "", stats[At.files]!);
  histogram("tcpinfo_polling_interval_histogram", "Seconds from one cycle to the next.", [["", Histogram.interval]]);
  histogram("tcpinfo_receive_rate_histogram", "Bits received in a second.", [["", Histogram.receiveRate]]);
  histogram("tcpinfo_send_rate_histogram", "Bits sent in a second.", [["", Histogram.sendRate]]);
  family("tcpinfo_snapshot_total", "counter", "Records chosen for writing.");
  sample("tcpinfo_snapshot_total", "", stats[At.snapshots]!);
  histogram("tcpinfo_syscall_time_histogram", "Seconds that a dump took.", [
    ['af="ipv4"', Histogram.syscallV4],
    ['af="ipv6"', Histogram.syscallV6],
  ]);
  return lines.join("\n") + "\n";
}

/** A number as Go writes the shortest form of it: with an exponent of two digits from 1e+06 on, and below 1e-4. */
function goNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  const [digits, exponent] = value.toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (value === 0 || power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
