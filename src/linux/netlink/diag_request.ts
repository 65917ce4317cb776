import { ALL_EXTENSIONS, ALL_STATES, HEADER_BYTES, NetlinkFlag, NetlinkType, WATCHED_STATES } from "./protocol.ts";

/** `sizeof(struct inet_diag_sockid)`: ports, addresses, interface, cookie. */
export const SOCKET_ID_BYTES = 48;
/** Header and `struct inet_diag_req_v2`. */
export const REQUEST_BYTES = 72;

const SOCKET_ID_AT = 24;
const IPPROTO_TCP = 6;
/** Request attribute 1, INET_DIAG_REQ_BYTECODE. */
const REQ_BYTECODE = 1;

/** The address families that have TCP sockets: AF_INET, AF_INET6. */
export type DiagFamily = 2 | 10;

/** What a dump is to hold. */
export interface DumpRequest {
  /** One request a family. Sockets of AF_INET6 that speak IPv4 belong to AF_INET6. */
  readonly family: DiagFamily;
  /** Bits 1 << state. @default {WATCHED_STATES} */
  readonly states?: number;
  /** Bits 1 << (number of an attribute - 1), for attributes 1 to 8. @default {ALL_EXTENSIONS} */
  readonly extensions?: number;
  /** A program that the kernel asks about each socket, see {@linkcode encodeDenyFilter}; without one, all are reported. */
  readonly filter?: Uint8Array;
  /** @default {1} */
  readonly sequence?: number;
}

/**
 * A request for all TCP sockets of a family: `struct nlmsghdr`, `struct inet_diag_req_v2` and, with a filter, the
 * attribute with its program. @throws {RangeError} if the program is longer than an attribute can be
 */
export function encodeDumpRequest(request: DumpRequest): Uint8Array<ArrayBuffer> {
  const { filter } = request;
  if (filter !== undefined && filter.length > 0xffff - 4) {
    throw new RangeError(`Cannot pass a filter of ${filter.length} bytes to the kernel: it takes 65531`);
  }
  const bytes = new Uint8Array(REQUEST_BYTES + (filter === undefined ? 0 : 4 + filter.length));
  const view = new DataView(bytes.buffer);
  const flags = NetlinkFlag.request | NetlinkFlag.dump;
  writeHead(view, flags, request.sequence ?? 1, request.family, request.extensions ?? ALL_EXTENSIONS);
  view.setUint32(20, request.states ?? WATCHED_STATES, true);
  if (filter !== undefined) {
    view.setUint16(REQUEST_BYTES, 4 + filter.length, true);
    view.setUint16(REQUEST_BYTES + 2, REQ_BYTECODE, true);
    bytes.set(filter, REQUEST_BYTES + 4);
  }
  return bytes;
}

/** A request for one socket, to be filled by {@linkcode setSocketId}. The kernel does not look at the states. */
export function encodeLookupRequest(family: DiagFamily, extensions: number, sequence = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(bytes.buffer);
  writeHead(view, NetlinkFlag.request, sequence, family, extensions);
  view.setUint32(20, ALL_STATES, true);
  return bytes;
}

/**
 * Copies a socket's identity, `struct inet_diag_sockid` at `bytes[at, at + 48)`, into a lookup request: bytes 4 to 52 of an
 * `inet_diag_msg`. The cookie in it must be the socket's own: with the wildcard, the listener on the port would answer for
 * a connection that is gone.
 */
export function setSocketId(request: Uint8Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < SOCKET_ID_BYTES; i++) request[SOCKET_ID_AT + i] = bytes[at + i] ?? 0;
}

/** Writes `nlmsg_seq`. */
export function setSequence(request: Uint8Array, sequence: number): void {
  for (let i = 0; i < 4; i++) request[8 + i] = sequence >>> 8 * i;
}

function writeHead(view: DataView, flags: number, sequence: number, family: number, extensions: number): void {
  view.setUint32(0, view.byteLength, true);
  view.setUint16(4, NetlinkType.socket, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint8(HEADER_BYTES, family);
  view.setUint8(HEADER_BYTES + 1, IPPROTO_TCP);
  view.setUint8(HEADER_BYTES + 2, extensions);
}
