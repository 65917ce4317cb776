/**
 * Writes Limier as one executable: `deno task compile [--portable] [--target TARGET] [--output FILE]`.
 *
 * @module
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { BundleError, bundleProgram } from "./compile/bundle.ts";
import { CompileError, writeNative } from "./compile/native.ts";
import { type CompileOptions, OptionError, readOptions, USAGE } from "./compile/options.ts";
import { writePortable } from "./compile/portable.ts";
import { buildEnvironment, findProgram, type Program, runtimeFlags } from "./compile/program.ts";
import { whyNotFor } from "./compile/target.ts";

/**
 * Compiles the program under `root`.
 *
 * @param environment text of the env file that the executable starts with
 * @returns the size of the executable, in bytes
 * @throws {OptionError | BundleError | CompileError}
 */
export async function compile(options: CompileOptions, root: string, environment: string): Promise<number> {
  const program = await findProgram(root);
  if (options.portable) return await carryDeno(options, program, environment);
  await writeNative(options.output, program, options.target, environment, { deno: Deno.execPath() });
  return (await Deno.stat(options.output)).size;
}

async function carryDeno(options: CompileOptions, program: Program, environment: string): Promise<number> {
  const runtime = options.runtime ?? Deno.execPath();
  const deno = await Deno.readFile(runtime);
  const why = whyNotFor(options.target, deno);
  if (why !== null) throw new OptionError(`Cannot carry ${runtime} for ${options.target}: ${why}`);
  const encoder = new TextEncoder();
  const bundles = await bundleProgram(program, Deno.execPath());
  const flags = ["--no-config", "--no-lock", "--no-remote", "--no-npm", "--env-file=$dir/build.env"];
  return await writePortable(options.output, {
    program: "limier",
    executable: { name: "deno", content: deno },
    beside: [
      ...bundles.map(({ name, source }) => ({ name, content: encoder.encode(source) })),
      { name: "build.env", content: encoder.encode(environment) },
    ],
    args: ["run", ...runtimeFlags(program), ...flags, "$dir/main.js"],
  });
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    console.log(USAGE);
    return 0;
  }
  try {
    const read = readOptions(argv, Deno.build.target);
    const options = { ...read, output: resolve(read.output) };
    const environment = buildEnvironment(Date.now(), Deno.env.get("SOURCE_DATE_EPOCH"));
    const sizeBytes = await compile(options, fileURLToPath(new URL("..", import.meta.url)), environment);
    console.log(`${options.output}: ${(sizeBytes / 1e6).toFixed(1)} MB for ${options.target}`);
    return 0;
  } catch (error) {
    if (error instanceof OptionError || error instanceof BundleError || error instanceof CompileError) {
      console.error(error.message);
      return error instanceof OptionError ? 2 : 1;
    }
    throw error;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
