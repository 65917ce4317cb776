/** The agent: every part wired to the next, downstream first, and stopped in reverse. */
import { type Clock, type Running, startWhole } from "../clock/mod.ts";
import { type FlowSource, hasFlow, isSameFlow, startFlow } from "../flow/mod.ts";
import type { HttpServer } from "../http/mod.ts";
import { type LagSource, type LogLevelSetting, sameLagConfig, startLag } from "../lag/mod.ts";
import type { Point } from "../metric/mod.ts";
import type { Observation } from "../output/mod.ts";
import {
  type BackendConfig,
  coreConfig,
  grpcForwardTarget,
  newForwardClient,
  newGrpcForwardClient,
  type RefusedLine,
  startScraping,
  startStatsd,
  type StatsdDeps,
  type StatsdSource,
} from "../statsd/mod.ts";
import { newLogSampler, newSelfMetrics, type Reporter } from "../telemetry/mod.ts";
import { isSameTcpinfo, startTcpinfo, type TcpinfoSource } from "../tcpinfo/mod.ts";
import { type AgentConfig, hostnameOf } from "./config.ts";
import { AgentOutputs } from "./outputs.ts";
import { exposeStats, VeneurMetrics } from "./own_metrics.ts";
import { SideSource } from "./side_source.ts";
import { openStatsSender, type StatsSender } from "./stats_sender.ts";
import { dictionaryOrigin, lateMeter } from "./flow_parts.ts";
import type { Takeover } from "./takeover.ts";
import { VERSION } from "./version.ts";

/** What an agent is given. */
export interface AgentDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** Readers and the aggregation get threads of their own. */
  readonly threads: boolean;
  /** The HTTP of outputs. @default the runtime's */
  readonly fetch?: typeof fetch;
  /** Starts the HTTP server, which shows the agent; absent: none. */
  readonly startHttp?: (agent: RunningAgent) => Promise<HttpServer | undefined>;
  /** Starts the servers of further addresses for the pages of lag; absent: none. */
  readonly startListeners?: (agent: RunningAgent) => Promise<readonly HttpServer[]>;
  /** The level of the log, which a page can change. */
  readonly logLevel?: LogLevelSetting;
  /** The HTTP server's socket is shared with a successor, which answers from the stop's beginning on. */
  readonly handsOverHttp?: boolean;
  /** Looks for a process to take over from, and will hand over to the next; absent: neither. */
  readonly openTakeover?: () => Promise<Takeover | undefined>;
  /** Every refused line is logged, a few a second. */
  readonly logsRefused?: boolean;
}

/** A running agent, as the program and the library see it. */
export interface RunningAgent extends Running {
  readonly source: StatsdSource;
  /** Where it listens: `udp://127.0.0.1:8125`, `http://127.0.0.1:8127`. */
  readonly addresses: readonly string[];
  /** Texts of outputs that are shown rather than sent, by the page's name. */
  readonly pages: Readonly<Record<string, () => string | Promise<string>>>;
  /** Flows, where any are received or stored. */
  readonly flow: FlowSource | undefined;
  /** What watches consumers, where it is configured. */
  readonly lag: LagSource | undefined;
  /** False while it stops. */
  readonly healthy: boolean;
  /** Its predecessor and its successor, where it may have any. */
  readonly takeover: Takeover | undefined;
  /** Counts an import, and why it was refused if it was. */
  imported(request: { readonly encoding: string; readonly cause?: string }): void;
  /** Ends the window now: its points, where everything runs in this thread; else none. */
  flushNow(): Promise<readonly Point[]>;
  /**
   * Takes over a changed configuration.
   *
   * @returns false, and changes nothing, when the agent must be started anew for it
   */
  reconfigure(config: AgentConfig): Promise<boolean>;
}

/** The part of an interval that one forward may take. */
const FORWARD_SHARE = 0.9;

/** How long the last flush may take, its delivery included, in milliseconds; what is left then has failed. */
const DRAIN_MS = 10_000;

