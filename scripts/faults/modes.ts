/** The ways of delivering that every fault meets. */
import type { OutputConfig } from "../../src/output/mod.ts";

/** Words for `--mode` and the table. */
export type ModeName = `${"single" | "failover" | "balance"}_${"sync" | "async"}`;

/** One way of delivering. */
export interface TrialMode {
  readonly name: ModeName;
  readonly mode: OutputConfig["mode"];
  /** How many there are. */
  readonly hosts: number;
  /** Requests that one client has under way at once. */
  readonly width: number;
}

const HOSTS = { single: 1, failover: 3, load_balance: 4 } as const;

/** As the HTTP destination that sends several requests at once has it. */
const ASYNC_WIDTH = 8;

function mode(name: ModeName, mode: OutputConfig["mode"]): TrialMode {
  return { name, mode, hosts: HOSTS[mode], width: name.endsWith("_async") ? ASYNC_WIDTH : 1 };
}

/** Every mode: one host, three of which one is in use, four at once; each with one request at a time, and with several. */
export const MODES: readonly TrialMode[] = [
  mode("single_sync", "single"),
  mode("single_async", "single"),
  mode("failover_sync", "failover"),
  mode("failover_async", "failover"),
  mode("balance_sync", "load_balance"),
  mode("balance_async", "load_balance"),
];

/** Those that have more than one host. */
export const SEVERAL_HOSTS: readonly ModeName[] = [
  "failover_sync",
  "failover_async",
  "balance_sync",
  "balance_async",
];

/** Those that use all of their hosts at once. */
export const BALANCED: readonly ModeName[] = ["balance_sync", "balance_async"];
