/** The proxy as a process: logs, signals, reload, own metrics, exit code. */
import {
  buildDate,
  configErrorLines,
  crashOnUncaught,
  listenForSignals,
  openInheritedHttp,
  openReports,
  type Reports,
  VERSION,
} from "../agent/mod.ts";
import { type Clock, realClock } from "../clock/mod.ts";
import { type HttpServer, newApp, startHttp } from "../http/mod.ts";
import {
  newProxyApp,
  newProxyMetrics,
  parseListenAddress,
  type Proxy,
  type ProxyConfig,
  type ProxyGrpc,
  type ProxyMetrics,
  startProxy,
  startProxyGrpc,
} from "../statsd/mod.ts";
import { type LogLevel, newSelfMetrics, type Reporter, type SelfMetrics } from "../telemetry/mod.ts";
import { resolveTarget, sendPayloads } from "./emit_send.ts";
import {
  keptKeys,
  type LoadedProxy,
  loadProxyConfig,
  type ProxyLoadOptions,
  type ProxyProgramConfig,
  shownProxyConfig,
} from "./proxy_config.ts";

/** How the process is to run. */
export interface ProxyProgramOptions {
  readonly printSecrets: boolean;
  /** Overrides the configuration's. */
  readonly logLevel?: LogLevel;
  /** Where a reload reads the configuration from; absent: it can't. */
  readonly reread?: Omit<ProxyLoadOptions, "env"> & { readonly text: () => Promise<string> };
}

/** Runs until a signal, and says with which code to exit. */
export async function runProxyProgram(loaded: LoadedProxy, options: ProxyProgramOptions): Promise<number> {
  return await new ProxyProgram(loaded, options).run();
}

class ProxyProgram {
  #loaded: LoadedProxy;
  readonly #options: ProxyProgramOptions;
  readonly #clock: Clock = realClock;
  readonly #startMs = realClock.monotonic();
  readonly #reports: Reports;
  readonly #reporter: Reporter;
  readonly #own: SelfMetrics | undefined;
  readonly #metrics: ProxyMetrics;
  readonly #stop = Promise.withResolvers<void>();
  /** The proxy in force, and those that still send what they have. */
  #proxy: Proxy | undefined;
  readonly #proxies = new Set<Proxy>();
  #server: HttpServer | undefined;
  #grpc: ProxyGrpc | undefined;
  #isStopping = false;

