/** The agent as a process: logs, signals, reload, crash reports, exit code. */
import { type Clock, realClock } from "../clock/mod.ts";
import { type HttpServer, newApp, startHttp } from "../http/mod.ts";
import { adoptDescriptor, findInherited, sendEinhornAck } from "../linux/mod.ts";
import {
  type CpuProfile,
  type LogLevel,
  newRedactor,
  newReporter,
  newSentry,
  type Redactor,
  Registry,
  type Reporter,
  type SentryClient,
  startCpuProfile,
} from "../telemetry/mod.ts";
import { type RunningAgent, startRunningAgent } from "./agent.ts";
import type { AgentConfig } from "./config.ts";
import { configErrorLines, loadConfig, type Loaded, type LoadOptions, shownConfig } from "./load.ts";
import { buildDate, VERSION } from "./version.ts";

/** How the program is to run. */
export interface ProgramOptions {
  readonly printSecrets: boolean;
  /** Overrides the configuration's. */
  readonly logLevel?: LogLevel;
  /** Where a reload reads the configuration from; absent: it can't. */
  readonly reread?: Omit<LoadOptions, "env"> & { readonly text: () => Promise<string> };
}

/** How long reports of a crash may take before the process ends, in milliseconds. */
const REPORT_MS = 10_000;

/** A terminal and a wrapper may each pass on the same signal: what follows so closely, in milliseconds, is that one. */
const SAME_SIGNAL_MS = 250;

/** Runs until a signal, and says with which code to exit. */
export async function runProgram(loaded: Loaded, options: ProgramOptions): Promise<number> {
  return await new Program(loaded, options).run();
}

class Program {
  #loaded: Loaded;
  readonly #options: ProgramOptions;
  readonly #clock: Clock = realClock;
  readonly #redactor: Redactor = newRedactor();
  readonly #sentry: SentryClient | undefined;
  readonly #reporter: Reporter;
  readonly #stop = Promise.withResolvers<void>();
  #agent: RunningAgent | undefined;
  #signals = 0;

