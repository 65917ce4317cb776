import { compress, type Compression } from "./compression.ts";
import type { SealedRecords } from "./record_batch.ts";

/** Collects the records of one batch. */
export class RecordBuilder {
  /** The most that a record takes beside key and value: length, attributes, time, offset, two lengths, headers. */
  static readonly OVERHEAD_BYTES = 32;
  #bytes = new Uint8Array(4096);
  #length = 0;
  #count = 0;
  #baseTimestampMs = 0;
  #maxTimestampMs = 0;

  /** Records so far. */
  get count(): number {
    return this.#count;
  }

  /** Bytes so far, not compressed. */
  get length(): number {
    return this.#length;
  }

  /** Copies key and value; `null` is a null, which for a value means a tombstone. */
  append(timestampMs: number, key: Uint8Array | null, value: Uint8Array | null): void {
    if (this.#count === 0) this.#baseTimestampMs = this.#maxTimestampMs = timestampMs;
    else if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs;
    const timeDelta = timestampMs - this.#baseTimestampMs;
    const [keyBytes, valueBytes] = [key?.length ?? -1, value?.length ?? -1];
    const size = 2 + zigzagSize(timeDelta) + zigzagSize(this.#count) + zigzagSize(keyBytes) + Math.max(0, keyBytes) +
      zigzagSize(valueBytes) + Math.max(0, valueBytes);
    this.#reserve(size + RecordBuilder.OVERHEAD_BYTES);
    this.#zigzag(size);
    this.#bytes[this.#length++] = 0; // attributes
    this.#zigzag(timeDelta);
    this.#zigzag(this.#count);
    this.#part(keyBytes, key);
    this.#part(valueBytes, value);
    this.#bytes[this.#length++] = 0; // headers
    this.#count++;
  }

  /** The records, compressed; where that makes them no smaller, as they are. The builder must not be used any more. */
  async seal(compression: Compression): Promise<SealedRecords> {
    const plain = this.#bytes.subarray(0, this.#length);
    const packed = await compress(compression, plain);
    const smaller = packed.length < plain.length;
    return {
      count: this.#count,
      compression: smaller ? compression : "none",
      baseTimestampMs: this.#baseTimestampMs,
      maxTimestampMs: this.#maxTimestampMs,
      records: smaller ? packed : plain,
    };
  }

  #part(length: number, bytes: Uint8Array | null): void {
    this.#zigzag(length);
    if (bytes === null) return;
    this.#bytes.set(bytes, this.#length);
    this.#length += length;
  }

  #zigzag(value: number): void {
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = rest % 128 + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(more: number): void {
    const need = this.#length + more;
    if (need <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(Math.max(need, this.#bytes.length * 2)));
  }
}

function zigzagSize(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let size = 1;
  for (; rest >= 0x80; size++) rest = Math.floor(rest / 128);
  return size;
}
