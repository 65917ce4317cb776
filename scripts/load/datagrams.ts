/**
 * Sends DogStatsD datagrams at a steady rate, or as fast as it can, and says exactly what it sent.
 *
 *     deno run -A scripts/load/datagrams.ts --to 127.0.0.1:8125 --shape twenty --rate 50000 --seconds 60 --json
 *     deno run -A scripts/load/datagrams.ts --to @limier --shape unique --count 1500000 --rounds 2
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  BatchSender,
  connectUdp,
  connectUnixDatagram,
  type OpenSocket,
  processCpuTimeNs,
} from "../../src/linux/mod.ts";
import { addTally, buildDatagrams, type SenderLoad, type Shape, type Tally } from "./build_datagrams.ts";
import { Pace } from "./pace.ts";

const USAGE = `Usage: datagrams.ts --to ADDRESS [--shape one|twenty|unique] [options]

  --to ADDRESS       127.0.0.1:8125, [::1]:8125, /path or @name of a unix datagram socket
  --shape SHAPE      one (a metric a datagram), twenty, or unique (counters of their own names); one
  --rate N           datagrams a second; 0 is as fast as can be; 0
  --seconds S        for how long; 10 unless --count is given
  --senders N        sockets, each from a port of its own; 4
  --series N         series of one and twenty; 1000
  --count N          one, twenty: datagrams in all; unique: counters; 1500000
  --rounds R         unique: how often each counter is sent; 1
  --name-bytes N     unique: length of a name; 60
  --json             the result in one line`;

/** A load and where it goes. */
export interface LoadOptions {
  to: string;
  shape: Shape;
  series: number;
  senders: number;
  nameBytes: number;
  /** Datagrams a second; 0 is as fast as can be. */
  ratePerSecond: number;
  /** It ends when so many datagrams are sent. @default {Infinity} */
  datagrams?: number;
  /** It ends when every datagram has been sent so often. @default {Infinity} */
  rounds?: number;
  /** It ends after so long. */
  seconds: number;
}

/** What was sent. */
export interface LoadResult extends Tally {
  shape: Shape;
  /** Datagrams that the kernel took. */
  datagrams: number;
  bytes: number;
  /** Sends that the kernel refused and that were tried again, by errno. ECONNREFUSED: datagrams went to nobody. */
  refusals: Record<string, number>;
  elapsedSeconds: number;
  cpuSeconds: number;
}

/** The most datagrams of one call: as many as the agent's readers take. */
const BATCH = 128;
/** Without progress for so long, nobody will ever take them. */
const GIVE_UP_MS = 10_000;

/** The options whose value is a number. */
const NUMBERS = ["rate", "seconds", "senders", "series", "count", "rounds", "name-bytes"] as const;

/** Reads the command line; a text says what is wrong with it. */
export function readOptions(args: string[]): LoadOptions | string {
  const unknown: string[] = [];
  const flags = parseArgs(args, {
    string: ["to", "shape", ...NUMBERS],
    boolean: ["json"],
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  });
  if (unknown.length > 0) return `Cannot use ${unknown.join(" ")}: no such option`;
  if (!flags.to) return "Cannot send: write --to ADDRESS";
  const shape: string = flags.shape ?? "one";
  if (shape !== "one" && shape !== "twenty" && shape !== "unique") {
    return `Cannot use --shape ${shape}: write one, twenty or unique`;
  }
  for (const name of NUMBERS) {
    const form = name === "rate" || name === "seconds" ? /^\d+(\.\d+)?$/ : /^[1-9]\d*$/;
    if (flags[name] !== undefined && !form.test(flags[name])) {
      return `Cannot use --${name} ${flags[name]}: write a number`;
    }
  }
  const number = (name: string, otherwise: number): number => Number(flags[name] ?? otherwise);
  const ratePerSecond = number("rate", 0);
  const common = {
    to: flags.to,
    senders: number("senders", 4),
    nameBytes: number("name-bytes", 60),
    ratePerSecond,
  };
  if (shape === "unique") {
    const seconds = number("seconds", Infinity);
    return { ...common, shape, series: number("count", 1_500_000), rounds: number("rounds", 1), seconds };
  }
  const seconds = number("seconds", flags.count === undefined ? 10 : Infinity);
  // A paced load ends by its number, so that it is the same however busy the machine is.
  const paced = ratePerSecond > 0 && seconds < Infinity;
  const datagrams = Math.min(number("count", Infinity), paced ? Math.round(ratePerSecond * seconds) : Infinity);
  return { ...common, shape, series: number("series", 1000), datagrams, seconds: paced ? Infinity : seconds };
}

