/** The file that holds the process's number, so that there is one process. */

/** Another process is running by this file, or it can't be written. */
export class PidFileError extends Error {
  override readonly name = "PidFileError";
  readonly code = "agent.pid_file";

  /** @param isTaken another process that lives has it */
  constructor(message: string, readonly isTaken: boolean, options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * Writes the process's number, unless another process that lives has the file.
 *
 * @returns what removes the file again
 * @throws {PidFileError} when another process has it, or it can't be written
 */
export function holdPidFile(path: string, pid: number = Deno.pid): Disposable {
  const other = Number(readIfThere(path).trim());
  if (Number.isSafeInteger(other) && other > 0 && other !== pid && isAlive(other)) {
    throw new PidFileError(
      `Cannot start: process ${other} is running, says ${path}; stop it, or set general.pidfile`,
      true,
    );
  }
  try {
    Deno.writeTextFileSync(path, `${pid}`);
  } catch (cause) {
    throw new PidFileError(`Cannot write ${path}: set general.pidfile to a file that can be written`, false, { cause });
  }
  return {
    [Symbol.dispose]() {
      if (Number(readIfThere(path).trim()) !== pid) return; // somebody else's by now
      Deno.removeSync(path);
    },
  };
}

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    return Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch {
    return false; // that is what was asked
  }
}
