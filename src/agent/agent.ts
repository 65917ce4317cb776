/** The agent: every part wired to the next, downstream first, and stopped in reverse. */
import type { Clock, Running } from "../clock/mod.ts";
import type { HttpServer } from "../http/mod.ts";
import type { Batch, Point } from "../metric/mod.ts";
import { type Output, type OutputConfig, startOutput } from "../output/mod.ts";
import {
  type BackendConfig,
  coreConfig,
  newForwardClient,
  type RefusedLine,
  startStatsd,
  type StatsdDeps,
  type StatsdSource,
} from "../statsd/mod.ts";
import { newLogSampler, newSelfMetrics, type Reporter } from "../telemetry/mod.ts";
import { type AgentConfig, hostnameOf } from "./config.ts";
import { exposeStats, VeneurMetrics } from "./own_metrics.ts";
import { openStatsSender, type StatsSender } from "./stats_sender.ts";

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
  /** The HTTP server's socket is shared with a successor, which answers from the stop's beginning on. */
  readonly handsOverHttp?: boolean;
  /** Every refused line is logged, a few a second. */
  readonly logsRefused?: boolean;
}

/** A running agent, as the program and the library see it. */
export interface RunningAgent extends Running {
  readonly source: StatsdSource;
  /** Where it listens: `udp://127.0.0.1:8125`, `http://127.0.0.1:8127`. */
  readonly addresses: readonly string[];
  /** Texts of outputs that are shown rather than sent, by the page's name. */
  readonly pages: Readonly<Record<string, () => string>>;
  /** False while it stops. */
  readonly healthy: boolean;
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

/** Starts an agent. @throws {SystemError} and others when an address can't be bound; nothing is left running then */
export async function startRunningAgent(config: AgentConfig, deps: AgentDeps): Promise<RunningAgent> {
  const agent = new WiredAgent(config, deps);
  try {
    await agent.start();
    return agent;
  } catch (error) {
    await agent[Symbol.asyncDispose]();
    throw error;
  }
}

function backendConfig(config: AgentConfig): BackendConfig {
  return { statsd: config.statsd, core: coreConfig(config.statsd, hostnameOf(config), config.outputs) };
}

class WiredAgent implements RunningAgent {
  #config: AgentConfig;
  readonly #deps: AgentDeps;
  #outputs: Output[] = [];
  #outputConfigs: readonly OutputConfig[] = [];
  #source: StatsdSource | undefined;
  #http: HttpServer | undefined;
  #sender: StatsSender | undefined;
  #veneur: VeneurMetrics | undefined;
  readonly #stop = new AbortController();
  /** Aborts when the stop has taken its time. */
  readonly #drained = new AbortController();
  #watching: Promise<void> | undefined;
  /** Points of a flush that was asked for. */
  #collecting: Point[] | undefined;
  readonly #failed = Promise.withResolvers<void>();
  readonly done = this.#failed.promise;
  #stopping: Promise<void> | undefined;

  constructor(config: AgentConfig, deps: AgentDeps) {
    this.#config = config;
    this.#deps = deps;
    this.done.catch(() => {}); // whoever waits for `done` hears of it; nobody has to
  }

  async start(): Promise<void> {
    const { clock, reporter, threads, logsRefused } = this.#deps;
    const config = this.#config;
    this.#startOutputs(config.outputs);
    await this.#openOwnMetrics();
    this.#source = await startStatsd(backendConfig(config), {
      clock,
      reporter,
      threads,
      deliver: (output, batch) => this.#deliver(output, batch),
      ...this.#forwarding(),
      onFlush: (report) => this.#veneur?.flushed(report, this.source.stats(), clock.now()),
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
    for (const address of this.addresses) reporter.info("listening", { address });
  }

