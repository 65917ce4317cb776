import type { Libc } from "./libc.ts";

/** The errnos of include/uapi/asm-generic/errno*.h, which x86-64 and arm64 share: number, name, meaning. */
const ERRNOS: readonly (readonly [number, string, string])[] = [
  [1, "EPERM", "operation not permitted"],
  [2, "ENOENT", "no such file or directory"],
  [3, "ESRCH", "no such process"],
  [4, "EINTR", "interrupted by a signal"],
  [5, "EIO", "input/output error"],
  [6, "ENXIO", "no such device or address"],
  [7, "E2BIG", "too large for the kernel"],
  [9, "EBADF", "not an open descriptor"],
  [10, "ECHILD", "no such child"],
  [11, "EAGAIN", "would have to wait"],
  [12, "ENOMEM", "out of memory"],
  [13, "EACCES", "permission denied"],
  [14, "EFAULT", "bad address"],
  [16, "EBUSY", "in use"],
  [17, "EEXIST", "exists already"],
  [19, "ENODEV", "no such device"],
  [20, "ENOTDIR", "not a directory"],
  [21, "EISDIR", "is a directory"],
  [22, "EINVAL", "invalid argument"],
  [23, "ENFILE", "too many open files on this host"],
  [24, "EMFILE", "too many open files in this process"],
  [26, "ETXTBSY", "program file in use"],
  [27, "EFBIG", "file too large"],
  [28, "ENOSPC", "no space left"],
  [30, "EROFS", "read-only file system"],
  [32, "EPIPE", "the other end is closed"],
  [36, "ENAMETOOLONG", "name too long"],
  [38, "ENOSYS", "not offered by this kernel"],
  [39, "ENOTEMPTY", "directory not empty"],
  [40, "ELOOP", "symbolic link in the way"],
  [71, "EPROTO", "protocol error"],
  [75, "EOVERFLOW", "value too large"],
  [84, "EILSEQ", "illegal byte sequence"],
  [88, "ENOTSOCK", "not a socket"],
  [89, "EDESTADDRREQ", "destination address required"],
  [90, "EMSGSIZE", "message too long"],
  [91, "EPROTOTYPE", "a socket of another type"],
  [92, "ENOPROTOOPT", "unknown socket option"],
  [93, "EPROTONOSUPPORT", "protocol not supported"],
  [94, "ESOCKTNOSUPPORT", "socket type not supported"],
  [95, "EOPNOTSUPP", "operation not supported"],
  [97, "EAFNOSUPPORT", "address family not supported"],
  [98, "EADDRINUSE", "address already in use"],
  [99, "EADDRNOTAVAIL", "address not available"],
  [100, "ENETDOWN", "network is down"],
  [101, "ENETUNREACH", "network unreachable"],
  [103, "ECONNABORTED", "connection aborted"],
  [104, "ECONNRESET", "connection reset"],
  [105, "ENOBUFS", "no buffer space left"],
  [106, "EISCONN", "already connected"],
  [107, "ENOTCONN", "not connected"],
  [110, "ETIMEDOUT", "timed out"],
  [111, "ECONNREFUSED", "connection refused"],
  [112, "EHOSTDOWN", "host is down"],
  [113, "EHOSTUNREACH", "no route to host"],
  [114, "EALREADY", "under way already"],
  [115, "EINPROGRESS", "under way"],
  [122, "EDQUOT", "quota exceeded"],
];

/** Remedies by `syscall NAME`, then by `NAME` alone. */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  ["bind EADDRINUSE", "stop the program that listens there, or choose another address"],
  ["listen EADDRINUSE", "stop the program that listens there, or choose another address"],
  ["bind EACCES", "a port below 1024 needs CAP_NET_BIND_SERVICE, a path a directory this user can write"],
  ["bind EADDRNOTAVAIL", "no interface of this host has that address"],
  ["bind ENOENT", "create its directory first"],
  ["bind EROFS", "choose a path on a writable file system"],
  ["open ENOENT", "create its directory first"],
  ["open EACCES", "choose a directory this user can write"],
  ["open ELOOP", "a symbolic link is not followed there; remove it"],
  ["connect ECONNREFUSED", "nothing listens there"],
  ["connect ENOENT", "nothing listens there"],
  ["EAFNOSUPPORT", "this kernel runs without that protocol family (often IPv6)"],
  ["EMFILE", "raise the limit of open files (ulimit -n, LimitNOFILE=)"],
  ["EPERM", "the process lacks a Linux capability for it"],
]);

