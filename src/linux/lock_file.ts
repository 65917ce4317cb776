import { Errno, succeed, SystemError, tryCall } from "./errno.ts";
import { fileId } from "./file_id.ts";
import { type Libc, openLibc } from "./libc.ts";
import { cString } from "./memory.ts";

// include/uapi/asm-generic/fcntl.h; O_NOFOLLOW is the one in which the two architectures differ.
const O_RDWR = 0o2;
const O_CREAT = 0o100;
const O_CLOEXEC = 0o2000000;
const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100000 : 0o400000;
const LOCK_EX_NB = 2 | 4;

/** Thrown when another process, or another part of this one, holds the lock. */
export class LockHeld extends SystemError {
  override readonly name = "LockHeld";
  override readonly code = "linux.lock_held";

  constructor(readonly path: string) {
    super(Errno.EAGAIN, {
      syscall: "flock",
      action: `lock ${path}`,
      remedy: "another instance holds the lock; stop it, or choose another path",
    });
  }
}

/** A lock that lasts until it is released, or until the process ends, however it ends. */
export interface HeldLock extends Disposable {
  readonly path: string;
  /** Removes the file and lets go of the lock. Twice is harmless. */
  release(): void;
}

/**
 * Takes the exclusive lock on `path`, creating the file (mode 0600: a lock that anyone may open, anyone may hold), without
 * waiting.
 *
 * @throws {LockHeld} when it is taken
 * @throws {SystemError} when the file cannot be opened
 * @throws {LinuxUnavailable}
 */
export function lockFile(path: string): HeldLock {
  const libc = openLibc();
  const name = cString(path);
  for (;;) {
    const fd = succeed(
      libc,
      { syscall: "open", action: `open the lock ${path}` },
      () => libc.open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600),
    );
    const taken = tryCall(libc, () => libc.flock(fd, LOCK_EX_NB));
    if (taken >= 0) {
      // The holder before us may have removed the file after we opened it: then our lock is on a file without a name.
      const ours = fileId(libc, fd);
      if (ours === undefined || ours.equals(fileId(libc, path))) return heldLock(libc, path, fd);
    }
    libc.close(fd);
    if (-taken === Errno.EAGAIN) throw new LockHeld(path);
    if (taken < 0) throw new SystemError(-taken, { syscall: "flock", action: `lock ${path}` });
  }
}

function heldLock(libc: Libc, path: string, fd: number): HeldLock {
  let held = true;
  function release(): void {
    if (!held) return;
    held = false;
    libc.unlink(cString(path)); // before the lock goes, so that nobody's new lock file is removed
    libc.close(fd);
  }
  return { path, release, [Symbol.dispose]: release };
}
