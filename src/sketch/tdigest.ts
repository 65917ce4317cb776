import {
  cdfOf,
  DEFAULT_COMPRESSION,
  mergeBuffered,
  mergeSorted,
  quantileOf,
  type Scale,
  scaleOf,
  SLOT,
  sumOf,
} from "./digest_core.ts";
import { SketchError } from "./sketch_error.ts";

/** A mean of samples and how many there are. */
export interface Centroid {
  readonly mean: number;
  readonly weight: number;
}

/** What a digest is made of: the form in which it is decoded and encoded. */
export interface DigestParts {
  /** Delta; larger is more precise and larger. */
  readonly compression: number;
  /** `Infinity` when there is no sample. */
  readonly min: number;
  /** `-Infinity` when there is no sample. */
  readonly max: number;
  /** Sum of weight / value over the samples. */
  readonly reciprocalSum: number;
  /** Pairs (mean, weight), `2 * length` numbers. */
  readonly slots: Float64Array;
  /** The first so many centroids in `slots` are merged, in ascending order of mean. */
  readonly mains: number;
  /** So many behind them wait for the next merge. */
  readonly temps: number;
}

/**
 * A merging t-digest: quantiles of any number of samples in a few kilobytes, most precise at both ends.
 *
 * Reading anything but the counters first merges what is buffered, which changes no result.
 */
export class TDigest {
  readonly #scale: Scale;
  #slots: Float64Array<ArrayBuffer>;
  #mains = 0;
  #temps = 0;
  #count = 0;
  #min = Infinity;
  #max = -Infinity;
  #reciprocalSum = 0;

  /**
   * An empty digest.
   *
   * @param compression delta, 10 to 10 000
   * @throws {RangeError} on another compression
   */
  constructor(compression: number = DEFAULT_COMPRESSION) {
    this.#scale = scaleOf(compression);
    this.#slots = new Float64Array(SLOT * this.#scale.bufferSize);
  }

