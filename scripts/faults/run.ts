/** Plans trials, runs them side by side, and says what came of them. */
import { type ModeName, MODES, type TrialMode } from "./modes.ts";
import { type Row, Trial } from "./trial.ts";

/** Which trials there are to be. */
export interface Plan {
  readonly seed: number;
  /** Every row in all of its modes, with the full times and numbers. */
  readonly full: boolean;
  /** Rows by id; all, if there is none. */
  readonly only: readonly string[];
  /** This mode alone, in rows that have it. */
  readonly mode?: ModeName;
  /** Trials at once. */
  readonly jobs: number;
}

/** What came of a trial. */
export interface Result {
  readonly row: Row;
  readonly mode: TrialMode;
  readonly events: number;
  readonly faults: number;
  readonly findings: readonly string[];
  readonly notes: readonly string[];
  readonly tookMs: number;
}

interface Planned {
  readonly row: Row;
  readonly mode: TrialMode;
}

/** The trials of a plan, in the order of the rows. */
export function planTrials(rows: readonly Row[], { full, only, mode }: Omit<Plan, "seed" | "jobs">): Planned[] {
  const wanted = rows.filter(({ id }) =>
    only.length === 0 || only.some((one) => id === one || id.startsWith(`${one} `))
  );
  return wanted.flatMap((row) => {
    const modes = MODES.filter(({ name }) => row.modes?.includes(name) ?? true);
    if (mode !== undefined) return modes.filter(({ name }) => name === mode).map((mode) => ({ row, mode }));
    if (full) return modes.map((mode) => ({ row, mode }));
    return [{ row, mode: modes.find(({ name }) => name === row.once) ?? modes[0]! }];
  });
}

/** Runs one trial; whatever it throws is a finding. */
export async function runTrial({ row, mode }: Planned, plan: Plan, say: (line: string) => void): Promise<Result> {
  const fromMs = performance.now();
  const trial = new Trial(row, mode, { seed: plan.seed, full: plan.full, say });
  try {
    await row.run(trial);
  } catch (error) {
    trial.find([error instanceof Error ? error.stack ?? error.message : String(error)]);
  }
  try {
    await trial[Symbol.asyncDispose]();
  } catch (error) {
    trial.find([error instanceof Error ? error.stack ?? error.message : String(error)], "clearing away");
  }
  const { events, faults, findings, notes } = trial;
  return { row, mode, events, faults, findings, notes, tookMs: performance.now() - fromMs };
}

/** Runs a plan. @param say told of every trial as it ends */
export async function runPlan(rows: readonly Row[], plan: Plan, say: (line: string) => void): Promise<Result[]> {
  const planned = planTrials(rows, plan);
  const results = new Map<Planned, Result>();
  let ended = 0;
  const work = async (queue: Planned[]) => {
    for (let next; (next = queue.shift()) !== undefined;) {
      const result = await runTrial(next, plan, say);
      results.set(next, result);
      const { row, mode, findings, tookMs } = result;
      const how = findings.length === 0 ? "ok" : "FAILED";
      say(`[${++ended}/${planned.length}] ${row.id} ${mode.name}: ${how}, ${(tookMs / 1_000).toFixed(1)} s`);
      for (const finding of findings) say(`    ${finding}`);
    }
  };
  const long = planned.filter(({ row }) => row.long);
  const short = planned.filter(({ row }) => !row.long);
  await Promise.all([
    ...Array.from({ length: plan.jobs }, () => work(short)),
    ...Array.from({ length: plan.jobs }, () => work(long)),
  ]);
  return planned.map((each) => results.get(each)!);
}

/** The results as a table, and the line of sums. */
export function report(results: readonly Result[], seed: number): string {
  const rows = results.map(({ row, mode, events, faults, findings }) => [
    row.id,
    mode.name,
    row.fault,
    String(events),
    String(faults),
    findings.length === 0 ? "ok" : "FAILED",
  ]);
  const head = ["row", "mode", "fault", "events", "faults", "result"];
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((cells) => cells[i]!.length)));
  const right = (i: number) => i === 3 || i === 4;
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => right(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)).join("  ").trimEnd();
  const failed = results.filter(({ findings }) => findings.length > 0);
  const notes = results.flatMap(({ row, notes }) => notes.map((note) => `${row.id}: ${note}`));
  const sum = (of: (result: Result) => number) => results.reduce((sum, result) => sum + of(result), 0);
  return [
    line(head),
    ...rows.map(line),
    "",
    ...new Set(notes),
    ...failed.flatMap(({ row, mode, findings }) => findings.map((finding) => `${row.id} ${mode.name}: ${finding}`)),
    `${results.length - failed.length} passed, ${failed.length} failed; ${sum(({ events }) => events)} events, ` +
    `${sum(({ faults }) => faults)} faults, seed ${seed}`,
  ].join("\n");
}
