/** Turns the state of an interval into points. Pure: tables and a time in, points out. */
import type { Point } from "../metric/mod.ts";
import type { Aggregate } from "./config.ts";
import { MetricType, TYPE_NAMES } from "./metric_line.ts";
import type { SeriesTable } from "./series_table.ts";
import type { SeriesView } from "./series_view.ts";
import { Scope, tagEffects } from "./tags.ts";

/** What a flush needs to know of the configuration. */
export interface FlushConfig {
  readonly intervalMs: number;
  readonly percentiles: readonly number[];
  readonly aggregates: readonly Aggregate[];
  /** Appended to every point's tags. */
  readonly tags: readonly string[];
  /** "" puts no host on points. */
  readonly hostname: string;
  /** Percentiles, sets and what is global are left to another instance. */
  readonly isLocal: boolean;
  /** Global gauges are published here all the same: the other instance is of a release that has none. @default false */
  readonly keepsGauges?: boolean;
}

/** What a flush counted; a series counts under its type and, where that is not mixed, its scope: `local_set`. */
export interface FlushCounts {
  readonly seriesByStore: Record<string, number>;
  points: number;
  /** Series that a local instance leaves to a global one. */
  forwardable: number;
}

/** The name of the store a series stands in, as the agent's own metrics call it. */
export function storeName(type: MetricType, scope: Scope): string {
  const name = TYPE_NAMES[type];
  if (scope === Scope.mixed) return name;
  if (scope === Scope.local) return `local_${name}`;
  return type === MetricType.timer ? "global_timers" : `global_${name}`;
}

/** Appended to a histogram's name for percentile `p`: 0.5 gives `50percentile`, 0.999 gives `99_9percentile`. */
export function percentileSuffix(p: number): string {
  return `${String(Number((p * 100).toFixed(9))).replace(".", "_")}percentile`;
}

/** Merges what several tables share into the first of them that has it. */
export function mergeTables(tables: readonly SeriesTable[]): void {
  for (let i = 1; i < tables.length; i++) {
    for (let j = 0; j < i; j++) tables[j]!.absorbCommon(tables[i]!);
  }
}

/**
 * One flush of an interval's tables for one output: hands out points, a stretch of series at a time, so that a thread can
 * do other work between.
 */
export class FlushRun {
  readonly counts: FlushCounts = { seriesByStore: {}, points: 0, forwardable: 0 };
  readonly #tables: readonly SeriesTable[];
  readonly #config: FlushConfig;
  readonly #timestamp: number;
  readonly #intervalS: number;
  readonly #percentiles: readonly { p: number; suffix: string }[];
  // Most series of a flush share few tag lists; splitting one again for each would cost more than the rest.
  readonly #tagLists = new Map<string, ReturnType<typeof tagEffects>>();
  #emit: (point: Point) => void = () => {};
  #counting = false;
  #table = 0;
  #from = 0;

  /**
   * @param tables one for each thread, after `mergeTables()`
   * @param timestamp Unix seconds, whole
   */
  constructor(tables: readonly SeriesTable[], config: FlushConfig, timestamp: number) {
    this.#tables = tables;
    this.#config = config;
    this.#timestamp = timestamp;
    this.#intervalS = config.intervalMs / 1000;
    this.#percentiles = config.percentiles.map((p) => ({ p, suffix: `.${percentileSuffix(p)}` }));
  }

  /** Emits the points of the next `most` series or so; false when none are left. */
  next(emit: (point: Point) => void, most = Infinity): boolean {
    const table = this.#tables[this.#table];
    if (table === undefined) return false;
    this.#emit = emit;
    this.#from = table.forEach((series) => this.#series(series), this.#from, most);
    if (this.#from === 0) this.#table++;
    return this.#table < this.#tables.length;
  }

  /** How many points a run gives, and of which series; makes no texts. */
  static count(tables: readonly SeriesTable[], config: FlushConfig): FlushCounts {
    const run = new FlushRun(tables, config, 0);
    run.#counting = true;
    while (run.next(() => {}));
    return run.counts;
  }

  #series(series: SeriesView): void {
    const { type, scope } = series;
    const { isLocal, keepsGauges = false } = this.#config;
    const store = storeName(type, scope);
    this.counts.seriesByStore[store] = (this.counts.seriesByStore[store] ?? 0) + 1;
    const global = scope === Scope.global;
    const isKept = keepsGauges && type === MetricType.gauge;
    if (isLocal && !isKept && (global || (type === MetricType.set && scope === Scope.mixed))) {
      this.counts.forwardable++;
      return;
    }
    const base = this.#base(series);
    switch (type) {
      case MetricType.counter:
        this.#rate(base, base.name, series.value);
        break;
      case MetricType.gauge:
        this.#gauge(base, base.name, series.value);
        break;
      case MetricType.set:
        this.#gauge(base, base.name, series.estimate());
        break;
      default:
        if (global) this.#histogram(base, series, true, true);
        else {
          if (isLocal && scope === Scope.mixed) this.counts.forwardable++;
          this.#histogram(base, series, false, !isLocal || scope === Scope.local);
        }
    }
  }

