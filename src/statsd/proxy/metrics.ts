/** What the proxy counts: its pages' counters, and the `veneur_proxy.*` metrics that it sends. */
import type { Registry, SelfMetrics } from "../../telemetry/mod.ts";
import type { ForwardOutcome } from "../forwarder.ts";
import type { ProxyForm } from "./config.ts";

/** How series came in: a JSON import, a list of gRPC, a stream of it. */
export type IngestProtocol = "http" | "grpc-single" | "grpc-stream";

/**
 * Why series did not get anywhere: two members refused them; one may have taken them; too many waited; the proxy stopped;
 * they have no form that the member could take; there is no member.
 */
export type LossReason = "refused" | "ambiguous" | "queue_full" | "stopping" | "unfit" | "no_destination";

/** How a look for members ended. */
export type DiscoveryStatus = "success" | "empty" | "error";

/** What the proxy tells as it happens. Every series taken in ends in one of `delivered` and `lost`. */
export interface ProxyMetrics {
  /** A request that was taken. */
  taken(protocol: IngestProtocol): void;
  /** Series that were taken in, and `rejected` others that nobody could be given. */
  received(protocol: IngestProtocol, series: number, rejected: number): void;
  /** A request that was refused as a whole. */
  refused(protocol: IngestProtocol, cause: string): void;
  /** A request to a member. */
  request(member: string, outcome: ForwardOutcome): void;
  delivered(member: string, series: number): void;
  lost(member: string, reason: LossReason, series: number): void;
  /** Series that a member refused and another one is given. */
  rerouted(member: string, series: number): void;
  discovered(form: ProxyForm, status: DiscoveryStatus): void;
  /** How many members a ring has. */
  members(form: ProxyForm, members: number): void;
  /** Series so far: `received` is the sum of the others and of what is pending. */
  totals(): { readonly received: number; readonly delivered: number; readonly lost: number };
  /** Shows what waits for each member, as `read` tells it when a page is asked for. */
  showPending(read: () => Iterable<readonly [member: string, series: number]>): void;
}

/** The member of series that no member was found for. */
const NOBODY = "none";

/** How a loss is tagged in `veneur_proxy.forward.metrics_count`; what is not named here is `dropped`. */
const VENEUR_ERRORS: Partial<Record<LossReason, string>> = { refused: "forward", ambiguous: "forward" };

/** @param own absent: nothing is sent */
export function newProxyMetrics(registry: Registry, own?: SelfMetrics): ProxyMetrics {
  const counter = (name: string, help: string) => registry.counter(`limier_proxy_${name}`, help);
  const requests = counter("import_requests_total", "Imports taken, by protocol.");
  const refusals = counter("import_requests_refused_total", "Imports refused as a whole, by protocol and cause.");
  const received = counter("series_received_total", "Series taken in, by protocol.");
  const rejected = counter("series_rejected_total", "Series in imports that could not be read, by protocol.");
  const delivered = counter("series_delivered_total", "Series that a destination took.");
  const lost = counter("series_lost_total", "Series that reached no destination, or may not have, by reason.");
  const rerouted = counter("series_rerouted_total", "Series that a destination refused and the next one was given.");
  const forwards = counter("forward_requests_total", "Requests to destinations, by how they ended.");
  const looks = counter("discoveries_total", "Looks for destinations, by how they ended.");
  const members = registry.gauge("limier_proxy_destinations", "Members of the ring.");
  const pending = registry.gauge(
    "limier_proxy_series_pending",
    "Series that wait for a destination or are on the way.",
  );
  const counts = new Map<ProxyForm, number>();
  const totals = { received: 0, delivered: 0, lost: 0 };
  return {
    taken(protocol) {
      requests.inc(1, { protocol });
      own?.count("ingest.request_count", 1, [`protocol:${protocol}`]);
    },
    received(protocol, series, bad) {
      received.inc(series, { protocol });
      totals.received += series;
      if (series > 0) own?.count("ingest.metrics_count", series, ["error:false", `protocol:${protocol}`]);
      if (bad === 0) return;
      rejected.inc(bad, { protocol });
      own?.count("ingest.metrics_count", bad, ["error:true", `protocol:${protocol}`]);
    },
    refused(protocol, cause) {
      refusals.inc(1, { protocol, cause });
      own?.count("ingest.request_count", 1, [`protocol:${protocol}`]);
      own?.count("ingest.request_error_count", 1, [`protocol:${protocol}`, `status:${cause}`]);
    },
    request: (member, outcome) => forwards.inc(1, { destination: member, outcome }),
    delivered(member, series) {
      delivered.inc(series, { destination: member });
      totals.delivered += series;
      own?.count("forward.metrics_count", series, ["error:false"]);
    },
    lost(member, reason, series) {
      totals.lost += series;
      lost.inc(series, { destination: member || NOBODY, reason });
      own?.count("forward.metrics_count", series, [`error:${VENEUR_ERRORS[reason] ?? "dropped"}`]);
    },
    rerouted: (member, series) => rerouted.inc(series, { destination: member }),
    discovered(ring, status) {
      looks.inc(1, { ring, status });
      own?.count("discovery.count", 1, [`status:${status === "success" ? "success" : "fail"}`]);
    },
    members(ring, count) {
      members.set(count, { ring });
      counts.set(ring, count);
      own?.gauge("discovery.destinations", [...counts.values()].reduce((sum, one) => sum + one, 0));
    },
    totals: () => ({ ...totals }),
    showPending(read) {
      let shown = new Set<string>();
      registry.onCollect(() => {
        const now = new Map<string, number>();
        for (const [member, series] of read()) now.set(member, (now.get(member) ?? 0) + series);
        for (const member of shown) if (!now.has(member)) pending.remove({ destination: member });
        for (const [member, series] of now) pending.set(series, { destination: member });
        shown = new Set(now.keys());
      });
    },
  };
}
