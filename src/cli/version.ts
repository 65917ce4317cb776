import { buildDate, VERSION } from "../agent/mod.ts";
import { type Command, Exit, print } from "./command.ts";

export const version: Command = {
  name: "version",
  summary: "print the version",
  help: `limier version [--json]

Prints the program's version, and the runtime and system it stands on.

  --json    as one JSON object

Example:
  limier version --json`,
  booleans: ["json"],
  strings: [],
  run({ json }) {
    const facts = {
      version: VERSION,
      deno: Deno.version.deno,
      os: Deno.build.os,
      arch: Deno.build.arch,
      build_date: buildDate() || "dirty",
    };
    if (json) print(JSON.stringify(facts));
    else print(`limier ${facts.version} (deno ${facts.deno}, ${facts.os} ${facts.arch}, ${facts.build_date})`);
    return Exit.done;
  },
};
