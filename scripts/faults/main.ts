/**
 * Delivery under every fault of the plan: real sockets and real files, events that are told apart, and a look at whether
 * everything that was accepted arrived, once where that can be, with one signal for each batch and books that balance.
 *
 *     deno task faults [--full] [--seed N] [--only FI-7,FI-8] [--mode balance_sync] [--jobs N] [--list]
 *
 * Ends with 0 if everything held, 1 if not, 2 if the command line can't be understood.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { MODES } from "./modes.ts";
import { ROWS } from "./registry.ts";
import { planTrials, report, runPlan } from "./run.ts";

const HELP = `faults [options]

Runs each fault once, in one mode; with --full, in every mode, with more kills and longer outages.

  --full           the whole matrix
  --seed N         whatever is left to chance comes again with it; printed at the end
  --only FI-7      this row, or several, with commas
  --mode MODE      one of ${MODES.map(({ name }) => name).join(", ")}
  --jobs N         trials at once; 4
  --list           the rows, and the modes of each

Example:
  deno task faults --only FI-10 --mode failover_async --seed 7`;

/** Runs what the command line asks for. @returns the exit code */
export async function runFaults(args: readonly string[]): Promise<number> {
  const unknown: string[] = [];
  const flags = parseArgs([...args], {
    boolean: ["full", "list", "help"],
    string: ["seed", "only", "mode", "jobs"],
    alias: { h: "help" },
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  });
  const refuse = (why: string) => {
    console.error(`${why}\n\n${HELP}`);
    return 2;
  };
  if (flags.help) {
    console.log(HELP);
    return 0;
  }
  const seed = flags.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(flags.seed);
  const jobs = Number(flags.jobs ?? 4);
  const only = (flags.only ?? "").split(",").filter((id: string) => id !== "");
  const mode = MODES.find(({ name }) => name === flags.mode)?.name;
  if (unknown.length > 0) return refuse(`Cannot use ${unknown[0]}: no such option`);
  if (!Number.isInteger(seed) || seed < 0) return refuse(`Cannot use --seed ${flags.seed}: write a whole number`);
  if (!Number.isInteger(jobs) || jobs < 1) return refuse(`Cannot use --jobs ${flags.jobs}: write a number from 1`);
  if (flags.mode !== undefined && mode === undefined) return refuse(`Cannot use --mode ${flags.mode}: no such mode`);
  const stray = only.find((id: string) => !ROWS.some((row) => row.id === id || row.id.startsWith(`${id} `)));
  if (stray !== undefined) return refuse(`Cannot use --only ${stray}: no such row`);
  const plan = { seed, full: flags.full, only, jobs, ...(mode === undefined ? {} : { mode }) };
  if (flags.list) {
    for (const row of ROWS) {
      const modes = planTrials([row], { full: true, only: [] }).map(({ mode }) => mode.name);
      console.log(
        `${row.id.padEnd(12)} ${row.fault.padEnd(44)} ${modes.length === MODES.length ? "all" : modes.join(" ")}`,
      );
    }
    return 0;
  }
  console.error(`seed ${seed}`);
  const results = await runPlan(ROWS, plan, console.error);
  console.log(report(results, seed));
  return results.every(({ findings }) => findings.length === 0) ? 0 : 1;
}

if (import.meta.main) Deno.exit(await runFaults(Deno.args));
