/** A span while it lasts. */
import { type CheckStatus, type Span, type SpanSample, spanSample } from "../../metric/mod.ts";
import { float32Parts } from "../ssf_wire.ts";
import { type HeaderForm, injectContext, type SpanContext } from "./propagation.ts";

/** Tags by their keys. Values that are no texts are written as `String()` writes them. */
export type SpanTags = Readonly<Record<string, string | number | boolean>>;

/** How a span begins. */
export interface SpanOptions {
  readonly tags?: SpanTags;
  /** What was worked on, such as a route or a statement; the tag `resource`. */
  readonly resource?: string;
  /** It tells how well the service does: agents measure how long it takes. @default false */
  readonly indicator?: boolean;
  /** @default the tracer's */
  readonly service?: string;
}

/** What a span is made with. */
export interface TraceSpanDeps {
  /** A random number from 1 to 2^63 - 1. */
  readonly newId: () => bigint;
  /** Unix nanoseconds. */
  readonly nowNs: () => bigint;
  /** Milliseconds that never step back. */
  readonly monotonic: () => number;
  /** Takes a finished span; never throws. */
  readonly finished: (span: () => Span) => void;
  /** Told of a sample that can't be sent. */
  readonly droppedSample: () => void;
}

/** Where a span stands. */
export interface SpanPlace {
  readonly name: string;
  readonly service: string;
  readonly tags: SpanTags;
  readonly parent?: SpanContext;
}

/** Samples that one span carries; more are counted as dropped. */
const MOST_SAMPLES = 1_000;

/** From here on not every whole number is a 32-bit float, which is what a sample's value travels as. */
const INEXACT = 2 ** 24;

/** When a trace began in this process: its spans count from there, so that the system's clock can't disorder them. */
interface TraceStart {
  readonly ns: bigint;
  readonly monotonicMs: number;
}

/**
 * One piece of work. Finishing sends it; what is said of it later has no effect, and none of its methods ever throws.
 * `using` finishes it at the end of the block.
 */
export class TraceSpan implements SpanContext, Disposable {
  readonly traceId: bigint;
  readonly id: bigint;
  readonly #deps: TraceSpanDeps;
  readonly #place: SpanPlace;
  readonly #start: TraceStart;
  readonly #startNs: bigint;
  readonly #tags = new Map<string, unknown>();
  readonly #samples: SpanSample[] = [];
  readonly #indicator: boolean;
  #error = false;
  #finished = false;

  /** Made by a tracer. */
  constructor(place: SpanPlace, options: SpanOptions, deps: TraceSpanDeps, start?: TraceStart) {
    this.#deps = deps;
    this.#place = place;
    this.id = deps.newId();
    this.traceId = place.parent?.traceId ?? this.id;
    this.#start = start ?? { ns: deps.nowNs(), monotonicMs: deps.monotonic() };
    this.#startNs = start === undefined ? this.#start.ns : this.#elapsedNs();
    this.#indicator = options.indicator ?? false;
    for (const [key, value] of Object.entries({ ...place.tags, ...options.tags })) this.#tags.set(key, value);
    if (options.resource !== undefined) this.#tags.set("resource", options.resource);
  }

  /** Begins a piece of this piece of work. */
  startChild(name: string, options: SpanOptions = {}): TraceSpan {
    const { service, tags } = this.#place;
    return new TraceSpan(
      { name, service: options.service ?? service, tags, parent: this },
      options,
      this.#deps,
      this.#start,
    );
  }

  /** Sets a tag; of equal keys the last one stays. */
  setTag(key: string, value: string | number | boolean): this {
    if (!this.#finished) this.#tags.set(key, value);
    return this;
  }

  /** The work failed; of an error that is given, message, type and stack become tags. */
  fail(error?: unknown): this {
    if (this.#finished) return this;
    this.#error = true;
    if (error === undefined) return this;
    const isError = error instanceof Error;
    this.#tags.set("error.msg", isError ? error.message : error);
    this.#tags.set("error.type", isError ? error.name : typeof error);
    if (isError && error.stack !== undefined) this.#tags.set("error.stack", error.stack);
    return this;
  }

  /** Adds to a counter; whole numbers are exact up to 2^63. */
  count(name: string, value = 1, tags: SpanTags = {}): this {
    if (!Number.isInteger(value) || Math.abs(value) <= INEXACT || Math.abs(value) >= 2 ** 63) {
      return this.#add({ metric: "counter", name, value }, tags);
    }
    for (const part of float32Parts(BigInt(value))) this.#add({ metric: "counter", name, value: part }, tags);
    return this;
  }

  /** Sets a gauge; seven digits of the value arrive. */
  gauge(name: string, value: number, tags: SpanTags = {}): this {
    return this.#add({ metric: "gauge", name, value }, tags);
  }

  /** Adds a sample to a histogram; seven digits of the value arrive. */
  histogram(name: string, value: number, tags: SpanTags = {}): this {
    return this.#add({ metric: "histogram", name, value }, tags);
  }

  /** Adds a duration in milliseconds to a histogram. */
  timing(name: string, ms: number, tags: SpanTags = {}): this {
    return this.#add({ metric: "histogram", name, value: ms, unit: "ms" }, tags);
  }

  /** Adds a member to a set. */
  set(name: string, member: string, tags: SpanTags = {}): this {
    return this.#add({ metric: "set", name, value: 0, message: String(member) }, tags);
  }

  /** Reports the state of something. */
  check(name: string, status: CheckStatus, message = "", tags: SpanTags = {}): this {
    return this.#add({ metric: "status", name, value: 0, status, message }, tags);
  }

  /** Puts the span's ids into the headers of a request, for whoever answers it to go on from here. */
  inject(headers: Headers, form?: HeaderForm): void {
    injectContext(this, headers, form);
    if (form !== "decimal") return;
    const { parent } = this.#place;
    if (parent !== undefined) headers.set("Parentid", String(parent.id));
  }

  /** Ends the piece of work and sends it; the second time nothing happens. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    const endNs = this.#elapsedNs();
    this.#deps.finished(() => ({
      version: 0,
      traceId: this.traceId,
      id: this.id,
      parentId: this.#place.parent?.id ?? 0n,
      startNs: this.#startNs,
      endNs,
      error: this.#error,
      service: this.#place.service,
      name: String(this.#place.name),
      indicator: this.#indicator,
      tags: textTags(this.#tags),
      metrics: this.#samples,
      rootStartNs: this.#start.ns,
    }));
  }

  [Symbol.dispose](): void {
    this.finish();
  }

  #elapsedNs(): bigint {
    const elapsedMs = this.#deps.monotonic() - this.#start.monotonicMs;
    return this.#start.ns + BigInt(Math.round(elapsedMs * 1e6));
  }

  #add(sample: Pick<SpanSample, "metric" | "name" | "value"> & Partial<SpanSample>, tags: SpanTags): this {
    if (this.#finished) return this;
    if (!sample.name || !Number.isFinite(Math.fround(sample.value)) || this.#samples.length >= MOST_SAMPLES) {
      this.#deps.droppedSample();
      return this;
    }
    this.#samples.push(spanSample({
      ...sample,
      tags: tags as SpanSample["tags"], // made texts of when the span is encoded, where a fault in them is caught
    }));
    return this;
  }
}

function textTags(tags: ReadonlyMap<string, unknown>): Readonly<Record<string, string>> {
  return Object.fromEntries([...tags].map(([key, value]) => [key, String(value)]));
}
