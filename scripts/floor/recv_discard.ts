/**
 * The same as recv_floor.c through {@linkcode BatchReceiver}: what a reader costs before it parses anything.
 *
 *     deno run -A scripts/floor/recv_discard.ts PORT [--count N] [--seconds S] [--datagrams N] [--bytes N] [--rcvbuf BYTES]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { BatchReceiver, openUdpSocket, processCpuTimeNs, receiveDrops } from "../../src/linux/mod.ts";

/** What it and recv_floor print at their end. */
export interface FloorResult {
  datagrams: number;
  bytes: number;
  /** Calls of recvmmsg that received something. */
  calls: number;
  drops: number;
  /** User and system time of the process, from the first datagram on. */
  cpuSeconds: number;
  elapsedSeconds: number;
}

function main(): void {
  const args = parseArgs(Deno.args, { string: ["count", "seconds", "datagrams", "bytes", "rcvbuf"] });
  const number = (text: string | undefined, otherwise: number) => text === undefined ? otherwise : Number(text);
  const wanted = number(args.count, Infinity);
  const seconds = number(args.seconds, Infinity);
  using socket = openUdpSocket({
    address: { hostname: "127.0.0.1", port: Number(args._[0]) },
    receiveBufferBytes: number(args.rcvbuf, 2_097_152),
    receiveTimeoutMs: 100,
  });
  const receiver = new BatchReceiver(socket.fd, {
    datagrams: number(args.datagrams, 128),
    datagramBytes: number(args.bytes, 8192),
  });
  console.log(JSON.stringify({ listening: socket.address.port }));
  console.log(JSON.stringify(discard(receiver, socket.fd, wanted, seconds)));
}

function discard(receiver: BatchReceiver, fd: number, wanted: number, seconds: number): FloorResult {
  let datagrams = 0;
  let bytes = 0;
  let calls = 0;
  let cpuBeforeNs = 0;
  let began = 0;
  const until = performance.now() + seconds * 1000;
  for (let turn = 0; datagrams < wanted; turn++) {
    // The clock is asked every 64th time only: recv_floor has a timer for it, which a thread without an event loop lacks.
    if ((turn & 63) === 0 && performance.now() >= until) break;
    const count = receiver.receive();
    if (count === 0) {
      if (performance.now() >= until) break;
      continue;
    }
    if (datagrams === 0) {
      began = performance.now();
      cpuBeforeNs = processCpuTimeNs();
    }
    calls++;
    datagrams += count;
    for (let i = 0; i < count; i++) bytes += receiver.length(i);
  }
  return {
    datagrams,
    bytes,
    calls,
    drops: receiveDrops(fd),
    cpuSeconds: datagrams === 0 ? 0 : (processCpuTimeNs() - cpuBeforeNs) / 1e9,
    elapsedSeconds: datagrams === 0 ? 0 : (performance.now() - began) / 1000,
  };
}

if (import.meta.main) main();
