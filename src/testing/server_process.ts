import { join } from "node:path";

/** A program that serves and has a directory of its own. Disposing kills it and removes the directory. */
export interface ServerProcess extends AsyncDisposable {
  /** Its command, as it was started. */
  readonly program: string;
  readonly directory: string;
  /** Whether it has ended by itself. */
  readonly hasEnded: boolean;
  /** What it printed until now. */
  said(): Promise<string>;
}

/**
 * Starts a program in a directory that is made for it. What it prints is kept there, in `server.log`.
 *
 * @param command gives the command and its arguments; what they need in the directory it puts there
 */
export async function startProcess(command: (directory: string) => readonly string[]): Promise<ServerProcess> {
  const directory = await Deno.makeTempDir({ prefix: "limier-server-" });
  const log = join(directory, "server.log");
  const [program = "", ...args] = command(directory);
  const process = new Deno.Command("sh", {
    args: ["-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", log, program, ...args],
    cwd: directory,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  return {
    program,
    directory,
    get hasEnded() {
      return hasEnded;
    },
    said: () => Deno.readTextFile(log),
    async [Symbol.asyncDispose]() {
      if (!hasEnded) process.kill("SIGKILL");
      await process.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}
