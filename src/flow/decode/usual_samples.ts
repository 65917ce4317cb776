/** The samples that agents mostly send: those whose first record is the header of a usual frame, in one loop. */
import type { FlowBatch } from "../columns_batch.ts";
import { readSwitchRecord } from "./sflow_records.ts";

// Numbers of this file's own, because an imported one is loaded and looked at wherever it stands, for each sample.
const EXPANDED = 3;
const SWITCH = 1001, SWITCH_LENGTH = 16;
const RAW_HEADER = 1, HEADER_ETHERNET = 1;
const LOCAL = 0x3fff_ffff;
const ETHERTYPE_IPV4 = 0x0800, FIRST_OF_PLAIN_IPV4 = 0x0800_45;
const TCP = 6, UDP = 17;
const MAPPED_WORD = 0xffff_0000;

/** Octets of Ethernet, IPv4 and as much of TCP as is read. */
const LEAST_HEADER = 48;
/** Octets from a record's start to the header in it: format, length, protocol, frame length, stripped, header length. */
const BEFORE_HEADER = 24;
/** Offsets are below, so that sums with them are small integers: the compiler need not check for more. */
const MOST_OFFSET = 0x3fff_ffff, MOST_ROW = 0x0fff_ffff;

/** What {@linkcode readUsualSamples} is given beside the batch, and where it stopped. */
export interface UsualRun {
  /** The next sample, which is of another kind; or the last that was read, if it has records to be read. */
  at: number;
  /** Samples read whole. */
  samples: number;
  /** Records in them. */
  records: number;
  /** A row that is not counted by the batch yet was read from the first record of the sample at `at`. */
  hasMoreRecords: boolean;
}

/**
 * Reads samples into rows as long as they are of one format and usual: their first record is the header of a frame that
 * is Ethernet without tags, IPv4 without options or fragments, TCP or UDP, all headers there.
 *
 * Everything happens in this function, frame and all, so that where the columns are is found once a call and not once a
 * sample: 31 ns a sample and not 55. That is so as long as the compiler peels the loop, which it does not do with a much
 * larger one or one that calls others; look at `scripts/bench/flow.ts` after each change.
 *
 * @param format 1, flow samples, or 3, expanded ones
 * @param count samples from `run.at` on, as the datagram says
 * @param end of the datagram; offsets are those in `view`
 */
