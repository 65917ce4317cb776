/**
 * The merging t-digest (T. Dunning, "Computing extremely accurate quantiles using t-digests") on plain memory, shared by
 * `TDigest` and `DigestStore`.
 *
 * A digest is a run of slots, each a pair (mean, weight) in a `Float64Array`: first the main centroids in ascending
 * order of mean, behind them the buffered ("temp") ones as they came. `base` is the index of the first slot's mean.
 * What else belongs to a digest (counts, total weight, extremes) its owner keeps and hands in.
 */

/** Doubles a slot. */
export const SLOT = 2;

/** The compression every digest of the agent has. */
export const DEFAULT_COMPRESSION = 100;

/** What follows from a compression, worked out once. */
export interface Scale {
  /** The delta of the index function k(q) = delta * (asin(2q - 1) / pi + 1/2). */
  readonly compression: number;
  /** How many samples are buffered between two merges. */
  readonly bufferSize: number;
  /** More main centroids than this are not usual. */
  readonly usualMains: number;
  /** More main centroids than this can't be: two neighbours together span more than 1 of k's range, which is delta. */
  readonly mostMains: number;
  /** cos(pi/delta) and sin(pi/delta): one step of k, as a rotation. */
  readonly cos: number;
  readonly sin: number;
}

/**
 * The scale of a compression.
 *
 * @throws {RangeError} if `compression` is not between 10 and 10 000
 */
export function scaleOf(compression: number): Scale {
  if (!(compression >= 10 && compression <= 10_000)) {
    throw new RangeError(`Cannot make a digest of compression ${compression}: it must be between 10 and 10000`);
  }
  const c = Math.min(Math.max(compression, 20), 925);
  return {
    compression,
    bufferSize: Math.floor(7.5 + 0.37 * c - 0.0002 * c * c),
    usualMains: Math.floor(Math.PI * compression / 2 + 0.5),
    mostMains: Math.ceil(2 * compression) + 1,
    cos: Math.cos(Math.PI / compression),
    sin: Math.sin(Math.PI / compression),
  };
}

/** Sorted centroids on their way into a digest; one for all, because merging never yields. Grows to what is needed. */
let inMeans = new Float64Array(256);
let inWeights = new Float64Array(256);
/** A digest's own main centroids while others are merged into it. */
let ownSlots = new Float64Array(512);

function reserveIncoming(count: number): void {
  if (count < inMeans.length) return; // one more than `count` for the sentinel
  inMeans = new Float64Array(count * 2);
  inWeights = new Float64Array(count * 2);
}

/**
 * Merges the `temps` buffered slots behind `mains` main ones into them. All slots' weights add up to `weight`.
 * Returns the new number of main centroids; none is buffered any more.
 */
export function mergeBuffered(
  slots: Float64Array,
  base: number,
  mains: number,
  temps: number,
  weight: number,
  scale: Scale,
): number {
  if (temps === 0) return mains;
  reserveIncoming(temps);
  sortIncoming(slots, base + SLOT * mains, temps);
  // The main centroids move up by as much as comes in: then the output, never longer than what was taken, can't overtake
  // what is still to be read.
  const start = base + SLOT * temps;
  if (mains > 0) slots.copyWithin(start, base, base + SLOT * mains);
  return mergeIncoming(slots, base, slots, start, mains, temps, weight, scale);
}

/** Fewer buckets leave more for the insertion sort, more take longer to sum up. */
const BUCKETS = 64;
const MOST_BUFFERED = 178; // what `bufferSize` is at most
const rawMeans = new Float64Array(MOST_BUFFERED);
const rawWords = new Int32Array(rawMeans.buffer);
const rawWeights = new Float64Array(MOST_BUFFERED);
const buckets = new Int32Array(MOST_BUFFERED);
const bucketStarts = new Int32Array(BUCKETS);

/**
 * Copies `count` slots into the incoming centroids, sorted by mean, equal ones in order. They are first spread over
 * buckets by the high words of their means, which ascend with them and are nearly their logarithms, so that measured
 * durations spread well; an insertion sort does the rest. (42 random slots: 0.5 us; insertion alone: 1.0 us, nearly all
 * of it mispredicted branches.)
 */