/** One socket and where it stands in its part of the load. */
interface Sender {
  load: SenderLoad;
  batch: BatchSender;
  next: number;
}

/**
 * Sends a load and returns when it is done; it blocks the thread.
 *
 * @throws {SystemError} if it cannot be sent there
 */
export function sendLoad(options: LoadOptions): LoadResult {
  const sockets: OpenSocket[] = [];
  try {
    const senders = buildDatagrams(options).map((load): Sender => {
      const socket = connectTo(options.to);
      sockets.push(socket);
      return { load, batch: new BatchSender(socket.fd, load), next: 0 };
    });
    return run(senders, options);
  } finally {
    for (const socket of sockets) socket.close();
  }
}

function run(senders: Sender[], options: LoadOptions): LoadResult {
  const tally: Tally = { lines: 0, counters: 0, gauges: 0, timers: 0, sets: 0, counterTotal: 0 };
  const refusals: Record<string, number> = {};
  let datagrams = 0;
  let bytes = 0;
  const { rounds = Infinity } = options;
  const left = senders.map(({ batch }) => rounds * batch.datagrams);
  const wanted = Math.min(options.datagrams ?? Infinity, left.reduce((sum, part) => sum + part, 0));

  const cpuBeforeNs = processCpuTimeNs();
  const startMs = performance.now();
  const pace = new Pace(options.ratePerSecond, startMs);
  let progressMs = startMs;
  let due = 0;
  let share = BATCH;
  for (let turn = 0; datagrams < wanted; turn++) {
    const nowMs = performance.now();
    if (nowMs - startMs >= options.seconds * 1000) break;
    if (due < 1) {
      due = Math.min(pace.take(nowMs), wanted - datagrams);
      if (due < 1) {
        progressMs = nowMs;
        sleep(pace.waitMs(nowMs));
        continue;
      }
      share = Math.min(BATCH, Math.ceil(due / senders.length)); // so that no sender gets ahead of the others
    }
    const index = turn % senders.length;
    const sender = senders[index]!; // index is below the length
    const count = Math.min(share, due, left[index] ?? 0, sender.batch.datagrams - sender.next);
    if (count < 1) continue; // it has sent all of its part
    const sent = sender.batch.send(sender.next, count);
    if (sent === 0) {
      const why = sender.batch.lastRefusal;
      refusals[why] = (refusals[why] ?? 0) + 1;
      if (nowMs - progressMs > GIVE_UP_MS) throw new Error(`Cannot send to ${options.to}: ${why} for ten seconds`);
      if (why !== "ECONNREFUSED") sleep(0.1); // that one is about a datagram sent before, and clears by being told
      continue;
    }
    progressMs = nowMs;
    addTally(tally, sender.load, sender.next, sent);
    for (let i = sender.next; i < sender.next + sent; i++) bytes += sender.batch.length(i);
    datagrams += sent;
    due -= sent;
    left[index] = (left[index] ?? 0) - sent;
    sender.next = (sender.next + sent) % sender.batch.datagrams;
  }
  return {
    shape: options.shape,
    datagrams,
    bytes,
    ...tally,
    refusals,
    elapsedSeconds: (performance.now() - startMs) / 1000,
    cpuSeconds: (processCpuTimeNs() - cpuBeforeNs) / 1e9,
  };
}

const never = new Int32Array(new SharedArrayBuffer(4));

function sleep(durationMs: number): void {
  Atomics.wait(never, 0, 0, durationMs);
}

/** Connects to `HOST:PORT` or a unix datagram socket. @throws {RangeError} if it is neither */
export function connectTo(to: string): OpenSocket {
  if (to.startsWith("/") || to.startsWith("@")) return connectUnixDatagram(to, { sendBufferBytes: 1 << 20 });
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(to) ?? [];
  if (port === undefined) throw new RangeError(`Cannot send to ${to}: write IP:PORT, /path or @name`);
  return connectUdp({ address: { hostname: v6 ?? v4 ?? "", port: Number(port) }, sendBufferBytes: 1 << 20 });
}

if (import.meta.main) {
  const options = readOptions(Deno.args);
  if (typeof options === "string") {
    console.error(`${options}\n\n${USAGE}`);
    Deno.exit(2);
  }
  const result = sendLoad(options);
  console.log(JSON.stringify(result, null, Deno.args.includes("--json") ? undefined : 2));
}
