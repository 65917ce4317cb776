/// <reference lib="deno.worker" />
/** A thread that sends datagrams from one port at a steady rate until it is told to stop, and says how many it sent. */
import { BatchSender, connectUdp } from "../../src/linux/mod.ts";

/** What the thread is started with. */
export interface SteadyLoad {
  readonly port: number;
  readonly datagramsPerSecond: number;
  /** What each of them holds. */
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Set to 1, it ends the load. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}

/** Datagrams of one call. */
const BATCH = 64;

self.onmessage = ({ data }: MessageEvent<SteadyLoad>) => {
  self.postMessage(send(data));
  self.close();
};

function send({ port, datagramsPerSecond, payload, stop }: SteadyLoad): number {
  using socket = connectUdp({ address: { hostname: "127.0.0.1", port } });
  const sender = new BatchSender(socket.fd, {
    buffer: payload,
    offsets: new Uint32Array(BATCH),
    lengths: new Uint32Array(BATCH).fill(payload.length),
  });
  const fromMs = performance.now();
  let sent = 0;
  while (Atomics.load(stop, 0) === 0) {
    const dueMs = fromMs + sent / datagramsPerSecond * 1000;
    Atomics.wait(stop, 0, 0, Math.max(0, dueMs - performance.now()));
    // A call may stop short when a reader takes its time; nothing is sent twice.
    sent += sender.send(0, BATCH);
  }
  return sent;
}
