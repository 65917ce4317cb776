/**
 * The DogStatsD metric line, parsed in place: `name:value|type|@rate|#tags`.
 *
 * Two readers of one grammar: `parseCommon` takes the shape nearly all lines have in one pass; `parseLine` takes every
 * line, in the order in which faults are to be reported. What the first refuses, for whatever reason, the second judges.
 */

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

const LF = 0x0a, CR = 0x0d, HASH = 0x23, PLUS = 0x2b, MINUS = 0x2d, DOT = 0x2e, ZERO = 0x30, COLON = 0x3a, AT = 0x40;
const UPPER_T = 0x54, LOWER_C = 0x63, LOWER_D = 0x64, LOWER_E = 0x65, LOWER_G = 0x67, LOWER_H = 0x68, LOWER_M = 0x6d;
const LOWER_S = 0x73, PIPE = 0x7c;

/** 10^0 to 10^22: the powers that a float64 holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** Bytes that must be readable behind the LF that ends a line: the scans read words of four. */
export const READ_AHEAD = 4;

// A word with the searched byte in each of its places, and the constants that find a zero byte in a word
// (the lowest bit of the result marks the lowest zero byte; those above may be wrong, and are not looked at).
const PIPES = 0x7c7c7c7c, LFS = 0x0a0a0a0a, ONES = 0x01010101, TOPS = 0x80808080 | 0;
// Without these bits LF and the colon are the same byte, so that one search finds both; it also stops at `*` and 0x1a,
// which hardly stand in names: their lines take the long way.
const NOT_BITS_OF_COLON = ~0x30303030;

/** Keeps the lowest 0 to 3 bytes of a word. */
export const LOW_BYTES = Int32Array.of(0, 0xff, 0xffff, 0xffffff);

/**
 * Parses the line at `start` if it has the common shape: one number or member, then at most a rate and tags, no CR.
 * `b` must hold an LF at or behind the end of the line, and `READ_AHEAD` bytes behind that; `words` is a view of the
 * same bytes. Fills `out` and its `lineEnd` and `hash`; false means nothing but "ask `parseLine`". Never throws, never
 * allocates.
 *
 * Name and tags are scanned four bytes at a time, which takes half the time of a scan byte by byte.
 */
