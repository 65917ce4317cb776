/** LZ4 frames (LZ4 Frame Format 1.6.1): independent blocks of at most 4 MiB, with no checksums of content. */

const MAGIC = [0x04, 0x22, 0x4d, 0x18];
/** Version 01, independent blocks, nothing else; blocks of at most 4 MiB. */
const DESCRIPTOR = [0x60, 0x70];
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Of the length of a block: it is stored as it is. */
const STORED = 0x8000_0000;

const HASH_BITS = 14;
const MIN_MATCH = 4;
/** The last octets of a block are literals, and no match begins in the last twelve. */
const LAST_LITERALS = 5;
const MATCH_LIMIT = 12;
const MAX_OFFSET = 0xffff;

/** One frame that holds `octets`. */
export function encodeLz4Frame(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  const blocks = Math.ceil(octets.length / BLOCK_BYTES);
  const out = new Uint8Array(15 + blocks * 4 + octets.length);
  out.set(MAGIC);
  out.set(DESCRIPTOR, 4);
  out[6] = xxHash32(Uint8Array.from(DESCRIPTOR)) >>> 8 & 0xff;
  const view = new DataView(out.buffer);
  const table = new Int32Array(1 << HASH_BITS);
  let at = 7;
  for (let from = 0; from < octets.length; from += BLOCK_BYTES) {
    const block = octets.subarray(from, from + BLOCK_BYTES);
    const size = compressBlock(block, out, at + 4, table);
    if (size < 0) out.set(block, at + 4);
    view.setUint32(at, size < 0 ? block.length + STORED : size, true);
    at += 4 + (size < 0 ? block.length : size);
  }
  return out.subarray(0, at + 4); // an end mark of 0
}

/** Writes one block as the LZ4 block format has it. @returns its octets; -1 if it would not be smaller */
function compressBlock(block: Uint8Array, out: Uint8Array, start: number, table: Int32Array): number {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const limit = start + block.length - 1;
  const lastMatch = block.length - MATCH_LIMIT;
  table.fill(-1);
  let at = start, anchor = 0, from = 0;
  while (from < lastMatch) {
    const word = view.getUint32(from, true);
    const slot = Math.imul(word, 0x9e37_79b1) >>> 32 - HASH_BITS;
    const candidate = table[slot]!;
    table[slot] = from;
    if (candidate < 0 || from - candidate > MAX_OFFSET || view.getUint32(candidate, true) !== word) {
      from += 1 + (from - anchor >> 6); // long stretches without a match are searched in larger steps
      continue;
    }
    let length = MIN_MATCH;
    const most = block.length - LAST_LITERALS - from;
    while (length < most && block[candidate + length] === block[from + length]) length++;
    const literals = from - anchor;
    if (at + literals + 16 + (literals >> 7) + (length >> 7) > limit) return -1;
    at = writeSequence(block, anchor, literals, out, at, length - MIN_MATCH);
    out[at++] = from - candidate;
    out[at++] = from - candidate >> 8;
    at = writeLength(out, at, length - MIN_MATCH);
    from += length;
    anchor = from;
  }
  const literals = block.length - anchor;
  if (at + literals + 16 + (literals >> 7) > limit) return -1;
  return writeSequence(block, anchor, literals, out, at, 0) - start;
}

/** Token, length of the literals and the literals. */
function writeSequence(
  block: Uint8Array,
  anchor: number,
  literals: number,
  out: Uint8Array,
  at: number,
  match: number,
): number {
  out[at++] = Math.min(literals, 15) << 4 | Math.min(match, 15);
  at = writeLength(out, at, literals);
  out.set(block.subarray(anchor, anchor + literals), at);
  return at + literals;
}

/** What of a length does not fit into its half of the token. */
function writeLength(out: Uint8Array, at: number, length: number): number {
  if (length < 15) return at;
  for (length -= 15; length >= 255; length -= 255) out[at++] = 255;
  out[at++] = length;
  return at;
}

const PRIME_2 = 0x85eb_ca77, PRIME_3 = 0xc2b2_ae3d, PRIME_5 = 0x1656_67b1;

/** xxHash of 32 bits with seed 0, of fewer than four octets: descriptors of frames are that short. */
function xxHash32(octets: Uint8Array): number {
  let hash = PRIME_5 + octets.length | 0;
  for (const octet of octets) {
    hash = hash + Math.imul(octet, PRIME_5) | 0;
    hash = Math.imul(hash << 11 | hash >>> 21, 0x9e37_79b1);
  }
  hash = Math.imul(hash ^ hash >>> 15, PRIME_2);
  hash = Math.imul(hash ^ hash >>> 13, PRIME_3);
  return (hash ^ hash >>> 16) >>> 0;
}
