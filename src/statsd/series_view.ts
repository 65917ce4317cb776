import type { DigestStore, SetStore } from "../sketch/mod.ts";
import { bytesOf, roundUp } from "./key_words.ts";
import type { MetricType } from "./metric_line.ts";
import { KIND_BITS, SCOPE_SHIFT, TIMESTAMPED, TYPE_MASK } from "./series_entry.ts";
import type { Scope } from "./tags.ts";

/** One series of a table, read in place. Texts are made when asked for. */
export class SeriesView {
  readonly #keys: Uint8Array;
  readonly #text: TextDecoder;
  #key = 0;
  #lengths = 0;
  #kind = 0;
  /** A counter's sum or a gauge's value. */
  value = 0;
  /** The number of the digest or sketch in `digests` or `sets`. */
  cell = 0;

  constructor(
    keys: Int32Array<ArrayBuffer>,
    readonly digests: DigestStore,
    readonly sets: SetStore,
    text: TextDecoder,
  ) {
    this.#keys = bytesOf(keys).bytes;
    this.#text = text;
  }

  /** Moves the view on. */
  point(key: number, lengths: number, kind: number, value: number, cell: number): void {
    this.#key = key;
    this.#lengths = lengths;
    this.#kind = kind;
    this.value = value;
    this.cell = cell;
  }

  get type(): MetricType {
    return (this.#kind & TYPE_MASK) as MetricType;
  }

  get scope(): Scope {
    return (this.#kind >>> SCOPE_SHIFT & 3) as Scope;
  }

  name(): string {
    return this.#slice(0, this.#nameLength);
  }

  /** The canonical tags, joined by commas; "" without tags. */
  tagString(): string {
    return this.#slice(roundUp(this.#nameLength), this.#lengths >>> 16);
  }

  /** Unix seconds that its samples brought; 0 when they brought none. */
  timestamp(): number {
    if ((this.#kind & TIMESTAMPED) === 0) return 0;
    return Number(this.#slice(roundUp(roundUp(this.#nameLength) + (this.#lengths >>> 16)), this.#kind >>> KIND_BITS));
  }

  get #nameLength(): number {
    return this.#lengths & 0xffff;
  }

  #slice(from: number, length: number): string {
    const start = this.#key * 4 + from;
    return length === 0 ? "" : this.#text.decode(this.#keys.subarray(start, start + length));
  }
}
