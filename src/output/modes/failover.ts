import type { HostClient, Mode, ModeConfig, ModeDeps } from "./mode.ts";
import { SerialMode } from "./serial.ts";

/**
 * Starts delivering over one of several hosts, the first left to chance; when it fails, the next takes over at once.
 * A host counts once, however many clients it has: those beyond the first are closed and not used.
 *
 * @param width batches under way at once on the one connection, where the clients allow it
 */
export function startFailover(config: ModeConfig, clients: readonly HostClient[], deps: ModeDeps, width = 1): Mode {
  const distinct = new Map<string, HostClient>();
  for (const entry of clients) {
    if (!distinct.has(entry.host)) distinct.set(entry.host, entry);
    else void entry.client.close().catch(() => {}); // it was never opened, so nothing hangs on how it closes
  }
  if (distinct.size < clients.length) {
    const message = `Output ${config.name} has several connections to one host: failover uses one (worker, hosts)`;
    deps.reporter.warn(message, { output: config.name });
  }
  return new SerialMode(config, [...distinct.values()], deps, { mode: "failover", width });
}
