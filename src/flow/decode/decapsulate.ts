/** Tunnels: where the inner packet of an encapsulated one starts. Nothing of the outer packet is recorded. */
import type { Decapsulation } from "./datagram.ts";
import { EtherType, extensionLength, isExtensionHeader, isPseudowireFrame, isVlanTag, Proto } from "./packet.ts";

/** What a packet starts with. */
export const PacketKind = { none: 0, ethernet: 1, ip: 2, ipv4: 3, ipv6: 4 } as const;
export type PacketKind = (typeof PacketKind)[keyof typeof PacketKind];

/** Where a packet is. */
export interface PacketPlace {
  /** {@linkcode PacketKind.none}: there is no packet of the expected kind. */
  kind: PacketKind;
  at: number;
}

const MOST_LABELS = 16;
const MOST_HEADERS = 8;
const VXLAN_PORT = 4789;
/** The I flag: the network identifier is valid (RFC 7348 §5). */
const VXLAN_VALID = 0x08;
const SEGMENT_ROUTING = 4;

/** Finds the packet inside the one in `octets[at, end)`, one level deep, and says in `out` where it is. */
export function findInner(
  tunnel: Exclude<Decapsulation, "none">,
  kind: PacketKind,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  out: PacketPlace,
): void {
  out.kind = PacketKind.none;
  const ip = kind === PacketKind.ethernet ? findIp(octets, view, at, end) : at;
  if (ip < 0 || ip >= end) return;
  const version = octets[ip]! >> 4;
  if (version === 4 && kind !== PacketKind.ipv6) insideIpv4(tunnel, octets, view, ip, end, out);
  else if (version === 6 && kind !== PacketKind.ipv4) insideIpv6(tunnel, octets, view, ip, end, out);
}

/** The IP packet of an Ethernet frame, behind tags and labels; -1 if there is none. */
function findIp(octets: Uint8Array, view: DataView, at: number, end: number): number {
  for (let frames = 0; frames < 2; frames++) {
    if (end - at < 14) return -1;
    let etherType = view.getUint16(at + 12);
    at += 14;
    while (isVlanTag(etherType) && end - at >= 4) {
      etherType = view.getUint16(at + 2);
      at += 4;
    }
    if (etherType === EtherType.ipv4 || etherType === EtherType.ipv6) return at;
    if (etherType !== EtherType.mpls && etherType !== EtherType.mplsMulticast) return -1;
    let labels = 0;
    for (let bottom = false; !bottom; labels++) {
      if (labels === MOST_LABELS || end - at < 4) return -1;
      bottom = (view.getUint32(at) & 0x100) !== 0;
      at += 4;
    }
    if (at < end && octets[at]! >> 4 !== 0) return at;
    if (!isPseudowireFrame(view, at, end)) return -1;
    at += 4;
  }
  return -1;
}

function insideIpv4(
  tunnel: Exclude<Decapsulation, "none">,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  out: PacketPlace,
): void {
  if (end - at < 20) return;
  const headerLength = (octets[at]! & 15) << 2;
  if (headerLength < 20 || tunnel === "srv6" || (view.getUint16(at + 6) & 0x1fff) !== 0) return;
  insidePayload(tunnel, octets[at + 9]!, octets, view, at + headerLength, end, out);
}

function insideIpv6(
  tunnel: Exclude<Decapsulation, "none">,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  out: PacketPlace,
): void {
  if (end - at < 40) return;
  let proto = octets[at + 6]!;
  at += 40;
  for (let i = 0; i < MOST_HEADERS && isExtensionHeader(proto); i++) {
    if (end - at < 8) return;
    if (tunnel === "srv6" && !(proto === Proto.routing && octets[at + 2] === SEGMENT_ROUTING)) return;
    if (proto === Proto.fragment && view.getUint16(at + 2) >> 3 !== 0) return;
    const length = extensionLength(proto, octets[at + 1]!);
    proto = octets[at]!;
    at += length;
  }
  insidePayload(tunnel, proto, octets, view, at, end, out);
}

function insidePayload(
  tunnel: Exclude<Decapsulation, "none">,
  proto: number,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  out: PacketPlace,
): void {
  switch (tunnel) {
    case "ipip":
    case "srv6":
      if (proto !== Proto.ipip && proto !== Proto.ipv6) return;
      out.kind = proto === Proto.ipip ? PacketKind.ipv4 : PacketKind.ipv6;
      out.at = at;
      return;
    case "gre":
      if (proto === Proto.gre) insideGre(view, at, end, out);
      return;
    case "vxlan":
      if (proto !== Proto.udp || end - at <= 16 || view.getUint16(at + 2) !== VXLAN_PORT) return;
      if ((octets[at + 8]! & VXLAN_VALID) === 0) return;
      out.kind = PacketKind.ethernet;
      out.at = at + 16;
  }
}

/** RFC 2784 with the key and sequence number of RFC 2890; no routing, version 0. */
function insideGre(view: DataView, at: number, end: number, out: PacketPlace): void {
  if (end - at < 4) return;
  const flags = view.getUint16(at);
  if ((flags & 0x4fff) !== 0) return;
  const kind = kindOf(view.getUint16(at + 2));
  out.kind = kind;
  out.at = at + 4 + ((flags & 0x8000) !== 0 ? 4 : 0) + ((flags & 0x2000) !== 0 ? 4 : 0) +
    ((flags & 0x1000) !== 0 ? 4 : 0);
}

function kindOf(etherType: number): PacketKind {
  switch (etherType) {
    case EtherType.ipv4:
      return PacketKind.ipv4;
    case EtherType.ipv6:
      return PacketKind.ipv6;
    case EtherType.bridging:
      return PacketKind.ethernet;
    default:
      return PacketKind.none;
  }
}
