/** The columns of a flow: names, types and roles, in the order of the table. */

/**
 * How a batch holds the values of a column: `u8` to `u32` a typed array; `u64` two words a row, low first; `address` four
 * words a row that lie in memory as the 16 octets do; `pooledAddress` and `text` an id of the batch's pool; `code2` the
 * two octets of a `FixedString(2)`; `list32` and `list128` a {@linkcode ListColumn}.
 */
export type ColumnStorage =
  | "u8"
  | "u16"
  | "u32"
  | "u64"
  | "address"
  | "pooledAddress"
  | "text"
  | "code2"
  | "list32"
  | "list128";

/** Columns that are there for a kind of question, and cost nothing while nobody asks. */
export type ColumnGroup = "L2" | "NAT" | "L3L4";

/** One column that rows bring along. */
export interface Column {
  /** Its name in the store. */
  readonly name: string;
  /** Its field in a {@linkcode FlowBatch}. */
  readonly field: ColumnField;
  readonly storage: ColumnStorage;
  /** Its type in ClickHouse. */
  readonly type: string;
  readonly codec?: string;
  /** Whether it is stored unless told otherwise. */
  readonly enabled: boolean;
  /** It can't be disabled. */
  readonly fixed: boolean;
  /** Absent from consolidated tables. */
  readonly mainTableOnly: boolean;
  /** Part of the sorting key of consolidated tables, beside the primary key. */
  readonly sortingKey: boolean;
  /** Place in the primary key of consolidated tables, from 1; 0: none. */
  readonly primaryKey: number;
  readonly group?: ColumnGroup;
}

/** A column that the server computes: `alias` when it is asked for, `generated` when a row is stored. */
export interface ComputedColumn {
  readonly name: string;
  readonly type: string;
  readonly kind: "alias" | "generated";
  readonly enabled: boolean;
  readonly mainTableOnly: boolean;
  readonly sortingKey: boolean;
  readonly group?: ColumnGroup;
  /** The stored column that it stands behind in the table. */
  readonly after: string;
}

type Flags = Partial<
  Pick<Column, "codec" | "enabled" | "fixed" | "mainTableOnly" | "sortingKey" | "primaryKey" | "group">
>;

const TEXT = "LowCardinality(String)";
const BOUNDARY = "Enum8('undefined' = 0, 'external' = 1, 'internal' = 2)";
const DIRECTION = "Enum8('undefined' = 0, 'ingress' = 1, 'egress' = 2)";
const MAIN: Flags = { mainTableOnly: true };
const KEY: Flags = { sortingKey: true };
const L2: Flags = { enabled: false, sortingKey: true, group: "L2" };
const NAT: Flags = { enabled: false, mainTableOnly: true, group: "NAT" };
const L3L4: Flags = { enabled: false, sortingKey: true, group: "L3L4" };

