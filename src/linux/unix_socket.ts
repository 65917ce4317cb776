import { AddressFamily, encodeSocketAddress, type UnixAddress } from "./address.ts";
import { Errno, succeed, SystemError, tryCall } from "./errno.ts";
import { fileId } from "./file_id.ts";
import { type Libc, openLibc } from "./libc.ts";
import { lockFile } from "./lock_file.ts";
import { cString } from "./memory.ts";
import {
  type DatagramSocket,
  newSocket,
  type OpenSocket,
  orClose,
  ownSocket,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "./open_socket.ts";
import { receiveBuffer, setReceiveBuffer, setReceiveTimeout, setSendBuffer } from "./socket_options.ts";

/** Options of {@linkcode openUnixDatagramSocket}. */
export interface UnixDatagramOptions {
  /** Receive buffer to ask for; without it, the host's default. */
  receiveBufferBytes?: number;
  /** How long a receive blocks; 0 is for ever. @default {0} */
  receiveTimeoutMs?: number;
}

/**
 * Opens and binds a blocking unix datagram socket at a path, or at `@name` in the abstract namespace.
 *
 * A path is held by an exclusive lock on `PATH.lock`. A socket that a dead program left there is removed; one that still
 * answers, or a file that is no socket, is not. The socket gets mode 0666, so that every user may send. Closing removes
 * both files. An abstract name needs none of that: it vanishes with the process.
 *
 * @throws {LockHeld} when another instance has the path
 * @throws {SystemError} such as EADDRINUSE
 * @throws {RangeError} when the path cannot be an address
 * @throws {LinuxUnavailable}
 */
export function openUnixDatagramSocket(path: string, options: UnixDatagramOptions = {}): DatagramSocket<UnixAddress> {
  const libc = openLibc();
  const socket = openUnixSocket(libc, path, SOCK_DGRAM);
  try {
    const receiveBufferBytes = options.receiveBufferBytes === undefined
      ? receiveBuffer(socket.fd)
      : setReceiveBuffer(socket.fd, options.receiveBufferBytes);
    setReceiveTimeout(socket.fd, options.receiveTimeoutMs ?? 0);
    return { ...socket, receiveBufferBytes };
  } catch (error) {
    socket.close();
    throw error;
  }
}

/**
 * Opens a listening, non-blocking unix stream socket under the same rules as {@linkcode openUnixDatagramSocket}, for a
 * server that is told to `listen({ fd: listener.handOver() })`; `close()` then still removes the files.
 *
 * @throws {LockHeld} when another instance has the path
 * @throws {SystemError} such as EADDRINUSE
 * @throws {RangeError} when the path cannot be an address
 * @throws {LinuxUnavailable}
 */
export function openUnixListener(path: string, options: { backlog?: number } = {}): OpenSocket<UnixAddress> {
  const libc = openLibc();
  const socket = openUnixSocket(libc, path, SOCK_STREAM | SOCK_NONBLOCK);
  try {
    const attempt = { syscall: "listen", action: `listen on ${path}` };
    succeed(libc, attempt, () => libc.listen(socket.fd, options.backlog ?? 4096));
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/**
 * Opens a blocking unix datagram socket, itself without a name, to one peer. When the peer's queue is full, sending waits.
 *
 * @throws {SystemError} such as ECONNREFUSED
 * @throws {RangeError} when the path cannot be an address
 * @throws {LinuxUnavailable}
 */
export function connectUnixDatagram(path: string, options: { sendBufferBytes?: number } = {}): OpenSocket<UnixAddress> {
  const libc = openLibc();
  const bytes = encodeSocketAddress({ path });
  const fd = newSocket(libc, AddressFamily.unix, SOCK_DGRAM, `open a socket for ${path}`);
  return orClose(libc, fd, () => {
    if (options.sendBufferBytes !== undefined) setSendBuffer(fd, options.sendBufferBytes);
    succeed(
      libc,
      { syscall: "connect", action: `connect to ${path}` },
      () => libc.connect(fd, bytes, bytes.length),
    );
    return ownSocket(libc, fd, { path });
  });
}

function openUnixSocket(libc: Libc, path: string, type: number): OpenSocket<UnixAddress> {
  const bytes = encodeSocketAddress({ path });
  if (path.startsWith("@")) return ownSocket(libc, bound(libc, path, type, bytes), { path });
  const lock = lockFile(`${path}.lock`);
  try {
    removeStaleSocket(libc, path, bytes);
    const fd = bound(libc, path, type, bytes);
    const name = cString(path);
    const ours = fileId(libc, path);
    const socket = ownSocket(libc, fd, { path }, () => {
      // Someone may have removed our socket and put another in its place; that one stays.
      if (ours?.equals(fileId(libc, path))) libc.unlink(name);
      lock.release();
    });
    try {
      succeed(libc, { syscall: "chmod", action: `let every user send to ${path}` }, () => libc.chmod(name, 0o666));
      return socket;
    } catch (error) {
      socket.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

function bound(libc: Libc, path: string, type: number, bytes: Uint8Array<ArrayBuffer>): number {
  const fd = newSocket(libc, AddressFamily.unix, type, `open a socket for ${path}`);
  return orClose(libc, fd, () => {
    succeed(libc, { syscall: "bind", action: `bind ${path}` }, () => libc.bind(fd, bytes, bytes.length));
    return fd;
  });
}

/** Removes the socket at `path` if nobody has it open. @throws {SystemError} EADDRINUSE if something else stands there */
function removeStaleSocket(libc: Libc, path: string, bytes: Uint8Array<ArrayBuffer>): void {
  const there = fileId(libc, path);
  if (there === undefined) return;
  const inUse = (remedy: string) =>
    new SystemError(Errno.EADDRINUSE, { syscall: "bind", action: `bind ${path}`, remedy });
  if (!there.isSocket) throw inUse("the file there is not a socket; remove it, or choose another path");

  // A stale socket refuses. Anything else, also a socket of another type (EPROTOTYPE), means that a program has it open.
  const probe = newSocket(libc, AddressFamily.unix, SOCK_DGRAM | SOCK_NONBLOCK, `see who has ${path}`);
  const answer = tryCall(libc, () => libc.connect(probe, bytes, bytes.length));
  libc.close(probe);
  if (answer !== -Errno.ECONNREFUSED) {
    throw inUse("another program has that socket open; stop it, or choose another path");
  }
  succeed(libc, { syscall: "unlink", action: `remove the stale socket ${path}` }, () => libc.unlink(cString(path)));
}
