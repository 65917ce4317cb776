/** Record batches of format 2, as they are in the log and on the wire (Kafka documentation, "Record Batch"). */
import { crc32c } from "../bytes/mod.ts";
import { type Compression, COMPRESSIONS, type Decompressor } from "./compression.ts";
import type { AbortedTransaction } from "./records_wire.ts";

/** Where the parts of a batch stand. */
const AT = {
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
} as const;

/** What `length` counts stands behind it. */
const LENGTH_END = 12;

const ATTRIBUTE = { compression: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20 } as const;

/** One batch; offsets and times stay below 2^53. */
export interface RecordBatch {
  readonly baseOffset: number;
  /** Of the last record it had when it was written; compaction leaves it. The next fetch starts behind it. */
  readonly lastOffset: number;
  readonly leaderEpoch: number;
  /** Holds a transaction's end, no data. After compaction it may hold nothing. */
  readonly isControl: boolean;
  readonly isTransactional: boolean;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  /** Times are the broker's, and all of them `maxTimestampMs`. */
  readonly hasLogAppendTime: boolean;
  readonly count: number;
  /** The records, decompressed: a view of the answer where they were not compressed. */
  readonly records: Uint8Array;
}

/** Why a batch could not be read. */
export type BatchFault = "truncated" | "magic" | "crc" | "compression";

/** What `readRecordBatches` found. */
export interface ReadBatches {
  readonly batches: readonly RecordBatch[];
  /** What is wrong with batches in between, each with the offset behind it. A last one that is cut short is no fault. */
  readonly faults: readonly { readonly fault: BatchFault; readonly offset: number; readonly nextOffset: number }[];
  /** From where to fetch on; `undefined` when there was not one whole batch. */
  readonly nextOffset: number | undefined;
}

/** How batches are read. */
export interface ReadBatchesOptions {
  /** What a batch's records may become. @default 64 MiB */
  readonly mostBytes?: number;
}

/** Reads the batches of a fetch, in the order of their offsets. Never throws, whatever the bytes. */
export function readRecordBatches(
  bytes: Uint8Array,
  decompressor: Decompressor,
  { mostBytes = 64 * 2 ** 20 }: ReadBatchesOptions = {},
): ReadBatches {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const batches: RecordBatch[] = [];
  const faults: { fault: BatchFault; offset: number; nextOffset: number }[] = [];
  let nextOffset: number | undefined;
  for (let start = 0; start + AT.magic < bytes.length;) {
    const length = view.getInt32(start + AT.length);
    const offset = int64(view, start);
    const end = start + LENGTH_END + length;
    if (length < AT.crc - LENGTH_END) {
      faults.push({ fault: "truncated", offset, nextOffset: offset + 1 });
      break; // where the next one starts, nobody can say
    }
    if (end > bytes.length) break;
    const isBatch = bytes[start + AT.magic] === 2 && end - start >= AT.records;
    const delta = isBatch ? Math.max(0, view.getInt32(start + AT.lastOffsetDelta)) : 0;
    const read = isBatch ? readBatch(bytes, view, start, end, decompressor, mostBytes) : "magic";
    nextOffset = offset + delta + 1;
    if (typeof read === "string") faults.push({ fault: read, offset, nextOffset });
    else batches.push(read);
    start = end;
  }
  return { batches, faults, nextOffset };
}

function readBatch(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  decompressor: Decompressor,
  mostBytes: number,
): RecordBatch | BatchFault {
  if (view.getUint32(start + AT.crc) !== crc32c(bytes.subarray(start + AT.attributes, end))) return "crc";
  const attributes = view.getInt16(start + AT.attributes);
  const kind = COMPRESSIONS[attributes & ATTRIBUTE.compression];
  if (kind === undefined) return "compression";
  const stored = bytes.subarray(start + AT.records, end);
  let records = stored;
  try {
    if (kind !== "none" && stored.length > 0) records = decompressor.decompress(kind, stored, mostBytes);
  } catch {
    return "compression"; // which is all there is to say of such bytes
  }
  const baseOffset = int64(view, start);
  return {
    baseOffset,
    lastOffset: baseOffset + view.getInt32(start + AT.lastOffsetDelta),
    leaderEpoch: view.getInt32(start + AT.leaderEpoch),
    isControl: (attributes & ATTRIBUTE.control) !== 0,
    isTransactional: (attributes & ATTRIBUTE.transactional) !== 0,
    producerId: view.getBigInt64(start + AT.producerId),
    producerEpoch: view.getInt16(start + AT.producerEpoch),
    baseSequence: view.getInt32(start + AT.baseSequence),
    baseTimestampMs: int64(view, start + AT.baseTimestamp),
    maxTimestampMs: int64(view, start + AT.maxTimestamp),
    hasLogAppendTime: (attributes & ATTRIBUTE.logAppendTime) !== 0,
    count: view.getInt32(start + AT.count),
    records,
  };
}

/** An int64 without a bigint, of which one a batch would not hurt, but one a record would. */
function int64(view: DataView, at: number): number {
  return view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
}

