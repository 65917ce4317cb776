/** Flows as columns: one typed array a column, filled by the decoders, completed by the enrichment, written as a block. */
import { type ColumnField, COLUMNS } from "./columns.ts";
import { ListColumn } from "./columns_list.ts";
import { AddressPool, TextPool } from "./columns_pool.ts";

/** Fields that are needed on the way and not stored. */
const UNSTORED = ["inIf", "outIf", "firstMs", "lastMs"] as const;

/** All fields of a batch that hold a value a row. */
export type BatchField = ColumnField | (typeof UNSTORED)[number];

/** The arrays a field may be. */
export type FieldArray = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** How one field lies in memory. */
interface Layout {
  readonly field: BatchField;
  readonly kind: "u8" | "u16" | "u32" | "f64" | "list32" | "list128";
  /** Elements a row. */
  readonly width: 1 | 2 | 4;
}

const LAYOUTS: readonly Layout[] = [
  ...COLUMNS.map(({ field, storage }): Layout => {
    switch (storage) {
      case "u8":
      case "u16":
      case "u32":
      case "list32":
      case "list128":
        return { field, kind: storage, width: 1 };
      case "u64":
        return { field, kind: "u32", width: 2 };
      case "address":
        return { field, kind: "u32", width: 4 };
      case "code2":
        return { field, kind: "u16", width: 1 };
      case "text":
      case "pooledAddress":
        return { field, kind: "u32", width: 1 };
    }
  }),
  { field: "inIf", kind: "u32", width: 1 },
  { field: "outIf", kind: "u32", width: 1 },
  { field: "firstMs", kind: "f64", width: 1 },
  { field: "lastMs", kind: "f64", width: 1 },
];

/** The id of a field: that of its column, or one behind the columns. */
export const fieldIds: Readonly<Record<BatchField, number>> = Object.fromEntries(
  LAYOUTS.map(({ field }, id) => [field, id]),
) as Record<BatchField, number>;

/** Pools larger than this are emptied with the batch: exporters name themselves. */
const LARGEST_POOL = 1 << 17;

const u8 = () => new Uint8Array(0);
const u16 = () => new Uint16Array(0);
const u32 = () => new Uint32Array(0);
const f64 = () => new Float64Array(0);

/**
 * Rows as columns. A row is written beyond `rows`, into fields that are all zero there, and counts once `rows` includes
 * it; who writes into a field marks it in `touched`, so that a reset need not sweep the others. The arrays are replaced
 * when the batch grows: hold none across {@linkcode FlowBatch.reserve}.
 *
 * The doc comments of {@linkcode ColumnStorage} say how values lie in the arrays.
 */
export class FlowBatch {
  /** Whole rows. */
  rows = 0;
  /** Rows that the arrays have room for, one spare row included. */
  capacity = 0;
  /** Not 0: something has been written into the field of this id. */
  readonly touched: Uint8Array<ArrayBuffer> = new Uint8Array(LAYOUTS.length);
  /** What `text` columns number. */
  readonly texts: TextPool;
  /** What `pooledAddress` columns number. */
  readonly addresses: AddressPool;

