import { Errno, readErrno } from "../errno.ts";
import { type Libc, openLibc } from "../libc.ts";
import { addressOf, pointerOf } from "../memory.ts";
import { IOVEC_BYTES, MESSAGE_LENGTH_WORD, MESSAGE_WORDS, writeMessage } from "../message_header.ts";
import { SOCKADDR_NL_BYTES } from "./protocol.ts";

// include/linux/socket.h, uapi/asm-generic/errno-base.h
const EIO = 5;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const MSG_WAITFORONE = 0x10000;

/** The words of `struct mmsghdr` that name the sender and tell the flags. */
const NAME_WORD = 0;
const NAME_LENGTH_WORD = 2;
const FLAGS_WORD = 12;
/** A sender's address takes four words, the last of them unused. */
const SENDER_WORDS = 4;

/**
 * Receives netlink datagrams, and tells of each how long it is, whether it was cut off, and who sent it. Where they land is
 * the caller's affair. Nothing is allocated by a call.
 */
export class NetlinkReceiver {
  readonly #libc: Libc = openLibc();
  readonly #slots: number;
  // The kernel is handed addresses inside these arrays; being fields, they live as long as a call can be made.
  #buffer: Uint8Array<ArrayBuffer>;
  #baseLow = 0;
  #baseHigh = 0;
  readonly #vectors: Uint32Array<ArrayBuffer>;
  readonly #headers: Uint32Array<ArrayBuffer>;
  readonly #senders: Uint32Array<ArrayBuffer>;
  readonly #headersPointer: Deno.PointerObject;

  /** For up to `slots` datagrams at a time, into `buffer`. */
  constructor(buffer: Uint8Array<ArrayBuffer>, slots: number) {
    this.#slots = slots;
    this.#vectors = new Uint32Array(slots * IOVEC_BYTES / 4);
    this.#headers = new Uint32Array(slots * MESSAGE_WORDS);
    this.#senders = new Uint32Array(slots * SENDER_WORDS);
    const vectors = addressOf(this.#libc, new Uint8Array(this.#vectors.buffer));
    const senders = addressOf(this.#libc, new Uint8Array(this.#senders.buffer));
    for (let i = 0; i < slots; i++) {
      writeMessage(this.#headers, i, vectors + BigInt(i * IOVEC_BYTES));
      const sender = senders + BigInt(4 * SENDER_WORDS * i);
      this.#headers[i * MESSAGE_WORDS + NAME_WORD] = Number(sender & 0xffff_ffffn);
      this.#headers[i * MESSAGE_WORDS + NAME_WORD + 1] = Number(sender >> 32n);
    }
    this.#headersPointer = pointerOf(this.#libc, new Uint8Array(this.#headers.buffer));
    this.#buffer = buffer;
    this.useBuffer(buffer);
  }

  /** Receives into another buffer from now on; every slot has to be aimed anew. */
  useBuffer(buffer: Uint8Array<ArrayBuffer>): void {
    const base = addressOf(this.#libc, buffer);
    this.#buffer = buffer;
    this.#baseLow = Number(base & 0xffff_ffffn);
    this.#baseHigh = Number(base >> 32n);
  }

  /** Says where the datagram of a slot is to land: at `offset` of the buffer, at most `bytes` of it. */
  aim(slot: number, offset: number, bytes: number): void {
    if (!(offset >= 0 && bytes > 0 && offset + bytes <= this.#buffer.length)) {
      throw new RangeError(
        `Cannot receive into bytes ${offset} to ${offset + bytes}: there are ${this.#buffer.length}`,
      );
    }
    const word = slot * IOVEC_BYTES / 4;
    const low = this.#baseLow + offset;
    this.#vectors[word] = low;
    this.#vectors[word + 1] = this.#baseHigh + (low > 0xffff_ffff ? 1 : 0);
    this.#vectors[word + 2] = bytes;
  }

  /** Waits for a datagram as long as the socket's receive timeout allows. As {@linkcode receiveNow} otherwise. */
  receive(fd: number): number {
    return this.#receive(fd, MSG_WAITFORONE);
  }

  /** Takes the datagrams that are there, up to one a slot. @returns how many, or the errno, negated */
  receiveNow(fd: number): number {
    return this.#receive(fd, MSG_DONTWAIT);
  }

  #receive(fd: number, flags: number): number {
    for (let i = 0; i < this.#slots; i++) this.#headers[i * MESSAGE_WORDS + NAME_LENGTH_WORD] = SOCKADDR_NL_BYTES;
    for (let tries = 0;; tries++) {
      const count = this.#libc.recvmmsg(fd, this.#headersPointer, this.#slots, flags, null);
      if (count >= 0) return count;
      const errno = readErrno(this.#libc);
      if (errno === Errno.EINTR && tries < 100) continue;
      // An errno may be lost and read as EAGAIN (see readErrno). That nothing is there is the same at a second call.
      if (errno === Errno.EAGAIN && tries === 0) {
        flags = MSG_DONTWAIT;
        continue;
      }
      return -(errno || EIO); // 0 would read as success
    }
  }

  /** Bytes of datagram `i` that were received. */
  length(i: number): number {
    return this.#headers[i * MESSAGE_WORDS + MESSAGE_LENGTH_WORD]!; // i is below the count that receive() returned
  }

  /** Whether datagram `i` was longer than its slot, and cut off. */
  isCut(i: number): boolean {
    return (this.#headers[i * MESSAGE_WORDS + FLAGS_WORD]! & MSG_TRUNC) !== 0;
  }

  /** Whether datagram `i` came from the kernel: port id 0. */
  isFromKernel(i: number): boolean {
    return this.#senders[i * SENDER_WORDS + 1] === 0;
  }

  /** The mask of the group that datagram `i` was sent to; 0 for one sent to this socket. */
  groups(i: number): number {
    return this.#senders[i * SENDER_WORDS + 2]!;
  }
}