  /**
   * A digest of parts from elsewhere, which are copied. Mains out of order are sorted; extremes that don't enclose the
   * means are replaced by the outermost means; a compression out of range is brought into it, one that is missing (0)
   * or NaN becomes 100.
   *
   * @throws {SketchError} `sketch.centroid` on a mean that is not finite or a weight that is not finite and positive
   */
  static from(parts: DigestParts): TDigest {
    const { slots, mains, temps } = parts;
    const end = SLOT * (mains + temps);
    let least = Infinity;
    let most = -Infinity;
    let sorted = true;
    for (let at = 0; at < end; at += SLOT) {
      const mean = slots[at]!;
      const weight = slots[at + 1]!;
      if (!Number.isFinite(mean) || !(weight > 0 && weight < Infinity)) {
        throw new SketchError("sketch.centroid", `Cannot use a centroid of mean ${mean} and weight ${weight}`);
      }
      if (at > 0 && at < SLOT * mains && mean < slots[at - SLOT]!) sorted = false;
      least = Math.min(least, mean);
      most = Math.max(most, mean);
    }
    const compression = parts.compression > 0 ? parts.compression : DEFAULT_COMPRESSION;
    const digest = TDigest.copyOf({
      ...parts,
      compression: Math.min(Math.max(compression, 10), 10_000),
      min: end > 0 && parts.min <= least && parts.min > -Infinity ? parts.min : least,
      max: end > 0 && parts.max >= most && parts.max < Infinity ? parts.max : most,
    });
    if (!sorted) sortSlots(digest.#slots, mains);
    return digest;
  }

  /** A digest of the parts of another one of ours, copied as they are. */
  static copyOf(parts: DigestParts): TDigest {
    const digest = new TDigest(parts.compression);
    const end = SLOT * (parts.mains + parts.temps);
    digest.#slots = parts.slots.slice(0, end);
    digest.#mains = parts.mains;
    digest.#temps = parts.temps;
    digest.#min = parts.min;
    digest.#max = parts.max;
    digest.#reciprocalSum = parts.reciprocalSum;
    for (let at = 0; at < end; at += SLOT) digest.#count += parts.slots[at + 1]!;
    return digest;
  }

  /** Delta. */
  get compression(): number {
    return this.#scale.compression;
  }

  /** Total weight of all samples. */
  get count(): number {
    return this.#count;
  }

  /** The least sample; `Infinity` if there is none. */
  get min(): number {
    return this.#min;
  }

  /** The greatest sample; `-Infinity` if there is none. */
  get max(): number {
    return this.#max;
  }

  /** Sum of weight / value over all samples. Infinite after a sample of 0. */
  get reciprocalSum(): number {
    return this.#reciprocalSum;
  }

  /** Sum of mean * weight over the centroids. */
  get sum(): number {
    this.#settle();
    return sumOf(this.#slots, 0, this.#mains);
  }

  /**
   * Adds a sample.
   *
   * @param value any finite number
   * @param weight how many samples it stands for; finite and positive
   * @throws {RangeError} on any other value or weight
   */
  add(value: number, weight = 1): void {
    if (!Number.isFinite(value) || !(weight > 0 && weight < Infinity)) {
      throw new RangeError(
        `Cannot add the sample ${value} of weight ${weight}: both must be finite, the weight positive`,
      );
    }
    this.#append(value, weight);
    this.#count += weight;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    this.#reciprocalSum += weight / value;
  }

  /**
   * Adds everything `other` holds, which stays as it is. What fits into the buffer is added sample by sample; more is
   * merged in one walk.
   */
  merge(other: TDigest): void {
    if (other === this) return this.merge(TDigest.copyOf(other.parts()));
    const slots = other.#slots;
    let from = 0;
    if (other.#mains > this.#scale.bufferSize - this.#temps) {
      this.#settle();
      this.#reserve(Math.min(this.#mains + other.#mains, this.#scale.mostMains));
      let weight = this.#count;
      for (let i = 0; i < other.#mains; i++) weight += slots[SLOT * i + 1]!;
      this.#mains = mergeSorted(this.#slots, 0, this.#mains, slots, 0, other.#mains, weight, this.#scale);
      this.#count = weight;
      from = other.#mains;
    }
    for (let i = from; i < other.#mains + other.#temps; i++) {
      const weight = slots[SLOT * i + 1]!;
      this.#append(slots[SLOT * i]!, weight);
      this.#count += weight;
    }
    if (other.#count > 0) {
      this.#min = Math.min(this.#min, other.#min);
      this.#max = Math.max(this.#max, other.#max);
      this.#reciprocalSum += other.#reciprocalSum;
    }
  }

  /** The value below which the share `q` of all samples lies; NaN if there is none or `q` is outside [0, 1]. */
  quantile(q: number): number {
    this.#settle();
    return quantileOf(this.#slots, 0, this.#mains, this.#count, this.#min, this.#max, q);
  }

  /** The share of all samples below `x`, 0 to 1; NaN if there is none. */
  cdf(x: number): number {
    this.#settle();
    return cdfOf(this.#slots, 0, this.#mains, this.#count, this.#min, this.#max, x);
  }

  /** The centroids in ascending order of mean. */
  centroids(): Centroid[] {
    this.#settle();
    const out: Centroid[] = [];
    for (let at = 0; at < SLOT * this.#mains; at += SLOT) {
      out.push({ mean: this.#slots[at]!, weight: this.#slots[at + 1]! });
    }
    return out;
  }

  /** What the digest is made of, merged or not: `slots` is a view, valid until the digest changes. */
  parts(): DigestParts {
    return {
      compression: this.#scale.compression,
      min: this.#min,
      max: this.#max,
      reciprocalSum: this.#reciprocalSum,
      slots: this.#slots,
      mains: this.#mains,
      temps: this.#temps,
    };
  }

  #append(value: number, weight: number): void {
    if (this.#temps >= this.#scale.bufferSize) this.#settle();
    this.#reserve(this.#mains + this.#temps + 1);
    const at = SLOT * (this.#mains + this.#temps++);
    this.#slots[at] = value;
    this.#slots[at + 1] = weight;
  }

  #settle(): void {
    if (this.#temps === 0) return;
    this.#mains = mergeBuffered(this.#slots, 0, this.#mains, this.#temps, this.#count, this.#scale);
    this.#temps = 0;
  }

  #reserve(slots: number): void {
    if (SLOT * slots <= this.#slots.length) return;
    const { usualMains, bufferSize } = this.#scale;
    const length = SLOT * Math.max(slots, this.#mains + bufferSize, usualMains + bufferSize);
    this.#slots = new Float64Array(this.#slots.buffer.transfer(length * Float64Array.BYTES_PER_ELEMENT));
  }
}

/** Sorts the first `count` slots by mean, equal ones staying in order. */
function sortSlots(slots: Float64Array, count: number): void {
  const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => slots[SLOT * a]! - slots[SLOT * b]!);
  const sorted = Float64Array.from({ length: SLOT * count }, (_, i) => slots[SLOT * order[i >> 1]! + (i & 1)]!);
  slots.set(sorted);
}
