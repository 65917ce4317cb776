import { ByteWriter } from "./byte_writer.ts";
import { WireType } from "./proto_reader.ts";

/**
 * Writes the fields of a protobuf message, each one it is told to: leaving out values that equal their default is the
 * caller's decision, because members of a `oneof` and of repeated fields must not be left out.
 */
export class ProtoWriter {
  readonly #writer: ByteWriter;

  /** `capacity` bytes are there from the start. */
  constructor(capacity = 256) {
    this.#writer = new ByteWriter(capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#writer.length;
  }

  /** `uint32`, or any whole number from 0 to 2^53-1. */
  varint(field: number, value: number): void {
    this.#key(field, WireType.varint);
    this.#writer.varint(value);
  }

  /** `int32` and `enum`. */
  int32(field: number, value: number): void {
    if (value >= 0) return this.varint(field, value);
    this.int64(field, BigInt(value));
  }

  /** `int64` and `uint64`. */
  int64(field: number, value: bigint): void {
    this.#key(field, WireType.varint);
    this.#writer.varint64(value);
  }

  /** `bool`. */
  bool(field: number, value: boolean): void {
    this.varint(field, value ? 1 : 0);
  }

  /** `fixed32`. */
  fixed32(field: number, value: number): void {
    this.#key(field, WireType.fixed32);
    this.#writer.u32le(value);
  }

  /** `fixed64`. */
  fixed64(field: number, value: bigint): void {
    this.#key(field, WireType.fixed64);
    this.#writer.u64le(value);
  }

  /** `float`. */
  float(field: number, value: number): void {
    this.#key(field, WireType.fixed32);
    this.#writer.f32le(value);
  }

  /** `double`. */
  double(field: number, value: number): void {
    this.#key(field, WireType.fixed64);
    this.#writer.f64le(value);
  }

  /** `bytes`. */
  bytes(field: number, value: Uint8Array): void {
    this.#key(field, WireType.bytes);
    this.#writer.varint(value.length);
    this.#writer.bytes(value);
  }

  /** `string`. */
  text(field: number, value: string): void {
    this.#key(field, WireType.bytes);
    const start = this.#writer.length;
    this.#writer.text(value);
    this.#writer.prefixLength(start);
  }

  /** A message inside this one: whatever `write` writes to this same writer. */
  message(field: number, write: (writer: ProtoWriter) => void): void {
    this.#key(field, WireType.bytes);
    const start = this.#writer.length;
    write(this);
    this.#writer.prefixLength(start);
  }

  /** What was written: a view, valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#writer.view();
  }

  /** What was written, in memory of its own. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.#writer.copy();
  }

  /** Forgets what was written and keeps the memory. */
  reset(): void {
    this.#writer.reset();
  }

  #key(field: number, wireType: number): void {
    this.#writer.varint(field * 8 + wireType);
  }
}