function sortIncoming(slots: Float64Array, start: number, count: number): void {
  let least = 0x7fffffff;
  let most = -0x80000000;
  for (let i = 0, at = start; i < count; i++, at += SLOT) {
    rawMeans[i] = slots[at]!;
    rawWeights[i] = slots[at + 1]!;
    const word = rawWords[2 * i + 1]!; // the high one, on our little-endian targets
    const key = word ^ (word >> 31 & 0x7fffffff);
    buckets[i] = key;
    if (key < least) least = key;
    if (key > most) most = key;
  }
  const perKey = (BUCKETS - 1) / (most - least + 1);
  bucketStarts.fill(0);
  for (let i = 0; i < count; i++) {
    const bucket = Math.trunc((buckets[i]! - least) * perKey);
    buckets[i] = bucket;
    bucketStarts[bucket + 1]!++;
  }
  for (let i = 1; i < BUCKETS; i++) bucketStarts[i]! += bucketStarts[i - 1]!;
  const means = inMeans;
  const weights = inWeights;
  for (let i = 0; i < count; i++) {
    const to = bucketStarts[buckets[i]!]!++;
    means[to] = rawMeans[i]!;
    weights[to] = rawWeights[i]!;
  }
  for (let i = 1; i < count; i++) {
    const mean = means[i]!;
    if (means[i - 1]! <= mean) continue;
    const weight = weights[i]!;
    let at = i;
    for (; at > 0 && means[at - 1]! > mean; at--) {
      means[at] = means[at - 1]!;
      weights[at] = weights[at - 1]!;
    }
    means[at] = mean;
    weights[at] = weight;
  }
}

/**
 * Merges `count` sorted centroids of another digest, which stand in `other` from index `otherBase` on, into the `mains`
 * main centroids at `base`; nothing is buffered there. `weight` is the total of both. Returns the new number of main
 * centroids, at most `mains + count` and at most `scale.mostMains`; there must be room for so many.
 */
export function mergeSorted(
  slots: Float64Array,
  base: number,
  mains: number,
  other: Float64Array,
  otherBase: number,
  count: number,
  weight: number,
  scale: Scale,
): number {
  reserveIncoming(count);
  for (let i = 0, from = otherBase; i < count; i++, from += SLOT) {
    inMeans[i] = other[from]!;
    inWeights[i] = other[from + 1]!;
  }
  if (ownSlots.length < SLOT * mains) ownSlots = new Float64Array(2 * SLOT * mains);
  for (let i = 0; i < SLOT * mains; i++) ownSlots[i] = slots[base + i]!;
  return mergeIncoming(slots, base, ownSlots, 0, mains, count, weight, scale);
}

/**
 * One walk over the `mains` main centroids at `own[ownStart]` and the `count` incoming ones in ascending order of mean,
 * the incoming first among equals; the result goes to `slots[base]`.
 */
