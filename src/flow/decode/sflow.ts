/** sFlow version 5: samples of packets to rows, counters and dropped packets to counts. */
import type { FlowBatch } from "../columns_batch.ts";
import { MAPPED_WORD } from "../columns_pool.ts";
import { type Datagram, PayloadView, type Trace } from "./datagram.ts";
import { PacketKind } from "./decapsulate.ts";
import { Outcome, SampleType, SflowError } from "./outcome.ts";
import { mergePacket } from "./row_values.ts";
import { NOT_ENCAPSULATED, parseSampled } from "./sampled_packet.ts";
import { markOnce, OTHER_FIELDS, USUAL_FIELDS } from "./sflow_fields.ts";
import { LOCAL, writeInterfaces } from "./sflow_interfaces.ts";
import {
  readEthernetRecord,
  readGatewayRecord,
  readIpRecord,
  readRouterRecord,
  readSwitchRecord,
} from "./sflow_records.ts";
import { readUsualSamples, type UsualRun } from "./usual_samples.ts";

/** Formats of samples and records, enterprise 0. */
const FLOW_SAMPLE = 1, COUNTER_SAMPLE = 2, EXPANDED_FLOW_SAMPLE = 3, EXPANDED_COUNTER_SAMPLE = 4, DROP_SAMPLE = 5;
const RAW_HEADER = 1, ETHERNET = 2, IPV4 = 3, IPV6 = 4, SWITCH = 1001, ROUTER = 1002, GATEWAY = 1003;

/** `header_protocol` of a raw header. */
const HEADER_ETHERNET = 1, HEADER_IPV4 = 11, HEADER_IPV6 = 12;

/** Octets of header and checksum around the packet in an Ethernet frame. */
const FRAME_OVERHEAD = 18;

/** Octets of the smallest flow sample. */
const LEAST_SAMPLE = 40;

/** Decodes sFlow. It keeps nothing from one datagram to the next. */
export class SflowDecoder {
  /** What came of the last datagram. */
  readonly outcome: Outcome = new Outcome();
  /** The agent of the last datagram: four words of an address as it lies in memory. */
  readonly agent: Uint32Array<ArrayBuffer> = new Uint32Array(4);
  readonly #trace: Trace;
  readonly #payload = new PayloadView();
  readonly #run: UsualRun = { at: 0, samples: 0, records: 0, hasMoreRecords: false };
  #exporter = 0;

  constructor(trace: Trace = {}) {
    this.#trace = trace;
  }

  /** Appends the rows of a datagram to the batch. Never throws; returns {@linkcode outcome}. */
  decode(datagram: Datagram, batch: FlowBatch): Outcome {
    const { outcome } = this;
    outcome.begin(batch.rows);
    try {
      this.#datagram(datagram, batch);
    } catch (error) {
      batch.discard();
      outcome.failure = error;
    }
    outcome.rows = batch.rows - outcome.firstRow;
    return outcome;
  }

  #datagram(datagram: Datagram, batch: FlowBatch): void {
    const { outcome } = this;
    const { payload } = datagram;
    this.#payload.see(payload);
    const { view } = this.#payload;
    const start = payload.byteOffset, end = start + payload.length;
    if (payload.length < 4) return this.#malformed(`Cannot read the datagram: it has ${payload.length} octets`);
    outcome.version = view.getUint32(start);
    if (outcome.version !== 5) return this.#malformed(`Cannot read version ${outcome.version}: only 5 is known`);
    const type = payload.length < 8 ? 0 : view.getUint32(start + 4);
    const size = type === 1 ? 4 : type === 2 ? 16 : 0;
    if (size === 0) return this.#malformed(`Cannot read an agent address of type ${type}: only 1 and 2 are known`);
    if (payload.length < 24 + size) return this.#malformed("Cannot read the header: the datagram ends in it");
    this.#readAgent(view, start + 8, size);
    let at = start + 8 + size;
    outcome.domain = view.getUint32(at);
    outcome.sequence = view.getUint32(at + 4);
    const count = view.getUint32(at + 12);
    at += 16;

