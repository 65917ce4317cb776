/** Receives what exporters send, and keeps it as a capture. */

/** One received datagram. */
export interface Received {
  readonly payload: Uint8Array;
  readonly timeMs: number;
  readonly sourcePort: number;
}

/** A collector on loopback. */
export interface Collector extends AsyncDisposable {
  readonly port: number;
  readonly received: readonly Received[];
}

/** Starts to receive. */
export function startCollector(): Collector {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const received: Received[] = [];
  const done = (async () => {
    for await (const [payload, from] of socket) {
      received.push({ payload: payload.slice(), timeMs: Date.now(), sourcePort: (from as Deno.NetAddr).port });
    }
  })();
  return {
    port: (socket.addr as Deno.NetAddr).port,
    received,
    async [Symbol.asyncDispose]() {
      socket.close();
      await done;
    },
  };
}

const LINKTYPE_RAW = 101;

/** A pcap file of raw IPv4 packets, from 127.0.0.1 to the port that the protocol is usually sent to. */
export function toPcap(received: readonly Received[], port: number): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const header = new DataView(new ArrayBuffer(24));
  [0xa1b2c3d4, 0x0004_0002, 0, 0, 65_535, LINKTYPE_RAW].forEach((word, i) => header.setUint32(4 * i, word, true));
  parts.push(new Uint8Array(header.buffer));
  for (const { payload, timeMs, sourcePort } of received) {
    const length = 28 + payload.length;
    const packet = new DataView(new ArrayBuffer(16 + 28));
    [Math.floor(timeMs / 1000), timeMs % 1000 * 1000, length, length].forEach((word, i) => {
      packet.setUint32(4 * i, word, true);
    });
    const words = [0x4500, length, 0, 0x4000, 0x4011, 0, 0x7f00, 1, 0x7f00, 1, sourcePort, port, 8 + payload.length, 0];
    words.forEach((word, i) => packet.setUint16(16 + 2 * i, word));
    parts.push(new Uint8Array(packet.buffer), payload);
  }
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const out = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
