/** Information elements (RFC 7012 and the registry of IANA; types 1 to 127 of NetFlow v9) and the columns they fill. */
import type { BatchField } from "../columns_batch.ts";
import { EtherType } from "./packet.ts";

/** Enterprise numbers with a meaning here. */
export const Enterprise = {
  none: 0,
  juniper: 2636,
  /** The reverse direction of a biflow (RFC 5103). */
  reverse: 29305,
} as const;

/** Elements that more than one place asks for. */
export const Element = {
  octetDeltaCount: 1,
  packetDeltaCount: 2,
  ingressInterface: 10,
  egressInterface: 14,
  lastSwitched: 21,
  firstSwitched: 22,
  postPacketDeltaCount: 24,
  samplingInterval: 34,
  samplerId: 48,
  samplerRandomInterval: 50,
  flowDirection: 61,
  mplsTopLabel: 70,
  mplsLabel10: 79,
  octetTotalCount: 85,
  packetTotalCount: 86,
  layer2packetSectionData: 104,
  flowStartSeconds: 150,
  flowEndSeconds: 151,
  flowStartMilliseconds: 152,
  flowEndMilliseconds: 153,
  flowStartMicroseconds: 154,
  flowEndMicroseconds: 155,
  flowStartNanoseconds: 156,
  flowEndNanoseconds: 157,
  flowStartDeltaMicroseconds: 158,
  flowEndDeltaMicroseconds: 159,
  systemInitTimeMilliseconds: 160,
  selectorId: 302,
  samplingPacketInterval: 305,
  samplingPacketSpace: 306,
  samplingSize: 309,
  samplingPopulation: 310,
  samplingProbability: 311,
  ipHeaderPacketSection: 313,
  dataLinkFrameSection: 315,
  /** Of Juniper. */
  commonPropertiesId: 137,
} as const;

/** What an element means for a row. */
export type ElementUse =
  /** An unsigned number; `first`: where there is none yet, `last`: over whatever is there, unless it is 0. */
  | { readonly kind: "number"; readonly field: BatchField; readonly wins: "first" | "last" }
  /** An address, over whatever is there, unless it is 0; it may say what kind of packet it was. */
  | { readonly kind: "address"; readonly field: BatchField; readonly wins: "first" | "last"; readonly etype: number }
  | { readonly kind: "direction" }
  /** Type in the high octet, code in the low one. */
  | { readonly kind: "typeAndCode"; readonly type: BatchField; readonly code: BatchField }
  | { readonly kind: "label" }
  | { readonly kind: "frame" }
  | { readonly kind: "packet" };

const first = (field: BatchField): ElementUse => ({ kind: "number", field, wins: "first" });
const last = (field: BatchField): ElementUse => ({ kind: "number", field, wins: "last" });
const address = (field: BatchField, etype: number, wins: "first" | "last" = "last"): ElementUse => ({
  kind: "address",
  field,
  wins,
  etype,
});
const label: ElementUse = { kind: "label" };