/** How long connections that were begun before a successor took over may take until they are accepted, in milliseconds. */
const ACCEPT_MS = 300;

/** Starts an agent. @throws {SystemError} and others when an address can't be bound; nothing is left running then */
export async function startRunningAgent(config: AgentConfig, deps: AgentDeps): Promise<RunningAgent> {
  return await startWhole(new WiredAgent(config, deps));
}

function backendConfig(config: AgentConfig): BackendConfig {
  return { statsd: config.statsd, core: coreConfig(config.statsd, hostnameOf(config), config.outputs) };
}

/** Whether two sections are both absent, or say the same. */
function isSameSection<Section>(same: (a: Section, b: Section) => boolean) {
  return (a: Section | undefined, b: Section | undefined) => a === undefined || b === undefined ? a === b : same(a, b);
}

class WiredAgent implements RunningAgent {
  #config: AgentConfig;
  readonly #deps: AgentDeps;
  #outputs: AgentOutputs | undefined;
  #takeover: Takeover | undefined;
  #leaving: Promise<void> | undefined;
  #source: StatsdSource | undefined;
  readonly #tcpinfo: SideSource<AgentConfig["tcpinfo"], TcpinfoSource>;
  readonly #flow: SideSource<AgentConfig["flow"], FlowSource>;
  readonly #lag: SideSource<AgentConfig["lag"], LagSource>;
  #listeners: readonly HttpServer[] = [];
  #scraping: Running | undefined;
  #http: HttpServer | undefined;
  #sender: StatsSender | undefined;
  #veneur: VeneurMetrics | undefined;
  readonly #stop = new AbortController();
  #watching: Promise<void> | undefined;
  /** Points of a flush that was asked for. */
  #collecting: Point[] | undefined;
  readonly #failed = Promise.withResolvers<void>();
  readonly done = this.#failed.promise;
  #stopping: Promise<void> | undefined;

