import assert from "node:assert/strict";
import { extractContext, type HeaderForm, injectContext, type SpanContext } from "./propagation.ts";

const written: [form: HeaderForm | undefined, context: SpanContext, headers: Record<string, string>][] = [
  [undefined, { traceId: 255n, id: 16n }, {
    "ot-tracer-sampled": "true",
    "ot-tracer-spanid": "10",
    "ot-tracer-traceid": "ff",
  }],
  ["ot-tracer", { traceId: 2n ** 63n - 1n, id: -1n }, {
    "ot-tracer-sampled": "true",
    "ot-tracer-spanid": "ffffffffffffffff",
    "ot-tracer-traceid": "7fffffffffffffff",
  }],
  ["decimal", { traceId: 884671344597019736n, id: -5n }, { spanid: "-5", traceid: "884671344597019736" }],
];
for (const [form, context, expected] of written) {
  Deno.test(`injectContext() writes ${context.traceId} as ${form ?? "the default"}, and extractContext() reads it`, () => {
    const headers = new Headers({ "ot-tracer-spanid": "old" });
    if (form === "decimal") headers.delete("ot-tracer-spanid");
    injectContext(context, headers, form);
    assert.deepEqual(Object.fromEntries(headers), expected);
    assert.deepEqual(extractContext(headers), context);
  });
}

const read: [headers: Record<string, string>, context: SpanContext | undefined][] = [
  [{}, undefined],
  [{ "Trace-Id": "7", "Span-Id": "9" }, { traceId: 7n, id: 9n }],
  [{ "X-Trace-Id": "7", "X-Span-Id": "9" }, { traceId: 7n, id: 9n }],
  [{ "Traceid": "7", "Spanid": "9", "Parentid": "1" }, { traceId: 7n, id: 9n }],
  [{ "ot-tracer-traceid": "A", "ot-tracer-spanid": "b", "Traceid": "7", "Spanid": "9" }, { traceId: 10n, id: 11n }],
  [{ "Trace-Id": "1", "Span-Id": "2", "X-Trace-Id": "7", "X-Span-Id": "9" }, { traceId: 1n, id: 2n }],
  // A pair that is not whole, or is none, leaves the word to the next.
  [{ "ot-tracer-traceid": "a", "Traceid": "7", "Spanid": "9" }, { traceId: 7n, id: 9n }],
  [{ "ot-tracer-traceid": "a", "ot-tracer-spanid": "x", "Traceid": "7", "Spanid": "9" }, { traceId: 7n, id: 9n }],
  [{ "Trace-Id": "0", "Span-Id": "9" }, undefined],
  [{ "Trace-Id": "7", "X-Span-Id": "9" }, undefined],
  [{ "Trace-Id": "7.5", "Span-Id": "9" }, undefined],
  [{ "Trace-Id": "", "Span-Id": "9" }, undefined],
  [{ "Trace-Id": "7, 8", "Span-Id": "9" }, undefined],
  // 64 bits and no more.
  [{ "Trace-Id": "18446744073709551615", "Span-Id": "9223372036854775808" }, { traceId: -1n, id: -(2n ** 63n) }],
  [{ "Trace-Id": "18446744073709551616", "Span-Id": "1" }, undefined],
  [{ "Trace-Id": "-9223372036854775809", "Span-Id": "1" }, undefined],
  [{ "ot-tracer-traceid": "0000000000000000a", "ot-tracer-spanid": "1" }, undefined],
];
for (const [headers, context] of read) {
  Deno.test(`extractContext() reads ${JSON.stringify(headers)}`, () => {
    assert.deepEqual(extractContext(new Headers(headers)), context);
  });
}
