/** One sample of a page. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One family of a page: what its HELP and TYPE lines say, and its samples in order. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const TYPES = ["counter", "gauge", "histogram", "summary", "untyped"];

/** Endings of the samples of a histogram. */
const PARTS = ["_bucket", "_sum", "_count"];

/**
 * Reads a page in Prometheus' text format, version 0.0.4, and refuses all that a scraper would, and what `promtool check
 * metrics` speaks of: families that are not together, have no HELP or TYPE, or a name that is not that of their kind.
 *
 * @throws {SyntaxError} with the number of the line
 */
export function parseExposition(page: string): Family[] {
  if (page !== "" && !page.endsWith("\n")) throw new SyntaxError("Cannot read the page: its last line has no end");
  const families: (Family & { readonly samples: Sample[] })[] = [];
  const seen = new Set<string>();
  let help: { name: string; text: string } | undefined;
  for (const [i, line] of page.split("\n").slice(0, -1).entries()) {
    const refuse = (why: string): never => {
      throw new SyntaxError(`Cannot read line ${i + 1}, ${JSON.stringify(line)}: ${why}`);
    };
    const helped = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\]|\\[\\n])+)$/.exec(line);
    const typed = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (\w+)$/.exec(line);
    if (helped !== null) {
      if (help !== undefined) refuse("a HELP before it has no TYPE");
      help = { name: helped[1]!, text: helped[2]! };
    } else if (typed !== null) {
      const [, name = "", type = ""] = typed;
      if (help?.name !== name) refuse("no HELP of that name stands before it");
      if (!TYPES.includes(type)) refuse("there is no such type");
      if (families.some((family) => family.name === name)) refuse("the family has been before");
      if ((type === "counter") !== name.endsWith("_total")) refuse("counters, and they alone, end in _total");
      families.push({ name, help: help!.text, type, samples: [] });
      help = undefined;
    } else {
      if (line.startsWith("#") || line === "") refuse("it is no sample");
      if (help !== undefined) refuse("a HELP before it has no TYPE");
      const sample = parseSample(line) ?? refuse("it is no sample");
      const family = families.at(-1) ?? refuse("it is of no family");
      const own = family.type === "histogram" ? PARTS.map((part) => family.name + part) : [family.name];
      if (!own.includes(sample.name)) refuse(`it is none of ${family.name}, the family above`);
      const identity = JSON.stringify([sample.name, Object.entries(sample.labels).toSorted()]);
      if (seen.has(identity)) refuse("the series has been before");
      seen.add(identity);
      if (family.type === "counter" && !(sample.value >= 0)) refuse("a counter is not negative");
      family.samples.push(sample);
    }
  }
  if (help !== undefined) throw new SyntaxError("Cannot read the page: it ends behind a HELP");
  for (const family of families) checkFamily(family);
  return families;
}

function checkFamily({ name, type, samples }: Family): void {
  if (samples.length === 0) throw new SyntaxError(`Cannot read the page: ${name} has no sample`);
  if (type !== "histogram") return;
  const series = new Map<string, { buckets: [le: number, value: number][]; count?: number; sum?: number }>();
  for (const { name: part, labels: { le, ...labels }, value } of samples) {
    const key = JSON.stringify(Object.entries(labels).toSorted());
    const one = series.get(key) ?? { buckets: [] };
    series.set(key, one);
    if (part.endsWith("_bucket")) one.buckets.push([numberOf(le ?? "") ?? NaN, value]);
    else if (part.endsWith("_count")) one.count = value;
    else one.sum = value;
  }
  for (const { buckets, count, sum } of series.values()) {
    const ascends = buckets.every(([le, value], i) =>
      i === 0 || (le > buckets[i - 1]![0] && value >= buckets[i - 1]![1])
    );
    const [lastLe, lastValue] = buckets.at(-1) ?? [];
    if (!ascends || lastLe !== Infinity || lastValue !== count || sum === undefined) {
      throw new SyntaxError(`Cannot read the page: the histogram ${name} is not whole`);
    }
  }
}

function parseSample(line: string): Sample | undefined {
  const [, name, list, text] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  const value = numberOf(text ?? "");
  if (name === undefined || value === undefined) return undefined;
  const labels: Record<string, string> = {};
  for (let rest = list ?? ""; rest !== "";) {
    const [whole, label = "", escaped = "", comma = ""] =
      /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,?)/.exec(rest) ?? [];
    if (whole === undefined || Object.hasOwn(labels, label)) return undefined;
    labels[label] = escaped.replaceAll(/\\(.)/g, (_, char) => char === "n" ? "\n" : char);
    rest = rest.slice(whole.length);
    if ((comma === "") !== (rest === "")) return undefined;
  }
  return { name, labels, value };
}

function numberOf(text: string): number | undefined {
  if (text === "+Inf" || text === "-Inf") return text === "+Inf" ? Infinity : -Infinity;
  if (text === "NaN") return NaN;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

/** The sum of a family's samples with these labels; 0 where there are none. */
export function sumOf(
  families: readonly Family[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const samples = families.find((family) => family.name === name)?.samples ?? [];
  return samples.filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
