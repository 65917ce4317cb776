/** The span that `limier emit -ssf` sends. */
import { type Span, type SpanSample, spanSample } from "../metric/mod.ts";
import { float32Parts, mergeTags } from "../statsd/mod.ts";
import { UsageError } from "./command.ts";
import type { EmitFlags } from "./emit_flags.ts";
import { durationFlag, integerFlag, isOn, numberFlag, tagsFlag, timeFlag } from "./emit_values.ts";

/** What the plan takes from its surroundings. */
export interface EmitSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Unix nanoseconds. */
  readonly nowNs: () => bigint;
  /** A span's id, not 0. */
  readonly newId: () => bigint;
}

/** What all metrics of one command line have in common. */
export interface Named {
  readonly name: string;
  readonly tags: readonly string[];
}

const TRACE_ID_VARIABLE = "VENEUR_EMIT_TRACE_ID";
const PARENT_ID_VARIABLE = "VENEUR_EMIT_PARENT_SPAN_ID";
const TRACE_FLAGS = [
  "trace_id",
  "parent_span_id",
  "span_service",
  "span_starttime",
  "span_endtime",
  "span_tags",
  "indicator",
  "error",
] as const;

/** @throws {UsageError} if a flag was given that only a span can carry */
export function refuseTracing({ given }: EmitFlags): void {
  const traced = TRACE_FLAGS.find((flag) => !["false", undefined].includes(given.get(flag)));
  if (traced !== undefined) throw new UsageError(`Cannot use -${traced} without -ssf: only a span carries it`);
}

/** Variables that tell a command of the span it runs in; none outside a trace. */
export function spanVariables({ traceId, id }: Span): Record<string, string> {
  return traceId === 0n ? {} : { [TRACE_ID_VARIABLE]: String(traceId), [PARENT_ID_VARIABLE]: String(id) };
}

/**
 * A real span if there is a trace's id, by flag or from the environment; else one that only carries its samples.
 *
 * @throws {UsageError}
 */
export function planSpan(flags: EmitFlags, { name, tags }: Named, surroundings: EmitSurroundings): Span {
  const { traceId, parentId } = traceIds(flags, surroundings);
  const times = spanTimes(flags);
  const samples = spanSamples(flags, { name, tags });
  const spanTags = mergeTags(tagsFlag(flags, "span_tags"), tags);
  if (traceId === 0n) return { ...NO_SPAN, metrics: samples };
  const now = surroundings.nowNs();
  return {
    ...NO_SPAN,
    traceId,
    id: surroundings.newId(),
    parentId,
    startNs: times?.startNs ?? now,
    endNs: times?.endNs ?? now,
    error: isOn(flags, "error"),
    service: flags.given.get("span_service") ?? "veneur-emit",
    name,
    indicator: isOn(flags, "indicator"),
    tags: tagRecord(spanTags),
    metrics: samples,
  };
}

const NO_SPAN: Span = {
  version: 0,
  traceId: 0n,
  id: 0n,
  parentId: 0n,
  startNs: 0n,
  endNs: 0n,
  error: false,
  service: "",
  name: "",
  indicator: false,
  tags: {},
  metrics: [],
  rootStartNs: 0n,
};

/** A trace named by flag stands for itself: the parent in the environment belongs to the one named there. */
function traceIds(flags: EmitFlags, { env }: EmitSurroundings): { traceId: bigint; parentId: bigint } {
  const traceId = integerFlag(flags, "trace_id") ?? 0n;
  const parentId = integerFlag(flags, "parent_span_id") ?? 0n;
  if (traceId !== 0n) return { traceId, parentId };
  return {
    traceId: idVariable(env, TRACE_ID_VARIABLE),
    parentId: parentId === 0n ? idVariable(env, PARENT_ID_VARIABLE) : parentId,
  };
}

function idVariable(env: EmitSurroundings["env"], name: string): bigint {
  const value = env[name] ?? "";
  if (value === "") return 0n;
  const id = /^-?\d+$/.test(value) ? BigInt(value) : undefined;
  if (id !== undefined && BigInt.asIntN(64, id) === id) return id;
  throw new UsageError(`Cannot use ${name}=${value} of the environment: it must be a decimal id, or unset`);
}

function spanTimes(flags: EmitFlags): { startNs: bigint; endNs: bigint } | undefined {
  const startNs = timeFlag(flags, "span_starttime");
  const endNs = timeFlag(flags, "span_endtime");
  if (startNs === undefined && endNs === undefined) return undefined;
  if (startNs === undefined || endNs === undefined) {
    const lacks = startNs === undefined ? "span_starttime" : "span_endtime";
    throw new UsageError(`Cannot use one end of a span alone: write -${lacks} too`);
  }
  if (isOn(flags, "command")) {
    throw new UsageError("Cannot use -span_starttime with -command: the span lasts as long as the command");
  }
  if (startNs === 0n) throw new UsageError("Cannot use -span_starttime 0: 0 stands for no time");
  if (endNs < startNs) throw new UsageError("Cannot use -span_endtime: it lies before -span_starttime");
  return { startNs, endNs };
}

function spanSamples(flags: EmitFlags, { name, tags }: Named): SpanSample[] {
  const count = integerFlag(flags, "count");
  const gauge = numberFlag(flags, "gauge");
  const timingMs = durationFlag(flags, "timing");
  const member = flags.given.get("set");
  if (gauge !== undefined && !Number.isFinite(Math.fround(gauge))) {
    throw new UsageError(`Cannot send -gauge ${gauge} with -ssf: a sample holds at most 3.4e38`);
  }
  const samples: SpanSample[] = [];
  if (count !== undefined) {
    samples.push(...float32Parts(count).map((value) => sample({ metric: "counter", name, tags, value })));
  }
  if (gauge !== undefined) samples.push(sample({ metric: "gauge", name, tags, value: gauge }));
  if (timingMs !== undefined) samples.push(timerSample(name, timingMs, tags));
  if (member !== undefined) samples.push(sample({ metric: "set", name, tags, message: member }));
  return samples;
}

/** A duration as a sample. */
export function timerSample(name: string, ms: number, tags: readonly string[]): SpanSample {
  return sample({ metric: "histogram", name, tags, value: ms, unit: "ms" });
}

function sample(
  { tags, ...fields }: Named & Pick<SpanSample, "metric"> & Partial<Pick<SpanSample, "value" | "message" | "unit">>,
): SpanSample {
  return spanSample({ ...fields, tags: tagRecord(tags) });
}

/** A tag without a colon has an empty value. */
function tagRecord(tags: readonly string[]): Record<string, string> {
  return Object.fromEntries(tags.map((tag) => {
    const colon = tag.indexOf(":");
    return colon < 0 ? [tag, ""] : [tag.slice(0, colon), tag.slice(colon + 1)];
  }));
}
