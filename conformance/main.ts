/**
 * The conformance suite: every fixture of `testdata/` through decoding, aggregation and delivery, each stage compared.
 *
 * ```text
 * deno task conformance [--binary COMMAND] [--live] [--filter TEXT] [--junit FILE] [--testdata FOLDER]
 * ```
 *
 * With `UPDATE_GOLDEN=1` it rewrites the goldens from this checkout instead. Exit codes: 0 all passed, 1 a case failed
 * or a fixture can't be used, 2 wrong usage.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { commandEngine, type Engine, inProcessEngine } from "./engine.ts";
import { type Fixture, readFixtures } from "./fixture.ts";
import { FixtureError } from "./golden.ts";
import { liveRun } from "./live.ts";
import { describeFailure, junitXml, protocolTable, totalsOf } from "./report.ts";
import { type CaseResult, isRunnable, runCase, type RunOptions, updatedGolden } from "./run_case.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const USAGE =
  "Usage: conformance/main.ts [--binary COMMAND] [--live] [--filter TEXT] [--junit FILE] [--testdata FOLDER]";

/** Runs the suite with command-line arguments; answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const unknown: string[] = [];
  const flags = parseArgs([...args], {
    string: ["binary", "filter", "junit", "testdata"],
    boolean: ["live", "help"],
    unknown: (arg: string) => {
      unknown.push(arg);
      return false;
    },
  });
  if (flags.help || unknown.length > 0) {
    console.error(unknown.length > 0 ? `Cannot use ${unknown.join(" ")}\n${USAGE}` : USAGE);
    return flags.help ? 0 : 2;
  }
  let fixtures: Fixture[];
  try {
    fixtures = await readFixtures(flags.testdata ?? `${ROOT}testdata`);
  } catch (error) {
    if (!(error instanceof FixtureError)) throw error;
    console.error(error.message);
    return 1;
  }
  const filter = flags.filter ?? "";
  const chosen = fixtures.filter(({ protocol, name, golden }) => `${protocol}/${name} ${golden.why}`.includes(filter));
  const command = flags.binary?.split(" ").filter((part: string) => part !== "");
  if (Deno.env.get("UPDATE_GOLDEN") === "1") return await update(chosen, await inProcessEngine());

  const engine = command === undefined ? await inProcessEngine() : commandEngine(command);
  const startLive = flags.live || command !== undefined;
  const options: RunOptions = {
    engine,
    cuts: command === undefined, // a process for each byte would take minutes
    ...(startLive && { live: liveRun(command ?? [Deno.execPath(), "run", "-A", `${ROOT}src/main.ts`]) }),
  };
  const results = await runAll(chosen.filter((fixture) => isRunnable(fixture, options)), options);
  for (const result of results) if (result.failure !== undefined) console.log(describeFailure(result));
  console.log(protocolTable(results));
  if (flags.junit !== undefined) await Deno.writeTextFile(flags.junit, junitXml(results));
  const { passed, failed } = totalsOf(results);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Runs the cases, as many at once as there are processors; the results stand in the order of the fixtures. */
async function runAll(fixtures: readonly Fixture[], options: RunOptions): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, async () => {
    for (let i = next++; i < fixtures.length; i = next++) results[i] = await runCase(fixtures[i]!, options);
  }));
  return results;
}

async function update(fixtures: readonly Fixture[], engine: Engine): Promise<number> {
  let rewritten = 0;
  for (const fixture of fixtures) {
    const golden = await updatedGolden(fixture, { engine });
    if (golden === null) continue;
    await Deno.writeTextFile(fixture.goldenPath, golden);
    console.log(`rewrote ${fixture.goldenPath}`);
    rewritten++;
  }
  console.log(`${rewritten} rewritten, ${fixtures.length - rewritten} unchanged`);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
