/** Records of sFlow samples beside the sampled header, each into a row. All return whether the record was whole. */
import type { FlowBatch } from "../columns_batch.ts";
import type { ListColumn } from "../columns_list.ts";
import { EtherType } from "./packet.ts";
import { writeAddress, writeFirst, writeFirstU64, writeLast } from "./row_values.ts";

const MOST_VLAN = 4095;

/** `sampled_ethernet`, format 2: length, source and destination address, type; addresses take 8 octets. */
export function readEthernetRecord(batch: FlowBatch, row: number, view: DataView, at: number, length: number): boolean {
  if (length < 24) return false;
  writeFirstU64(batch.srcMac, row, view.getUint16(at + 4), view.getUint32(at + 6));
  writeFirstU64(batch.dstMac, row, view.getUint16(at + 12), view.getUint32(at + 14));
  return true;
}

/** `sampled_ipv4`, format 3, or `sampled_ipv6`, format 4: `size` octets an address. */
export function readIpRecord(
  batch: FlowBatch,
  row: number,
  view: DataView,
  at: number,
  length: number,
  size: 4 | 16,
): boolean {
  if (length < 24 + 2 * size) return false;
  writeAddress(batch.srcAddr, row, view, at + 8, size);
  writeAddress(batch.dstAddr, row, view, at + 8 + size, size);
  const ports = at + 8 + 2 * size;
  writeFirst(batch.etype, row, size === 4 ? EtherType.ipv4 : EtherType.ipv6);
  writeFirst(batch.proto, row, view.getUint32(at + 4));
  writeFirst(batch.srcPort, row, view.getUint32(ports));
  writeFirst(batch.dstPort, row, view.getUint32(ports + 4));
  writeFirst(batch.tcpFlags, row, view.getUint32(ports + 8));
  writeFirst(batch.tos, row, view.getUint32(ports + 12));
  return true;
}

/** `extended_switch`, format 1001: source VLAN and priority, destination VLAN and priority. */
export function readSwitchRecord(batch: FlowBatch, row: number, view: DataView, at: number, length: number): boolean {
  if (length < 16) return false;
  const source = view.getUint32(at), destination = view.getUint32(at + 8);
  if (source <= MOST_VLAN) writeLast(batch.srcVlan, row, source);
  if (destination <= MOST_VLAN) writeLast(batch.dstVlan, row, destination);
  return true;
}

/** `extended_router`, format 1002: next hop, source and destination mask. */
export function readRouterRecord(batch: FlowBatch, row: number, view: DataView, at: number, length: number): boolean {
  const size = addressSize(view, at, length);
  if (size < 0 || length < 12 + size) return false;
  if (size > 0) writeAddress(batch.nextHop, row, view, at + 4, size);
  writeLast(batch.srcNetMask, row, view.getUint32(at + 4 + size));
  writeLast(batch.dstNetMask, row, view.getUint32(at + 8 + size));
  return true;
}

/**
 * `extended_gateway`, format 1003: next hop, the exporter's AS, source AS, source peer AS, path segments, communities,
 * local preference.
 */
export function readGatewayRecord(batch: FlowBatch, row: number, view: DataView, at: number, length: number): boolean {
  const end = at + length;
  const size = addressSize(view, at, length);
  if (size < 0 || length < 20 + size) return false;
  const segmentsAt = at + 16 + size;
  const communitiesAt = skipSegments(view, segmentsAt, end);
  if (communitiesAt < 0) return false;
  if (size > 0) writeAddress(batch.nextHop, row, view, at + 4, size);
  const ownAs = view.getUint32(at + 4 + size), sourceAs = view.getUint32(at + 8 + size);
  writeLast(batch.srcAs, row, sourceAs === 0 ? ownAs : sourceAs);
  const lastAs = readSegments(batch.dstAsPath, row, view, segmentsAt);
  writeLast(batch.dstAs, row, lastAs === 0 ? ownAs : lastAs);
  const count = view.getUint32(communitiesAt);
  if (batch.dstCommunities.lengths[row] === 0) {
    for (let i = 0; i < count; i++) batch.dstCommunities.push(row, view.getUint32(communitiesAt + 4 + 4 * i));
  }
  return true;
}

/** Where the communities' count is; -1 unless the segments and all communities lie before `end`. */
function skipSegments(view: DataView, at: number, end: number): number {
  const segments = view.getUint32(at);
  at += 4;
  for (let i = 0; i < segments; i++) {
    if (end - at < 8) return -1;
    const count = view.getUint32(at + 4);
    if (count > (end - at - 8) / 4) return -1;
    at += 8 + 4 * count;
  }
  return end - at >= 4 && view.getUint32(at) <= (end - at - 4) / 4 ? at : -1;
}

/** All segments as one path; the last AS of it, 0 of an empty one. */
function readSegments(path: ListColumn, row: number, view: DataView, at: number): number {
  const isFirst = path.lengths[row] === 0;
  const segments = view.getUint32(at);
  let last = 0;
  at += 4;
  for (let i = 0; i < segments; i++) {
    const count = view.getUint32(at + 4);
    at += 8;
    for (let j = 0; j < count; j++, at += 4) {
      last = view.getUint32(at);
      if (isFirst) path.push(row, last);
    }
  }
  return last;
}

/** Octets of an address behind its type; -1 if the type is unknown or the address is not all there. */
function addressSize(view: DataView, at: number, length: number): number {
  if (length < 4) return -1;
  const type = view.getUint32(at);
  const size = type === 0 ? 0 : type === 1 ? 4 : type === 2 ? 16 : -1;
  return size < 0 || length < 4 + size ? -1 : size;
}
