import { type Libc, openLibc } from "./libc.ts";
import { cString } from "./memory.ts";

// statx(2), uapi/linux/stat.h: the one stat whose layout is the same everywhere.
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_TYPE_INO = 0x1 | 0x100;
const STATX_BYTES = 256;
const S_IFMT = 0o170000;
const S_IFSOCK = 0o140000;

/** What tells one file from another. */
export interface FileId {
  readonly isSocket: boolean;
  equals(other: FileId | undefined): boolean;
  /** Device and inode. */
  readonly key: string;
}

/** Which file stands at a path (a symbolic link is not followed) or behind a descriptor; undefined if none can be seen. */
export function fileId(libc: Libc, pathOrFd: string | number): FileId | undefined {
  const statx = new Uint8Array(STATX_BYTES);
  const failed = typeof pathOrFd === "string"
    ? libc.statx(AT_FDCWD, cString(pathOrFd), AT_SYMLINK_NOFOLLOW, STATX_TYPE_INO, statx)
    : libc.statx(pathOrFd, cString(""), AT_EMPTY_PATH, STATX_TYPE_INO, statx);
  if (failed !== 0) return undefined;
  const view = new DataView(statx.buffer);
  const device = `${view.getUint32(136, true)}:${view.getUint32(140, true)}`; // stx_dev_major, stx_dev_minor
  const key = `${device}:${view.getBigUint64(32, true)}`; // stx_ino
  return {
    key,
    isSocket: (view.getUint16(28, true) & S_IFMT) === S_IFSOCK, // stx_mode
    equals: (other) => other?.key === key,
  };
}

/**
 * Whether something stands at a path, be it a symbolic link that leads nowhere. Costs a fifth of asking Deno, which makes an
 * error of it if nothing does.
 *
 * @throws {LinuxUnavailable}
 */
export function pathExists(path: string): boolean {
  return openLibc().statx(AT_FDCWD, cString(path), AT_SYMLINK_NOFOLLOW, STATX_TYPE_INO, scratch) === 0;
}

const scratch = new Uint8Array(STATX_BYTES);
