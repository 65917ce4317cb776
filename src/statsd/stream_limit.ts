import type { LogLevel } from "../telemetry/mod.ts";

/** Where listeners log. */
export type ListenerLog = (level: LogLevel, message: string) => void;

/** Bounds the connections that several listeners hold open together. */
export class ConnectionLimit {
  readonly max: number;
  #open = 0;
  #refused = 0;
  #isFull = false;
  readonly #log: ListenerLog;

  constructor(max: number, log: ListenerLog) {
    this.max = max;
    this.#log = log;
  }

  /** Connections open now. */
  get open(): number {
    return this.#open;
  }

  /** Connections that met the bound since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Counts one more; false: there is no room for it. */
  enter(): boolean {
    if (this.#open < this.max) {
      this.#open++;
      return true;
    }
    this.#refused++;
    if (!this.#isFull) {
      this.#isFull = true;
      this.#log("warn", `Cannot take another connection: ${this.max} are open; raise max_connections and ulimit -n`);
    }
    return false;
  }

  /** Gives back what `enter` took. */
  leave(): void {
    this.#open--;
    if (this.#open < this.max * 0.9) this.#isFull = false; // else each other client would be a line in the log
  }
}

/**
 * The limit for `maxConnections`, or for what the process may open if that is less: an accept that fails for want of a
 * descriptor ends `node:net`'s accepting for good, without an error.
 *
 * @param limits what stands in `/proc/self/limits`
 */
export function newConnectionLimit(
  maxConnections: number,
  log: ListenerLog,
  limits: string = readLimits(),
): ConnectionLimit {
  const files = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
  const most = Math.max(1, Math.floor(files * 0.75)); // the rest is for files, outputs and the HTTP server
  if (most < maxConnections) {
    log(
      "warn",
      `Cannot hold max_connections (${maxConnections}) open: the process may open ${files} files, ${most} of them for ` +
        `connections; raise ulimit -n (LimitNOFILE=)`,
    );
  }
  return new ConnectionLimit(Math.min(maxConnections, most), log);
}

function readLimits(): string {
  try {
    return Deno.readTextFileSync("/proc/self/limits");
  } catch {
    return ""; // not Linux, or not permitted: then the setting alone decides
  }
}
