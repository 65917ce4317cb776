/** The tcpinfo source as the agent runs it. */
import { isAbsolute, join, resolve } from "node:path";
import { type Clock, type Running, startWhole } from "../clock/mod.ts";
import { type HeldLock, LinuxUnavailable, lockFile, LockHeld, SystemError } from "../linux/mod.ts";
import type { Meter } from "../metric/mod.ts";
import { errorText, type Reporter } from "../telemetry/mod.ts";
import { type Backend, type BackendConfig, type BackendDeps, NetlinkUnavailable } from "./backend.ts";
import type { Closed, Opened } from "./changes.ts";
import type { TcpinfoConfig } from "./config.ts";
import { type EventSocket, startEventSocket } from "./events_socket.ts";
import { newConnectionMeasure } from "./measure.ts";
import { exposeTcpinfo } from "./own_metrics.ts";
import { metricsPage } from "./page.ts";
import { repairArchive } from "./repair.ts";
import { At, newStats, sumStats } from "./stats.ts";
import { uuidPrefix } from "./uuid_prefix.ts";

/** What the source is given. */
export interface TcpinfoDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** The poll and the marshallers get threads of their own; otherwise each poll blocks the caller's. */
  readonly threads: boolean;
  /** Where connections are measured, if the configuration asks for it. */
  readonly meter?: Meter;
}

/** A running tcpinfo source. Disposing closes every connection, completes every file, and goes. */
export interface TcpinfoSource extends Running {
  /** Where it announces connections: `unix:///run/limier/tcpinfo.sock`. */
  readonly addresses: readonly string[];
  /** The sum of all threads' counts, by `At`. */
  stats(): Float64Array;
  /** Prometheus text under the names of M-Lab's tcp-info. */
  page(): string;
}

/** The archive's directory can't be used. */
export class ArchiveDirectoryError extends Error {
  override readonly name = "ArchiveDirectoryError";
  readonly code = "tcpinfo.archive_directory";

  constructor(directory: string, why: string, options?: ErrorOptions) {
    super(`Cannot archive into ${directory}: ${why}`, options);
  }
}

/** Only one process may write below a directory. */
const LOCK_NAME = ".limier.lock";

/**
 * Starts the source. Where the kernel can't be asked (no Linux, no FFI, netlink forbidden), it says so once, and there is
 * nothing to watch.
 *
 * @throws {ArchiveDirectoryError} when the archive's directory can't be used
 * @throws {LockHeld} when another process writes there, or has the event socket
 * @throws {UuidPrefixError} when the file of the prefix can't be
 */
export async function startTcpinfo(config: TcpinfoConfig, deps: TcpinfoDeps): Promise<TcpinfoSource> {
  return await startWhole(new Source(config, deps));
}

class Source implements TcpinfoSource {
  readonly #config: TcpinfoConfig;
  readonly #deps: TcpinfoDeps;
  /** What was counted before threads were there. */
  readonly #own = newStats();
  #lock: HeldLock | undefined;
  #events: EventSocket | undefined;
  #backend: Backend | undefined;
  readonly #done = Promise.withResolvers<void>();
  readonly done = this.#done.promise;
  #stopping: Promise<void> | undefined;

  constructor(config: TcpinfoConfig, deps: TcpinfoDeps) {
    this.#config = config;
    this.#deps = deps;
    this.done.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
  }

  async start(): Promise<void> {
    const config = this.#config, { reporter } = this.#deps;
    for (const warning of config.warnings) reporter.warn(warning);
    const prefix = uuidPrefix(config.archive);
    exposeTcpinfo(reporter.metrics, this);
    try {
      const directory = config.archive.directory === "" ? "" : resolve(config.archive.directory);
      if (directory !== "") await this.#openArchive(directory);
      await this.#openEvents(eventsPath(config.eventsocket, directory));
      const backend = this.#backend = await this.#startBackend({ tcpinfo: config, uuidPrefix: prefix, directory });
      backend.done.then(() => this.#done.resolve(), (error) => this.#done.reject(error));
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      reporter.warn(`Not watching TCP connections: ${errorText(error)}`);
    }
  }

  async #openEvents(path: string): Promise<void> {
    if (path === "") return;
    const { clock, reporter } = this.#deps;
    this.#events = await startEventSocket(path, { clock, reporter }, { mode: this.#config.eventsocketMode });
  }

  async #openArchive(directory: string): Promise<void> {
    const { reporter } = this.#deps;
    try {
      await Deno.mkdir(directory, { recursive: true, mode: 0o755 });
      this.#lock = lockFile(join(directory, LOCK_NAME));
      const { repaired, torn, failed } = await repairArchive(directory);
      this.#own[At.repaired] = repaired;
      if (repaired > 0) reporter.info("Completed files that were left unfinished", { files: repaired, cut_off: torn });
      for (const { path, why } of failed) reporter.warn(`Cannot complete ${path}: ${why}`, { path });
    } catch (error) {
      if (error instanceof LockHeld || error instanceof LinuxUnavailable) throw error;
      throw new ArchiveDirectoryError(directory, errorText(error), { cause: error });
    }
  }

  async #startBackend(config: BackendConfig): Promise<Backend> {
    const { clock, reporter, threads } = this.#deps;
    const wantsEvents = this.#events !== undefined || config.tcpinfo.meter;
    const deps: BackendDeps = { clock, reporter, ...(wantsEvents ? { onEvents: this.#listener() } : {}) };
    if (threads) return await (await import("./thread_backend.ts")).startThreadBackend(config, deps);
    try {
      return (await import("./inline_backend.ts")).startInlineBackend(config, deps);
    } catch (error) {
      throw error instanceof SystemError ? new NetlinkUnavailable(error.message, { cause: error }) : error;
    }
  }

  #listener(): (events: readonly (Opened | Closed)[]) => void {
    const { meter } = this.#deps;
    const measure = this.#config.meter && meter !== undefined ? newConnectionMeasure(meter) : undefined;
    return (events) => {
      for (const event of events) {
        this.#events?.publish(event);
        if (event.kind === "close") measure?.(event);
      }
    };
  }

  get addresses(): readonly string[] {
    return this.#events === undefined ? [] : [`unix://${this.#events.path}`];
  }

  stats(): Float64Array {
    return sumStats([this.#own, ...this.#backend?.stats ?? []]);
  }

  page(): string {
    return metricsPage(this.stats(), { slowClients: this.#events?.slowClients ?? 0 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= (async () => {
      try {
        await this.#backend?.[Symbol.asyncDispose]();
      } finally {
        await this.#events?.[Symbol.asyncDispose]();
        this.#lock?.release();
        this.#done.resolve();
      }
    })();
  }
}

/** Whether the kernel can't be asked at all here. */
function isUnavailable(error: unknown): boolean {
  return error instanceof LinuxUnavailable || error instanceof NetlinkUnavailable;
}

/** A path that is not absolute counts from the archive's directory. */
function eventsPath(path: string, directory: string): string {
  if (path === "" || isAbsolute(path) || path.startsWith("@")) return path;
  return resolve(directory === "" ? "." : directory, path);
}
