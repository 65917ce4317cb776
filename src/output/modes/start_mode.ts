import type { DestinationClient } from "../contract.ts";
import { asyncClient } from "./async_client.ts";
import { startAsyncBalance } from "./async_balance.ts";
import { startFailover } from "./failover.ts";
import { startLoadBalance } from "./load_balance.ts";
import type { HostClient, Mode, ModeConfig, ModeDeps } from "./mode.ts";
import { KeyOrdered } from "./order.ts";
import { startSingle } from "./single.ts";

/** Batches at once on one connection at most, whatever its client allows. */
const MOST_AT_ONCE = 64;

/**
 * Starts the mode that `config` names, over these clients; single uses the first. Nothing is connected before the first
 * batch. Balanced over clients that allow several publishes at once, or with `pipelining`, it is asynchronous; but where
 * order is kept it never is, and with strict order only one connection is in use at a time.
 *
 * @throws {TypeError} when order is to be kept by key and there is no `keyOf`
 */
export function startMode(config: ModeConfig, clients: readonly HostClient[], deps: ModeDeps): Mode {
  const { order = "none" } = config;
  if (order !== "key") return start(config, clients, deps);
  if (deps.keyOf === undefined) throw new TypeError(`Cannot keep output ${config.name} in order: give keyOf`);
  return new KeyOrdered(start(config, clients, deps), deps.keyOf);
}

function start(config: ModeConfig, clients: readonly HostClient[], deps: ModeDeps): Mode {
  const { mode, order = "none" } = config;
  const allowed = Math.min(MOST_AT_ONCE, ...clients.map(({ client }) => client.concurrency ?? 1));
  const width = clients.length === 0 || order !== "none" ? 1 : allowed;
  if (mode === "single") {
    for (const { client } of clients.slice(1)) closeUnused(client);
    return startSingle(config, clients[0] ?? null, deps, width);
  }
  if (mode === "failover" || order === "strict") return startFailover(config, clients, deps, width);
  const pipelining = order === "none" ? config.pipelining ?? (width > 1 ? width : 0) : 0;
  if (pipelining === 0) return startLoadBalance(config, clients, deps);
  const asynchronous = clients.map(({ host, client }) => ({ host, client: asyncClient(client, config.name) }));
  return startAsyncBalance({ ...config, pipelining }, asynchronous, deps);
}

function closeUnused(client: DestinationClient): void {
  client.close().catch(() => {}); // it was never opened, so nothing hangs on how it closes
}