const TABLE = [
  ["TimeReceived", "timeReceived", "u32", "DateTime", { codec: "DoubleDelta, LZ4", fixed: true, primaryKey: 1 }],
  ["SamplingRate", "samplingRate", "u64", "UInt64", { fixed: true, primaryKey: 10 }],
  ["ExporterAddress", "exporterAddress", "pooledAddress", "LowCardinality(IPv6)", { primaryKey: 2 }],
  ["ExporterName", "exporterName", "text", TEXT, {}],
  ["ExporterGroup", "exporterGroup", "text", TEXT, {}],
  ["ExporterRole", "exporterRole", "text", TEXT, {}],
  ["ExporterSite", "exporterSite", "text", TEXT, {}],
  ["ExporterRegion", "exporterRegion", "text", TEXT, {}],
  ["ExporterTenant", "exporterTenant", "text", TEXT, {}],
  ["SrcAddr", "srcAddr", "address", "IPv6", { ...MAIN, codec: "ZSTD(1)" }],
  ["DstAddr", "dstAddr", "address", "IPv6", { ...MAIN, codec: "ZSTD(1)" }],
  ["SrcNetMask", "srcNetMask", "u8", "UInt8", MAIN],
  ["DstNetMask", "dstNetMask", "u8", "UInt8", MAIN],
  ["SrcAS", "srcAs", "u32", "UInt32", { primaryKey: 6 }],
  ["DstAS", "dstAs", "u32", "UInt32", { primaryKey: 9 }],
  ["SrcNetName", "srcNetName", "text", TEXT, KEY],
  ["DstNetName", "dstNetName", "text", TEXT, KEY],
  ["SrcNetRole", "srcNetRole", "text", TEXT, KEY],
  ["DstNetRole", "dstNetRole", "text", TEXT, KEY],
  ["SrcNetSite", "srcNetSite", "text", TEXT, KEY],
  ["DstNetSite", "dstNetSite", "text", TEXT, KEY],
  ["SrcNetRegion", "srcNetRegion", "text", TEXT, KEY],
  ["DstNetRegion", "dstNetRegion", "text", TEXT, KEY],
  ["SrcNetTenant", "srcNetTenant", "text", TEXT, KEY],
  ["DstNetTenant", "dstNetTenant", "text", TEXT, KEY],
  ["SrcVlan", "srcVlan", "u16", "UInt16", L2],
  ["DstVlan", "dstVlan", "u16", "UInt16", L2],
  ["SrcCountry", "srcCountry", "code2", "FixedString(2)", KEY],
  ["DstCountry", "dstCountry", "code2", "FixedString(2)", KEY],
  ["SrcGeoCity", "srcGeoCity", "text", TEXT, KEY],
  ["DstGeoCity", "dstGeoCity", "text", TEXT, KEY],
  ["SrcGeoState", "srcGeoState", "text", TEXT, KEY],
  ["DstGeoState", "dstGeoState", "text", TEXT, KEY],
  ["DstASPath", "dstAsPath", "list32", "Array(UInt32)", MAIN],
  ["SrcCommunities", "srcCommunities", "list32", "Array(UInt32)", { ...MAIN, enabled: false }],
  ["DstCommunities", "dstCommunities", "list32", "Array(UInt32)", MAIN],
  ["SrcLargeCommunities", "srcLargeCommunities", "list128", "Array(UInt128)", { ...MAIN, enabled: false }],
  ["DstLargeCommunities", "dstLargeCommunities", "list128", "Array(UInt128)", MAIN],
  ["InIfName", "inIfName", "text", TEXT, { primaryKey: 5 }],
  ["OutIfName", "outIfName", "text", TEXT, { primaryKey: 8 }],
  ["InIfDescription", "inIfDescription", "text", TEXT, {}],
  ["OutIfDescription", "outIfDescription", "text", TEXT, {}],
  ["InIfSpeed", "inIfSpeed", "u32", "UInt32", {}],
  ["OutIfSpeed", "outIfSpeed", "u32", "UInt32", {}],
  ["InIfConnectivity", "inIfConnectivity", "text", TEXT, {}],
  ["OutIfConnectivity", "outIfConnectivity", "text", TEXT, {}],
  ["InIfProvider", "inIfProvider", "text", TEXT, {}],
  ["OutIfProvider", "outIfProvider", "text", TEXT, {}],
  ["InIfBoundary", "inIfBoundary", "u8", BOUNDARY, {}],
  ["OutIfBoundary", "outIfBoundary", "u8", BOUNDARY, {}],
  ["EType", "etype", "u32", "UInt32", { primaryKey: 3 }],
  ["Proto", "proto", "u32", "UInt32", { primaryKey: 4 }],
  ["SrcPort", "srcPort", "u16", "UInt16", MAIN],
  ["DstPort", "dstPort", "u16", "UInt16", MAIN],
  ["Bytes", "bytes", "u64", "UInt64", { codec: "T64, LZ4", fixed: true }],
  ["Packets", "packets", "u64", "UInt64", { codec: "T64, LZ4", fixed: true }],
  ["ForwardingStatus", "forwardingStatus", "u32", "UInt32", { primaryKey: 7 }],
  ["FlowDirection", "flowDirection", "u8", DIRECTION, KEY],
  ["SrcAddrNAT", "srcAddrNat", "address", "IPv6", NAT],
  ["DstAddrNAT", "dstAddrNat", "address", "IPv6", NAT],
  ["SrcPortNAT", "srcPortNat", "u16", "UInt16", NAT],
  ["DstPortNAT", "dstPortNat", "u16", "UInt16", NAT],
  ["SrcMAC", "srcMac", "u64", "UInt64", L2],
  ["DstMAC", "dstMac", "u64", "UInt64", L2],
  ["IPTTL", "ttl", "u8", "UInt8", L3L4],
  ["IPTos", "tos", "u8", "UInt8", L3L4],
  ["IPFragmentID", "fragmentId", "u32", "UInt32", L3L4],
  ["IPFragmentOffset", "fragmentOffset", "u16", "UInt16", L3L4],
  ["IPv6FlowLabel", "ipv6FlowLabel", "u32", "UInt32", L3L4],
  ["TCPFlags", "tcpFlags", "u16", "UInt16", L3L4],
  ["ICMPv4Type", "icmpv4Type", "u8", "UInt8", L3L4],
  ["ICMPv4Code", "icmpv4Code", "u8", "UInt8", L3L4],
  ["ICMPv6Type", "icmpv6Type", "u8", "UInt8", L3L4],
  ["ICMPv6Code", "icmpv6Code", "u8", "UInt8", L3L4],
  ["NextHop", "nextHop", "address", "LowCardinality(IPv6)", { ...KEY, enabled: false, codec: "ZSTD(1)" }],
  ["MPLSLabels", "mplsLabels", "list32", "Array(UInt32)", { ...MAIN, enabled: false }],
  ["IngressVRFID", "vrfIn", "u32", "UInt32", { ...KEY, enabled: false }],
  ["EgressVRFID", "vrfOut", "u32", "UInt32", { ...KEY, enabled: false }],
] as const satisfies readonly (readonly [string, string, ColumnStorage, string, Flags])[];

