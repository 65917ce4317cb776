import { AddressFamily, encodeSocketAddress, type InetAddress, showAddress } from "./address.ts";
import { succeed, SystemError } from "./errno.ts";
import { type Libc, openLibc } from "./libc.ts";
import { cString } from "./memory.ts";
import {
  boundAddress,
  type DatagramSocket,
  newSocket,
  type OpenSocket,
  orClose,
  ownSocket,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "./open_socket.ts";
import {
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  receiveBuffer,
  setIntOption,
  setReceiveBuffer,
  setReceiveTimeout,
  setSendBuffer,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_RXQ_OVFL,
  SO_TIMESTAMPNS_NEW,
  SOL_SOCKET,
} from "./socket_options.ts";

/** What {@linkcode openUdpSocket} opens. */
export interface UdpSocketOptions {
  /** An IP literal (a name is resolved before) and a port, 0 for a free one. */
  address: InetAddress;
  /** Share the port with other sockets of this user that say so too; the kernel spreads senders over them. @default {false} */
  reusePort?: boolean;
  /** `[::]` takes IPv6 only (`udp6://`); otherwise it takes IPv4 as well. @default {false} */
  ipv6Only?: boolean;
  /** Receive buffer to ask for; without it, the host's default. */
  receiveBufferBytes?: number;
  /** How long a receive blocks; 0 is for ever. @default {0} */
  receiveTimeoutMs?: number;
  /** Datagrams bear the time of their receipt, and the drops before them, for an `Ancillary`. @default {false} */
  ancillary?: boolean;
  /** Told why the kernel refuses one of the two, which is no reason to go without the socket. */
  onRefused?: (error: SystemError) => void;
}

/**
 * Opens and binds a blocking UDP socket. It never sets SO_REUSEADDR, with which a second program could take over the port
 * and receive in silence what was meant for the first.
 *
 * @throws {SystemError} such as EADDRINUSE
 * @throws {RangeError} if the address is not a literal
 * @throws {LinuxUnavailable}
 */
export function openUdpSocket(options: UdpSocketOptions): DatagramSocket<InetAddress> {
  const { address } = options;
  const libc = openLibc();
  const { fd, bytes } = inetSocket(libc, address, SOCK_DGRAM, options.ipv6Only ?? false);
  return orClose(libc, fd, () => {
    if (options.reusePort ?? false) setIntOption(libc, fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
    const receiveBufferBytes = options.receiveBufferBytes === undefined
      ? receiveBuffer(fd)
      : setReceiveBuffer(fd, options.receiveBufferBytes);
    setReceiveTimeout(fd, options.receiveTimeoutMs ?? 0);
    if (options.ancillary ?? false) askForAncillary(libc, fd, options.onRefused);
    bindTo(libc, fd, bytes, address);
    return { ...ownSocket(libc, fd, realAddress(libc, fd, address)), receiveBufferBytes };
  });
}

/** What {@linkcode openTcpListener} opens. */
export interface TcpListenerOptions {
  /** An IP literal and a port, 0 for a free one. */
  address: InetAddress;
  /** Share the port with other listeners of this user that say so too. @default {false} */
  reusePort?: boolean;
  /** `[::]` takes IPv6 only. @default {false} */
  ipv6Only?: boolean;
  /** Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`. @default {4096} */
  backlog?: number;
}

/**
 * Opens a listening, non-blocking TCP socket, for a server that is told to `listen({ fd: listener.handOver() })`.
 * SO_REUSEADDR is set: on TCP it only means not to wait for the last connections of an earlier listener.
 *
 * @throws {SystemError} such as EADDRINUSE
 * @throws {RangeError} if the address is not a literal
 * @throws {LinuxUnavailable}
 */
export function openTcpListener(options: TcpListenerOptions): OpenSocket<InetAddress> {
  const { address } = options;
  const libc = openLibc();
  const { fd, bytes } = inetSocket(libc, address, SOCK_STREAM | SOCK_NONBLOCK, options.ipv6Only ?? false);
  return orClose(libc, fd, () => {
    setIntOption(libc, fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
    if (options.reusePort ?? false) setIntOption(libc, fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
    bindTo(libc, fd, bytes, address);
    const attempt = { syscall: "listen", action: `listen on ${showAddress(address)}` };
    succeed(libc, attempt, () => libc.listen(fd, options.backlog ?? 4096));
    return ownSocket(libc, fd, realAddress(libc, fd, address));
  });
}

/** What {@linkcode connectUdp} connects. */
export interface UdpConnectOptions {
  /** Where to; an IP literal. */
  address: InetAddress;
  /** Send buffer to ask for; without it, the host's default. */
  sendBufferBytes?: number;
}

/**
 * Opens a blocking UDP socket from a port of its own to one peer.
 *
 * @throws {SystemError}
 * @throws {RangeError} if the address is not a literal
 * @throws {LinuxUnavailable}
 */
export function connectUdp(options: UdpConnectOptions): OpenSocket<InetAddress> {
  const { address } = options;
  const libc = openLibc();
  const { fd, bytes } = inetSocket(libc, address, SOCK_DGRAM, false);
  return orClose(libc, fd, () => {
    if (options.sendBufferBytes !== undefined) setSendBuffer(fd, options.sendBufferBytes);
    const attempt = { syscall: "connect", action: `connect to ${showAddress(address)}` };
    succeed(libc, attempt, () => libc.connect(fd, bytes, bytes.length));
    return ownSocket(libc, fd, address);
  });
}

/** Asks for control messages beside datagrams. A kernel before 5.1 has no such time stamps. */
function askForAncillary(libc: Libc, fd: number, onRefused: UdpSocketOptions["onRefused"]): void {
  const wanted = [[SO_TIMESTAMPNS_NEW, "SO_TIMESTAMPNS_NEW"], [SO_RXQ_OVFL, "SO_RXQ_OVFL"]] as const;
  for (const [option, name] of wanted) {
    try {
      setIntOption(libc, fd, SOL_SOCKET, option, 1, name);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      onRefused?.(error);
    }
  }
}

function inetSocket(libc: Libc, address: InetAddress, type: number, ipv6Only: boolean) {
  const bytes = encodeSocketAddress(address, (zone) => Number(zone) || libc.if_nametoindex(cString(zone)));
  const ipv6 = bytes[0] === AddressFamily.inet6;
  const action = `open a socket for ${showAddress(address)}`;
  const fd = newSocket(libc, ipv6 ? AddressFamily.inet6 : AddressFamily.inet, type, action);
  // Always said, because the default is a sysctl (net.ipv6.bindv6only).
  if (ipv6) orClose(libc, fd, () => setIntOption(libc, fd, IPPROTO_IPV6, IPV6_V6ONLY, Number(ipv6Only), "IPV6_V6ONLY"));
  return { fd, bytes };
}

function bindTo(libc: Libc, fd: number, bytes: Uint8Array<ArrayBuffer>, address: InetAddress): void {
  const attempt = { syscall: "bind", action: `bind ${showAddress(address)}` };
  succeed(libc, attempt, () => libc.bind(fd, bytes, bytes.length));
}

function realAddress(libc: Libc, fd: number, asked: InetAddress): InetAddress {
  const bound = boundAddress(libc, fd);
  return bound !== undefined && "port" in bound ? { hostname: asked.hostname, port: bound.port } : asked;
}