/** What `forEachRecord` fills: places in `bytes`, valid until it goes on. */
export interface RecordView {
  bytes: Uint8Array;
  offset: number;
  timestampMs: number;
  /** -1: the key is null. */
  keyStart: number;
  keyEnd: number;
  /** -1: the value is null. */
  valueStart: number;
  valueEnd: number;
}

/** A record's key: a view of its batch. */
export function recordKey({ bytes, keyStart, keyEnd }: RecordView): Uint8Array | null {
  return keyStart < 0 ? null : bytes.subarray(keyStart, keyEnd);
}

/** A record's value: a view of its batch. */
export function recordValue({ bytes, valueStart, valueEnd }: RecordView): Uint8Array | null {
  return valueStart < 0 ? null : bytes.subarray(valueStart, valueEnd);
}

/**
 * Hands each record of a batch to `take`, always in the same object. Headers are passed over.
 *
 * @returns whether the batch held what it said; if not, the records before the fault were taken
 */
export function forEachRecord(batch: RecordBatch, take: (record: RecordView) => void): boolean {
  const bytes = batch.records;
  const out: RecordView = { bytes, offset: 0, timestampMs: 0, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 };
  const cursor = new VarintCursor(bytes);
  for (let i = 0; i < batch.count; i++) {
    const length = cursor.next();
    const end = cursor.at + length;
    if (!(length > 0) || end > bytes.length) return false;
    cursor.at++; // attributes: none are in use
    const timeDelta = cursor.next();
    out.offset = batch.baseOffset + cursor.next();
    out.timestampMs = batch.hasLogAppendTime ? batch.maxTimestampMs : batch.baseTimestampMs + timeDelta;
    const keyLength = cursor.next();
    out.keyStart = keyLength < 0 ? -1 : cursor.at;
    out.keyEnd = cursor.at += Math.max(0, keyLength);
    const valueLength = cursor.next();
    out.valueStart = valueLength < 0 ? -1 : cursor.at;
    out.valueEnd = cursor.at += Math.max(0, valueLength);
    if (!(cursor.at <= end) || out.offset !== out.offset) return false;
    take(out);
    cursor.at = end;
  }
  return true;
}

/** Reads zigzag varints; NaN where the bytes end or it goes on for too long, which no comparison takes for a number. */
class VarintCursor {
  at = 0;

  constructor(readonly bytes: Uint8Array) {}

  next(): number {
    const { bytes } = this;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[this.at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * scale;
      // Zigzag: an odd number is negative. Halving is exact where shifting would cut to 32 bits.
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
    }
    return NaN;
  }
}

/**
 * Tells, batch by batch in the order of a fetch, whether a batch holds data that is there for everybody: no transaction's
 * end, and nothing of a transaction that was aborted.
 */
export function newAbortFilter(aborted: readonly AbortedTransaction[]): (batch: RecordBatch) => boolean {
  const starts = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const open = new Set<bigint>();
  let next = 0;
  return (batch) => {
    for (; next < starts.length && starts[next]!.firstOffset <= batch.lastOffset; next++) {
      open.add(starts[next]!.producerId);
    }
    if (batch.isControl) {
      // The next end of an aborted transaction's producer is its abort, even when compaction has emptied the batch.
      open.delete(batch.producerId);
      return false;
    }
    return !(batch.isTransactional && open.has(batch.producerId));
  };
}

/** Who a batch is from and its place among that producer's, so that a broker takes it once. */
export interface BatchIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

/** A batch that nobody can tell from a repeat. */
export const ANONYMOUS: BatchIdentity = { producerId: -1n, producerEpoch: -1, baseSequence: -1 };

/** Records ready to be sent. */
export interface SealedRecords {
  readonly count: number;
  readonly compression: Compression;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  /** As they go into the batch, compressed. */
  readonly records: Uint8Array;
}

/** The bytes of a batch. Its offsets are the broker's business. */
export function encodeRecordBatch(sealed: SealedRecords, identity: BatchIdentity): Uint8Array<ArrayBuffer> {
  const { records, count } = sealed;
  const bytes = new Uint8Array(AT.records + records.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(AT.length, bytes.length - LENGTH_END);
  view.setInt32(AT.leaderEpoch, -1);
  view.setInt8(AT.magic, 2);
  view.setInt16(AT.attributes, COMPRESSIONS.indexOf(sealed.compression));
  view.setInt32(AT.lastOffsetDelta, count - 1);
  view.setBigInt64(AT.baseTimestamp, BigInt(sealed.baseTimestampMs));
  view.setBigInt64(AT.maxTimestamp, BigInt(sealed.maxTimestampMs));
  view.setBigInt64(AT.producerId, identity.producerId);
  view.setInt16(AT.producerEpoch, identity.producerEpoch);
  view.setInt32(AT.baseSequence, identity.baseSequence);
  view.setInt32(AT.count, count);
  bytes.set(records, AT.records);
  view.setUint32(AT.crc, crc32c(bytes.subarray(AT.attributes)));
  return bytes;
}
