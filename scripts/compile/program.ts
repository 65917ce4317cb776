import { dirname, join } from "node:path";

/** Where the program lies and what it is run with. */
export interface Program {
  /** Absolute path of the directory with deno.json; the paths below are relative to it. */
  root: string;
  entry: string;
  /** Modules that are started as workers; no import leads to them. */
  workers: readonly string[];
  /** `unstable` of deno.json, such as `net`. */
  unstable: readonly string[];
}

/**
 * Finds the program under `root`: `src/main.ts`, every `*_worker.ts` below `src`, and the unstable features of deno.json.
 *
 * @throws {Deno.errors.NotFound} where there is no deno.json or no src
 */
export async function findProgram(root: string): Promise<Program> {
  const config: unknown = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  const unstable = isRecord(config) && Array.isArray(config.unstable) ? config.unstable.map(String) : [];
  const workers: string[] = [];
  for await (const path of filesUnder(root, "src")) {
    if (path.endsWith("_worker.ts")) workers.push(path);
  }
  return { root, entry: join("src", "main.ts"), workers: workers.sort(), unstable };
}

/**
 * The environment that an executable is built with, as the text of an env file: the build date in UTC to the second, of
 * `SOURCE_DATE_EPOCH` if that is set, so that a build can be repeated bit by bit.
 *
 * @param nowMs Unix milliseconds
 * @see https://reproducible-builds.org/specs/source-date-epoch/
 */
export function buildEnvironment(nowMs: number, sourceDateEpoch: string | undefined): string {
  const atMs = sourceDateEpoch !== undefined && /^\d{1,12}$/.test(sourceDateEpoch)
    ? Number(sourceDateEpoch) * 1_000
    : nowMs;
  return `LIMIER_BUILD_DATE=${new Date(atMs).toISOString().slice(0, 19)}Z\n`;
}

/**
 * Keeps each thread's nursery at a tenth of what the engine would let it grow to: what the agent allocates dies young, and
 * the rest would only be resident (10 to 20 MB with a million series).
 */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=2";

/**
 * Flags that an executable's runtime is given: every permission, as the program drops what it does not need; a permission
 * that was dropped is not asked for again on a terminal.
 */
export function runtimeFlags(program: Pick<Program, "unstable">): string[] {
  return ["--allow-all", "--no-prompt", V8_FLAGS, ...program.unstable.map((feature) => `--unstable-${feature}`)];
}

/** Runs `write` on a path beside `path` and moves the result there: an executable in use is replaced, never half written. */
export async function replaceFile(path: string, write: (draft: string) => Promise<void>): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await write(draft);
    await Deno.rename(draft, path);
  } catch (error) {
    await Deno.remove(draft).catch(() => {
      // It may not have been made yet; the error that counts is thrown below.
    });
    throw error;
  }
}

async function* filesUnder(root: string, directory: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(join(root, directory))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory) yield* filesUnder(root, path);
    else if (entry.isFile) yield path;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
