/** Captures, pcap and pcapng, as the UDP datagrams in them. */
import { FrameReader, type UdpDatagram } from "./pcap_frames.ts";

export type { UdpDatagram };

/** Why a capture could not be read to its end. */
export interface CaptureProblem {
  /** Octet where it stopped. */
  readonly at: number;
  readonly message: string;
}

const PCAP_MICROS = 0xa1b2c3d4, PCAP_NANOS = 0xa1b23c4d;
const NG_SECTION = 0x0a0d0d0a, NG_INTERFACE = 1, NG_PACKET_OLD = 2, NG_SIMPLE = 3, NG_PACKET = 6;
const NG_BYTE_ORDER = 0x1a2b3c4d;
/** if_tsresol: unit of the time stamps of an interface; if_tsoffset: seconds to add. */
const NG_TIME_UNIT = 9, NG_TIME_OFFSET = 14;

/** Whether it starts as a capture does. */
export function isCapture(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 4);
  const little = view.getUint32(0, true), big = view.getUint32(0);
  return [PCAP_MICROS, PCAP_NANOS].some((magic) => magic === little || magic === big) || big === NG_SECTION;
}

/**
 * The UDP datagrams of a capture, in its order; fragments are put together, everything else is left out.
 *
 * @returns null if it was read to its end
 */
export function* readCapture(bytes: Uint8Array): Generator<UdpDatagram, CaptureProblem | null> {
  if (!isCapture(bytes)) return { at: 0, message: "Cannot read the capture: it is neither pcap nor pcapng" };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return yield* view.getUint32(0) === NG_SECTION ? readNg(bytes, view) : readClassic(bytes, view);
}

/** File header of 24 octets, then packets of 16 and their octets. */
function* readClassic(bytes: Uint8Array, view: DataView): Generator<UdpDatagram, CaptureProblem | null> {
  const first = view.getUint32(0, true);
  const little = first === PCAP_MICROS || first === PCAP_NANOS;
  const unit = view.getUint32(0, little) === PCAP_NANOS ? 1e9 : 1e6;
  if (bytes.length < 24) return { at: 0, message: "Cannot read the capture: it ends in its header" };
  const linkType = view.getUint32(20, little) & 0xffff; // the upper bits tell of checksums
  const frames = new FrameReader();
  let at = 24;
  while (at < bytes.length) {
    const length = bytes.length - at < 16 ? -1 : view.getUint32(at + 8, little);
    if (length < 0 || length > bytes.length - at - 16) {
      return { at, message: "Cannot read a packet: the file ends in it" };
    }
    const timeS = view.getUint32(at, little) + view.getUint32(at + 4, little) / unit;
    const datagram = frames.read(bytes.subarray(at + 16, at + 16 + length), linkType, timeS);
    if (datagram !== null) yield datagram;
    at += 16 + length;
  }
  return null;
}

interface Interface {
  readonly linkType: number;
  /** Time stamps a second. */
  readonly unit: number;
  readonly offsetS: number;
}

/** Blocks: type, length, content, length again; each section has its own byte order. */
function* readNg(bytes: Uint8Array, view: DataView): Generator<UdpDatagram, CaptureProblem | null> {
  const frames = new FrameReader();
  let little = true;
  let interfaces: Interface[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < 12) return { at, message: "Cannot read a block: the file ends in it" };
    if (view.getUint32(at) === NG_SECTION) {
      little = view.getUint32(at + 8, true) === NG_BYTE_ORDER;
      if (!little && view.getUint32(at + 8) !== NG_BYTE_ORDER) {
        return { at, message: "Cannot read a section: its byte order is unknown" };
      }
      interfaces = [];
    }
    const type = view.getUint32(at, little), length = view.getUint32(at + 4, little);
    if (length < 12 || length % 4 !== 0) return { at, message: `Cannot read a block of ${length} octets` };
    if (length > bytes.length - at) return { at, message: "Cannot read a block: the file ends in it" };
    const body = at + 8, end = at + length - 4;
    if (type === NG_INTERFACE && end - body >= 8) interfaces.push(readInterface(view, body, end, little));
    const packet = readPacket(view, type, body, end, little, interfaces);
    if (packet !== null) {
      const frame = bytes.subarray(packet.at, packet.at + packet.length);
      const datagram = frames.read(frame, packet.linkType, packet.timeS);
      if (datagram !== null) yield datagram;
    }
    at += length;
  }
  return null;
}

function readInterface(view: DataView, at: number, end: number, little: boolean): Interface {
  let unit = 1e6, offsetS = 0;
  for (let option = at + 8; end - option >= 4;) {
    const code = view.getUint16(option, little), length = view.getUint16(option + 2, little);
    const value = option + 4;
    if (code === 0 || length > end - value) break;
    if (code === NG_TIME_UNIT && length >= 1) {
      const power = view.getUint8(value);
      unit = power < 0x80 ? 10 ** Math.min(power, 18) : 2 ** Math.min(power & 0x7f, 63);
    }
    if (code === NG_TIME_OFFSET && length >= 8) offsetS = Number(view.getBigInt64(value, little));
    option = value + (length + 3 & ~3);
  }
  return { linkType: view.getUint16(at, little), unit, offsetS };
}

/** The packet in a block; null if it has none, or one that can't be made sense of. */
function readPacket(
  view: DataView,
  type: number,
  at: number,
  end: number,
  little: boolean,
  interfaces: readonly Interface[],
): { at: number; length: number; linkType: number; timeS: number } | null {
  if (type === NG_SIMPLE && end - at >= 4) {
    const from = interfaces[0];
    const length = Math.min(view.getUint32(at, little), end - at - 4);
    return from === undefined ? null : { at: at + 4, length, linkType: from.linkType, timeS: 0 };
  }
  if (type !== NG_PACKET && type !== NG_PACKET_OLD || end - at < 20) return null;
  const index = type === NG_PACKET ? view.getUint32(at, little) : view.getUint16(at, little);
  const from = interfaces[index];
  const length = view.getUint32(at + 12, little);
  if (from === undefined || length > end - at - 20) return null;
  const stamp = BigInt(view.getUint32(at + 4, little)) << 32n | BigInt(view.getUint32(at + 8, little));
  const unit = BigInt(from.unit); // a stamp of nanoseconds is more than a number holds
  const timeS = Number(stamp / unit) + Number(stamp % unit) / from.unit + from.offsetS;
  return { at: at + 20, length, linkType: from.linkType, timeS };
}
