/** What an app makes spans with. */
import { type Clock, realClock } from "../../clock/mod.ts";
import type { Span } from "../../metric/mod.ts";
import { type ListenAddress, parseListenAddress } from "../address.ts";
import { encodeSpan } from "../ssf_wire.ts";
import { extractContext, type SpanContext } from "./propagation.ts";
import { type SpanCounts, SpanQueue } from "./span_queue.ts";
import { mostBytes, transportTo } from "./span_transport.ts";
import { type SpanOptions, type SpanTags, TraceSpan } from "./trace_span.ts";

/** What a tracer is made with. */
export interface TracerOptions {
  /** Where an agent listens for SSF: `udp://127.0.0.1:8128`, `unix:///run/limier/ssf.sock`, `tcp://host:port`. */
  readonly address: string;
  /** The service that every span is of, unless it says otherwise. */
  readonly service: string;
  /** On every span; a span's own tags win. */
  readonly tags?: SpanTags;
  /** Finished spans that may wait to be sent; what is more is dropped and counted. @default 1024 */
  readonly queueSize?: number;
  /** Bytes of the largest span over UDP: the agent's `trace_max_length_bytes`. @default 16384 */
  readonly maxDatagramBytes?: number;
  /** How long disposing may take to send what waits, in milliseconds. @default 1000 */
  readonly closeTimeoutMs?: number;
  /** @default the system's clock */
  readonly clock?: Clock;
}

/** How a span that has no span of this tracer above it begins. */
export interface RootSpanOptions extends SpanOptions {
  /** The span of another process that it is a part of, or the headers of a request that name it. */
  readonly parent?: SpanContext | Headers | undefined;
}

/** Makes spans and sends them. Nothing an app does with it after it was started throws. */
export interface Tracer extends AsyncDisposable {
  /** Begins a span, and a trace with it unless it has a parent. */
  startSpan(name: string, options?: RootSpanOptions): TraceSpan;
  /** Runs `work` in a span, which fails when `work` does, and returns or throws what `work` does. */
  trace<T>(name: string, work: (span: TraceSpan) => T, options?: RootSpanOptions): T;
  /** Resolves when all finished spans have left, or after `timeoutMs`; whether all have. @default 5000 */
  flush(timeoutMs?: number): Promise<boolean>;
  /** What became of the spans so far. */
  readonly counts: SpanCounts;
}

/**
 * Starts a tracer. Nothing is opened before the first span is finished. Disposing sends what waits, within
 * `closeTimeoutMs`; spans finished later are dropped and counted.
 *
 * @throws {RangeError} when the address or a bound can't be used
 */
export function startTracer(options: TracerOptions): Tracer {
  const { service, tags = {}, clock = realClock, queueSize = 1024, maxDatagramBytes = 16_384 } = options;
  if (!(queueSize >= 1)) throw new RangeError(`Cannot trace with a queueSize of ${queueSize}: write 1 or more`);
  const address = addressOf(options.address);
  const queue = new SpanQueue({
    open: transportTo(address),
    clock,
    mostSpans: queueSize,
    mostBytes: mostBytes(address, maxDatagramBytes),
  });
  const deps = {
    newId,
    nowNs: () => BigInt(Math.round(clock.now() * 1e3)) * 1000n,
    monotonic: () => clock.monotonic(),
    finished: (span: () => Span) => queue.offer(() => encodeSpan(plain(span()))),
    droppedSample: () => queue.dropSample(),
  };

  function startSpan(name: string, own: RootSpanOptions = {}): TraceSpan {
    const parent = own.parent instanceof Headers ? extractContext(own.parent) : own.parent;
    const place = { name, service: own.service ?? service, tags, ...(parent === undefined ? {} : { parent }) };
    return new TraceSpan(place, own, deps);
  }

  let closing: Promise<void> | undefined;
  return {
    startSpan,
    trace: (name, work, own) => traced(startSpan(name, own), work),
    flush: (timeoutMs = 5_000) => queue.flush(timeoutMs),
    get counts() {
      return queue.counts;
    },
    [Symbol.asyncDispose]: () => closing ??= queue.close(options.closeTimeoutMs ?? 1_000),
  };
}

/** Finishes the span when the work is done: when it has returned, thrown, or what it returned has settled. */
function traced<T>(span: TraceSpan, work: (span: TraceSpan) => T): T {
  let result: T;
  try {
    result = work(span);
  } catch (error) {
    span.fail(error).finish();
    throw error;
  }
  if (!(result instanceof Promise)) {
    span.finish();
    return result;
  }
  return result.then((value) => {
    span.finish();
    return value;
  }, (error) => {
    span.fail(error).finish();
    throw error;
  }) as T;
}

function addressOf(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (address === undefined || address.transport === "unixgram") {
    throw new RangeError(`Cannot trace to ${text}: write udp://host:port, tcp://host:port or unix:///path`);
  }
  return address;
}

/** A span whose samples' tags are texts. @throws what the `toString` of a tag throws */
function plain(span: Span): Span {
  const metrics = span.metrics.map((sample) => ({
    ...sample,
    name: String(sample.name),
    tags: Object.fromEntries(Object.entries(sample.tags).map(([key, value]) => [key, String(value)])),
  }));
  return { ...span, metrics, service: String(span.service) };
}

/** From 1 to 2^63 - 1: positive where ids are signed. */
function newId(): bigint {
  for (;;) {
    const id = BigInt.asUintN(63, crypto.getRandomValues(new BigUint64Array(1))[0]!);
    if (id !== 0n) return id;
  }
}
