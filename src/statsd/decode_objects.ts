import type { Span } from "../metric/mod.ts";
import type { ParsedCheck } from "./check_wire.ts";
import type { ParsedEvent } from "./event_wire.ts";
import type { CommonFields } from "./packet_sections.ts";
import { type ExtractedSample, extractSample } from "./span_metrics.ts";
import { tagEffects } from "./tags.ts";
import type { WireError } from "./wire_error.ts";

/** What a line of JSON can say; a `bigint` is an integer of any size. */
export type JsonValue = string | number | bigint | boolean | null | readonly JsonValue[] | JsonObject;
/** Keys stand in the order in which they were set. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const NS_PER_S = 1_000_000_000n;

/** An event as `limier decode` shows it. */
export function eventObject(event: ParsedEvent): JsonObject {
  return {
    kind: "event",
    title: event.title,
    text: event.text,
    ...(event.timestampSent && { timestamp: event.timestamp }),
    ...(event.host !== undefined && { host: event.host }),
    ...(event.aggregationKey !== undefined && { aggregation_key: event.aggregationKey }),
    priority: event.priority,
    ...(event.sourceType !== undefined && { source_type: event.sourceType }),
    alert_type: event.alertType,
    tags: event.tags,
    ...originKeys(event),
  };
}

/** A service check as `limier decode` shows it. */
export function checkObject(check: ParsedCheck): JsonObject {
  return {
    kind: "check",
    name: check.name,
    status: check.status,
    ...(check.timestampSent && { timestamp: check.timestamp }),
    ...(check.host !== undefined && { host: check.host }),
    tags: check.tags,
    ...(check.message !== undefined && { message: check.message }),
    ...originKeys(check),
  };
}

/** A span as `limier decode` shows it: ids are decimal text, times are exact integers. */
export function spanObject(span: Span): JsonObject {
  return {
    kind: "span",
    trace_id: String(span.traceId),
    id: String(span.id),
    parent_id: String(span.parentId),
    service: span.service,
    name: span.name,
    start_ns: span.startNs,
    end_ns: span.endNs,
    error: span.error,
    indicator: span.indicator,
    tags: span.tags,
    metrics: span.metrics.map((sample) => sampleObject(extractSample(sample), sample.unit)),
    ...(span.version !== 0 && { version: span.version }),
    ...(span.rootStartNs !== 0n && { root_start_ns: span.rootStartNs }),
    ...(span.legacy && { legacy: true, resource: span.resource ?? "" }),
  };
}

/** A refusal as `limier decode` shows it; `where` adds what the caller knows, such as `record`, `at` or `line`. */
export function errorObject(error: WireError, where: JsonObject = {}): JsonObject {
  return { kind: "error", code: error.reason, message: error.message, ...where };
}

/** One line of JSON without its line end. Integers given as `bigint` are written exactly, whatever their size. */
export function jsonLine(value: JsonValue): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(jsonLine).join(",")}]`;
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${jsonLine(member)}`);
  return `{${members.join(",")}}`;
}

/** `Array.isArray` does not narrow readonly arrays. */
function isArray(value: readonly JsonValue[] | JsonObject): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** A sample's metric, or of a status its check. */
function sampleObject(sample: ExtractedSample, unit: string): JsonObject {
  const times = sample.timestampNs === undefined
    ? {}
    : { timestamp: sample.timestampNs / NS_PER_S, timestamp_ns: sample.timestampNs };
  if (sample.type === "check") {
    return {
      kind: "check",
      name: sample.name,
      status: sample.status ?? 0,
      ...times,
      ...effectKeys(sample),
      tags: sample.tags,
      ...(sample.message !== undefined && { message: sample.message }),
    };
  }
  return {
    kind: "metric",
    name: sample.name,
    type: sample.type,
    values: [sample.type === "set" ? sample.member ?? "" : sample.value],
    rate: sample.rate,
    tags: sample.tags,
    scope: sample.scope,
    ...effectKeys(sample),
    ...times,
    ...(unit !== "" && { unit }),
  };
}

/** What the tags will do; they are shown among the tags all the same. */
function effectKeys(sample: ExtractedSample): JsonObject {
  const { host, device, sinks } = tagEffects(sample.tags);
  return {
    ...(host !== undefined && { host }),
    ...(device !== undefined && { device }),
    ...(sinks !== undefined && { sinks }),
  };
}

function originKeys({ container, externalData, cardinality }: CommonFields): JsonObject {
  return {
    ...(container !== undefined && { container }),
    ...(externalData !== undefined && { external_data: externalData }),
    ...(cardinality !== undefined && { cardinality }),
  };
}