  timeReceived: Uint32Array<ArrayBuffer> = u32();
  samplingRate: Uint32Array<ArrayBuffer> = u32();
  exporterAddress: Uint32Array<ArrayBuffer> = u32();
  exporterName: Uint32Array<ArrayBuffer> = u32();
  exporterGroup: Uint32Array<ArrayBuffer> = u32();
  exporterRole: Uint32Array<ArrayBuffer> = u32();
  exporterSite: Uint32Array<ArrayBuffer> = u32();
  exporterRegion: Uint32Array<ArrayBuffer> = u32();
  exporterTenant: Uint32Array<ArrayBuffer> = u32();
  srcAddr: Uint32Array<ArrayBuffer> = u32();
  dstAddr: Uint32Array<ArrayBuffer> = u32();
  srcNetMask: Uint8Array<ArrayBuffer> = u8();
  dstNetMask: Uint8Array<ArrayBuffer> = u8();
  srcAs: Uint32Array<ArrayBuffer> = u32();
  dstAs: Uint32Array<ArrayBuffer> = u32();
  srcNetName: Uint32Array<ArrayBuffer> = u32();
  dstNetName: Uint32Array<ArrayBuffer> = u32();
  srcNetRole: Uint32Array<ArrayBuffer> = u32();
  dstNetRole: Uint32Array<ArrayBuffer> = u32();
  srcNetSite: Uint32Array<ArrayBuffer> = u32();
  dstNetSite: Uint32Array<ArrayBuffer> = u32();
  srcNetRegion: Uint32Array<ArrayBuffer> = u32();
  dstNetRegion: Uint32Array<ArrayBuffer> = u32();
  srcNetTenant: Uint32Array<ArrayBuffer> = u32();
  dstNetTenant: Uint32Array<ArrayBuffer> = u32();
  srcVlan: Uint16Array<ArrayBuffer> = u16();
  dstVlan: Uint16Array<ArrayBuffer> = u16();
  srcCountry: Uint16Array<ArrayBuffer> = u16();
  dstCountry: Uint16Array<ArrayBuffer> = u16();
  srcGeoCity: Uint32Array<ArrayBuffer> = u32();
  dstGeoCity: Uint32Array<ArrayBuffer> = u32();
  srcGeoState: Uint32Array<ArrayBuffer> = u32();
  dstGeoState: Uint32Array<ArrayBuffer> = u32();
  readonly dstAsPath: ListColumn = new ListColumn(0, 1);
  readonly srcCommunities: ListColumn = new ListColumn(0, 1);
  readonly dstCommunities: ListColumn = new ListColumn(0, 1);
  readonly srcLargeCommunities: ListColumn = new ListColumn(0, 4);
  readonly dstLargeCommunities: ListColumn = new ListColumn(0, 4);
  inIfName: Uint32Array<ArrayBuffer> = u32();
  outIfName: Uint32Array<ArrayBuffer> = u32();
  inIfDescription: Uint32Array<ArrayBuffer> = u32();
  outIfDescription: Uint32Array<ArrayBuffer> = u32();
  inIfSpeed: Uint32Array<ArrayBuffer> = u32();
  outIfSpeed: Uint32Array<ArrayBuffer> = u32();
  inIfConnectivity: Uint32Array<ArrayBuffer> = u32();
  outIfConnectivity: Uint32Array<ArrayBuffer> = u32();
  inIfProvider: Uint32Array<ArrayBuffer> = u32();
  outIfProvider: Uint32Array<ArrayBuffer> = u32();
  inIfBoundary: Uint8Array<ArrayBuffer> = u8();
  outIfBoundary: Uint8Array<ArrayBuffer> = u8();
  etype: Uint32Array<ArrayBuffer> = u32();
  proto: Uint32Array<ArrayBuffer> = u32();
  srcPort: Uint16Array<ArrayBuffer> = u16();
  dstPort: Uint16Array<ArrayBuffer> = u16();
  bytes: Uint32Array<ArrayBuffer> = u32();
  packets: Uint32Array<ArrayBuffer> = u32();
  forwardingStatus: Uint32Array<ArrayBuffer> = u32();
  flowDirection: Uint8Array<ArrayBuffer> = u8();
  srcAddrNat: Uint32Array<ArrayBuffer> = u32();
  dstAddrNat: Uint32Array<ArrayBuffer> = u32();
  srcPortNat: Uint16Array<ArrayBuffer> = u16();
  dstPortNat: Uint16Array<ArrayBuffer> = u16();
  srcMac: Uint32Array<ArrayBuffer> = u32();
  dstMac: Uint32Array<ArrayBuffer> = u32();
  ttl: Uint8Array<ArrayBuffer> = u8();
  tos: Uint8Array<ArrayBuffer> = u8();
  fragmentId: Uint32Array<ArrayBuffer> = u32();
  fragmentOffset: Uint16Array<ArrayBuffer> = u16();
  ipv6FlowLabel: Uint32Array<ArrayBuffer> = u32();
  tcpFlags: Uint16Array<ArrayBuffer> = u16();
  icmpv4Type: Uint8Array<ArrayBuffer> = u8();
  icmpv4Code: Uint8Array<ArrayBuffer> = u8();
  icmpv6Type: Uint8Array<ArrayBuffer> = u8();
  icmpv6Code: Uint8Array<ArrayBuffer> = u8();
  nextHop: Uint32Array<ArrayBuffer> = u32();
  readonly mplsLabels: ListColumn = new ListColumn(0, 1);
  vrfIn: Uint32Array<ArrayBuffer> = u32();
  vrfOut: Uint32Array<ArrayBuffer> = u32();
  /** SNMP index of the incoming interface; 0 unknown. */
  inIf: Uint32Array<ArrayBuffer> = u32();
  /** SNMP index of the outgoing interface; 0 unknown. */
  outIf: Uint32Array<ArrayBuffer> = u32();
  /** Unix milliseconds of the flow's first packet, where the decoder was asked for them; 0 unknown. */
  firstMs: Float64Array<ArrayBuffer> = f64();
  /** Unix milliseconds of the flow's last packet. */
  lastMs: Float64Array<ArrayBuffer> = f64();