    this.#exporter = datagram.useSourceAddress
      ? batch.addresses.intern(datagram.source, 0)
      : batch.addresses.intern(this.agent, 0);
    markOnce(batch, USUAL_FIELDS);
    batch.reserve(Math.min(count, payload.length / LEAST_SAMPLE) + 1); // and a row to read a second packet into
    const plain = datagram.decapsulation === "none";
    for (let i = 0; i < count; i++) {
      if (end - at < 8) {
        outcome.error(SflowError.samplesMissing, at - start, `Cannot read all samples: ${i} of ${count} are there`);
        return;
      }
      const length = view.getUint32(at + 4);
      const sampleAt = at + 8;
      if (length > end - sampleAt) {
        const why = `Cannot read a sample of ${length} octets: ${end - sampleAt} are there`;
        outcome.error(SflowError.sampleTruncated, at - start, why);
        return;
      }
      const format = view.getUint32(at);
      if (plain && (format === FLOW_SAMPLE || format === EXPANDED_FLOW_SAMPLE)) {
        const read = this.#usualSamples(datagram, batch, format, count - i, at, end);
        if (read > 0) {
          at = this.#run.at;
          i += read - 1;
          continue;
        }
      }
      at = sampleAt + length;
      this.#sample(datagram, batch, format, sampleAt, at);
    }
  }

  /** Reads samples as long as they are usual, from `at` on, up to `run.at`. @returns how many of the `count` there are */
  #usualSamples(datagram: Datagram, batch: FlowBatch, format: number, count: number, at: number, end: number): number {
    const run = this.#run;
    const { view } = this.#payload;
    const { samples, sampleRecords } = this.outcome;
    const type = format === FLOW_SAMPLE ? SampleType.flow : SampleType.expandedFlow;
    run.at = at;
    readUsualSamples(batch, view, format, count, end, datagram.timeS, this.#exporter, run);
    samples[type]! += run.samples;
    sampleRecords[type]! += run.records;
    if (run.hasMoreRecords) this.#furtherRecords(datagram, batch, type);
    return run.samples;
  }

  /** The records of the sample at `run.at` behind its header, which is in the row behind the last. */
  #furtherRecords(datagram: Datagram, batch: FlowBatch, type: number): void {
    const run = this.#run;
    const { outcome } = this;
    const { view } = this.#payload;
    const row = batch.rows;
    const countAt = run.at + (type === SampleType.flow ? 36 : 48), end = run.at + 8 + view.getUint32(run.at + 4);
    outcome.samples[type]!++;
    outcome.sampleRecords[type]!++;
    markOnce(batch, OTHER_FIELDS);
    this.#records(datagram, batch, row, countAt, end, type, batch.bytes[2 * row]!);
    batch.rows = row + 1;
    run.samples++;
    run.at = end;
  }

  #readAgent(view: DataView, at: number, size: number): void {
    const { agent } = this;
    if (size === 4) {
      agent[0] = 0;
      agent[1] = 0;
      agent[2] = MAPPED_WORD;
      agent[3] = view.getUint32(at, true);
    } else {
      for (let word = 0; word < 4; word++) agent[word] = view.getUint32(at + 4 * word, true);
    }
  }

  #malformed(message: string): void {
    this.outcome.error(SflowError.malformedDatagram, 0, message);
  }

  #sample(datagram: Datagram, batch: FlowBatch, format: number, at: number, end: number): void {
    const { samples } = this.outcome;
    switch (format) {
      case FLOW_SAMPLE:
        samples[SampleType.flow]!++;
        this.#flowSample(datagram, batch, at, end, false);
        return;
      case EXPANDED_FLOW_SAMPLE:
        samples[SampleType.expandedFlow]!++;
        this.#flowSample(datagram, batch, at, end, true);
        return;
      case COUNTER_SAMPLE:
      case EXPANDED_COUNTER_SAMPLE:
        samples[SampleType.counter]!++;
        break;
      case DROP_SAMPLE:
        samples[SampleType.drop]!++;
        break;
      default:
        samples[SampleType.unknown]!++;
    }
    this.#trace.skipped?.("sample", format >>> 12, format & 0xfff);
  }

  #flowSample(datagram: Datagram, batch: FlowBatch, at: number, end: number, expanded: boolean): void {
    const { outcome } = this;
    const { view } = this.#payload;
    const start = datagram.payload.byteOffset;
    if (end - at < (expanded ? 44 : 32)) {
      outcome.error(SflowError.sampleTruncated, at - start, "Cannot read a flow sample: it ends in its header");
      return;
    }
    const row = batch.rows;
    markOnce(batch, OTHER_FIELDS);
    if (expanded) {
      batch.samplingRate[2 * row] = view.getUint32(at + 12);
      writeInterfaces(
        batch,
        row,
        view.getUint32(at + 24),
        view.getUint32(at + 28),
        view.getUint32(at + 32),
        view.getUint32(at + 36),
      );
      at += 40;
    } else {
      batch.samplingRate[2 * row] = view.getUint32(at + 8);
      const input = view.getUint32(at + 20), output = view.getUint32(at + 24);
      writeInterfaces(batch, row, input >>> 30, input & LOCAL, output >>> 30, output & LOCAL);
      at += 28;
    }
    const type = expanded ? SampleType.expandedFlow : SampleType.flow;
    const recorded = this.#records(datagram, batch, row, at, end, type, 0);
    if (recorded === NOT_ENCAPSULATED) {
      batch.clearRow(row);
      const why = `Cannot use a sample: its packet is not in ${datagram.decapsulation}`;
      outcome.error(SflowError.nonEncapsulatedPacket, at - start, why);
      return;
    }
    batch.bytes[2 * row] = recorded;
    batch.packets[2 * row] = 1;
    batch.timeReceived[row] = datagram.timeS;
    batch.exporterAddress[row] = this.#exporter;
    batch.rows = row + 1;
  }

  /**
   * The records of a sample, whose count is at `at`.
   *
   * @param headerRead octets of the packet if its header, the first record, is in the row already; otherwise 0
   * @returns octets of the packet, or {@linkcode NOT_ENCAPSULATED}
   */
  #records(
    datagram: Datagram,
    batch: FlowBatch,
    row: number,
    at: number,
    end: number,
    type: number,
    headerRead: number,
  ): number {
    const { outcome } = this;
    const { octets, view } = this.#payload;
    const { decapsulation } = datagram;
    const start = datagram.payload.byteOffset;
    const count = view.getUint32(at);
    at += 4;
    let packetLength = headerRead;
    let frameLength = 0;
    let headerSeen = headerRead > 0;
    let rowIsClean = !headerSeen; // of packet fields, so that a header can be read straight into it
    if (headerSeen) at = recordEnd(view, at);
    for (let i = headerSeen ? 1 : 0; i < count; i++) {
      if (end - at < 8) {
        outcome.error(SflowError.recordsMissing, at - start, `Cannot read all records: ${i} of ${count} are there`);
        break;
      }
      const format = view.getUint32(at), length = view.getUint32(at + 4);
      const recordAt = at;
      at += 8;
      if (length > end - at) {
        const why = `Cannot read a record of ${length} octets: ${end - at} are there`;
        outcome.error(SflowError.recordTruncated, recordAt - start, why);
        break;
      }
      outcome.sampleRecords[type]!++;
      let whole = true;
      if (format === RAW_HEADER) {
        const headerLength = length < 16 ? 0 : view.getUint32(at + 12);
        whole = length >= 16 && headerLength <= length - 16;
        if (whole && (decapsulation === "none" || !headerSeen)) {
          const protocol = view.getUint32(at);
          const target = rowIsClean ? row : row + 1;
          const headerAt = at + 16, headerEnd = headerAt + headerLength;
          const parsed = parseSampled(
            headerKind(protocol),
            decapsulation,
            batch,
            target,
            octets,
            view,
            headerAt,
            headerEnd,
          );
          if (parsed === NOT_ENCAPSULATED) return NOT_ENCAPSULATED;
          if (!rowIsClean) mergePacket(batch, target, row);
          rowIsClean = false;
          headerSeen = true;
          if (packetLength === 0) packetLength = parsed;
          if (protocol === HEADER_ETHERNET && frameLength === 0) frameLength = view.getUint32(at + 4);
        }
      } else if (decapsulation === "none") {
        rowIsClean = false;
        switch (format) {
          case ETHERNET:
            whole = readEthernetRecord(batch, row, view, at, length);
            if (whole && frameLength === 0) frameLength = view.getUint32(at);
            break;
          case IPV4:
          case IPV6:
            whole = readIpRecord(batch, row, view, at, length, format === IPV4 ? 4 : 16);
            if (whole && packetLength === 0) packetLength = view.getUint32(at);
            break;
          case SWITCH:
            whole = readSwitchRecord(batch, row, view, at, length);
            break;
          case ROUTER:
            whole = readRouterRecord(batch, row, view, at, length);
            break;
          case GATEWAY:
            whole = readGatewayRecord(batch, row, view, at, length);
            break;
          default:
            this.#trace.skipped?.("record", format >>> 12, format & 0xfff);
        }
      }
      if (!whole) {
        const why = `Cannot read a record of format ${format} in its ${length} octets`;
        outcome.error(SflowError.malformedRecord, recordAt - start, why);
      }
      at = recordEnd(view, recordAt);
    }
    if (decapsulation !== "none" && !headerSeen) return NOT_ENCAPSULATED;
    return packetLength > 0 ? packetLength : Math.max(0, frameLength - FRAME_OVERHEAD);
  }
}

/** Where a record's successor starts: at most three octets beyond the end of the last. */
function recordEnd(view: DataView, at: number): number {
  return at + 8 + (view.getUint32(at + 4) + 3 & ~3);
}

function headerKind(protocol: number): PacketKind {
  switch (protocol) {
    case HEADER_ETHERNET:
      return PacketKind.ethernet;
    case HEADER_IPV4:
      return PacketKind.ipv4;
    case HEADER_IPV6:
      return PacketKind.ipv6;
    default:
      return PacketKind.none;
  }
}
