import { type Command, complain, Exit, print, UsageError } from "./command.ts";

/** What can be measured: an end-to-end script where there is one, and the benches of parts. */
const BENCHES: Readonly<Record<string, { script?: string; parts: readonly string[] }>> = {
  statsd: { script: "scripts/bench/statsd.ts", parts: ["src/statsd", "src/sketch"] },
  output: { script: "scripts/bench/output.ts", parts: ["src/output", "src/bytes"] },
  lag: { script: "scripts/bench/lag.ts", parts: ["src/lag"] },
  archive: { script: "scripts/bench/archive.ts", parts: [] },
  netlink: { script: "scripts/bench/netlink.ts", parts: ["src/linux/netlink"] },
  flow: { script: "scripts/bench/flow.ts", parts: ["src/flow"] },
};

export const bench: Command = {
  name: "bench",
  summary: "measure this machine against the floor",
  help: `limier bench [NAME...]

Runs benchmarks: end to end over loopback beside a C program that only receives, then the parts. Figures are ratios against
a floor measured in the same run; absolute times say little on a shared machine. Needs the source tree.

NAME is one of ${Object.keys(BENCHES).join(", ")}; all of them unless told otherwise.

Example:
  limier bench statsd`,
  booleans: [],
  strings: [],
  async run(args) {
    const names = args._.length === 0 ? Object.keys(BENCHES) : args._;
    const root = new URL("../../", import.meta.url);
    if (!await exists(new URL("scripts/bench/", root))) {
      complain("Cannot measure: the benchmarks are in the source tree; run deno task bench there");
      return Exit.failed;
    }
    let code: number = Exit.done;
    for (const name of names) {
      const found = BENCHES[name];
      if (found === undefined) {
        throw new UsageError(`Cannot measure ${name}: write one of ${Object.keys(BENCHES).join(", ")}`);
      }
      print(`# ${name}`);
      if (found.script !== undefined) code ||= await deno(["run", "-A", found.script], root);
      if (found.parts.length > 0) code ||= await deno(["bench", "-A", ...found.parts], root);
    }
    return code;
  },
};

async function exists(place: URL): Promise<boolean> {
  try {
    await Deno.stat(place);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof TypeError) return false;
    throw error;
  }
}

async function deno(args: string[], cwd: URL): Promise<number> {
  return (await new Deno.Command(Deno.execPath(), { args, cwd, stdin: "null" }).spawn().status).code;
}
