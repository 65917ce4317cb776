import { configErrorLines } from "../agent/mod.ts";
import { LOG_LEVELS } from "../telemetry/mod.ts";
import { type Command, complain, Exit, logLevelOf, print, UsageError } from "./command.ts";
import { readInput } from "./input.ts";
import { type LoadedProxy, loadProxyConfig, shownProxyYaml } from "./proxy_config.ts";
import { runProxyProgram } from "./proxy_program.ts";

export const proxy: Command = {
  name: "proxy",
  summary: "spread what local instances forward over several global ones",
  help: `limier proxy -f FILE [--veneur] [--log-level LEVEL]

Takes imports from local instances and gives each series to the global instance it belongs to, always the same one.
Runs until SIGTERM, SIGINT or SIGUSR2, then sends what it has. SIGHUP reads the configuration again.

  -f, --file FILE          the configuration
  --veneur                 the file is one of veneur-proxy's
  --validate-config        read the configuration, show it as it takes effect, and end with 0 or 1
  --validate-config-strict the same, and unknown keys of a veneur-proxy file are faults
  --print-secrets          show secrets, on /config too
  --log-level LEVEL        ${LOG_LEVELS.join(", ")}

Every key can be overridden from the environment: LIMIER_PROXY__FORWARD_TIMEOUT=5s.

Example:
  limier proxy -f /etc/limier/proxy.yaml

with a file that says
  http: { address: "0.0.0.0:8127" }
  proxy: { forward_addresses: ["http://global1:8127", "http://global2:8127"] }`,
  booleans: ["veneur", "validate-config", "validate-config-strict", "print-secrets"],
  strings: ["file", "log-level"],
  alias: { f: "file" },
  async run(args) {
    if (args._.length > 0) throw new UsageError(`Cannot use ${args._[0]}: write -f FILE`);
    const level = logLevelOf(args);
    if (args.veneur && args.file === undefined) {
      throw new UsageError("Cannot run --veneur without its file: write -f FILE");
    }
    const options = { file: args.file ?? "", veneur: args.veneur, strict: args["validate-config-strict"] };
    const text = async () => args.file === undefined ? "" : new TextDecoder().decode(await readInput(args.file));
    let loaded: LoadedProxy;
    try {
      loaded = loadProxyConfig(await text(), { ...options, env: Deno.env.toObject() });
    } catch (error) {
      const lines = configErrorLines(error);
      if (lines === undefined) throw error;
      for (const line of lines) complain(line);
      return Exit.failed;
    }
    if (args["validate-config"] || args["validate-config-strict"]) {
      for (const warning of loaded.warnings) complain(warning);
      print(shownProxyYaml(loaded, args["print-secrets"]));
      return Exit.done;
    }
    return await runProxyProgram(loaded, {
      printSecrets: args["print-secrets"],
      ...level === undefined ? {} : { logLevel: level },
      ...args.file === undefined ? {} : { reread: { ...options, text } },
    });
  },
};
