import { Attribute } from "./wire_attributes.ts";
import type { SocketMessage } from "./wire.ts";
import { readTcpInfo, TCP_INFO_BYTES, TCP_INFO_FIELDS, type TcpInfoLayout } from "./wire_tcp_info.ts";

/** Words of the structures that are nothing but `u32`s. */
const MEMINFO_WORDS = 4;
const SKMEMINFO_WORDS = 9;
const VEGAS_WORDS = 4;
const BBR_WORDS = 5;
const BBR_BYTES = 4 * BBR_WORDS;

/** Congestion control names that are kept as strings; a kernel has a dozen at the most. */
const MOST_NAMES = 64;

/** Structures longer than they were when this was written, as bits: what is known of them was read. */
export const Longer = { info: 1, meminfo: 2, vegasinfo: 4, skmeminfo: 8, dctcpinfo: 16, bbrinfo: 32 } as const;

/**
 * Every value of one socket, by type: filled from a {@linkcode SocketMessage}, and used again for the next one. Nothing is
 * allocated, but for the name of a congestion control seen for the first time.
 *
 * A value that was not sent, or does not lie wholly inside its attribute, is NaN ("" for the name). 64 bits are numbers,
 * exact below 2^53, save the control group's id, which is two halves.
 */
export class SocketValues {
  /** By {@linkcode TcpInfoIndex}. */
  readonly info: Float64Array<ArrayBuffer> = new Float64Array(TCP_INFO_FIELDS).fill(NaN);
  /** rmem, wmem, fmem, tmem; bytes. */
  readonly meminfo: Float64Array<ArrayBuffer> = new Float64Array(MEMINFO_WORDS).fill(NaN);
  /** rmem_alloc, rcvbuf, wmem_alloc, sndbuf, fwd_alloc, wmem_queued, optmem, backlog, drops; bytes, but for the last. */
  readonly skmeminfo: Float64Array<ArrayBuffer> = new Float64Array(SKMEMINFO_WORDS).fill(NaN);
  /** enabled, rttcnt, rtt, minrtt; microseconds. */
  readonly vegasinfo: Float64Array<ArrayBuffer> = new Float64Array(VEGAS_WORDS).fill(NaN);
  /** enabled, ce_state, alpha, ab_ecn, ab_tot. */
  readonly dctcpinfo: Float64Array<ArrayBuffer> = new Float64Array(5).fill(NaN);
  /** bw in bytes a second, min_rtt in microseconds, pacing_gain and cwnd_gain times 256. */
  readonly bbrinfo: Float64Array<ArrayBuffer> = new Float64Array(4).fill(NaN);

  /** The congestion control's name. */
  congestion = "";
  tos = NaN;
  tclass = NaN;
  /** Bit 0: receiving is shut down, bit 1: sending. */
  shutdown = NaN;
  protocol = NaN;
  skv6only = NaN;
  mark = NaN;
  classId = NaN;
  /** Low and high half. */
  cgroupIdLow = NaN;
  cgroupIdHigh = NaN;
  /** 16 bits, the first byte in the low eight. */
  sockopt = NaN;
  /** Bits of {@linkcode Longer}. */
  longer = 0;

  readonly #layout: TcpInfoLayout;
  readonly #names: { bytes: Uint8Array; text: string }[] = [];

  /** @param layout of the kernel that sends the messages */
  constructor(layout: TcpInfoLayout) {
    this.#layout = layout;
  }