const byNumber: ReadonlyMap<number, readonly [name: string, meaning: string]> = new Map(
  ERRNOS.map(([number, name, meaning]) => [number, [name, meaning]]),
);

/** Errno numbers by name, for the calls that handle one. */
export const Errno = {
  EINTR: 4,
  ENOENT: 2,
  EPERM: 1,
  EAGAIN: 11,
  EEXIST: 17,
  EADDRINUSE: 98,
  ENOBUFS: 105,
  ECONNREFUSED: 111,
} as const;

/** `EADDRINUSE` for 98; `errno 4000` for a number not in the table. */
export function errnoName(errno: number): string {
  return byNumber.get(errno)?.[0] ?? `errno ${errno}`;
}

/** What was tried when a system call failed. */
export interface Attempt {
  /** The function of libc: `bind`. */
  syscall: string;
  /** Verb and object, to stand after "Cannot": `bind 127.0.0.1:8125`. */
  action: string;
  /** What to do about it; without one, the usual remedy for this call and errno, if there is one. */
  remedy?: string;
}

/** A system call that failed. */
export class SystemError extends Error {
  override readonly name: string = "SystemError";
  /** `linux.EADDRINUSE`; a subclass has a code of its own. */
  readonly code: string;
  /** The errno's name, `EADDRINUSE`. */
  readonly errno: string;
  readonly syscall: string;

  constructor(readonly errnoNumber: number, attempt: Attempt) {
    const name = errnoName(errnoNumber);
    const meaning = byNumber.get(errnoNumber)?.[1] ?? "see errno(3)";
    const remedy = attempt.remedy ?? REMEDIES.get(`${attempt.syscall} ${name}`) ?? REMEDIES.get(name);
    super(`Cannot ${attempt.action}: ${name} (${meaning})${remedy === undefined ? "" : `: ${remedy}`}`);
    this.code = `linux.${name}`;
    this.errno = name;
    this.syscall = attempt.syscall;
  }
}

const EIO = 5;
const scratch = new Int32Array(1);

/**
 * The calling thread's errno. To be called next after the failed call, in the same turn, and even then with doubt: about
 * once in millions of calls V8 waits on a futex in between, for a garbage collection, and leaves EAGAIN. So a single
 * reading may steer a retry but must not decide anything final; {@linkcode succeed} asks twice.
 */
export function readErrno(libc: Libc): number {
  libc.copyFrom(scratch, libc.errnoLocation(), 4n);
  return scratch[0] ?? 0;
}

/**
 * Makes a call that returns -1 on failure, and that fails the same way when repeated (all of setting up a socket does).
 * It fails for good when two tries in a row left the same errno; EINTR is retried.
 *
 * @returns what the call returned, 0 or more
 * @throws {SystemError}
 */
export function succeed(libc: Libc, attempt: Attempt, call: () => number): number {
  const outcome = tryCall(libc, call);
  if (outcome < 0) throw new SystemError(-outcome, attempt);
  return outcome;
}

/** As {@linkcode succeed}, but a failure is returned as the errno, negated. */
export function tryCall(libc: Libc, call: () => number): number {
  let previous = -1;
  for (let tries = 0; tries < 100; tries++) {
    const result = call();
    if (result >= 0) return result;
    const errno = readErrno(libc) || EIO; // 0 would read as success
    if (errno === previous && errno !== Errno.EINTR) return -errno;
    previous = errno;
  }
  return -previous;
}
