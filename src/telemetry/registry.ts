import { labelNameFault, type MetricKind, metricNameFault } from "./metric_names.ts";

/** Label names and values of one series. */
export type Labels = Readonly<Record<string, string>>;

/** One series of a counter; raising it does no string work. */
export interface CounterChild {
  /** Adds `by`, 1 unless told otherwise. */
  inc(by?: number): void;
}

/** A number that only grows. */
export interface Counter {
  /** Adds `by`, 1 unless told otherwise. */
  inc(by?: number, labels?: Labels): void;
  /** The sum for these labels, 0 if it was never raised. */
  value(labels?: Labels): number;
  /** The series of these labels, which shows from now on, 0 if it is new. For hot paths: look it up once. */
  child(labels?: Labels): CounterChild;
}

/** One series of a gauge; setting it does no string work. */
export interface GaugeChild {
  set(value: number): void;
}

/** A number that goes up and down. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
  /** What was set last for these labels, 0 if nothing was. */
  value(labels?: Labels): number;
  /** The series of these labels, which shows from now on, 0 if it is new. */
  child(labels?: Labels): GaugeChild;
  /** Forgets one series: what it measured is gone. */
  remove(labels?: Labels): void;
}

/** One series of a histogram; observing does no string work. */
export interface HistogramChild {
  observe(value: number): void;
}

/** How many values were at most how large. */
export interface Histogram {
  /** Adds one value; NaN is left out. */
  observe(value: number, labels?: Labels): void;
  /** How many values these labels have, and their sum. */
  value(labels?: Labels): { readonly count: number; readonly sum: number };
  /** The series of these labels, which shows from now on. */
  child(labels?: Labels): HistogramChild;
}

/** How a registry behaves. */
export interface RegistryOptions {
  /**
   * `linted` refuses names that `promtool check metrics` would speak of; `as_they_are` takes any legal name, for pages
   * that repeat another program's. @default "linted"
   */
  readonly names?: "linted" | "as_they_are";
  /**
   * The most series of one family. Labels that come later are counted under the same names, each with the value
   * `other`, so that sums stay whole. @default 1000
   */
  readonly maxSeries?: number;
}

/** One series. Counters and gauges use `value` alone; in a histogram it is the sum. */
interface Cell {
  value: number;
  count: number;
  /** How many values fell into each bucket, not cumulated. */
  readonly buckets: Float64Array;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly kind: MetricKind;
  /** Upper bounds of the buckets, ascending, without +Inf. */
  readonly bounds: readonly number[];
  readonly series: Map<string, Cell>;
}

/** What a label's value becomes when its family is full. */
const OVERFLOW = "other";

/** The agent's own metrics, and the Prometheus text (format 0.0.4) they are shown as. */
export class Registry {
  readonly #families = new Map<string, Family>();
  readonly #collectors = new Set<() => void>();
  readonly #linted: boolean;
  readonly #maxSeries: number;

  constructor(options: RegistryOptions = {}) {
    this.#linted = options.names !== "as_they_are";
    this.#maxSeries = options.maxSeries ?? 1000;
  }

