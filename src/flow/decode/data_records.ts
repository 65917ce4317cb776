/** Data sets to rows. */
import { fieldIds, type FlowBatch } from "../columns_batch.ts";
import { clampedS, readTimeMs } from "./flow_times.ts";
import type { Message } from "./message.ts";
import { NetflowError, type Outcome } from "./outcome.ts";
import { Proto } from "./packet.ts";
import { compilePlan, isBiflow } from "./compile_plan.ts";
import type { Plan } from "./plan.ts";
import { layOut, type RecordLayout } from "./record_layout.ts";
import { readNumber, type Records, runPlan } from "./run_plan.ts";
import { findRates } from "./sampling.ts";
import { touch } from "./row_values.ts";
import type { Template } from "./template.ts";

const EVERY_ROW = [fieldIds.timeReceived, fieldIds.exporterAddress, fieldIds.samplingRate];
const ICMP = [fieldIds.icmpv4Type, fieldIds.icmpv4Code, fieldIds.icmpv6Type, fieldIds.icmpv6Code];
const TIMES = [fieldIds.firstMs, fieldIds.lastMs];

/** Reads data records. */
export class DataRecordReader {
  readonly #outcome: Outcome;
  readonly #withTimes: boolean;
  readonly #layout: RecordLayout;
  /** The records in hand; the arrays are those of the datagram. */
  #records: Records | null = null;

  /** @param withTimes fills `firstMs` and `lastMs` */
  constructor(outcome: Outcome, layout: RecordLayout, withTimes: boolean) {
    this.#outcome = outcome;
    this.#layout = layout;
    this.#withTimes = withTimes;
  }

  /** Appends the rows of the records in `[at, end)`. @returns how many records there were */
  read(message: Message, template: Template, at: number, end: number): number {
    const { datagram: { decapsulation } } = message;
    const isTunnel = decapsulation !== "none";
    const plan = isTunnel
      ? template.tunnelPlan ??= compilePlan(template, message.version, { reverse: false, tunnel: true })
      : template.plan ??= compilePlan(template, message.version, { reverse: false, tunnel: false });
    if (!template.isVariable && !isTunnel && !isBiflow(template)) {
      return this.#readEqual(message, plan, template.leastLength, at, end);
    }
    const reverse = !isBiflow(template)
      ? null
      : isTunnel
      ? template.reverseTunnelPlan ??= compilePlan(template, message.version, { reverse: true, tunnel: true })
      : template.reversePlan ??= compilePlan(template, message.version, { reverse: true, tunnel: false });
    return this.#readEach(message, template, plan, reverse, at, end);
  }

  /** Records of one length, one row each: all of them at once. */
  #readEqual(message: Message, plan: Plan, length: number, at: number, end: number): number {
    const found = Math.floor((end - at) / length);
    const count = Math.min(found, message.rowsLeft);
    if (count > 0) {
      message.batch.reserve(count);
      const records = this.#recordsOf(message);
      records.at = at;
      records.stride = length;
      records.count = count;
      this.#write(message, plan, records);
      message.batch.rows += count;
      message.rowsLeft -= count;
    }
    if (count < found) this.#tooMany(message, at + count * length);
    return count;
  }

  /** Records one by one: their lengths differ, they give two rows, or some give none. */
  #readEach(
    message: Message,
    template: Template,
    plan: Plan,
    reverse: Plan | null,
    at: number,
    end: number,
  ): number {
    const layout = this.#layout;
    let count = 0;
    while (end - at >= template.leastLength) {
      const recordEnd = layOut(template, message.octets, at, end, layout);
      if (recordEnd < 0) {
        const why = `Cannot read a record of template ${template.id}: a field runs past the end of its set`;
        this.#outcome.error(NetflowError.malformedDataRecord, at - message.start, why);
        return count;
      }
      count++;
      this.#place(plan, template);
      if (!this.#readOne(message, plan, at)) return count;
      if (reverse !== null) {
        this.#place(reverse, template);
        const packets = reverse.reversePackets;
        const isEmpty = packets !== null && readNumber(message.view, at + packets.at, packets.length) === 0;
        if (!isEmpty && !this.#readOne(message, reverse, at)) return count;
      }
      at = recordEnd;
    }
    return count;
  }

  #place({ places }: Plan, template: Template): void {
    if (!template.isVariable) return;
    const { offsets, lengths } = this.#layout;
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!;
      place.at = offsets[place.index]!;
      place.length = lengths[place.index]!;
    }
  }

  /** @returns false where the datagram has given all the rows that it may */
  #readOne(message: Message, plan: Plan, at: number): boolean {
    const { batch, datagram: { decapsulation } } = message;
    if (message.rowsLeft === 0) {
      this.#tooMany(message, at);
      return false;
    }
    batch.reserve(1);
    const records = this.#recordsOf(message);
    records.at = at;
    records.stride = 0;
    records.count = 1;
    records.refused = decapsulation !== "none" && !plan.hasPacket;
    this.#write(message, plan, records);
    if (records.refused) {
      batch.clearRow(batch.rows);
      const why = `Cannot use a record: its packet is not in ${decapsulation}`;
      this.#outcome.error(NetflowError.nonEncapsulatedPacket, at - message.start, why);
      return true;
    }
    batch.rows++;
    message.rowsLeft--;
    return true;
  }

  #tooMany(message: Message, at: number): void {
    const why = "Cannot read all records: a datagram gives at most one row for four octets";
    this.#outcome.error(NetflowError.malformedDataRecord, at - message.start, why);
  }

  #recordsOf({ batch, octets, view, datagram: { decapsulation } }: Message): Records {
    const known = this.#records;
    if (known !== null && known.view === view) {
      known.row = batch.rows;
      known.decapsulation = decapsulation;
      known.refused = false;
      return known;
    }
    return this.#records = { octets, view, at: 0, stride: 0, count: 0, row: batch.rows, decapsulation, refused: false };
  }

  #write(message: Message, plan: Plan, records: Records): void {
    const { batch, domain } = message;
    const { row, count } = records;
    touch(batch, EVERY_ROW);
    runPlan(plan, batch, records);
    findRates(plan, batch, records, domain);
    if (plan.hasIcmp) icmpByProtocol(batch, row, count);
    else icmpFromPort(batch, row, count);
    fill(batch.exporterAddress, row, count, message.exporterId);
    this.#writeReceived(message, plan, records);
    if (this.#withTimes) this.#writeTimes(message, plan, records);
  }

  #writeReceived(message: Message, plan: Plan, records: Records): void {
    const { batch: { timeReceived }, datagram: { timeS, timestampSource }, headerS } = message;
    const { row, count, at, stride } = records;
    if (timestampSource === "input") {
      fill(timeReceived, row, count, timeS);
    } else if (timestampSource === "netflow-packet" || plan.start === null) {
      this.#fillClamped(timeReceived, row, count, headerS, timeS);
    } else {
      for (let i = 0; i < count; i++) {
        const recordAt = at + i * stride;
        const ms = readTimeMs(plan.start, message, recordAt, systemInitMs(message, plan, recordAt));
        this.#fillClamped(timeReceived, row + i, 1, ms === ms ? Math.floor(ms / 1000) : headerS, timeS);
      }
    }
  }

  #fillClamped(column: Uint32Array, row: number, count: number, seconds: number, receivedS: number): void {
    const value = clampedS(seconds, receivedS);
    if (value !== seconds) this.#outcome.clampedTimestamps += count;
    fill(column, row, count, value);
  }

  #writeTimes(message: Message, plan: Plan, { row, count, at, stride }: Records): void {
    const { firstMs, lastMs } = message.batch;
    touch(message.batch, TIMES);
    for (let i = 0; i < count; i++) {
      const recordAt = at + i * stride;
      const initMs = systemInitMs(message, plan, recordAt);
      firstMs[row + i] = plan.start === null ? 0 : wholeMs(readTimeMs(plan.start, message, recordAt, initMs));
      lastMs[row + i] = plan.end === null ? 0 : wholeMs(readTimeMs(plan.end, message, recordAt, initMs));
    }
  }
}