function mergeIncoming(
  slots: Float64Array,
  base: number,
  own: Float64Array,
  ownStart: number,
  mains: number,
  count: number,
  total: number,
  scale: Scale,
): number {
  const { cos, sin, compression } = scale;
  const means = inMeans;
  const weights = inWeights;
  means[count] = Infinity; // means are finite, so the end of either side always loses
  let main = ownStart;
  const mainEnd = main + SLOT * mains;
  let mainMean = mains > 0 ? own[main]! : Infinity;
  let next = 0;
  let nextMean = means[0]!;

  let out = base - SLOT;
  let outMean = 0;
  let outWeight = 0;
  let before = 0; // weight merged so far
  let outBefore = 0; // weight in front of the last output centroid
  // An output centroid may grow until k has advanced by 1 from where it began: up to the weight `limit`, which is
  // found by turning by pi/delta instead of taking two arc sines a centroid (42 samples into a full digest: 2.1 us,
  // with arc sines 10.5 us). Nearer to it than `margin`, rounding could decide, and the definition does.
  const margin = total * 1e-9;
  const top = cos + 1e-9;
  const half = total / 2;
  const perTotal = 2 / total;
  let limit = -Infinity;
  for (let left = mains + count; left > 0; left--) {
    let mean: number;
    let weight: number;
    if (nextMean <= mainMean) {
      mean = nextMean;
      weight = weights[next]!;
      nextMean = means[++next]!;
    } else {
      mean = mainMean;
      weight = own[main + 1]!;
      main += SLOT;
      mainMean = main < mainEnd ? own[main]! : Infinity;
    }
    const after = before + weight;
    const beyond = after - limit;
    if (
      beyond > margin || beyond > -margin && exceedsOne(outBefore / total, after / total, compression) || out < base
    ) {
      if (out >= base) {
        slots[out] = outMean;
        slots[out + 1] = outWeight;
      }
      out += SLOT;
      outMean = mean;
      outWeight = weight;
      outBefore = before;
      const b = before * perTotal - 1;
      limit = b > top ? Infinity : half + half * (b * cos + Math.sqrt(1 - b * b) * sin);
    } else {
      outWeight += weight;
      const moved = outMean + (mean - outMean) * weight / outWeight;
      outMean = moved - moved === 0 ? moved : moveLarge(outMean, mean, weight / outWeight);
    }
    before = after;
  }
  slots[out] = outMean;
  slots[out + 1] = outWeight;
  return (out - base) / SLOT + 1;
}

/** Moves a mean where the short formula overflows: means must stay finite, or the walk would take them for its end. */
function moveLarge(mean: number, towards: number, share: number): number {
  const moved = mean * (1 - share) + towards * share;
  return moved - moved === 0 ? moved : mean;
}

/** Whether k(q1) - k(q0) > 1. */
function exceedsOne(q0: number, q1: number, compression: number): boolean {
  return indexOf(q1, compression) - indexOf(q0, compression) > 1;
}

/** The index function k(q); rounding may bring q a little outside [0, 1]. */
function indexOf(q: number, compression: number): number {
  const x = Math.min(Math.max(2 * q - 1, -1), 1);
  return compression * (Math.asin(x) / Math.PI + 0.5);
}

/** The value at quantile `q` of a merged digest; NaN if it is empty or `q` is outside [0, 1]. */
export function quantileOf(
  slots: Float64Array,
  base: number,
  mains: number,
  weight: number,
  min: number,
  max: number,
  q: number,
): number {
  if (mains === 0 || !(q >= 0 && q <= 1)) return NaN;
  if (q === 1) return max; // rounding must not make it another number
  const target = q * weight;
  const end = base + SLOT * mains;
  let before = 0;
  let lower = min;
  for (let at = base; at < end; at += SLOT) {
    const own = slots[at + 1]!;
    const upper = at + SLOT < end ? (slots[at]! + slots[at + SLOT]!) / 2 : max;
    if (target <= before + own) return lower + (target - before) / own * (upper - lower);
    before += own;
    lower = upper;
  }
  return max; // the parts came to a little less than the whole
}

/** The share of a merged digest's weight below `x`; NaN if it is empty or `x` is. */
export function cdfOf(
  slots: Float64Array,
  base: number,
  mains: number,
  weight: number,
  min: number,
  max: number,
  x: number,
): number {
  if (mains === 0 || x !== x) return NaN;
  if (x <= min) return 0;
  if (x >= max) return 1;
  const end = base + SLOT * mains;
  let before = 0;
  let lower = min;
  for (let at = base; at < end; at += SLOT) {
    const own = slots[at + 1]!;
    const upper = at + SLOT < end ? (slots[at]! + slots[at + SLOT]!) / 2 : max;
    if (x < upper) return (before + own * (x - lower) / (upper - lower)) / weight;
    before += own;
    lower = upper;
  }
  return 1;
}

/** The sum of mean * weight over `count` slots. */
export function sumOf(slots: Float64Array, base: number, count: number): number {
  const end = base + SLOT * count;
  let sum = 0;
  for (let at = base; at < end; at += SLOT) sum += slots[at]! * slots[at + 1]!;
  return sum;
}
