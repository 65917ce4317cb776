/** The agent as a process: logs, signals, reload, crash reports, exit code. */
import { type Clock, realClock } from "../clock/mod.ts";
import { formatHttpAddress, type HttpApp, type HttpServer, newApp, startHttp } from "../http/mod.ts";
import { LinuxUnavailable, type OpenSocket } from "../linux/mod.ts";
import { acceptedLines, At, newImportApp } from "../statsd/mod.ts";
import { type CpuProfile, type LogLevel, type Reporter, startCpuProfile } from "../telemetry/mod.ts";
import { type RunningAgent, startRunningAgent } from "./agent.ts";
import { newFlowPages } from "./flow_parts.ts";
import type { AgentConfig } from "./config.ts";
import { openInheritedHttp } from "./inherited_http.ts";
import { configErrorLines, loadConfig, type Loaded, type LoadOptions, shownConfig } from "./load.ts";
import { dropPrivileges, type Privileges } from "./privileges.ts";
import { refusedBasic } from "./lag_listeners.ts";
import { newLagPages } from "./lag_pages.ts";
import { openLogFile } from "./log_file.ts";
import { holdPidFile, PidFileError } from "./pid_file.ts";
import { crashOnUncaught, openReports, type Reports } from "./reports.ts";
import { listenForSignals } from "./signals.ts";
import { Takeover } from "./takeover.ts";
import { buildDate, VERSION } from "./version.ts";

/** How the program is to run. */
export interface ProgramOptions {
  readonly printSecrets: boolean;
  /** Overrides the configuration's. */
  readonly logLevel?: LogLevel;
  /** Where a reload reads the configuration from; absent: it can't. */
  readonly reread?: Omit<LoadOptions, "env"> & { readonly text: () => Promise<string> };
}

/** Keys of a DSN that are shorter than this are words of a test's. */
const SHORTEST_KEY = 16;

/** The exit code when another instance holds a path's lock. */
const LOCKED = 3;

/** Runs until a signal, and says with which code to exit. */
export async function runProgram(loaded: Loaded, options: ProgramOptions): Promise<number> {
  const pidFile = loaded.burrow?.pidFile ?? "";
  let held: Disposable | undefined;
  try {
    held = pidFile === "" ? undefined : holdPidFile(pidFile);
  } catch (error) {
    if (!(error instanceof PidFileError)) throw error;
    console.error(error.message);
    // Nobody has asked for the one that is there unless told otherwise.
    if (error.isTaken || loaded.burrow?.namesPidFile) return 1;
  }
  try {
    return await new Program(loaded, options).run();
  } finally {
    held?.[Symbol.dispose]();
  }
}

class Program {
  #loaded: Loaded;
  readonly #options: ProgramOptions;
  readonly #clock: Clock = realClock;
  readonly #reports: Reports;
  readonly #reporter: Reporter;
  readonly #stop = Promise.withResolvers<void>();
  #level: LogLevel;
  #agent: RunningAgent | undefined;
  /** What was left after the start. */
  #privileges: Privileges | undefined;