/** What the elements without an enterprise are for; those that are not here say nothing about a row by themselves. */
export const ELEMENT_USES: ReadonlyMap<number, ElementUse> = new Map<number, ElementUse>([
  [1, first("bytes")],
  [2, first("packets")],
  [4, first("proto")],
  [5, first("tos")],
  [6, first("tcpFlags")],
  [7, first("srcPort")],
  [8, address("srcAddr", EtherType.ipv4)],
  [9, last("srcNetMask")],
  [10, last("inIf")],
  [11, first("dstPort")],
  [12, address("dstAddr", EtherType.ipv4)],
  [13, last("dstNetMask")],
  [14, last("outIf")],
  [15, address("nextHop", 0)],
  [16, last("srcAs")],
  [17, last("dstAs")],
  [18, address("nextHop", 0)],
  [23, first("bytes")],
  [24, first("packets")],
  [27, address("srcAddr", EtherType.ipv6)],
  [28, address("dstAddr", EtherType.ipv6)],
  [29, last("srcNetMask")],
  [30, last("dstNetMask")],
  [31, first("ipv6FlowLabel")],
  [32, { kind: "typeAndCode", type: "icmpv4Type", code: "icmpv4Code" }],
  [34, first("samplingRate")],
  [50, first("samplingRate")],
  [52, first("ttl")],
  [54, first("fragmentId")],
  [56, first("srcMac")],
  [57, first("dstMac")],
  [58, first("srcVlan")],
  [59, first("dstVlan")],
  [61, { kind: "direction" }],
  [62, address("nextHop", 0)],
  [63, address("nextHop", 0)],
  ...[70, 71, 72, 73, 74, 75, 76, 77, 78, 79].map((id): [number, ElementUse] => [id, label]),
  [80, first("dstMac")],
  [81, first("srcMac")],
  [85, first("bytes")],
  [86, first("packets")],
  [88, first("fragmentOffset")],
  [89, first("forwardingStatus")],
  [104, { kind: "frame" }],
  [139, { kind: "typeAndCode", type: "icmpv6Type", code: "icmpv6Code" }],
  [176, first("icmpv4Type")],
  [177, first("icmpv4Code")],
  [178, first("icmpv6Type")],
  [179, first("icmpv6Code")],
  [180, first("srcPort")],
  [181, first("dstPort")],
  [182, first("srcPort")],
  [183, first("dstPort")],
  [192, first("ttl")],
  [225, address("srcAddrNat", 0, "first")],
  [226, address("dstAddrNat", 0, "first")],
  [227, first("srcPortNat")],
  [228, first("dstPortNat")],
  [231, first("bytes")],
  [232, first("bytes")],
  [234, first("vrfIn")],
  [235, first("vrfOut")],
  [243, first("srcVlan")],
  [252, first("inIf")],
  [253, first("outIf")],
  [254, first("dstVlan")],
  [281, address("srcAddrNat", 0, "first")],
  [282, address("dstAddrNat", 0, "first")],
  [298, first("packets")],
  [299, first("packets")],
  [313, { kind: "packet" }],
  [315, { kind: "frame" }],
]);

/** Elements that say that a row has its ICMP type and code without a look at the port. */
export const ICMP_ELEMENTS: ReadonlySet<number> = new Set([32, 139, 176, 177, 178, 179]);

/** Delta counters: where a template has one, it says more than a total. */
export const BYTE_DELTAS: ReadonlySet<number> = new Set([1, 23]);
/** As {@linkcode BYTE_DELTAS}, of packets. */
export const PACKET_DELTAS: ReadonlySet<number> = new Set([2, 24]);

/** Next hops, which the reverse direction of a biflow does not share. */
export const NEXT_HOPS: ReadonlySet<number> = new Set([15, 18, 62, 63]);

/** What trades places in the reverse direction of a biflow; the flow's direction does too. */
export const MIRRORED: Readonly<Partial<Record<BatchField, BatchField>>> = {
  srcAddr: "dstAddr",
  dstAddr: "srcAddr",
  srcPort: "dstPort",
  dstPort: "srcPort",
  srcAs: "dstAs",
  dstAs: "srcAs",
  srcNetMask: "dstNetMask",
  dstNetMask: "srcNetMask",
  srcMac: "dstMac",
  dstMac: "srcMac",
  srcVlan: "dstVlan",
  dstVlan: "srcVlan",
  srcAddrNat: "dstAddrNat",
  dstAddrNat: "srcAddrNat",
  srcPortNat: "dstPortNat",
  dstPortNat: "srcPortNat",
  inIf: "outIf",
  outIf: "inIf",
  vrfIn: "vrfOut",
  vrfOut: "vrfIn",
};

/** What describes the packet itself: of a tunnelled one the inner packet says it, and these elements the outer. */
export const OF_PACKET: ReadonlySet<BatchField> = new Set<BatchField>([
  "srcAddr",
  "dstAddr",
  "srcNetMask",
  "dstNetMask",
  "srcAs",
  "dstAs",
  "nextHop",
  "srcPort",
  "dstPort",
  "proto",
  "bytes",
  "packets",
  "tos",
  "ttl",
  "tcpFlags",
  "fragmentId",
  "fragmentOffset",
  "ipv6FlowLabel",
  "icmpv4Type",
  "icmpv4Code",
  "icmpv6Type",
  "icmpv6Code",
  "srcMac",
  "dstMac",
  "srcVlan",
  "dstVlan",
  "srcAddrNat",
  "dstAddrNat",
  "srcPortNat",
  "dstPortNat",
  "mplsLabels",
]);
