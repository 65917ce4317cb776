/**
 * The DogStatsD metric line, parsed in place: `name:value|type|@rate|#tags`.
 *
 * Two readers of one grammar: `parseCommon` (metric_scan.ts) takes the shape nearly all lines have in one pass;
 * `parseLine` takes every line, in the order in which faults are to be reported. What the first refuses, for whatever
 * reason, the second judges.
 */
import {
  AT,
  COLON,
  DOT,
  HASH,
  LOWER_C,
  LOWER_D,
  LOWER_E,
  LOWER_G,
  LOWER_H,
  LOWER_M,
  LOWER_S,
  MINUS,
  PIPE,
  PLUS,
  UPPER_T,
  ZERO,
} from "./ascii.ts";
import { type MetricLine, MetricType, Reason } from "./metric_line.ts";

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