  constructor(config: AgentConfig, deps: AgentDeps) {
    this.#config = config;
    this.#deps = deps;
    const shared = { reporter: deps.reporter, onFailed: (error: unknown) => this.#failed.reject(error) };
    this.#tcpinfo = new SideSource({
      ...shared,
      section: "tcpinfo",
      start: (tcpinfo) => this.#startTcpinfo(tcpinfo),
      isSame: isSameTcpinfo,
    });
    this.#flow = new SideSource({
      ...shared,
      section: "flow",
      start: (flow) => this.#startFlow(flow),
      isSame: isSameSection(isSameFlow),
    });
    this.#lag = new SideSource({
      ...shared,
      section: "lag",
      start: (lag) => this.#startLag(lag),
      isSame: isSameSection(sameLagConfig),
    });
    this.done.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
  }

  async start(): Promise<void> {
    const { clock, reporter, threads, logsRefused } = this.#deps;
    const config = this.#config;
    await this.#openOwnMetrics();
    const takeover = this.#takeover = await this.#deps.openTakeover?.();
    const outputs = this.#openOutputsInTurn();
    outputs.catch(() => {}); // awaited below, but something else may fail before
    if (!takeover?.hasPredecessor) await outputs;
    const forwardsLost = reporter.metrics.counter(
      "limier_forward_lost_total",
      "Series that were to be handed on and were given up: in doubt, too old, too many, or without a form to send them in.",
    );
    await this.#flow.start(config.flow);
    this.#source = await startStatsd(backendConfig(config), {
      clock,
      reporter,
      threads,
      deliver: async (output, batch) => await (await outputs).deliver(output, batch, this.#config.statsd.intervalMs),
      ...(takeover === undefined ? {} : {
        handover: takeover.groups,
        // Whatever else receives over UDP is started before this, and stopped before `closed()`.
        onReceiving: () => takeover.switchOver(),
      }),
      onClosed: async () => {
        const told = this.#tellClosed();
        await this.#flow[Symbol.asyncDispose](); // what it measures at the end goes with the last flush
        await told;
      },
      ...this.#forwarding(),
      onFlush: (report) => {
        forwardsLost.inc(report.forward?.lost ?? 0);
        this.#veneur?.flushed(report, this.source.stats(), clock.now());
      },
      ...(logsRefused ? { onRefused: this.#refusedLog() } : {}),
      ...(threads ? {} : {
        onPublished: (published) => {
          if (published.kind === "point") this.#collecting?.push(published.point);
        },
      }),
    });
    this.#source.done.catch((error) => this.#failed.reject(error));
    exposeStats(reporter.metrics, this.#source);
    this.#watching = this.#watch();
    this.#http = await this.#deps.startHttp?.(this);
    if (takeover !== undefined) takeover.httpPort = this.#http?.port ?? null;
    takeover?.serve();
    await outputs;
    await this.#tcpinfo.start(config.tcpinfo);
    await this.#lag.start(config.lag);
    if (config.lagListeners.length > 0) await takeover?.predecessorLeft();
    this.#listeners = await this.#deps.startListeners?.(this) ?? [];
    this.#scraping = this.#scrape(); // the agent's own page may be among the targets
    for (const address of this.addresses) reporter.info("listening", { address });
  }

  get source(): StatsdSource {
    if (this.#source === undefined) throw new TypeError("Cannot use the agent: it is not started yet");
    return this.#source;
  }

  get takeover(): Takeover | undefined {
    return this.#takeover;
  }

  get addresses(): readonly string[] {
    const http = [...this.#http === undefined ? [] : [this.#http], ...this.#listeners]
      .map(({ address }) => `http://${address}`);
    const flow = this.#flow.running?.addresses ?? [];
    return [...this.source.addresses, ...this.#tcpinfo.running?.addresses ?? [], ...flow, ...http];
  }

  get healthy(): boolean {
    return this.#source !== undefined && this.#stopping === undefined;
  }

  imported({ cause }: { readonly encoding: string; readonly cause?: string }): void {
    const { metrics } = this.#deps.reporter;
    metrics.counter("limier_import_requests_total", "Imports of other instances, by how they ended.")
      .inc(1, { result: cause ?? "accepted" });
    this.#veneur?.importRefused(cause);
  }

  get flow(): FlowSource | undefined {
    return this.#flow.running;
  }

  get lag(): LagSource | undefined {
    return this.#lag.running;
  }

  get pages(): Readonly<Record<string, () => string | Promise<string>>> {
    const text = () => this.#outputs?.page() ?? "";
    return {
      ...this.#config.outputs.some(({ kind }) => kind === "prometheus_exposition") ? { statsd: text } : {},
      tcpinfo: () => this.#tcpinfo.running?.page() ?? "",
      burrow: () => this.#lag.running?.page() ?? "",
      // In place of the counters alone: groups are judged when they are asked for.
      limier: async () => this.#deps.reporter.metrics.text() + (await this.#lag.running?.ownPage() ?? ""),
    };
  }

  async flushNow(): Promise<readonly Point[]> {
    const points: Point[] = [];
    this.#collecting = points;
    await this.source.flushNow();
    this.#collecting = undefined;
    return points;
  }

  async reconfigure(config: AgentConfig): Promise<boolean> {
    const rigid = (
      { http, lag, lagListeners, spool, takeover, outputs, statsd: { statsAddress, ownScopes, ownTags } }: AgentConfig,
    ) =>
      JSON.stringify([
        http,
        lag?.page.asBurrow ?? false,
        lagListeners,
        takeover,
        outputs.some((output) => output.spool) && spool,
        statsAddress,
        ownScopes,
        ownTags,
      ]);
    if (rigid(config) !== rigid(this.#config)) return false;
    const { reporter } = this.#deps;
    const { tcpinfo, lag, flow } = this.#config;
    const sameSources = JSON.stringify(config.statsd.sources) === JSON.stringify(this.#config.statsd.sources);
    const sameOutputs = JSON.stringify(config.outputs) === JSON.stringify(this.#config.outputs);
    if (!await this.source.reconfigure(backendConfig(config))) return false;
    this.#config = config;
    // The aggregation has handed over: the next batch is one for the new outputs.
    if (!sameOutputs) await this.#outputs?.replace(config.outputs);
    this.#config = {
      ...config,
      tcpinfo: await this.#tcpinfo.replace(tcpinfo, config.tcpinfo),
      flow: await this.#flow.replace(flow, config.flow),
      lag: await this.#lag.replace(lag, config.lag),
    };
    if (!sameSources) {
      await this.#scraping?.[Symbol.asyncDispose]();
      this.#scraping = this.#scrape();
    }
    reporter.info("configuration reloaded");
    return true;
  }

  async #tellClosed(): Promise<void> {
    await this.#takeover?.closed();
    if (this.#takeover?.isTakenOver) this.#leaving = this.#leaveHttp();
  }

  /** New connections go to the successor; those that wait to be accepted are, and requests under way may end. */
  async #leaveHttp(): Promise<void> {
    await this.#deps.clock.sleep(ACCEPT_MS);
    try {
      await this.#http?.[Symbol.asyncDispose]();
    } catch {
      // The stop disposes it again, and hears of the same.
    }
  }

  /** Before whatever takes a predecessor's sockets over, and stopped before it tells that ours are closed. */
  async #startFlow(flow: AgentConfig["flow"]): Promise<FlowSource | undefined> {
    if (flow === undefined || !hasFlow(flow)) return undefined;
    const { clock, reporter, threads } = this.#deps;
    const takeover = this.#takeover;
    const dictionaryUrl = dictionaryOrigin(this.#config.http);
    return await startFlow(flow, {
      clock,
      reporter,
      threads,
      clientId: `limier-${VERSION}`,
      // The aggregation starts later, and ends later.
      meter: lateMeter(() => this.#source?.meter),
      ...(takeover === undefined || this.#source !== undefined ? {} : { handover: takeover.groups }),
      ...(takeover?.hasPredecessor ? { predecessorLeft: () => takeover.predecessorLeft() } : {}),
      ...(dictionaryUrl === undefined ? {} : { dictionaryUrl }),
    });
  }

  /** A predecessor holds the archive's lock until it has ended. */
  async #startTcpinfo(tcpinfo: AgentConfig["tcpinfo"]): Promise<TcpinfoSource | undefined> {
    if (!tcpinfo.enabled) return undefined;
    if (tcpinfo.archive.directory !== "" || tcpinfo.eventsocket !== "") await this.#takeover?.predecessorLeft();
    const { clock, reporter, threads } = this.#deps;
    return await startTcpinfo(tcpinfo, { clock, reporter, threads, meter: this.source.meter });
  }

  /** A predecessor holds the file of the windows until it has ended. */
  async #startLag(lag: AgentConfig["lag"]): Promise<LagSource | undefined> {
    if (lag === undefined) return undefined;
    if (lag.judge.storage.config.path !== "") await this.#takeover?.predecessorLeft();
    const { clock, reporter, logLevel } = this.#deps;
    return await startLag(lag, {
      clock,
      reporter,
      meter: this.source.meter,
      answersAll: lag.page.asBurrow,
      ...(logLevel === undefined ? {} : { logLevel }),
    });
  }

  /** A predecessor holds the spool's lock until it has ended. */
  async #openOutputsInTurn(): Promise<AgentOutputs> {
    if (this.#config.outputs.some(({ spool }) => spool)) await this.#takeover?.predecessorLeft();
    return this.#outputs = await this.#openOutputs();
  }

  #openOutputs(): Promise<AgentOutputs> {
    const { clock, reporter } = this.#deps;
    const { outputs, spool } = this.#config;
    return AgentOutputs.open(outputs, spool, {
      clock,
      reporter,
      fetch: this.#deps.fetch ?? fetch,
      drainMs: DRAIN_MS,
      observe: (what) => this.#veneur?.observed(what),
      onEnd: (output, kind, outcome) => this.#veneur?.delivered(output, kind, outcome),
    });
  }

  #forwarding(): Pick<StatsdDeps, "forward"> {
    const { statsd } = this.#config;
    const { forwardAddress, intervalMs } = statsd;
    if (forwardAddress === "") return {};
    const timeoutMs = intervalMs * FORWARD_SHARE;
    const deps = {
      clock: this.#deps.clock,
      reporter: this.#deps.reporter,
      observe: (what: Observation) => this.#veneur?.observed(what),
    };
    return {
      forward: statsd.forwardUseGrpc
        ? newGrpcForwardClient(grpcForwardTarget(statsd), timeoutMs, deps)
        : newForwardClient(forwardAddress, timeoutMs, { ...deps, fetch: this.#deps.fetch ?? fetch }),
    };
  }

  async #openOwnMetrics(): Promise<void> {
    const { statsAddress, ownScopes, ownTags, forwardAddress } = this.#config.statsd;
    if (statsAddress === "") return;
    const { clock } = this.#deps;
    this.#sender = await openStatsSender(statsAddress);
    const self = newSelfMetrics({ send: this.#sender.send, clock, tags: ownTags, scopes: ownScopes });
    this.#sender.before = self;
    this.#veneur = new VeneurMetrics(self, { isLocal: forwardAddress !== "", startMs: clock.now() });
  }

  #refusedLog(): (refused: RefusedLine) => void {
    const sampler = newLogSampler(this.#deps.reporter, this.#deps.clock).sampled("refused line", 10);
    return ({ packetType, reason, message, line }) => {
      sampler.debug(message, { packet_type: packetType, reason, packet: line });
    };
  }

  #scrape(): Running {
    const { clock, reporter } = this.#deps;
    return startScraping(this.#config.statsd.sources, {
      clock,
      reporter,
      fetch: this.#deps.fetch ?? fetch,
      emit: (lines) => this.source.emit(lines),
    });
  }

  /** No flush started for too long: the process is stuck, and a supervisor should see it end. */
  async #watch(): Promise<void> {
    const { clock } = this.#deps;
    const startMs = clock.now();
    while (!this.#stop.signal.aborted) {
      const { intervalMs, flushWatchdogMissedFlushes: missed } = this.#config.statsd;
      await clock.sleep(intervalMs, this.#stop.signal);
      const silentMs = clock.now() - Math.max(startMs, this.source.lastFlushMs);
      if (missed > 0 && silentMs > (missed + 1) * intervalMs) {
        this.#failed.reject(new Error(`Cannot go on: no flush started for ${Math.round(silentMs)} ms`));
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= (async () => {
      this.#stop.abort();
      this.#takeover?.stopListening();
      if (this.#deps.handsOverHttp) await this.#http?.[Symbol.asyncDispose]();
      const drained = this.#outputs?.beginDrain();
      await this.#watching;
      await this.#scraping?.[Symbol.asyncDispose]();
      await this.#lag[Symbol.asyncDispose]();
      await this.#tcpinfo[Symbol.asyncDispose](); // what it measures at the end goes with the last flush
      // A successor waits for all sockets to be closed, but not for what came by them to be stored.
      await this.#flow.running?.stopReceiving();
      await this.#source?.[Symbol.asyncDispose]();
      await this.#flow[Symbol.asyncDispose](); // where the start got no further
      await this.#outputs?.[Symbol.asyncDispose]();
      await drained?.();
      await this.#sender?.[Symbol.asyncDispose]();
      await this.#leaving;
      // Otherwise last, so that health and metrics can be asked for while the rest is delivered.
      for (const listener of this.#listeners) await listener[Symbol.asyncDispose]();
      await this.#http?.[Symbol.asyncDispose]();
      this.#takeover?.[Symbol.dispose](); // a successor may have every lock and port now
      this.#failed.resolve();
    })();
  }
}
