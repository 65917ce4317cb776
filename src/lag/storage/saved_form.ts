/** The bytes in which groups and topics are saved. */
import { ByteError, ByteReader, ByteWriter } from "../../bytes/mod.ts";
import { type Int64, toInt64 } from "../wire/int64.ts";
import type { SavedEnds } from "./broker_topics.ts";
import type { SavedGroup, SavedPartition } from "./cluster_store.ts";
import type { CommitEntry } from "./window_store.ts";

/** In front of everything saved; another one is another form. */
const FORM = 1;
const FRESH = 1;
const WITHOUT_LAG = 2;

/** A group in bytes. */
export function encodeGroup({ lastCommit, lastOwned, topics }: SavedGroup): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.u8(FORM);
  out.f64be(lastCommit);
  out.f64be(lastOwned);
  out.varint(topics.length);
  for (const { topic, partitions } of topics) {
    writeText(out, topic);
    out.varint(partitions.length);
    for (const { partition, owner, clientId, entries } of partitions) {
      out.varint(partition);
      writeText(out, owner);
      writeText(out, clientId);
      out.varint(entries.length);
      for (const entry of entries) writeEntry(out, entry);
    }
  }
  return out.copy();
}

/** The group that bytes hold; null if they are not that. */
export function decodeGroup(bytes: Uint8Array): SavedGroup | null {
  return decoded(bytes, (reader) => {
    const [lastCommit, lastOwned] = [reader.f64be(), reader.f64be()];
    const topics = readMany(reader, () => {
      const topic = readText(reader);
      return { topic, partitions: readMany(reader, () => readPartition(reader)) };
    });
    return { lastCommit, lastOwned, topics };
  });
}

/** A topic's measured ends in bytes. */
export function encodeEnds(partitions: readonly SavedEnds[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.u8(FORM);
  out.varint(partitions.length);
  for (const { offsets, timeMs, logStart } of partitions) {
    out.f64be(timeMs);
    out.u64be(BigInt(logStart ?? -1));
    out.varint(offsets.length);
    for (const offset of offsets) out.u64be(BigInt(offset));
  }
  return out.copy();
}

/** The measured ends that bytes hold; null if they are not that. */
export function decodeEnds(bytes: Uint8Array): SavedEnds[] | null {
  return decoded(bytes, (reader) =>
    readMany(reader, () => {
      const timeMs = reader.f64be();
      const logStart = readInt(reader);
      return { offsets: readMany(reader, () => readInt(reader)), timeMs, logStart: logStart === -1 ? null : logStart };
    }));
}

function decoded<T>(bytes: Uint8Array, read: (reader: ByteReader) => T): T | null {
  const reader = new ByteReader(bytes);
  try {
    return reader.u8() === FORM ? read(reader) : null;
  } catch (error) {
    if (error instanceof ByteError) return null;
    throw error;
  }
}

function readMany<T>(reader: ByteReader, read: () => T): T[] {
  const count = reader.varint();
  reader.need(count, "what was saved"); // each takes a byte at least
  return Array.from({ length: count }, read);
}

function readPartition(reader: ByteReader): SavedPartition {
  const partition = reader.varint();
  const [owner, clientId] = [readText(reader), readText(reader)];
  return { partition, owner, clientId, entries: readMany(reader, () => readEntry(reader)) };
}

function writeEntry(out: ByteWriter, { offset, order, timestamp, observedAt, lag, fresh }: CommitEntry): void {
  out.u8((fresh ? FRESH : 0) | (lag === null ? WITHOUT_LAG : 0));
  for (const value of [offset, order, timestamp, observedAt, lag ?? 0]) out.u64be(BigInt(value));
}

function readEntry(reader: ByteReader): CommitEntry {
  const flags = reader.u8();
  const [offset, order, timestamp, observedAt] = [readInt(reader), readInt(reader), readInt(reader), readInt(reader)];
  const lag = readInt(reader);
  const isKnown = (flags & WITHOUT_LAG) === 0;
  return { offset, order, timestamp, observedAt, lag: isKnown ? lag : null, fresh: (flags & FRESH) !== 0 };
}

function readInt(reader: ByteReader): Int64 {
  return toInt64(reader.i64be());
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function writeText(out: ByteWriter, text: string): void {
  const bytes = encoder.encode(text);
  out.varint(bytes.length);
  out.bytes(bytes);
}

function readText(reader: ByteReader): string {
  return decoder.decode(reader.bytes(reader.varint()));
}