  /** @param whole the digest speaks for all samples, also merged ones; else only what came here directly does */
  #histogram(base: Base, series: SeriesView, whole: boolean, withPercentiles: boolean): void {
    const { digests, cell } = series;
    const weight = whole ? digests.count(cell) : digests.localWeight(cell);
    if (weight > 0) {
      const sum = whole ? digests.sum(cell) : digests.localSum(cell);
      const reciprocals = whole ? digests.reciprocalSum(cell) : digests.localReciprocalSum(cell);
      for (const aggregate of this.#config.aggregates) {
        const name = `${base.name}.${aggregate}`;
        switch (aggregate) {
          case "max":
            this.#gauge(base, name, whole ? digests.max(cell) : digests.localMax(cell));
            break;
          case "min":
            this.#gauge(base, name, whole ? digests.min(cell) : digests.localMin(cell));
            break;
          case "sum":
            this.#gauge(base, name, sum);
            break;
          case "avg":
            this.#gauge(base, name, sum / weight);
            break;
          case "count":
            this.#rate(base, name, weight);
            break;
          case "median":
            this.#gauge(base, name, digests.quantile(cell, 0.5));
            break;
          case "hmean":
            this.#gauge(base, name, weight / reciprocals);
        }
      }
    } else if (this.#config.aggregates.includes("median")) {
      this.#gauge(base, `${base.name}.median`, digests.quantile(cell, 0.5));
    }
    if (!withPercentiles) return;
    for (const { p, suffix } of this.#percentiles) this.#gauge(base, base.name + suffix, digests.quantile(cell, p));
  }

  #rate(base: Base, name: string, total: number): void {
    const interval = Math.floor(this.#intervalS);
    this.#point({
      name,
      type: "rate",
      value: total / this.#intervalS,
      timestamp: base.timestamp,
      tags: base.tags,
      ...base.optional,
      ...(interval >= 1 ? { interval } : {}),
      total,
    });
  }

  #gauge(base: Base, name: string, value: number): void {
    this.#point({ name, type: "gauge", value, timestamp: base.timestamp, tags: base.tags, ...base.optional });
  }

  #point(point: Point): void {
    // A harmonic mean over -1 and 1, or a sum past the largest float64, has no number to publish.
    if (!Number.isFinite(point.value)) return;
    this.counts.points++;
    this.#emit(point);
  }

  #base(series: SeriesView): Base {
    if (this.#counting) return NAMELESS;
    const text = series.tagString();
    let effects = this.#tagLists.get(text);
    if (effects === undefined) {
      effects = tagEffects(text === "" ? [] : text.split(","));
      effects = { ...effects, tags: withTags(effects.tags, this.#config.tags) };
      if (this.#tagLists.size < 10_000) this.#tagLists.set(text, effects);
    }
    const { host = this.#config.hostname, device, sinks, tags } = effects;
    return {
      name: series.name(),
      tags,
      timestamp: series.timestamp() || this.#timestamp,
      optional: {
        ...(host ? { host } : {}),
        ...(device ? { device } : {}),
        ...(sinks === undefined ? {} : { sinks }),
      },
    };
  }
}

/** What all points of one series have in common. */
interface Base {
  readonly name: string;
  readonly tags: readonly string[];
  readonly timestamp: number;
  readonly optional: Pick<Point, "host" | "device" | "sinks">;
}

/** What stands for any series where only numbers matter. */
const NAMELESS: Base = { name: "", tags: [], timestamp: 0, optional: {} };

/** `tags`, then those of `more` that are not among them. */
export function withTags(tags: readonly string[], more: readonly string[]): readonly string[] {
  if (more.length === 0) return tags;
  return [...new Set([...tags, ...more])];
}