function fill(column: Uint32Array, row: number, count: number, value: number): void {
  for (const end = row + count; row < end; row++) column[row] = value;
}

/** ICMP has no ports: exporters put type and code into the destination's. */
function icmpFromPort(batch: FlowBatch, row: number, count: number): void {
  const { proto, srcPort, dstPort } = batch;
  for (const end = row + count; row < end; row++) {
    const value = proto[row]!;
    if (value !== Proto.icmp && value !== Proto.icmpv6 || srcPort[row] !== 0) continue;
    const port = dstPort[row]!;
    if (port === 0) continue;
    touch(batch, ICMP);
    const type = value === Proto.icmp ? batch.icmpv4Type : batch.icmpv6Type;
    const code = value === Proto.icmp ? batch.icmpv4Code : batch.icmpv6Code;
    if (type[row] !== 0 || code[row] !== 0) continue; // a sampled packet said it
    type[row] = port >> 8;
    code[row] = port & 0xff;
  }
}

/** Exporters use the element of ICMPv4 for ICMPv6, and both for what is neither: the protocol says whose it is. */
function icmpByProtocol(batch: FlowBatch, row: number, count: number): void {
  const { proto, icmpv4Type, icmpv4Code, icmpv6Type, icmpv6Code } = batch;
  touch(batch, ICMP);
  for (const end = row + count; row < end; row++) {
    if ((icmpv4Type[row]! | icmpv4Code[row]! | icmpv6Type[row]! | icmpv6Code[row]!) === 0) continue;
    const value = proto[row]!;
    if (value === 0) continue; // nobody says
    if (value === Proto.icmp) moveIcmp(icmpv6Type, icmpv6Code, icmpv4Type, icmpv4Code, row);
    else if (value === Proto.icmpv6) moveIcmp(icmpv4Type, icmpv4Code, icmpv6Type, icmpv6Code, row);
    else {icmpv4Type[row] =
        icmpv4Code[row] =
        icmpv6Type[row] =
        icmpv6Code[row] =
          0;}
  }
}

function moveIcmp(
  fromType: Uint8Array,
  fromCode: Uint8Array,
  toType: Uint8Array,
  toCode: Uint8Array,
  row: number,
): void {
  if (toType[row] === 0 && toCode[row] === 0) {
    toType[row] = fromType[row]!;
    toCode[row] = fromCode[row]!;
  }
  fromType[row] = 0;
  fromCode[row] = 0;
}

function systemInitMs({ view, domain }: Message, { systemInit }: Plan, recordAt: number): number {
  const own = systemInit === null ? 0 : readNumber(view, recordAt + systemInit.at, systemInit.length);
  return own !== 0 ? own : domain?.systemInitMs ?? 0;
}

function wholeMs(ms: number): number {
  return ms === ms && ms > 0 && ms <= Number.MAX_SAFE_INTEGER ? Math.floor(ms) : 0;
}
