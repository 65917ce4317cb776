/** What a command of the program is, and how its arguments are read. */
import { type Args, parseArgs } from "@std/cli/parse-args";
import { nearestName } from "../config/mod.ts";
import { LOG_LEVELS, type LogLevel } from "../telemetry/mod.ts";

/** Exit codes of the program. */
export const Exit = { done: 0, failed: 1, usage: 2, locked: 3 } as const;

/** One command: one file. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `--help` prints: usage, flags, an example. */
  readonly help: string;
  /** Flags that take no value. */
  readonly booleans: readonly string[];
  /** Flags that take one. */
  readonly strings: readonly string[];
  /** Flags among `strings` that may be given more than once. */
  readonly repeated?: readonly string[];
  /** Short forms: `{ f: "file" }`. */
  readonly alias?: Readonly<Record<string, string>>;
  /** Everything behind the first argument that is no flag is an argument. */
  readonly stopEarly?: boolean;
  /** Reads its arguments itself: `_` is what was written, flags and all. */
  readonly verbatim?: boolean;
  /** The exit code of wrong usage, where it is not 2. */
  readonly usageExit?: number;
  /** Does the work. @returns the exit code */
  run(args: Args): Promise<number> | number;
}

/** The command line can't be understood; the message says what to write. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "cli.usage";
}

/**
 * Reads a command's arguments. A known flag of several letters may be written with one dash.
 *
 * @throws {UsageError} on an unknown flag or a flag without its value
 */
export function readArgs(command: Command, argv: readonly string[]): Args {
  if (command.verbatim) return { _: [...argv] };
  const known = [...command.booleans, ...command.strings, "help"];
  const normal = argv.map((arg) => doubleDash(arg, known));
  const end = normal.indexOf("--");
  for (const [i, arg] of normal.slice(0, end < 0 ? undefined : end).entries()) {
    const name = /^--?([^=]+)$/.exec(arg)?.[1];
    const long = name === undefined ? undefined : command.alias?.[name] ?? name;
    if (long === undefined || !command.strings.includes(long)) continue;
    if (normal[i + 1] === undefined) throw new UsageError(`Cannot use --${long}: it needs a value`);
  }
  return parseArgs(normal, {
    boolean: [...command.booleans, "help"],
    string: [...command.strings],
    collect: [...command.repeated ?? []],
    alias: { h: "help", ...command.alias },
    stopEarly: command.stopEarly ?? false,
    "--": true,
    unknown: (arg: string) => {
      if (!arg.startsWith("-") || arg === "-") return true;
      const nearest = nearestName(arg.replace(/^-+/, "").replace(/=.*/, ""), known);
      throw new UsageError(
        `Cannot use ${arg}: no such flag${nearest === undefined ? "" : `, did you mean --${nearest}?`}`,
      );
    },
  });
}

/** `-name` as `--name` where that is a known flag of more than one letter. */
function doubleDash(arg: string, known: readonly string[]): string {
  const name = /^-([^-=][^=]+)(=.*)?$/.exec(arg)?.[1];
  return name !== undefined && known.includes(name) ? `-${arg}` : arg;
}

/**
 * Runs a command with what is written behind its name: `--help` prints its help, and wrong usage is told of.
 *
 * @param name its name and those before it, as it is written behind `limier`
 * @returns the exit code
 */
export async function runCommand(command: Command, argv: readonly string[], name: string): Promise<number> {
  try {
    const args = readArgs(command, argv);
    if (args.help) {
      print(command.help);
      return Exit.done;
    }
    return await command.run(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(`${error.message}\nlimier ${name} --help shows how it is used.`);
    return command.usageExit ?? Exit.usage;
  }
}

/** The level that `--log-level` names, if it is there. @throws {UsageError} when there is no such level */
export function logLevelOf(args: Args): LogLevel | undefined {
  const written = args["log-level"];
  const level = LOG_LEVELS.find((known) => known === written);
  if (written !== undefined && level === undefined) {
    throw new UsageError(`Cannot use --log-level ${written}: write one of ${LOG_LEVELS.join(", ")}`);
  }
  return level;
}

/** Writes whole lines to standard output. */
export function print(text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

/** Writes to standard error. */
export function complain(text: string): void {
  console.error(text);
}
