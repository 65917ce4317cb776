/** Connections between two sockets of the recorder. */
import { encodeSocketAddress } from "../../src/linux/mod.ts";
import {
  acceptFrom,
  AF_INET,
  AF_INET6,
  beginConnect,
  bindTo,
  listenOn,
  newSocket,
  portOf,
  setOption,
} from "./system.ts";

export const IPPROTO_TCP = 6, IPPROTO_IPV6 = 41, SOL_SOCKET = 1, SOL_IP = 0;
export const TCP_CONGESTION = 13;

/** Two ends of one connection, and who listened. */
export interface Pair {
  readonly client: number;
  readonly server: number;
  readonly listener: number;
}

/** How a pair is made. */
export interface PairOptions {
  /** Where the listener is bound. @default 127.0.0.1 */
  readonly host?: string;
  /** Where the client connects to. @default host */
  readonly to?: string;
  /** IPPROTO_*; 0 for TCP. */
  readonly protocol?: number;
  /** Runs on the client's and the listener's descriptor before anything is sent. */
  readonly prepare?: (fd: number) => void;
}

/** A listening socket. */
export function listener(host: string, backlog = 8, prepare?: (fd: number) => void, protocol = 0): number {
  const fd = newSocket(host.includes(":") ? AF_INET6 : AF_INET, undefined, protocol);
  if (host.includes(":") && host !== "::1" && !host.startsWith("fe80")) setOption(fd, IPPROTO_IPV6, 26, 0);
  prepare?.(fd);
  bindTo(fd, encodeSocketAddress({ hostname: host, port: 0 }));
  listenOn(fd, backlog);
  return fd;
}

/** A connection over loopback. */
export async function pair(options: PairOptions = {}): Promise<Pair> {
  const { host = "127.0.0.1", to = host, prepare, protocol = 0 } = options;
  const listening = listener(host, 8, prepare, protocol);
  const client = newSocket(to.includes(":") ? AF_INET6 : AF_INET, undefined, protocol);
  prepare?.(client);
  beginConnect(client, encodeSocketAddress({ hostname: to, port: portOf(listening) }));
  return { client, server: await acceptFrom(listening), listener: listening };
}

/** `name` as an option of TCP_CONGESTION. */
export function useCongestion(name: string): (fd: number) => void {
  return (fd) => setOption(fd, IPPROTO_TCP, TCP_CONGESTION, new TextEncoder().encode(name));
}