export function readUsualSamples(
  batch: FlowBatch,
  view: DataView,
  format: number,
  count: number,
  end: number,
  timeS: number,
  exporter: number,
  run: UsualRun,
): void {
  const { timeReceived, samplingRate, exporterAddress, inIf, outIf, packets, bytes, dstMac, srcMac, etype } = batch;
  const { srcAddr, dstAddr, proto: protos, tos, ttl, fragmentId, srcPort, dstPort, tcpFlags } = batch;
  const isExpanded = format === EXPANDED;
  const beforeRecords = isExpanded ? 52 : 40;
  const beforeRate = isExpanded ? 20 : 16;
  const leastSample = beforeRecords + BEFORE_HEADER + LEAST_HEADER;
  let next = run.at, row = batch.rows, samples = 0, hasVlans = false;
  run.hasMoreRecords = false;
  if (end > MOST_OFFSET) return;
  while (samples < count) {
    const at = next & MOST_OFFSET;
    if (end - at < leastSample || view.getInt32(at) !== format) break;
    const length = view.getInt32(at + 4);
    if (length < leastSample - 8 || length > end - at - 8) break;

    const record = at + beforeRecords;
    const recordCount = view.getInt32(record - 4);
    if (recordCount <= 0 || view.getInt32(record) !== RAW_HEADER || view.getInt32(record + 8) !== HEADER_ETHERNET) {
      break;
    }
    const recordLength = view.getInt32(record + 4), headerLength = view.getInt32(record + 20);
    if (headerLength < LEAST_HEADER || recordLength < LEAST_HEADER || headerLength > recordLength - 16) break;
    if (recordLength > length - beforeRecords) break;

    const output = view.getInt32(record - 8), input = view.getInt32(record - (isExpanded ? 16 : 12));
    if ((input | output) >>> 30 !== 0) break; // of expanded ones indexes above 2^30, of the others what is no index
    if (isExpanded && (view.getInt32(record - 20) | view.getInt32(record - 12)) !== 0) break;

    const frame = record + BEFORE_HEADER;
    const first = view.getInt32(frame + 12); // EtherType, version, header length, traffic class
    const lengthAndId = view.getInt32(frame + 16), fragmentation = view.getInt32(frame + 20); // offset, TTL, protocol
    const proto = fragmentation & 0xff;
    if (first >> 8 !== FIRST_OF_PLAIN_IPV4 || (fragmentation & 0x1fff_0000) !== 0) break;
    if (proto !== TCP && proto !== UDP) break;
    const source = view.getInt32(frame + 26, true), destination = view.getInt32(frame + 30, true);
    if (source === 0 || destination === 0 || lengthAndId >>> 16 === 0) break;

    row &= MOST_ROW;
    const low = 2 * row, address = 4 * row;
    timeReceived[row] = timeS | 0;
    exporterAddress[row] = exporter | 0;
    samplingRate[low] = view.getInt32(at + beforeRate);
    if (input !== LOCAL) inIf[row] = input;
    if (output !== LOCAL) outIf[row] = output;
    packets[low] = 1;
    bytes[low] = lengthAndId >>> 16;
    const mac0 = view.getInt32(frame), mac1 = view.getInt32(frame + 4);
    dstMac[low] = mac0 << 16 | mac1 >>> 16;
    dstMac[low + 1] = mac0 >>> 16;
    srcMac[low] = view.getInt32(frame + 8);
    srcMac[low + 1] = mac1 & 0xffff;
    etype[row] = ETHERTYPE_IPV4;
    srcAddr[address + 2] = MAPPED_WORD;
    srcAddr[address + 3] = source;
    dstAddr[address + 2] = MAPPED_WORD;
    dstAddr[address + 3] = destination;
    protos[row] = proto;
    tos[row] = first & 0xff;
    ttl[row] = fragmentation >>> 8 & 0xff;
    fragmentId[row] = lengthAndId & 0xffff;
    const ports = view.getInt32(frame + 34);
    srcPort[row] = ports >>> 16;
    dstPort[row] = ports & 0xffff;
    if (proto === TCP) tcpFlags[row] = view.getUint16(frame + 46) & 0x1ff;
    if (recordCount !== 1) {
      const second = record + 8 + recordLength;
      if (
        recordCount !== 2 || at + length - second !== SWITCH_LENGTH || (recordLength & 3) !== 0 ||
        view.getInt32(second) !== SWITCH || view.getInt32(second + 4) !== SWITCH_LENGTH
      ) {
        run.hasMoreRecords = true;
        break;
      }
      hasVlans = true;
    }
    row++;
    samples++;
    next = at + 8 + length;
  }
  run.records = samples;
  if (hasVlans) run.records += readVlans(batch, row - samples, view, run.at, samples, beforeRecords);
  batch.rows = row;
  run.at = next;
  run.samples = samples;
}

/**
 * The VLANs of samples that were read into the rows from `row` on: the second record of those that have two.
 *
 * @returns of how many
 */
function readVlans(
  batch: FlowBatch,
  row: number,
  view: DataView,
  at: number,
  samples: number,
  beforeRecords: number,
): number {
  let records = 0;
  for (const end = row + samples; row < end; row++) {
    const sampleEnd = at + 8 + view.getInt32(at + 4);
    if (view.getInt32(at + beforeRecords - 4) === 2) {
      readSwitchRecord(batch, row, view, sampleEnd - SWITCH_LENGTH, SWITCH_LENGTH);
      records++;
    }
    at = sampleEnd;
  }
  return records;
}
