/** The sockets of the readers, opened where the process is wired: their descriptors mean the same on every thread. */
import {
  type DatagramSocket,
  type GroupHandover,
  openReuseportGroup,
  openUnixDatagramSocket,
  type ReuseportGroup,
} from "../linux/mod.ts";
import type { Reporter } from "../telemetry/mod.ts";
import { formatAddress, type ListenAddress } from "./address.ts";
import type { StatsdConfig } from "./config.ts";
import { RECEIVE_TIMEOUT_MS } from "./threads.ts";

/** A socket and where it listens. */
export interface ReaderSocket {
  readonly socket: DatagramSocket;
  readonly address: ListenAddress;
  /** Datagrams of one sender come to several sockets: what orders them is the time at which the kernel received each. */
  readonly isStamped: boolean;
  /** Closes the socket, and those that were opened with it for the same address. Twice is harmless. */
  close(): void;
}

/**
 * Opens `num_readers` sockets for each UDP address, and one for each unix datagram address.
 *
 * @param handover opens the UDP sockets, where they can be handed over
 * @throws {SystemError} when an address can't be bound; what was opened is closed again
 */
export async function openReaderSockets(
  addresses: readonly ListenAddress[],
  config: StatsdConfig,
  { reporter, handover }: { readonly reporter: Reporter; readonly handover?: GroupHandover | undefined },
): Promise<ReaderSocket[]> {
  const open: ReaderSocket[] = [];
  const names = new Set<string>();
  try {
    for (const address of addresses) {
      if (address.transport === "unixgram") {
        const socket = openUnix(address.path, config);
        open.push({ socket, address, isStamped: false, close: () => socket.close() });
        continue;
      }
      const name = freshName(`statsd ${formatAddress(address)}`, names);
      const { group, sockets } = await openUdp(address, name, config, handover);
      open.push(...sockets);
      if (group.sockets.length > 1 || handover !== undefined) {
        const { balancing, sockets: { length } } = group;
        reporter.info("UDP sockets opened", {
          address: formatAddress(sockets[0]?.address ?? address),
          sockets: length,
          balancing,
        });
      }
      for (const note of group.notes) reporter.warn(note, { address: formatAddress(sockets[0]?.address ?? address) });
    }
  } catch (error) {
    for (const socket of open) socket.close();
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

async function openUdp(
  address: ListenAddress,
  name: string,
  config: StatsdConfig,
  handover: GroupHandover | undefined,
): Promise<{ group: ReuseportGroup; sockets: ReaderSocket[] }> {
  const hostname = await literalOf(address);
  const isStamped = config.loadBalancing !== "hash" && config.numReaders > 1;
  const options = {
    address: { hostname, port: address.port },
    sockets: config.numReaders,
    balancing: config.loadBalancing,
    ipv6Only: address.family === 6,
    receiveBufferBytes: config.readBufferSizeBytes,
    receiveTimeoutMs: RECEIVE_TIMEOUT_MS,
    ancillary: isStamped,
  };
  const group = handover === undefined ? openReuseportGroup(options) : handover.open(name, options);
  const sockets = group.sockets.map((socket) => ({
    socket,
    address: { ...address, hostname, port: group.address.port },
    isStamped,
    close: () => group.close(),
  }));
  return { group, sockets };
}

/** Two addresses may read the same, with port 0 for instance. */
function freshName(name: string, names: Set<string>): string {
  let fresh = name;
  for (let i = 2; names.has(fresh); i++) fresh = `${name} (${i})`;
  names.add(fresh);
  return fresh;
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
