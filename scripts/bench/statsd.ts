/**
 * The statsd source end to end over loopback, beside its floors: the same receiver with the work left out, and a C program
 * that receives and discards. By turns, so that a machine that slows down slows all of them.
 *
 * @module
 */
import { buildFloor } from "../floor/build.ts";
import { type FloorResult, receiveLoad, script, sendDuring } from "../floor/measure.ts";
import { startAgentProcess } from "./agent_process.ts";

/** One comparison: medians over the rounds. */
interface Row {
  shape: string;
  /** Datagrams a CPU-second. */
  c: number;
  discard: number;
  agent: number;
  /** Agent / C floor, each round for itself: median, and the least and the most. */
  ratio: number;
  least: number;
  most: number;
}

/** How long and how often. */
export interface StatsdBenchOptions {
  readonly rounds: number;
  readonly seconds: number;
}

const CONFIG = `
statsd: { udp_address: "127.0.0.1:0", num_readers: 1, interval: 10s, read_buffer_size_bytes: 2MiB }
http: { address: "127.0.0.1:0" }
outputs: [ { name: nothing, kind: blackhole } ]
`;

/** Two generators keep the receiver's buffer full. */
const GENERATORS = 2;

/** Runs the comparison and prints it. @returns the exit code */
export async function benchStatsd(options: StatsdBenchOptions, print: (line: string) => void): Promise<number> {
  const floor = await buildFloor("recv_floor");
  if (floor === null) {
    print("Cannot compare with the C floor: there is no C compiler (apt-get install gcc)");
    return 1;
  }
  const load = { seconds: options.seconds, generators: GENERATORS, rounds: options.rounds };
  const perCpuSecond = (result: FloorResult) => result.datagrams / result.cpuSeconds;
  const rows: Row[] = [];
  for (const shape of ["one", "twenty"]) {
    await using agent = await startAgentProcess({ config: CONFIG });
    const to = agent.addresses[0]!.replace("udp://", "");
    await sendDuring(to, shape, { ...load, seconds: 3 }); // the compiler of the runtime has seen the code
    const rounds: { c: number; discard: number; agent: number }[] = [];
    for (let round = 1; round <= options.rounds; round++) {
      const c = perCpuSecond(await receiveLoad([floor], shape, load));
      const discard = perCpuSecond(await receiveLoad(script("./recv_discard.ts"), shape, load));
      const before = { cpu: agent.cpuSeconds(), metrics: await agent.metrics() };
      await sendDuring(to, shape, load);
      const after = { cpu: agent.cpuSeconds(), metrics: await agent.metrics() };
      const name = "limier_statsd_datagrams_received_total";
      const received = after.metrics[name]! - before.metrics[name]!;
      rounds.push({ c, discard, agent: received / (after.cpu - before.cpu) });
      const { agent: ours } = rounds.at(-1)!;
      print(
        `${shape} round ${round}: C ${k(c)}, discard ${k(discard)}, agent ${k(ours)}, ratio ${(ours / c).toFixed(2)}`,
      );
    }
    const ratios = rounds.map((round) => round.agent / round.c);
    rows.push({
      shape,
      c: median(rounds.map((round) => round.c)),
      discard: median(rounds.map((round) => round.discard)),
      agent: median(rounds.map((round) => round.agent)),
      ratio: median(ratios),
      least: Math.min(...ratios),
      most: Math.max(...ratios),
    });
  }
  print("");
  print("datagrams a CPU-second     C floor   discard     agent   agent / C floor (least to most)");
  for (const row of rows) {
    const metrics = row.shape === "one" ? 1 : 20;
    print(
      `${row.shape.padEnd(7)} ${String(metrics).padStart(3)} metric${metrics === 1 ? " " : "s"}      ` +
        `${k(row.c).padStart(9)} ${k(row.discard).padStart(9)} ${k(row.agent).padStart(9)}   ` +
        `${row.ratio.toFixed(2)} (${row.least.toFixed(2)} to ${row.most.toFixed(2)})`,
    );
  }
  return 0;
}

function k(perSecond: number): string {
  return `${Math.round(perSecond / 1000)} k`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[sorted.length - 1 >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

if (import.meta.main) Deno.exit(await benchStatsd({ rounds: 5, seconds: 4 }, console.log));
