/** Spans into the heart: their samples and what is derived from them, and how many came from whom. */
import type { Heart } from "./heart.ts";
import { isTrace, spanMetrics } from "./span_metrics.ts";
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

/** Takes in spans for one heart. */
export class SpanIntake {
  readonly #heart: Heart;
  readonly #names: { readonly indicatorTimerName: string; readonly objectiveTimerName: string };
  #counts = new Map<string, { service: string; format: SsfFormat; spans: number; roots: number }>();

  constructor(heart: Heart, names: { readonly indicatorTimerName: string; readonly objectiveTimerName: string }) {
    this.#heart = heart;
    this.#names = names;
  }

  /** Takes in a span and its samples. */
  ingest({ span, invalidCount }: DecodedSpan, format: SsfFormat): void {
    const { stats } = this.#heart;
    stats[At.ssfInvalidMetrics]! += invalidCount;
    const traced = isTrace(span);
    if (!traced && span.metrics.length === 0) {
      stats[At.emptySpans]!++;
      return;
    }
    stats[At.spans]!++;
    const isRoot = traced && span.id === span.traceId;
    if (isRoot) stats[At.rootSpans]!++;
    this.#count(span.service, format, isRoot);
    for (const sample of spanMetrics(span, { ...this.#names, random: Math.random })) this.#heart.ingestSample(sample);
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
