/** What a metric line says, and why one is refused. */

/** Codes of the metric types; a `d` on the wire is a histogram. */
export const MetricType = { counter: 0, gauge: 1, histogram: 2, timer: 3, set: 4 } as const;
export type MetricType = (typeof MetricType)[keyof typeof MetricType];

/** The types' names, by code. */
export const TYPE_NAMES = ["counter", "gauge", "histogram", "timer", "set"] as const;

/** Why a metric line is refused. */
export const Reason = {
  ok: 0,
  no_colon: 1,
  empty_name: 2,
  no_pipe: 3,
  no_type: 4,
  bad_type: 5,
  bad_value: 6,
  empty_section: 7,
  bad_rate: 8,
  rate_range: 9,
  dup_rate: 10,
  dup_tags: 11,
  timestamp: 12,
  unknown_section: 13,
} as const;
export type Reason = (typeof Reason)[keyof typeof Reason];

/** The reasons' names, by code: they label counters and errors. */
export const REASON_NAMES = Object.keys(Reason) as (keyof typeof Reason)[];

/** What went wrong, and what to send instead; by code. */
export const REASON_MESSAGES: readonly string[] = [
  "",
  "Cannot read the metric: it needs at least 1 colon behind the name and 1 pipe behind the value",
  "Cannot read the metric: its name cannot be empty",
  "Cannot read the metric: it needs at least 1 pipe, behind the value",
  "Cannot read the metric: it has no metric type behind the first pipe",
  "Cannot read the metric: Invalid type, write one of c g h d ms s",
  "Cannot read the metric: Invalid number for the metric value",
  "Cannot read the metric: an empty section, look for doubled or trailing pipes",
  "Cannot read the metric: Invalid float for sample rate",
  "Cannot read the metric: the sample rate must be >0 and <=1",
  "Cannot read the metric: multiple sample rates",
  "Cannot read the metric: multiple tag sections",
  "Cannot read the metric: the timestamp must be one positive whole number of seconds, on a counter or gauge",
  "Cannot read the metric: unknown section",
];

/** What a line says: numbers and offsets into the buffer it was read from, valid until that is overwritten. */
export interface MetricLine {
  nameStart: number;
  nameEnd: number;
  /** The values' bytes: one number, several with colons between, or a set's member. */
  valueStart: number;
  valueEnd: number;
  /** The first number; of a set, 0. */
  value: number;
  /** How many numbers there are; of a set, 1. */
  valueCount: number;
  type: MetricType;
  /** The type was written `d`. */
  distribution: boolean;
  /** In (0, 1]. */
  rate: number;
  /** The bytes behind `#`; empty without tags. */
  tagsStart: number;
  tagsEnd: number;
  /** Unix seconds; 0 when none was sent. */
  timestamp: number;
  /** `c:`, `e:`, `card:` texts; -1 when not sent. */
  containerStart: number;
  containerEnd: number;
  externalStart: number;
  externalEnd: number;
  cardinalityStart: number;
  cardinalityEnd: number;
  /** Of name, tags and type as sent; set by `parseCommon` and by `hashLine`. */
  hash: number;
  /** Where the line's LF stands; set by `parseCommon`. */
  lineEnd: number;
}

/** A record for `parseCommon` and `parseLine` to fill. */
export function newMetricLine(): MetricLine {
  return {
    nameStart: 0,
    nameEnd: 0,
    valueStart: 0,
    valueEnd: 0,
    value: 0,
    valueCount: 0,
    type: MetricType.counter,
    distribution: false,
    rate: 1,
    tagsStart: 0,
    tagsEnd: 0,
    timestamp: 0,
    containerStart: -1,
    containerEnd: -1,
    externalStart: -1,
    externalEnd: -1,
    cardinalityStart: -1,
    cardinalityEnd: -1,
    hash: 0,
    lineEnd: 0,
  };
}
