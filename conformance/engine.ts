import type { DecodeInput } from "./fixture.ts";
import type { GoldenOptions } from "./golden.ts";
import { type JsonObject, writeJson } from "./json.ts";

/** What is put to the test: bytes or a scenario in, JSON lines out. */
export interface Engine {
  /** What `limier decode PROTOCOL` prints. */
  decode(protocol: string, input: DecodeInput, options: GoldenOptions): Promise<string[]>;
  /** What `limier feed PROTOCOL -f CONFIG` prints. */
  feed(protocol: string, config: JsonObject, scenario: readonly string[]): Promise<string[]>;
}

/** The engine of this checkout, in this process: what the commands call, without the commands. */
export async function inProcessEngine(): Promise<Engine> {
  const [{ decodeInput }, { feedScenario }] = await Promise.all([
    import("../src/agent/mod.ts"),
    import("../src/agent/mod.ts"),
  ]);
  return {
    decode(protocol, { bytes, hex }, { timeS, set, exporter, verbose }) {
      const options = {
        hex,
        ...(timeS !== undefined && { timeS }),
        ...(set !== undefined && { set: { ...set } }),
        ...(exporter !== undefined && { exporter }),
        ...(verbose !== undefined && { verbose }),
      };
      return Promise.resolve([...decodeInput(protocol as "dogstatsd" | "ssf", bytes, options)]);
    },
    feed: (protocol, config, scenario) =>
      Array.fromAsync(feedScenario(protocol as "dogstatsd" | "ssf", config, scenario)),
  };
}

/** A command that could not do what it was asked. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code = "conformance.command";

  constructor(command: readonly string[], status: number, stderr: string) {
    super(`Cannot use the output of ${command.join(" ")}: it ended with ${status}: ${stderr.trim().slice(-500)}`);
  }
}

/** The engine behind a command line, such as `["./limier"]` or `["deno", "run", "-A", "src/main.ts"]`. */
export function commandEngine(command: readonly string[]): Engine {
  return {
    decode(protocol, { bytes, hex }, { timeS, set, exporter, verbose }) {
      const args = ["decode", protocol];
      if (hex) args.push("--hex");
      if (verbose) args.push("--verbose");
      if (exporter !== undefined) args.push("--exporter", exporter);
      if (timeS !== undefined) args.push("--time", String(timeS));
      for (const [key, value] of Object.entries(set ?? {})) args.push("--set", `${key}=${value}`);
      return runCommand([...command, ...args, "-"], bytes, { cutContainers: true });
    },
    async feed(protocol, config, scenario) {
      const configPath = await Deno.makeTempFile({ prefix: "limier_feed_", suffix: ".yaml" });
      try {
        await Deno.writeTextFile(configPath, writeJson(config)); // JSON is YAML
        const input = new TextEncoder().encode(scenario.map((line) => `${line}\n`).join(""));
        return await runCommand([...command, "feed", protocol, "-f", configPath, "-"], input);
      } finally {
        await Deno.remove(configPath);
      }
    },
  };
}

/** @param options `cutContainers`: it may end with 1 behind an error object, where its input can't be read to the end */
async function runCommand(
  command: readonly string[],
  input: Uint8Array<ArrayBuffer>,
  options: { readonly cutContainers?: boolean } = {},
): Promise<string[]> {
  const [program, ...args] = command;
  const child = new Deno.Command(program!, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writing = writeAll(child.stdin, input);
  const { code, stdout, stderr } = await child.output();
  await writing;
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  const isCut = options.cutContainers === true && code === 1 && /^\{.*"kind":"error"/.test(lines.at(-1) ?? "");
  if (code !== 0 && !isCut) throw new CommandError(command, code, new TextDecoder().decode(stderr));
  return lines;
}

async function writeAll(stdin: WritableStream<Uint8Array>, input: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    const writer = stdin.getWriter();
    if (input.length > 0) await writer.write(input);
    await writer.close();
  } catch (error) {
    // A command that ends without reading everything has said why by its status.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
