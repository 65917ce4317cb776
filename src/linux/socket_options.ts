import { succeed, tryCall } from "./errno.ts";
import { type Libc, openLibc } from "./libc.ts";

// include/uapi/asm-generic/socket.h, include/uapi/linux/in6.h
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_REUSEPORT = 15;
export const SO_PEERCRED = 17;
export const SO_RCVTIMEO = 20;
export const SO_ACCEPTCONN = 30;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_RXQ_OVFL = 40;
export const SO_ATTACH_REUSEPORT_CBPF = 51;
export const SO_ATTACH_REUSEPORT_EBPF = 52;
export const SO_MEMINFO = 55;
/** Seconds and nanoseconds of 64 bits each; those of the older SO_TIMESTAMPNS depend on the architecture. */
export const SO_TIMESTAMPNS_NEW = 64;
export const SO_DETACH_REUSEPORT_BPF = 68;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;

/** `SK_MEMINFO_DROPS` of `SO_MEMINFO`'s nine numbers, uapi/linux/sock_diag.h. */
const MEMINFO_DROPS = 8;
const MEMINFO_WORDS = 9;

/** The kernel doubles a buffer size in an `int`; twice this still fits. */
const MAX_BUFFER_BYTES = 2 ** 30 - 1;

/** Sets an option whose value is an `int`. @throws {SystemError} */
export function setIntOption(libc: Libc, fd: number, level: number, option: number, value: number, name: string): void {
  const bytes = Int32Array.of(value);
  succeed(
    libc,
    { syscall: "setsockopt", action: `set ${name} = ${value} on descriptor ${fd}` },
    () => libc.setsockopt(fd, level, option, bytes, 4),
  );
}

/** Reads an option whose value is an `int`. @throws {SystemError} */
export function intOption(libc: Libc, fd: number, level: number, option: number, name: string): number {
  const value = new Int32Array(1);
  const length = Uint32Array.of(4);
  succeed(
    libc,
    { syscall: "getsockopt", action: `read ${name} of descriptor ${fd}` },
    () => libc.getsockopt(fd, level, option, value, length),
  );
  return value[0] ?? 0;
}

/**
 * Asks for a receive buffer of `bytes`: past `net.core.rmem_max` with CAP_NET_ADMIN, up to it without.
 *
 * @returns bytes granted, comparable with those asked for: the kernel keeps twice that, for its own overhead
 * @throws {SystemError}
 */
export function setReceiveBuffer(fd: number, bytes: number): number {
  return setBuffer(fd, bytes, SO_RCVBUFFORCE, SO_RCVBUF, "SO_RCVBUF");
}

/** As {@linkcode setReceiveBuffer}, for sending and `net.core.wmem_max`. @throws {SystemError} */
export function setSendBuffer(fd: number, bytes: number): number {
  return setBuffer(fd, bytes, SO_SNDBUFFORCE, SO_SNDBUF, "SO_SNDBUF");
}

function setBuffer(fd: number, bytes: number, forced: number, plain: number, name: string): number {
  if (!Number.isInteger(bytes) || bytes < 0) {
    throw new RangeError(`Cannot set a socket buffer of ${bytes} bytes: write a whole number, 0 or more`);
  }
  const libc = openLibc();
  const value = Int32Array.of(Math.min(bytes, MAX_BUFFER_BYTES));
  const refused = tryCall(libc, () => libc.setsockopt(fd, SOL_SOCKET, forced, value, 4)) < 0;
  if (refused) setIntOption(libc, fd, SOL_SOCKET, plain, value[0] ?? 0, name);
  return grantedBuffer(libc, fd, plain, name);
}

/** Bytes of the receive buffer, in the figures of {@linkcode setReceiveBuffer}. @throws {SystemError} */
export function receiveBuffer(fd: number): number {
  return grantedBuffer(openLibc(), fd, SO_RCVBUF, "SO_RCVBUF");
}

function grantedBuffer(libc: Libc, fd: number, option: number, name: string): number {
  return Math.floor(intOption(libc, fd, SOL_SOCKET, option, name) / 2);
}

/** How long a blocking receive waits for the first datagram, in milliseconds; 0 is for ever. @throws {SystemError} */
export function setReceiveTimeout(fd: number, timeoutMs: number): void {
  if (!(timeoutMs >= 0)) throw new RangeError(`Cannot wait ${timeoutMs} ms: write 0 or more`);
  const libc = openLibc();
  const timeUs = Math.ceil(timeoutMs * 1000);
  const timeval = BigInt64Array.of(BigInt(Math.floor(timeUs / 1_000_000)), BigInt(timeUs % 1_000_000));
  succeed(
    libc,
    { syscall: "setsockopt", action: `set SO_RCVTIMEO = ${timeoutMs} ms on descriptor ${fd}` },
    () => libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeval, 16),
  );
}

/**
 * Datagrams that the kernel dropped at this socket because its buffer was full or their checksum was wrong, since it was
 * opened: `SK_MEMINFO_DROPS`, 32 bits that wrap. A unix socket makes its senders wait and drops nothing.
 *
 * @throws {SystemError}
 */
export function receiveDrops(fd: number): number {
  const libc = openLibc();
  const words = new Uint32Array(MEMINFO_WORDS);
  const length = Uint32Array.of(words.byteLength);
  succeed(
    libc,
    { syscall: "getsockopt", action: `read SO_MEMINFO of descriptor ${fd}` },
    () => libc.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, words, length),
  );
  return words[MEMINFO_DROPS] ?? 0;
}
