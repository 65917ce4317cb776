/** The agent's outputs, and the spool they share. */
import type { Clock } from "../clock/mod.ts";
import type { Batch, BatchKind } from "../metric/mod.ts";
import {
  type Observation,
  openSpool,
  type Outcome,
  type Output,
  type OutputConfig,
  type Spool,
  type SpoolConfig,
  startOutput,
} from "../output/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";

/** What the outputs are given. */
export interface OutputsDeps {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly fetch: typeof fetch;
  /** How long disposing may take, in milliseconds. */
  readonly drainMs: number;
  /** Told of each request's work. */
  readonly observe: (what: Observation) => void;
  /** Told how each batch ended. */
  readonly onEnd: (output: OutputConfig, kind: BatchKind, outcome: Outcome) => void;
}

/** Every output of an agent. Disposing lets batches end, leaves the rest in the spool, and closes that. */
export class AgentOutputs implements AsyncDisposable {
  readonly #deps: OutputsDeps;
  readonly #spool: Spool | undefined;
  /** Aborts when the stop has taken its time. */
  readonly #drained = new AbortController();
  #configs: readonly OutputConfig[] = [];
  #outputs: readonly Output[] = [];

  private constructor(deps: OutputsDeps, spool: Spool | undefined) {
    this.#deps = deps;
    this.#spool = spool;
  }

  /**
   * Opens the spool, if an output asks for one, and starts the outputs.
   *
   * @throws {LockHeld} when another process has the spool, and what `openSpool` throws besides
   */
  static async open(configs: readonly OutputConfig[], spool: SpoolConfig, deps: OutputsDeps): Promise<AgentOutputs> {
    const opened = configs.some((config) => config.spool) ? await openConfigured(spool, deps) : undefined;
    const outputs = new AgentOutputs(deps, opened);
    outputs.#start(configs, Promise.resolve());
    return outputs;
  }

  /** Hands a batch to the output at that place of the configuration; resolves when it is stored, or has ended. */
  async deliver(index: number, batch: Batch, intervalMs: number): Promise<void> {
    const output = this.#outputs[index], config = this.#configs[index];
    if (output === undefined || config === undefined) return; // gone with a reload
    if (config.spool) return void await output.offer(batch);
    // A batch has one interval from its flush on; a late one still gets a whole attempt.
    const leftMs = batch.timestamp * 1000 + intervalMs - this.#deps.clock.now();
    const late = new AbortController(), done = new AbortController();
    this.#deps.clock.sleep(Math.max(leftMs, config.timeoutMs), done.signal).then(() => late.abort("deadline"));
    try {
      await output.offer(batch, AbortSignal.any([late.signal, this.#drained.signal]));
    } finally {
      done.abort();
    }
  }

  /** Takes over other outputs. What those before have stored is delivered by the new ones of the same name. */
  async replace(configs: readonly OutputConfig[]): Promise<void> {
    const before = this.#outputs;
    const letGo = Promise.withResolvers<void>();
    this.#start(configs, letGo.promise);
    try {
      await Promise.all(before.map((output) => output[Symbol.asyncDispose]()));
    } finally {
      letGo.resolve();
    }
  }

  /** What outputs show rather than send: the text of a page. */
  page(): string {
    return this.#outputs.map((output) => output.page()).filter((page) => page !== undefined).join("");
  }

  /** From now on there is `drainMs` left for everything. @returns what ends that */
  beginDrain(): () => Promise<void> {
    const inTime = new AbortController();
    const late = this.#deps.clock.sleep(this.#deps.drainMs, inTime.signal).then(() => this.#drained.abort("deadline"));
    return async () => {
      inTime.abort();
      await late;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#outputs.map((output) => output[Symbol.asyncDispose]()));
    await this.#spool?.[Symbol.asyncDispose]();
  }

  #start(configs: readonly OutputConfig[], after: Promise<void>): void {
    const { clock, reporter, fetch, drainMs, observe, onEnd } = this.#deps;
    this.#configs = configs;
    this.#outputs = configs.map((config) =>
      startOutput(config, {
        clock,
        reporter,
        fetch,
        drainMs,
        observe,
        after,
        onEnd: (kind, outcome) => onEnd(config, kind, outcome),
        ...(this.#spool === undefined ? {} : { spool: this.#spool }),
      })
    );
    this.#tellForgotten();
  }

  /** What is stored for an output that is configured no more stays stored; somebody should know. */
  #tellForgotten(): void {
    for (const { name, pendingEvents } of this.#spool?.outputs() ?? []) {
      if (pendingEvents === 0 || this.#configs.some((config) => config.name === name && config.spool)) continue;
      this.#deps.reporter.warn(
        `The spool holds ${pendingEvents} events for output ${name}, which is not configured with spool: true; ` +
          "they are kept until it is",
        { output: name, events: pendingEvents },
      );
    }
  }
}

function openConfigured(config: SpoolConfig, { clock, reporter }: OutputsDeps): Promise<Spool> {
  const { maxAgeMs, minFreeBytes, ...plain } = config;
  return openSpool({
    ...plain,
    ...(maxAgeMs === null ? {} : { maxAgeMs }),
    ...(minFreeBytes === null ? {} : { minFreeBytes }),
  }, { clock, reporter });
}
