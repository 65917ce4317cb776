import type { HostClient, Mode, ModeConfig, ModeDeps } from "./mode.ts";
import { SerialMode } from "./serial.ts";

/**
 * Starts delivering over one connection, batches in the order they come. Nothing is connected before the first batch.
 *
 * @param client `null` where no host is configured: every batch then fails at once as `no_connection`
 * @param width batches under way at once, where the client allows it
 */
export function startSingle(config: ModeConfig, client: HostClient | null, deps: ModeDeps, width = 1): Mode {
  return new SerialMode(config, client === null ? [] : [client], deps, { mode: "single", width });
}
