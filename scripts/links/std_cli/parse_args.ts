/** Stands in for `jsr:@std/cli/parse-args`: `npm:minimist`, of which `parseArgs` is a port. */
// @deno-types="npm:@types/minimist@1.2.5"
import minimist from "npm:minimist@1.2.8";

/** Options of `parseArgs()` that Limier uses; the names and meanings are those of `@std/cli`. */
export interface ParseOptions {
  boolean?: readonly string[];
  string?: readonly string[];
  collect?: readonly string[];
  alias?: Record<string, string | string[]>;
  default?: Record<string, unknown>;
  stopEarly?: boolean;
  "--"?: boolean;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** What `parseArgs()` returns: the flags by name, and the arguments that are none in `_`. */
export interface Args {
  // deno-lint-ignore no-explicit-any
  [name: string]: any;
  _: string[];
}

/** Reads command-line arguments. */
export function parseArgs(args: string[], options: ParseOptions = {}): Args {
  const { unknown, collect = [], ...rest } = options;
  const parsed = minimist(args, {
    ...rest,
    boolean: [...rest.boolean ?? []],
    string: [...rest.string ?? [], "_"],
    ...(unknown ? { unknown: (arg: string) => unknown(arg, keyOf(arg), undefined) !== false } : {}),
  });
  for (const name of collect) {
    const value = parsed[name];
    parsed[name] = value === undefined ? [] : Array.isArray(value) ? value : [value];
  }
  for (const name of rest.string ?? []) {
    // minimist gathers what is repeated; @std/cli keeps the last unless `collect` names it.
    if (!collect.includes(name) && Array.isArray(parsed[name])) parsed[name] = parsed[name].at(-1);
  }
  return parsed as Args;
}

/** The flag's name in `--name=value`, `-n`; `undefined` for an argument that is no flag. */
function keyOf(arg: string): string | undefined {
  return /^--?([^=]+)/.exec(arg)?.[1];
}
