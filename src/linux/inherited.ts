import type { SocketAddress } from "./address.ts";
import { succeed } from "./errno.ts";
import { openLibc } from "./libc.ts";
import { boundAddress, SOCK_DGRAM, SOCK_STREAM } from "./open_socket.ts";
import { intOption, SO_ACCEPTCONN, SO_TYPE, SOL_SOCKET } from "./socket_options.ts";

/** The first descriptor that systemd passes, `SD_LISTEN_FDS_START` of sd-daemon.h. */
const FIRST_SYSTEMD_FD = 3;

// include/uapi/asm-generic/fcntl.h
const F_DUPFD_CLOEXEC = 1030;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const O_NONBLOCK = 0o4000;

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Which process asks. */
export interface ProcessIds {
  pid: number;
  /** Its parent's. */
  ppid: number;
}

/** A socket that the process was started with. */
export interface InheritedDescriptor {
  fd: number;
  /** Its name in `LISTEN_FDNAMES`, if systemd gave it one. */
  fdName?: string;
  /** Where Einhorn waits for {@linkcode sendEinhornAck}, once this process serves. */
  ackPath?: string;
}

/** An inherited socket was asked for that this process does not have. */
export class InheritedSocketError extends Error {
  override readonly name = "InheritedSocketError";
  readonly code = "linux.inherited_socket";

  constructor(readonly address: string, state: string) {
    super(`Cannot use ${address}: ${state}`);
  }
}

/** Whether an address names an inherited socket, `fd@3` or `einhorn@0`, and not one to be opened. */
export function isInheritedAddress(address: string): boolean {
  return /^(fd|einhorn)@/.test(address);
}

/**
 * Finds the descriptor behind `fd@N` or `einhorn@N`.
 *
 * `fd@N` is descriptor N. If systemd's variables are set, they must be meant for this process and include N (`fd@3` is the
 * first socket of a unit). `einhorn@N` is the Nth socket of the Einhorn that started this process.
 *
 * @throws {InheritedSocketError}
 */
export function findInherited(address: string, env: Environment, ids: ProcessIds): InheritedDescriptor {
  const [, kind, digits] = /^(fd|einhorn)@(\d{1,9})$/.exec(address) ?? [];
  if (digits === undefined) throw new InheritedSocketError(address, "write fd@N or einhorn@N, N a whole number");
  return kind === "fd" ? findPassed(address, Number(digits), env, ids) : findEinhorn(address, Number(digits), env, ids);
}

/**
 * The descriptors that systemd passed to this process: none if it passed none.
 *
 * @throws {InheritedSocketError} if its variables are malformed or meant for another process
 */
export function systemdDescriptors(env: Environment, ids: ProcessIds): InheritedDescriptor[] {
  const { LISTEN_PID: listenPid, LISTEN_FDS: listenFds, LISTEN_FDNAMES: listenNames } = env;
  if (listenPid === undefined || listenFds === undefined) return [];
  const pid = naturalNumber(listenPid);
  const count = naturalNumber(listenFds);
  if (pid === undefined || count === undefined) {
    throw new InheritedSocketError(
      "the sockets of systemd",
      `LISTEN_PID=${listenPid} and LISTEN_FDS=${listenFds} are not both whole numbers`,
    );
  }
  if (pid !== ids.pid) {
    const whose = pid === ids.ppid ? "its parent, a wrapper that started it without exec" : "another process";
    throw new InheritedSocketError(
      "the sockets of systemd",
      `LISTEN_PID=${pid} means ${whose}, this process is ${ids.pid}; ` +
        "let the unit's ExecStart be this program itself, or end the wrapper with exec",
    );
  }
  const names = listenNames === undefined ? [] : listenNames.split(":");
  return Array.from({ length: count }, (_, i) => {
    const name = names[i];
    const fd = FIRST_SYSTEMD_FD + i;
    return name === undefined || name === "" ? { fd } : { fd, fdName: name };
  });
}

function findPassed(address: string, fd: number, env: Environment, ids: ProcessIds): InheritedDescriptor {
  if (fd < FIRST_SYSTEMD_FD) {
    throw new InheritedSocketError(address, "0 to 2 are the standard streams; sockets begin at fd@3");
  }
  const passed = systemdDescriptors(env, ids);
  if (passed.length === 0) return { fd };
  const found = passed.find((descriptor) => descriptor.fd === fd);
  if (found !== undefined) return found;
  const last = FIRST_SYSTEMD_FD + passed.length - 1;
  throw new InheritedSocketError(address, `systemd passed fd@${FIRST_SYSTEMD_FD} to fd@${last} (LISTEN_FDS)`);
}

