import { kill } from "node:process";
import { type HeldLock, LinuxUnavailable, lockFile, LockHeld } from "../../linux/mod.ts";

/** What keeps a second process away from a spool. */
export type SpoolLock = Pick<HeldLock, "release">;

/**
 * Takes the lock of a spool's directory. Where there is no `flock`, the lock is a file that holds the process' id; one that
 * a dead process left is taken over.
 *
 * @throws {LockHeld} when another process has it
 */
export function lockSpool(path: string): SpoolLock {
  try {
    return lockFile(path);
  } catch (error) {
    if (!(error instanceof LinuxUnavailable)) throw error;
    return lockByName(path);
  }
}

/** As {@linkcode lockSpool} does without `flock`. @throws {LockHeld} when another process has it */
export function lockByName(path: string): SpoolLock {
  for (let tries = 0; tries < 2; tries++) {
    try {
      Deno.writeTextFileSync(path, String(Deno.pid), { createNew: true, mode: 0o600 });
      return { release: () => Deno.removeSync(path) };
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    if (isAlive(parseInt(Deno.readTextFileSync(path), 10))) break;
    Deno.removeSync(path);
  }
  throw new LockHeld(path);
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false; // left by a process that was killed while it wrote this
  try {
    return kill(pid, 0);
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH"); // EPERM: alive, and somebody else's
  }
}