/** Fields of a {@linkcode FlowBatch} that hold a stored column. */
export type ColumnField = (typeof TABLE)[number][1];

/** The stored columns in the order of the table; a column's id is its index. */
export const COLUMNS: readonly Column[] = TABLE.map(([name, field, storage, type, flags]: (typeof TABLE)[number]) => ({
  name,
  field,
  storage,
  type,
  enabled: true,
  fixed: false,
  mainTableOnly: false,
  sortingKey: false,
  primaryKey: 0,
  ...flags,
}));

/** The id of a field's column. */
export const columnIds: Readonly<Record<ColumnField, number>> = Object.fromEntries(
  COLUMNS.map(({ field }, id) => [field, id]),
) as Record<ColumnField, number>;

function computed(
  name: string,
  type: string,
  kind: ComputedColumn["kind"],
  after: string,
  flags: Partial<ComputedColumn> = {},
): ComputedColumn {
  return { name, type, kind, after, enabled: true, mainTableOnly: false, sortingKey: false, ...flags };
}

/** The columns that the server computes, those behind the same column in their order. */
export const COMPUTED_COLUMNS: readonly ComputedColumn[] = [
  computed("SrcNetPrefix", "String", "alias", "DstNetMask", { mainTableOnly: true }),
  computed("DstNetPrefix", "String", "alias", "DstNetMask", { mainTableOnly: true }),
  computed("Dst1stAS", "UInt32", "generated", "DstASPath", { sortingKey: true }),
  computed("Dst2ndAS", "UInt32", "generated", "DstASPath", { sortingKey: true }),
  computed("Dst3rdAS", "UInt32", "generated", "DstASPath", { sortingKey: true }),
  computed("PacketSize", "UInt64", "alias", "Packets"),
  computed("PacketSizeBucket", TEXT, "alias", "Packets"),
  computed("ICMPv4", TEXT, "alias", "ICMPv6Code", { enabled: false, group: "L3L4" }),
  computed("ICMPv6", TEXT, "alias", "ICMPv6Code", { enabled: false, group: "L3L4" }),
  computed("MPLS1stLabel", "UInt32", "alias", "MPLSLabels", { enabled: false, mainTableOnly: true }),
  computed("MPLS2ndLabel", "UInt32", "alias", "MPLSLabels", { enabled: false, mainTableOnly: true }),
  computed("MPLS3rdLabel", "UInt32", "alias", "MPLSLabels", { enabled: false, mainTableOnly: true }),
  computed("MPLS4thLabel", "UInt32", "alias", "MPLSLabels", { enabled: false, mainTableOnly: true }),
];

/** Values of FlowDirection. */
export const FlowDirection = { undefined: 0, ingress: 1, egress: 2 } as const;

/** Values of InIfBoundary and OutIfBoundary. */
export const Boundary = { undefined: 0, external: 1, internal: 2 } as const;
