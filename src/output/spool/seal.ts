import { ByteReader, ByteWriter } from "../../bytes/mod.ts";

/** What a segment holds of one output. */
export interface Share {
  events: number;
  /** Bytes of the events alone. */
  bytes: number;
  /** Number of its first event here. */
  first: number;
  /** Number behind its last event here. */
  end: number;
  /** Unix milliseconds at which its first event here was handed to the spool. */
  oldestMs: number;
}

/** What is known of a segment that is written no more. */
export interface SealedIndex {
  /** Sequence number behind the segment's last event. */
  readonly end: number;
  readonly shares: ReadonlyMap<string, Share>;
}

/** Bytes at the end of a sealed file that tell where its seal starts. */
export const TRAILER_BYTES = 8;

const TRAILER = 0x6c616573; // "seal"
const text = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The body of the record that ends a segment, so that opening a spool need not read what it holds: end u64, number of outputs
 * u16; of each the length of its name (u8), the name, events, bytes, first, end, oldestMs (u64 each). The last eight bytes are
 * how far back the record starts (u32) and "seal".
 */
export function encodeSeal(index: SealedIndex, headBytes: number): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(64 + index.shares.size * 64);
  out.u64le(BigInt(index.end));
  out.u16le(index.shares.size);
  for (const [output, share] of index.shares) {
    const name = text.encode(output);
    out.u8(name.length);
    out.bytes(name);
    for (const value of [share.events, share.bytes, share.first, share.end, share.oldestMs]) out.u64le(BigInt(value));
  }
  out.u32le(headBytes + out.length + TRAILER_BYTES);
  out.u32le(TRAILER);
  return out.copy();
}

/** How many bytes before the end of its file a seal starts, as the file's last eight bytes tell; 0: they are no seal's. */
export function parseTrailer(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes);
  const back = reader.u32le();
  return reader.u32le() === TRAILER ? back : 0;
}

/** Parses a seal whose checksum holds. `undefined` if its parts don't fit together. */
export function parseSeal(body: Uint8Array): SealedIndex | undefined {
  try {
    const reader = new ByteReader(body);
    const end = Number(reader.u64le());
    const shares = new Map<string, Share>();
    for (let left = reader.u16le(); left > 0; left--) {
      const output = utf8.decode(reader.bytes(reader.u8()));
      const [events, bytes, first, shareEnd, oldestMs] = Array.from({ length: 5 }, () => Number(reader.u64le()));
      shares.set(output, { events: events!, bytes: bytes!, first: first!, end: shareEnd!, oldestMs: oldestMs! });
    }
    return reader.remaining === TRAILER_BYTES ? { end, shares } : undefined;
  } catch {
    return undefined; // too short, or a name that is no text: the segment is read instead
  }
}
