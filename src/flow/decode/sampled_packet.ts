/** A sampled packet and its tunnel, into a row. */
import type { FlowBatch } from "../columns_batch.ts";
import type { Decapsulation } from "./datagram.ts";
import { findInner, PacketKind, type PacketPlace } from "./decapsulate.ts";
import { parseEthernet, parseIp, parseIpv4, parseIpv6 } from "./packet.ts";

/** {@linkcode parseSampled}: the packet is not in the tunnel it should be in. */
export const NOT_ENCAPSULATED = -1;

const place: PacketPlace = { kind: PacketKind.none, at: 0 };

/**
 * Reads a packet, or the one inside it, into a row whose packet fields are zero.
 *
 * @returns octets of the layer-3 packet, 0 if none was recognised, or {@linkcode NOT_ENCAPSULATED}
 */
export function parseSampled(
  kind: PacketKind,
  decapsulation: Decapsulation,
  batch: FlowBatch,
  row: number,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): number {
  if (decapsulation === "none") return parseKind(kind, batch, row, octets, view, at, end);
  findInner(decapsulation, kind, octets, view, at, end, place);
  const length = parseKind(place.kind, batch, row, octets, view, place.at, end);
  return length > 0 ? length : NOT_ENCAPSULATED;
}

function parseKind(
  kind: PacketKind,
  batch: FlowBatch,
  row: number,
  octets: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): number {
  switch (kind) {
    case PacketKind.ethernet:
      return parseEthernet(batch, row, octets, view, at, end);
    case PacketKind.ipv4:
      return parseIpv4(batch, row, octets, view, at, end);
    case PacketKind.ipv6:
      return parseIpv6(batch, row, octets, view, at, end);
    case PacketKind.ip:
      return parseIp(batch, row, octets, view, at, end);
    default:
      return 0;
  }
}
