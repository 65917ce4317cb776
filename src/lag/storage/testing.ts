/** Records for tests of what reads them. */
import { ByteWriter, fromHex } from "../../bytes/mod.ts";
import type { Int64 } from "../wire/int64.ts";

const encoder = new TextEncoder();

/** Small numbers that follow from a seed alone (SplitMix32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = state + 0x9e3779b9 | 0;
    let z = state ^ state >>> 16;
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return ((z ^ z >>> 15) >>> 0) % below;
  };
}

/** A key: its type, then names. */
export function recordKey(type: number, ...names: string[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.u16be(type);
  for (const name of names) {
    const bytes = encoder.encode(name);
    out.u16be(bytes.length);
    out.bytes(bytes);
  }
  return out.copy();
}

/** OffsetCommitKey v1. */
export function commitKey(group: string, topic: string, partition: number): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.bytes(recordKey(1, group, topic));
  out.u32be(partition);
  return out.copy();
}

/** OffsetCommitValue v4. @param topicId hex digits, with or without dashes */
export function commitValue(offset: Int64, timestamp: Int64, topicId?: string): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.u16be(4);
  out.u64be(BigInt(offset));
  out.u32be(0);
  out.u8(1);
  out.u64be(BigInt(timestamp));
  if (topicId === undefined) out.u8(0);
  else {
    out.bytes(Uint8Array.of(1, 0, 16));
    out.bytes(fromHex(topicId.replaceAll("-", ""))!);
  }
  return out.copy();
}