function findEinhorn(address: string, n: number, env: Environment, ids: ProcessIds): InheritedDescriptor {
  const { EINHORN_MASTER_PID: master, EINHORN_FD_COUNT: count, EINHORN_SOCK_PATH: ackPath } = env;
  if (master === undefined) {
    throw new InheritedSocketError(address, "EINHORN_MASTER_PID is not set; start this program under einhorn");
  }
  if (naturalNumber(master) !== ids.ppid) {
    throw new InheritedSocketError(
      address,
      `EINHORN_MASTER_PID=${master} is not this process's parent, ${ids.ppid}; ` +
        "start this program from einhorn itself, or end the wrapper with exec",
    );
  }
  const sockets = naturalNumber(count ?? "");
  if (sockets === undefined) throw new InheritedSocketError(address, `EINHORN_FD_COUNT=${count ?? ""} is no number`);
  if (n >= sockets) {
    throw new InheritedSocketError(
      address,
      `einhorn passed ${sockets} socket(s), counted from 0 (EINHORN_FD_COUNT); bind more with einhorn -b`,
    );
  }
  const value = env[`EINHORN_FD_${n}`];
  const fd = naturalNumber(value ?? "");
  if (fd === undefined) throw new InheritedSocketError(address, `EINHORN_FD_${n}=${value ?? ""} is no descriptor`);
  if (ackPath === undefined || ackPath === "") {
    throw new InheritedSocketError(address, "EINHORN_SOCK_PATH is not set, so that einhorn could not be told");
  }
  return { fd, ackPath };
}

function naturalNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Tells Einhorn that this worker serves, so that it may retire the old one. Rejects if its socket cannot be written to. */
export async function sendEinhornAck(ackPath: string, pid: number): Promise<void> {
  using connection = await Deno.connect({ transport: "unix", path: ackPath });
  const bytes = new TextEncoder().encode(einhornAck(pid));
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** The line of Einhorn's control protocol by which a worker says that it is ready. */
export function einhornAck(pid: number): string {
  return `{"command": "worker:ack", "pid": ${pid}}\n`;
}

/** What an inherited descriptor turned out to be. */
export interface AdoptedSocket {
  fd: number;
  kind: "stream" | "datagram";
  /** Listening already; a stream socket that is not must be told to. */
  listening: boolean;
  /** Where it is bound; undefined for a family other than internet and unix. */
  address: SocketAddress | undefined;
}

/**
 * Sees what an inherited descriptor is, and keeps it from the children of this process. A datagram socket is made blocking,
 * as {@linkcode BatchReceiver} wants it; systemd hands it over non-blocking.
 *
 * @throws {SystemError} ENOTSOCK, EBADF: nothing, or something else, was passed under that number
 * @throws {InheritedSocketError} if it is neither a stream nor a datagram socket
 * @throws {LinuxUnavailable}
 */
export function adoptDescriptor(fd: number): AdoptedSocket {
  const libc = openLibc();
  const type = intOption(libc, fd, SOL_SOCKET, SO_TYPE, "SO_TYPE");
  if (type !== SOCK_STREAM && type !== SOCK_DGRAM) {
    throw new InheritedSocketError(`fd@${fd}`, "it is no stream or datagram socket");
  }
  const listening = intOption(libc, fd, SOL_SOCKET, SO_ACCEPTCONN, "SO_ACCEPTCONN") === 1;
  succeed(
    libc,
    { syscall: "fcntl", action: `close descriptor ${fd} in children` },
    () => libc.fcntl(fd, F_SETFD, FD_CLOEXEC),
  );
  if (type === SOCK_DGRAM) {
    const attempt = { syscall: "fcntl", action: `make descriptor ${fd} blocking` };
    const flags = succeed(libc, attempt, () => libc.fcntl(fd, F_GETFL, 0));
    succeed(libc, attempt, () => libc.fcntl(fd, F_SETFL, flags & ~O_NONBLOCK));
  }
  const address = boundAddress(libc, fd);
  return { fd, kind: type === SOCK_STREAM ? "stream" : "datagram", listening, address };
}

/**
 * Another descriptor of the same socket, closed in children: its owner may close it, and the socket stays.
 *
 * @throws {SystemError} EBADF, EMFILE
 * @throws {LinuxUnavailable}
 */
export function duplicateDescriptor(fd: number): number {
  const libc = openLibc();
  const attempt = { syscall: "fcntl", action: `duplicate descriptor ${fd}` };
  return succeed(libc, attempt, () => libc.fcntl(fd, F_DUPFD_CLOEXEC, FIRST_SYSTEMD_FD));
}
