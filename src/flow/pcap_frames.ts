/** The UDP datagram in a captured frame. */

/** One UDP datagram of a capture. */
export interface UdpDatagram {
  /** Unix seconds, with a fraction, as far as the capture tells; of a fragmented one those of its last part. */
  readonly timeS: number;
  /** 16 octets, IPv4 mapped. */
  readonly source: Uint8Array<ArrayBuffer>;
  readonly sourcePort: number;
  /** 16 octets, IPv4 mapped. */
  readonly destination: Uint8Array<ArrayBuffer>;
  readonly destinationPort: number;
  /** As much of it as was captured. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Link types (tcpdump.org/linktypes.html). */
const LinkType = {
  null: 0,
  ethernet: 1,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const;
/** LINKTYPE_RAW as some systems write it. */
const OLD_RAW = [12, 14];

const IPV4 = 0x0800, IPV6 = 0x86dd;
const VLAN_TAGS = [0x8100, 0x88a8, 0x9100];
const UDP = 17, FRAGMENT = 44;
const EXTENSION_HEADERS = [0, 43, 51, 60];
/** Datagrams of which some fragments have not come: the oldest is given up beyond so many. */
const MOST_UNFINISHED = 256;
const LARGEST_PACKET = 65_535;

/** What an IP packet carries, or a part of it. */
interface Carried {
  readonly source: Uint8Array<ArrayBuffer>;
  readonly destination: Uint8Array<ArrayBuffer>;
  readonly proto: number;
  readonly payload: Uint8Array;
  /** Present in a fragment. */
  readonly fragment?: { readonly key: string; readonly offset: number; readonly more: boolean };
}

interface Unfinished {
  readonly octets: Uint8Array<ArrayBuffer>;
  readonly parts: { readonly from: number; readonly to: number }[];
  /** Octets of the whole, once the last fragment has come. */
  length: number;
}

/** Reads frames; remembers fragments until they are complete. */
export class FrameReader {
  readonly #unfinished = new Map<string, Unfinished>();

  /** The UDP datagram that a frame completes; null if there is none. */
  read(frame: Uint8Array, linkType: number, timeS: number): UdpDatagram | null {
    const at = packetStart(frame, linkType);
    if (at < 0 || at >= frame.length) return null;
    const carried = frame[at]! >> 4 === 4 ? readIpv4(frame, at) : readIpv6(frame, at);
    if (carried === null || carried.proto !== UDP) return null;
    const segment = carried.fragment === undefined ? carried.payload : this.#assemble(carried);
    return segment === null ? null : readUdp(carried, segment, timeS);
  }

  #assemble({ payload, fragment }: Carried): Uint8Array | null {
    const { key, offset, more } = fragment!;
    if (offset + payload.length > LARGEST_PACKET) return null;
    let unfinished = this.#unfinished.get(key);
    if (unfinished === undefined) {
      const [oldest] = this.#unfinished.keys();
      if (this.#unfinished.size >= MOST_UNFINISHED) this.#unfinished.delete(oldest!);
      unfinished = { octets: new Uint8Array(LARGEST_PACKET), parts: [], length: -1 };
      this.#unfinished.set(key, unfinished);
    }
    unfinished.octets.set(payload, offset);
    unfinished.parts.push({ from: offset, to: offset + payload.length });
    if (!more) unfinished.length = offset + payload.length;
    if (unfinished.length < 0 || !isComplete(unfinished)) return null;
    this.#unfinished.delete(key);
    return unfinished.octets.subarray(0, unfinished.length);
  }
}

function isComplete({ parts, length }: Unfinished): boolean {
  let covered = 0;
  for (const { from, to } of parts.toSorted((a, b) => a.from - b.from)) {
    if (from > covered) return false;
    covered = Math.max(covered, to);
  }
  return covered >= length;
}

/** Where the IP packet of a frame starts; -1 if there is none. */
function packetStart(frame: Uint8Array, linkType: number): number {
  switch (linkType) {
    case LinkType.ethernet:
      return behindEtherType(frame, 12);
    case LinkType.linuxCooked:
      return behindEtherType(frame, 14);
    case LinkType.linuxCooked2:
      return isIp(u16(frame, 0)) ? 20 : -1;
    case LinkType.null:
    case LinkType.loop:
      return 4;
    case LinkType.raw:
    case LinkType.ipv4:
    case LinkType.ipv6:
      return 0;
    default:
      return OLD_RAW.includes(linkType) ? 0 : -1;
  }
}

function behindEtherType(frame: Uint8Array, at: number): number {
  let etherType = u16(frame, at);
  while (VLAN_TAGS.includes(etherType)) {
    at += 4;
    etherType = u16(frame, at);
  }
  return isIp(etherType) ? at + 2 : -1;
}

function isIp(etherType: number): boolean {
  return etherType === IPV4 || etherType === IPV6;
}

function readIpv4(frame: Uint8Array, at: number): Carried | null {
  const headerLength = (frame[at]! & 15) * 4;
  if (frame.length - at < 20 || headerLength < 20 || frame.length - at < headerLength) return null;
  const total = u16(frame, at + 2);
  // 0: the sending host left the length to its network card
  const end = total < headerLength ? frame.length : Math.min(frame.length, at + total);
  const fragmentation = u16(frame, at + 6);
  const offset = (fragmentation & 0x1fff) * 8, more = (fragmentation & 0x2000) !== 0;
  const source = mapped(frame.subarray(at + 12, at + 16)), destination = mapped(frame.subarray(at + 16, at + 20));
  const carried = { source, destination, proto: frame[at + 9]!, payload: frame.subarray(at + headerLength, end) };
  if (offset === 0 && !more) return carried;
  const key = `${source.toHex()} ${destination.toHex()} ${u16(frame, at + 4)} ${carried.proto}`;
  return { ...carried, fragment: { key, offset, more } };
}

function readIpv6(frame: Uint8Array, at: number): Carried | null {
  if (frame.length - at < 40 || frame[at]! >> 4 !== 6) return null;
  const source = frame.slice(at + 8, at + 24), destination = frame.slice(at + 24, at + 40);
  const end = Math.min(frame.length, at + 40 + u16(frame, at + 4));
  let proto = frame[at + 6]!;
  let fragment: Carried["fragment"];
  at += 40;
  while (EXTENSION_HEADERS.includes(proto) || proto === FRAGMENT) {
    if (end - at < 8) return null;
    const next = frame[at]!;
    if (proto === FRAGMENT) {
      const word = u16(frame, at + 2);
      const key = `${source.toHex()} ${destination.toHex()} ${frame.subarray(at + 4, at + 8).toHex()}`;
      fragment = { key, offset: word & 0xfff8, more: (word & 1) !== 0 };
      at += 8;
      proto = next;
      break; // what follows is in the fragments put together
    }
    at += proto === 51 ? 4 * (frame[at + 1]! + 2) : 8 * (frame[at + 1]! + 1);
    proto = next;
  }
  if (at > end) return null;
  const payload = frame.subarray(at, end);
  return { source, destination, proto, payload, ...(fragment !== undefined && { fragment }) };
}

function readUdp({ source, destination }: Carried, segment: Uint8Array, timeS: number): UdpDatagram | null {
  if (segment.length < 8) return null;
  const length = u16(segment, 4);
  const end = length < 8 ? segment.length : Math.min(segment.length, length);
  return {
    timeS,
    source,
    sourcePort: u16(segment, 0),
    destination,
    destinationPort: u16(segment, 2),
    payload: segment.slice(8, end),
  };
}

/** Two octets in network order; -1 beyond the end. */
function u16(bytes: Uint8Array, at: number): number {
  return at + 2 <= bytes.length ? bytes[at]! << 8 | bytes[at + 1]! : -1;
}

function mapped(ipv4: Uint8Array): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(16);
  address[10] = address[11] = 0xff;
  address.set(ipv4, 12);
  return address;
}
