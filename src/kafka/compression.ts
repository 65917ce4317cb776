import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { loadLibrary } from "./library.ts";

/** How the records of a batch are compressed; the place is the number in the batch's attributes. */
export const COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Reads the records of a batch. */
export interface Decompressor {
  /** @throws {Error} when the bytes are not of that kind, or would become more than `mostBytes` */
  decompress(kind: Compression, bytes: Uint8Array, mostBytes: number): Uint8Array;
}

const gzip = promisify(zlib.gzip);
const zstd = promisify(zlib.zstdCompress);

/** Compresses the records of a batch: gzip and zstd on the thread pool, the others here. */
export async function compress(kind: Compression, bytes: Uint8Array): Promise<Uint8Array> {
  switch (kind) {
    case "none":
      return bytes;
    case "gzip":
      return await gzip(bytes);
    case "zstd":
      return await zstd(bytes);
    default:
      return (await loadLibrary()).compressionsAlgorithms[kind].compressSync(bufferOf(bytes));
  }
}

/** What decompresses, once the library is loaded. */
export async function newDecompressor(): Promise<Decompressor> {
  const { compressionsAlgorithms } = await loadLibrary();
  return {
    decompress(kind, bytes, mostBytes) {
      switch (kind) {
        case "none":
          return bytes;
        case "gzip":
          return zlib.gunzipSync(bytes, { maxOutputLength: mostBytes });
        case "zstd":
          return zlib.zstdDecompressSync(bytes, { maxOutputLength: mostBytes });
        case "lz4":
          refuseAbove(lz4Bound(bytes), mostBytes);
          return compressionsAlgorithms.lz4.decompressSync(bufferOf(bytes));
        case "snappy":
          refuseAbove(snappySize(bytes), mostBytes);
          return compressionsAlgorithms.snappy.decompressSync(bufferOf(bytes));
      }
    },
  };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function refuseAbove(size: number, mostBytes: number): void {
  if (size > mostBytes) throw new RangeError(`Cannot decompress to ${size} bytes: ${mostBytes} are taken`);
}

const LZ4_MAGIC = 0x184d2204;
/** The block format makes at most 255 bytes of one. */
const LZ4_GROWTH = 255;

/** What an LZ4 frame may become at most, from the sizes of its blocks (lz4_Frame_format.md). */
export function lz4Bound(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 7 || view.getUint32(0, true) !== LZ4_MAGIC) {
    throw new RangeError("Cannot read an LZ4 frame: its head is another");
  }
  const flags = bytes[4]!;
  const blockMost = 1 << 8 + 2 * (bytes[5]! >> 4 & 7); // 4 is 64 KiB, 7 is 4 MiB
  let at = 6 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0) + 1;
  let bound = 0;
  while (at + 4 <= bytes.length) {
    const head = view.getUint32(at, true);
    if (head === 0) break;
    const size = head & 0x7fffffff;
    bound += head >= 0x80000000 ? size : Math.min(blockMost, size * LZ4_GROWTH);
    at += 4 + size + (flags & 0x10 ? 4 : 0);
  }
  return bound;
}

/** In front of the framing that Java's library has, and Kafka with it. */
const XERIAL = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0];

/** What Snappy bytes become, as their blocks say. */
export function snappySize(bytes: Uint8Array): number {
  if (!XERIAL.every((byte, i) => bytes[i] === byte)) return snappyBlockSize(bytes, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let size = 0;
  for (let at = 16; at + 4 <= bytes.length; at += 4 + view.getUint32(at, false)) size += snappyBlockSize(bytes, at + 4);
  return size;
}

function snappyBlockSize(bytes: Uint8Array, start: number): number {
  let size = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) break;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return size;
  }
  throw new RangeError("Cannot read a Snappy block: its length does not end");
}
