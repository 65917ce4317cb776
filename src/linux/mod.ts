/**
 * The Linux kernel by FFI: sockets with the options that Deno does not offer, datagrams received many at a time, inherited
 * sockets, locks, and what a host allows. Importing does nothing; where there is no FFI, calls throw
 * {@linkcode LinuxUnavailable}.
 *
 * @example Datagrams, many at a time
 * ```ts
 * import assert from "node:assert/strict";
 * import { BatchReceiver, openUdpSocket } from "@limier/limier/linux";
 *
 * using socket = openUdpSocket({
 *   address: { hostname: "127.0.0.1", port: 0 },
 *   receiveBufferBytes: 2 * 1024 * 1024,
 *   receiveTimeoutMs: 1,
 * });
 * const receiver = new BatchReceiver(socket.fd, { datagrams: 64 });
 * assert.equal(receiver.receive(), 0); // nothing has come within the timeout
 * ```
 *
 * @module
 */
export {
  AddressFamily,
  encodeSocketAddress,
  formatIpv4,
  formatIpv6,
  type InetAddress,
  parseIpv4,
  parseIpv6,
  parseSocketAddress,
  showAddress,
  type SocketAddress,
  type UnixAddress,
} from "./address.ts";
export { giveBackBlocksFrom, giveBackFreed } from "./allocator.ts";
export { Ancillary } from "./ancillary.ts";
export { heldCapabilities, keepCapabilities } from "./capabilities.ts";
export type { CapabilityName } from "./capability_names.ts";
export { processCpuTimeNs, threadCpuTimeNs } from "./cpu_time.ts";
export { type Attempt, Errno, errnoName, readErrno, succeed, SystemError, tryCall } from "./errno.ts";
export { pathExists } from "./file_id.ts";
export {
  effectiveCapabilities,
  glibcVersion,
  type HostFacts,
  type HostFactsSource,
  readHostFacts,
} from "./host_facts.ts";
export {
  adoptDescriptor,
  type AdoptedSocket,
  duplicateDescriptor,
  einhornAck,
  type Environment,
  findInherited,
  type InheritedDescriptor,
  InheritedSocketError,
  isInheritedAddress,
  type ProcessIds,
  sendEinhornAck,
  systemdDescriptors,
} from "./inherited.ts";
export { type Libc, LinuxUnavailable, openLibc, type UnavailableReason, whyNoFfi } from "./libc.ts";
export { type HeldLock, lockFile, LockHeld } from "./lock_file.ts";
export type { DatagramSocket, OpenSocket } from "./open_socket.ts";
export { type DenyRule, encodeDenyFilter, type End } from "./netlink/diag_filter.ts";
export {
  DiagDumper,
  type DiagDumperOptions,
  type DumpFailure,
  type DumpFailureReason,
  type DumpReport,
} from "./netlink/diag_dumper.ts";
export {
  type DiagFamily,
  type DumpRequest,
  encodeDumpRequest,
  encodeLookupRequest,
  setSocketId,
} from "./netlink/diag_request.ts";
export { type DiagTransport, KernelTransport } from "./netlink/diag_transport.ts";
export { DestroyListener, type DestroyListenerOptions } from "./netlink/destroy_listener.ts";
export { MessageCursor, Step } from "./netlink/message_cursor.ts";
export { NetlinkReceiver } from "./netlink/netlink_receiver.ts";
export { NetlinkSender } from "./netlink/netlink_sender.ts";
export { type DiagSocket, type DiagSocketOptions, openDiagSocket } from "./netlink/netlink_socket.ts";
export { ALL_EXTENSIONS, ALL_STATES, NetlinkFlag, NetlinkType, WATCHED_STATES } from "./netlink/protocol.ts";
export { type LookupOutcome, SocketLookup, type SocketLookupOptions } from "./netlink/socket_lookup.ts";
export {
  connectToPeer,
  listenForPeers,
  type PeerChannel,
  type PeerCredentials,
  type PeerListener,
  PeerRefused,
} from "./peer_channel.ts";
export { BatchReceiver, type BatchReceiverOptions, READ_AHEAD_BYTES, receiverBytes } from "./receiver.ts";
export {
  type Balancing,
  type GroupPredecessor,
  type LoadBalancing,
  openReuseportGroup,
  type ReuseportGroup,
  type ReuseportGroupOptions,
  takeOverListener,
} from "./reuseport.ts";
export { GroupHandover, type GroupOffer } from "./reuseport_handover.ts";
export { BatchSender, type PreparedDatagrams } from "./sender.ts";
export {
  connectUdp,
  openTcpListener,
  openUdpSocket,
  type TcpListenerOptions,
  type UdpConnectOptions,
  type UdpSocketOptions,
} from "./socket.ts";
export { receiveBuffer, receiveDrops, setReceiveBuffer, setReceiveTimeout, setSendBuffer } from "./socket_options.ts";
export {
  connectUnixDatagram,
  openUnixDatagramSocket,
  openUnixListener,
  type UnixDatagramOptions,
} from "./unix_socket.ts";
export { syncFileSystem } from "./sync_file_system.ts";
