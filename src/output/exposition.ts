import type { Point } from "../metric/mod.ts";
import { resolveIdentity } from "./magic_tags.ts";

/** One point as Prometheus is to see it. */
export interface ExposedPoint {
  /** Valid as a metric name. */
  readonly name: string;
  /** A counter's values add up; a gauge's last one counts. */
  readonly kind: "counter" | "gauge";
  /** `{a="1",b="2"}` with names in order, or "". */
  readonly labels: string;
  readonly value: number;
}

/** Bounds of an exposition. */
export interface ExpositionOptions {
  /** Series kept at most; further ones are refused and counted. Default 1,000,000. */
  readonly maxSeries?: number;
  /** Flushes without an update after which a series disappears. Default 5. */
  readonly expireAfter?: number;
}

interface Family {
  readonly kind: ExposedPoint["kind"];
  readonly series: Map<string, Series>;
}

interface Series {
  value: number;
  /** Number of the flush that touched it last. */
  flush: number;
}

/** What a page of the aggregates shows: counters since start, gauges as last flushed (text format 0.0.4). */
export class Exposition {
  readonly #families = new Map<string, Family>();
  readonly #maxSeries: number;
  readonly #expireAfter: number;
  #size = 0;
  #flush = -Infinity;
  #conflicts = 0;
  #refused = 0;

  constructor(options: ExpositionOptions = {}) {
    this.#maxSeries = options.maxSeries ?? 1_000_000;
    this.#expireAfter = options.expireAfter ?? 5;
  }

  /** Series on the page. */
  get size(): number {
    return this.#size;
  }

  /** Points left out because their name belonged to a metric of the other kind. */
  get conflicts(): number {
    return this.#conflicts;
  }

  /** Points left out because there was no room for their series. */
  get refused(): number {
    return this.#refused;
  }

  /** Takes in points of flush number `flush`, which counts intervals and never steps back. */
  accept(points: Iterable<Point>, flush: number): void {
    for (const point of points) this.add(exposedPoint(point), flush);
    this.expire(flush);
  }

  /** Takes in one point. */
  add({ name, kind, labels, value }: ExposedPoint, flush: number): void {
    let family = this.#families.get(name);
    if (family !== undefined && family.kind !== kind) {
      this.#conflicts++;
      return;
    }
    const series = family?.series.get(labels);
    if (series !== undefined) {
      series.value = kind === "counter" ? series.value + value : value;
      series.flush = flush;
      return;
    }
    if (this.#size >= this.#maxSeries) {
      this.#refused++;
      return;
    }
    if (family === undefined) this.#families.set(name, family = { kind, series: new Map() });
    family.series.set(labels, { value, flush });
    this.#size++;
  }

  /** Forgets what was not touched by the last flushes up to number `flush`; a name without series is free again. */
  expire(flush: number): void {
    if (flush <= this.#flush) return;
    this.#flush = flush;
    for (const [name, { series }] of this.#families) {
      for (const [labels, one] of series) {
        if (flush - one.flush >= this.#expireAfter && series.delete(labels)) this.#size--;
      }
      if (series.size === 0) this.#families.delete(name);
    }
  }

  /**
   * The page.
   *
   * @param flush number of the flush it is to show: what will be too old by then is left out already
   */
  text(flush: number = this.#flush): string {
    const parts: string[] = [];
    for (const name of [...this.#families.keys()].sort()) {
      const { kind, series } = this.#families.get(name)!;
      let head = `# TYPE ${name} ${kind}\n`;
      for (const [labels, one] of series) {
        if (flush - one.flush >= this.#expireAfter) continue;
        parts.push(`${head}${name}${labels} ${one.value}\n`);
        head = "";
      }
    }
    return parts.join("");
  }
}

/** Prometheus' form of a point. Rates and counts are counters by their interval's total. */
export function exposedPoint(point: Point): ExposedPoint {
  const { name, type, value } = point;
  const { tags, host } = resolveIdentity(point);
  const shown = { name: metricName(name), labels: labelText(tags, host) };
  if (type === "gauge") return { ...shown, kind: "gauge", value };
  const total = type === "count" ? value : point.total ?? value * (point.interval ?? 1);
  return { ...shown, kind: "counter", value: total };
}

/** A name with `_` for every character Prometheus does not allow, and before a leading digit. */
export function metricName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_:]/gu, "_").replace(/^(?=[0-9]|$)/, "_");
}

/** As `metricName`, for labels, whose names have no colons. */
export function labelName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/gu, "_").replace(/^(?=[0-9]|$)/, "_");
}

/**
 * Labels of `key:value` tags and the host. The last of two with one name wins. Bare tags say nothing here, and an empty
 * value is to Prometheus the same as no label, so both are left out; `__name__` would replace the metric's own.
 */
function labelText(tags: readonly string[], host: string): string {
  const labels = new Map<string, string>();
  if (host !== "") labels.set("host", host);
  for (const tag of tags) {
    const colon = tag.indexOf(":");
    if (colon > 0) labels.set(labelName(tag.slice(0, colon)), tag.slice(colon + 1));
  }
  labels.delete("__name__");
  const text = [...labels].filter(([, value]) => value !== "").sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(",");
  return text === "" ? "" : `{${text}}`;
}

function escapeLabel(value: string): string {
  return /["\\\n]/.test(value) ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : value;
}
