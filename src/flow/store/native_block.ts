/** Blocks in the Native format, read again: what their columns are, and their rows one by one. */

/** One column of a block. */
export interface BlockColumn {
  readonly name: string;
  readonly type: string;
  /** Row by row: the octets of its value in the RowBinary format are `octets[ends[row - 1], ends[row])`. */
  readonly values: RowValues;
}

/** The values of a column, each as RowBinary has it. */
interface RowValues {
  readonly octets: Uint8Array;
  /** Octets a row, where all rows have as many. */
  readonly width?: number;
  /** Where each row's octets start, and behind the last where they end; absent where there is a width. */
  readonly bounds?: Uint32Array;
  /** Which of the values a row has, where they are kept once. */
  readonly indexes?: Uint8Array | Uint16Array | Uint32Array;
}

/** A block that can't be read. */
export class BlockError extends RangeError {
  override readonly name = "BlockError";
  readonly code = "flow.block";
}

const WIDTHS: Readonly<Record<string, number>> = {
  UInt8: 1,
  Int8: 1,
  Enum8: 1,
  UInt16: 2,
  Int16: 2,
  UInt32: 4,
  Int32: 4,
  DateTime: 4,
  UInt64: 8,
  Int64: 8,
  IPv6: 16,
  UInt128: 16,
};

class BlockReader {
  readonly octets: Uint8Array;
  at = 0;

  constructor(octets: Uint8Array) {
    this.octets = octets;
  }

  varint(): number {
    let value = 0, scale = 1;
    for (;;) {
      const octet = this.octets[this.at++];
      if (octet === undefined || scale > 2 ** 49) throw new BlockError("Cannot read the block: a length is cut short");
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) return value;
      scale *= 0x80;
    }
  }

  take(size: number): Uint8Array {
    if (!(size <= this.octets.length - this.at)) {
      throw new BlockError(`Cannot read the block: it ends after ${this.octets.length} octets`);
    }
    return this.octets.subarray(this.at, this.at += size);
  }

  text(): string {
    return new TextDecoder().decode(this.take(this.varint()));
  }

  u64(): number {
    const octets = this.take(8);
    const view = new DataView(octets.buffer, octets.byteOffset, 8);
    return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  }
}

/** Reads a block. @throws {BlockError} on one that is cut short, or holds a type that flows do not have */
export function readBlock(octets: Uint8Array): { readonly rows: number; readonly columns: readonly BlockColumn[] } {
  const reader = new BlockReader(octets);
  const count = reader.varint(), rows = reader.varint();
  const columns: BlockColumn[] = [];
  for (let i = 0; i < count; i++) {
    const name = reader.text(), type = reader.text();
    columns.push({
      name,
      type,
      values: rows === 0 ? { octets: new Uint8Array(0), width: 0 } : readValues(reader, type, rows),
    });
  }
  if (reader.at !== octets.length) {
    throw new BlockError(`Cannot read the block: ${octets.length - reader.at} octets follow it`);
  }
  return { rows, columns };
}

/** The same rows in the RowBinary format, which older servers and stricter ones take. @throws {BlockError} */
export function rowBinaryOf(block: Uint8Array): Uint8Array<ArrayBuffer> {
  const { rows, columns } = readBlock(block);
  let size = 0;
  for (const { values } of columns) size += sizeOf(values, rows);
  const out = new Uint8Array(size);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const { values: { octets, width, bounds, indexes } } of columns) {
      const value = indexes === undefined ? row : indexes[row]!;
      const start = width === undefined ? bounds![value]! : value * width;
      const end = width === undefined ? bounds![value + 1]! : start + width;
      if (end - start <= 8) { for (let i = start; i < end; i++) out[at++] = octets[i]!; }
      else {
        out.set(octets.subarray(start, end), at);
        at += end - start;
      }
    }
  }
  return out;
}

function sizeOf({ octets, width, bounds, indexes }: RowValues, rows: number): number {
  if (indexes === undefined) return octets.length;
  if (width !== undefined) return rows * width;
  let size = 0;
  for (const value of indexes) size += bounds![value + 1]! - bounds![value]!;
  return size;
}

function readValues(reader: BlockReader, type: string, rows: number): RowValues {
  const inner = /^(\w+)\((.*)\)$/s.exec(type);
  if (inner?.[1] === "LowCardinality") return readDictionary(reader, inner[2]!, rows);
  if (inner?.[1] === "Array") return readLists(reader, inner[2]!, rows);
  if (type === "String") return readTexts(reader, rows);
  const width = inner?.[1] === "FixedString" ? Number(inner[2]) : WIDTHS[inner?.[1] ?? type];
  if (width === undefined || !(width > 0)) {
    throw new BlockError(`Cannot read the block: no column of flows is a ${type}`);
  }
  return { octets: reader.take(rows * width), width };
}

function readTexts(reader: BlockReader, rows: number): RowValues {
  const bounds = new Uint32Array(rows + 1);
  const start = reader.at;
  for (let row = 0; row < rows; row++) {
    reader.take(reader.varint());
    bounds[row + 1] = reader.at - start;
  }
  return { octets: reader.octets.subarray(start, reader.at), bounds };
}

function readLists(reader: BlockReader, type: string, rows: number): RowValues {
  const width = WIDTHS[type];
  if (width === undefined) throw new BlockError(`Cannot read the block: no column of flows is a list of ${type}`);
  const lengths = new Uint32Array(rows);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const end = reader.u64();
    if (!(end >= total)) throw new BlockError("Cannot read the block: the ends of its lists do not ascend");
    lengths[row] = end - total;
    total = end;
  }
  const values = reader.take(total * width);
  const octets = new Uint8Array(values.length + rows * 5);
  const bounds = new Uint32Array(rows + 1);
  for (let row = 0, at = 0, from = 0; row < rows; row++) {
    let left = lengths[row]!;
    for (; left >= 0x80; left >>>= 7) octets[at++] = left & 0x7f | 0x80;
    octets[at++] = left;
    const to = from + lengths[row]! * width;
    octets.set(values.subarray(from, to), at);
    at += to - from;
    from = to;
    bounds[row + 1] = at;
  }
  return { octets: octets.subarray(0, bounds[rows]), bounds };
}

function readDictionary(reader: BlockReader, type: string, rows: number): RowValues {
  if (reader.u64() !== 1) throw new BlockError("Cannot read the block: its dictionary is of an unknown version");
  const flags = reader.u64();
  const keys = reader.u64();
  const values = readValues(reader, type, keys);
  if (reader.u64() !== rows) {
    throw new BlockError("Cannot read the block: a dictionary has not as many rows as the block");
  }
  const bytes = 1 << (flags & 0xff);
  const raw = reader.take(rows * bytes).slice();
  const indexes = bytes === 1 ? raw : bytes === 2 ? new Uint16Array(raw.buffer) : new Uint32Array(raw.buffer);
  for (const index of indexes) {
    if (index >= keys) throw new BlockError("Cannot read the block: a row is outside of its dictionary");
  }
  return { ...values, indexes };
}