  constructor(loaded: Loaded, options: ProgramOptions) {
    this.#loaded = loaded;
    this.#options = options;
    const { config } = loaded;
    this.#hide(config);
    const metrics = new Registry();
    const reported = metrics.counter("limier_sentry_reports_total", "Reports to Sentry, by how they ended.");
    this.#sentry = config.sentry === undefined ? undefined : newSentry({
      dsn: config.sentry,
      serverName: config.statsd.hostname ?? Deno.hostname(),
      release: VERSION,
      redactor: this.#redactor,
      clock: this.#clock,
      fetch,
      onReport: (outcome) => reported.inc(1, { outcome }),
    });
    this.#reporter = newReporter({
      level: options.logLevel ?? config.logLevel ?? "info",
      format: Deno.stderr.isTerminal() ? "text" : "json",
      write: (line) => void Deno.stderr.writeSync(new TextEncoder().encode(line)),
      clock: this.#clock,
      metrics,
      redactor: this.#redactor,
      ...(this.#sentry === undefined ? {} : { sentry: this.#sentry }),
    });
  }

  async run(): Promise<number> {
    addEventListener("error", (event) => {
      event.preventDefault();
      this.#crash(event.error);
    });
    addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      this.#crash(event.reason);
    });
    const profile = await this.#startProfile();
    try {
      this.#agent = await this.#start(this.#loaded.config);
    } catch (error) {
      this.#reporter.error("Cannot start", { error });
      await this.#sentry?.flush(REPORT_MS);
      return 1;
    }
    this.#listenForSignals();
    for (let running = true; running;) {
      try {
        await Promise.race([this.#stop.promise, this.#agent.done]);
        running = false;
      } catch (error) {
        this.#crash(error);
        return await new Promise(() => {}); // the crash ends the process
      }
    }
    await this.#agent[Symbol.asyncDispose]();
    await profile?.();
    await this.#sentry?.flush(REPORT_MS);
    this.#reporter.info("stopped");
    return 0;
  }

  #start(config: AgentConfig): Promise<RunningAgent> {
    return startRunningAgent(config, {
      clock: this.#clock,
      reporter: this.#reporter,
      threads: true,
      logsRefused: (this.#options.logLevel ?? config.logLevel) === "debug",
      startHttp: (agent) => this.#startHttp(config, agent),
    });
  }

  async #startHttp({ http, statsd }: AgentConfig, agent: RunningAgent): Promise<HttpServer | undefined> {
    if (http.address === null) return undefined;
    const app = newApp({
      version: VERSION,
      buildDate: buildDate(),
      args: [Deno.execPath(), ...Deno.args],
      config: () => shownConfig(this.#loaded, this.#options.printSecrets),
      configEnabled: http.config,
      quit: () => this.#stop.resolve(),
      quitEnabled: http.quit,
      metricsPages: agent.pages,
      healthy: () => agent.healthy,
      tracing: () => statsd.ssfListen.length > 0,
      reporter: this.#reporter,
      clock: this.#clock,
      guard: { allowedHosts: http.allowedHosts },
      ...(http.token === undefined ? {} : { token: http.token }),
    });
    let { address } = http;
    let ackPath: string | undefined;
    if (address.transport === "fd" || address.transport === "einhorn") {
      const text = address.transport === "fd" ? `fd@${address.fd}` : `einhorn@${address.index}`;
      const found = findInherited(text, Deno.env.toObject(), { pid: Deno.pid, ppid: Deno.ppid });
      adoptDescriptor(found.fd);
      address = { transport: "fd", fd: found.fd };
      ackPath = found.ackPath;
    }
    const server = await startHttp({
      address,
      limits: http.limits,
      ...(http.tls === undefined ? {} : { tls: http.tls }),
    }, {
      app,
      reporter: this.#reporter,
      clock: this.#clock,
    });
    if (ackPath !== undefined) await sendEinhornAck(ackPath, Deno.pid);
    return server;
  }

  #listenForSignals(): void {
    let firstMs = 0;
    const stop = () => {
      const nowMs = this.#clock.monotonic();
      if (this.#signals > 0 && nowMs - firstMs < SAME_SIGNAL_MS) return;
      if (++this.#signals > 1) Deno.exit(1);
      firstMs = nowMs;
      this.#reporter.info("stopping");
      this.#stop.resolve();
    };
    for (const signal of ["SIGTERM", "SIGINT", "SIGUSR2"] as const) Deno.addSignalListener(signal, stop);
    Deno.addSignalListener("SIGHUP", () => {
      this.#reload().catch((error) => this.#reporter.error("Cannot reload the configuration", { error }));
    });
  }

  async #reload(): Promise<void> {
    const { reread } = this.#options;
    if (reread === undefined || this.#agent === undefined) {
      this.#reporter.warn("Cannot reload: the agent was started without a configuration file");
      return;
    }
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
    if (await this.#agent.reconfigure(loaded.config)) {
      this.#loaded = loaded;
      return;
    }
    const before = this.#agent;
    await before[Symbol.asyncDispose]();
    try {
      this.#agent = await this.#start(loaded.config);
      this.#loaded = loaded;
      this.#reporter.info("configuration reloaded, listeners started anew");
    } catch (error) {
      this.#reporter.error("Cannot start with the changed configuration, going back to the old one", { error });
      this.#agent = await this.#start(this.#loaded.config);
    }
    this.#agent.done.catch((error) => this.#crash(error));
  }

  #hide(config: AgentConfig): void {
    for (const secret of config.secrets) this.#redactor.add(secret);
  }

  /** An error nobody caught: reported, and the process ends with 1. */
  #crash(error: unknown): void {
    this.#sentry?.capture({ level: "fatal", message: "uncaught error", error });
    // Logged below error level, so that it is not reported twice.
    this.#reporter.warn("Cannot go on after an uncaught error", { error });
    const reported = this.#sentry?.flush(REPORT_MS) ?? Promise.resolve(true);
    reported.finally(() => Deno.exit(1));
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
      await Deno.writeTextFile(profilePath, await profile.stop());
      this.#reporter.info("CPU profile written", { path: profilePath });
    };
  }
}
