/** What a local instance hands on of an interval, and what is left of it when that fails. Pure. */
import { HyperLogLog, HyperLogLogV1 } from "../sketch/mod.ts";
import { type ForwardedSeries, type ForwardedValue, wholeTotal, within64Bits } from "./forward_wire.ts";
import { MetricType } from "./metric_line.ts";
import type { SeriesTable } from "./series_table.ts";
import type { SeriesView } from "./series_view.ts";
import { Scope } from "./tags.ts";

/**
 * The series of an interval that a local instance leaves to a global one, after `mergeTables()`. A set of which there are
 * sketches of both generations is in it twice.
 *
 * @param keepsGauges global gauges are not handed on
 */
export function collectForwarded(
  tables: readonly SeriesTable[],
  { keepsGauges = false }: { readonly keepsGauges?: boolean } = {},
): ForwardedSeries[] {
  const forwarded: ForwardedSeries[] = [];
  for (const table of tables) {
    table.forEach((view) => {
      const values = forwardedValues(view);
      if (values.length === 0 || (keepsGauges && view.type === MetricType.gauge)) return;
      const text = view.tagString();
      const name = view.name(), tags = text === "" ? [] : text.split(","), isGlobal = view.scope === Scope.global;
      for (const value of values) forwarded.push({ name, tags, isGlobal, value });
    });
  }
  return forwarded;
}

function forwardedValues(view: SeriesView): ForwardedValue[] {
  const { type, scope, cell } = view;
  if (scope === Scope.local) return [];
  switch (type) {
    case MetricType.counter:
      return scope === Scope.global ? [{ type: "counter", total: wholeTotal(view.value) }] : [];
    case MetricType.gauge:
      return scope === Scope.global ? [{ type: "gauge", value: view.value }] : [];
    case MetricType.set: {
      const old = view.oldSets.get(cell);
      if (old === undefined) return [{ type: "set", sketch: view.sets.toSketch(cell) }];
      return view.sets.estimate(cell) === 0
        ? [{ type: "set", sketch: old }]
        : [{ type: "set", sketch: view.sets.toSketch(cell) }, { type: "set", sketch: old }];
    }
    default:
      return [{ type: type === MetricType.timer ? "timer" : "histogram", digest: view.digests.toDigest(cell) }];
  }
}

/** For how many intervals a series that could not be handed on is kept. */
const MOST_INTERVALS = 3;
/** How many series are kept. */
const MOST_KEPT = 100_000;

/** A series that is to be handed on. */
export interface Kept {
  readonly series: ForwardedSeries;
  /** Intervals it has missed. */
  readonly missed: number;
}

/**
 * Series that a global instance certainly did not take, kept for the next forward: their counters are added to it, their
 * digests and sets merged, and of a gauge the newer value stays.
 */
export class UndeliveredForwards {
  #kept: Kept[] = [];
  #dropped = 0;

  /** Series given up so far: too old, or too many. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Series that wait. */
  get size(): number {
    return this.#kept.length;
  }

  /** The series of this interval together with what waits; nothing waits any more. */
  joinWith(series: readonly ForwardedSeries[]): Kept[] {
    const joined = new Map<string, Kept>();
    for (const kept of this.#kept) joined.set(keyOf(kept.series), kept);
    for (const fresh of series) {
      const key = keyOf(fresh);
      const kept = joined.get(key);
      joined.set(
        key,
        kept === undefined ? { series: fresh, missed: 0 } : { series: merged(kept.series, fresh), missed: kept.missed },
      );
    }
    this.#kept = [];
    return [...joined.values()];
  }

  /** Takes back what `joinWith` gave, after the global instance refused it. */
  keep(refused: readonly Kept[]): void {
    for (const { series, missed } of refused) {
      if (missed + 1 >= MOST_INTERVALS || this.#kept.length >= MOST_KEPT) this.#dropped++;
      else this.#kept.push({ series, missed: missed + 1 });
    }
  }
}

function keyOf({ name, tags, isGlobal, value }: ForwardedSeries): string {
  // Sketches of the two generations can't be merged.
  const type = value.type === "set" && value.sketch instanceof HyperLogLogV1 ? "old set" : value.type;
  return JSON.stringify([name, type, isGlobal, ...tags]);
}

/** `older` and `newer`, which are of one key, as one. Digests and sets of `older` take the others in. */
function merged(older: ForwardedSeries, newer: ForwardedSeries): ForwardedSeries {
  const a = older.value, b = newer.value;
  if (a.type === "counter" && b.type === "counter") {
    return { ...newer, value: { type: "counter", total: within64Bits(a.total + b.total) } };
  }
  if ((a.type === "histogram" || a.type === "timer") && a.type === b.type) {
    a.digest.merge(b.digest);
    return older;
  }
  if (a.type === "set" && b.type === "set") {
    if (a.sketch instanceof HyperLogLog && b.sketch instanceof HyperLogLog) a.sketch.merge(b.sketch);
    else if (a.sketch instanceof HyperLogLogV1 && b.sketch instanceof HyperLogLogV1) a.sketch.merge(b.sketch);
    return older;
  }
  return newer; // of a gauge the newer value stays
}
