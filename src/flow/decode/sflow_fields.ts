/** The fields that sFlow writes. */
import type { FlowBatch } from "../columns_batch.ts";
import { PACKET_FIELDS } from "./packet.ts";
import { idsOf, touch } from "./row_values.ts";

/** What the usual sample writes. */
export const USUAL_FIELDS: readonly number[] = idsOf([
  "timeReceived",
  "samplingRate",
  "exporterAddress",
  "inIf",
  "outIf",
  "packets",
  "bytes",
  "dstMac",
  "srcMac",
  "srcVlan",
  "dstVlan",
  "etype",
  "srcAddr",
  "dstAddr",
  "proto",
  "tos",
  "ttl",
  "fragmentId",
  "srcPort",
  "dstPort",
  "tcpFlags",
]);
/** What any other writes beside that. */
export const OTHER_FIELDS: readonly number[] = idsOf([
  ...PACKET_FIELDS,
  "forwardingStatus",
  "nextHop",
  "srcNetMask",
  "dstNetMask",
  "srcAs",
  "dstAs",
  "dstAsPath",
  "dstCommunities",
]);

/** In `touched` of the first of several fields: all of them are marked. */
const MARKED = 2;

/** Marks fields as written; costs one look until the batch is reset. */
export function markOnce(batch: FlowBatch, fields: readonly number[]): void {
  if (batch.touched[fields[0]!] === MARKED) return;
  touch(batch, fields);
  batch.touched[fields[0]!] = MARKED;
}
