/** Offset commits as a busy cluster's offsets topic holds them, for benchmarks and tests of what reads them. */
import { ByteWriter, crc32c } from "../../src/bytes/mod.ts";

/** Which commits. */
export interface CommitShape {
  readonly groups: number;
  /** Partitions of the one topic that a group reads. */
  readonly partitions: number;
  /** Group `g` reads topic `g % topics`. */
  readonly topics: number;
}

/** A record of the offsets topic. */
export interface CommitRecord {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly value: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();

/** The name of a group. */
export function groupName(group: number): string {
  return `service-${String(group).padStart(5, "0")}`;
}

/** The name of a topic. */
export function topicName(topic: number): string {
  return `events.v1.topic-${String(topic).padStart(3, "0")}`;
}

/** A commit, OffsetCommitKey v1 and OffsetCommitValue v4 without a topic's id. */
export function commitRecord(
  group: string,
  topic: string,
  partition: number,
  offset: number,
  timestampMs: number,
): CommitRecord {
  const key = new ByteWriter(64);
  key.u16be(1);
  for (const name of [group, topic]) {
    const bytes = encoder.encode(name);
    key.u16be(bytes.length);
    key.bytes(bytes);
  }
  key.u32be(partition);
  const value = new ByteWriter(64);
  value.u16be(4);
  value.u64be(BigInt(offset));
  value.u32be(0xffffffff);
  value.u8(1); // no metadata
  value.u64be(BigInt(timestampMs));
  value.u8(0); // no tags
  return { key: key.copy(), value: value.copy() };
}

/** One commit of each partition of each group. */
export function* commitsOf(shape: CommitShape, offset: number, timestampMs: number): Generator<CommitRecord[]> {
  for (let group = 0; group < shape.groups; group++) {
    const topic = topicName(group % shape.topics);
    yield Array.from(
      { length: shape.partitions },
      (_, partition) => commitRecord(groupName(group), topic, partition, offset, timestampMs),
    );
  }
}

/** What a batch is, beside its records. */
export interface BatchHead {
  readonly baseOffset: number;
  readonly timestampMs: number;
  readonly producerId?: bigint;
  /** Attributes: 0x10 transactional, 0x20 control. */
  readonly attributes?: number;
}

/** A record as a batch has it; null where there is no key or value. */
export interface BatchRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** A record batch of format 2 as the log holds it, not compressed. */
export function recordBatch(records: readonly BatchRecord[], head: BatchHead): Uint8Array<ArrayBuffer> {
  const body = new ByteWriter(1024);
  records.forEach(({ key, value }, i) => {
    const one = new ByteWriter(128);
    one.u8(0);
    zigzag(one, 0);
    zigzag(one, i);
    for (const part of [key, value]) {
      zigzag(one, part === null ? -1 : part.length);
      if (part !== null) one.bytes(part);
    }
    zigzag(one, 0);
    zigzag(body, one.length);
    body.bytes(one.view());
  });
  const out = new ByteWriter(61 + body.length);
  out.u64be(BigInt(head.baseOffset));
  out.u32be(49 + body.length);
  out.u32be(0xffffffff); // leader epoch
  out.u8(2);
  out.u32be(0); // the checksum, filled in below
  out.u16be(head.attributes ?? 0);
  out.u32be(Math.max(records.length - 1, 0));
  out.u64be(BigInt(head.timestampMs));
  out.u64be(BigInt(head.timestampMs));
  out.u64be(head.producerId ?? -1n);
  out.u16be(0xffff);
  out.u32be(0xffffffff);
  out.u32be(records.length);
  out.bytes(body.view());
  out.setU32be(17, crc32c(out.view().subarray(21)));
  return out.copy();
}

/** One byte after the other: those who read batches have tables of their own. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** Writes the checksum of a batch of format 2 into it: CRC-32C of what stands behind it. */
export function sealBatch(batch: Uint8Array<ArrayBuffer>): void {
  let crc = -1;
  for (let at = 21; at < batch.length; at++) crc = CRC_TABLE[(crc ^ batch[at]!) & 0xff]! ^ crc >>> 8;
  new DataView(batch.buffer, batch.byteOffset).setUint32(17, crc ^ -1);
}

function zigzag(out: ByteWriter, value: number): void {
  out.varint(value < 0 ? -value * 2 - 1 : value * 2);
}
