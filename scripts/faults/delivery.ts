/** An output under test: started as the agent starts it, watched from outside. */
import { type Clock, realClock } from "../../src/clock/mod.ts";
import { Section } from "../../src/config/mod.ts";
import {
  type AsyncClient,
  type ClientDeps,
  type Destination,
  type ModeConfig,
  openSpool,
  type Outcome,
  type Output,
  type OutputConfig,
  readOutputs,
  type Spool,
  type SpoolFiles,
  type SpoolOptions,
  startOutput,
} from "../../src/output/mod.ts";
import { type Recorded, recordingReporter } from "../../src/telemetry/mod.ts";
import type { Numbered } from "./events.ts";
import type { TrialMode } from "./modes.ts";
import type { Expected, Oracle } from "./oracle.ts";
import { conservationFindings, type EventBooks, eventBooks, sumOf } from "./page.ts";
import { startPump } from "./pump.ts";
import type { Random } from "./random.ts";
import { inTime, until, whileItComes } from "./wait.ts";
import { WAITS } from "./waits.ts";

/** What a delivery makes use of, of the trial that it is part of. */
export interface DeliveryTrial {
  readonly mode: TrialMode;
  readonly random: Random;
  readonly oracle: Oracle;
  directory(): Promise<string>;
  require(holds: boolean, what: string): void;
  find(findings: readonly string[]): void;
}

/** How an output is started. */
export interface DeliveryOptions {
  /** The name in metrics and in the spool. @default "out" */
  readonly name?: string;
  /** Changes to the output's settings, and what a mode may be told besides. */
  readonly config?: Partial<OutputConfig & ModeConfig>;
  /** `null`: no spool. */
  readonly spool?: Partial<SpoolOptions> | null;
  readonly files?: SpoolFiles;
  /** A spool that is open already; it stays open. */
  readonly openSpool?: Spool;
  readonly clock?: Clock;
  readonly fetch?: ClientDeps["fetch"];
  /** @default HTTP: `influxdb` one request at a time, `datadog` several */
  readonly destination?: Destination<unknown>;
  /** The asynchronous balancer itself, over clients that report progress. */
  readonly reporting?: (host: string) => AsyncClient;
  readonly drainMs?: number;
}

/** Ends of publishes, in events. */
interface Sums {
  delivered: number;
  rejected: number;
  failed: number;
  stored: number;
}

/** Starts an output in the trial's mode. */
export async function startDelivery(
  trial: DeliveryTrial,
  hosts: readonly string[],
  options: DeliveryOptions,
): Promise<Delivery> {
  const clock = options.clock ?? realClock;
  const reporter = recordingReporter();
  let spool = options.openSpool;
  if (spool === undefined && options.spool !== null) {
    const directory = options.spool?.directory ?? await trial.directory();
    const files = options.files === undefined ? {} : { files: options.files };
    spool = await openSpool({ minFreeBytes: 0, ...options.spool, directory }, { clock, reporter, ...files });
  }
  return new Delivery(trial, hosts, { ...options, clock }, spool, reporter);
}

/** The settings as the configuration file gives them, and changes to them. */
function readConfig(
  { mode }: DeliveryTrial,
  hosts: readonly string[],
  options: DeliveryOptions,
): OutputConfig & Partial<ModeConfig> {
  const { destination, name = "out" } = options;
  const kind = destination?.kind ?? (mode.width > 1 ? "datadog" : "influxdb");
  const own = kind === "datadog" ? { key: "k" } : kind === "influxdb" ? { database: "d" } : {};
  const section = Section.of({
    name,
    kind,
    mode: mode.mode,
    hosts: [...hosts],
    timeout: "30s",
    bulk_max_size: 500,
    ...own,
  });
  const [config] = readOutputs([section], {
    defaultStdout: false,
    ...(destination === undefined ? {} : { destinations: [destination] }),
  });
  return { ...config!, ...WAITS, spool: options.spool !== null, ...options.config };
}

/** A running output, with whatever its publishes and its books say. */
export class Delivery implements AsyncDisposable {
  readonly output: Output;
  readonly spool: Spool | undefined;
  readonly config: OutputConfig & Partial<ModeConfig>;
  readonly sums: Sums = { delivered: 0, rejected: 0, failed: 0, stored: 0 };
  /** Ids of batches that ended as failed. */
  readonly failedIds: number[] = [];
  readonly #oracle: Oracle;
  readonly #reporter: ReturnType<typeof recordingReporter>;
  readonly #offers: Promise<unknown>[] = [];
  readonly #ownsSpool: boolean;
  /** Requests stored before it began. */
  readonly #before: number;
  #published = 0;
  #ended = 0;
  #closed: Promise<void> | undefined;

