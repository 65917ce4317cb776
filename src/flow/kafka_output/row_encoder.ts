/** Rows of a batch as protobuf messages, one behind the other in one buffer. */
import { columnIds } from "../columns.ts";
import type { FlowBatch } from "../columns_batch.ts";
import type { ListColumn } from "../columns_list.ts";
import type { EnrichedMessage, MessageField } from "./message.ts";

/** How a field is read and written. */
const Kind = { u8: 0, u16: 1, u32: 2, u64: 3, address: 4, pooledAddress: 5, text: 6, code2: 7, list32: 8, list128: 9 };

const VARINT = 0, LENGTH_DELIMITED = 2;
/** Octets at most of a field that is no text, or of an element of a list: a tag of two, a length, an address of sixteen. */
const MOST_OCTETS = 19;
/** Texts so short are copied one octet after the other: faster than a call and the view that it needs. */
const FEW_OCTETS = 32;

/** Encodes rows; keeps its buffers from one batch to the next. */
export class RowEncoder {
  readonly #fields: readonly MessageField[];
  #octets = new Uint8Array(64 * 1024);
  #view = new DataView(this.#octets.buffer);
  #length = 0;
  #ends: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  #rows = 0;

  // What the fields at hand are, ascending by number; the arrays of each kind are of one class, so that a read of them
  // is compiled as one.
  #count = 0;
  readonly #kinds: Uint8Array<ArrayBuffer>;
  readonly #tags: Uint16Array<ArrayBuffer>;
  readonly #bytes: Uint8Array[] = [];
  readonly #halves: Uint16Array[] = [];
  readonly #words: Uint32Array[] = [];
  readonly #lists: ListColumn[] = [];

  constructor({ fields }: EnrichedMessage) {
    this.#fields = fields;
    this.#kinds = new Uint8Array(fields.length);
    this.#tags = new Uint16Array(fields.length);
  }

  /** Rows since the last `clear()`. */
  get rows(): number {
    return this.#rows;
  }

  /** The messages; valid until the next `add()` or `clear()`. */
  get octets(): Uint8Array<ArrayBuffer> {
    return this.#octets.subarray(0, this.#length);
  }

  /** Where each message ends, and the next begins; valid as long as `octets`. */
  get ends(): Uint32Array<ArrayBuffer> {
    return this.#ends.subarray(0, this.#rows);
  }

  /** Forgets what was encoded. */
  clear(): void {
    this.#length = 0;
    this.#rows = 0;
  }

