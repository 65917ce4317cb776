/** What a family of metrics is: how Prometheus names its kinds. */
export type MetricKind = "counter" | "gauge" | "histogram";

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const KINDS = ["counter", "gauge", "histogram", "summary"];
const RESERVED_SUFFIXES = ["bucket", "count", "sum"];
const ABBREVIATIONS = ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"];
const PREFIX = "(?:pico|nano|micro|milli|centi|deci|deca|hecto|kilo|kibi|mega|mibi|giga|gibi|tera|tebi|peta|pebi)";
const BASE_UNIT = "(?:amperes|bytes|celsius|grams|joules|kelvin|meters|metres|seconds|volts)";
const OTHER_UNIT =
  "(?:minutes|hours|days|weeks|kelvins|fahrenheit|rankine|inches|yards|miles|bits|calories|pounds|ounces)";
const UNIT = new RegExp(`^${PREFIX}?(?:${BASE_UNIT}|${OTHER_UNIT})$`);
const GOOD_UNIT = new RegExp(`^${BASE_UNIT}$`);

/**
 * Why a metric's name can't be used, or `undefined` when it can.
 *
 * With `linted`, the conventions that `promtool check metrics` looks at hold as well: the unit is a base unit and
 * written in full, counters and nothing else end in `_total`, and no name tells its type.
 */
export function metricNameFault(name: string, kind: MetricKind, linted: boolean): string | undefined {
  if (!METRIC_NAME.test(name)) return "write letters, digits, _ and : with no digit in front";
  if (!linted) return undefined;
  if (name.includes(":")) return "a colon is for recording rules";
  if (/[a-z][A-Z]/.test(name)) return "write snake_case";
  const words = name.toLowerCase().split("_");
  if (kind === "counter" && words.at(-1) !== "total") return "the name of a counter ends in _total";
  if (kind !== "counter" && words.at(-1) === "total") return "only the name of a counter ends in _total";
  if (kind !== "histogram" && RESERVED_SUFFIXES.includes(words.at(-1)!)) {
    return `_${words.at(-1)} belongs to the parts of a histogram`;
  }
  for (const word of words.slice(1)) {
    if (KINDS.includes(word)) return `leave out the type, ${word}`;
    if (ABBREVIATIONS.includes(word)) return `write out the unit ${word}`;
  }
  const unit = words.find((word) => UNIT.test(word));
  if (unit !== undefined && !GOOD_UNIT.test(unit)) return `use a base unit such as seconds or bytes, not ${unit}`;
  return undefined;
}

/** Why a label's name can't be used, or `undefined` when it can. `linted` as in {@link metricNameFault}. */
export function labelNameFault(name: string, kind: MetricKind, linted: boolean): string | undefined {
  if (!LABEL_NAME.test(name)) return "write letters, digits and _ with no digit in front";
  if (name.startsWith("__")) return "two underscores in front are Prometheus' own";
  if (name === "le" && kind === "histogram") return "le is the label of its buckets";
  if (!linted) return undefined;
  if (name === "le" || name === "quantile") return `${name} is a label of histograms and summaries`;
  if (/[a-z][A-Z]/.test(name)) return "write snake_case";
  return undefined;
}