export function parseCommon(b: Uint8Array, words: DataView, start: number, out: MetricLine): boolean {
  let i = start;
  let h = 0;
  // name:value|type|@rate|#tags
  // ^---
  for (;;) {
    const w = words.getInt32(i, true);
    const colon = w & NOT_BITS_OF_COLON ^ LFS, pipe = w ^ PIPES;
    const found = (((colon - ONES) & ~colon) | ((pipe - ONES) & ~pipe)) & TOPS;
    if (found === 0) {
      h = mixWord(h, w);
      i += 4;
      continue;
    }
    const places = (31 - Math.clz32(found & -found)) >> 3;
    h = mixWord(h, w & LOW_BYTES[places]!);
    i += places;
    break;
  }
  if (b[i] !== COLON || i === start) return false;
  h ^= i - start;
  out.nameStart = start;
  out.nameEnd = i;
  out.valueStart = ++i;

  // name:value|type|@rate|#tags
  //      ^----
  let c = b[i]!;
  const negative = c === MINUS;
  if (negative || c === PLUS) c = b[++i]!;
  const numberStart = i;
  let digits = 0, decimals = 0, mantissa = 0;
  while (c >= ZERO && c < COLON) {
    mantissa = mantissa * 10 + (c - ZERO) | 0;
    digits++;
    c = b[++i]!;
  }
  if (c === DOT) {
    c = b[++i]!;
    while (c >= ZERO && c < COLON) {
      mantissa = mantissa * 10 + (c - ZERO) | 0;
      decimals++;
      c = b[++i]!;
    }
  }
  const isNumber = c === PIPE && digits + decimals > 0;
  while (c !== PIPE) {
    if (c === LF) return false;
    c = b[++i]!;
  }
  out.valueEnd = i;
  c = b[++i]!;

  // name:value|type|@rate|#tags
  //            ^---
  let type: MetricType;
  switch (c) {
    case LOWER_C:
      type = MetricType.counter;
      break;
    case LOWER_G:
      type = MetricType.gauge;
      break;
    case LOWER_H:
      type = MetricType.histogram;
      break;
    case LOWER_M:
      if (b[++i] !== LOWER_S) return false;
      type = MetricType.timer;
      break;
    case LOWER_S:
      type = MetricType.set;
      break;
    default:
      return false;
  }
  if (type !== MetricType.set) {
    if (!isNumber) return false;
    // Nine digits fit into the 32 bits that were summed up. Up to 15 digits and their power of ten are exact, so that one
    // division gives the nearest float64.
    let value = mantissa;
    if (digits + decimals > 9) {
      if (digits + decimals > 15) return false;
      value = longMantissa(b, numberStart, out.valueEnd);
    }
    if (decimals > 0) value /= POWERS[decimals]!;
    out.value = negative ? -value : value;
  } else {
    out.value = 0;
  }
  out.type = type;
  out.valueCount = 1;
  c = b[++i]!;

  // name:value|type|@rate|#tags
  //                ^-----------
  out.rate = 1;
  out.tagsStart = out.tagsEnd = i;
  if (c === PIPE && b[i + 1] === AT) {
    // 0.xxx, which nearly all rates are.
    if (b[i + 2] !== ZERO || b[i + 3] !== DOT) return false;
    i += 4;
    let rate = 0, places = 0;
    c = b[i]!;
    while (c >= ZERO && c < COLON) {
      rate = rate * 10 + (c - ZERO);
      places++;
      c = b[++i]!;
    }
    if (rate === 0 || places > 15) return false;
    out.rate = rate / POWERS[places]!;
  }
  if (c === PIPE) {
    if (b[++i] !== HASH) return false;
    out.tagsStart = ++i;
    if (b[i] !== LF) {
      for (;;) {
        const w = words.getInt32(i, true);
        const pipe = w ^ PIPES, lf = w ^ LFS;
        const found = (((pipe - ONES) & ~pipe) | ((lf - ONES) & ~lf)) & TOPS;
        if (found === 0) {
          h = mixWord(h, w);
          i += 4;
          continue;
        }
        const places = (31 - Math.clz32(found & -found)) >> 3;
        h = mixWord(h, w & LOW_BYTES[places]!) ^ i + places - out.tagsStart;
        i += places;
        break;
      }
    }
    out.tagsEnd = i;
    c = b[i]!;
  }
  if (c !== LF || b[i - 1] === CR) return false;
  out.lineEnd = i;
  out.timestamp = 0;
  out.hash = finishHash(h, type);
  return true;
}

/** The hash `parseCommon` gives a line, for one that `parseLine` took or that was put together. */
export function hashLine(b: Uint8Array, line: MetricLine): number {
  let h = hashRegion(b, line.nameStart, line.nameEnd, 0);
  if (line.tagsEnd > line.tagsStart) h = hashRegion(b, line.tagsStart, line.tagsEnd, h);
  return finishHash(h, line.type);
}

function hashRegion(b: Uint8Array, start: number, end: number, seed: number): number {
  let h = seed;
  let i = start;
  for (; i + 4 <= end; i += 4) h = mixWord(h, b[i]! | b[i + 1]! << 8 | b[i + 2]! << 16 | b[i + 3]! << 24);
  let last = 0;
  for (let shift = 0; i < end; i++, shift += 8) last |= b[i]! << shift;
  return mixWord(h, last) ^ end - start;
}

