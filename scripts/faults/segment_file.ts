/** The bytes of the spool's files, as its format is documented: so that a fault can be put at a certain place. */

/** Bytes of a segment's header. */
const HEADER_BYTES = 68;
/** Bytes in front of a record's body. */
const RECORD_HEAD_BYTES = 24;

/** A record, by the offset where it starts and the one behind it. */
export interface RecordPlace {
  readonly start: number;
  readonly end: number;
}

/** The records of a segment's bytes, one behind the other; a seal is one too. */
export function recordPlaces(bytes: Uint8Array): RecordPlace[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places: RecordPlace[] = [];
  for (let start = HEADER_BYTES; start + RECORD_HEAD_BYTES <= bytes.length;) {
    if (view.getUint32(start, true) !== 0xfec1fff5) break;
    const end = start + RECORD_HEAD_BYTES + view.getUint32(start + 8, true);
    places.push({ start, end });
    start = end;
  }
  return places;
}

/** Where the fields of a record of events are, from its start, in bytes. */
export function recordFields(bytes: Uint8Array, { start, end }: RecordPlace): Map<string, readonly [number, number]> {
  const nameAt = start + RECORD_HEAD_BYTES;
  const fixed = nameAt + 1 + bytes[nameAt]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const endsAt = fixed + 28;
  const eventsAt = endsAt + 4 * view.getUint32(fixed + 24, true);
  return new Map([
    ["marker", [start, start + 4]],
    ["checksum", [start + 4, start + 8]],
    ["length", [start + 8, start + 12]],
    ["sequence", [start + 12, start + 20]],
    ["kind", [start + 20, start + 21]],
    ["flags", [start + 21, start + 24]],
    ["name's length", [nameAt, nameAt + 1]],
    ["name", [nameAt + 1, fixed]],
    ["time of storing", [fixed, fixed + 8]],
    ["timestamp", [fixed + 8, fixed + 16]],
    ["rest of the batch", [fixed + 16, fixed + 24]],
    ["number of events", [fixed + 24, endsAt]],
    ["ends", [endsAt, eventsAt]],
    ["events", [eventsAt, end]],
  ]);
}

/** The paths of a spool's segments, oldest first. */
export function segmentPaths(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => /^[0-9a-f]{16}\.seg$/.test(name))
    .sort().map((name) => `${directory}/${name}`);
}

/** Copies the files of a spool into a directory of its own, as a kill at this moment would leave them. */
export async function copySpool(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isFile } of Deno.readDir(from)) {
    if (!isFile || name === "lock") continue;
    try {
      await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it was deleted, or replaced, meanwhile
    }
  }
}

/** Sets the position of a spool's only output, and makes the checksum fit. */
export function setPosition(bytes: Uint8Array<ArrayBuffer>, lowWater: number): void {
  const view = new DataView(bytes.buffer);
  const nameAt = 20 + 16 + 8 + 4; // head, installation, reserved numbers, number of outputs
  view.setBigUint64(nameAt + 1 + bytes[nameAt]!, BigInt(lowWater), true);
  view.setUint32(16, crc32c(bytes.subarray(20), crc32c(bytes.subarray(0, 16))), true);
}

/** CRC32C (RFC 3720 §12.1), bit by bit: the files here are small. */
function crc32c(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
