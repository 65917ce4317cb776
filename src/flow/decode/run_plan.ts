/** The inner loop: each action of a plan for all records of a set, a column at a time. */
import type { FlowBatch } from "../columns_batch.ts";
import { MAPPED_WORD } from "../columns_pool.ts";
import type { Decapsulation } from "./datagram.ts";
import { PacketKind } from "./decapsulate.ts";
import { type Action, Code, type Plan } from "./plan.ts";
import { mergePacket, touch, writeAddress, writeFirst, writeFirstU64 } from "./row_values.ts";
import { NOT_ENCAPSULATED, parseSampled } from "./sampled_packet.ts";

/** Where the records of a set are, and the rows they become. */
export interface Records {
  readonly octets: Uint8Array;
  readonly view: DataView;
  /** The first record. */
  at: number;
  /** Octets from one record to the next. */
  stride: number;
  count: number;
  /** The row of the first record; rows from here on are zero. */
  row: number;
  decapsulation: Decapsulation;
  /** The packet is not in the tunnel it should be in: the row must go. With a tunnel, records come one at a time. */
  refused: boolean;
}

/** Writes the fields of `records.count` rows. */
export function runPlan(plan: Plan, batch: FlowBatch, records: Records): void {
  const { view, at, stride, count, row } = records;
  const { actions } = plan;
  touch(batch, plan.writes);
  for (let i = 0; i < actions.length; i++) {
    const action = actions[i]!;
    const from = at + action.at;
    switch (action.code) {
      case Code.u8From1:
        u8From1(batch.array(action.field) as Uint8Array, row, count, view, from, stride);
        break;
      case Code.u16From1:
        u16From1(batch.array(action.field) as Uint16Array, row, count, view, from, stride);
        break;
      case Code.u16From2:
        u16From2(batch.array(action.field) as Uint16Array, row, count, view, from, stride);
        break;
      case Code.u32From1:
        u32From1(batch.array(action.field) as Uint32Array, row, count, view, from, stride);
        break;
      case Code.u32From2:
        u32From2(batch.array(action.field) as Uint32Array, row, count, view, from, stride);
        break;
      case Code.u32From4:
        u32From4(batch.array(action.field) as Uint32Array, row, count, view, from, stride);
        break;
      case Code.u64From4:
        u64From4(batch.array(action.field) as Uint32Array, row, count, view, from, stride);
        break;
      case Code.u64From8:
        u64From8(batch.array(action.field) as Uint32Array, row, count, view, from, stride);
        break;
      case Code.ipv4:
        ipv4(batch.array(action.field) as Uint32Array, batch.etype, action.detail, row, count, view, from, stride);
        break;
      default:
        runSeldom(action, batch, records, from);
    }
  }
}

/** The low 32 bits of an unsigned number of 1 to 8 octets; 0 of any other length. */
export function readLow(view: DataView, at: number, length: number): number {
  switch (length) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at);
    case 3:
      return view.getUint16(at) << 8 | view.getUint8(at + 2);
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
      return view.getUint32(at + length - 4);
    default:
      return 0;
  }
}

/** The bits of an unsigned number above its low 32. */
export function readHigh(view: DataView, at: number, length: number): number {
  return length > 4 && length <= 8 ? readLow(view, at, length - 4) : 0;
}

/** An unsigned number of 1 to 8 octets, rounded above 2^53. */
export function readNumber(view: DataView, at: number, length: number): number {
  return readHigh(view, at, length) * 0x1_0000_0000 + readLow(view, at, length);
}

// One function for each kind of array and width, so that each loop is compiled for just that.

function u8From1(column: Uint8Array, row: number, count: number, view: DataView, at: number, stride: number): void {
  for (const end = row + count; row < end; row++, at += stride) column[row] = view.getUint8(at);
}

function u16From1(column: Uint16Array, row: number, count: number, view: DataView, at: number, stride: number): void {
  for (const end = row + count; row < end; row++, at += stride) column[row] = view.getUint8(at);
}

function u16From2(column: Uint16Array, row: number, count: number, view: DataView, at: number, stride: number): void {
  for (const end = row + count; row < end; row++, at += stride) column[row] = view.getUint16(at);
}

function u32From1(column: Uint32Array, row: number, count: number, view: DataView, at: number, stride: number): void {
  for (const end = row + count; row < end; row++, at += stride) column[row] = view.getUint8(at);
}

function u32From2(column: Uint32Array, row: number, count: number, view: DataView, at: number, stride: number): void {
  for (const end = row + count; row < end; row++, at += stride) column[row] = view.getUint16(at);
}

function u32From4(column: Uint32Array, row: number, count: number, view: DataView, at: number, stride: number): void {
  for (const end = row + count; row < end; row++, at += stride) column[row] = view.getUint32(at);
}

