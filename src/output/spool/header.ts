import { ByteReader, ByteWriter, crc32c } from "../../bytes/mod.ts";

/** The version of segments that is written, and the newest that is read. */
export const SEGMENT_VERSION = 1;

/** Bytes of a segment's header. */
export const HEADER_BYTES = 68;

const MAGIC = 0x6c6f6f70_536d694cn; // "LimSpool", little-endian
const CRC_BYTES = 4;

/** What stands at the start of a segment. */
export interface SegmentHeader {
  /** Unix milliseconds. */
  readonly createdMs: number;
  /** Sequence number of the segment's first event, also its file's name. */
  readonly first: number;
  /** `first` of the segment written before this one; 0: none. */
  readonly previousFirst: number;
  /** Where the segment before this one ends for good: whatever stands in it from this sequence number on is void. */
  readonly previousEnd: number;
  /** 16 bytes that name the spool; with a sequence number they name an event. */
  readonly installation: Uint8Array;
}

/** What the start of a file turned out to be. */
export type ParsedHeader =
  | { readonly state: "ok"; readonly header: SegmentHeader }
  | { readonly state: "newer"; readonly version: number }
  | { readonly state: "damaged" };

const DAMAGED: ParsedHeader = Object.freeze({ state: "damaged" });

/**
 * The bytes of a segment's header. All numbers are little-endian:
 *
 * ```text
 * 0  magic "LimSpool"   12 flags u32, 0      32 previousFirst u64   64 CRC32C of all before it
 * 8  version u16        16 createdMs u64     40 previousEnd u64
 * 10 header bytes u16   24 first u64         48 installation, 16 bytes
 * ```
 */
export function encodeHeader(header: SegmentHeader): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(HEADER_BYTES);
  out.u64le(MAGIC);
  out.u16le(SEGMENT_VERSION);
  out.u16le(HEADER_BYTES);
  out.u32le(0);
  out.u64le(BigInt(header.createdMs));
  out.u64le(BigInt(header.first));
  out.u64le(BigInt(header.previousFirst));
  out.u64le(BigInt(header.previousEnd));
  out.bytes(header.installation);
  out.u32le(crc32c(out.view()));
  return out.copy();
}

/**
 * Parses the start of a segment. Magic, version, length and the checksum behind that length stay where they are in every
 * version, so that a newer one is told from a damaged one.
 */
export function parseHeader(bytes: Uint8Array): ParsedHeader {
  if (bytes.length < HEADER_BYTES) return DAMAGED;
  const reader = new ByteReader(bytes);
  if (reader.u64le() !== MAGIC) return DAMAGED;
  const version = reader.u16le();
  const size = reader.u16le();
  if (size < 12 + CRC_BYTES || size > bytes.length) return DAMAGED;
  if (crc32c(bytes.subarray(0, size - CRC_BYTES)) !== new ByteReader(bytes, size - CRC_BYTES).u32le()) return DAMAGED;
  if (version > SEGMENT_VERSION) return { state: "newer", version };
  reader.skip(4);
  const createdMs = Number(reader.u64le());
  const first = Number(reader.u64le());
  const previousFirst = Number(reader.u64le());
  const previousEnd = Number(reader.u64le());
  return {
    state: "ok",
    header: { createdMs, first, previousFirst, previousEnd, installation: reader.bytes(16).slice() },
  };
}

/** The name of the segment that starts at `first`: its 16 hexadecimal digits make a listing sort by age. */
export function segmentName(first: number): string {
  return `${first.toString(16).padStart(16, "0")}.seg`;
}

/** The first sequence number that a file's name tells, or `undefined` if it isn't a segment's. */
export function parseSegmentName(name: string): number | undefined {
  if (!/^[0-9a-f]{16}\.seg$/.test(name)) return undefined;
  const first = parseInt(name.slice(0, 16), 16);
  return Number.isSafeInteger(first) ? first : undefined;
}
