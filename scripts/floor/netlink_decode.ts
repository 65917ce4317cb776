/**
 * The same as netlink_floor.c through {@linkcode DiagDumper}, and every socket decoded into values: what a poll costs before
 * anything is compared or kept.
 *
 *     deno run -A scripts/floor/netlink_decode.ts [--cycles N] [--warm-up N]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { DiagDumper, processCpuTimeNs } from "../../src/linux/mod.ts";
import { Attribute, Refusal, SocketMessage, SocketValues, TcpInfoIndex } from "../../src/tcpinfo/mod.ts";

/** What it and netlink_floor print at their end; of all cycles. */
export interface NetlinkFloorResult {
  cycles: number;
  sockets: number;
  bytes: number;
  cpuSeconds: number;
  /** Of netlink_decode only: what was found, which says that it was decoded. */
  cookies?: number;
  bytesReceived?: number;
  /** Bytes that one cycle adds to the heap: the median of cycles, in most of which nothing is collected. */
  heapBytesPerCycle?: number;
}

/** Dumps and decodes both families once. */
class Poll {
  readonly #dumpers = [new DiagDumper({ family: 10 }), new DiagDumper({ family: 2 })];
  readonly #message = new SocketMessage();
  readonly #values = new SocketValues("6.18");
  sockets = 0;
  bytes = 0;
  cookies = 0;
  bytesReceived = 0;

  cycle(): void {
    for (const dumper of this.#dumpers) {
      const { status, failure } = dumper.dump();
      if (status === "failed") throw new Error(failure?.message);
      this.#decode(dumper);
    }
  }

  #decode(dumper: DiagDumper): void {
    const { bytes, count } = dumper, message = this.#message, values = this.#values;
    for (let i = 0; i < count; i++) {
      const start = dumper.start(i), end = dumper.end(i);
      if (message.load(bytes, start, end) !== Refusal.none) throw new Error("Cannot decode a socket of the kernel");
      values.read(message);
      this.sockets++;
      this.bytes += end - start;
      this.cookies = (this.cookies ^ message.cookieLow ^ message.cookieHigh) | 0;
      if (message.has(Attribute.info)) this.bytesReceived += values.info[TcpInfoIndex.bytes_received]!;
    }
  }
}

function main(): void {
  const args = parseArgs(Deno.args, { string: ["cycles", "warm-up"] });
  const cycles = Number(args.cycles ?? 1);
  const poll = new Poll();
  for (let i = 0; i < Number(args["warm-up"] ?? 30); i++) poll.cycle();
  poll.sockets =
    poll.bytes =
    poll.cookies =
    poll.bytesReceived =
      0;
  const cpuBeforeNs = processCpuTimeNs();
  for (let i = 0; i < cycles; i++) poll.cycle();
  const cpuSeconds = (processCpuTimeNs() - cpuBeforeNs) / 1e9;
  const { sockets, bytes, cookies, bytesReceived } = poll;
  const result = { cycles, sockets, bytes, cpuSeconds, cookies, bytesReceived, heapBytesPerCycle: heapGrowth(poll) };
  console.log(JSON.stringify(result satisfies NetlinkFloorResult));
}

const STRETCHES = 21;

function heapGrowth(poll: Poll): number {
  const growth = Array.from({ length: STRETCHES }, () => {
    const before = Deno.memoryUsage().heapUsed;
    poll.cycle();
    return Deno.memoryUsage().heapUsed - before;
  });
  return growth.toSorted((a, b) => a - b)[STRETCHES >> 1]!;
}

if (import.meta.main) main();
