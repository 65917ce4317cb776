import { configErrorLines, loadConfig, type Loaded, shownYaml } from "../agent/mod.ts";
import { type Command, complain, Exit, print, UsageError } from "./command.ts";
import { readInput } from "./input.ts";

export const check: Command = {
  name: "check",
  summary: "say whether a configuration is valid, and show it as it takes effect",
  help: `limier check [-f FILE] [--veneur|--burrow] [--strict] [--print-secrets]

Reads the configuration as limier run would. If it is valid, prints it as it takes effect, secrets REDACTED, and ends
with 0; else prints FILE:LINE:COL: message, a line for each fault, on standard error and ends with 1.

  -f, --file FILE     the configuration; without it, the defaults and the environment
  --veneur            the file is one of Veneur's
  --burrow            the file is one of Burrow's
  --strict            unknown keys of a Veneur file are faults
  --print-secrets     show secrets

Example:
  limier check -f limier.yaml`,
  booleans: ["veneur", "burrow", "strict", "print-secrets"],
  strings: ["file"],
  alias: { f: "file" },
  async run(args) {
    if (args._.length > 0) throw new UsageError(`Cannot use ${args._[0]}: write -f FILE`);
    const loaded = await load(args.file, { veneur: args.veneur, burrow: args.burrow, strict: args.strict });
    if (loaded === undefined) return Exit.failed;
    for (const warning of loaded.warnings) complain(warning);
    print(shownYaml(loaded, args["print-secrets"]));
    return Exit.done;
  },
};

/** Loads a configuration for a command; `undefined` when it said on standard error what is wrong. */
export async function load(
  file: string | undefined,
  options: { veneur: boolean; burrow?: boolean; strict: boolean },
): Promise<Loaded | undefined> {
  const text = file === undefined ? "" : new TextDecoder().decode(await readInput(file));
  try {
    return loadConfig(text, { file: file ?? "", env: Deno.env.toObject(), ...options });
  } catch (error) {
    const lines = configErrorLines(error);
    if (lines === undefined) throw error;
    for (const line of lines) complain(line);
    return undefined;
  }
}
