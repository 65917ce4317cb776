import { succeed, SystemError } from "./errno.ts";
import { openLibc } from "./libc.ts";
import { cString } from "./memory.ts";

// include/uapi/asm-generic/fcntl.h: O_DIRECTORY is left out, for it differs between the architectures.
const O_RDONLY_CLOEXEC = 0o2000000;
const EIO = 5;

/**
 * Forces everything that was written to the file system of `path` to the disk, without blocking the thread. For many small
 * files this takes one commit of its journal, where one after the other would take one each.
 *
 * @throws {SystemError}
 * @throws {LinuxUnavailable}
 */
export async function syncFileSystem(path: string): Promise<void> {
  const libc = openLibc();
  const fd = succeed(
    libc,
    { syscall: "open", action: `open ${path}` },
    () => libc.open(cString(path), O_RDONLY_CLOEXEC, 0),
  );
  try {
    // Another thread makes the call, whose errno cannot be read from here.
    if (await libc.syncfs(fd) < 0) {
      throw new SystemError(EIO, { syscall: "syncfs", action: `force ${path} to the disk` });
    }
  } finally {
    libc.close(fd);
  }
}
