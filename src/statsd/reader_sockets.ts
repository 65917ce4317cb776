/** The sockets of the readers, opened where the process is wired: their descriptors mean the same on every thread. */
import {
  type DatagramSocket,
  LinuxUnavailable,
  openLibc,
  openUdpSocket,
  openUnixDatagramSocket,
} from "../linux/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";
import { formatAddress, type ListenAddress } from "./address.ts";
import type { StatsdConfig } from "./config.ts";
import { RECEIVE_TIMEOUT_MS } from "./threads.ts";

/** A socket and where it listens. */
export interface ReaderSocket {
  readonly socket: DatagramSocket;
  readonly address: ListenAddress;
}

/** Why FFI can't be used here; `undefined` where it can. */
export function whyNoFfi(): string | undefined {
  try {
    openLibc();
    return undefined;
  } catch (error) {
    if (error instanceof LinuxUnavailable) return error.message;
    throw error;
  }
}

/**
 * Opens `num_readers` sockets for each UDP address, and one for each unix datagram address.
 *
 * @throws {SystemError} when an address can't be bound; what was opened is closed again
 */
export async function openReaderSockets(
  addresses: readonly ListenAddress[],
  config: StatsdConfig,
  reporter: Reporter,
): Promise<ReaderSocket[]> {
  const open: ReaderSocket[] = [];
  try {
    for (const address of addresses) {
      if (address.transport === "unixgram") open.push({ socket: openUnix(address.path, config), address });
      else open.push(...await openUdp(address, config));
    }
  } catch (error) {
    for (const { socket } of open) socket.close();
    throw error;
  }
  for (const { socket, address } of open) {
    if (socket.receiveBufferBytes * 2 >= config.readBufferSizeBytes) continue;
    reporter.warn(
      `Cannot have the whole receive buffer: asked for ${config.readBufferSizeBytes} bytes, the kernel granted ` +
        `${socket.receiveBufferBytes}; raise net.core.rmem_max or run with CAP_NET_ADMIN`,
      { address: formatAddress(address) },
    );
  }
  return open;
}

function openUnix(path: string, config: StatsdConfig): DatagramSocket {
  return openUnixDatagramSocket(path, {
    receiveBufferBytes: config.readBufferSizeBytes,
    receiveTimeoutMs: RECEIVE_TIMEOUT_MS,
  });
}

async function openUdp(address: ListenAddress, config: StatsdConfig): Promise<ReaderSocket[]> {
  const hostname = await literalOf(address);
  const open: ReaderSocket[] = [];
  try {
    let { port } = address; // port 0: the first socket picks one for all
    for (let i = 0; i < config.numReaders; i++) {
      const socket = openUdpSocket({
        address: { hostname, port },
        reusePort: config.numReaders > 1,
        ipv6Only: address.family === 6,
        receiveBufferBytes: config.readBufferSizeBytes,
        receiveTimeoutMs: RECEIVE_TIMEOUT_MS,
      });
      port = socket.address.port;
      open.push({ socket, address: { ...address, hostname, port } });
    }
  } catch (error) {
    for (const { socket } of open) socket.close();
    throw error;
  }
  return open;
}

/** The IP address of a listener's host: every interface where it names none. */
export async function literalOf({ hostname, family }: ListenAddress): Promise<string> {
  if (hostname === "") return family === 4 || !hasIpv6() ? "0.0.0.0" : "::";
  if (hostname.includes(":") || /^[\d.]+$/.test(hostname)) return hostname;
  const { lookup } = await import("node:dns/promises");
  return (await lookup(hostname, family === undefined ? {} : { family })).address;
}

/** Where IPv6 is switched off, binding `::` fails. */
function hasIpv6(): boolean {
  return Deno.networkInterfaces().some(({ family }) => family === "IPv6");
}
