/** Larger than the largest datagram that the kernel makes, 32 KiB. */
const ROOM_BYTES = 64 * 1024;
const FIRST_BYTES = 256 * 1024;
const FIRST_COUNT = 1024;

/**
 * What a dump received, datagram behind datagram, and where in it the sockets stand. It grows as the dumps do, by doubling,
 * and is used again.
 */
export class DumpBuffer {
  /** Replaced when it grows. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES);
  /** Bytes that are kept; the next datagram lands behind them, at a multiple of four. */
  filled = 0;
  /** Sockets noted. */
  count = 0;

  #starts: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_COUNT);
  #ends: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_COUNT);

  /** @param mostBytes what it may grow to, at least {@linkcode FIRST_BYTES} */
  constructor(readonly mostBytes: number) {}

  /** Bytes that the next datagram may have. */
  get room(): number {
    return ROOM_BYTES;
  }

  clear(): void {
    this.filled = 0;
    this.count = 0;
  }

  /** Grows, if need be, so that another datagram has room. @returns whether it has */
  makeRoom(): boolean {
    if (this.filled + ROOM_BYTES <= this.bytes.length) return true;
    const size = this.bytes.length * 2;
    if (size > this.mostBytes) return false;
    const larger = new Uint8Array(size);
    larger.set(this.bytes);
    this.bytes = larger;
    return true;
  }

  /** Keeps what was received up to `end`. */
  keep(end: number): void {
    this.filled = end + 3 & ~3;
  }

  /** Notes the socket at `[start, end)`. */
  note(start: number, end: number): void {
    if (this.count === this.#starts.length) {
      this.#starts = doubled(this.#starts);
      this.#ends = doubled(this.#ends);
    }
    this.#starts[this.count] = start;
    this.#ends[this.count] = end;
    this.count++;
  }

  start(i: number): number {
    return this.#starts[i]!; // i is below the count
  }

  end(i: number): number {
    return this.#ends[i]!; // i is below the count
  }
}

function doubled(numbers: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}