  constructor(
    trial: DeliveryTrial,
    hosts: readonly string[],
    options: DeliveryOptions & { readonly clock: Clock },
    spool: Spool | undefined,
    reporter: ReturnType<typeof recordingReporter>,
  ) {
    this.#oracle = trial.oracle;
    this.#before = trial.oracle.requests.length;
    this.#reporter = reporter;
    this.spool = spool;
    this.#ownsSpool = options.openSpool === undefined;
    this.config = readConfig(trial, hosts, options);
    const { clock, destination, drainMs = 5_000 } = options;
    const deps = {
      clock,
      reporter,
      fetch: options.fetch ?? fetch,
      random: trial.random.next,
      drainMs,
      onEnd: (_: unknown, outcome: Outcome) => void (this.#ended += outcome.stored === undefined ? 1 : 0),
      ...(spool === undefined ? {} : { spool }),
    };
    this.output = options.reporting !== undefined
      ? startPump(this.config, deps, trial.mode.width, options.reporting)
      : startOutput(this.config, { ...deps, ...(destination === undefined ? {} : { destination }) });
  }

  /** The metrics page. */
  get page(): string {
    return this.#reporter.metrics.text();
  }

  get log(): readonly Recorded[] {
    return this.#reporter.lines;
  }

  get books(): EventBooks {
    return eventBooks(this.page, this.output.name);
  }

  /** A metric of this output, summed up. */
  metric(name: string, ...labels: readonly string[]): number {
    return sumOf(this.page, name, ...labels);
  }

  /** Attempts that ended so. */
  attempts(outcome: string): number {
    return this.metric("limier_attempts_total", `class="${outcome}"`);
  }

  /** Hands a batch in. */
  offer({ batch, ids }: Numbered): Promise<Outcome> {
    const number = this.#published++;
    this.#oracle.publish(number);
    this.#oracle.accept(ids);
    const offered = this.output.offer(batch).then((outcome) => {
      this.#oracle.signal(
        number,
        outcome.stored !== undefined ? "stored" : outcome.failed > 0 ? "failed" : "completed",
      );
      this.sums.delivered += outcome.delivered;
      this.sums.rejected += outcome.rejected;
      this.sums.failed += outcome.failed;
      this.sums.stored += outcome.stored ?? 0;
      if (outcome.failed > 0) this.failedIds.push(...ids);
      return outcome;
    });
    this.#offers.push(offered);
    return offered;
  }

  /** Hands batches in, all at once; with a spool, resolves when they are stored. */
  async offerAll(batches: readonly Numbered[]): Promise<void> {
    const offered = batches.map((batch) => this.offer(batch));
    if (this.spool !== undefined) await inTime(Promise.all(offered), "the batches to be stored");
  }

  /** Resolves when everything that was handed in has ended. */
  async delivered(): Promise<void> {
    const come = () => this.#oracle.requests.length;
    await whileItComes(Promise.all(this.#offers), "publishes to end", come);
    if (this.spool !== undefined) {
      await until(() => this.books.pending === 0, "everything is delivered", undefined, come);
    }
  }

  /** Closes it; what is not delivered stays in the spool. */
  close(): Promise<void> {
    return this.#closed ??= (async () => {
      await this.output[Symbol.asyncDispose]();
      if (this.#ownsSpool) await this.spool?.[Symbol.asyncDispose]();
      await Promise.all(this.#offers);
    })();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Waits for the end, closes, and looks whether everything fits together.
   *
   * @param expected `gone`: as many events have to be counted as rejected or dropped
   */
  async finish(trial: DeliveryTrial, expected: Expected = {}): Promise<void> {
    await this.delivered();
    const unanswered = this.#oracle.requests.slice(this.#before).filter((one) => one.answeredMs === undefined);
    const unheard = this.attempts("ambiguous") - unanswered.length;
    await this.close();
    trial.find(this.#oracle.findings({ ...expected, unheardAnswers: Math.max(0, unheard) }));
    trial.find(this.signalFindings());
    const { books } = this;
    trial.find(conservationFindings(books));
    const gone = expected.gone?.size ?? 0;
    trial.require(books.pending === 0, `${books.pending} events are pending at the end`);
    trial.require(
      books.rejected + books.dropped === gone,
      `${books.rejected} events are counted as rejected and ${books.dropped} as dropped, and ${gone} are`,
    );
  }

  /** What is wrong with the mode's own signals: each batch that it took has ended, and was signalled, once. */
  signalFindings(): string[] {
    const signals = this.metric("limier_signals_total");
    const batches = this.metric("limier_batches_total");
    const flying = this.metric("limier_in_flight_batches");
    if (signals === batches && batches === this.#ended && flying === 0) return [];
    return [
      `${batches} batches ended, ${signals} signals were given, ${this.#ended} heard of, ${flying} are under way`,
    ];
  }
}
