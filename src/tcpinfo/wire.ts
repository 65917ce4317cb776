import { HIGHEST_ATTRIBUTE } from "./wire_attributes.ts";

/** `sizeof(struct inet_diag_msg)`: what a socket's attributes stand behind. */
export const DIAG_MESSAGE_BYTES = 72;

/** Where `struct inet_diag_sockid` begins in an `inet_diag_msg`; 48 bytes that name a socket. */
export const SOCKET_ID_AT = 4;
export const SOCKET_ID_BYTES = 48;
/** Where the addresses begin in an `inet_diag_msg`; 16 bytes each, of which AF_INET uses the first 4. */
export const SOURCE_AT = 8;
export const DESTINATION_AT = 24;

/** Why a message is refused. */
export const Refusal = {
  none: 0,
  /** Shorter than `struct inet_diag_msg`. */
  short: 1,
  /** The length of an attribute cannot be. */
  attribute: 2,
} as const;
export type Refusal = (typeof Refusal)[keyof typeof Refusal];

const ATTRIBUTE_HEADER_BYTES = 4;
/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const NUMBER_MASK = 0x3fff;
const EMPTY = new Uint8Array(0);

/**
 * One socket of a dump, read where it stands: `struct inet_diag_msg` and where its attributes are. To be used again for the
 * next one; nothing is allocated by `load()`. Positions count from the start of `bytes` and are valid as long as it keeps
 * its content.
 *
 * @example
 * ```ts
 * import { Attribute, Refusal, SocketMessage } from "./mod.ts";
 *
 * const socket = new SocketMessage();
 * const payload = new Uint8Array(80); // an empty inet_diag_msg, and one attribute
 * payload.set([5, 0, 5, 0, 0x10], 72); // INET_DIAG_TOS 0x10
 * console.assert(socket.load(payload, 0, payload.length) === Refusal.none);
 * console.assert(socket.has(Attribute.tos) && payload[socket.at(Attribute.tos)] === 0x10);
 * ```
 */
export class SocketMessage {
  /** What `load()` was given. */
  bytes: Uint8Array = EMPTY;
  /** Where the `inet_diag_msg` begins. */
  start = 0;
  /** Where the attributes end. */
  end = 0;
  /** All of `bytes`. */
  view: DataView = new DataView(EMPTY.buffer);

  /** `idiag_family`: 2 AF_INET, 10 AF_INET6. */
  family = 0;
  /** `idiag_state`, see {@linkcode TcpState}. */
  state = 0;
  /** `idiag_timer`: 0 off, 1 retransmit, 2 keepalive, 3 of a mini-socket, 4 zero-window probe, 5 delayed ack. */
  timer = 0;
  /** `idiag_retrans`: retransmissions, or probes, so far. */
  retransmits = 0;
  sourcePort = 0;
  destinationPort = 0;
  /** `idiag_if`: the interface that the socket is bound to, 0 for none. */
  interfaceIndex = 0;
  /** `idiag_cookie`: names the socket as long as it lives. Two halves: no bigint a socket. */
  cookieLow = 0;
  cookieHigh = 0;
  /** Milliseconds until the timer fires, as 32 bits without sign; old kernels let it run below 0. */
  expires = 0;
  /** LISTEN: connections that wait to be accepted; otherwise bytes received and not read. */
  rqueue = 0;
  /** LISTEN: the backlog's limit; otherwise bytes written and not acknowledged. */
  wqueue = 0;
  uid = 0;
  /** 0 for mini-sockets and those without an owner. */
  inode = 0;

  /** Bit n: attribute n is there, for 0 to 31. */
  presentLow = 0;
  /** Bit n - 32: attribute n is there, for 32 to 38. */
  presentHigh = 0;
  /** The highest number kept; 0 if there is none. */
  highest = 0;
  /** Attributes whose number came before: the last one counts. */
  duplicates = 0;
  /** Attributes with a number above 38. */
  dropped = 0;
  /** Where a refused message is wrong. */
  refusedAt = 0;

