import type { BatchKind } from "../metric/mod.ts";
import type { ClientDeps, Destination, OutputConfig } from "./contract.ts";
import type { DeliveryParts, Outcome, Output, QueueLimits } from "./delivery_parts.ts";
import { destinationOf } from "./destinations.ts";
import { DirectDelivery } from "./direct_delivery.ts";
import { makeClients } from "./modes/hosts.ts";
import { shownUrl } from "./modes/host_address.ts";
import type { HostClient } from "./modes/mode.ts";
import { startMode } from "./modes/start_mode.ts";
import { SpooledDelivery } from "./spooled_delivery.ts";
import type { Spool } from "./spool/mod.ts";

/** What an output is given. */
export interface OutputDeps extends ClientDeps {
  /** In [0, 1), for the jitter of waits and the choice of hosts. @default Math.random */
  readonly random?: () => number;
  /** Beyond these a new batch is dropped as `queue_full`, where there is no spool. @default 1024 batches, 256 MiB */
  readonly queue?: QueueLimits;
  /** How long disposing lets batches end, in milliseconds. @default 10 s */
  readonly drainMs?: number;
  /** The kind of the output. @default the registered one */
  readonly destination?: Destination<unknown>;
  /** Where batches are kept, if the output asks for it. */
  readonly spool?: Spool;
  /** Resolves when an output of the same name, from before, has let go of what is stored. @default at once */
  readonly after?: Promise<unknown>;
  /** Told how each batch ended, once that is known; of a spooled one, when it was delivered or given up. */
  readonly onEnd?: (kind: BatchKind, outcome: Outcome) => void;
}

const DEFAULTS = { drainMs: 10_000, queue: { batches: 1_024, bytes: 256 * 2 ** 20 } } as const;

/**
 * Starts an output: a client for each connection, under the delivery mode that the configuration names, behind a spool if
 * it asks for one. No connection is made before the first batch.
 *
 * @throws {TypeError} when it is to be spooled and there is no spool
 */
export function startOutput(config: OutputConfig, deps: OutputDeps): Output {
  const destination = deps.destination ?? destinationOf(config.kind);
  const { spool } = deps;
  if (config.spool && spool === undefined) throw new TypeError(`Cannot start output ${config.name}: give it a spool`);
  const hosts = destination.defaultHosts === null
    ? { hosts: [""], worker: 1 }
    : { hosts: config.hosts, worker: config.mode === "load_balance" ? config.worker : 1 };
  const made = makeClients(hosts, (host) => destination.newClient(host, config, config.own, deps));
  const clients = shownHosts(made);
  const countsRepeats = destination.countsRepeats ?? false;
  const mode = startMode({ ...config, countsRepeats, countsEvents: !config.spool }, clients, deps);
  const parts: DeliveryParts = {
    config,
    mode,
    clock: deps.clock,
    drainMs: deps.drainMs ?? DEFAULTS.drainMs,
    page: () => clients[0]?.client.page?.(),
    onEnd: deps.onEnd ?? (() => {}),
  };
  if (!config.spool) return new DirectDelivery(parts, deps.queue ?? DEFAULTS.queue);
  return new SpooledDelivery(parts, spool!, deps.after ?? Promise.resolve());
}

/** Hosts as metrics and logs may name them; where that leaves two alike, they are numbered. */
function shownHosts(clients: readonly HostClient[]): HostClient[] {
  const names = new Map<string, string>();
  for (const { host } of clients) {
    if (names.has(host)) continue;
    const shown = shownUrl(host);
    const alike = [...names.values()].filter((name) => name === shown || name.startsWith(`${shown} (`)).length;
    names.set(host, alike === 0 ? shown : `${shown} (${alike + 1})`);
  }
  return clients.map(({ host, client }) => ({ host: names.get(host)!, client }));
}
