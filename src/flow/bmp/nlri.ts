/** Network layer reachability information: the prefixes of a BGP UPDATE, in their several forms. */
import { MAPPED_BITS } from "../enrich/prefix.ts";
import { MAPPED_WORD } from "../columns_pool.ts";

/** Address families (IANA) that are understood. */
export const Afi = { ipv4: 1, ipv6: 2, l2vpn: 25 } as const;

/** Subsequent address families (IANA) that are understood. */
export const Safi = { unicast: 1, labelled: 4, evpn: 70, vpn: 128 } as const;

/** What came of a list of prefixes. */
export type NlriOutcome = "ok" | "ignored" | "malformed";

/** RFC 9136 §3.1. */
const EVPN_IP_PREFIX = 5;
/** What RFC 8277 §2.4 and older routers write in place of a label that is withdrawn. */
const WITHDRAWN_LABELS: ReadonlySet<number> = new Set([0x80_0000, 0x00_0000]);

/** Prefixes as columns; filled anew for each message. */
export class NlriList {
  count = 0;
  /** Four words a prefix, as the 16 octets lie in memory; bits behind the length are 0. */
  words = new Uint32Array(4 * 64);
  /** In 128 bits. */
  lengths = new Uint8Array(64);
  /** RFC 7911; 0 without. */
  pathIds = new Uint32Array(64);
  /** Route distinguishers, their high and low words; 0 without. */
  rds = new Uint32Array(2 * 64);
  safis = new Uint8Array(64);
  #octets = new Uint8Array(this.words.buffer);

  clear(): void {
    this.count = 0;
  }

  /** Adds `bits` bits of an address of 4 or 16 octets that begin at `at`. */
  add(bytes: Uint8Array, at: number, bits: number, isIpv4: boolean, safi: number, pathId: number, rdAt: number): void {
    const index = this.count++;
    if (index >= this.lengths.length) this.#grow();
    const words = this.words;
    words.fill(0, 4 * index, 4 * index + 4);
    const from = 16 * index + (isIpv4 ? 12 : 0);
    const size = bits + 7 >> 3;
    for (let i = 0; i < size; i++) this.#octets[from + i] = bytes[at + i]!;
    if ((bits & 7) !== 0) this.#octets[from + size - 1]! &= 0xff00 >> (bits & 7);
    if (isIpv4) words[4 * index + 2] = MAPPED_WORD;
    this.lengths[index] = isIpv4 ? bits + MAPPED_BITS : bits;
    this.pathIds[index] = pathId;
    this.rds[2 * index] = rdAt < 0 ? 0 : u32(bytes, rdAt);
    this.rds[2 * index + 1] = rdAt < 0 ? 0 : u32(bytes, rdAt + 4);
    this.safis[index] = safi;
  }

  #grow(): void {
    const more = 2 * this.lengths.length;
    this.words = grown(this.words, 4 * more);
    this.#octets = new Uint8Array(this.words.buffer);
    this.pathIds = grown(this.pathIds, more);
    this.rds = grown(this.rds, 2 * more);
    const lengths = new Uint8Array(more), safis = new Uint8Array(more);
    lengths.set(this.lengths);
    safis.set(this.safis);
    this.lengths = lengths;
    this.safis = safis;
  }
}

function grown(array: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(length);
  larger.set(array);
  return larger;
}

function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

/** Whether prefixes of a family are understood. */
export function isKnownFamily(afi: number, safi: number): boolean {
  if (afi === Afi.l2vpn) return safi === Safi.evpn;
  return (afi === Afi.ipv4 || afi === Afi.ipv6) &&
    (safi === Safi.unicast || safi === Safi.labelled || safi === Safi.vpn);
}

/**
 * Reads prefixes from `bytes[at, end)` into `list`, behind what it has. What is malformed ends the reading; `ignored`: some
 * were of a kind that is not understood.
 *
 * RFC 4271 §4.3, RFC 7911 §3 (path ids), RFC 8277 §2 (labels), RFC 4364 §4.3.4 (VPN), RFC 9136 §3.1 (EVPN).
 */
export function parseNlri(
  bytes: Uint8Array,
  at: number,
  end: number,
  afi: number,
  safi: number,
  hasPathIds: boolean,
  list: NlriList,
): NlriOutcome {
  let outcome: NlriOutcome = "ok";
  const isIpv4 = afi === Afi.ipv4;
  while (at < end) {
    let pathId = 0;
    if (hasPathIds) {
      if (end - at < 4) return "malformed";
      pathId = u32(bytes, at);
      at += 4;
      if (at >= end) return "malformed";
    }
    if (afi === Afi.l2vpn) {
      if (end - at < 2) return "malformed";
      const type = bytes[at]!, size = bytes[at + 1]!;
      at += 2;
      if (size > end - at) return "malformed";
      if (type !== EVPN_IP_PREFIX) outcome = "ignored";
      else if (!addEvpn(bytes, at, size, pathId, list)) return "malformed";
      at += size;
      continue;
    }
    let bits = bytes[at++]!;
    const entryEnd = at + (bits + 7 >> 3);
    if (entryEnd > end) return "malformed";
    if (safi !== Safi.unicast) {
      let label = 0;
      do {
        if (bits < 24) return "malformed";
        label = bytes[at]! << 16 | bytes[at + 1]! << 8 | bytes[at + 2]!;
        at += 3;
        bits -= 24;
      } while ((label & 1) === 0 && !WITHDRAWN_LABELS.has(label));
    }
    let rdAt = -1;
    if (safi === Safi.vpn) {
      if (bits < 64) return "malformed";
      rdAt = at;
      at += 8;
      bits -= 64;
    }
    if (bits > (isIpv4 ? 32 : 128)) return "malformed";
    list.add(bytes, at, bits, isIpv4, safi, pathId, rdAt);
    at = entryEnd;
  }
  return outcome;
}

/** Route distinguisher 8, segment 10, tag 4, length 1, prefix and gateway of 4 or 16 octets each, label 3. */
function addEvpn(bytes: Uint8Array, at: number, size: number, pathId: number, list: NlriList): boolean {
  if (size !== 34 && size !== 58) return false;
  const isIpv4 = size === 34;
  const bits = bytes[at + 22]!;
  if (bits > (isIpv4 ? 32 : 128)) return false;
  list.add(bytes, at + 23, bits, isIpv4, Safi.evpn, pathId, at);
  return true;
}
