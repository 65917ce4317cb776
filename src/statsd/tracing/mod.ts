/**
 * Spans of an app, sent to an agent as SSF: what the app does, how long each part takes, across processes.
 *
 * @example A web server whose requests are traced, and one it asks in turn
 * ```ts
 * import { startTracer } from "@limier/limier/trace";
 *
 * await using tracer = startTracer({ address: "udp://127.0.0.1:8128", service: "shop", tags: { env: "prod" } });
 *
 * function answer(request: Request): Promise<Response> {
 *   return tracer.trace("checkout", async (span) => {
 *     span.count("checkouts", 1, { currency: "EUR" });
 *     using charge = span.startChild("charge", { resource: "POST /charge" });
 *     const headers = new Headers();
 *     charge.inject(headers); // the next service goes on from here
 *     await Promise.resolve(headers); // fetch("https://pay.example/charge", { headers })
 *     return new Response("paid");
 *   }, { parent: request.headers, indicator: true });
 * }
 *
 * await answer(new Request("http://shop.example/checkout", { headers: { "Trace-Id": "7", "Span-Id": "9" } }));
 * await tracer.flush();
 * console.log(tracer.counts.finished); // 2
 * ```
 *
 * @module
 */
export { extractContext, type HeaderForm, injectContext, type SpanContext } from "./propagation.ts";
export type { SpanCounts, SpanDrop } from "./span_queue.ts";
export { type SpanOptions, type SpanTags, TraceSpan } from "./trace_span.ts";
export { type RootSpanOptions, startTracer, type Tracer, type TracerOptions } from "./tracer.ts";
