import { ByteWriter } from "../../bytes/mod.ts";

/** Copies reach no further back than this within one fragment, so that two bytes hold any offset. */
const FRAGMENT_BYTES = 65_536;
const HASH_BITS = 14;
/** Of a 32-bit word, spread by a large odd factor. */
const HASH_FACTOR = 0x1e35a7bd;
/** A match is looked for up to here before a fragment's end, where four bytes can still be read. */
const WORD_BYTES = 4;
/** After so many misses (as a power of two) the search takes longer steps: what does not compress is soon passed over. */
const SKIP_SHIFT = 5;

const TAG = { literal: 0, copy1: 1, copy2: 2, copy4: 3 } as const;

/** Compressed bytes that can't be what a compressor wrote; the message says at which byte. */
export class SnappyError extends RangeError {
  override readonly name = "SnappyError";
  readonly code = "output.snappy";
}

/**
 * Compresses to Snappy's block format, which has no framing and no checksum: the length as a varint, then literals and
 * copies (format_description.txt of google/snappy).
 */
export function snappyBlock(plain: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(32 + Math.ceil(plain.length / 4));
  out.varint(plain.length);
  const table = new Uint16Array(1 << HASH_BITS);
  for (let start = 0; start < plain.length; start += FRAGMENT_BYTES) {
    table.fill(0);
    writeFragment(plain.subarray(start, start + FRAGMENT_BYTES), table, out);
  }
  return out.copy();
}

/** `table` holds, by the hash of four bytes, where in the fragment they were seen last; 0 also where they were not. */
function writeFragment(fragment: Uint8Array, table: Uint16Array, out: ByteWriter): void {
  const end = fragment.length;
  const lastWord = end - WORD_BYTES;
  let literalStart = 0;
  let at = 1; // a copy needs something before it
  let misses = 0;
  while (at <= lastWord) {
    const word = wordAt(fragment, at);
    const slot = Math.imul(word, HASH_FACTOR) >>> (32 - HASH_BITS);
    const candidate = table[slot]!;
    table[slot] = at;
    if (candidate >= at || wordAt(fragment, candidate) !== word) {
      at += 1 + (misses++ >> SKIP_SHIFT);
      continue;
    }
    misses = 0;
    let matchEnd = at + WORD_BYTES;
    for (let from = candidate + WORD_BYTES; matchEnd < end && fragment[from] === fragment[matchEnd]; from++) matchEnd++;
    if (at > literalStart) writeLiteral(fragment.subarray(literalStart, at), out);
    writeCopy(at - candidate, matchEnd - at, out);
    literalStart = at = matchEnd;
  }
  if (end > literalStart) writeLiteral(fragment.subarray(literalStart), out);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}

/** At most a fragment, so that two bytes hold its length. */
function writeLiteral(bytes: Uint8Array, out: ByteWriter): void {
  const less = bytes.length - 1;
  if (less < 60) out.u8(less << 2 | TAG.literal);
  else if (less < 256) {
    out.u8(60 << 2 | TAG.literal);
    out.u8(less);
  } else {
    out.u8(61 << 2 | TAG.literal);
    out.u16le(less);
  }
  out.bytes(bytes);
}

/** One copy carries at most 64 bytes; what is left for the last of several is at least 4, which the short form needs. */
function writeCopy(offset: number, length: number, out: ByteWriter): void {
  while (length >= 68) {
    writeCopy2(offset, 64, out);
    length -= 64;
  }
  if (length > 64) {
    writeCopy2(offset, 60, out);
    length -= 60;
  }
  if (length < 12 && offset < 2048) {
    out.u8(offset >> 8 << 5 | (length - 4) << 2 | TAG.copy1);
    out.u8(offset & 0xff);
  } else writeCopy2(offset, length, out);
}

function writeCopy2(offset: number, length: number, out: ByteWriter): void {
  out.u8((length - 1) << 2 | TAG.copy2);
  out.u16le(offset);
}

/**
 * Reads Snappy's block format.
 *
 * @param maxBytes what it may grow to, so that a few bytes do not ask for a gigabyte
 * @throws {SnappyError} when it is cut off, reaches before its beginning, or is not as long as it says
 */
export function readSnappyBlock(block: Uint8Array, maxBytes = 64 * 2 ** 20): Uint8Array<ArrayBuffer> {
  let at = 0;
  const fail = (why: string): never => {
    throw new SnappyError(`Cannot read the Snappy block: ${why} at byte ${at}`);
  };
  const littleEndian = (size: number): number => {
    if (at + size > block.length) fail("it is cut off");
    let value = 0;
    for (let i = 0; i < size; i++) value += block[at + i]! * 2 ** (8 * i);
    at += size;
    return value;
  };

  let length = 0;
  for (let factor = 1;; factor *= 128) {
    const byte = littleEndian(1);
    length += (byte & 0x7f) * factor;
    if (length > maxBytes || factor > 128 ** 4) fail("its length is out of bounds");
    if (byte < 0x80) break;
  }

  const plain = new Uint8Array(length);
  let filled = 0;
  while (at < block.length) {
    const tag = littleEndian(1);
    const upper = tag >> 2;
    if ((tag & 3) === TAG.literal) {
      const size = (upper < 60 ? upper : littleEndian(upper - 59)) + 1;
      if (at + size > block.length) fail("a literal is cut off");
      if (filled + size > length) fail("it is longer than it says");
      plain.set(block.subarray(at, at + size), filled);
      at += size;
      filled += size;
      continue;
    }
    const short = (tag & 3) === TAG.copy1;
    const size = short ? (upper & 7) + 4 : upper + 1;
    const offset = short ? (tag >> 5) * 256 + littleEndian(1) : littleEndian((tag & 3) === TAG.copy2 ? 2 : 4);
    if (offset === 0 || offset > filled) fail(`a copy reaches ${offset} bytes back`);
    if (filled + size > length) fail("it is longer than it says");
    for (let i = 0; i < size; i++, filled++) plain[filled] = plain[filled - offset]!; // it may read what it writes
  }
  return filled === length ? plain : fail(`it holds ${filled} bytes and says ${length}`);
}
