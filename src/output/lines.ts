import type { BatchBuilder, Check, Event, Point, Span, SpanSample } from "../metric/mod.ts";
import type { Encoder } from "./contract.ts";
import { jsonString, jsonTags } from "./json_text.ts";
import { resolveIdentity, tagsWithoutSinks } from "./magic_tags.ts";

/** Integers beyond 2^53 as they are; V8 has it, TypeScript's library does not know it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** A point as the JSON object of a line: `{"kind":"point","name",…}`; host, device and interval only where it has them. */
export function pointLine(point: Point): string {
  const { tags, host, device } = resolveIdentity(point);
  let text = `{"kind":"point","name":${jsonString(point.name)},"type":"${point.type}","value":${point.value}` +
    `,"timestamp":${point.timestamp},"tags":${jsonTags(tags)}`;
  if (host !== "") text += `,"host":${jsonString(host)}`;
  if (device !== "") text += `,"device":${jsonString(device)}`;
  if (point.interval) text += `,"interval":${point.interval}`;
  return text + "}";
}

/** An event as the JSON object of a line: `{"kind":"event","title","text",…}`. */
export function eventLine(event: Event): string {
  return JSON.stringify({
    kind: "event",
    title: event.title,
    text: event.text,
    timestamp: event.timestamp,
    host: event.host,
    aggregation_key: event.aggregationKey,
    priority: event.priority,
    source_type: event.sourceType,
    alert_type: event.alertType,
    tags: tagsWithoutSinks(event.tags),
  });
}

/** A service check as the JSON object of a line: `{"kind":"check","name","status",…}`. */
export function checkLine(check: Check): string {
  return JSON.stringify({
    kind: "check",
    name: check.name,
    status: check.status,
    timestamp: check.timestamp,
    host: check.host,
    tags: tagsWithoutSinks(check.tags),
    message: check.message,
  });
}

/** A span as the JSON object of a line; ids are decimal strings, times exact integers. */
export function spanLine(span: Span): string {
  return JSON.stringify({
    kind: "span",
    trace_id: String(span.traceId),
    id: String(span.id),
    parent_id: String(span.parentId),
    service: span.service,
    name: span.name,
    start_ns: rawJSON(String(span.startNs)),
    end_ns: rawJSON(String(span.endNs)),
    error: span.error,
    indicator: span.indicator,
    tags: span.tags,
    metrics: span.metrics.map(sampleObject),
    legacy: span.legacy,
    resource: span.resource,
  });
}

function sampleObject(sample: SpanSample): object {
  return {
    kind: "metric",
    name: sample.name,
    type: sample.metric,
    values: [sample.metric === "set" ? sample.message : sample.metric === "status" ? sample.status : sample.value],
    rate: sample.sampleRate,
    tags: Object.entries(sample.tags).map(([key, value]) => `${key}:${value}`),
    scope: sample.scope,
    unit: sample.unit === "" ? undefined : sample.unit,
  };
}

/** Values as JSON objects, one an event, without line ends. */
export const lineEncoder: Encoder = {
  point: (point, out) => appended(pointLine(point), out),
  event: (event, out) => appended(eventLine(event), out),
  check: (check, out) => appended(checkLine(check), out),
  span: (span, out) => appended(spanLine(span), out),
};

function appended(line: string, out: BatchBuilder): true {
  out.appendText(line);
  return true;
}
