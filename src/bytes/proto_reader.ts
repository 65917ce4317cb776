import { ByteError } from "./byte_error.ts";
import { ByteReader } from "./byte_reader.ts";

/** How a protobuf field's value is laid out (protobuf encoding guide, "Message structure"). */
export const WireType = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

/** As deep as groups may nest; nothing we read uses them at all. */
const MAX_GROUP_DEPTH = 16;
const MAX_FIELD = 0x1fff_ffff;

const lenientText = new TextDecoder();

/**
 * Reads the fields of one protobuf message in the order they stand. `next()` gives a field's number; then its value is
 * read once by the method of its type, or passed over with `skip()`. A method throws a {@link ByteError}
 * (`bytes.field`) when the field's wire type is not the method's, so that a decoder need not look at it.
 *
 * @example
 * ```ts
 * import { ProtoReader } from "./mod.ts";
 *
 * const reader = new ProtoReader(Uint8Array.of(0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69));
 * let id = 0;
 * let name = "";
 * for (let field = reader.next(); field !== 0; field = reader.next()) {
 *   if (field === 1) id = reader.varint();
 *   else if (field === 2) name = reader.text();
 *   else reader.skip();
 * }
 * console.assert(id === 150 && name === "hi");
 * ```
 */
export class ProtoReader {
  readonly #reader: ByteReader;
  readonly #bytes: Uint8Array;
  #field = 0;
  #wireType = 0;
  #at = 0;

  /** Reads `bytes[start, end)`; error offsets count from the start of `bytes`. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#reader = new ByteReader(bytes, start, end);
  }

  /** Offset of the next byte in the array the reader was given. */
  get position(): number {
    return this.#reader.position;
  }

  /** The wire type of the field `next()` gave, one of {@link WireType}. */
  get wireType(): number {
    return this.#wireType;
  }

  /**
   * Moves to the next field and gives its number; 0 at the end of the message.
   *
   * @throws {ByteError} if the key is cut off, or its number or wire type does not exist
   */
  next(): number {
    if (this.#reader.remaining === 0) return 0;
    this.#at = this.#reader.position;
    const key = this.#reader.varint();
    const field = Math.floor(key / 8);
    const wireType = key % 8;
    if (field === 0 || field > MAX_FIELD) this.#fail(`field number ${field} does not exist`);
    if (wireType > WireType.fixed32) this.#fail(`wire type ${wireType} does not exist`);
    this.#field = field;
    this.#wireType = wireType;
    return field;
  }

  /** `uint32`, or any number below 2^53 that is not negative. */
  varint(): number {
    this.#expect(WireType.varint);
    return this.#reader.varint();
  }

  /** `int32` and `enum`: the low 32 bits, signed. */
  int32(): number {
    this.#expect(WireType.varint);
    return this.#reader.varint32();
  }

  /** `uint64`. */
  uint64(): bigint {
    this.#expect(WireType.varint);
    return this.#reader.varint64();
  }

  /** `int64`. */
  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  /** `bool`. */
  bool(): boolean {
    return this.uint64() !== 0n;
  }

  /** `fixed32`, unsigned. */
  fixed32(): number {
    this.#expect(WireType.fixed32);
    return this.#reader.u32le();
  }

  /** `fixed64`, unsigned. */
  fixed64(): bigint {
    this.#expect(WireType.fixed64);
    return this.#reader.u64le();
  }

  /** `float`, widened. */
  float(): number {
    this.#expect(WireType.fixed32);
    return this.#reader.f32le();
  }

  /** `double`. */
  double(): number {
    this.#expect(WireType.fixed64);
    return this.#reader.f64le();
  }

  /** `bytes`: a view, valid as long as the underlying array keeps its content. */
  bytes(): Uint8Array {
    this.#expect(WireType.bytes);
    return this.#reader.bytes(this.#reader.varint());
  }

  /** `string`. What is not UTF-8 becomes U+FFFD; a decoder that must refuse it takes `bytes()`. */
  text(): string {
    return lenientText.decode(this.bytes());
  }

  /** A message inside this one, with a reader of its own; offsets stay those of the whole. */
  message(): ProtoReader {
    this.#expect(WireType.bytes);
    const size = this.#reader.varint();
    this.#reader.need(size, `field ${this.#field}`);
    const start = this.#reader.position;
    this.#reader.skip(size);
    return new ProtoReader(this.#bytes, start, start + size);
  }

  /** Moves over the value of the field `next()` gave. */
  skip(): void {
    const reader = this.#reader;
    switch (this.#wireType) {
      case WireType.varint:
        reader.varint32();
        break;
      case WireType.fixed64:
        reader.skip(8);
        break;
      case WireType.bytes:
        reader.skip(reader.varint());
        break;
      case WireType.fixed32:
        reader.skip(4);
        break;
      case WireType.startGroup:
        this.#skipGroup();
        break;
      default:
        this.#fail(`group ${this.#field} ends without having begun`);
    }
  }

  #skipGroup(): void {
    const open: number[] = [this.#field];
    while (open.length > 0) {
      const field = this.next();
      if (field === 0) {
        throw new ByteError("bytes.truncated", this.position, `Cannot read group ${open.at(-1)}: it does not end`);
      }
      if (this.#wireType === WireType.startGroup) {
        if (open.push(field) > MAX_GROUP_DEPTH) this.#fail(`groups nest deeper than ${MAX_GROUP_DEPTH}`);
      } else if (this.#wireType === WireType.endGroup) {
        if (open.pop() !== field) this.#fail(`group ${field} ends without having begun`);
      } else this.skip();
    }
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) {
      this.#fail(`field ${this.#field} has wire type ${this.#wireType}, not ${wireType}`);
    }
  }

  #fail(why: string): never {
    throw new ByteError("bytes.field", this.#at, `Cannot read the field at byte ${this.#at}: ${why}`);
  }
}
