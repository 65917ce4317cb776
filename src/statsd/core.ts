/** The aggregation of one process: its own heart, the other threads' intervals, and the batches of each flush. */
import { type Batch, BatchBuilder, type Check, type Event, type Point, type Span, splitSizes } from "../metric/mod.ts";
import { destinationOf, type Encoder, newPointFilter, type OutputConfig, type PointFilter } from "../output/mod.ts";
import { collectForwarded } from "./forward_collect.ts";
import { Forwarder, type ForwardForm, type ForwardReport, type SendForward } from "./forwarder.ts";
import { type FlushConfig, type FlushCounts, FlushRun, mergeTables, withTags } from "./flush.ts";
import { Heart, type HeartConfig, type Interval, type RefusedLine } from "./heart.ts";
import { type ImportRequestError, readImportBody } from "./import_body.ts";
import { SeriesTable } from "./series_table.ts";
import { type SpanConfig, type SpanCount, SpanIntake } from "./spans.ts";

/** What the core needs to know of the configuration; plain data. */
export interface CoreConfig {
  readonly heart: HeartConfig;
  readonly flush: FlushConfig;
  readonly outputs: readonly OutputConfig[];
  readonly spans: SpanConfig;
  /** How a local instance writes what it hands on. */
  readonly forwardForm: ForwardForm;
}

/** What the core is given. */
export interface CoreDeps {
  /** Counts the series of all threads. */
  readonly budget: Int32Array;
  /** This thread's counts. */
  readonly stats: Float64Array;
  /** Hands a batch to output number `output`; resolves when the next one may come. */
  readonly post: (output: number, batch: Batch) => Promise<void>;
  /** Sends one forward of a local instance to the global one. */
  readonly forward: SendForward;
  /** Lets other work of the thread run. */
  readonly pause: () => Promise<void>;
  readonly monotonic: () => number;
  /** Decides which spans' names are counted. @default Math.random */
  readonly random?: () => number;
  readonly onRefused?: (refused: RefusedLine) => void;
  /** Shown everything that a flush publishes, whatever the outputs are. */
  readonly onPublished?: (published: Published) => void;
}

/** One thing that a flush published. */
export type Published =
  | { readonly kind: "point"; readonly point: Point }
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "check"; readonly check: Check };

/** How a flush went. */
export interface FlushReport extends FlushCounts {
  readonly timestamp: number;
  readonly events: number;
  readonly checks: number;
  /** Milliseconds until the threads' tables were merged, and until all was encoded and handed over. */
  readonly combineMs: number;
  readonly encodeMs: number;
  /** Series in more than one thread's table count once. */
  readonly series: number;
  readonly spans: readonly SpanCount[];
  /** Of a local instance that had something to forward. */
  readonly forward?: ForwardReport;
}

interface Lane {
  readonly config: OutputConfig;
  readonly encoder: Encoder;
  readonly filter: PointFilter;
}

/** Series encoded before other work of the thread gets a turn: about 10 ms. */
const SERIES_A_TURN = 5_000;

/** Takes in what its thread receives, and at each flush turns all threads' intervals into batches. */
export class AggregationCore {
  readonly heart: Heart;
  readonly spans: SpanIntake;
  #config: CoreConfig;
  readonly #deps: CoreDeps;
  #lanes: readonly Lane[];
  readonly #forwarder: Forwarder;

  constructor(config: CoreConfig, deps: CoreDeps) {
    this.#config = config;
    this.#deps = deps;
    this.heart = new Heart(config.heart, deps.budget, deps.stats, deps.onRefused);
    this.spans = new SpanIntake(this.heart, config.spans, deps.random);
    this.#lanes = lanesOf(config.outputs);
    this.spans.keeps = this.#lanes.some(sendsSpans);
    this.#forwarder = new Forwarder(deps.forward, config.forwardForm);
  }

  /** Takes in the body of an import; what is wrong with it as a whole, if anything is. */
  import(body: Uint8Array, encoding: string): ImportRequestError | undefined {
    const read = readImportBody(body, encoding);
    if ("status" in read) return read;
    this.heart.importAll(read);
    return undefined;
  }

  /** Changes how the next flush publishes; what was sampled stays. */
  reconfigure(flush: FlushConfig, outputs: readonly OutputConfig[]): void {
    this.#config = { ...this.#config, flush, outputs };
    this.#lanes = lanesOf(outputs);
    this.spans.keeps = this.#lanes.some(sendsSpans);
  }