/** The digits of a number whose shape is known, read as one whole number below 10^15. */
function longMantissa(b: Uint8Array, start: number, end: number): number {
  let mantissa = 0;
  for (let i = start; i < end; i++) if (b[i] !== DOT) mantissa = mantissa * 10 + (b[i]! - ZERO);
  return mantissa;
}

/** One step of the hash. The product is off the chain of steps, which a processor so walks in two cycles a word. */
function mixWord(h: number, w: number): number {
  return (h << 5 | h >>> 27) + Math.imul(w, 0x9e3779b1) | 0;
}

/** MurmurHash3's end: a table takes its index from the low bits. */
function finishHash(h: number, type: number): number {
  h ^= type;
  h = Math.imul(h ^ h >>> 16, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
  return h ^ h >>> 16;
}

/**
 * Parses the line `b[start, end)`, which has neither LF nor a trailing CR, and fills `out` but for `hash` and `lineEnd`.
 * A packet is all or nothing: on any reason but `ok`, `out` says nothing. Never throws.
 */
export function parseLine(b: Uint8Array, start: number, end: number, out: MetricLine): Reason {
  const firstPipe = indexOf(b, PIPE, start, end);
  const colon = indexOf(b, COLON, start, firstPipe < 0 ? end : firstPipe);
  if (colon < 0) return Reason.no_colon;
  if (colon === start) return Reason.empty_name;
  if (firstPipe < 0) return Reason.no_pipe;
  out.nameStart = start;
  out.nameEnd = colon;
  out.valueStart = colon + 1;
  out.valueEnd = firstPipe;

  const typeStart = firstPipe + 1;
  const typeEnd = chunkEnd(b, typeStart, end);
  if (typeEnd === typeStart) return Reason.no_type;
  if (!readType(b, typeStart, typeEnd, out)) return Reason.bad_type;
  if (!readValues(b, out)) return Reason.bad_value;

  out.rate = 1;
  out.timestamp = 0;
  out.tagsStart = out.tagsEnd = typeEnd;
  out.containerStart = out.externalStart = out.cardinalityStart = -1;
  let hasRate = false, hasTags = false;
  for (let at = typeEnd; at < end;) {
    const from = at + 1; // behind the pipe
    const to = chunkEnd(b, from, end);
    if (to === from) return Reason.empty_section;
    switch (b[from]) {
      case AT: {
        if (hasRate) return Reason.dup_rate;
        hasRate = true;
        const rate = readNumber(b, from + 1, to);
        if (rate !== rate) return Reason.bad_rate;
        if (!(rate > 0 && rate <= 1)) return Reason.rate_range;
        out.rate = rate;
        break;
      }
      case HASH:
        if (hasTags) return Reason.dup_tags;
        hasTags = true;
        out.tagsStart = from + 1;
        out.tagsEnd = to;
        break;
      case UPPER_T: {
        if (out.timestamp !== 0 || out.type > MetricType.gauge) return Reason.timestamp;
        const timestamp = readDigits(b, from + 1, to);
        if (!(timestamp > 0)) return Reason.timestamp;
        out.timestamp = timestamp;
        break;
      }
      case LOWER_C:
        if (b[from + 1] === COLON && to > from + 2 && out.containerStart < 0) {
          out.containerStart = from + 2;
          out.containerEnd = to;
        } else if (startsWith(b, from, to, CARD) && out.cardinalityStart < 0) {
          out.cardinalityStart = from + CARD.length;
          out.cardinalityEnd = to;
        } else return Reason.unknown_section;
        break;
      case LOWER_E:
        if (b[from + 1] !== COLON || to < from + 2 || out.externalStart >= 0) return Reason.unknown_section;
        out.externalStart = from + 2;
        out.externalEnd = to;
        break;
      default:
        return Reason.unknown_section;
    }
    at = to;
  }
  return Reason.ok;
}

const CARD = new TextEncoder().encode("card:");

/** The values of a packed line after its first: calls `visit` with each. */
export function forEachValue(b: Uint8Array, line: MetricLine, visit: (value: number) => void): void {
  for (let at = line.valueStart; at <= line.valueEnd;) {
    const colon = indexOf(b, COLON, at, line.valueEnd);
    const to = colon < 0 ? line.valueEnd : colon;
    visit(readNumber(b, at, to));
    at = to + 1;
  }
}

/** Whole codes only: `gauge` is no `g`. */
function readType(b: Uint8Array, start: number, end: number, out: MetricLine): boolean {
  out.distribution = false;
  if (end - start === 2) {
    out.type = MetricType.timer;
    return b[start] === LOWER_M && b[start + 1] === LOWER_S;
  }
  if (end - start !== 1) return false;
  switch (b[start]) {
    case LOWER_C:
      out.type = MetricType.counter;
      return true;
    case LOWER_G:
      out.type = MetricType.gauge;
      return true;
    case LOWER_D:
      out.distribution = true;
      out.type = MetricType.histogram;
      return true;
    case LOWER_H:
      out.type = MetricType.histogram;
      return true;
    case LOWER_S:
      out.type = MetricType.set;
      return true;
    default:
      return false;
  }
}

function readValues(b: Uint8Array, out: MetricLine): boolean {
  out.valueCount = 1;
  out.value = 0;
  if (out.type === MetricType.set) return true; // any text, the empty one and colons too
  let count = 0;
  for (let at = out.valueStart; at <= out.valueEnd;) {
    const colon = indexOf(b, COLON, at, out.valueEnd);
    const to = colon < 0 ? out.valueEnd : colon;
    const value = readNumber(b, at, to);
    if (value !== value) return false;
    if (count++ === 0) out.value = value;
    at = to + 1;
  }
  out.valueCount = count;
  return true;
}

/**
 * Reads `[+-] digits [. digits] [e [+-] digits]` from the whole of `b[start, end)`. NaN for anything else and for what is
 * too large for a float64; too small gives 0.
 */
export function readNumber(b: Uint8Array, start: number, end: number): number {
  let i = start;
  if (i < end && (b[i] === PLUS || b[i] === MINUS)) i++;
  const digits = i;
  while (i < end && isDigit(b[i]!)) i++;
  let count = i - digits;
  if (i < end && b[i] === DOT) {
    const decimals = ++i;
    while (i < end && isDigit(b[i]!)) i++;
    count += i - decimals;
  }
  if (count === 0) return NaN;
  if (i < end && (b[i]! | 0x20) === LOWER_E) {
    i++;
    if (i < end && (b[i] === PLUS || b[i] === MINUS)) i++;
    const exponent = i;
    while (i < end && isDigit(b[i]!)) i++;
    if (i === exponent) return NaN;
  }
  if (i !== end) return NaN;
  // The grammar is checked and ASCII, so that Number() reads just this; it rounds as IEEE 754 asks.
  const value = Number(String.fromCharCode.apply(null, b.subarray(start, end) as unknown as number[]));
  return Number.isFinite(value) ? value : NaN;
}

/** Decimal digits only, up to 2^53; NaN for anything else. */
function readDigits(b: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    if (!isDigit(b[i]!)) return NaN;
    value = value * 10 + (b[i]! - ZERO);
  }
  return end > start && value <= Number.MAX_SAFE_INTEGER ? value : NaN;
}

function isDigit(c: number): boolean {
  return c >= ZERO && c < COLON;
}

function indexOf(b: Uint8Array, byte: number, start: number, end: number): number {
  for (let i = start; i < end; i++) if (b[i] === byte) return i;
  return -1;
}

function chunkEnd(b: Uint8Array, start: number, end: number): number {
  const pipe = indexOf(b, PIPE, start, end);
  return pipe < 0 ? end : pipe;
}

function startsWith(b: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start < word.length) return false;
  for (let i = 0; i < word.length; i++) if (b[start + i] !== word[i]) return false;
  return true;
}
