/** Debian's exporters and collectors, unpacked into a folder of their own: nothing is installed. */
import { join } from "node:path";
import { isFile, serversDirectory } from "../../src/testing/mod.ts";

const PACKAGES = ["softflowd", "pmacct", "nfdump", "tcpdump"];

/** Programs and the libraries they need. */
export interface Tools {
  /** The path of a program by its name. */
  path(program: string): string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Downloads the packages and what they depend on, once.
 *
 * @throws {Error} when apt can't
 */
export async function unpackTools(): Promise<Tools> {
  const folder = join(serversDirectory(), "flow_tools");
  const root = `${folder}/root`;
  if (!isFile(`${root}/usr/bin/tcpdump`)) {
    await Deno.mkdir(`${folder}/archives/partial`, { recursive: true });
    const options = ["-y", "--no-install-recommends", "-o", `Dir::Cache::archives=${folder}/archives`];
    await run("apt-get", ["install", "--download-only", ...options, ...PACKAGES]);
    for await (const { name } of Deno.readDir(`${folder}/archives`)) {
      if (name.endsWith(".deb")) await run("dpkg-deb", ["-x", `${folder}/archives/${name}`, root]);
    }
  }
  const libraries = [`${root}/usr/lib/x86_64-linux-gnu`, `${root}/usr/lib/aarch64-linux-gnu`, `${root}/lib`];
  return {
    path: (program) => `${root}/usr/${["nfcapd", "nfdump", "tcpdump"].includes(program) ? "bin" : "sbin"}/${program}`,
    env: { LD_LIBRARY_PATH: libraries.join(":") },
  };
}

/** A program of the packages that runs on. */
export interface RunningTool {
  /** What it has written to standard error so far. */
  readonly log: string;
  /** Resolves when it has ended by the signal. */
  stop(signal: Deno.Signal): Promise<void>;
}

/** Starts a program of the packages. */
export function startTool(tools: Tools, program: string, args: readonly string[]): RunningTool {
  const child = new Deno.Command(tools.path(program), {
    args: [...args],
    env: { ...tools.env },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) log += text;
  })();
  return {
    get log() {
      return log;
    },
    async stop(signal) {
      child.kill(signal);
      await child.status;
      await reading;
    },
  };
}

/** Runs a program to its end. @throws {Error} with what it said, if it fails */
export async function run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], env }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`Cannot run ${program} ${args.join(" ")}: ${text.decode(stderr).trim()}`);
  return text.decode(stdout);
}