  /**
   * Flushes this thread's interval together with those of other threads.
   *
   * @param timestamp Unix seconds, whole: the time of every point without one of its own
   */
  async flush(others: readonly Interval[], timestamp: number): Promise<FlushReport> {
    const { monotonic } = this.#deps;
    const startMs = monotonic();
    // The readers' tables first: they hold the most series, and the first table is never looked up in the others.
    const intervals = [...others, this.heart.swap()];
    const spans = this.spans.swap();
    const keptSpans = this.spans.swapSpans();
    const tables = intervals.map((interval) => SeriesTable.adopt(interval.table, this.#config.heart));
    const events = intervals.flatMap((interval) => interval.events.map((event) => this.#event(event)));
    const checks = intervals.flatMap((interval) => interval.checks.map((check) => this.#check(check)));
    mergeTables(tables);
    const counts = FlushRun.count(tables, this.#config.flush);
    const combinedMs = monotonic();
    this.#show(tables, events, checks, timestamp);
    const forwarding = this.#config.flush.isLocal
      ? this.#forwarder.forward(collectForwarded(tables, this.#config.flush))
      : undefined;
    await Promise.all(this.#lanes.map(async (lane, output) => {
      await this.#flushPoints(lane, output, tables, counts.points, timestamp);
      await this.#flushRest(lane, output, "events", events, timestamp);
      await this.#flushRest(lane, output, "checks", checks, timestamp);
      await this.#flushSpans(lane, output, keptSpans, timestamp);
    }));
    const encodedMs = monotonic();
    const forward = await forwarding;
    for (const table of tables) table.free();
    return {
      ...counts,
      series: Object.values(counts.seriesByStore).reduce((sum, n) => sum + n, 0),
      timestamp,
      spans,
      ...(forward === undefined ? {} : { forward }),
      events: events.length,
      checks: checks.length,
      combineMs: combinedMs - startMs,
      encodeMs: encodedMs - combinedMs,
    };
  }

  #show(tables: readonly SeriesTable[], events: readonly Event[], checks: readonly Check[], timestamp: number): void {
    const { onPublished } = this.#deps;
    if (onPublished === undefined) return;
    const run = new FlushRun(tables, this.#config.flush, timestamp);
    while (run.next((point) => onPublished({ kind: "point", point })));
    for (const event of events) onPublished({ kind: "event", event });
    for (const check of checks) onPublished({ kind: "check", check });
  }

  async #flushPoints(
    lane: Lane,
    output: number,
    tables: readonly SeriesTable[],
    points: number,
    timestamp: number,
  ): Promise<void> {
    const { encoder, filter, config } = lane;
    if (encoder.point === undefined || !config.sends.includes("points") || points === 0) return;
    const size = splitSizes(points, config.bulkMaxSize)[0]!;
    const run = new FlushRun(tables, this.#config.flush, timestamp);
    let builder = new BatchBuilder("points", timestamp);
    const whole: Batch[] = [];
    for (let more = true; more;) {
      more = run.next((point) => {
        const kept = filter(point);
        if (kept === null || !encoder.point!(kept, builder)) return;
        builder.endEvent();
        if (builder.count < size) return;
        whole.push(builder.build());
        builder = new BatchBuilder("points", timestamp);
      }, SERIES_A_TURN);
      for (const batch of whole.splice(0)) await this.#deps.post(output, batch);
      if (more) await this.#deps.pause();
    }
    if (builder.count > 0) await this.#deps.post(output, builder.build());
  }

  async #flushRest(
    { encoder, config }: Lane,
    output: number,
    kind: "events" | "checks",
    values: readonly (Event | Check)[],
    timestamp: number,
  ): Promise<void> {
    if (values.length === 0 || !config.sends.includes(kind)) return;
    const builder = new BatchBuilder(kind, timestamp);
    for (const value of values) {
      const written = "title" in value ? encoder.event?.(value, builder) : encoder.check?.(value, builder);
      if (written) builder.endEvent();
    }
    if (builder.count > 0) await this.#deps.post(output, builder.build());
  }

  async #flushSpans(lane: Lane, output: number, spans: readonly Span[], timestamp: number): Promise<void> {
    if (!sendsSpans(lane)) return;
    const { encoder, config } = lane;
    let from = 0;
    for (const size of splitSizes(spans.length, config.bulkMaxSize)) {
      const builder = new BatchBuilder("spans", timestamp);
      for (const span of spans.slice(from, from += size)) {
        if (encoder.span!(span, builder)) builder.endEvent();
      }
      if (builder.count > 0) await this.#deps.post(output, builder.build());
      await this.#deps.pause();
    }
  }

  #event(event: Event): Event {
    return { ...event, ...this.#published(event) };
  }

  #check(check: Check): Check {
    return { ...check, ...this.#published(check) };
  }

  /** What publishing adds to an event or check: the configured tags, and the host where none was sent. */
  #published({ tags, host = this.#config.flush.hostname }: Event | Check): { tags: readonly string[]; host?: string } {
    const all = withTags(withTags(tags, this.#config.heart.extendTags), this.#config.flush.tags);
    return { tags: all, ...(host === "" ? {} : { host }) };
  }
}

function sendsSpans({ config, encoder }: Lane): boolean {
  return config.sends.includes("spans") && encoder.span !== undefined;
}

function lanesOf(outputs: readonly OutputConfig[]): Lane[] {
  return outputs.map((output) => ({
    config: output,
    encoder: destinationOf(output.kind).newEncoder(output.own),
    filter: newPointFilter({ ...output.filter, outputName: output.name, outputKind: output.kind }),
  }));
}
