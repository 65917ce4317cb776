import type { ListColumn } from "./columns_list.ts";

const encoder = new TextEncoder();

/** So few are copied one by one: faster than a call and the view that it needs. */
const FEW_OCTETS = 32;

/** A buffer that grows, for blocks of columns. */
export class NativeBuffer {
  #octets = new Uint8Array(64 * 1024);
  #length = 0;
  /** For values that must be aligned while they are computed. */
  #ends = new Float64Array(0);

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
  }

  /** What was written; valid until the next write or `clear()`. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#octets.subarray(0, this.#length);
  }

  /** Makes room for `size` octets and counts them as written. @returns where they start; see {@linkcode whole} */
  take(size: number): number {
    const at = this.#length;
    if (at + size > this.#octets.length) {
      const grown = new Uint8Array(Math.max(at + size, 2 * this.#octets.length));
      grown.set(this.#octets.subarray(0, at));
      this.#octets = grown;
    }
    this.#length = at + size;
    return at;
  }

  /** So many octets of 0. */
  zeros(size: number): void {
    const at = this.take(size);
    this.#octets.fill(0, at, at + size);
  }

  /** The whole buffer; replaced when it grows. */
  get whole(): Uint8Array<ArrayBuffer> {
    return this.#octets;
  }

  /** A number of at most 2^53, 7 bits an octet, low bits first. */
  varint(value: number): void {
    while (value >= 0x80) {
      const at = this.take(1);
      this.#octets[at] = value % 0x80 | 0x80;
      value = Math.floor(value / 0x80);
    }
    const at = this.take(1);
    this.#octets[at] = value;
  }

  /** UTF-8 behind its length. */
  text(text: string): void {
    const encoded = encoder.encode(text);
    this.varint(encoded.length);
    this.octets(encoded);
  }

  octets(octets: Uint8Array): void {
    const at = this.take(octets.length);
    this.#octets.set(octets, at);
  }

  /** The octets `[from, to)` of others. */
  part(octets: Uint8Array, from: number, to: number): void {
    if (to - from > FEW_OCTETS) return this.octets(octets.subarray(from, to));
    const at = this.take(to - from) - from;
    const target = this.#octets;
    for (; from < to; from++) target[at + from] = octets[from]!;
  }

  /** The elements `[from, to)` of an array, as they lie in memory. */
  array(values: Uint8Array | Uint16Array | Uint32Array, from: number, to: number): void {
    const size = values.BYTES_PER_ELEMENT;
    this.octets(new Uint8Array(values.buffer, values.byteOffset + from * size, (to - from) * size));
  }

  /** A number of 64 bits, of which only the low 32 may be set. */
  u64(low: number): void {
    const at = this.take(8);
    const octets = this.#octets;
    for (let i = 0; i < 4; i++) octets[at + i] = low >>> 8 * i;
    octets.fill(0, at + 4, at + 8);
  }

  /**
   * Where lists end: the running sums of their lengths, 64 bits each.
   *
   * @returns the last, and where the values of the first list start if they all follow each other, else -1
   */
  listEnds({ starts, lengths }: ListColumn, from: number, to: number): { total: number; start: number } {
    const rows = to - from;
    if (this.#ends.length < rows) this.#ends = new Float64Array(2 * rows);
    const words = new Uint32Array(this.#ends.buffer);
    let sum = 0, origin = -1;
    let isOneRun = true;
    for (let row = from, at = 0; row < to; row++, at += 2) {
      const length = lengths[row]!;
      if (length !== 0) {
        const start = starts[row]! - sum; // where the first list would have to start
        if (origin < 0) origin = start;
        isOneRun &&= start === origin;
        sum += length;
      }
      words[at] = sum; // values of a batch are fewer than 2^32
    }
    this.array(words, 0, 2 * rows);
    return { total: sum, start: isOneRun ? origin : -1 };
  }
}
