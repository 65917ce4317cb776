import { parseSocketAddress, SOCKADDR_BYTES, type SocketAddress } from "./address.ts";
import { succeed } from "./errno.ts";
import type { Libc } from "./libc.ts";

// include/linux/net.h
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

/** A socket that is open until it is closed. */
export interface OpenSocket<A extends SocketAddress = SocketAddress> extends Disposable {
  /** The descriptor; the same number in every worker of the process. */
  readonly fd: number;
  /** Where it is bound: the real port when port 0 was asked for. A connected socket: where it is connected to. */
  readonly address: A;
  /**
   * Closes the descriptor and removes the files that came with it. Twice is harmless. A thread that sits in a receive on it
   * is not woken: give it a receive timeout, and stop it first, because the number may be given out again.
   */
  close(): void;
  /**
   * Says that someone else closes the descriptor from now on: a `node:net` or `node:http` server that was told to
   * `listen({ fd })`. After that, `close()` only removes files.
   *
   * @returns the descriptor
   */
  handOver(): number;
}

/** A bound socket for datagrams. */
export interface DatagramSocket<A extends SocketAddress = SocketAddress> extends OpenSocket<A> {
  /** Receive buffer granted, comparable with what was asked for; a caller warns when it is less than half. */
  readonly receiveBufferBytes: number;
}

/** Opens a descriptor that children do not inherit. @throws {SystemError} */
export function newSocket(libc: Libc, family: number, type: number, action: string): number {
  return succeed(libc, { syscall: "socket", action }, () => libc.socket(family, type | SOCK_CLOEXEC, 0));
}

/** Runs `prepare` on a descriptor; when it throws, the descriptor is closed first. */
export function orClose<T>(libc: Libc, fd: number, prepare: () => T): T {
  try {
    return prepare();
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** The socket around a descriptor; `cleanUp` runs once, before the descriptor is closed. */
export function ownSocket<A extends SocketAddress>(
  libc: Libc,
  fd: number,
  address: A,
  cleanUp?: () => void,
): OpenSocket<A> {
  let open = true;
  let ours = true;
  function close(): void {
    if (!open) return;
    open = false;
    cleanUp?.();
    if (ours) libc.close(fd);
  }
  function handOver(): number {
    ours = false;
    return fd;
  }
  return { fd, address, close, handOver, [Symbol.dispose]: close };
}

/** Where a descriptor is bound. @throws {SystemError} */
export function boundAddress(libc: Libc, fd: number): SocketAddress | undefined {
  const bytes = new Uint8Array(SOCKADDR_BYTES);
  const length = Uint32Array.of(bytes.length);
  succeed(
    libc,
    { syscall: "getsockname", action: `read the address of descriptor ${fd}` },
    () => libc.getsockname(fd, bytes, length),
  );
  return parseSocketAddress(bytes, length[0] ?? 0);
}
