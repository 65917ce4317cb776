import { compareDecoded, compareFed, type Difference, matches } from "./compare.ts";
import type { Engine } from "./engine.ts";
import type { Fixture } from "./fixture.ts";
import { formatGolden, type Golden, type Stage } from "./golden.ts";
import { isObject, type Json, type JsonObject, parseJson } from "./json.ts";

/** A started agent that is sent a fixture's input; the objects it printed, and one error object for each refusal. */
export type LiveRun = (fixture: Fixture) => Promise<Difference | null>;

/** Why a case failed. */
export interface CaseFailure {
  readonly stage: Stage | "cut";
  /** Absent where there was nothing to compare. */
  readonly difference?: Difference;
  readonly message: string;
}

/** How one case ended. */
export interface CaseResult {
  readonly fixture: Fixture;
  readonly durationMs: number;
  /** Absent: it passed. */
  readonly failure?: CaseFailure;
}

/** How cases are run. */
export interface RunOptions {
  readonly engine: Engine;
  /** Runs the live stage; absent: fixtures with nothing but that stage are left out. */
  readonly live?: LiveRun;
  /** Decodes the input cut at every byte as well: it has to give objects whatever is missing. */
  readonly cuts: boolean;
}

/** Inputs longer than this are not cut at every byte. */
const LONGEST_CUT_BYTES = 1_024;

/** Whether a fixture has a stage that can be run. */
export function isRunnable({ golden }: Fixture, { live }: Pick<RunOptions, "live">): boolean {
  const { decode, feed } = golden.expect;
  return decode !== undefined || feed !== undefined || live !== undefined;
}

/** Runs a fixture's stages in their order, up to the first that fails. Never throws for what the engine does. */
export async function runCase(fixture: Fixture, options: RunOptions): Promise<CaseResult> {
  const startMs = performance.now();
  const failure = await firstFailure(fixture, options);
  const durationMs = performance.now() - startMs;
  return { fixture, durationMs, ...(failure !== null && { failure }) };
}

async function firstFailure(fixture: Fixture, { engine, live, cuts }: RunOptions): Promise<CaseFailure | null> {
  const { protocol, input, scenario, golden: { config, options, expect } } = fixture;
  if (expect.decode !== undefined && input !== undefined) {
    const expected = expect.decode;
    const failure = await stage("decode", async () => {
      return compareDecoded(expected, parseLines(await engine.decode(protocol, input, options)));
    }) ?? (cuts ? await stage("cut", () => decodeCut(fixture, engine)) : null);
    if (failure !== null) return failure;
  }
  if (expect.feed !== undefined && scenario !== undefined) {
    const expected = expect.feed;
    const failure = await stage("feed", async () => {
      return compareFed(expected, parseLines(await engine.feed(protocol, config, scenario)));
    });
    if (failure !== null) return failure;
  }
  return live !== undefined && options.live !== undefined ? await stage("live", () => live(fixture)) : null;
}

async function stage(name: CaseFailure["stage"], run: () => Promise<Difference | null>): Promise<CaseFailure | null> {
  try {
    const difference = await run();
    return difference === null ? null : { stage: name, difference, message: `it differs at ${difference.path}` };
  } catch (error) {
    return { stage: name, message: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

/** Whatever is missing at the end of an input, what is printed are objects that say what they are. */
async function decodeCut(fixture: Fixture, engine: Engine): Promise<Difference | null> {
  const { protocol, input, golden: { options } } = fixture;
  if (input === undefined || input.bytes.length > LONGEST_CUT_BYTES) return null;
  for (let length = 0; length < input.bytes.length; length++) {
    const cut = { ...input, bytes: input.bytes.slice(0, length) };
    for (const got of parseLines(await engine.decode(protocol, cut, options))) {
      const kind = isObject(got) ? got["kind"] : undefined;
      if (typeof kind !== "string") return { path: `cut at ${length}`, expected: { kind: { $has: [] } }, got };
    }
  }
  return null;
}

/** What the engine makes of a fixture, as its new golden; `null` if that is the one it has. */
export async function updatedGolden(fixture: Fixture, { engine }: Pick<RunOptions, "engine">): Promise<string | null> {
  const { protocol, input, scenario, golden } = fixture;
  const expect: { -readonly [Key in keyof Golden["expect"]]: Golden["expect"][Key] } = { ...golden.expect };
  if (expect.decode !== undefined && input !== undefined) {
    const got = parseLines(await engine.decode(protocol, input, golden.options));
    if (compareDecoded(expect.decode, got) !== null) expect.decode = kept(expect.decode, got);
  }
  if (expect.feed !== undefined && scenario !== undefined) {
    const got = parseLines(await engine.feed(protocol, golden.config, scenario));
    if (compareFed(expect.feed, got) !== null) expect.feed = kept(expect.feed, got);
  }
  const [before, after] = [formatGolden(golden), formatGolden({ ...golden, expect })];
  return before === after ? null : after;
}

/** `got`, with the golden's own words where they still hold: they may say less on purpose. */
function kept(expected: readonly Json[], got: readonly Json[]): Json[] {
  const left = [...expected];
  return got.map((one) => {
    const at = left.findIndex((want) => matches(want, one, "relative"));
    return at < 0 ? withoutWords(one) : left.splice(at, 1)[0]!;
  });
}

/** An error as a new golden holds it: its text is for people and may change. */
function withoutWords(object: Json): Json {
  if (!isObject(object) || object["kind"] !== "error") return object;
  const { message: _, ...rest } = object;
  return rest satisfies JsonObject;
}

function parseLines(lines: readonly string[]): Json[] {
  return lines.map(parseJson);
}
