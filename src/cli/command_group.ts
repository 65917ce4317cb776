import { type Command, Exit, print, runCommand, UsageError } from "./command.ts";

/**
 * A command that is a name for others: `limier tcpinfo csv`. It reads the next argument as one of their names; their flags,
 * help and exit codes are their own. An output that is closed while they write ends them, with 0: the reader has what it
 * wanted.
 */
export function commandGroup(name: string, summary: string, commands: readonly Command[]): Command {
  const width = Math.max(...commands.map((one) => one.name.length));
  const help = [
    `limier ${name} COMMAND [flags]`,
    "",
    ...commands.map((one) => `  ${one.name.padEnd(width)}  ${one.summary}`),
    "",
    `limier ${name} COMMAND --help says more of each.`,
    "",
    "Example:",
    `  limier ${name} ${commands[0]?.name ?? ""} --help`,
  ].join("\n");

  async function run([first, ...rest]: readonly string[]): Promise<number> {
    if (first === undefined || first === "help" || first === "--help" || first === "-h") {
      print(help);
      return first === undefined ? Exit.usage : Exit.done;
    }
    const command = commands.find((one) => one.name === first);
    if (command === undefined) {
      throw new UsageError(`Cannot run ${name} ${first}: write one of ${commands.map((one) => one.name).join(", ")}`);
    }
    try {
      return await runCommand(command, rest, `${name} ${command.name}`);
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return Exit.done;
      throw error;
    }
  }

  return { name, summary, help, booleans: [], strings: [], verbatim: true, run: (args) => run(args._) };
}
