import type { Clock } from "../clock/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";
import type { Closed, Opened } from "./changes.ts";
import type { TcpinfoConfig } from "./config.ts";

/** The configuration with what was found out at the start. */
export interface BackendConfig {
  readonly tcpinfo: TcpinfoConfig;
  readonly uuidPrefix: string;
  /** Absolute, and there; "" archives nothing. */
  readonly directory: string;
}

/** What a backend is given. */
export interface BackendDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** Told of connections that open and close, in their order; absent: nobody wants to know. */
  readonly onEvents?: (events: readonly (Opened | Closed)[]) => void;
}

/** What polls and writes, in this thread or in others. Disposing closes all connections and completes all files. */
export interface Backend extends AsyncDisposable {
  /** Settles when it has stopped, be it that its polls are done; rejects when it stopped by an error. */
  readonly done: Promise<void>;
  /** By `At`, one a thread. */
  readonly stats: readonly Float64Array[];
}

/** How long the files of a stop may take to be forced to the disk; after that they only get their names. */
export const HURRY_MS = 3000;

/** Netlink is not to be had. */
export class NetlinkUnavailable extends Error {
  override readonly name = "NetlinkUnavailable";
  readonly code = "tcpinfo.netlink_unavailable";
}
