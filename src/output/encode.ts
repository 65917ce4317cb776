import {
  type Batch,
  BatchBuilder,
  type Check,
  type Event,
  type Point,
  sliceBatch,
  type Span,
  splitSizes,
} from "../metric/mod.ts";
import type { Encoder, OutputConfig } from "./contract.ts";
import { newPointFilter, type PointFilter } from "./filter.ts";

/** Turns what one flush has for one output into batches; made once an output and used for flush after flush. */
export class OutputEncoder {
  /** What became of the points so far. */
  readonly filter: PointFilter;
  readonly #encoder: Encoder;
  readonly #bulkMaxSize: number;
  #rejected = 0;

  /** @param encoder the encoder of the output's kind, made from the output's own settings */
  constructor(config: Pick<OutputConfig, "name" | "kind" | "filter" | "bulkMaxSize">, encoder: Encoder) {
    this.filter = newPointFilter({ ...config.filter, outputName: config.name, outputKind: config.kind });
    this.#encoder = encoder;
    this.#bulkMaxSize = config.bulkMaxSize;
  }

  /** Values the destination has no form for, since the start. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Batches of at most `bulkMaxSize` points, as few and as even as possible. `timestamp` is the flush's, Unix seconds. */
  points(points: Iterable<Point>, timestamp: number): Batch[] {
    const encode = this.#encoder.point?.bind(this.#encoder);
    const out = new BatchBuilder("points", timestamp);
    for (const point of points) {
      const wanted = this.filter(point);
      if (wanted !== null) this.#append(wanted, encode, out);
    }
    return this.#cut(out);
  }

  /** As `points`, without a filter. */
  events(events: Iterable<Event>, timestamp: number): Batch[] {
    return this.#all(events, this.#encoder.event?.bind(this.#encoder), new BatchBuilder("events", timestamp));
  }

  /** As `points`, without a filter. */
  checks(checks: Iterable<Check>, timestamp: number): Batch[] {
    return this.#all(checks, this.#encoder.check?.bind(this.#encoder), new BatchBuilder("checks", timestamp));
  }

  /** As `points`, without a filter. */
  spans(spans: Iterable<Span>, timestamp: number): Batch[] {
    return this.#all(spans, this.#encoder.span?.bind(this.#encoder), new BatchBuilder("spans", timestamp));
  }

  #all<T>(values: Iterable<T>, encode: Encode<T> | undefined, out: BatchBuilder): Batch[] {
    for (const value of values) this.#append(value, encode, out);
    return this.#cut(out);
  }

  #append<T>(value: T, encode: Encode<T> | undefined, out: BatchBuilder): void {
    if (encode?.(value, out)) return out.endEvent();
    out.dropEvent();
    this.#rejected++;
  }

  #cut(out: BatchBuilder): Batch[] {
    const whole = out.build();
    const sizes = splitSizes(whole.ends.length, this.#bulkMaxSize);
    if (sizes.length < 2) return sizes.length === 0 ? [] : [whole];
    let from = 0;
    return sizes.map((size) => sliceBatch(whole, from, from += size));
  }
}

type Encode<T> = (value: T, out: BatchBuilder) => boolean;
