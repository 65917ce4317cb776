import type { DigestStore, HyperLogLogV1, SetStore } from "../sketch/mod.ts";
import { bytesOf, roundUp } from "./key_words.ts";
import type { MetricType } from "./metric_line.ts";
import { CELL, KEY, KIND, KIND_BITS, LENGTHS, SCOPE_SHIFT, TIMESTAMPED, TYPE_MASK } from "./series_entry.ts";
import type { Scope } from "./tags.ts";

/** One series of a table, read in place. Texts are made when asked for. */
export class SeriesView {
  readonly #records: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #text: TextDecoder;
  #entry = 0;
  /** A counter's sum or a gauge's value. */
  value = 0;

  constructor(
    records: Int32Array<ArrayBuffer>,
    readonly digests: DigestStore,
    readonly sets: SetStore,
    readonly oldSets: ReadonlyMap<number, HyperLogLogV1>,
    text: TextDecoder,
  ) {
    this.#records = records;
    this.#bytes = bytesOf(records).bytes;
    this.#text = text;
  }

  /** Moves the view on. */
  point(entry: number, value: number): void {
    this.#entry = entry;
    this.value = value;
  }

  /** The number of the digest or sketch in `digests` or `sets`. */
  get cell(): number {
    return this.#records[this.#entry + CELL]!;
  }

  /** A set's members: what both generations have of it can't be merged, so the larger estimate is taken. */
  estimate(): number {
    return Math.max(this.sets.estimate(this.cell), this.oldSets.get(this.cell)?.estimate() ?? 0);
  }

  get type(): MetricType {
    return (this.#kind() & TYPE_MASK) as MetricType;
  }

  get scope(): Scope {
    return (this.#kind() >>> SCOPE_SHIFT & 3) as Scope;
  }

  name(): string {
    return this.#slice(0, this.#nameLength);
  }

  /** The canonical tags, joined by commas; "" without tags. */
  tagString(): string {
    return this.#slice(roundUp(this.#nameLength), this.#lengths() >>> 16);
  }

  /** Unix seconds that its samples brought; 0 when they brought none. */
  timestamp(): number {
    if ((this.#kind() & TIMESTAMPED) === 0) return 0;
    return Number(
      this.#slice(roundUp(roundUp(this.#nameLength) + (this.#lengths() >>> 16)), this.#kind() >>> KIND_BITS),
    );
  }

  get #nameLength(): number {
    return this.#lengths() & 0xffff;
  }

  #lengths(): number {
    return this.#records[this.#entry + LENGTHS]!;
  }

  #kind(): number {
    return this.#records[this.#entry + KIND]!;
  }

  #slice(from: number, length: number): string {
    const start = (this.#entry + KEY) * 4 + from;
    return length === 0 ? "" : this.#text.decode(this.#bytes.subarray(start, start + length));
  }
}
