import { ByteError } from "./byte_error.ts";

/**
 * A cursor over bytes; a method's name says width and byte order. Every read checks that its bytes are there;
 * `need()` in front of a structure makes the error speak of the structure.
 *
 * All methods that move the cursor throw a {@link ByteError} with the code `bytes.truncated` past the end.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  #at: number;

  /** Reads `bytes[start, end)`; positions and error offsets count from the start of `bytes`. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`Cannot read bytes ${start} to ${end}: there are ${bytes.length}`);
    }
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  /** Offset of the next byte in the array the reader was given. */
  get position(): number {
    return this.#at;
  }

  /** Bytes left. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  /** Checks that `size` bytes are left for `what`, a structure's name. */
  need(size: number, what: string): void {
    if (size > this.#end - this.#at) this.#fail(size, what);
  }

  /** Moves over `size` bytes. */
  skip(size: number): void {
    this.#take(size);
  }

  /** Moves to `position`, forwards or backwards, at most to the end. */
  seek(position: number): void {
    if (!(position >= 0 && position <= this.#end)) {
      throw new ByteError("bytes.truncated", this.#at, `Cannot move to byte ${position}: there are ${this.#end}`);
    }
    this.#at = position;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  i8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  u16be(): number {
    return this.#view.getUint16(this.#take(2), false);
  }

  u16le(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  i16be(): number {
    return this.#view.getInt16(this.#take(2), false);
  }

  u24be(): number {
    const at = this.#take(3);
    return this.#view.getUint8(at) << 16 | this.#view.getUint16(at + 1, false);
  }

  u32be(): number {
    return this.#view.getUint32(this.#take(4), false);
  }

  u32le(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32be(): number {
    return this.#view.getInt32(this.#take(4), false);
  }

  i32le(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  u64be(): bigint {
    return this.#view.getBigUint64(this.#take(8), false);
  }

  u64le(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  i64be(): bigint {
    return this.#view.getBigInt64(this.#take(8), false);
  }

  i64le(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  f32le(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  f64le(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  f64be(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /**
   * A LEB128 number (7 bits a byte, low bits first) of at most 53 bits.
   *
   * @throws {ByteError} `bytes.varint` if it is larger; the cursor is where it was before
   */
  varint(): number {
    const start = this.#at;
    let value = 0;
    let scale = 1;
    for (let at = start; at < this.#end; at++) {
      const byte = this.#bytes[at]!;
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER || at - start > 9) {
        throw new ByteError("bytes.varint", start, `Cannot read a varint at byte ${start}: it exceeds 53 bits`);
      }
      if (byte < 0x80) {
        this.#at = at + 1;
        return value;
      }
      scale *= 128;
    }
    this.#fail(this.#end - start + 1, "a varint");
  }

  /**
   * A LEB128 number of 64 bits, unsigned. Bits above 64 in the tenth byte are lost, as protobuf has it.
   *
   * @throws {ByteError} `bytes.varint` if it takes more than ten bytes; the cursor is where it was before
   */
  varint64(): bigint {
    const start = this.#at;
    let low = 0; // bits 0 to 27, 28 to 55 and 56 to 63 fit 32-bit numbers, so that a bigint is made once
    let middle = 0;
    let high = 0;
    for (let at = start; at < this.#end; at++) {
      const byte = this.#bytes[at]!;
      const index = at - start;
      if (index < 4) low |= (byte & 0x7f) << (7 * index);
      else if (index < 8) middle |= (byte & 0x7f) << (7 * (index - 4));
      else if (index < 10) high |= (byte & 0x7f) << (7 * (index - 8));
      else throw new ByteError("bytes.varint", start, `Cannot read a varint at byte ${start}: it exceeds 64 bits`);
      if (byte < 0x80) {
        this.#at = at + 1;
        if (high === 0 && middle < 0x200_0000) return BigInt(middle * 0x1000_0000 + low); // below 2^53
        return BigInt(low) | BigInt(middle) << 28n | BigInt(high & 0xff) << 56n;
      }
    }
    this.#fail(this.#end - start + 1, "a varint");
  }

  /**
   * The low 32 bits of a LEB128 number of up to 64 bits, as a signed number: protobuf's `int32` and `enum`.
   *
   * @throws {ByteError} `bytes.varint` if it takes more than ten bytes; the cursor is where it was before
   */
  varint32(): number {
    const start = this.#at;
    let value = 0;
    for (let at = start; at < this.#end; at++) {
      const byte = this.#bytes[at]!;
      const index = at - start;
      if (index < 5) value |= (byte & 0x7f) << (7 * index);
      else if (index > 9) {
        throw new ByteError("bytes.varint", start, `Cannot read a varint at byte ${start}: it exceeds 64 bits`);
      }
      if (byte < 0x80) {
        this.#at = at + 1;
        return value;
      }
    }
    this.#fail(this.#end - start + 1, "a varint");
  }

  /** The next `size` bytes: a view, valid as long as the underlying array keeps its content. */
  bytes(size: number): Uint8Array {
    const at = this.#take(size);
    return this.#bytes.subarray(at, at + size);
  }

  /** Fills `out` with the next `out.length` bytes. */
  copyTo(out: Uint8Array): void {
    out.set(this.bytes(out.length));
  }

  /** A cursor of its own over the next `size` bytes, which this one moves over. Offsets stay those of the whole. */
  sub(size: number): ByteReader {
    const at = this.#take(size);
    return new ByteReader(this.#bytes, at, at + size);
  }

  #take(size: number): number {
    const at = this.#at;
    if (!(size >= 0 && size <= this.#end - at)) this.#fail(size, `${size} bytes`);
    this.#at = at + size;
    return at;
  }

  #fail(size: number, what: string): never {
    const left = this.#end - this.#at;
    throw new ByteError(
      "bytes.truncated",
      this.#at,
      `Cannot read ${what} at byte ${this.#at}: ${left} of ${size} bytes are there`,
    );
  }
}
