/** Metrics of a thread: counted there, shown by the main thread's registry. */
import { type Counter, type Gauge, type Histogram, type Labels, Registry, type Reporter } from "../telemetry/mod.ts";

/** What was counted since the last time. */
export interface MetricChanges {
  readonly counters: readonly {
    readonly name: string;
    readonly help: string;
    readonly labels: Labels;
    readonly by: number;
  }[];
  readonly gauges: readonly {
    readonly name: string;
    readonly help: string;
    readonly labels: Labels;
    readonly value: number;
  }[];
  readonly histograms: readonly {
    readonly name: string;
    readonly help: string;
    readonly buckets: readonly number[];
    readonly labels: Labels;
    readonly values: readonly number[];
  }[];
}

interface CountedSeries {
  readonly labels: Labels;
  /** Since the start. */
  value: number;
  /** Up to what was told. */
  told: number;
  /** Shows from now on, 0 or not. */
  isNew: boolean;
}

interface GaugeSeries {
  readonly labels: Labels;
  value: number;
  told: number;
}

interface HistogramSeries {
  readonly labels: Labels;
  values: number[];
  count: number;
  sum: number;
}

interface Family<S> {
  readonly name: string;
  readonly help: string;
  readonly buckets: readonly number[];
  readonly series: Map<string, S>;
}

/** As many values of a histogram are kept until they are told; further ones are left out. */
const MOST_VALUES = 10_000;

/** A registry whose pages are another's. */
export class RelayedRegistry extends Registry {
  readonly #counters = new Map<string, Family<CountedSeries>>();
  readonly #gauges = new Map<string, Family<GaugeSeries>>();
  readonly #histograms = new Map<string, Family<HistogramSeries>>();
  readonly #collectors = new Set<() => void>();

  override counter(name: string, help: string): Counter {
    const family = familyOf(this.#counters, name, help);
    const cell = (labels: Labels = {}) =>
      seriesOf(family, labels, (): CountedSeries => ({ labels, value: 0, told: 0, isNew: true }));
    const raise = (series: CountedSeries, by: number) => {
      if (by > 0) series.value += by;
    };
    return {
      inc: (by = 1, labels) => raise(cell(labels), by),
      value: (labels) => cell(labels).value,
      child: (labels) => {
        const series = cell(labels);
        return { inc: (by = 1) => raise(series, by) };
      },
    };
  }

  override gauge(name: string, help: string): Gauge {
    const family = familyOf(this.#gauges, name, help);
    const cell = (labels: Labels = {}) =>
      seriesOf(family, labels, (): GaugeSeries => ({ labels, value: 0, told: NaN }));
    return {
      set: (value, labels) => void (cell(labels).value = value),
      value: (labels) => cell(labels).value,
      child: (labels) => {
        const series = cell(labels);
        return { set: (value) => void (series.value = value) };
      },
      remove: (labels) => void (cell(labels).value = 0),
    };
  }

  override histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    const family = familyOf(this.#histograms, name, help, buckets);
    const cell = (labels: Labels = {}) =>
      seriesOf(family, labels, (): HistogramSeries => ({ labels, values: [], count: 0, sum: 0 }));
    const observe = (series: HistogramSeries, value: number) => {
      if (Number.isNaN(value)) return;
      series.count++;
      series.sum += value;
      if (series.values.length < MOST_VALUES) series.values.push(value);
    };
    return {
      observe: (value, labels) => observe(cell(labels), value),
      value: (labels) => {
        const { count, sum } = cell(labels);
        return { count, sum };
      },
      child: (labels) => {
        const series = cell(labels);
        return { observe: (value) => observe(series, value) };
      },
    };
  }

  override onCollect(collect: () => void): () => void {
    this.#collectors.add(collect);
    return () => void this.#collectors.delete(collect);
  }

  /** What has changed since the last call; undefined if nothing has. */
  changes(): MetricChanges | undefined {
    for (const collect of this.#collectors) collect();
    const counters: MetricChanges["counters"][number][] = [];
    for (const { name, help, series } of this.#counters.values()) {
      for (const one of series.values()) {
        if (one.value === one.told && !one.isNew) continue;
        counters.push({ name, help, labels: one.labels, by: one.value - one.told });
        one.told = one.value;
        one.isNew = false;
      }
    }
    const gauges: MetricChanges["gauges"][number][] = [];
    for (const { name, help, series } of this.#gauges.values()) {
      for (const one of series.values()) {
        if (Object.is(one.value, one.told)) continue;
        gauges.push({ name, help, labels: one.labels, value: one.value });
        one.told = one.value;
      }
    }
    const histograms: MetricChanges["histograms"][number][] = [];
    for (const { name, help, buckets, series } of this.#histograms.values()) {
      for (const one of series.values()) {
        if (one.values.length === 0) continue;
        histograms.push({ name, help, buckets, labels: one.labels, values: one.values });
        one.values = [];
      }
    }
    if (counters.length + gauges.length + histograms.length === 0) return undefined;
    return { counters, gauges, histograms };
  }
}

function familyOf<S>(
  families: Map<string, Family<S>>,
  name: string,
  help: string,
  buckets: readonly number[] = [],
): Family<S> {
  let family = families.get(name);
  if (family === undefined) families.set(name, family = { name, help, buckets, series: new Map() });
  return family;
}

function seriesOf<S>({ series }: Family<S>, labels: Labels, make: () => S): S {
  const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1));
  let one = series.get(key);
  if (one === undefined) series.set(key, one = make());
  return one;
}

/** Takes the changes of several threads into one registry; a gauge shows the sum of theirs. */
export class MetricsOfThreads {
  readonly #metrics: Registry;
  readonly #gauges = new Map<string, { readonly set: (value: number) => void; readonly values: Map<string, number> }>();

  constructor(metrics: Registry) {
    this.#metrics = metrics;
  }

  /** @param thread whose they are */
  take(thread: string, { counters, gauges, histograms }: MetricChanges): void {
    for (const { name, help, labels, by } of counters) this.#metrics.counter(name, help).child(labels).inc(by);
    for (const { name, help, labels, value } of gauges) {
      const key = `${name} ${JSON.stringify(labels)}`;
      let gauge = this.#gauges.get(key);
      if (gauge === undefined) {
        const child = this.#metrics.gauge(name, help).child(labels);
        this.#gauges.set(key, gauge = { set: (sum) => child.set(sum), values: new Map() });
      }
      gauge.values.set(thread, value);
      gauge.set(sumOf(gauge.values));
    }
    for (const { name, help, buckets, labels, values } of histograms) {
      const child = this.#metrics.histogram(name, help, buckets).child(labels);
      for (const value of values) child.observe(value);
    }
  }

  /** A thread has ended: its gauges are no part of the sums any more. */
  forget(thread: string): void {
    for (const { set, values } of this.#gauges.values()) if (values.delete(thread)) set(sumOf(values));
  }
}

function sumOf(values: ReadonlyMap<string, number>): number {
  return values.values().reduce((sum, value) => sum + value, 0);
}

/** A line of the log on its way to the main thread. */
export interface RelayedLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A reporter whose lines are passed on; errors among their fields become texts. */
export function relayedReporter(metrics: Registry, pass: (line: RelayedLine) => void): Reporter {
  const at = (level: RelayedLine["level"]) => (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
    const plain = Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]);
    pass({ level, message, fields: Object.fromEntries(plain) });
  };
  return { metrics, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
