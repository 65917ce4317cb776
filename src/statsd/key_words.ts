/**
 * Keys of series as words of 32 bits: name, tags and digits of a timestamp, each from a word of its own on and zeros behind
 * it, so that they are compared four bytes at a time.
 */
import { LOW_BYTES } from "./metric_scan.ts";

/** Words that so many bytes take. */
export function wordsOf(bytes: number): number {
  return bytes + 3 >> 2;
}

/** The first multiple of 4 from `at` on. */
export function roundUp(at: number): number {
  return at + 3 & ~3;
}

/** Whether `length` bytes of a key equal those of `b`, of which 3 more must be readable. */
export function sameRegion(keys: Int32Array, key: number, b: DataView, start: number, length: number): boolean {
  const end = start + (length & ~3);
  for (; start < end; start += 4, key++) if (keys[key] !== b.getInt32(start, true)) return false;
  const rest = length & 3;
  return rest === 0 || keys[key] === (b.getInt32(start, true) & LOW_BYTES[rest]!);
}

/** Writes bytes into words that are zero. */
export function copyRegion(b: Uint8Array, start: number, length: number, keys: Int32Array, key: number): void {
  for (let i = 0; i < length; i++) keys[key + (i >> 2)]! |= b[start + i]! << (i & 3) * 8;
}

/** The bytes that words are made of. Keys end at whole words, so that no read goes past them. */
export function bytesOf(words: Int32Array<ArrayBuffer>): { bytes: Uint8Array; words: DataView } {
  return { bytes: new Uint8Array(words.buffer), words: new DataView(words.buffer) };
}
