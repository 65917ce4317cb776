import { parseArgs } from "@std/cli";
import { asTarget, type Target, TARGETS } from "./target.ts";

/** What `deno task compile` is asked for. */
export interface CompileOptions {
  /** An executable that carries the Deno executable, instead of `deno compile`'s. */
  portable: boolean;
  target: Target;
  /** Path of the executable to write. @default {"dist/limier"} */
  output: string;
  /** Path of the Deno executable to carry; null: the one that runs this. Of `--portable` only. */
  runtime: string | null;
}

/** How the command is used. */
export const USAGE = `deno task compile [--portable] [--target TARGET] [--output FILE] [--runtime FILE]

Writes Limier as one executable, dist/limier.

  --portable        carry the whole Deno executable: needs no runtime stub, and unpacks itself once where it runs
  --target TARGET   ${TARGETS.join(" or ")}; this system if absent
  --output FILE     what to write
  --runtime FILE    with --portable, the Deno executable to carry; needed for another system than this one

Without --portable, deno compile fetches its runtime stub, or takes the one that DENORT_BIN names.`;

/** A command line that can't be followed; the message says why. */
export class OptionError extends RangeError {
  override readonly name = "OptionError";
  readonly code = "compile.options";
}

/**
 * Reads the command line.
 *
 * @param host this system, in Deno's words
 * @throws {OptionError} on an unknown flag, an argument that is none, or a target that is unknown or needs a runtime
 */
export function readOptions(argv: readonly string[], host: string): CompileOptions {
  const parsed = parseArgs([...argv], {
    boolean: ["portable"],
    string: ["target", "output", "runtime"],
    unknown: (arg) => {
      throw new OptionError(`Cannot use ${arg}: no such flag\n\n${USAGE}`);
    },
  });
  const named = text(parsed.target, "target");
  const target = asTarget(named ?? host);
  if (target === undefined) {
    throw new OptionError(`Cannot compile for ${named ?? host}: write --target ${TARGETS.join(" or --target ")}`);
  }
  const portable = parsed.portable === true;
  const runtime = text(parsed.runtime, "runtime") ?? null;
  if (runtime !== null && !portable) throw new OptionError("Cannot use --runtime: it belongs to --portable");
  if (portable && runtime === null && target !== host) {
    throw new OptionError(
      `Cannot pack Deno for ${target}: name its executable with --runtime FILE; the npm package @deno/${
        target.startsWith("aarch64") ? "linux-arm64-glibc" : "linux-x64-glibc"
      } holds one`,
    );
  }
  return { portable, target, runtime, output: text(parsed.output, "output") ?? "dist/limier" };
}

function text(value: unknown, flag: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string" || value === "") throw new OptionError(`Cannot use --${flag}: it needs a value`);
  return value;
}
