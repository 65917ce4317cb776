/** Spans as messages of a topic: the protobuf `SSFSpan` they came as, or the JSON that Go makes of it. */
import { crc32 } from "node:zlib";
import type { ProtoWriter } from "../../bytes/mod.ts";
import type { Span, SpanSample } from "../../metric/mod.ts";

/** Integers beyond 2^53 as they are; V8 has it, TypeScript's library does not know it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** In the order of their numbers. */
const METRICS = ["counter", "gauge", "histogram", "set", "status"] as const;
const SCOPES = ["mixed", "local", "global"] as const;

/** Fields of `SSFSpan`. */
const SPAN = {
  version: 1,
  traceId: 2,
  id: 3,
  parentId: 4,
  startNs: 5,
  endNs: 6,
  error: 7,
  service: 8,
  metrics: 10,
  tags: 11,
  indicator: 12,
  name: 13,
  rootStartNs: 14,
} as const;

/** Fields of `SSFSample`. */
const SAMPLE = {
  metric: 1,
  name: 2,
  value: 3,
  timestampNs: 4,
  message: 5,
  status: 6,
  sampleRate: 7,
  tags: 8,
  unit: 9,
  scope: 10,
} as const;

/** Writes a span as a protobuf `SSFSpan`. */
export function writeSpan(span: Span, writer: ProtoWriter): void {
  if (span.version !== 0) writer.int32(SPAN.version, span.version);
  if (span.traceId !== 0n) writer.int64(SPAN.traceId, span.traceId);
  if (span.id !== 0n) writer.int64(SPAN.id, span.id);
  if (span.parentId !== 0n) writer.int64(SPAN.parentId, span.parentId);
  if (span.startNs !== 0n) writer.int64(SPAN.startNs, span.startNs);
  if (span.endNs !== 0n) writer.int64(SPAN.endNs, span.endNs);
  if (span.error) writer.bool(SPAN.error, true);
  if (span.service !== "") writer.text(SPAN.service, span.service);
  for (const sample of span.metrics) writer.message(SPAN.metrics, () => writeSample(sample, writer));
  writeTags(SPAN.tags, span.tags, writer);
  if (span.indicator) writer.bool(SPAN.indicator, true);
  if (span.name !== "") writer.text(SPAN.name, span.name);
  if (span.rootStartNs !== 0n) writer.int64(SPAN.rootStartNs, span.rootStartNs);
}

function writeSample(sample: SpanSample, writer: ProtoWriter): void {
  const metric = METRICS.indexOf(sample.metric);
  if (metric !== 0) writer.int32(SAMPLE.metric, metric);
  if (sample.name !== "") writer.text(SAMPLE.name, sample.name);
  if (sample.value !== 0) writer.float(SAMPLE.value, sample.value);
  if (sample.timestampNs !== 0n) writer.int64(SAMPLE.timestampNs, sample.timestampNs);
  if (sample.message !== "") writer.text(SAMPLE.message, sample.message);
  if (sample.status !== 0) writer.int32(SAMPLE.status, sample.status);
  writer.float(SAMPLE.sampleRate, sample.sampleRate);
  writeTags(SAMPLE.tags, sample.tags, writer);
  if (sample.unit !== "") writer.text(SAMPLE.unit, sample.unit);
  const scope = SCOPES.indexOf(sample.scope);
  if (scope !== 0) writer.int32(SAMPLE.scope, scope);
}

function writeTags(field: number, tags: Readonly<Record<string, string>>, writer: ProtoWriter): void {
  for (const [key, value] of Object.entries(tags)) {
    writer.message(field, () => {
      writer.text(1, key);
      writer.text(2, value);
    });
  }
}

/** A span as JSON, with the names of the protobuf's fields; what has its default is left out, and ids are exact numbers. */
export function spanJson(span: Span): string {
  return JSON.stringify({
    version: given(span.version),
    trace_id: exact(span.traceId),
    id: exact(span.id),
    parent_id: exact(span.parentId),
    start_timestamp: exact(span.startNs),
    end_timestamp: exact(span.endNs),
    error: given(span.error),
    service: given(span.service),
    metrics: span.metrics.length === 0 ? undefined : span.metrics.map(sampleObject),
    tags: tagsObject(span.tags),
    indicator: given(span.indicator),
    name: given(span.name),
    root_start_timestamp: exact(span.rootStartNs),
  });
}

function sampleObject(sample: SpanSample): object {
  return {
    metric: given(METRICS.indexOf(sample.metric)),
    name: given(sample.name),
    value: given(sample.value),
    timestamp: exact(sample.timestampNs),
    message: given(sample.message),
    status: given(sample.status),
    sample_rate: given(sample.sampleRate),
    tags: tagsObject(sample.tags),
    unit: given(sample.unit),
    scope: given(SCOPES.indexOf(sample.scope)),
  };
}

function given<T extends number | string | boolean>(value: T): T | undefined {
  return value || undefined;
}

function exact(value: bigint): unknown {
  return value === 0n ? undefined : rawJSON(String(value));
}

function tagsObject(tags: Readonly<Record<string, string>>): object | undefined {
  return Object.keys(tags).length === 0 ? undefined : tags;
}

/** Which spans are sent. */
export interface SpanSampling {
  /** From 0 to 100. */
  readonly percent: number;
  /** The tag whose value decides; "": the trace's id does, so that a trace is sent whole or not at all. */
  readonly tag: string;
}

/** Tells whether a span is sent: the same for equal ids, or tags, on every host. A span without the tag is not. */
export function newSpanSampler({ percent, tag }: SpanSampling): (span: Span) => boolean {
  const most = percent / 100 * 0xffffffff;
  if (tag === "") return (span) => percent >= 100 || crc32(String(span.traceId)) <= most;
  return (span) => Object.hasOwn(span.tags, tag) && crc32(span.tags[tag]!) <= most;
}
