import { join } from "node:path";
import { type Program, replaceFile, runtimeFlags } from "./program.ts";
import type { Target } from "./target.ts";

/** `deno compile` failed; the message says why, and what helps. */
export class CompileError extends Error {
  override readonly name = "CompileError";
  readonly code = "compile.failed";
}

/**
 * Arguments of `deno compile`, to be run in the program's root.
 *
 * @param environment path of the env file that the executable starts with
 */
export function compileArguments(program: Program, target: Target, environment: string, output: string): string[] {
  return [
    "compile",
    ...runtimeFlags(program),
    "--node-modules-dir=none",
    "--exclude-unused-npm",
    ...program.workers.flatMap((worker) => ["--include", worker]),
    `--env-file=${environment}`,
    "--target",
    target,
    "--output",
    output,
    program.entry,
  ];
}

/** With what {@linkcode writeNative} compiles. */
export interface Compiler {
  /** The Deno executable. */
  deno: string;
  /** Path of the runtime stub, denort; `DENORT_BIN` of the environment, or else Deno fetches it, if absent. */
  denort?: string;
}

/**
 * Makes an executable with `deno compile`.
 *
 * @param environment text of the env file
 * @throws {CompileError}
 */
export async function writeNative(
  output: string,
  program: Program,
  target: Target,
  environment: string,
  compiler: Compiler,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "limier-compile-" });
  try {
    const envFile = join(directory, "build.env");
    await Deno.writeTextFile(envFile, environment);
    await replaceFile(output, async (draft) => {
      const { success, stderr } = await new Deno.Command(compiler.deno, {
        args: compileArguments(program, target, envFile, draft),
        cwd: program.root,
        stdin: "null",
        stdout: "null",
        stderr: "piped",
        env: { NO_COLOR: "1", ...(compiler.denort === undefined ? {} : { DENORT_BIN: compiler.denort }) },
      }).output();
      if (!success) throw new CompileError(explainFailure(new TextDecoder().decode(stderr)));
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What to say of a failed `deno compile`, from what it wrote to standard error. */
export function explainFailure(stderr: string): string {
  const said = stderr.replace(/\n+Stack backtrace:[\s\S]*$/, "").trim();
  if (!/\bdenort\b/.test(said)) return `Cannot compile: deno compile failed\n${said}`;
  return "Cannot compile: Deno's runtime stub could not be had. Use --portable, which needs none; or set DENORT_BIN to a " +
    `copy of denort, of the version and target of this Deno\n${said}`;
}
