/** Bytes in the making: samples one behind the other, then changed. Each mutant is made in the same buffer. */
export class Mutant {
  /** The mutant stands at its start; there is room behind it. */
  readonly buffer: Uint8Array<ArrayBuffer>;
  length = 0;
  readonly #most: number;

  /**
   * @param most bytes that it never exceeds
   * @param room bytes that the buffer has behind that
   */
  constructor(most: number, room = 0) {
    this.#most = most;
    this.buffer = new Uint8Array(most + room);
  }

  /** Puts bytes behind it, as far as they fit. */
  append(bytes: Uint8Array): void {
    const part = bytes.subarray(0, this.#most - this.length);
    this.buffer.set(part, this.length);
    this.length += part.length;
  }

  /** Turns one bit over, which is 0 to 7. */
  flipBit(at: number, bit: number): void {
    this.buffer[at]! ^= 1 << bit;
  }

  /** Takes out a stretch, as far as there is one. */
  cutOut(at: number, size: number): void {
    const end = Math.min(this.length, at + size);
    this.buffer.copyWithin(at, end, this.length);
    this.length -= end - at;
  }

  /** Doubles a stretch, as far as there is one and room for it. */
  double(at: number, size: number): void {
    const fitting = Math.min(size, this.length - at, this.#most - this.length);
    this.buffer.copyWithin(at + fitting, at, this.length);
    this.length += fitting;
  }
}
