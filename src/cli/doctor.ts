import { diagnose, type Finding, readDoctorFacts } from "../agent/mod.ts";
import { type Command, Exit, print, UsageError } from "./command.ts";

export const doctor: Command = {
  name: "doctor",
  summary: "say what this host lets Limier do, and what mends the rest",
  help: `limier doctor [--json]

Looks at the kernel, receive buffers, drops, capabilities, eBPF, the clock, limits, ports and /var/lib/limier, and prints a
line for each: ok, warn (it costs data or speed) or fail (Limier can't run as it should), and the command that mends
it. Changes nothing. Ends with 0 unless something is fail, then with 1.

  --json    as one JSON object

Example:
  sudo -u limier limier doctor`,
  booleans: ["json"],
  strings: [],
  async run(args) {
    if (args._.length > 0) throw new UsageError(`Cannot use ${args._[0]}: doctor takes no arguments`);
    const findings = diagnose(await readDoctorFacts());
    const failed = findings.some(({ level }) => level === "fail");
    print(args.json ? JSON.stringify({ healthy: !failed, findings }) : findingLines(findings).join("\n"));
    return failed ? Exit.failed : Exit.done;
  },
};

/** A line each: level, name, message, and behind an arrow what mends it. */
export function findingLines(findings: readonly Finding[]): string[] {
  const width = Math.max(0, ...findings.map(({ name }) => name.length));
  return findings.map(({ level, name, message, mend }) => {
    const line = `${level.padEnd(4)}  ${name.padEnd(width)}  ${message}`;
    return (mend === undefined ? line : `${line} -> ${mend}`).replaceAll("\n", " ");
  });
}
