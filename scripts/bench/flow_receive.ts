/**
 * Flows as they come in: the inlet alone beside programs that receive and discard, and everything up to blocks of columns
 * beside nfcapd, each on the same datagrams and by turns.
 *
 *     deno run -A scripts/bench/flow_receive.ts [--rounds 3] [--seconds 3]
 *
 * @module
 */
import { TextLineStream } from "@std/streams/text-line-stream";
import { parseArgs } from "@std/cli/parse-args";
import { freeUdpPort } from "../../src/testing/mod.ts";
import { buildFloor } from "../floor/build.ts";
import { run, type Tools, unpackTools } from "../record_flows/tools.ts";
import type { ReceiveResult } from "./flow_receive_child.ts";
import { FLOWS_A_DATAGRAM } from "./flow_sender.ts";

/** How often, and how long each time. */
export interface FlowReceiveOptions {
  readonly rounds: number;
  readonly seconds: number;
}

/** Datagrams a second that all of them can take in, so that the same are counted. */
const PACED = 12_000;
/** Clock ticks a second in `/proc/PID/stat`. */
const TICKS = 100;

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);
const script = (path: string, ...args: string[]) => ["run", "-A", "--no-check", here(path), ...args];

/** Runs the comparison and prints it. @returns the exit code */
export async function benchFlowReceive(options: FlowReceiveOptions, print: (line: string) => void): Promise<number> {
  const floor = await buildFloor("recv_floor");
  if (floor === null) print("Without the C floor: there is no C compiler (apt-get install gcc)");
  await benchInlet(floor, options, print);
  print("");
  await benchToColumns(options, print);
  return 0;
}

/** At full speed: how many a CPU-second. */
async function benchInlet(
  floor: string | null,
  { rounds, seconds }: FlowReceiveOptions,
  print: (line: string) => void,
): Promise<void> {
  const results: { c: number; discard: number; inlet: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    results.push({
      c: floor === null ? NaN : await receiveFor([floor], seconds),
      discard: await receiveFor([Deno.execPath(), ...script("../floor/recv_discard.ts")], seconds),
      inlet: perCpuSecond(await receiveWith(["inlet"], (port) => send(port, seconds, 0))),
    });
  }
  const of = (key: "c" | "discard" | "inlet") => median(results.map((one) => one[key]));
  print(
    "datagrams a CPU-second   C discard   our discard       inlet   inlet / C   inlet / our discard (least to most)",
  );
  const toOwn = results.map(({ inlet, discard }) => inlet / discard);
  print(
    `${String(FLOWS_A_DATAGRAM).padStart(4)} flows each ${k(of("c")).padStart(17)} ${k(of("discard")).padStart(13)} ${
      k(of("inlet")).padStart(11)
    } ${median(results.map(({ inlet, c }) => inlet / c)).toFixed(2).padStart(11)}   ${median(toOwn).toFixed(2)} (${
      Math.min(...toOwn).toFixed(2)
    } to ${Math.max(...toOwn).toFixed(2)})`,
  );
}

/** At a pace: what the same flows take. */
async function benchToColumns({ rounds, seconds }: FlowReceiveOptions, print: (line: string) => void): Promise<void> {
  const tools = await unpackTools().catch(() => null);
  if (tools === null) print("Without nfcapd: apt-get can't be reached");
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const octets = (await request.arrayBuffer()).byteLength;
    return new Response(octets < 1000 ? "25.8.1.1\n" : "");
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const results: { own: number; other: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const own = await receiveWith(["source", url], (port) => send(port, seconds, PACED));
    if (own.dropped > 0) print(`  the kernel dropped ${own.dropped} datagrams of ${own.datagrams}`);
    results.push({
      own: own.flows / own.cpuSeconds,
      other: tools === null ? NaN : await nfcapd(tools, (port) => send(port, seconds, PACED)),
    });
  }
  await server.shutdown();
  const ratios = results.map(({ own, other }) => own / other);
  print("flows a CPU-second        nfcapd to a file   limier into blocks   limier / nfcapd (least to most)");
  print(
    `${String(PACED * FLOWS_A_DATAGRAM).padStart(7)} a second ${
      k(median(results.map(({ other }) => other))).padStart(22)
    } ${k(median(results.map(({ own }) => own))).padStart(20)}   ${median(ratios).toFixed(2)} (${
      Math.min(...ratios).toFixed(2)
    } to ${Math.max(...ratios).toFixed(2)})`,
  );
}

