/** The way of encoded spans to an agent: a datagram each over UDP, or frames on a stream. */
import dgram from "node:dgram";
import { lookup } from "node:dns/promises";
import type { ListenAddress } from "../address.ts";
import { encodeFrame, MAX_FRAME_BYTES } from "../ssf_frames.ts";

/** An open way. */
export interface SpanTransport {
  /** False once it is known to be lost. */
  readonly isOpen: boolean;
  /** Sends one encoded span; rejects when it is not known to have left. */
  send(payload: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Idempotent; a send under way rejects. */
  close(): void;
}

/** Opens the way to an agent. Rejects when there is none. */
export type OpenTransport = () => Promise<SpanTransport>;

/** The largest span that a transport takes, in bytes. */
export function mostBytes({ transport }: ListenAddress, maxDatagramBytes: number): number {
  return transport === "udp" ? maxDatagramBytes : MAX_FRAME_BYTES;
}

/** How to get to an address. */
export function transportTo(address: ListenAddress): OpenTransport {
  return address.transport === "udp" ? () => openDatagrams(address) : () => openStream(address);
}

/** `node:dgram`, because an embedding program need not have turned Deno's own datagrams on. */
async function openDatagrams({ hostname, port, family }: ListenAddress): Promise<SpanTransport> {
  const host = hostname === "" ? (family === 6 ? "::1" : "127.0.0.1") : hostname;
  const found = await lookup(host, { family: family ?? 0 });
  const socket = dgram.createSocket(found.family === 6 ? "udp6" : "udp4");
  socket.on("error", () => {}); // the send that met it is told
  socket.unref(); // whoever forgets to dispose of a tracer can still end
  let closed = false;
  return {
    get isOpen() {
      return !closed;
    },
    send: (payload) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Error("Cannot send a span: the socket is closed"));
        socket.send(payload, port, found.address, (error) => error ? reject(error) : resolve());
      }),
    close() {
      if (closed) return;
      closed = true;
      socket.close();
    },
  };
}

async function openStream({ transport, hostname, port, path }: ListenAddress): Promise<SpanTransport> {
  const connection = transport === "unix"
    ? await Deno.connect({ transport: "unix", path: path.replace(/^@/, "\0") }) // an abstract name begins with a NUL
    : await Deno.connect({ hostname: hostname === "" ? "127.0.0.1" : hostname, port });
  let closed = false;
  const stream: SpanTransport = {
    get isOpen() {
      return !closed;
    },
    async send(payload) {
      const frame = encodeFrame(payload);
      for (let sent = 0; sent < frame.length;) sent += await connection.write(frame.subarray(sent));
    },
    close() {
      if (closed) return;
      closed = true;
      connection.close();
    },
  };
  watch(connection, stream);
  return stream;
}

/** An agent says nothing: an end, or an error, is the end of the connection, and the next span needs another. */
async function watch(connection: Deno.Conn, transport: SpanTransport): Promise<void> {
  const buffer = new Uint8Array(64);
  try {
    while (await connection.read(buffer) !== null);
  } catch {
    // Closed here or reset there: the next send is told.
  }
  transport.close();
}
