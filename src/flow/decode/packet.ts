/** Sampled packets: as much of a frame as there is, into one row. Nothing here throws; a cut header keeps what came first. */
import type { FlowBatch } from "../columns_batch.ts";
import { MAPPED_WORD } from "../columns_pool.ts";

/** EtherTypes (IEEE 802). */
export const EtherType = {
  ipv4: 0x0800,
  ipv6: 0x86dd,
  vlan: 0x8100,
  serviceVlan: 0x88a8,
  doubleVlan: 0x9100,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
  bridging: 0x6558,
} as const;

/** Upper-layer protocols (IANA). */
export const Proto = {
  hopByHop: 0,
  icmp: 1,
  ipip: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  authentication: 51,
  icmpv6: 58,
  destinationOptions: 60,
  sctp: 132,
} as const;

const MOST_LABELS = 16;
const MOST_EXTENSION_HEADERS = 8;

/** Whether an EtherType is a tag of a virtual LAN. */
export function isVlanTag(etherType: number): boolean {
  return etherType === EtherType.vlan || etherType === EtherType.serviceVlan || etherType === EtherType.doubleVlan;
}

/**
 * Reads an Ethernet frame in `octets[at, end)` into a row whose packet fields are zero.
 *
 * @returns octets of the layer-3 packet, as its header says; 0 if none was recognised
 */
export function parseEthernet(
  batch: FlowBatch,
  row: number,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): number {
  if (end - at < 14) return 0;
  batch.dstMac[2 * row] = view.getUint32(at + 2);
  batch.dstMac[2 * row + 1] = view.getUint16(at);
  batch.srcMac[2 * row] = view.getUint32(at + 8);
  batch.srcMac[2 * row + 1] = view.getUint16(at + 6);
  return parseEtherType(batch, row, octets, view, at + 12, end, false);
}

/** From an EtherType on: tags, labels, and the packet behind them; `nested` in a frame that labels led to. */
function parseEtherType(
  batch: FlowBatch,
  row: number,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  nested: boolean,
): number {
  let etherType = view.getUint16(at);
  at += 2;
  if (isVlanTag(etherType)) {
    let vlan = 0;
    while (isVlanTag(etherType) && end - at >= 4) {
      vlan = view.getUint16(at) & 0xfff; // the innermost stays
      etherType = view.getUint16(at + 2);
      at += 4;
    }
    if (batch.srcVlan[row] === 0) batch.srcVlan[row] = vlan;
    if (batch.dstVlan[row] === 0) batch.dstVlan[row] = vlan;
  }
  if (etherType === EtherType.ipv4) return parseIpv4(batch, row, octets, view, at, end);
  if (etherType === EtherType.ipv6) return parseIpv6(batch, row, octets, view, at, end);
  if (etherType === EtherType.mpls || etherType === EtherType.mplsMulticast) {
    return nested ? 0 : parseMpls(batch, row, octets, view, at, end); // once: a frame could hold a thousand of each other
  }
  return 0;
}

/** A label stack (RFC 3032), then what its bottom label or the first nibble behind it says. */
function parseMpls(
  batch: FlowBatch,
  row: number,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): number {
  let bottom = -1;
  for (let i = 0; i < MOST_LABELS && bottom < 0; i++) {
    if (end - at < 4) return 0;
    const entry = view.getUint32(at);
    at += 4;
    batch.mplsLabels.push(row, entry >>> 12);
    if ((entry & 0x100) !== 0) bottom = entry >>> 12;
  }
  if (bottom < 0 || at >= end) return 0;
  const nibble = octets[at]! >> 4;
  if (bottom === 0 || bottom !== 2 && nibble === 4) return parseIpv4(batch, row, octets, view, at, end);
  if (bottom === 2 || nibble === 6) return parseIpv6(batch, row, octets, view, at, end);
  // A control word (RFC 4448): sixteen zero bits, a sequence number, and a frame. The outer addresses came first.
  if (!isPseudowireFrame(view, at, end)) return 0;
  return parseEtherType(batch, row, octets, view, at + 4 + 12, end, true);
}

/** Whether a control word stands at `at`, and a frame behind it whose EtherType is read here. */
export function isPseudowireFrame(view: DataView, at: number, end: number): boolean {
  if (end - at < 18 || view.getUint16(at) !== 0) return false;
  const etherType = view.getUint16(at + 16);
  return isVlanTag(etherType) || etherType === EtherType.ipv4 || etherType === EtherType.ipv6 ||
    etherType === EtherType.mpls || etherType === EtherType.mplsMulticast;
}

/**
 * Reads an IPv4 packet (RFC 791) in `octets[at, end)` into a row whose packet fields are zero.
 *
 * @returns its total length; 0 if it is none
 */
