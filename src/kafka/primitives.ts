/** The protocol's texts, arrays and tagged fields (Kafka protocol guide, "Protocol Primitive Types"). */
import { ByteError, type ByteReader, ByteWriter } from "../bytes/mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** `STRING` */
export function writeString(out: ByteWriter, text: string): void {
  const bytes = encoder.encode(text);
  out.u16be(bytes.length);
  out.bytes(bytes);
}

/** `NULLABLE_STRING` */
export function writeNullableString(out: ByteWriter, text: string | null): void {
  if (text === null) out.u16be(0xffff);
  else writeString(out, text);
}

/** `COMPACT_STRING` */
export function writeCompactString(out: ByteWriter, text: string): void {
  const bytes = encoder.encode(text);
  out.varint(bytes.length + 1);
  out.bytes(bytes);
}

/** `BYTES` */
export function writeBytes(out: ByteWriter, bytes: Uint8Array): void {
  out.u32be(bytes.length);
  out.bytes(bytes);
}

/** `ARRAY` */
export function writeArray<T>(out: ByteWriter, items: readonly T[], write: (item: T) => void): void {
  out.u32be(items.length);
  for (const item of items) write(item);
}

/** `COMPACT_ARRAY` */
export function writeCompactArray<T>(out: ByteWriter, items: readonly T[], write: (item: T) => void): void {
  out.varint(items.length + 1);
  for (const item of items) write(item);
}

/** `BOOLEAN` */
export function writeBoolean(out: ByteWriter, value: boolean): void {
  out.u8(value ? 1 : 0);
}

/** `INT64` of a number: offsets, times and the like stay below 2^53. */
export function writeInt64(out: ByteWriter, value: number): void {
  out.u64be(BigInt(value));
}

/** The bytes of a request's body. */
export function bodyOf(write: (out: ByteWriter) => void): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  write(out);
  return out.copy();
}

/** `NULLABLE_STRING` */
export function readNullableString(reader: ByteReader): string | null {
  const length = reader.i16be();
  return length < 0 ? null : decoder.decode(reader.bytes(length));
}

/** `STRING` */
export function readString(reader: ByteReader): string {
  return readNullableString(reader) ?? "";
}

/** `COMPACT_NULLABLE_STRING` */
export function readCompactNullableString(reader: ByteReader): string | null {
  const length = reader.varint();
  return length === 0 ? null : decoder.decode(reader.bytes(length - 1));
}

/** `COMPACT_STRING` */
export function readCompactString(reader: ByteReader): string {
  return readCompactNullableString(reader) ?? "";
}

/** `NULLABLE_BYTES`: a view of the answer. */
export function readNullableBytes(reader: ByteReader): Uint8Array | null {
  const length = reader.i32be();
  return length < 0 ? null : reader.bytes(length);
}

/** `ARRAY`; one that is null is empty. */
export function readArray<T>(reader: ByteReader, read: (reader: ByteReader) => T): T[] {
  return readItems(reader, reader.i32be(), read);
}

/** `COMPACT_ARRAY`; one that is null is empty. */
export function readCompactArray<T>(reader: ByteReader, read: (reader: ByteReader) => T): T[] {
  return readItems(reader, reader.varint() - 1, read);
}

function readItems<T>(reader: ByteReader, count: number, read: (reader: ByteReader) => T): T[] {
  // Each takes a byte at least, so that a made-up count is found out before memory is taken for it.
  if (count > reader.remaining) {
    const at = reader.position;
    throw new ByteError(
      "bytes.truncated",
      at,
      `Cannot read ${count} items at byte ${at}: ${reader.remaining} bytes are there`,
    );
  }
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read(reader));
  return items;
}

/** `BOOLEAN` */
export function readBoolean(reader: ByteReader): boolean {
  return reader.u8() !== 0;
}

/** `INT64` as a number; what exceeds 2^53 is not exact. */
export function readInt64(reader: ByteReader): number {
  return Number(reader.i64be());
}

/** `UUID`, as `00112233-4455-6677-8899-aabbccddeeff`. */
export function readUuid(reader: ByteReader): string {
  const hex = reader.bytes(16).toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Passes over tagged fields. */
export function skipTags(reader: ByteReader): void {
  for (let left = reader.varint(); left > 0; left--) {
    reader.varint();
    reader.skip(reader.varint());
  }
}