  constructor(loaded: Loaded, options: ProgramOptions) {
    this.#loaded = loaded;
    this.#options = options;
    const { config, burrow } = loaded;
    const logFile = burrow?.logFile === undefined ? undefined : openLogFile(burrow.logFile, () => this.#clock.now());
    this.#level = options.logLevel ?? config.logLevel ?? "info";
    this.#reports = openReports({
      sentry: config.sentry,
      serverName: config.statsd.hostname ?? Deno.hostname(),
      level: () => this.#level,
      ...(logFile === undefined ? {} : { write: (line) => logFile.write(line) }),
      clock: this.#clock,
    });
    this.#reporter = this.#reports.reporter;
    this.#hide(config);
  }

  async run(): Promise<number> {
    crashOnUncaught(this.#reports);
    const reloaded = listenForSignals({
      stop: (signal) => this.#beginStop(signal),
      reload: () => this.#takeChanges(),
      crash: (error) => this.#reports.crash(error),
    }, { clock: this.#clock, more: this.#loaded.burrow === undefined ? [] : ["SIGQUIT"] });
    for (const warning of this.#loaded.warnings) this.#reporter.warn(warning);
    this.#privileges = dropPrivileges();
    const profile = await this.#startProfile();
    try {
      this.#agent = await this.#start(this.#loaded.config);
    } catch (error) {
      this.#reporter.error("Cannot start", { error });
      await this.#reports.flush();
      return isLockHeld(error) ? LOCKED : 1;
    }
    await this.#stop.promise;
    try {
      await reloaded();
      await this.#agent[Symbol.asyncDispose]();
      await profile?.();
    } catch (error) {
      this.#reports.crash(error);
      return await new Promise(() => {}); // the crash ends the process
    }
    await this.#reports.flush();
    const { source } = this.#agent;
    const stats = source.stats();
    this.#reporter.info("stopped", {
      datagrams_received: stats[At.datagrams],
      datagrams_dropped: source.drops(),
      lines_accepted: acceptedLines(stats),
    });
    return 0;
  }

  /** Starts an agent, whose failure from then on ends the process. */
  async #start(config: AgentConfig): Promise<RunningAgent> {
    const agent = await startRunningAgent(config, {
      clock: this.#clock,
      reporter: this.#reporter,
      threads: true,
      logsRefused: (this.#options.logLevel ?? config.logLevel) === "debug",
      startHttp: (agent) => this.#startHttp(config, agent),
      startListeners: (agent) => this.#startListeners(config, agent),
      logLevel: { get: () => this.#level, set: (level) => void (this.#level = level) },
      handsOverHttp: isInherited(config),
      ...(config.takeover.enabled ? { openTakeover: () => this.#openTakeover(config) } : {}),
    });
    agent.done.catch((error) => this.#reports.crash(error));
    return agent;
  }

  async #openTakeover({ takeover }: AgentConfig): Promise<Takeover | undefined> {
    try {
      return await Takeover.open(takeover, {
        clock: this.#clock,
        reporter: this.#reporter,
        onTakenOver: (pid) => this.#beginStop(`process ${pid} has taken over`),
      });
    } catch (error) {
      if (!(error instanceof LinuxUnavailable)) throw error;
      this.#reporter.warn("Running without a way to be taken over from", { error });
      return undefined;
    }
  }

  #newApp({ http, lag, flow, statsd }: AgentConfig, agent: RunningAgent, allowedHosts: readonly string[]): HttpApp {
    const app = newApp({
      version: VERSION,
      buildDate: buildDate(),
      args: [Deno.execPath(), ...Deno.args],
      config: () => ({ ...shownConfig(this.#loaded, this.#options.printSecrets), privileges: this.#privileges }),
      configEnabled: http.config,
      quit: () => this.#beginStop("POST /quitquitquit"),
      quitEnabled: http.quit,
      metricsPages: agent.pages,
      ...(lag?.page.asBurrow ? { metricsFront: "burrow" } : {}),
      // Whoever asks meanwhile means the service, and the successor is up.
      healthy: () => agent.healthy || agent.takeover?.isTakenOver === true || isInherited({ http }),
      tracing: () => statsd.ssfListen.length + statsd.grpcListen.length > 0,
      reporter: this.#reporter,
      clock: this.#clock,
      // Local instances hand on to whatever name they know.
      guard: { allowedHosts, anyHostPaths: ["/import"] },
      ...(http.token === undefined ? {} : { token: http.token }),
    });
    app.route("/", newImportApp({ source: agent.source, observe: (request) => agent.imported(request) }));
    if (flow?.outlet !== undefined) app.route("/", newFlowPages(() => agent.flow, flow));
    app.route("/", newLagPages(() => agent.lag, lag?.page.asBurrow ?? false));
    return app;
  }

  /** @throws {HttpListenError} when one can't listen; the others are closed then */
  async #startListeners(config: AgentConfig, agent: RunningAgent): Promise<readonly HttpServer[]> {
    const servers: HttpServer[] = [];
    try {
      for (const { address, tls, username, password, timeoutMs } of config.lagListeners) {
        const name = address.transport === "tcp" && address.hostname !== "" ? [address.hostname] : [];
        const pages = this.#newApp(config, agent, [...config.http.allowedHosts, ...name, Deno.hostname()]);
        const app: HttpApp = {
          fetch: (request, bindings) => refusedBasic(request, username, password) ?? pages.fetch(request, bindings),
        };
        const deps = { app, reporter: this.#reporter, clock: this.#clock };
        const limits = { headersTimeoutMs: timeoutMs, requestTimeoutMs: timeoutMs, idleTimeoutMs: timeoutMs };
        const server = await startHttp({ address, limits, ...(tls === undefined ? {} : { tls }) }, deps);
        servers.push(server);
      }
      return servers;
    } catch (error) {
      for (const server of servers) await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #startHttp(config: AgentConfig, agent: RunningAgent): Promise<HttpServer | undefined> {
    const { http } = config;
    if (http.address === null) return undefined;
    const app = this.#newApp(config, agent, http.allowedHosts);
    const inherited = openInheritedHttp(http.address);
    let { address } = inherited;
    let shared: OpenSocket | undefined;
    if (agent.takeover !== undefined && address.transport === "tcp") {
      shared = await agent.takeover.openHttp(address);
      address = { transport: "fd", fd: shared.fd };
    } else if (agent.takeover?.hasPredecessor && address.transport === "unix") {
      await removeIfThere(address.path); // the predecessor's, who leaves the new one alone
    }
    let server: HttpServer;
    try {
      const { limits, tls } = http;
      const deps = { app, reporter: this.#reporter, clock: this.#clock };
      server = await startHttp({ address, limits, ...(tls === undefined ? {} : { tls }) }, deps);
    } catch (error) {
      shared?.close();
      throw error;
    }
    shared?.handOver();
    await inherited.acknowledge();
    if (isInherited({ http })) return { ...server, address: formatHttpAddress(http.address) };
    if (http.address.transport !== "tcp" || server.port === undefined) return server;
    return { ...server, address: formatHttpAddress({ ...http.address, port: server.port }) };
  }

  #beginStop(why: string): void {
    this.#reporter.info("stopping", { why });
    this.#stop.resolve();
  }

  /** Takes over what has changed in the configuration's file. */
  async #takeChanges(): Promise<void> {
    const { reread } = this.#options;
    if (reread === undefined) {
      this.#reporter.warn("Cannot reload: the agent was started without a configuration file");
      return;
    }
    const before = this.#agent;
    // It reads the file anyway, or reads nothing any more.
    if (before === undefined || !before.healthy || before.takeover?.isTakenOver) return;
    let loaded: Loaded;
    try {
      loaded = loadConfig(await reread.text(), { ...reread, env: Deno.env.toObject() });
    } catch (error) {
      const lines = configErrorLines(error) ?? [String(error)];
      this.#reporter.warn("Cannot use the changed configuration, the old one stays", { faults: lines });
      return;
    }
    for (const warning of loaded.warnings) this.#reporter.warn(warning);
    this.#hide(loaded.config);
    this.#tellOfRestart(loaded.config);
    if (await before.reconfigure(loaded.config)) {
      this.#loaded = loaded;
      return;
    }
    await before[Symbol.asyncDispose]();
    try {
      this.#agent = await this.#start(loaded.config);
      this.#loaded = loaded;
      this.#reporter.info("configuration reloaded, listeners started anew");
    } catch (error) {
      this.#reporter.error("Cannot start with the changed configuration, going back to the old one", { error });
      this.#agent = await this.#start(this.#loaded.config);
    }
  }

  /** What belongs to the process stays as it was started. */
  #tellOfRestart(config: AgentConfig): void {
    const { config: now } = this.#loaded;
    const keys = [
      ...config.logLevel === now.logLevel || this.#options.logLevel !== undefined ? [] : ["log_level"],
      ...config.sentryDsn === now.sentryDsn ? [] : ["sentry"],
      ...config.profilePath === now.profilePath ? [] : ["enable_profiling"],
    ];
    if (keys.length > 0) this.#reporter.warn("What has changed here takes effect at the next start", { keys });
  }

  #hide(config: AgentConfig): void {
    for (const secret of config.secrets) this.#reports.redactor.add(secret);
    for (const key of [config.sentry?.publicKey, config.sentry?.secretKey]) {
      if (key !== undefined && key.length >= SHORTEST_KEY) this.#reports.redactor.add(key);
    }
  }

  /** @returns what ends the profile and writes it */
  async #startProfile(): Promise<(() => Promise<void>) | undefined> {
    const { profilePath } = this.#loaded.config;
    if (profilePath === "") return undefined;
    let profile: CpuProfile;
    try {
      profile = await startCpuProfile();
    } catch (error) {
      this.#reporter.warn("Cannot profile this run", { error });
      return undefined;
    }
    return async () => {
      try {
        await Deno.writeTextFile(profilePath, await profile.stop());
        this.#reporter.info("CPU profile written", { path: profilePath });
      } catch (error) {
        this.#reporter.error("Cannot write the CPU profile", { path: profilePath, error });
      }
    };
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Whether HTTP is served on a socket that a successor shares. */
function isInherited({ http: { address } }: Pick<AgentConfig, "http">): boolean {
  return address?.transport === "fd" || address?.transport === "einhorn";
}

/** Whether it is a lock, of a unix socket, that another process has; the error may have come from another thread. */
function isLockHeld(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "linux.lock_held";
}