  get source(): StatsdSource {
    if (this.#source === undefined) throw new TypeError("Cannot use the agent: it is not started yet");
    return this.#source;
  }

  get addresses(): readonly string[] {
    const http = this.#http === undefined ? [] : [`http://${this.#http.address}`];
    return [...this.source.addresses, ...http];
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

  get pages(): Readonly<Record<string, () => string>> {
    // Looked up when asked for, as a reload may bring other outputs.
    const text = () => this.#outputs.map((output) => output.page()).filter((page) => page !== undefined).join("");
    return this.#config.outputs.some(({ kind }) => kind === "prometheus_exposition") ? { statsd: text } : {};
  }

  async flushNow(): Promise<readonly Point[]> {
    const points: Point[] = [];
    this.#collecting = points;
    await this.source.flushNow();
    this.#collecting = undefined;
    return points;
  }

  async reconfigure(config: AgentConfig): Promise<boolean> {
    const rigid = ({ http, statsd: { statsAddress, ownScopes, ownTags } }: AgentConfig) =>
      JSON.stringify([http, statsAddress, ownScopes, ownTags]);
    if (rigid(config) !== rigid(this.#config)) return false;
    const { reporter } = this.#deps;
    const before = this.#outputs;
    const sameOutputs = JSON.stringify(config.outputs) === JSON.stringify(this.#config.outputs);
    if (!await this.source.reconfigure(backendConfig(config))) return false;
    this.#config = config;
    if (!sameOutputs) {
      // The aggregation has handed over: the next batch is one for the new outputs.
      this.#startOutputs(config.outputs);
      await Promise.all(before.map((output) => output[Symbol.asyncDispose]()));
    }
    reporter.info("configuration reloaded");
    return true;
  }

  #startOutputs(configs: readonly OutputConfig[]): void {
    const { clock, reporter } = this.#deps;
    this.#outputConfigs = configs;
    this.#outputs = configs.map((output) =>
      startOutput(output, {
        clock,
        reporter,
        fetch: this.#deps.fetch ?? fetch,
        drainMs: DRAIN_MS,
        observe: (what) => this.#veneur?.observed(what),
      })
    );
  }

  async #deliver(index: number, batch: Batch): Promise<void> {
    const output = this.#outputs[index], config = this.#outputConfigs[index];
    if (output === undefined || config === undefined) return; // gone with a reload
    // A batch has one interval from its flush on; a late one still gets a whole attempt.
    const leftMs = batch.timestamp * 1000 + this.#config.statsd.intervalMs - this.#deps.clock.now();
    const { signal, cancel } = this.#deadline(Math.max(leftMs, config.timeoutMs));
    try {
      const outcome = await output.offer(batch, AbortSignal.any([signal, this.#drained.signal]));
      this.#veneur?.delivered(config, batch.kind, outcome);
    } finally {
      cancel();
    }
  }

  #deadline(ms: number): { signal: AbortSignal; cancel: () => void } {
    const late = new AbortController(), done = new AbortController();
    this.#deps.clock.sleep(ms, done.signal).then(() => late.abort());
    return { signal: late.signal, cancel: () => done.abort() };
  }

  #forwarding(): Pick<StatsdDeps, "forward"> {
    const { forwardAddress, intervalMs } = this.#config.statsd;
    if (forwardAddress === "") return {};
    const { clock, reporter } = this.#deps;
    return {
      forward: newForwardClient(forwardAddress, intervalMs * FORWARD_SHARE, {
        clock,
        reporter,
        fetch: this.#deps.fetch ?? fetch,
        observe: (what) => this.#veneur?.observed(what),
      }),
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
      const { clock, handsOverHttp } = this.#deps;
      if (handsOverHttp) await this.#http?.[Symbol.asyncDispose]();
      const inTime = new AbortController();
      const late = clock.sleep(DRAIN_MS, inTime.signal).then(() => this.#drained.abort());
      await this.#watching;
      await this.#source?.[Symbol.asyncDispose]();
      await Promise.all(this.#outputs.map((output) => output[Symbol.asyncDispose]()));
      inTime.abort();
      await late;
      await this.#sender?.[Symbol.asyncDispose]();
      // Otherwise last, so that health and metrics can be asked for while the rest is delivered.
      await this.#http?.[Symbol.asyncDispose]();
      this.#failed.resolve();
    })();
  }
}