export function parseIpv4(
  batch: FlowBatch,
  row: number,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): number {
  if (end - at < 20) return 0;
  const headerLength = (octets[at]! & 15) << 2;
  if (octets[at]! >> 4 !== 4 || headerLength < 20) return 0;
  batch.etype[row] = EtherType.ipv4;
  const source = view.getUint32(at + 12, true), destination = view.getUint32(at + 16, true);
  if (source !== 0) {
    batch.srcAddr[4 * row + 2] = MAPPED_WORD;
    batch.srcAddr[4 * row + 3] = source;
  }
  if (destination !== 0) {
    batch.dstAddr[4 * row + 2] = MAPPED_WORD;
    batch.dstAddr[4 * row + 3] = destination;
  }
  const proto = octets[at + 9]!;
  batch.proto[row] = proto;
  batch.tos[row] = octets[at + 1]!;
  batch.ttl[row] = octets[at + 8]!;
  batch.fragmentId[row] = view.getUint16(at + 4);
  const fragmentOffset = view.getUint16(at + 6) & 0x1fff;
  batch.fragmentOffset[row] = fragmentOffset;
  if (fragmentOffset === 0) parseTransport(batch, row, octets, view, proto, at + headerLength, end);
  return view.getUint16(at + 2);
}

/** Reads an IPv6 packet (RFC 8200) as {@linkcode parseIpv4} does. @returns payload length + 40; 0 if it is none */
export function parseIpv6(
  batch: FlowBatch,
  row: number,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): number {
  if (end - at < 40 || octets[at]! >> 4 !== 6) return 0;
  const first = view.getUint32(at);
  batch.etype[row] = EtherType.ipv6;
  batch.tos[row] = first >>> 20 & 0xff;
  batch.ipv6FlowLabel[row] = first & 0xfffff;
  batch.ttl[row] = octets[at + 7]!;
  for (let word = 0; word < 4; word++) {
    batch.srcAddr[4 * row + word] = view.getUint32(at + 8 + 4 * word, true);
    batch.dstAddr[4 * row + word] = view.getUint32(at + 24 + 4 * word, true);
  }
  let proto = octets[at + 6]!;
  let next = at + 40;
  for (let i = 0; i < MOST_EXTENSION_HEADERS && isExtensionHeader(proto); i++) {
    if (end - next < 8) {
      next = end;
      break;
    }
    const length = extensionLength(proto, octets[next + 1]!);
    if (proto === Proto.fragment) {
      batch.fragmentId[row] = view.getUint32(next + 4);
      const fragmentOffset = view.getUint16(next + 2) >> 3;
      batch.fragmentOffset[row] = fragmentOffset;
      if (fragmentOffset !== 0) {
        proto = octets[next]!;
        next = end; // what follows is no header
        break;
      }
    }
    proto = octets[next]!;
    next += length;
  }
  batch.proto[row] = proto;
  parseTransport(batch, row, octets, view, proto, next, end);
  return view.getUint16(at + 4) + 40;
}

/** Whether a next-header value names a header that another one follows. */
export function isExtensionHeader(proto: number): boolean {
  return proto === Proto.hopByHop || proto === Proto.routing || proto === Proto.fragment ||
    proto === Proto.authentication || proto === Proto.destinationOptions;
}

/** Octets of an extension header whose second octet is given: in units of 8, of AH in units of 4 (RFC 4302 §2.2). */
export function extensionLength(proto: number, length: number): number {
  if (proto === Proto.fragment) return 8;
  return proto === Proto.authentication ? 4 * (length + 2) : 8 * (length + 1);
}

function parseTransport(
  batch: FlowBatch,
  row: number,
  octets: Uint8Array,
  view: DataView,
  proto: number,
  at: number,
  end: number,
): void {
  switch (proto) {
    case Proto.tcp:
      if (end - at < 4) return;
      batch.srcPort[row] = view.getUint16(at);
      batch.dstPort[row] = view.getUint16(at + 2);
      if (end - at >= 14) batch.tcpFlags[row] = view.getUint16(at + 12) & 0x1ff; // NS and the octet of flags
      return;
    case Proto.udp:
    case Proto.dccp:
    case Proto.sctp:
      if (end - at < 4) return;
      batch.srcPort[row] = view.getUint16(at);
      batch.dstPort[row] = view.getUint16(at + 2);
      return;
    case Proto.icmp:
      if (end - at < 2) return;
      batch.icmpv4Type[row] = octets[at]!;
      batch.icmpv4Code[row] = octets[at + 1]!;
      return;
    case Proto.icmpv6:
      if (end - at < 2) return;
      batch.icmpv6Type[row] = octets[at]!;
      batch.icmpv6Code[row] = octets[at + 1]!;
  }
}

/** Reads an IP packet of the version that its first nibble says. @returns as {@linkcode parseIpv4} */
export function parseIp(
  batch: FlowBatch,
  row: number,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): number {
  if (at >= end) return 0;
  switch (octets[at]! >> 4) {
    case 4:
      return parseIpv4(batch, row, octets, view, at, end);
    case 6:
      return parseIpv6(batch, row, octets, view, at, end);
    default:
      return 0;
  }
}

/** The fields that the parsers of this file write. */
export const PACKET_FIELDS = [
  "dstMac",
  "srcMac",
  "srcVlan",
  "dstVlan",
  "mplsLabels",
  "etype",
  "srcAddr",
  "dstAddr",
  "proto",
  "tos",
  "ttl",
  "fragmentId",
  "fragmentOffset",
  "ipv6FlowLabel",
  "srcPort",
  "dstPort",
  "tcpFlags",
  "icmpv4Type",
  "icmpv4Code",
  "icmpv6Type",
  "icmpv6Code",
] as const;