  /** The arrays of the fields by id: an action of a template names its field by number. */
  readonly #arrays: (FieldArray | ListColumn)[] = [];

  /** @param rows room to begin with */
  constructor(rows = 256, texts: TextPool = new TextPool(), addresses: AddressPool = new AddressPool()) {
    this.texts = texts;
    this.addresses = addresses;
    this.#grow(rows + 1);
  }

  /** Makes room for `count` rows beyond `rows`, and a spare one behind them. */
  reserve(count: number): void {
    const wanted = this.rows + count + 1;
    if (wanted > this.capacity) this.#grow(Math.max(wanted, 2 * this.capacity));
  }

  #grow(capacity: number): void {
    const fields = this as unknown as Record<BatchField, FieldArray | ListColumn>;
    for (const [id, { field, kind, width }] of LAYOUTS.entries()) {
      const old = fields[field];
      if (old instanceof ListColumn) {
        old.grow(capacity);
        this.#arrays[id] = old;
        continue;
      }
      const grown = newArray(kind, capacity * width);
      grown.set(old);
      fields[field] = grown;
      this.#arrays[id] = grown;
    }
    this.capacity = capacity;
  }

  /** Notes that a field is written into: a reset sweeps it, and a block holds its values. */
  mark(field: BatchField): void {
    this.touched[fieldIds[field]] = 1;
  }

  /** The array of a field by its id. */
  array(id: number): FieldArray {
    return this.#arrays[id] as FieldArray;
  }

  /** The lists of a field by its id. */
  list(id: number): ListColumn {
    return this.#arrays[id] as ListColumn;
  }

  /** Makes a row all zero again. */
  clearRow(row: number): void {
    for (const [id, { kind, width }] of LAYOUTS.entries()) {
      if (this.touched[id] === 0) continue;
      if (kind === "list32" || kind === "list128") this.list(id).clear(row);
      else this.array(id).fill(0, row * width, (row + 1) * width);
    }
  }

  /** Takes back what was written beyond `rows`. */
  discard(): void {
    for (const [id, { kind, width }] of LAYOUTS.entries()) {
      if (this.touched[id] === 0) continue;
      if (kind === "list32" || kind === "list128") this.list(id).lengths.fill(0, this.rows);
      else this.array(id).fill(0, this.rows * width);
    }
  }

  /** Empties the batch; its arrays stay. Pools that have grown large are emptied too. */
  reset(): void {
    const end = Math.min(this.capacity, this.rows + 1);
    for (const [id, { kind, width }] of LAYOUTS.entries()) {
      if (this.touched[id] === 0) continue;
      if (kind === "list32" || kind === "list128") this.list(id).reset(end);
      else this.array(id).fill(0, 0, end * width);
    }
    this.touched.fill(0);
    this.rows = 0;
    if (this.texts.size > LARGEST_POOL) this.texts.clear();
    if (this.addresses.size > LARGEST_POOL) this.addresses.clear();
  }
}

function newArray(kind: Layout["kind"], length: number): FieldArray {
  switch (kind) {
    case "u8":
      return new Uint8Array(length);
    case "u16":
      return new Uint16Array(length);
    case "f64":
      return new Float64Array(length);
    default:
      return new Uint32Array(length);
  }
}

/** A number of 64 bits out of a `u64` column; exact up to 2^53. */
export function readU64(column: Uint32Array, row: number): number {
  return column[2 * row + 1]! * 0x1_0000_0000 + column[2 * row]!;
}

/** Writes a whole number of at most 2^53 into a `u64` column. */
export function writeU64(column: Uint32Array, row: number, value: number): void {
  column[2 * row] = value; // modulo 2^32
  column[2 * row + 1] = value / 0x1_0000_0000;
}

/** How a field lies in memory: the kind of its array, and elements a row. */
export function fieldShape(id: number): Pick<Layout, "kind" | "width"> {
  return LAYOUTS[id]!;
}
