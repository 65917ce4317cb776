/** Reading zstd files: any number of frames one behind the other, and what is left of the last one if it was cut off. */
import { zstdDecompressSync } from "node:zlib";
import { Decompress } from "fzstd";

/** A zstd file that cannot be read, or not to its end. What could be read before has been given. */
export class ZstdError extends Error {
  override readonly name = "ZstdError";
  readonly code = "tcpinfo.zstd";

  /** @param at where in the file the frame begins */
  constructor(readonly at: number, why: string, options?: ErrorOptions) {
    super(`Cannot decompress the zstd frame at byte ${at}: ${why}`, options);
  }
}

/** RFC 8878 3.1.1, in the order of the file. */
const MAGIC = 0xfd2fb528;
/** RFC 8878 3.1.2: the last four bits are free. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const BLOCK_RLE = 1, BLOCK_RESERVED = 3;
/** What one frame may unfold to: an archive has some 36 MB in its longest. */
const MOST_FRAME_BYTES = 1024 * 1024 * 1024;

/** A frame: where it ends, or that the file ends before it does. */
interface Frame {
  readonly kind: "data" | "skippable" | "cut" | "none";
  /** The byte behind it; the file's length if it is cut off. */
  readonly end: number;
}

/**
 * The content of a file, a piece a frame. Checksums are verified, so a frame whose bytes are wrong gives nothing. Of a frame
 * that is cut off, what can be decompressed is given, and then it throws.
 *
 * Windows of up to 128 MiB are taken; skippable frames are passed over. An empty file has no content.
 *
 * @throws {ZstdError}
 */
export function* decompressZstd(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const frame = frameAt(bytes, at);
    const content = bytes.subarray(at, frame.end);
    if (frame.kind === "none") throw new ZstdError(at, "no frame begins there");
    if (frame.kind === "data") yield whole(content, at);
    if (frame.kind === "cut") {
      yield* beginning(content, at);
      throw new ZstdError(at, "the file ends inside it");
    }
    at = frame.end;
  }
}

/** The frame that begins at `at`. */
export function frameAt(bytes: Uint8Array, at: number): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cut: Frame = { kind: "cut", end: bytes.length };
  if (bytes.length - at < 4) return isMagicBegun(bytes.subarray(at)) ? cut : { kind: "none", end: at };
  const magic = view.getUint32(at, true);
  if ((magic & ~15) >>> 0 === SKIPPABLE_MAGIC) {
    if (bytes.length - at < 8) return cut;
    const end = at + 8 + view.getUint32(at + 4, true);
    return end > bytes.length ? cut : { kind: "skippable", end };
  }
  if (magic !== MAGIC) return { kind: "none", end: at };
  if (bytes.length - at < 5) return cut;
  // Frame_Header_Descriptor: content size flag, single segment, unused, reserved, checksum, dictionary flag.
  const descriptor = bytes[at + 4]!;
  const isSingle = (descriptor >> 5 & 1) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (isSingle ? 1 : 0) : 1 << sizeFlag;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  let next = at + 5 + (isSingle ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (let isLast = false; !isLast;) {
    if (next + 3 > bytes.length) return cut;
    const header = bytes[next]! | bytes[next + 1]! << 8 | bytes[next + 2]! << 16;
    const type = header >> 1 & 3;
    if (type === BLOCK_RESERVED) return { kind: "none", end: at };
    isLast = (header & 1) !== 0;
    next += 3 + (type === BLOCK_RLE ? 1 : header >>> 3);
  }
  if ((descriptor & 4) !== 0) next += 4; // Content_Checksum
  return next > bytes.length ? cut : { kind: "data", end: next };
}

/** Whether up to three bytes at the end of a file may be the beginning of a frame. */
function isMagicBegun(bytes: Uint8Array): boolean {
  return [0x28, 0xb5, 0x2f].every((byte, i) => i >= bytes.length || bytes[i] === byte);
}

/** A complete frame. The library that cuts nothing off is not asked where one ends: it takes an early end for the end. */
function whole(frame: Uint8Array, at: number): Uint8Array {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: MOST_FRAME_BYTES });
  } catch (cause) {
    throw new ZstdError(at, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** What can be had of a frame that is cut off: whole blocks of it. */
function beginning(frame: Uint8Array, at: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  try {
    new Decompress((piece) => pieces.push(piece)).push(frame);
  } catch (cause) {
    if (pieces.length === 0) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ZstdError(at, `the file ends inside it, and nothing can be had of it: ${why}`, { cause });
    }
    // What came before is right; that the rest is missing is said by the caller.
  }
  return pieces;
}