  /**
   * The counter of that name, made if it is new. Until it has a series with labels, it shows 0 without any.
   *
   * @throws {TypeError} on a name that can't be used, or that is another kind's
   */
  counter(name: string, help: string): Counter {
    const family = this.#family(name, help, "counter", []);
    return {
      inc: (by = 1, labels) => raise(this.#cell(family, labels), by),
      value: (labels) => family.series.get(labelText(labels))?.value ?? 0,
      child: (labels) => {
        const cell = this.#cell(family, labels);
        return { inc: (by = 1) => raise(cell, by) };
      },
    };
  }

  /**
   * The gauge of that name, made if it is new. It shows once it is set.
   *
   * @throws {TypeError} on a name that can't be used, or that is another kind's
   */
  gauge(name: string, help: string): Gauge {
    const family = this.#family(name, help, "gauge", []);
    return {
      set: (value, labels) => void (this.#cell(family, labels).value = value),
      value: (labels) => family.series.get(labelText(labels))?.value ?? 0,
      child: (labels) => {
        const cell = this.#cell(family, labels);
        return { set: (value) => void (cell.value = value) };
      },
      remove: (labels) => void family.series.delete(labelText(labels)),
    };
  }

  /**
   * The histogram of that name, made if it is new.
   *
   * @param buckets the buckets' upper bounds, ascending and finite; one without a bound is added
   * @throws {TypeError} on a name that can't be used or is another kind's, and on other bounds than it was made with
   * @throws {RangeError} on bounds that don't ascend
   */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    for (let i = 0; i < buckets.length; i++) {
      if (!Number.isFinite(buckets[i]) || i > 0 && buckets[i]! <= buckets[i - 1]!) {
        throw new RangeError(
          `Cannot use the buckets ${buckets.join(", ")} of ${name}: write finite numbers, ascending`,
        );
      }
    }
    const family = this.#family(name, help, "histogram", buckets);
    return {
      observe: (value, labels) => observe(family, this.#cell(family, labels), value),
      value: (labels) => {
        const cell = family.series.get(labelText(labels));
        return { count: cell?.count ?? 0, sum: cell?.value ?? 0 };
      },
      child: (labels) => {
        const cell = this.#cell(family, labels);
        return { observe: (value) => observe(family, cell, value) };
      },
    };
  }

  /** Calls `collect` before each page, for values that are read rather than counted. @returns what ends that */
  onCollect(collect: () => void): () => void {
    this.#collectors.add(collect);
    return () => void this.#collectors.delete(collect);
  }

  /** The page: families and series in order of their names. */
  text(): string {
    for (const collect of this.#collectors) collect();
    const lines: string[] = [];
    for (const family of [...this.#families.values()].sort((a, b) => a.name < b.name ? -1 : 1)) {
      if (family.series.size === 0 && family.kind !== "counter") continue;
      lines.push(`# HELP ${family.name} ${family.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`);
      lines.push(`# TYPE ${family.name} ${family.kind}`);
      if (family.series.size === 0) lines.push(`${family.name} 0`);
      for (const [labels, cell] of [...family.series].sort(([a], [b]) => a < b ? -1 : 1)) {
        if (family.kind === "histogram") pushHistogram(lines, family, labels, cell);
        else lines.push(`${family.name}${labels} ${numberText(cell.value)}`);
      }
    }
    return lines.length === 0 ? "" : lines.join("\n") + "\n";
  }

  #family(name: string, help: string, kind: MetricKind, bounds: readonly number[]): Family {
    const known = this.#families.get(name);
    if (known !== undefined) {
      if (known.kind !== kind) throw new TypeError(`Cannot register ${name} as a ${kind}: it is a ${known.kind}`);
      if (known.bounds.join() !== bounds.join()) {
        throw new TypeError(`Cannot register ${name} again: its buckets were ${known.bounds.join(", ")}`);
      }
      return known;
    }
    const fault = help.trim() === "" ? "say in its help what it measures" : metricNameFault(name, kind, this.#linted);
    if (fault !== undefined) throw new TypeError(`Cannot register the ${kind} ${name}: ${fault}`);
    // A histogram's parts are samples with names of their own, which no other family may have.
    const taken = kind === "histogram"
      ? ["_bucket", "_sum", "_count"].map((part) => name + part).find((part) => this.#families.has(part))
      : [...this.#families.values()].find((other) =>
        other.kind === "histogram" && ["_bucket", "_sum", "_count"].some((part) => other.name + part === name)
      )?.name;
    if (taken !== undefined) {
      throw new TypeError(`Cannot register ${name}: its samples would be confused with ${taken}`);
    }
    const family = { name, help, kind, bounds: [...bounds], series: new Map() };
    this.#families.set(name, family);
    return family;
  }

  #cell(family: Family, labels: Labels | undefined): Cell {
    const key = labelText(labels);
    const known = family.series.get(key);
    if (known !== undefined) return known;
    for (const name of Object.keys(labels ?? {})) {
      const fault = labelNameFault(name, family.kind, this.#linted);
      if (fault !== undefined) throw new TypeError(`Cannot use the label ${name} of ${family.name}: ${fault}`);
    }
    const full = family.series.size >= this.#maxSeries && key !== "";
    const cellKey = full ? labelText(Object.fromEntries(Object.keys(labels!).map((name) => [name, OVERFLOW]))) : key;
    let cell = family.series.get(cellKey);
    if (cell === undefined) {
      const buckets = new Float64Array(family.kind === "histogram" ? family.bounds.length + 1 : 0);
      cell = { value: 0, count: 0, buckets };
      family.series.set(cellKey, cell);
    }
    return cell;
  }
}

/** A counter never falls: a negative or unusable addition is left out. */
function raise(cell: Cell, by: number): void {
  if (by > 0) cell.value += by;
}

function observe(family: Family, cell: Cell, value: number): void {
  if (Number.isNaN(value)) return;
  const { bounds } = family;
  let bucket = 0;
  while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
  cell.buckets[bucket]!++;
  cell.count++;
  cell.value += value;
}

function pushHistogram(lines: string[], { name, bounds }: Family, labels: string, cell: Cell): void {
  const open = labels === "" ? "{" : `${labels.slice(0, -1)},`;
  let sum = 0;
  for (let i = 0; i <= bounds.length; i++) {
    sum += cell.buckets[i]!;
    lines.push(`${name}_bucket${open}le="${numberText(bounds[i] ?? Infinity)}"} ${sum}`);
  }
  lines.push(`${name}_sum${labels} ${numberText(cell.value)}`, `${name}_count${labels} ${cell.count}`);
}

/** `{a="1",b="2"}` with names in order, values escaped; "" without labels. */
function labelText(labels: Labels | undefined): string {
  if (labels === undefined) return "";
  const parts = Object.keys(labels).sort().map((name) => `${name}="${escapeLabel(labels[name]!)}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(value);
}
