/** BGP UPDATE messages (RFC 4271 §4.3), as far as routes of flows need them. Errors as RFC 7606 has them. */
import { MAPPED_WORD } from "../columns_pool.ts";
import { Afi, isKnownFamily, NlriList, parseNlri, Safi } from "./nlri.ts";

/** Why an update is not used; the labels of `ignored_updates_total`. */
export type UpdateFault =
  | "malformed message"
  | "malformed attributes"
  | "malformed origin"
  | "malformed AS path"
  | "malformed next hop"
  | "malformed communities"
  | "malformed MP_REACH_NLRI"
  | "malformed MP_UNREACH_NLRI"
  | "malformed NLRI";

/** Path attributes (IANA). */
const Attribute = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  communities: 8,
  mpReach: 14,
  mpUnreach: 15,
  extendedCommunities: 16,
  largeCommunities: 32,
} as const;

const HEADER_BYTES = 19;
const UPDATE = 2;
const EXTENDED_LENGTH = 0x10;

/** Numbers that grow in number. */
export class WordList {
  words = new Uint32Array(64);
  length = 0;

  push(word: number): void {
    if (this.length === this.words.length) {
      const larger = new Uint32Array(2 * this.length);
      larger.set(this.words);
      this.words = larger;
    }
    this.words[this.length++] = word;
  }
}

/** What an update is read with. */
export interface UpdateContext {
  /** AS numbers of two octets in AS paths (RFC 7854 §4.2, the A flag). */
  readonly hasShortAs: boolean;
  /** Whether prefixes of a family come with a path id. */
  hasPathIds(afi: number, safi: number): boolean;
}

/** One update; filled anew by each {@linkcode parse}. */
export class BgpUpdate {
  /** Prefixes that are no longer reachable. */
  readonly withdrawn = new NlriList();
  /** Prefixes of IPv4 that are reachable by `nextHop`. */
  readonly announced = new NlriList();
  /** Prefixes that are reachable by `mpNextHop`. */
  readonly mpAnnounced = new NlriList();
  /** Four words as the 16 octets lie in memory. */
  readonly nextHop = new Uint32Array(4);
  readonly mpNextHop = new Uint32Array(4);
  readonly asPath = new WordList();
  readonly communities = new WordList();
  /** Three words each. */
  readonly largeCommunities = new WordList();
  /** Two words each: type in the high 16 bits of the first, as a route distinguisher has it. */
  readonly routeTargets = new WordList();
  /** Families, or kinds of prefixes in them, that are not understood: `AFI/SAFI`. */
  readonly ignoredFamilies: string[] = [];

  /** Reads the message in `bytes[at, end)`. @returns what is wrong; undefined: nothing */
  parse(bytes: Uint8Array, at: number, end: number, context: UpdateContext): UpdateFault | undefined {
    this.#clear();
    if (end - at < HEADER_BYTES + 4) return "malformed message";
    const length = bytes[at + 16]! << 8 | bytes[at + 17]!;
    if (length < HEADER_BYTES + 4 || length > end - at || bytes[at + 18] !== UPDATE) return "malformed message";
    const messageEnd = at + length;
    at += HEADER_BYTES;
    const withdrawnEnd = at + 2 + (bytes[at]! << 8 | bytes[at + 1]!);
    if (withdrawnEnd + 2 > messageEnd) return "malformed message";
    const attributesEnd = withdrawnEnd + 2 + (bytes[withdrawnEnd]! << 8 | bytes[withdrawnEnd + 1]!);
    if (attributesEnd > messageEnd) return "malformed message";
    const hasPathIds = context.hasPathIds(Afi.ipv4, Safi.unicast);
    const read = (from: number, to: number, list: NlriList) =>
      parseNlri(bytes, from, to, Afi.ipv4, Safi.unicast, hasPathIds, list) === "ok";
    if (!read(at + 2, withdrawnEnd, this.withdrawn)) return "malformed NLRI";
    const fault = this.#parseAttributes(bytes, withdrawnEnd + 2, attributesEnd, context);
    if (fault !== undefined) return fault;
    return read(attributesEnd, messageEnd, this.announced) ? undefined : "malformed NLRI";
  }

