import type { Counter, Gauge, Registry } from "../../telemetry/mod.ts";

const PREFIX = "limier_outlet_routing_provider_bmp_";

/** What is counted of BMP, most of it by exporter: the router that sends. */
export interface BmpMetrics {
  readonly opened: Counter;
  readonly closed: Counter;
  /** Failures of ours. */
  readonly panics: Counter;
  readonly removedPeers: Counter;
  readonly queueFull: Counter;
  readonly queueNotFull: Counter;
  readonly prefixesAdded: Counter;
  readonly prefixesRemoved: Counter;
  readonly prefixesUpdated: Counter;
  readonly peers: Gauge;
  readonly routes: Gauge;
  readonly bufferSize: Gauge;
  /** By type as well. */
  readonly messages: Counter;
  /** By error as well. */
  readonly errors: Counter;
  /** By error as well. */
  readonly ignoredUpdates: Counter;
  /** By type as well: `AFI/SAFI`. */
  readonly ignoredNlri: Counter;
}

/** Registers them. */
export function newBmpMetrics(metrics: Registry): BmpMetrics {
  const counter = (name: string, help: string) => metrics.counter(`${PREFIX}${name}_total`, help);
  const gauge = (name: string, help: string) => metrics.gauge(`${PREFIX}${name}`, help);
  return {
    opened: counter("opened_connections", "Connections of routers that were opened."),
    closed: counter("closed_connections", "Connections of routers that were closed."),
    panics: counter("panics", "Messages that could not be handled by a fault of ours."),
    removedPeers: counter("removed_peers", "Peers whose routes were given up."),
    queueFull: counter("message_queue_full", "Times that a router had to wait, because too many messages did."),
    queueNotFull: counter("message_queue_notfull", "Messages that found room to wait in."),
    prefixesAdded: counter("prefixes_added", "Routes that were announced."),
    prefixesRemoved: counter("prefixes_removed", "Routes that were withdrawn."),
    prefixesUpdated: counter("prefixes_updated", "Routes that were announced again."),
    peers: gauge("peers", "Peers of routers."),
    routes: gauge("routes", "Routes."),
    bufferSize: gauge("buffer_size_bytes", "The kernel's receive buffer of a connection."),
    messages: counter("received_messages", "Messages, by type."),
    errors: counter("errors", "Messages and streams that could not be read."),
    ignoredUpdates: counter("ignored_updates", "Updates that were not used, by reason."),
    ignoredNlri: counter("ignored_nlri", "Prefixes of families that are not understood."),
  };
}
