const text = new TextEncoder();

/** Writes into memory that grows; a method's name says width and byte order. Numbers are cut to their width. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  /** `capacity` bytes are there from the start. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(Math.max(capacity, 16));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Forgets what was written and keeps the memory; with `length`, keeps so many bytes. */
  reset(length = 0): void {
    if (!(length >= 0 && length <= this.#length)) {
      throw new RangeError(`Cannot keep ${length} bytes: ${this.#length} are written`);
    }
    this.#length = length;
  }

  u8(value: number): void {
    const at = this.#grow(1); // first: growing replaces the view
    this.#view.setUint8(at, value);
  }

  u16be(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, false);
  }

  u16le(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
  }

  u32be(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, false);
  }

  u32le(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
  }

  u64be(value: bigint): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, false);
  }

  u64le(value: bigint): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, true);
  }

  f32le(value: number): void {
    const at = this.#grow(4);
    this.#view.setFloat32(at, value, true);
  }

  f64le(value: number): void {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value, true);
  }

  f64be(value: number): void {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value, false);
  }

  /**
   * A LEB128 number.
   *
   * @throws {RangeError} unless `value` is a whole number from 0 to 2^53-1
   */
  varint(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) {
      throw new RangeError(`Cannot write ${value} as a varint: it must be a whole number from 0 to 2^53-1`);
    }
    let at = this.#grow(varintSize(value));
    while (value >= 0x80) {
      this.#bytes[at++] = value % 128 + 128;
      value = Math.floor(value / 128);
    }
    this.#bytes[at] = value;
  }

  /** A LEB128 number of 64 bits; a negative one takes ten bytes, as two's complement. */
  varint64(value: bigint): void {
    value = BigInt.asUintN(64, value);
    while (value > 0x7fn) {
      this.u8(Number(value & 0x7fn) | 0x80);
      value >>= 7n;
    }
    this.u8(Number(value));
  }

  /** Copies `bytes`. */
  bytes(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Writes `value` as UTF-8, without a length. */
  text(value: string): void {
    const most = value.length * 3; // what UTF-8 takes at most for one UTF-16 code unit
    const at = this.#grow(most);
    this.#length = at + text.encodeInto(value, this.#bytes.subarray(at, at + most)).written;
  }

  /** Writes a 32-bit number over bytes written before, such as a length that was not known then. */
  setU32be(at: number, value: number): void {
    if (!(at >= 0 && at + 4 <= this.#length)) throw new RangeError(`Cannot write at byte ${at}: ${this.#length} exist`);
    this.#view.setUint32(at, value, false);
  }

  /** Puts the length of what was written from `start` on in front of it, as a varint. */
  prefixLength(start: number): void {
    const size = this.#length - start;
    if (!(start >= 0 && size >= 0)) throw new RangeError(`Cannot prefix byte ${start}: ${this.#length} exist`);
    const shift = varintSize(size);
    this.#grow(shift);
    this.#bytes.copyWithin(start + shift, start, start + size);
    const end = this.#length;
    this.#length = start;
    this.varint(size);
    this.#length = end;
  }

  /** What was written: a view, valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What was written, in memory of its own. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(size: number): number {
    const at = this.#length;
    const need = at + size;
    if (need > this.#bytes.length) {
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(Math.max(need, this.#bytes.length * 2)));
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.#length = need;
    return at;
  }
}

function varintSize(value: number): number {
  let size = 1;
  while (value >= 0x80) {
    value = Math.floor(value / 128);
    size++;
  }
  return size;
}
