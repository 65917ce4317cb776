import { succeed } from "../errno.ts";
import { openLibc } from "../libc.ts";
import { orClose } from "../open_socket.ts";
import { receiveBuffer, setReceiveBuffer, setReceiveTimeout } from "../socket_options.ts";
import { NETLINK_SOCK_DIAG, SOCKADDR_NL_BYTES } from "./protocol.ts";

// include/linux/socket.h, include/linux/net.h
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;

/** What {@linkcode openDiagSocket} opens. */
export interface DiagSocketOptions {
  /** How long a receive waits; 0 is for ever. */
  readonly receiveTimeoutMs: number;
  /** Mask of the groups to join, 1 << (number - 1). @default {0} */
  readonly groups?: number;
  /** Receive buffer to ask for; without it, the host's default. Matters for groups only. */
  readonly receiveBufferBytes?: number;
}

/** An open NETLINK_SOCK_DIAG socket. */
export interface DiagSocket extends Disposable {
  readonly fd: number;
  /** Its port id: the `nlmsg_pid` of every answer. */
  readonly portId: number;
  /** Receive buffer granted, comparable with what was asked for. */
  readonly receiveBufferBytes: number;
  /** Harmless when repeated. */
  close(): void;
}

/**
 * Opens and binds a socket of NETLINK_SOCK_DIAG, for which no privilege is needed. It shows the network namespace that the
 * calling thread is in now, for good.
 *
 * @throws {SystemError}
 * @throws {LinuxUnavailable}
 */
export function openDiagSocket(options: DiagSocketOptions): DiagSocket {
  const libc = openLibc();
  const fd = succeed(
    libc,
    { syscall: "socket", action: "open a sock_diag socket" },
    () => libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG),
  );
  return orClose(libc, fd, () => {
    const receiveBufferBytes = options.receiveBufferBytes === undefined
      ? receiveBuffer(fd)
      : setReceiveBuffer(fd, options.receiveBufferBytes);
    setReceiveTimeout(fd, options.receiveTimeoutMs);
    const address = new Uint8Array(SOCKADDR_NL_BYTES);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, true);
    view.setUint32(8, options.groups ?? 0, true);
    const bind = { syscall: "bind", action: "bind a sock_diag socket" };
    succeed(libc, bind, () => libc.bind(fd, address, SOCKADDR_NL_BYTES));
    const length = Uint32Array.of(SOCKADDR_NL_BYTES);
    const name = { syscall: "getsockname", action: "read the port id of a sock_diag socket" };
    succeed(libc, name, () => libc.getsockname(fd, address, length));
    let open = true;
    function close(): void {
      if (!open) return;
      open = false;
      libc.close(fd);
    }
    return { fd, portId: view.getUint32(4, true), receiveBufferBytes, close, [Symbol.dispose]: close };
  });
}
