import { AddressFamily } from "./address.ts";
import type { Libc } from "./libc.ts";
import { addressOf } from "./memory.ts";
import { MESSAGE_WORDS } from "./message_header.ts";
import { SO_RXQ_OVFL, SO_TIMESTAMPNS_NEW, SOL_SOCKET } from "./socket_options.ts";

// Words of `mmsghdr`, see message_header.ts.
const NAME_WORD = 0;
const NAME_LENGTH_WORD = 2;
const CONTROL_WORD = 8;
const CONTROL_LENGTH_WORD = 10;
const FLAGS_WORD = 12;

// include/linux/socket.h
const MSG_CTRUNC = 0x8;
const MSG_TRUNC = 0x20;

/** `struct sockaddr_in6`, and room to the next multiple of eight. */
const NAME_BYTES = 32;
const NAME_BYTES_USED = 28;
/** A time stamp and a drop count take 56. */
const CONTROL_BYTES = 128;
const CONTROL_WORDS = CONTROL_BYTES / 4;
/** `struct cmsghdr`: 0 cmsg_len u64, 8 cmsg_level i32, 12 cmsg_type i32; then the data, 8 bytes aligned. */
const HEADER_WORDS = 4;
/** The words of an address: 0, 0, ffff, and the four bytes of IPv4. */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;

/**
 * What the kernel tells beside each datagram of a `BatchReceiver`: who sent it, when it was received, how many were dropped
 * at the socket so far. It lasts until the next `receive()`. Times and drops come where the socket was opened with
 * `ancillary`. Nothing is allocated by a call.
 */
export class Ancillary {
  readonly #headers: Uint32Array<ArrayBuffer>;
  // The kernel is handed addresses inside these two; being fields, they live as long as a call can be made.
  readonly #names: Uint8Array<ArrayBuffer>;
  readonly #control: Uint32Array<ArrayBuffer>;

  /** Made by the receiver, which owns `headers`, the `mmsghdr` array of its calls. */
  constructor(libc: Libc, headers: Uint32Array<ArrayBuffer>, datagrams: number) {
    this.#headers = headers;
    this.#names = new Uint8Array(datagrams * NAME_BYTES);
    this.#control = new Uint32Array(datagrams * CONTROL_WORDS);
    const names = addressOf(libc, this.#names);
    const control = addressOf(libc, new Uint8Array(this.#control.buffer));
    for (let i = 0; i < datagrams; i++) {
      writeAddress(headers, i * MESSAGE_WORDS + NAME_WORD, names + BigInt(i * NAME_BYTES));
      writeAddress(headers, i * MESSAGE_WORDS + CONTROL_WORD, control + BigInt(i * CONTROL_BYTES));
    }
    this.reset(datagrams);
  }

  /** Gives the kernel back the room of the first `count` messages, whose lengths it has overwritten. */
  reset(count: number): void {
    for (let word = 0, end = count * MESSAGE_WORDS; word < end; word += MESSAGE_WORDS) {
      this.#headers[word + NAME_LENGTH_WORD] = NAME_BYTES_USED;
      this.#headers[word + CONTROL_LENGTH_WORD] = CONTROL_BYTES;
    }
  }

  /** When the kernel received datagram `i`, in Unix milliseconds with a fraction; NaN where it does not say. */
  receivedMs(i: number): number {
    const at = this.#find(i, SO_TIMESTAMPNS_NEW);
    if (at < 0) return NaN;
    const seconds = this.#control[at + 1]! * 2 ** 32 + this.#control[at]!; // no time before 1970
    return seconds * 1000 + this.#control[at + 2]! / 1e6;
  }

  /**
   * Datagrams that were dropped at the socket before datagram `i`, for want of room, since it was opened: 32 bits that wrap.
   * -1 where the kernel does not say, as until the first.
   */
  drops(i: number): number {
    const at = this.#find(i, SO_RXQ_OVFL);
    return at < 0 ? -1 : this.#control[at]!;
  }

  /** Whether datagram `i` was longer than the receiver takes, and cut off. */
  isTruncated(i: number): boolean {
    return (this.#headers[i * MESSAGE_WORDS + FLAGS_WORD]! & MSG_TRUNC) !== 0;
  }

  /** Whether there was more beside datagram `i` than there is room for. */
  isControlTruncated(i: number): boolean {
    return (this.#headers[i * MESSAGE_WORDS + FLAGS_WORD]! & MSG_CTRUNC) !== 0;
  }

  /**
   * Writes the sender's address, 16 bytes, at `at`; one of IPv4 as `::ffff:a.b.c.d`.
   *
   * @returns false, and nothing is written, if the sender has no internet address
   */
  copySource(i: number, into: Uint8Array, at: number): boolean {
    const name = i * NAME_BYTES;
    switch (this.#family(i)) {
      case AddressFamily.inet:
        into.set(MAPPED_PREFIX, at);
        for (let b = 0; b < 4; b++) into[at + 12 + b] = this.#names[name + 4 + b]!;
        return true;
      case AddressFamily.inet6:
        for (let b = 0; b < 16; b++) into[at + b] = this.#names[name + 8 + b]!;
        return true;
      default:
        return false;
    }
  }

  /** The sender's port; 0 if it has no internet address. */
  sourcePort(i: number): number {
    const family = this.#family(i);
    if (family !== AddressFamily.inet && family !== AddressFamily.inet6) return 0;
    return this.#names[i * NAME_BYTES + 2]! << 8 | this.#names[i * NAME_BYTES + 3]!;
  }

  #family(i: number): number {
    if (this.#headers[i * MESSAGE_WORDS + NAME_LENGTH_WORD]! < 8) return 0;
    return this.#names[i * NAME_BYTES]! | this.#names[i * NAME_BYTES + 1]! << 8;
  }

  /** The word where the data of a message of level SOL_SOCKET begins; -1 if there is none. */
  #find(i: number, type: number): number {
    const first = i * CONTROL_WORDS;
    const bytes = Math.min(this.#headers[i * MESSAGE_WORDS + CONTROL_LENGTH_WORD]!, CONTROL_BYTES);
    const end = first + (bytes >> 2);
    for (let at = first; at + HEADER_WORDS < end;) {
      if (this.#control[at + 2] === SOL_SOCKET && this.#control[at + 3] === type) return at + HEADER_WORDS;
      const length = this.#control[at]!;
      if (length < HEADER_WORDS * 4) return -1;
      at += (length + 7 >> 3) * 2; // to the next multiple of eight bytes
    }
    return -1;
  }
}

function writeAddress(words: Uint32Array, at: number, address: bigint): void {
  words[at] = Number(address & 0xffff_ffffn);
  words[at + 1] = Number(address >> 32n);
}