  /** Appends a message for each row. */
  add(batch: FlowBatch): void {
    const { rows } = batch;
    this.#choose(batch);
    const wanted = this.#rows + rows;
    if (wanted > this.#ends.length) {
      const grown = new Uint32Array(Math.max(wanted, 2 * this.#ends.length));
      grown.set(this.#ends);
      this.#ends = grown;
    }
    const starts = batch.texts.starts();
    const texts = batch.texts.octets;
    const { words } = batch.addresses;
    for (let row = 0; row < rows; row++) {
      this.#row(row, texts, starts, words);
      this.#ends[this.#rows++] = this.#length;
    }
  }

  /** Which fields hold anything. */
  #choose(batch: FlowBatch): void {
    this.#count = 0;
    for (const { column: { field, storage }, number } of this.#fields) {
      const id = columnIds[field];
      if (batch.touched[id] === 0) continue;
      const at = this.#count++;
      const kind = this.#kinds[at] = Kind[storage];
      this.#tags[at] = number << 3 | (kind <= Kind.u64 || kind === Kind.list32 ? VARINT : LENGTH_DELIMITED);
      if (kind === Kind.u8) this.#bytes[at] = batch.array(id) as Uint8Array;
      else if (kind === Kind.u16 || kind === Kind.code2) this.#halves[at] = batch.array(id) as Uint16Array;
      else if (kind === Kind.list32 || kind === Kind.list128) this.#lists[at] = batch.list(id);
      else this.#words[at] = batch.array(id) as Uint32Array;
    }
  }

  #row(row: number, texts: Uint8Array, starts: readonly number[], addresses: Uint32Array): void {
    const count = this.#count;
    const kinds = this.#kinds, tags = this.#tags;
    this.#reserve(count * MOST_OCTETS);
    let octets = this.#octets;
    let at = this.#length;
    for (let i = 0; i < count; i++) {
      const tag = tags[i]!;
      switch (kinds[i]) {
        case Kind.u8: {
          const value = this.#bytes[i]![row]!;
          if (value !== 0) at = writeNumber(octets, at, tag, value);
          break;
        }
        case Kind.u16: {
          const value = this.#halves[i]![row]!;
          if (value !== 0) at = writeNumber(octets, at, tag, value);
          break;
        }
        case Kind.u32: {
          const value = this.#words[i]![row]!;
          if (value !== 0) at = writeNumber(octets, at, tag, value);
          break;
        }
        case Kind.u64: {
          const words = this.#words[i]!;
          const low = words[2 * row]!, high = words[2 * row + 1]!;
          if (high !== 0) at = writeWide(octets, at, tag, low, high);
          else if (low !== 0) at = writeNumber(octets, at, tag, low);
          break;
        }
        case Kind.address:
          at = this.#address(at, tag, this.#words[i]!, 4 * row);
          break;
        case Kind.pooledAddress:
          at = this.#address(at, tag, addresses, 4 * this.#words[i]![row]!);
          break;
        case Kind.text: {
          const id = this.#words[i]![row]!;
          if (id === 0) break;
          // It stands in the pool behind its length, as it does in a message.
          const from = starts[id]!, to = starts[id + 1]!;
          if (at + to - from + (count - i) * MOST_OCTETS > octets.length) {
            octets = this.#grow(at, to - from + (count - i) * MOST_OCTETS);
          }
          at = copyText(octets, writeTag(octets, at, tag), texts, from, to);
          break;
        }
        case Kind.code2:
          at = writeCode(octets, at, tag, this.#halves[i]![row]!);
          break;
        default: {
          const list = this.#lists[i]!;
          const length = list.lengths[row]!;
          if (length === 0) break;
          octets = this.#grow(at, length * MOST_OCTETS + (count - i) * MOST_OCTETS);
          at = kinds[i] === Kind.list32
            ? writeNumbers(octets, at, tag, list.values, list.starts[row]!, length)
            : this.#list128(at, tag, list.values, 4 * list.starts[row]!, length);
        }
      }
    }
    this.#length = at;
  }

  /** Makes room for `more` octets behind those up to `at`. */
  #grow(at: number, more: number): Uint8Array<ArrayBuffer> {
    this.#length = at;
    this.#reserve(more);
    return this.#octets;
  }

  #reserve(more: number): void {
    const need = this.#length + more;
    if (need <= this.#octets.length) return;
    const grown = new Uint8Array(Math.max(need, 2 * this.#octets.length));
    grown.set(this.#octets.subarray(0, this.#length));
    this.#octets = grown;
    this.#view = new DataView(grown.buffer);
  }

  #address(at: number, tag: number, words: Uint32Array, from: number): number {
    const w0 = words[from]!, w1 = words[from + 1]!, w2 = words[from + 2]!, w3 = words[from + 3]!;
    if ((w0 | w1 | w2 | w3) === 0) return at;
    const to = writeTag(this.#octets, at, tag);
    const view = this.#view;
    view.setUint8(to, 16);
    view.setUint32(to + 1, w0, true); // they lie in memory as the octets do
    view.setUint32(to + 5, w1, true);
    view.setUint32(to + 9, w2, true);
    view.setUint32(to + 13, w3, true);
    return to + 17;
  }

  #list128(at: number, tag: number, values: Uint32Array, from: number, length: number): number {
    const view = this.#view;
    for (let value = from; value < from + 4 * length; value += 4) {
      at = writeTag(this.#octets, at, tag);
      view.setUint8(at++, 16);
      for (let word = 3; word >= 0; word--, at += 4) view.setUint32(at, values[value + word]!); // high ones first
    }
    return at;
  }
}

// What follows writes at `at`, where there is room, and answers with where it has ended.

function writeTag(octets: Uint8Array, at: number, tag: number): number {
  if (tag >= 0x80) {
    octets[at++] = tag & 0x7f | 0x80;
    tag >>>= 7;
  }
  octets[at++] = tag;
  return at;
}

function writeNumber(octets: Uint8Array, at: number, tag: number, value: number): number {
  at = writeTag(octets, at, tag);
  for (; value > 0x7f; value >>>= 7) octets[at++] = value & 0x7f | 0x80;
  octets[at++] = value;
  return at;
}

/** A number of 64 bits whose high word is not 0. */
function writeWide(octets: Uint8Array, at: number, tag: number, low: number, high: number): number {
  at = writeTag(octets, at, tag);
  for (let i = 0; i < 4; i++, low >>>= 7) octets[at++] = low & 0x7f | 0x80;
  // Four bits of the low word are left.
  const middle = low | (high & 7) << 4;
  high >>>= 3;
  octets[at++] = high === 0 ? middle : middle | 0x80;
  for (; high > 0x7f; high >>>= 7) octets[at++] = high & 0x7f | 0x80;
  if (high !== 0) octets[at++] = high;
  return at;
}

function copyText(octets: Uint8Array, at: number, texts: Uint8Array, from: number, to: number): number {
  if (to - from > FEW_OCTETS) {
    octets.set(texts.subarray(from, to), at);
    return at + to - from;
  }
  for (; from < to; from++) octets[at++] = texts[from]!;
  return at;
}

/** The two octets of a country; text that is no UTF-8, because it was cut, would spoil the whole message. */
function writeCode(octets: Uint8Array, at: number, tag: number, value: number): number {
  if (value === 0 || (value & 0x8080) !== 0) return at;
  const length = value > 0xff ? 2 : 1;
  at = writeTag(octets, at, tag);
  octets[at++] = length;
  octets[at++] = value & 0xff;
  if (length === 2) octets[at++] = value >>> 8;
  return at;
}

/** An element each, those that are 0 too: a path has the length that it has. */
function writeNumbers(
  octets: Uint8Array,
  at: number,
  tag: number,
  values: Uint32Array,
  from: number,
  length: number,
): number {
  for (let i = from; i < from + length; i++) at = writeNumber(octets, at, tag, values[i]!);
  return at;
}
