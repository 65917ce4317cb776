import { join } from "node:path";
import type { Args } from "@std/cli/parse-args";
import { runProgram } from "../agent/mod.ts";
import { LOG_LEVELS } from "../telemetry/mod.ts";
import { load } from "./check.ts";
import { type Command, complain, Exit, logLevelOf, UsageError } from "./command.ts";
import { readInput } from "./input.ts";

export const run: Command = {
  name: "run",
  summary: "run the agent",
  help: `limier run [-f FILE] [--veneur|--burrow] [--log-level LEVEL]

Runs the agent until SIGTERM, SIGINT or SIGUSR2, then stops receiving, flushes and delivers what is left. SIGHUP reads
the configuration again. Without a file: DogStatsD on 127.0.0.1:8125 (UDP), HTTP on 127.0.0.1:8127, and every flush
printed to standard output.

  -f, --file FILE          the configuration
  --veneur                 the file is one of Veneur's
  --burrow                 the file is one of Burrow's; /metrics is then Burrow's page
  --config-dir DIR         of --burrow without -f: where burrow.toml is
  --validate-config        read the configuration and end with 0 or 1
  --validate-config-strict the same, and unknown keys are faults
  --print-secrets          show secrets on /config
  --log-level LEVEL        ${LOG_LEVELS.join(", ")}

Every key can be overridden from the environment: LIMIER_STATSD__INTERVAL=5s.

Example:
  limier run -f /etc/limier/limier.yaml`,
  booleans: ["veneur", "burrow", "validate-config", "validate-config-strict", "print-secrets"],
  strings: ["file", "log-level", "config-dir"],
  alias: { f: "file" },
  async run(args) {
    if (args._.length > 0) throw new UsageError(`Cannot use ${args._[0]}: write -f FILE`);
    const level = logLevelOf(args);
    if (args.veneur && args.file === undefined) {
      throw new UsageError("Cannot run --veneur without its file: write -f FILE");
    }
    const file = burrowFile(args);
    const options = { veneur: args.veneur, burrow: args.burrow, strict: args["validate-config-strict"] };
    const loaded = await load(file, options);
    if (loaded === undefined) return Exit.failed;
    if (args["validate-config"] || args["validate-config-strict"]) {
      for (const warning of loaded.warnings) complain(warning);
      return Exit.done;
    }
    return await runProgram(loaded, {
      printSecrets: args["print-secrets"],
      ...(level === undefined ? {} : { logLevel: level }),
      ...(file === undefined ? {} : {
        reread: {
          file,
          ...options,
          text: async () => new TextDecoder().decode(await readInput(file)),
        },
      }),
    });
  },
};

/** The file that the flags name. @throws {UsageError} on flags that don't go together */
export function burrowFile({ burrow, veneur, file, "config-dir": directory }: Args): string | undefined {
  if (burrow && veneur) throw new UsageError("Cannot use --burrow with --veneur: a file is one's or the other's");
  if (directory !== undefined && !burrow) throw new UsageError("Cannot use --config-dir: it goes with --burrow");
  if (directory !== undefined && file !== undefined) throw new UsageError("Cannot use --config-dir: -f names the file");
  return burrow && file === undefined ? join(directory ?? ".", "burrow.toml") : file;
}