  constructor(loaded: LoadedProxy, options: ProxyProgramOptions) {
    this.#loaded = loaded;
    this.#options = options;
    const { config } = loaded;
    this.#reports = openReports({
      sentry: config.sentry,
      serverName: Deno.hostname(),
      level: options.logLevel ?? config.logLevel ?? "info",
      clock: this.#clock,
    });
    this.#reporter = this.#reports.reporter;
    for (const secret of config.secrets) this.#reports.redactor.add(secret);
    this.#own = newOwnMetrics(config.proxy.statsAddress, this.#clock);
    this.#metrics = newProxyMetrics(this.#reporter.metrics, this.#own);
    this.#metrics.showPending(() => [...this.#proxies].flatMap((proxy) => [...proxy.pending()]));
  }

  async run(): Promise<number> {
    crashOnUncaught(this.#reports);
    const reloaded = listenForSignals({
      stop: (signal) => this.#beginStop(signal),
      reload: () => this.#takeChanges(),
      crash: (error) => this.#reports.crash(error),
    }, { clock: this.#clock });
    for (const warning of this.#loaded.warnings) this.#reporter.warn(warning);
    const { config } = this.#loaded;
    try {
      this.#proxy = await this.#startProxy(config);
      this.#grpc = await this.#startGrpc(config);
      this.#server = await this.#startHttp(config);
    } catch (error) {
      this.#reporter.error("Cannot start", { error });
      await this.#reports.flush();
      return 1;
    }
    const stopReporting = this.#reportRuntime(config.proxy.runtimeMetricsIntervalMs);
    await this.#stop.promise;
    await reloaded();
    // Senders first, so that what they were answered for is there to be sent.
    await Promise.all([this.#server?.[Symbol.asyncDispose](), this.#grpc?.[Symbol.asyncDispose]()]);
    await Promise.all([...this.#proxies].map((proxy) => proxy[Symbol.asyncDispose]()));
    stopReporting();
    await this.#own?.[Symbol.asyncDispose]();
    await this.#reports.flush();
    const { received, delivered, lost } = this.#metrics.totals();
    this.#reporter.info("stopped", { series_received: received, series_delivered: delivered, series_lost: lost });
    return 0;
  }

  async #startProxy({ proxy: config }: ProxyProgramConfig): Promise<Proxy> {
    const proxy = await startProxy(config, {
      clock: this.#clock,
      reporter: this.#reporter,
      metrics: this.#metrics,
      fetch,
      env: Deno.env.toObject(),
    });
    this.#proxies.add(proxy);
    proxy.done.then(() => this.#proxies.delete(proxy));
    const destinations = [...proxy.pending()].map(([member]) => member);
    this.#reporter.info("forwarding", { destinations });
    return proxy;
  }

  async #startHttp(config: ProxyProgramConfig): Promise<HttpServer | undefined> {
    const { http } = config;
    if (http.address === null) return undefined;
    const app = newApp({
      version: VERSION,
      buildDate: buildDate(),
      args: [Deno.execPath(), ...Deno.args],
      config: () => shownProxyConfig(this.#loaded, this.#options.printSecrets),
      configEnabled: http.config,
      quit: () => this.#beginStop("POST /quitquitquit"),
      quitEnabled: http.quit,
      metricsPages: {},
      healthy: () => !this.#isStopping && this.#proxy?.isAccepting === true,
      tracing: () => false,
      reporter: this.#reporter,
      clock: this.#clock,
      // Local instances hand on to whatever name they know.
      guard: { allowedHosts: http.allowedHosts, anyHostPaths: ["/import"] },
      ...http.token === undefined ? {} : { token: http.token },
    });
    app.route("/", newProxyApp(() => this.#proxy!));
    const { address, acknowledge } = openInheritedHttp(http.address);
    const tls = http.tls === undefined ? {} : { tls: http.tls };
    const server = await startHttp({ address, limits: http.limits, ...tls }, {
      app,
      reporter: this.#reporter,
      clock: this.#clock,
    });
    await acknowledge();
    this.#reporter.info("listening", { address: `${http.tls === undefined ? "http" : "https"}://${server.address}` });
    return server;
  }

  async #startGrpc({ proxy: config }: ProxyProgramConfig): Promise<ProxyGrpc | undefined> {
    if (config.grpcAddress === "") return undefined;
    const grpc = await startProxyGrpc(config, {
      current: () => this.#proxy!,
      metrics: this.#metrics,
      clock: this.#clock,
      reporter: this.#reporter,
    });
    this.#reporter.info("listening", { address: grpc.address });
    return grpc;
  }

  #beginStop(why: string): void {
    this.#reporter.info("stopping", { why });
    this.#isStopping = true;
    this.#stop.resolve();
  }

  /** Takes over what has changed in the configuration's file: a new proxy takes in, the old one sends what it has. */
  async #takeChanges(): Promise<void> {
    const { reread } = this.#options;
    if (reread === undefined) {
      this.#reporter.warn("Cannot reload: the proxy was started without a configuration file");
      return;
    }
    if (this.#proxy === undefined || this.#isStopping) return; // it reads the file anyway, or reads nothing any more
    let loaded: LoadedProxy, next: Proxy;
    try {
      loaded = loadProxyConfig(await reread.text(), { ...reread, env: Deno.env.toObject() });
      for (const warning of loaded.warnings) this.#reporter.warn(warning);
      for (const secret of loaded.config.secrets) this.#reports.redactor.add(secret);
      next = await this.#startProxy(loaded.config);
    } catch (error) {
      const faults = configErrorLines(error) ?? [error instanceof Error ? error.message : String(error)];
      this.#reporter.warn("Cannot use the changed configuration, the old one stays", { faults });
      return;
    }
    const keys = keptKeys(this.#loaded.config, loaded.config);
    if (keys.length > 0) this.#reporter.warn("What has changed here takes effect at the next start", { keys });
    const before = { loaded: this.#loaded, proxy: this.#proxy };
    this.#proxy = next;
    this.#loaded = loaded;
    for (const form of ["http", "grpc"] as const) {
      if (before.loaded.config.proxy.rings[form] !== undefined && loaded.config.proxy.rings[form] === undefined) {
        this.#metrics.members(form, 0);
      }
    }
    before.proxy[Symbol.asyncDispose]().then(undefined, (error) => this.#reports.crash(error));
    await this.#moveListeners(before.loaded.config);
    this.#reporter.info("configuration reloaded");
  }

  /** Listens where the new configuration says; where that can't be, as before. */
  async #moveListeners(before: ProxyProgramConfig): Promise<void> {
    const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
    const { config } = this.#loaded;
    try {
      if (!isSame(grpcListen(before.proxy), grpcListen(config.proxy))) {
        await this.#grpc?.[Symbol.asyncDispose]();
        this.#grpc = undefined;
        this.#grpc = await this.#startGrpc(config);
      }
      if (!isSame(before.http, config.http)) {
        await this.#server?.[Symbol.asyncDispose]();
        this.#server = undefined;
        this.#server = await this.#startHttp(config);
      }
    } catch (error) {
      this.#reporter.error("Cannot listen as the changed configuration says, going on as before", { error });
      const proxy = { ...config.proxy, ...grpcListen(before.proxy) };
      this.#loaded = { ...this.#loaded, config: { ...config, http: before.http, proxy } };
      await Promise.all([this.#server?.[Symbol.asyncDispose](), this.#grpc?.[Symbol.asyncDispose]()]);
      this.#grpc = await this.#startGrpc(this.#loaded.config);
      this.#server = await this.#startHttp(this.#loaded.config);
    }
  }

  /** Tells of the process every `intervalMs`, where own metrics go anywhere. @returns what ends that */
  #reportRuntime(intervalMs: number): () => void {
    const own = this.#own;
    const stop = new AbortController();
    const run = async () => {
      while (own !== undefined) {
        await this.#clock.sleep(intervalMs, stop.signal);
        if (stop.signal.aborted) return;
        own.gauge("uptime_ms", this.#clock.monotonic() - this.#startMs);
        own.gauge("mem.heap_alloc_bytes", Deno.memoryUsage().heapUsed);
      }
    };
    run();
    return () => stop.abort();
  }
}

/** What the gRPC listener is made of. */
function grpcListen({ grpcAddress, tlsKey, tlsCertificate, tlsAuthorityCertificate }: ProxyConfig) {
  return { grpcAddress, tlsKey, tlsCertificate, tlsAuthorityCertificate };
}

/** @param address `host:port` or `unix://PATH`; "" for none */
function newOwnMetrics(address: string, clock: Clock): SelfMetrics | undefined {
  if (address === "") return undefined;
  const path = /^unix(?:gram)?:\/\/(.+)$/.exec(address)?.[1];
  const target = parseListenAddress(
    path === undefined ? `udp://${address.replace(/^udp:\/\//, "")}` : `unixgram://${path}`,
  );
  if (target === undefined) throw new TypeError("unreachable: the configuration was checked");
  return newSelfMetrics({
    // A name is looked up each time, as it may move.
    send: async (datagram) => await sendPayloads(await resolveTarget(target), [datagram]),
    clock,
    namespace: "veneur_proxy.",
  });
}
