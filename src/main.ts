/** The process: hands the command line to a command. */
import { configErrorLines } from "./agent/mod.ts";
import { commands, complain, Exit, InputError, print, runCommand } from "./cli/mod.ts";

function usage(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    "limier COMMAND [flags]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "limier COMMAND --help says more of each.",
  ].join("\n");
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    print(usage());
    return name === undefined ? Exit.usage : Exit.done;
  }
  const command = commands.find((one) => one.name === (name === "--version" ? "version" : name));
  if (command === undefined) {
    complain(`Cannot run ${name}: no such command\n\n${usage()}`);
    return Exit.usage;
  }
  try {
    return await runCommand(command, rest, command.name);
  } catch (error) {
    const lines = configErrorLines(error) ?? (error instanceof InputError ? [error.message] : undefined);
    if (lines === undefined) throw error;
    for (const line of lines) complain(line);
    return Exit.failed;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
