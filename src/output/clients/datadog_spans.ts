/** Spans as Datadog's trace agent takes them. */
import { type Batch, eventBytes, type Span } from "../../metric/mod.ts";
import { jsonString } from "../json_text.ts";

/** Which request spans are sent with: `/v0.3/traces`, or the `/spans` of 2017. */
export const TRACE_FORMATS = ["traces", "spans"] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** What every encoded span begins with; the trace id follows. */
const SPAN_HEAD = '{"trace_id":';

/**
 * A span as a JSON object, integers exact. Its trace id comes first, so that spans can be grouped by it without parsing.
 * Ids are unsigned there and signed in SSF: one below zero is written as the unsigned number of the same 64 bits.
 */
export function datadogSpan(span: Span, format: TraceFormat): string {
  const { resource: tagged, ...meta } = span.tags;
  const resource = span.resource || tagged || (format === "traces" ? "unknown" : "");
  let text = `${SPAN_HEAD}${BigInt.asUintN(64, span.traceId)},"span_id":${BigInt.asUintN(64, span.id)}`;
  if (span.parentId > 0n) text += `,"parent_id":${span.parentId}`;
  text += `,"service":${jsonString(span.service)},"name":${jsonString(span.name || "unknown")}`;
  if (resource !== "") text += `,"resource":${jsonString(resource)}`;
  text += `,"start":${span.startNs},"duration":${span.endNs - span.startNs}`;
  text += `,"type":"${format === "traces" ? "web" : "http"}","error":${errorOf(span, format)}`;
  return `${text},"meta":${JSON.stringify(meta)},"metrics":null}`;
}

/** 2 for an error; the request of 2017 has the number of the status. */
function errorOf({ error, legacyStatus }: Span, format: TraceFormat): number {
  const flag = error ? 2 : 0;
  return format === "spans" ? legacyStatus ?? flag : flag;
}

/** The body of `/v0.3/traces`: `[[span,…],…]`, the spans of one trace together. */
export function tracesBody(part: Batch): Uint8Array<ArrayBuffer> {
  const text = new TextDecoder();
  const traces = new Map<string, string[]>();
  for (let i = 0; i < part.ends.length; i++) {
    const span = text.decode(eventBytes(part, i));
    const id = span.slice(SPAN_HEAD.length, span.indexOf(",", SPAN_HEAD.length));
    const trace = traces.get(id);
    if (trace === undefined) traces.set(id, [span]);
    else trace.push(span);
  }
  return new TextEncoder().encode(`[${[...traces.values()].map((trace) => `[${trace.join(",")}]`).join(",")}]`);
}
