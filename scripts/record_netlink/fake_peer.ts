/**
 * The other end of TCP connections, played by hand: the kernel's packets vanish in an interface, where they are watched,
 * and what the peer says is sent with its address on it. So that a connection stays in states that pass in an instant.
 */
import { AF_INET, AF_PACKET, newSocket, pause, receiveSome, sendTo, setOption, SOCK_RAW } from "./system.ts";
import { bindTo } from "./system.ts";
import { encodeSocketAddress } from "../../src/linux/mod.ts";

/** Addresses on the interface. */
export const OWN = "10.9.0.1", PEER = "10.9.0.2";
const OWN_BYTES = [10, 9, 0, 1], PEER_BYTES = [10, 9, 0, 2];

export const TcpFlag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, ece: 64, cwr: 128 } as const;

/** A segment that the kernel sent to the peer. */
interface Segment {
  readonly ownPort: number;
  readonly peerPort: number;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
}

/** The peer; `interfaceIndex` is where the packets go. */
export class FakePeer {
  readonly #out = newSocket(AF_INET, SOCK_RAW, 6);
  readonly #watch = newSocket(AF_PACKET, SOCK_RAW, 0x0300); // htons(ETH_P_ALL)

  constructor(readonly interfaceIndex: number) {
    setOption(this.#out, 0, 3, 1); // IP_HDRINCL
    const address = new Uint8Array(20); // struct sockaddr_ll
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, 3);
    view.setInt32(4, interfaceIndex, true);
    bindTo(this.#watch, address);
  }

  /** The next segment from `ownPort` that has all of the flags. */
  async sees(ownPort: number, flags: number): Promise<Segment> {
    for (let tries = 0; tries < 1500; tries++) {
      const frame = receiveSome(this.#watch, 2048);
      const segment = frame === undefined ? undefined : parse(frame);
      if (segment !== undefined && segment.ownPort === ownPort && (segment.flags & flags) === flags) return segment;
      if (frame === undefined) await pause(2);
    }
    throw new Error(`Cannot go on: port ${ownPort} sent no segment with flags ${flags}`);
  }

  /** Sends a segment to `ownPort`. */
  says(
    peerPort: number,
    ownPort: number,
    sequence: number,
    acknowledge: number,
    flags: number,
    options: number[] = [],
  ) {
    const tcp = new Uint8Array(20 + options.length);
    const view = new DataView(tcp.buffer);
    view.setUint16(0, peerPort);
    view.setUint16(2, ownPort);
    view.setUint32(4, sequence);
    view.setUint32(8, acknowledge);
    tcp[12] = tcp.length / 4 << 4;
    tcp[13] = flags;
    view.setUint16(14, 65535);
    tcp.set(options, 20);
    view.setUint16(16, checksum([...PEER_BYTES, ...OWN_BYTES, 0, 6, 0, tcp.length, ...tcp]));
    const ip = Uint8Array.from([0x45, 0, 0, 20 + tcp.length, 0, 0, 0, 0, 64, 6, 0, 0, ...PEER_BYTES, ...OWN_BYTES]);
    sendTo(this.#out, Uint8Array.from([...ip, ...tcp]), encodeSocketAddress({ hostname: OWN, port: 0 }));
  }

  /** Answers the connect from `ownPort`; what the peer says next, and what it has received. */
  async accepts(ownPort: number, options: number[] = []): Promise<{ next: number; received: number; port: number }> {
    const { sequence, peerPort } = await this.sees(ownPort, TcpFlag.syn);
    this.says(peerPort, ownPort, 5000, sequence + 1 >>> 0, TcpFlag.syn | TcpFlag.ack, options);
    return { next: 5001, received: sequence + 1 >>> 0, port: peerPort };
  }
}

function parse(frame: Uint8Array<ArrayBuffer>): Segment | undefined {
  const view = new DataView(frame.buffer);
  if (frame.length < 54 || view.getUint16(12) !== 0x0800 || frame[23] !== 6) return undefined;
  const at = 14 + (frame[14]! & 15) * 4;
  return {
    ownPort: view.getUint16(at),
    peerPort: view.getUint16(at + 2),
    sequence: view.getUint32(at + 4),
    acknowledged: view.getUint32(at + 8),
    flags: frame[at + 13]!,
  };
}

/** RFC 1071. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! << 8 | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
