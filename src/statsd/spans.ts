/** Spans into the heart: their samples, what is derived from them, how many came from whom, and the spans themselves. */
import type { Span } from "../metric/mod.ts";
import type { Heart } from "./heart.ts";
import { isTrace, spanMetrics } from "./span_metrics.ts";
import { SpanRing } from "./span_ring.ts";
import type { DecodedSpan } from "./ssf_wire.ts";
import { At } from "./stats.ts";

/** How a span arrived. */
export type SsfFormat = "packet" | "framed";

/** Spans of one service in one interval. */
export interface SpanCount {
  readonly service: string;
  readonly format: SsfFormat;
  readonly spans: number;
  /** Those among them that start a trace. */
  readonly roots: number;
}

/** Services told apart in one interval; the rest counts as "other". */
const MOST_SERVICES = 1_000;

/** What is made of spans. */
export interface SpanConfig {
  /** Name of the duration histogram of indicator spans; empty: none. */
  readonly indicatorTimerName: string;
  /** Name of the global duration histogram of indicator spans, by objective; empty: none. */
  readonly objectiveTimerName: string;
  /** Spans kept for one flush. */
  readonly bufferSize: number;
}

/** Takes in spans for one heart. */
export class SpanIntake {
  readonly #heart: Heart;
  readonly #config: SpanConfig;
  readonly #ring: SpanRing;
  readonly #random: () => number;
  /** Whether anybody wants the spans themselves. */
  keeps = false;
  #counts = new Map<string, { service: string; format: SsfFormat; spans: number; roots: number }>();

  /** @param random decides which spans' names are counted; from 0 (included) to 1 (excluded) */
  constructor(heart: Heart, config: SpanConfig, random: () => number = Math.random) {
    this.#random = random;
    this.#heart = heart;
    this.#config = config;
    this.#ring = new SpanRing(config.bufferSize);
  }

  /** Takes in a span and its samples. */
  ingest({ span, invalidCount }: DecodedSpan, format: SsfFormat): void {
    const { stats } = this.#heart;
    stats[At.ssfInvalidMetrics]! += invalidCount;
    const traced = isTrace(span);
    const isRoot = traced && span.id === span.traceId;
    this.#count(span.service, format, isRoot);
    if (!traced && span.metrics.length === 0) {
      stats[At.emptySpans]!++;
      return;
    }
    stats[At.spans]!++;
    if (isRoot) stats[At.rootSpans]!++;
    for (const sample of spanMetrics(span, { ...this.#config, random: this.#random })) this.#heart.ingestSample(sample);
    if (traced && this.keeps) stats[At.droppedSpans]! += this.#ring.push(span);
  }

  /** Gives the spans of this interval away, the oldest first. */
  swapSpans(): Span[] {
    return this.#ring.swap();
  }

  /** Gives the counts of this interval away and starts the next. */
  swap(): SpanCount[] {
    const counts = [...this.#counts.values()];
    this.#counts = new Map();
    return counts;
  }

  #count(sent: string, format: SsfFormat, isRoot: boolean): void {
    const service = this.#counts.size < MOST_SERVICES || this.#counts.has(`${format} ${sent}`) ? sent : "other";
    const key = `${format} ${service}`;
    let count = this.#counts.get(key);
    if (count === undefined) this.#counts.set(key, count = { service, format, spans: 0, roots: 0 });
    count.spans++;
    if (isRoot) count.roots++;
  }
}