function u64From4(column: Uint32Array, row: number, count: number, view: DataView, at: number, stride: number): void {
  for (let low = 2 * row, end = 2 * (row + count); low < end; low += 2, at += stride) column[low] = view.getUint32(at);
}

function u64From8(column: Uint32Array, row: number, count: number, view: DataView, at: number, stride: number): void {
  for (let low = 2 * row, end = 2 * (row + count); low < end; low += 2, at += stride) {
    column[low + 1] = view.getUint32(at);
    column[low] = view.getUint32(at + 4);
  }
}

function ipv4(
  column: Uint32Array,
  etypes: Uint32Array,
  etype: number,
  row: number,
  count: number,
  view: DataView,
  at: number,
  stride: number,
): void {
  for (const end = row + count; row < end; row++, at += stride) {
    const word = view.getUint32(at, true);
    if (word === 0) continue;
    const first = 4 * row;
    column[first] = 0;
    column[first + 1] = 0;
    column[first + 2] = MAPPED_WORD;
    column[first + 3] = word;
    if (etype !== 0) etypes[row] = etype;
  }
}

function runSeldom(action: Action, batch: FlowBatch, records: Records, from: number): void {
  switch (action.code) {
    case Code.store:
    case Code.first:
    case Code.last:
      return writeNumbers(action, batch, records, from);
    case Code.address:
    case Code.firstAddress:
      return writeAddresses(action, batch, records, from);
    case Code.labels:
      return writeLabels(action, batch, records);
    case Code.frame:
    case Code.packet:
      return readPackets(action, batch, records, from);
  }
  const { view, stride, count, row } = records;
  for (let i = 0, at = from; i < count; i++, at += stride) {
    const value = readLow(view, at, action.length);
    switch (action.code) {
      case Code.direction: {
        if (action.length < 1 || action.length > 8 || value > 1 || batch.flowDirection[row + i] !== 0) break;
        batch.flowDirection[row + i] = (value ^ action.detail) + 1;
        break;
      }
      case Code.typeAndCode:
        writeFirst(batch.array(action.field) as Uint8Array, row + i, value >>> 8 & 0xff);
        writeFirst(batch.array(action.second) as Uint8Array, row + i, value & 0xff);
        break;
      case Code.commonProperties:
        // The upper six bits say what the lower ten are: 2 is a forwarding exception.
        if (value >> 10 === 2) writeFirst(batch.forwardingStatus, row + i, (value & 0x3ff) === 0 ? 64 : 128);
    }
  }
}

function writeNumbers(action: Action, batch: FlowBatch, records: Records, from: number): void {
  const { view, stride, count, row } = records;
  const { length } = action;
  const column = batch.array(action.field) as Uint32Array;
  const isWide = column.length === 2 * batch.capacity;
  for (let i = 0, at = from; i < count; i++, at += stride) {
    const low = readLow(view, at, length);
    if (isWide) writeFirstU64(column, row + i, readHigh(view, at, length), low); // no wide field is the last's
    else if (action.code === Code.last) column[row + i] = low === 0 ? column[row + i]! : low;
    else writeFirst(column, row + i, low);
  }
}

function writeAddresses(action: Action, batch: FlowBatch, records: Records, from: number): void {
  const { view, stride, count, row } = records;
  const { length } = action;
  if (length !== 4 && length !== 16) return;
  const column = batch.array(action.field) as Uint32Array;
  for (let i = 0, at = from; i < count; i++, at += stride) {
    const first = 4 * (row + i);
    const isTaken = (column[first]! | column[first + 1]! | column[first + 2]! | column[first + 3]!) !== 0;
    if (action.code === Code.firstAddress && isTaken) continue;
    if (writeAddress(column, row + i, view, at, length) && action.detail !== 0) batch.etype[row + i] = action.detail;
  }
}

function writeLabels({ parts }: Action, batch: FlowBatch, { view, at, stride, count, row }: Records): void {
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < parts.length; j++) {
      const label = readLow(view, at + i * stride + parts[j]!.at, 3) >>> 4;
      if (label !== 0) batch.mplsLabels.push(row + i, label);
    }
  }
}

function readPackets(action: Action, batch: FlowBatch, records: Records, from: number): void {
  const { octets, view, stride, count, row, decapsulation } = records;
  const kind = action.code === Code.frame ? PacketKind.ethernet : PacketKind.ip;
  const isClean = action.detail === 1;
  for (let i = 0, at = from; i < count; i++, at += stride) {
    const spare = row + count; // the row behind the last
    const target = isClean ? row + i : spare;
    const length = parseSampled(kind, decapsulation, batch, target, octets, view, at, at + action.length);
    if (length === NOT_ENCAPSULATED) {
      records.refused = true;
      continue;
    }
    if (!isClean) mergePacket(batch, spare, row + i);
    writeFirstU64(batch.bytes, row + i, 0, length);
    writeFirstU64(batch.packets, row + i, 0, 1);
  }
}
