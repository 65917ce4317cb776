/** What connections say of the networks they led to, handed to the aggregation. */
import type { Meter } from "../metric/mod.ts";
import { formatIpv4, formatIpv6 } from "../linux/mod.ts";
import type { Closed } from "./changes.ts";

/** Networks with a tag of their own; those that come later share one. */
const MOST_NETWORKS = 1000;
const V4_BITS = 24, V6_BITS = 48;

/**
 * Makes what measures a connection when it closes: counters `tcpinfo.connections`, `tcpinfo.bytes_sent`,
 * `tcpinfo.bytes_received`, `tcpinfo.bytes_retransmitted`, `tcpinfo.retransmits`, and timers in milliseconds
 * `tcpinfo.rtt`, `tcpinfo.min_rtt`, `tcpinfo.duration`; each tagged with the remote network,
 * `remote_network:198.51.100.0/24`.
 */
export function newConnectionMeasure(meter: Meter): (closed: Closed) => void {
  const tags = new Map<string, readonly string[]>();
  const others = ["remote_network:other"];
  return ({ summary }) => {
    const network = networkOf(summary.remote);
    let tag = tags.get(network);
    if (tag === undefined) {
      tag = tags.size < MOST_NETWORKS ? [`remote_network:${network}`] : others;
      if (tag !== others) tags.set(network, tag);
    }
    meter.count("tcpinfo.connections", 1, tag);
    meter.count("tcpinfo.bytes_sent", summary.sentBytes, tag);
    meter.count("tcpinfo.bytes_received", summary.receivedBytes, tag);
    meter.count("tcpinfo.bytes_retransmitted", summary.retransmittedBytes, tag);
    meter.count("tcpinfo.retransmits", summary.retransmits, tag);
    if (summary.rttUs > 0) meter.timing("tcpinfo.rtt", summary.rttUs / 1000, tag);
    // The kernel's "not measured yet" has all bits set.
    if (summary.minRttUs < 0xffff_ffff) meter.timing("tcpinfo.min_rtt", summary.minRttUs / 1000, tag);
    meter.timing("tcpinfo.duration", summary.durationMs, tag);
  };
}

/** `198.51.100.0/24`, `2001:db8:1::/48`. */
function networkOf(remote: Uint8Array): string {
  const bits = remote.length === 4 ? V4_BITS : V6_BITS;
  const network = remote.slice();
  network.fill(0, bits / 8);
  return `${remote.length === 4 ? formatIpv4(network) : formatIpv6(network)}/${bits}`;
}
