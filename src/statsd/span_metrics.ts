import type { CheckStatus, Span, SpanSample } from "../metric/mod.ts";
import { compareUtf8 } from "./tags.ts";

/** A metric or a check made from a span. */
export interface ExtractedSample {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "set" | "check";
  /** 0 for a set and a check. */
  readonly value: number;
  /** Of a set. */
  readonly member?: string;
  /** In (0, 1]. */
  readonly rate: number;
  /** Sorted by UTF-8 bytes, none twice, without the tags that set the scope. */
  readonly tags: readonly string[];
  readonly scope: "mixed" | "local" | "global";
  /** Of a check. */
  readonly status?: CheckStatus;
  /** Of a check; absent when empty. */
  readonly message?: string;
  /** Unix nanoseconds; absent when none was sent. */
  readonly timestampNs?: bigint;
}

/** What is made of spans themselves. */
export interface SpanMetricsOptions {
  /** Name of the duration histogram of indicator spans; empty: none. */
  readonly indicatorTimerName: string;
  /** Name of the global duration histogram of indicator spans, by objective; empty: none. */
  readonly objectiveTimerName: string;
  /** From 0 (included) to 1 (excluded), like `Math.random`; asked once for each valid span with a service. */
  readonly random: () => number;
}

/** Share of the spans whose names are counted. */
const NAMES_SAMPLED = 0.01;

/** Whether a span can be traced: ids and times are there, and it has a name. One that can't may still carry samples. */
export function isTrace(span: Span): boolean {
  return span.id !== 0n && span.traceId !== 0n && span.startNs !== 0n && span.endNs !== 0n && span.name !== "";
}

/**
 * The metrics in a span and about it: its samples in their order, then for an indicator span its duration in
 * nanoseconds, then for one span in a hundred its name in the set `veneur.ssf.names_unique`.
 * Samples do not inherit the span's tags.
 */
export function spanMetrics(span: Span, options: SpanMetricsOptions): ExtractedSample[] {
  const samples = span.metrics.map(extractSample);
  if (!isTrace(span)) return samples;
  if (span.indicator) samples.push(...durations(span, options));
  if (span.service !== "" && options.random() < NAMES_SAMPLED) samples.push(uniqueName(span));
  return samples;
}

/** One embedded sample as a metric; a status becomes a check. A tag that names a scope wins over the scope field. */
export function extractSample(sample: SpanSample): ExtractedSample {
  let scope = sample.scope;
  const tags: string[] = [];
  let local = false, global = false;
  for (const [key, value] of Object.entries(sample.tags)) {
    if (key === "veneurlocalonly") local = true;
    else if (key === "veneurglobalonly") global = true;
    else tags.push(`${key}:${value}`);
  }
  if (global) scope = "global";
  else if (local) scope = "local";
  const common = {
    name: sample.name,
    rate: sample.sampleRate,
    tags: sortedUnique(tags),
    scope,
    ...(sample.timestampNs !== 0n && { timestampNs: sample.timestampNs }),
  };
  switch (sample.metric) {
    case "set":
      return { ...common, type: "set", value: 0, member: sample.message };
    case "status":
      return {
        ...common,
        type: "check",
        value: 0,
        status: sample.status,
        ...(sample.message !== "" && { message: sample.message }),
      };
    default:
      return { ...common, type: sample.metric, value: sample.value };
  }
}

function durations(span: Span, { indicatorTimerName, objectiveTimerName }: SpanMetricsOptions): ExtractedSample[] {
  const value = Number(span.endNs - span.startNs); // exact up to 2^53 ns, 104 days
  const tags = [`service:${span.service}`, `error:${span.error}`];
  const timer = { type: "histogram", value, rate: 1 } as const;
  const made: ExtractedSample[] = [];
  if (indicatorTimerName !== "") {
    made.push({ ...timer, name: indicatorTimerName, tags: sortedUnique([...tags]), scope: "mixed" });
  }
  if (objectiveTimerName !== "") {
    const objective = `objective:${tagOf(span, "ssf_objective") || span.name}`;
    made.push({ ...timer, name: objectiveTimerName, tags: sortedUnique([...tags, objective]), scope: "global" });
  }
  return made;
}

function uniqueName(span: Span): ExtractedSample {
  return {
    name: "veneur.ssf.names_unique",
    type: "set",
    value: 0,
    member: span.name,
    rate: NAMES_SAMPLED, // sets ignore it; it says what was done
    tags: sortedUnique([
      `indicator:${span.indicator}`,
      `service:${span.service}`,
      `root_span:${span.id === span.traceId}`,
    ]),
    scope: "mixed",
  };
}

function tagOf(span: Span, key: string): string {
  return Object.hasOwn(span.tags, key) ? span.tags[key]! : "";
}

function sortedUnique(tags: string[]): string[] {
  return tags.sort(compareUtf8).filter((tag, i) => i === 0 || tag !== tags[i - 1]);
}
