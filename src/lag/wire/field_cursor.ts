import { toHex } from "../../bytes/mod.ts";
import { type Int64, readInt64 } from "./int64.ts";
import { Malformed, type Reason } from "./reason.ts";

// A byte order mark is part of a name.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossyUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text of a name. @throws {Malformed} if it is not UTF-8 */
export function nameText(bytes: Uint8Array, reason: Reason): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new Malformed(reason);
    throw error;
  }
}

/**
 * A cursor over the fields of Kafka's primitive encodings, big-endian. Every method is told the reason with which the
 * record is refused when its bytes are not there.
 *
 * Lengths are held against the bytes left before anything is made of them.
 */
export class FieldCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes left. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  int8(reason: Reason): number {
    return this.#view.getInt8(this.#take(1, reason));
  }

  int16(reason: Reason): number {
    return this.#view.getInt16(this.#take(2, reason));
  }

  int32(reason: Reason): number {
    return this.#view.getInt32(this.#take(4, reason));
  }

  int64(reason: Reason): Int64 {
    return readInt64(this.#view, this.#take(8, reason));
  }

  /** Seven bits a byte, the least significant first; at most five bytes. */
  uvarint(reason: Reason): number {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const byte = this.#bytes[this.#take(1, reason)]!;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new Malformed(reason);
  }

  /** A name that has to be there. */
  string(flexible: boolean, reason: Reason): string {
    const bytes = this.#sized(this.#stringLength(flexible, reason), reason);
    if (bytes === null) throw new Malformed(reason);
    return nameText(bytes, reason);
  }

  /** A text that may be null. What is not UTF-8 in it shows as replacement characters: it is no name. */
  nullableString(flexible: boolean, reason: Reason): string | null {
    const bytes = this.#sized(this.#stringLength(flexible, reason), reason);
    return bytes === null ? null : lossyUtf8.decode(bytes);
  }

  /** Bytes that may be null: a view. */
  bytes(flexible: boolean, reason: Reason): Uint8Array | null {
    return this.#sized(flexible ? this.uvarint(reason) - 1 : this.int32(reason), reason);
  }

  /** The number of elements of an array, each of at least `leastBytes`; a null array has none. */
  count(flexible: boolean, leastBytes: number, reason: Reason): number {
    const count = flexible ? Math.max(this.uvarint(reason) - 1, 0) : this.int32(reason);
    if (count < 0 || count > this.remaining / leastBytes) throw new Malformed(reason);
    return count;
  }

  /** Sixteen bytes as `8-4-4-4-12` hex digits. */
  uuid(reason: Reason): string {
    const at = this.#take(16, reason);
    return uuidText(this.#bytes.subarray(at, at + 16));
  }

  /** Moves over a tag section; `visit` sees each tag with its bytes. */
  tags(reason: Reason, visit?: (tag: number, value: Uint8Array) => void): void {
    for (let left = this.uvarint(reason); left > 0; left--) {
      const tag = this.uvarint(reason);
      const size = this.uvarint(reason);
      const at = this.#take(size, reason);
      visit?.(tag, this.#bytes.subarray(at, at + size));
    }
  }

  #stringLength(flexible: boolean, reason: Reason): number {
    return flexible ? this.uvarint(reason) - 1 : this.int16(reason);
  }

  /** `length` bytes; -1 is null, any other negative one a fault. */
  #sized(length: number, reason: Reason): Uint8Array | null {
    if (length === -1) return null;
    const at = this.#take(length, reason);
    return this.#bytes.subarray(at, at + length);
  }

  #take(size: number, reason: Reason): number {
    const at = this.#at;
    if (!(size >= 0 && size <= this.#bytes.length - at)) throw new Malformed(reason);
    this.#at = at + size;
    return at;
  }
}

/** Sixteen bytes as `8-4-4-4-12` hex digits. */
export function uuidText(bytes: Uint8Array): string {
  const hex = toHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
