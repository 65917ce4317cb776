/** Where a trace goes on in another process: its ids in HTTP headers. */

/** What identifies a span: enough to be another one's parent. 64-bit numbers, never 0. */
export interface SpanContext {
  readonly traceId: bigint;
  readonly id: bigint;
}

/**
 * How ids are written: `ot-tracer`, the headers `ot-tracer-traceid` and `ot-tracer-spanid` in hexadecimal, which Veneur
 * from 1.2 on and Envoy understand; `decimal`, the headers `Traceid` and `Spanid` of Veneur 1.1.
 */
export type HeaderForm = "ot-tracer" | "decimal";

/** The pairs of headers that are understood; the first that is whole counts. */
const PAIRS: readonly { readonly trace: string; readonly span: string; readonly radix: 10 | 16 }[] = [
  { trace: "ot-tracer-traceid", span: "ot-tracer-spanid", radix: 16 },
  { trace: "trace-id", span: "span-id", radix: 10 },
  { trace: "x-trace-id", span: "x-span-id", radix: 10 },
  { trace: "traceid", span: "spanid", radix: 10 },
];

/**
 * Puts the ids of a span into the headers of a request, for whoever answers it to go on from there.
 *
 * @example
 * ```ts
 * import { injectContext } from "@limier/limier/trace";
 *
 * const headers = new Headers();
 * injectContext({ traceId: 255n, id: 16n }, headers);
 * console.log(headers.get("ot-tracer-traceid"), headers.get("ot-tracer-spanid")); // "ff 10"
 * ```
 */
export function injectContext({ traceId, id }: SpanContext, headers: Headers, form: HeaderForm = "ot-tracer"): void {
  if (form === "decimal") {
    headers.set("Traceid", String(traceId));
    headers.set("Spanid", String(id));
    return;
  }
  headers.set("ot-tracer-traceid", BigInt.asUintN(64, traceId).toString(16));
  headers.set("ot-tracer-spanid", BigInt.asUintN(64, id).toString(16));
  headers.set("ot-tracer-sampled", "true");
}

/** The span a request comes from; `undefined` where no pair of headers names one. */
export function extractContext(headers: Headers): SpanContext | undefined {
  for (const { trace, span, radix } of PAIRS) {
    const traceId = parseId(headers.get(trace), radix);
    const id = parseId(headers.get(span), radix);
    if (traceId !== undefined && id !== undefined) return { traceId, id };
  }
  return undefined;
}

/** A number of 64 bits, signed or not, as the signed one that SSF has; `undefined` for 0 and for anything else. */
function parseId(text: string | null, radix: 10 | 16): bigint | undefined {
  if (text === null || !(radix === 16 ? /^-?[0-9a-fA-F]{1,16}$/ : /^-?[0-9]{1,20}$/).test(text)) return undefined;
  const digits = text.replace("-", "");
  const magnitude = BigInt(radix === 16 ? `0x${digits}` : digits);
  const value = text.startsWith("-") ? -magnitude : magnitude;
  if (value === 0n || value >= 2n ** 64n || value < -(2n ** 63n)) return undefined;
  return BigInt.asIntN(64, value);
}