/** Runs a program that receives and discards. */
async function receiveFor([program = "", ...args]: readonly string[], seconds: number): Promise<number> {
  const child = new Deno.Command(program, {
    args: [...args, "0", "--seconds", String(seconds + 1.5), "--bytes", "65535"],
    stdout: "piped",
  }).spawn();
  const lines = linesOf(child);
  const { listening } = JSON.parse((await lines.read()).value ?? "{}");
  const sent = send(listening, seconds, 0);
  const { datagrams, cpuSeconds } = JSON.parse((await lines.read()).value ?? "{}");
  await Promise.all([sent, child.status]);
  await lines.cancel();
  return datagrams / cpuSeconds;
}

async function receiveWith(
  args: readonly string[],
  load: (port: number) => Promise<void>,
): Promise<ReceiveResult> {
  const child = new Deno.Command(Deno.execPath(), {
    args: script("./flow_receive_child.ts", ...args),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = linesOf(child);
  const { listening } = JSON.parse((await lines.read()).value ?? "{}");
  await load(listening);
  await child.stdin.close();
  const result: ReceiveResult = JSON.parse((await lines.read()).value ?? "{}");
  await child.status;
  await lines.cancel();
  return result;
}

/** Flows a CPU-second of nfcapd. */
async function nfcapd(tools: Tools, load: (port: number) => Promise<void>): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "limier_nfcapd_" });
  const port = freeUdpPort();
  const child = new Deno.Command(tools.path("nfcapd"), {
    args: ["-b", "127.0.0.1", "-p", String(port), "-w", folder, "-B", "16777216"],
    env: { ...tools.env },
    stdout: "null",
    stderr: "null",
  }).spawn();
  const cpuSeconds = () => {
    const fields = Deno.readTextFileSync(`/proc/${child.pid}/stat`).split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS; // utime, stime
  };
  try {
    while (!Deno.readTextFileSync("/proc/net/udp").includes(`:${port.toString(16).toUpperCase().padStart(4, "0")} `)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const before = cpuSeconds();
    await load(port);
    for (let seen = -1; seen !== cpuSeconds();) {
      seen = cpuSeconds();
      await new Promise((resolve) => setTimeout(resolve, 300)); // until it has nothing left to do
    }
    const spent = cpuSeconds() - before;
    child.kill("SIGTERM");
    await child.status;
    const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.startsWith("nfcapd"));
    const said = await run(tools.path("nfdump"), ["-I", "-r", `${folder}/${files[0]}`], { ...tools.env });
    return Number(/^Flows:\s*(\d+)/m.exec(said)?.[1]) / spent;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function linesOf(child: Deno.ChildProcess) {
  return child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
}

async function send(port: number, seconds: number, rate: number): Promise<void> {
  const args = script("./flow_sender.ts", String(port), String(seconds), String(rate));
  await new Deno.Command(Deno.execPath(), { args, stdout: "null" }).output();
}

function perCpuSecond({ datagrams, cpuSeconds }: ReceiveResult): number {
  return datagrams / cpuSeconds;
}

function k(perSecond: number): string {
  return Number.isNaN(perSecond) ? "-" : `${Math.round(perSecond / 1000)} k`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[sorted.length - 1 >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["rounds", "seconds"] });
  const options = { rounds: Number(flags.rounds ?? 3), seconds: Number(flags.seconds ?? 3) };
  Deno.exit(await benchFlowReceive(options, console.log));
}
