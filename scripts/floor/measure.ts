/**
 * Measures BatchReceiver against the C floor: both receive and discard what generators send at full speed over loopback, by
 * turns, so that a machine that slows down slows both.
 *
 *     deno run -A scripts/floor/measure.ts [--rounds 5] [--seconds 2] [--generators 2] [--json]
 *
 * With two generators or more the receiver always finds full batches; with one it mostly waits, and pays for waking.
 *
 * @module
 */
import { TextLineStream } from "@std/streams";
import { parseArgs } from "@std/cli/parse-args";
import { buildFloor } from "./build.ts";
import type { FloorResult } from "./recv_discard.ts";

export type { FloorResult };

/** Datagrams a CPU-second of receiver and floor, for one shape of datagram. */
export interface FloorComparison {
  shape: string;
  /** Medians over the rounds. */
  floorPerCpuSecond: number;
  receiverPerCpuSecond: number;
  /** Median of receiver / floor, each round for itself. */
  ratio: number;
  /** Median of the datagrams in one call of recvmmsg. */
  floorPerCall: number;
  receiverPerCall: number;
}

/** How {@linkcode compareWithFloor} measures. */
export interface MeasureOptions {
  rounds: number;
  /** How long generators send in each round. */
  seconds: number;
  /** Processes that send. */
  generators: number;
}

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);
/** The command that runs a script of this folder. */
export const script = (
  path: string,
  ...args: string[]
) => [Deno.execPath(), "run", "-A", "--no-check", here(path), ...args];

/** Measures each shape; null, with the reason on standard error, where there is no C compiler. */
export async function compareWithFloor(options: MeasureOptions): Promise<FloorComparison[] | null> {
  const floor = await buildFloor("recv_floor");
  if (floor === null) return null;
  const comparisons: FloorComparison[] = [];
  for (const shape of ["one", "twenty"]) {
    const rounds: { floor: FloorResult; receiver: FloorResult }[] = [];
    for (let round = 0; round < options.rounds; round++) {
      rounds.push({
        floor: await receiveLoad([floor], shape, options),
        receiver: await receiveLoad(script("./recv_discard.ts"), shape, options),
      });
    }
    const perCpuSecond = (result: FloorResult) => result.datagrams / result.cpuSeconds;
    comparisons.push({
      shape,
      floorPerCpuSecond: Math.round(median(rounds.map(({ floor }) => perCpuSecond(floor)))),
      receiverPerCpuSecond: Math.round(median(rounds.map(({ receiver }) => perCpuSecond(receiver)))),
      ratio: median(rounds.map(({ floor, receiver }) => perCpuSecond(receiver) / perCpuSecond(floor))),
      floorPerCall: median(rounds.map(({ floor }) => floor.datagrams / floor.calls)),
      receiverPerCall: median(rounds.map(({ receiver }) => receiver.datagrams / receiver.calls)),
    });
  }
  return comparisons;
}

/** Runs one receiver under load until the generators are done. */
export async function receiveLoad(command: string[], shape: string, options: MeasureOptions): Promise<FloorResult> {
  const [program = "", ...args] = command;
  // Generators need a moment to start; the receiver counts its CPU time from the first datagram on.
  const receiver = new Deno.Command(program, {
    args: [...args, "0", "--seconds", String(options.seconds + 1.5)],
    stdout: "piped",
  }).spawn();
  const lines = receiver.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  const { listening } = JSON.parse((await lines.read()).value ?? "{}");
  const sent = sendDuring(`127.0.0.1:${listening}`, shape, options);
  const result: FloorResult = JSON.parse((await lines.read()).value ?? "{}");
  await Promise.all([sent, receiver.status]);
  await lines.cancel();
  return result;
}

/** Sends at full speed from so many processes, and resolves when all have ended. */
export async function sendDuring(to: string, shape: string, options: MeasureOptions): Promise<void> {
  const seconds = String(options.seconds);
  const [deno = "", ...args] = script(
    "../load/datagrams.ts",
    "--to",
    to,
    "--shape",
    shape,
    "--seconds",
    seconds,
    "--json",
  );
  await Promise.all(
    Array.from({ length: options.generators }, () => new Deno.Command(deno, { args, stdout: "null" }).output()),
  );
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] ?? NaN : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["rounds", "seconds", "generators"], boolean: ["json"] });
  const comparisons = await compareWithFloor({
    rounds: Number(flags.rounds ?? 5),
    seconds: Number(flags.seconds ?? 2),
    generators: Number(flags.generators ?? 2),
  });
  if (comparisons === null) Deno.exit(1);
  if (flags.json) console.log(JSON.stringify(comparisons));
  else console.table(comparisons);
}
