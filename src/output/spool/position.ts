import { ByteReader, ByteWriter, crc32c } from "../../bytes/mod.ts";

/** The version of position files that is written, and the newest that is read. */
export const POSITION_VERSION = 1;

const MAGIC = 0x6563616c_506d694cn; // "LimPlace", little-endian
const HEAD_BYTES = 20;
const text = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** How far one output has come. */
export interface OutputPosition {
  /** Every event of the output below this number is finished. */
  readonly lowWater: number;
  /** What its events came to, by the labels of the counters: `delivered`, `dropped:spool_full`, … */
  readonly totals: ReadonlyMap<string, number>;
}

/** What the position file holds. */
export interface Positions {
  /** 16 bytes that name the spool. */
  readonly installation: Uint8Array;
  /** No event has ever had this number or a higher one. */
  readonly reserved: number;
  readonly outputs: ReadonlyMap<string, OutputPosition>;
}

/** What a position file turned out to hold. */
export type ParsedPositions =
  | { readonly state: "ok"; readonly positions: Positions }
  | { readonly state: "newer"; readonly version: number }
  | { readonly state: "damaged" };

const DAMAGED: ParsedPositions = Object.freeze({ state: "damaged" });

/**
 * The bytes of the position file. Little-endian: magic "LimPlace", version u16, 2 reserved bytes, length of what follows the
 * checksum (u32), CRC32C of that and of the bytes in front (u32); then installation (16 bytes), reserved u64, number of
 * outputs u32; of each the length of its name (u8), the name, lowWater u64, number of totals u16; of each the length of its
 * label (u8), the label, its value u64.
 */
export function encodePositions(positions: Positions): Uint8Array<ArrayBuffer> {
  const body = new ByteWriter(256);
  body.bytes(positions.installation);
  body.u64le(BigInt(positions.reserved));
  body.u32le(positions.outputs.size);
  for (const [output, { lowWater, totals }] of positions.outputs) {
    name(body, output);
    body.u64le(BigInt(lowWater));
    body.u16le(totals.size);
    for (const [label, value] of totals) {
      name(body, label);
      body.u64le(BigInt(value));
    }
  }
  const out = new ByteWriter(HEAD_BYTES + body.length);
  out.u64le(MAGIC);
  out.u16le(POSITION_VERSION);
  out.u16le(0);
  out.u32le(body.length);
  out.u32le(crc32c(body.view(), crc32c(out.view())));
  out.bytes(body.view());
  return out.copy();
}

/** Parses a position file. Never throws, whatever it holds. */
export function parsePositions(bytes: Uint8Array): ParsedPositions {
  if (bytes.length < HEAD_BYTES) return DAMAGED;
  const head = new ByteReader(bytes);
  if (head.u64le() !== MAGIC) return DAMAGED;
  const version = head.u16le();
  head.skip(2);
  const length = head.u32le();
  const crc = head.u32le();
  if (length !== head.remaining) return DAMAGED;
  if (crc32c(bytes.subarray(HEAD_BYTES), crc32c(bytes.subarray(0, HEAD_BYTES - 4))) !== crc) return DAMAGED;
  if (version > POSITION_VERSION) return { state: "newer", version };
  try {
    return { state: "ok", positions: parseBody(head) };
  } catch {
    return DAMAGED; // parts that don't fit together: another program's file
  }
}

function parseBody(reader: ByteReader): Positions {
  const installation = reader.bytes(16).slice();
  const reserved = Number(reader.u64le());
  const outputs = new Map<string, OutputPosition>();
  for (let left = reader.u32le(); left > 0; left--) {
    const output = readName(reader);
    const lowWater = Number(reader.u64le());
    const totals = new Map<string, number>();
    for (let more = reader.u16le(); more > 0; more--) totals.set(readName(reader), Number(reader.u64le()));
    outputs.set(output, { lowWater, totals });
  }
  return { installation, reserved, outputs };
}

function name(out: ByteWriter, value: string): void {
  const bytes = text.encode(value).subarray(0, 255);
  out.u8(bytes.length);
  out.bytes(bytes);
}

function readName(reader: ByteReader): string {
  return utf8.decode(reader.bytes(reader.u8()));
}
