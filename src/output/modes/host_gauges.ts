import type { Gauge, Labels, Reporter } from "../../telemetry/mod.ts";
import type { BreakerState } from "./breaker.ts";
import type { Connectable, Link } from "./link.ts";

/** What the gauges are labelled with and read from. */
export interface HostGaugesDeps {
  readonly reporter: Reporter;
  readonly labels: Labels;
  /** The host in use, where one is at a time. */
  readonly active?: () => Link | undefined;
}

const BREAKER_STATES: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2 };

/** What a connection may be doing. */
const WORKER_STATES = ["sending", "ready", "waiting", "disconnected"] as const;

/** Shows on each page how a mode's hosts and connections are. @returns what ends that, and takes the values away */
export function showHosts(links: readonly Link<Connectable>[], deps: HostGaugesDeps): () => void {
  const { reporter: { metrics }, labels, active } = deps;
  const hosts = new Map(links.map((link) => [link.host, link]));
  const breaker = metrics.gauge("limier_breaker_state", "Circuit breakers: 0 is closed, 1 half open, 2 open.");
  const backoff = metrics.gauge("limier_backoff_seconds", "Until a host may be tried again.");
  const limit = metrics.gauge("limier_concurrency_limit", "Requests at once that a host gets.");
  const workers = metrics.gauge("limier_workers", "Connections, by what they are doing.");
  const activeHost = metrics.gauge("limier_active_host", "1 for the host in use, where one is used at a time.");
  const each = (set: (gauge: Gauge, labels: Labels, value: () => number) => void) => {
    for (const [host, link] of hosts) {
      const of = { ...labels, host };
      set(breaker, of, () => BREAKER_STATES[link.gate.breakerState]);
      set(backoff, of, () => seconds(waitOf(links, host)));
      set(limit, of, () => link.gate.concurrency.limit);
      if (active !== undefined) set(activeHost, of, () => Number(active()?.host === host));
    }
    for (const state of WORKER_STATES) {
      set(workers, { ...labels, state }, () => links.filter((link) => workerState(link) === state).length);
    }
  };
  const remove = metrics.onCollect(() => each((gauge, of, value) => gauge.set(value(), of)));
  return () => {
    remove();
    each((gauge, of) => gauge.remove(of));
  };
}

function workerState(link: Link<Connectable>): (typeof WORKER_STATES)[number] {
  if (link.sending > 0) return "sending";
  if (link.waitMs() > 0) return "waiting";
  return link.isOpen ? "ready" : "disconnected";
}

/** The shortest wait of a host's connections. */
function waitOf(links: readonly Link<Connectable>[], host: string): number {
  return Math.min(...links.filter((link) => link.host === host).map((link) => link.waitMs()));
}

/** Another one's probe is waited for without end; that is no time. */
function seconds(ms: number): number {
  return Number.isFinite(ms) ? ms / 1_000 : 0;
}