  /** Reads all attributes of a message that was taken. */
  read(message: SocketMessage): void {
    const { view, bytes, presentLow: present, offsets, lengths } = message;
    this.longer = 0;
    if (present & 1 << Attribute.info) {
      readTcpInfo(view, offsets[Attribute.info]!, lengths[Attribute.info]!, this.#layout, this.info);
      if (lengths[Attribute.info]! > TCP_INFO_BYTES) this.longer |= Longer.info;
    } else clear(this.info);
    this.#words(message, Attribute.meminfo, this.meminfo, Longer.meminfo);
    this.#words(message, Attribute.skmeminfo, this.skmeminfo, Longer.skmeminfo);
    this.#words(message, Attribute.vegasinfo, this.vegasinfo, Longer.vegasinfo);
    this.#readDctcp(message);
    this.#readBbr(message);
    this.congestion = present & 1 << Attribute.cong ? this.#name(message) : "";
    this.tos = present & 1 << Attribute.tos ? byte(message, Attribute.tos) : NaN;
    this.tclass = present & 1 << Attribute.tclass ? byte(message, Attribute.tclass) : NaN;
    this.shutdown = present & 1 << Attribute.shutdown ? byte(message, Attribute.shutdown) : NaN;
    this.protocol = present & 1 << Attribute.protocol ? byte(message, Attribute.protocol) : NaN;
    this.skv6only = present & 1 << Attribute.skv6only ? byte(message, Attribute.skv6only) : NaN;
    const hasMark = present & 1 << Attribute.mark && lengths[Attribute.mark] === 4;
    this.mark = hasMark ? view.getUint32(offsets[Attribute.mark]!, true) : NaN;
    const hasClass = present & 1 << Attribute.classId && lengths[Attribute.classId]! >= 4;
    this.classId = hasClass ? view.getUint32(offsets[Attribute.classId]!, true) : NaN;
    const hasGroup = present & 1 << Attribute.cgroupId && lengths[Attribute.cgroupId]! >= 8;
    const groupAt = offsets[Attribute.cgroupId]!;
    this.cgroupIdLow = hasGroup ? view.getUint32(groupAt, true) : NaN;
    this.cgroupIdHigh = hasGroup ? view.getUint32(groupAt + 4, true) : NaN;
    const hasOptions = present & 1 << Attribute.sockopt && lengths[Attribute.sockopt]! >= 2;
    const optionsAt = offsets[Attribute.sockopt]!;
    this.sockopt = hasOptions ? bytes[optionsAt]! | bytes[optionsAt + 1]! << 8 : NaN;
  }

  #words(message: SocketMessage, number: number, out: Float64Array, longer: number): void {
    const length = message.length(number);
    if (length === 0) return clear(out);
    const { view } = message;
    const at = message.at(number);
    for (let i = 0; i < out.length; i++) out[i] = 4 * i + 4 <= length ? view.getUint32(at + 4 * i, true) : NaN;
    if (length > 4 * out.length) this.longer |= longer;
  }

  #readDctcp(message: SocketMessage): void {
    const length = message.length(Attribute.dctcpinfo), out = this.dctcpinfo;
    clear(out);
    if (length === 0) return;
    const { view } = message;
    const at = message.at(Attribute.dctcpinfo);
    for (let i = 0; i < 2 && 2 * i + 2 <= length; i++) out[i] = view.getUint16(at + 2 * i, true);
    for (let i = 2; i < 5 && 4 * i <= length; i++) out[i] = view.getUint32(at + 4 * i - 4, true);
    if (length > 16) this.longer |= Longer.dctcpinfo;
  }

  #readBbr(message: SocketMessage): void {
    const length = message.length(Attribute.bbrinfo), out = this.bbrinfo;
    clear(out);
    if (length < 8) return;
    const { view } = message;
    const at = message.at(Attribute.bbrinfo);
    out[0] = view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
    for (let i = 2; i < BBR_WORDS && 4 * i + 4 <= length; i++) out[i - 1] = view.getUint32(at + 4 * i, true);
    if (length > BBR_BYTES) this.longer |= Longer.bbrinfo;
  }

  /** The name as a string made once: nearly all sockets share two or three. */
  #name(message: SocketMessage): string {
    const { bytes } = message;
    const at = message.at(Attribute.cong);
    const length = message.length(Attribute.cong);
    for (let n = 0; n < this.#names.length; n++) {
      const known = this.#names[n]!;
      if (known.bytes.length !== length) continue;
      let i = 0;
      while (i < length && known.bytes[i] === bytes[at + i]) i++;
      if (i === length) return known.text;
    }
    const text = cText(bytes, at, length);
    if (this.#names.length < MOST_NAMES) this.#names.push({ bytes: bytes.slice(at, at + length), text });
    return text;
  }
}

const decoder = new TextDecoder();

/** Text of at most `length` bytes, up to the first NUL. What is not UTF-8 becomes U+FFFD. */
export function cText(bytes: Uint8Array, at: number, length: number): string {
  const all = bytes.subarray(at, at + length);
  const nul = all.indexOf(0);
  return decoder.decode(nul < 0 ? all : all.subarray(0, nul));
}

/** Makes all values NaN. They are from the first to the last, so that an array without a value costs one look. */
function clear(out: Float64Array): void {
  if (!Number.isNaN(out[0])) out.fill(NaN);
}

/** The first byte of an attribute that is there. */
function byte(message: SocketMessage, number: number): number {
  return message.lengths[number]! >= 1 ? message.bytes[message.offsets[number]!]! : NaN;
}