  #clear(): void {
    this.withdrawn.clear();
    this.announced.clear();
    this.mpAnnounced.clear();
    this.nextHop.fill(0);
    this.mpNextHop.fill(0);
    this.asPath.length = 0;
    this.communities.length = 0;
    this.largeCommunities.length = 0;
    this.routeTargets.length = 0;
    if (this.ignoredFamilies.length > 0) this.ignoredFamilies.length = 0;
  }

  #parseAttributes(bytes: Uint8Array, at: number, end: number, context: UpdateContext): UpdateFault | undefined {
    let seenLow = 0, hasLarge = false; // of one that comes twice the first counts; the two with prefixes must not
    while (at < end) {
      if (end - at < 3) return "malformed attributes";
      const flags = bytes[at]!, type = bytes[at + 1]!;
      const isLong = (flags & EXTENDED_LENGTH) !== 0;
      if (isLong && end - at < 4) return "malformed attributes";
      const length = isLong ? bytes[at + 2]! << 8 | bytes[at + 3]! : bytes[at + 2]!;
      at += isLong ? 4 : 3;
      const next = at + length;
      if (next > end) return "malformed attributes";
      const isSeen = type < 32 ? (seenLow & 1 << type) !== 0 : type === Attribute.largeCommunities && hasLarge;
      if (type < 32) seenLow |= 1 << type;
      else if (type === Attribute.largeCommunities) hasLarge = true;
      if (isSeen) {
        if (type === Attribute.mpReach) return "malformed MP_REACH_NLRI";
        if (type === Attribute.mpUnreach) return "malformed MP_UNREACH_NLRI";
      } else {
        const fault = this.#parseAttribute(bytes, type, at, next, context);
        if (fault !== undefined) return fault;
      }
      at = next;
    }
    return undefined;
  }

  #parseAttribute(
    bytes: Uint8Array,
    type: number,
    at: number,
    end: number,
    context: UpdateContext,
  ): UpdateFault | undefined {
    const length = end - at;
    switch (type) {
      case Attribute.origin:
        return length === 1 && bytes[at]! <= 2 ? undefined : "malformed origin";
      case Attribute.asPath:
        return this.#parseAsPath(bytes, at, end, context.hasShortAs ? 2 : 4) ? undefined : "malformed AS path";
      case Attribute.nextHop:
        if (length !== 4) return "malformed next hop";
        readAddress(bytes, at, 4, this.nextHop);
        return undefined;
      case Attribute.communities:
        return readWords(bytes, at, end, 4, this.communities) ? undefined : "malformed communities";
      case Attribute.largeCommunities:
        return readWords(bytes, at, end, 12, this.largeCommunities) ? undefined : "malformed communities";
      case Attribute.extendedCommunities:
        return this.#parseRouteTargets(bytes, at, end) ? undefined : "malformed communities";
      case Attribute.mpReach:
        return this.#parseMpReach(bytes, at, end, context) ? undefined : "malformed MP_REACH_NLRI";
      case Attribute.mpUnreach:
        return this.#parseMpUnreach(bytes, at, end, context) ? undefined : "malformed MP_UNREACH_NLRI";
      default:
        return undefined;
    }
  }

  /** Segments: type, count, AS numbers. Of a set, whose order means nothing, the first counts. */
  #parseAsPath(bytes: Uint8Array, at: number, end: number, width: 2 | 4): boolean {
    while (at < end) {
      if (end - at < 2) return false;
      const type = bytes[at]!, count = bytes[at + 1]!;
      at += 2;
      if (type < 1 || type > 4 || count === 0 || count * width > end - at) return false;
      const isSet = type === 1;
      for (let i = 0; i < count; i++, at += width) {
        if (isSet && i > 0) continue;
        this.asPath.push(width === 2 ? bytes[at]! << 8 | bytes[at + 1]! : u32(bytes, at));
      }
    }
    return true;
  }

  /** RFC 4360 §4: of types 0, 1 and 2, subtype 2. */
  #parseRouteTargets(bytes: Uint8Array, at: number, end: number): boolean {
    if ((end - at) % 8 !== 0) return false;
    for (; at < end; at += 8) {
      const type = bytes[at]! & 0x3f;
      if (type > 2 || bytes[at + 1] !== 2) continue;
      this.routeTargets.push((type << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0);
      this.routeTargets.push(u32(bytes, at + 4));
    }
    return true;
  }

  #parseMpReach(bytes: Uint8Array, at: number, end: number, context: UpdateContext): boolean {
    if (end - at < 5) return false;
    const afi = bytes[at]! << 8 | bytes[at + 1]!, safi = bytes[at + 2]!, length = bytes[at + 3]!;
    at += 4;
    if (length + 1 > end - at) return false;
    if (!isKnownFamily(afi, safi)) {
      this.ignoredFamilies.push(`${afi}/${safi}`);
      return true;
    }
    // Next hops of VPNs stand behind a distinguisher; a link-local one may follow the other.
    const rdBytes = safi === Safi.vpn ? 8 : 0;
    const size = length - rdBytes;
    if (size !== 4 && size !== 16 && size !== 32 && size !== 40) return false;
    readAddress(bytes, at + rdBytes, size === 4 ? 4 : 16, this.mpNextHop);
    at += length + 1; // a reserved octet
    const hasPathIds = context.hasPathIds(afi, safi);
    return this.#readFamily(bytes, at, end, afi, safi, hasPathIds, this.mpAnnounced);
  }

  #parseMpUnreach(bytes: Uint8Array, at: number, end: number, context: UpdateContext): boolean {
    if (end - at < 3) return false;
    const afi = bytes[at]! << 8 | bytes[at + 1]!, safi = bytes[at + 2]!;
    if (!isKnownFamily(afi, safi)) {
      this.ignoredFamilies.push(`${afi}/${safi}`);
      return true;
    }
    const hasPathIds = context.hasPathIds(afi, safi);
    return this.#readFamily(bytes, at + 3, end, afi, safi, hasPathIds, this.withdrawn);
  }

  #readFamily(
    bytes: Uint8Array,
    at: number,
    end: number,
    afi: number,
    safi: number,
    hasPathIds: boolean,
    list: NlriList,
  ): boolean {
    const outcome = parseNlri(bytes, at, end, afi, safi, hasPathIds, list);
    if (outcome === "ignored") this.ignoredFamilies.push(`${afi}/${safi}`);
    return outcome !== "malformed";
  }
}

function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

function readWords(bytes: Uint8Array, at: number, end: number, unit: number, out: WordList): boolean {
  if ((end - at) % unit !== 0) return false;
  for (; at < end; at += 4) out.push(u32(bytes, at));
  return true;
}

function readAddress(bytes: Uint8Array, at: number, size: 4 | 16, out: Uint32Array): void {
  const octets = new Uint8Array(out.buffer, out.byteOffset, 16);
  out.fill(0);
  if (size === 4 && u32(bytes, at) !== 0) out[2] = MAPPED_WORD;
  octets.set(bytes.subarray(at, at + size), 16 - size);
}
