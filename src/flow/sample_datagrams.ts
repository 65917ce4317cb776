/** Datagrams as busy routers send them, for benchmarks and campaigns: all octets follow from their arguments. */
import { ByteWriter } from "../bytes/mod.ts";

/** Twenty elements that routers usually export, with the lengths of NetFlow v9 for IPv4. */
export const USUAL_FIELDS: readonly (readonly [element: number, length: number])[] = [
  [8, 4],
  [12, 4],
  [15, 4],
  [10, 4],
  [14, 4],
  [2, 4],
  [1, 4],
  [22, 4],
  [21, 4],
  [7, 2],
  [11, 2],
  [16, 4],
  [17, 4],
  [9, 1],
  [13, 1],
  [4, 1],
  [5, 1],
  [6, 1],
  [61, 1],
  [89, 1],
];

/** Octets of a record of {@linkcode USUAL_FIELDS}. */
export const USUAL_RECORD: number = USUAL_FIELDS.reduce((sum, [, length]) => sum + length, 0);

const TEMPLATE = 256;
const HEADER_S = 1_700_000_000;
const UPTIME_MS = 3_600_000;

/** A datagram with the template of {@linkcode USUAL_FIELDS}. */
export function usualTemplate(version: 9 | 10): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  const setLength = 4 + 4 + 4 * USUAL_FIELDS.length;
  writeHeader(out, version, setLength, 1);
  out.u16be(version === 9 ? 0 : 2);
  out.u16be(setLength);
  out.u16be(TEMPLATE);
  out.u16be(USUAL_FIELDS.length);
  for (const [element, length] of USUAL_FIELDS) {
    out.u16be(element);
    out.u16be(length);
  }
  return out.view().slice();
}

/** A datagram with `count` records of the usual template; `seed` makes them differ from those of others. */
export function usualRecords(version: 9 | 10, count: number, seed: number): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  const setLength = 4 + count * USUAL_RECORD;
  writeHeader(out, version, setLength, count);
  out.u16be(TEMPLATE);
  out.u16be(setLength);
  for (let i = 0; i < count; i++) {
    const n = seed * count + i;
    out.u32be(0xc000_0200 | n & 0xff);
    out.u32be(0xc633_6400 | n * 7 & 0xff);
    out.u32be(0xcb00_7101);
    out.u32be(10 + n % 4);
    out.u32be(20 + n % 3);
    out.u32be(1 + n % 1000);
    out.u32be(64 + n * 1461 % 1_000_000);
    out.u32be(UPTIME_MS - 60_000 + n % 1000);
    out.u32be(UPTIME_MS - 500);
    out.u16be(1024 + n % 60_000);
    out.u16be(n % 3 === 0 ? 443 : 53);
    out.u32be(64_500 + n % 8);
    out.u32be(64_510 + n % 8);
    out.u8(24);
    out.u8(22);
    out.u8(n % 3 === 0 ? 6 : 17);
    out.u8(0);
    out.u8(n % 3 === 0 ? 0x18 : 0);
    out.u8(n % 2);
    out.u8(64);
  }
  return out.view().slice();
}

function writeHeader(out: ByteWriter, version: 9 | 10, setLength: number, count: number): void {
  out.u16be(version);
  if (version === 9) {
    out.u16be(count);
    out.u32be(UPTIME_MS);
  } else {
    out.u16be(16 + setLength);
  }
  out.u32be(HEADER_S);
  out.u32be(1);
  out.u32be(42);
}

/** A datagram of sFlow with `count` flow samples, each a raw header of 128 octets: Ethernet, IPv4, TCP or UDP. */
export function sampledHeaders(count: number, seed: number): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  for (const word of [5, 1, 0xc000_02fa, 0, seed, 1_000_000, count]) out.u32be(word);
  for (let i = 0; i < count; i++) {
    const n = seed * count + i;
    for (const word of [1, 32 + 8 + 16 + 128, n, 3, 1024, n * 1024, 0, 10 + n % 4, 20 + n % 3, 1]) out.u32be(word);
    for (const word of [1, 16 + 128, 1, 1518, 4, 128]) out.u32be(word);
    const isTcp = n % 3 !== 0;
    for (const word of [0x0200_0000, 0x0002_0200, 0x0000_0001]) out.u32be(word);
    out.u16be(0x0800);
    out.u16be(0x4500);
    out.u16be(1500);
    out.u32be(n % 65_536 * 65_536);
    out.u16be(isTcp ? 0x4006 : 0x4011);
    out.u16be(0);
    out.u32be(0xc000_0200 | n & 0xff);
    out.u32be(0xc633_6400 | n * 7 & 0xff);
    out.u16be(1024 + n % 60_000);
    out.u16be(isTcp ? 443 : 53);
    out.u32be(n);
    out.u32be(1);
    out.u16be(0x5018);
    for (let at = 14 + 20 + 14; at < 128; at += 2) out.u16be(n + at & 0xffff);
  }
  return out.view().slice();
}
