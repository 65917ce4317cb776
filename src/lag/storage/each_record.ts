import type { LogBatch, LogRecord } from "./offsets_log.ts";

/** A batch whose records are not compressed, or not any more. */
export interface ReadableBatch extends LogBatch {
  readonly baseOffset: number;
  readonly count: number;
  readonly records: Uint8Array;
}

/** The bits of a varint that fit a 32-bit number, seven a byte. */
const LAST_SHIFT = 28;

/**
 * Hands each record of a batch to `take`, always in the same object, as Kafka's own walk over a batch does: of an offsets topic
 * most varints take one byte, and nothing but offset, key and value is wanted. A batch that does not hold what it says is read as
 * far as it goes.
 */
export function eachRecord(batch: ReadableBatch, take: (record: LogRecord) => void): void {
  const { records: bytes, baseOffset, count } = batch;
  const out = { bytes, offset: 0, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 };
  const size = bytes.length;
  let at = 0;

  /** A zigzag varint of 32 bits; one that ends too late, or not, leaves `at` behind the bytes. */
  function long(first: number): number {
    let value = first & 0x7f;
    for (let shift = 7; shift <= LAST_SHIFT; shift += 7) {
      const byte = bytes[at++] ?? 0x80;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 1 ^ -(value & 1);
    }
    at = size + 1;
    return 0;
  }

  /** Moves over a varint of 64 bits. */
  function skipLong(): void {
    for (let i = 0; i < 10; i++) if ((bytes[at++] ?? 0) < 0x80) return;
    at = size + 1;
  }

  for (let i = 0; i < count && at < size; i++) {
    let byte = bytes[at++]!;
    const length = byte < 0x80 ? byte >>> 1 ^ -(byte & 1) : long(byte);
    const end = at + length;
    if (length <= 0 || end > size) return;
    at++; // attributes: none are in use
    if (bytes[at]! < 0x80) at++; // the time behind the batch's
    else skipLong();
    byte = bytes[at++] ?? 0x80;
    out.offset = baseOffset + (byte < 0x80 ? byte >>> 1 ^ -(byte & 1) : long(byte));
    byte = bytes[at++] ?? 0x80;
    const keyLength = byte < 0x80 ? byte >>> 1 ^ -(byte & 1) : long(byte);
    if (at + keyLength > end) return;
    out.keyStart = keyLength < 0 ? -1 : at;
    out.keyEnd = at += keyLength < 0 ? 0 : keyLength;
    byte = bytes[at++] ?? 0x80;
    const valueLength = byte < 0x80 ? byte >>> 1 ^ -(byte & 1) : long(byte);
    if (at + valueLength > end) return;
    out.valueStart = valueLength < 0 ? -1 : at;
    out.valueEnd = at += valueLength < 0 ? 0 : valueLength;
    if (at > end) return;
    take(out);
    at = end;
  }
}
