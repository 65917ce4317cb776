/**
 * Kills a process that appends to a spool, at random moments, and looks whether all that it was told is stored is there.
 *
 * ```sh
 * deno run -A scripts/campaigns/spool_kill.ts --rounds 50 --seed 7
 * ```
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { realClock } from "../../src/clock/mod.ts";
import { eventBytes } from "../../src/metric/mod.ts";
import { type FsyncPolicy, openSpool, type Spool } from "../../src/output/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";
import { fractionsFrom } from "../../src/testing/mod.ts";

/** What to do, and how often. */
export interface KillOptions {
  readonly rounds: number;
  /** Chooses the moments; what the process has done by then is up to the machine. */
  readonly seed: number;
  /** Longest life of the process once it is open, in milliseconds. */
  readonly longestMs: number;
  readonly print: (line: string) => void;
}

/** What came of it. */
export interface KillReport {
  readonly stored: number;
  readonly delivered: number;
  /** Events that came more than once. */
  readonly duplicates: number;
  readonly tornBytes: number;
}

const POLICIES: readonly FsyncPolicy[] = ["interval", "never", "always"];
const CHILD = new URL("./spool_kill_child.ts", import.meta.url).pathname;
const OUTPUTS = ["kept", "delivered"];

/**
 * Runs the rounds in one spool, so that each starts with what the one before left.
 *
 * @throws {Error} which says what was lost, in which round
 */
export async function killRounds(options: KillOptions): Promise<KillReport> {
  const directory = await Deno.makeTempDir({ prefix: "limier-spool-kill-" });
  const random = fractionsFrom(options.seed);
  const stored = new Set<string>();
  const arrived = new Set<string>();
  let duplicates = 0;
  let tornBytes = 0;
  let end = 0;
  for (let round = 1; round <= options.rounds; round++) {
    const fsync = POLICIES[round % POLICIES.length]!;
    const lifeMs = Math.floor(random() * options.longestMs);
    const lines = await linesUntilKilled([directory, fsync, String(round)], lifeMs);
    let newEnd = end;
    for (const line of lines) {
      const [what, output, ...rest] = line.split(" ");
      if (what === "D") {
        const text = `${output} ${rest.join(" ")}`;
        if (arrived.has(text)) duplicates++;
        arrived.add(text);
      } else if (what === "S") {
        const [first, count, from, to] = rest.map(Number) as [number, number, number, number];
        if (from < end) throw new Error(`round ${round}: number ${from} was given before`);
        for (let i = first; i < first + count; i++) stored.add(`${output} ${round} ${i}`);
        newEnd = Math.max(newEnd, to);
      }
    }
    end = newEnd;

    const reporter = recordingReporter();
    const spool = await openSpool({ directory, minFreeBytes: 0 }, { clock: realClock, reporter });
    const last = round === options.rounds;
    const there = new Set<string>();
    for (const output of OUTPUTS) {
      let goesOn = true; // up to a random batch, so that what comes again is the killed process' doing
      const finishes = () => goesOn &&= last || random() < 0.95;
      for (const { text, finished } of await read(spool, output, finishes)) {
        there.add(text);
        if (finished && arrived.has(text)) duplicates++;
        if (finished) arrived.add(text);
      }
    }
    const lost = [...stored].filter((text) => !arrived.has(text) && !there.has(text));
    if (lost.length > 0) {
      throw new Error(
        `round ${round} (${fsync}, ${lifeMs} ms): ${lost.length} stored events are lost: ${lost.slice(0, 5)}`,
      );
    }
    const page = reporter.metrics.text();
    tornBytes += Number(/^limier_spool_truncated_bytes_total (\d+)$/m.exec(page)?.[1] ?? 0);
    if (!/^limier_spool_lost_events_total 0$/m.test(page)) {
      throw new Error(`round ${round}: events are counted as lost`);
    }
    await spool[Symbol.asyncDispose]();
    options.print(
      `round ${round}: ${fsync}, killed after ${lifeMs} ms, ${lines.length} lines, ${there.size} events there`,
    );
  }
  await Deno.remove(directory, { recursive: true });
  return { stored: stored.size, delivered: arrived.size, duplicates, tornBytes };
}

/** Starts the child, kills it `lifeMs` after it has opened the spool; its whole lines. */
async function linesUntilKilled(args: readonly string[], lifeMs: number): Promise<string[]> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CHILD, ...args],
    stdout: "piped",
    stderr: "inherit",
  });
  const child = command.spawn();
  let text = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    timer ??= setTimeout(() => child.kill("SIGKILL"), lifeMs);
  }
  clearTimeout(timer);
  await child.status;
  if (!text.startsWith("open\n")) throw new Error("the process could not open the spool: see its standard error");
  return text.split("\n").slice(1, -1); // what follows the last line break is half a line, or nothing
}

/** All that is stored for an output; what `finishes` says is finished. */
async function read(spool: Spool, output: string, finishes: () => boolean) {
  const left = spool.outputs().find(({ name }) => name === output)?.pendingEvents ?? 0;
  const utf8 = new TextDecoder();
  await using reader = spool.reader(output);
  const events: { text: string; finished: boolean }[] = [];
  while (events.length < left) {
    const batch = await reader.next(AbortSignal.timeout(60_000));
    if (batch === null) throw new Error(`${left} events of ${output} are pending, and only ${events.length} come`);
    const finished = finishes();
    for (let i = 0; i < batch.batch.ends.length; i++) {
      const text = utf8.decode(eventBytes(batch.batch, i)).split(" ").slice(0, 3).join(" ");
      events.push({ text, finished });
    }
    if (finished) reader.finish(batch, "delivered");
  }
  return events;
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["rounds", "seed"], default: { rounds: "50", seed: "1" } });
  const options = { rounds: Number(flags.rounds), seed: Number(flags.seed), longestMs: 1_500, print: console.log };
  const report = await killRounds(options);
  console.log(
    `${report.stored} events stored, ${report.delivered} delivered, none lost; ` +
      `${report.duplicates} came again, ${report.tornBytes} bytes were torn`,
  );
}