  /** By number: where the value of an attribute that is there begins. */
  readonly offsets: Uint32Array<ArrayBuffer> = new Uint32Array(HIGHEST_ATTRIBUTE + 1);
  /** By number: bytes of its value. */
  readonly lengths: Uint32Array<ArrayBuffer> = new Uint32Array(HIGHEST_ATTRIBUTE + 1);

  /** Reads the socket whose payload is `bytes[start, end)`. */
  load(bytes: Uint8Array, start: number, end: number): Refusal {
    const refusal = this.loadHead(bytes, start, end);
    return refusal === Refusal.none ? this.loadAttributes() : refusal;
  }

  /** Reads the `inet_diag_msg` alone; enough to leave a socket out. The attributes are then those of no socket. */
  loadHead(bytes: Uint8Array, start: number, end: number): Refusal {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.start = start;
    this.end = end;
    this.presentLow =
      this.presentHigh =
      this.highest =
      this.duplicates =
      this.dropped =
        0;
    if (!(start >= 0 && end - start >= DIAG_MESSAGE_BYTES && end <= bytes.length)) {
      this.refusedAt = start;
      return Refusal.short;
    }
    const view = this.view;
    this.family = bytes[start]!;
    this.state = bytes[start + 1]!;
    this.timer = bytes[start + 2]!;
    this.retransmits = bytes[start + 3]!;
    this.sourcePort = view.getUint16(start + 4); // network order, in a structure otherwise in the host's
    this.destinationPort = view.getUint16(start + 6);
    this.interfaceIndex = view.getUint32(start + 40, true);
    this.cookieLow = view.getUint32(start + 44, true);
    this.cookieHigh = view.getUint32(start + 48, true);
    this.expires = view.getUint32(start + 52, true);
    this.rqueue = view.getUint32(start + 56, true);
    this.wqueue = view.getUint32(start + 60, true);
    this.uid = view.getUint32(start + 64, true);
    this.inode = view.getUint32(start + 68, true);
    return Refusal.none;
  }

  /**
   * Notes where the attributes stand, once `loadHead()` has taken the message.
   *
   * ```text
   * attribute = u16 length (header and value), u16 number and flags, value, zero to three bytes of padding
   * ```
   *
   * Fewer than four bytes at the end are passed over, and the last attribute may lack its padding.
   */
  loadAttributes(): Refusal {
    const view = this.view, end = this.end;
    for (let at = this.start + DIAG_MESSAGE_BYTES; end - at >= ATTRIBUTE_HEADER_BYTES;) {
      const head = view.getUint32(at, true);
      const length = head & 0xffff;
      if (length < ATTRIBUTE_HEADER_BYTES || length > end - at) {
        this.refusedAt = at;
        this.presentLow = this.presentHigh = this.highest = 0;
        return Refusal.attribute;
      }
      const number = head >>> 16 & NUMBER_MASK;
      if (number > HIGHEST_ATTRIBUTE) this.dropped++;
      else {
        if (this.has(number)) this.duplicates++;
        else if (number < 32) this.presentLow |= 1 << number;
        else this.presentHigh |= 1 << number - 32;
        if (number > this.highest) this.highest = number;
        this.offsets[number] = at + ATTRIBUTE_HEADER_BYTES;
        this.lengths[number] = length - ATTRIBUTE_HEADER_BYTES;
      }
      at += length + 3 & ~3;
    }
    return Refusal.none;
  }

  /** Whether attribute `number` was sent, be it empty. */
  has(number: number): boolean {
    return number < 32
      ? (this.presentLow >>> number & 1) !== 0
      : number <= HIGHEST_ATTRIBUTE && (this.presentHigh >>> number - 32 & 1) !== 0;
  }

  /** Where the value of attribute `number` begins; meaningful if it is there. */
  at(number: number): number {
    return this.offsets[number]!; // whoever asks has asked has() before, which knows the bound
  }

  /** Bytes of its value; 0 if it is not there. */
  length(number: number): number {
    return this.has(number) ? this.lengths[number]! : 0;
  }
}
