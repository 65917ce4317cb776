/**
 * A poll of inet_diag, dump and full decode, beside a C program that dumps and discards, and beside ss(8). By turns, so that
 * a machine that slows down slows all of them. The sockets stand in a network namespace of their own; it needs root.
 *
 *     deno run -A scripts/bench/netlink.ts [--rounds 5] [--sockets 10000,15000]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { TextLineStream } from "@std/streams/text-line-stream";
import { buildFloor } from "../floor/build.ts";
import type { NetlinkFloorResult } from "../floor/netlink_decode.ts";

/** How much is measured. */
export interface NetlinkBenchOptions {
  /** Sockets of each comparison. */
  readonly sockets: readonly number[];
  readonly rounds: number;
  /** Dumps of both families a round. */
  readonly cycles: number;
}

/** Runs of ss a round: its CPU time is counted in hundredths of a second. */
const SS_RUNS = 10;
/** Clock ticks a second in `/proc/self/stat`; 100 on every Linux that Limier runs on. */
const TICKS = 100;

const DECODE = decodeURIComponent(new URL("../floor/netlink_decode.ts", import.meta.url).pathname);

/** Runs the comparison and prints it. @returns the exit code */
export async function benchNetlink(options: NetlinkBenchOptions, print: (line: string) => void): Promise<number> {
  const [floor, sockets] = [await buildFloor("netlink_floor"), await buildFloor("netlink_sockets")];
  if (floor === null || sockets === null) {
    print("Cannot compare with the C floor: there is no C compiler (apt-get install gcc)");
    return 1;
  }
  const lines: string[] = [];
  for (const count of options.sockets) {
    await using host = await startSockets(sockets, count);
    const cycles = String(options.cycles);
    const rounds: { c: number; ours: number; ss: number; heap: number }[] = [];
    for (let round = 1; round <= options.rounds; round++) {
      const floorResult = await host.run([floor, "--cycles", cycles]);
      const c = perCpuSecond(floorResult);
      const decode = [Deno.execPath(), "run", "-A", "--no-check", DECODE, "--cycles", cycles];
      const result = await host.run(decode);
      const ours = perCpuSecond(result);
      if (result.sockets !== floorResult.sockets || result.bytesReceived === 0) {
        print(`Cannot compare: ${result.sockets} sockets were decoded, and the C floor saw ${floorResult.sockets}`);
        return 1;
      }
      const ss = await ssPerCpuSecond(host, result.sockets / result.cycles);
      rounds.push({ c, ours, ss, heap: result.heapBytesPerCycle! / (result.sockets / result.cycles) });
      print(
        `${count} sockets, round ${round}: C ${k(c)}, decode ${k(ours)}, ss ${k(ss)} a CPU-second; ` +
          `${(ours / c).toFixed(2)} of C, ${(ours / ss).toFixed(1)} of ss`,
      );
    }
    const of = (value: (round: typeof rounds[number]) => number) => median(rounds.map(value));
    const ratios = rounds.map(({ ours, c }) => ours / c);
    lines.push(
      `${String(count).padStart(7)} ${k(of(({ c }) => c)).padStart(9)} ${k(of(({ ours }) => ours)).padStart(9)} ` +
        `${k(of(({ ss }) => ss)).padStart(9)}   ` +
        `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})    ` +
        `${of(({ ours, ss }) => ours / ss).toFixed(1).padStart(4)}   ${of(({ heap }) => heap).toFixed(2).padStart(6)}`,
    );
  }
  print("");
  print("sockets   C floor    decode        ss   decode / C (least to most)  / ss   heap bytes a socket");
  for (const line of lines) print(line);
  return 0;
}

/** A namespace with so many sockets. */
interface SocketHost extends AsyncDisposable {
  /** Runs a program there; what it printed last. */
  run(command: readonly string[]): Promise<NetlinkFloorResult>;
  /** Runs a program there and throws away what it prints. */
  runSilently(command: readonly string[]): Promise<void>;
}

async function startSockets(program: string, count: number): Promise<SocketHost> {
  const child = new Deno.Command("unshare", {
    args: ["-n", program, String(count)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  if ((await lines.read()).value === undefined) {
    throw new Error("Cannot make sockets in a network namespace: run as root, with unshare(1), and raise ulimit -n");
  }
  const command = (of: readonly string[], stdout: "piped" | "null") =>
    new Deno.Command("nsenter", { args: ["-t", String(child.pid), "-n", ...of], stdout, stdin: "null" }).output();
  return {
    async run(of) {
      const { success, stdout } = await command(of, "piped");
      if (!success) throw new Error(`Cannot measure: ${of.join(" ")} failed`);
      return JSON.parse(new TextDecoder().decode(stdout));
    },
    async runSilently(of) {
      if (!(await command(of, "null")).success) throw new Error(`Cannot measure: ${of.join(" ")} failed`);
    },
    async [Symbol.asyncDispose]() {
      await child.stdin.close(); // it ends when its input does
      await child.status;
      await lines.cancel();
    },
  };
}

/** Sockets a CPU-second that `ss` shows, its start included: as a script that polls with it pays for it. */
async function ssPerCpuSecond(host: SocketHost, sockets: number): Promise<number> {
  const before = childrenCpuSeconds();
  for (let i = 0; i < SS_RUNS; i++) await host.runSilently(["ss", "-tinH", "state", "all"]);
  return sockets * SS_RUNS / (childrenCpuSeconds() - before);
}

/** CPU time of the children that have ended. */
function childrenCpuSeconds(): number {
  const fields = Deno.readTextFileSync("/proc/self/stat").split(") ")[1]!.split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS; // cutime, cstime
}

function perCpuSecond({ sockets, cpuSeconds }: NetlinkFloorResult): number {
  return sockets / cpuSeconds;
}

function k(perSecond: number): string {
  return `${Math.round(perSecond / 1000)} k`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[sorted.length - 1 >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds", "sockets"] });
  const sockets = (args.sockets ?? "10000,15000").split(",").map(Number);
  Deno.exit(await benchNetlink({ sockets, rounds: Number(args.rounds ?? 5), cycles: 50 }, console.log));
}
