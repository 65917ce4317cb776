/** The short way through a metric line: the shape nearly all lines have, in one pass, four bytes at a time. */
import {
  AT,
  COLON,
  CR,
  DOT,
  HASH,
  LF,
  LOWER_C,
  LOWER_G,
  LOWER_H,
  LOWER_M,
  LOWER_S,
  MINUS,
  PIPE,
  PLUS,
  ZERO,
} from "./ascii.ts";
import { type MetricLine, MetricType } from "./metric_line.ts";

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
