/** What the inlet counts: `limier_inlet_flow_input_udp_…`. */
import type { Registry } from "../../telemetry/mod.ts";
import type { Received } from "./threads.ts";

/** The counters of one worker of a listener. */
export interface ReaderCounts {
  /** Datagrams received so far. */
  readonly receivedTotal: number;
  /** Datagrams dropped so far. */
  readonly droppedTotal: number;
  take(received: Received): void;
  /** Datagrams that the kernel has dropped at the socket since it was opened: 32 bits that wrap. */
  dropped(cumulative: number): void;
}

/** Counts for a listener's worker. */
export function newReaderCounts(metrics: Registry, listener: string, worker: number): ReaderCounts {
  const labels = { listener, worker: String(worker) };
  const name = (what: string) => `limier_inlet_flow_input_udp_${what}_total`;
  const packets = metrics.counter(name("packets"), "Datagrams received.");
  const bytes = metrics.counter(name("bytes"), "Octets of the datagrams received.");
  const truncated = metrics.counter(name("truncated_packets"), "Datagrams that were cut off, and left out.").child(
    labels,
  );
  const control = metrics.counter(
    name("truncated_control_messages"),
    "Datagrams beside which the kernel had more to tell than there was room for.",
  ).child(labels);
  const errors = metrics.counter(name("errors"), "Receives that failed.").child(labels);
  const drops = metrics.counter(name("in_dropped_packets"), "Datagrams that the kernel dropped for want of room.")
    .child(labels);
  let last = 0, receivedTotal = 0, droppedTotal = 0;
  return {
    get receivedTotal() {
      return receivedTotal;
    },
    get droppedTotal() {
      return droppedTotal;
    },
    take(received) {
      for (const one of received.exporters) {
        receivedTotal += one.packets;
        packets.inc(one.packets, { ...labels, exporter: one.exporter });
        bytes.inc(one.bytes, { ...labels, exporter: one.exporter });
      }
      truncated.inc(received.truncated);
      control.inc(received.controlTruncated);
      errors.inc(received.errors);
    },
    dropped(cumulative) {
      const more = cumulative - last >>> 0;
      drops.inc(more);
      droppedTotal += more;
      last = cumulative;
    },
  };
}
