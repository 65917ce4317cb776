import { Ancillary } from "./ancillary.ts";
import { Errno, readErrno, SystemError } from "./errno.ts";
import { type Libc, openLibc } from "./libc.ts";
import { addressOf, pointerOf } from "./memory.ts";
import { IOVEC_BYTES, MESSAGE_LENGTH_WORD, MESSAGE_WORDS, writeMessage } from "./message_header.ts";

// include/linux/socket.h
const MSG_DONTWAIT = 0x40;
const MSG_WAITFORONE = 0x10000;

/** Bytes behind every datagram that a parser may read past its end. */
export const READ_AHEAD_BYTES = 8;
const CACHE_LINE_BYTES = 64;

/** The sizes of a {@linkcode BatchReceiver}. */
export interface BatchReceiverOptions {
  /** Datagrams taken by one call, 1 to 1024. @default {128} */
  datagrams?: number;
  /** The longest datagram taken whole. @default {8192} */
  datagramBytes?: number;
  /** What the kernel tells beside the datagrams is taken too: senders, times, drops. @default {false} */
  ancillary?: boolean;
  /** Where they are put: at least {@linkcode receiverBytes} octets. @default memory of its own */
  buffer?: Uint8Array;
}

/** Octets that a {@linkcode BatchReceiver} of these sizes puts datagrams in. */
export function receiverBytes({ datagrams, datagramBytes }: { datagrams: number; datagramBytes: number }): number {
  return datagrams * strideFor(datagramBytes + 1 + READ_AHEAD_BYTES);
}

/**
 * Receives datagrams many at a time, into one buffer that it owns. Nothing is allocated by a call.
 *
 * The descriptor stays its owner's, who must not close it during a call.
 *
 * @example
 * ```ts
 * import { BatchReceiver, openUdpSocket } from "@limier/limier/linux";
 *
 * using socket = openUdpSocket({ address: { hostname: "127.0.0.1", port: 0 }, receiveTimeoutMs: 1 });
 * const receiver = new BatchReceiver(socket.fd, { datagrams: 64, datagramBytes: 8192 });
 * const count = receiver.receive(); // blocks for up to the receive timeout
 * for (let i = 0; i < count; i++) {
 *   const start = receiver.offset(i);
 *   console.log(receiver.buffer.subarray(start, start + receiver.length(i)));
 * }
 * ```
 */
export class BatchReceiver {
  /** Where datagrams land; what is in it lasts until the next `receive()`. */
  readonly buffer: Uint8Array;
  /** Datagrams taken by one call at the most. */
  readonly datagrams: number;
  /** The longest datagram taken whole. */
  readonly datagramBytes: number;
  /** Bytes from one datagram to the next. */
  readonly strideBytes: number;
  /** What came beside the datagrams, if that was asked for. */
  readonly ancillary: Ancillary | undefined;

  readonly #fd: number;
  readonly #libc: Libc;
  // The kernel is handed addresses inside these three arrays; being fields, they live as long as a call can be made.
  readonly #vectors: BigUint64Array<ArrayBuffer>;
  readonly #headers: Uint32Array<ArrayBuffer>;
  readonly #headersPointer: Deno.PointerObject;
  /** Datagrams of the last call. */
  #received = 0;

  /**
   * @throws {LinuxUnavailable}
   * @throws {RangeError} if a size is out of its range
   */
  constructor(fd: number, options: BatchReceiverOptions = {}) {
    const { datagrams = 128, datagramBytes = 8192 } = options;
    if (!Number.isInteger(datagrams) || datagrams < 1 || datagrams > 1024) {
      throw new RangeError(`Cannot receive ${datagrams} datagrams at a time: the kernel takes 1 to 1024`);
    }
    if (!Number.isInteger(datagramBytes) || datagramBytes < 1 || datagramBytes > 2 ** 20) {
      throw new RangeError(`Cannot receive datagrams of ${datagramBytes} bytes: write 1 to 1048576`);
    }
    this.#fd = fd;
    this.#libc = openLibc();
    this.datagrams = datagrams;
    this.datagramBytes = datagramBytes;
    this.strideBytes = strideFor(datagramBytes + 1 + READ_AHEAD_BYTES);
    const bytes = receiverBytes({ datagrams, datagramBytes });
    this.buffer = options.buffer ?? new Uint8Array(bytes);
    if (this.buffer.length < bytes) {
      throw new RangeError(`Cannot receive into ${this.buffer.length} bytes: it takes ${bytes}`);
    }
    this.#vectors = new BigUint64Array(datagrams * IOVEC_BYTES / 8);
    this.#headers = new Uint32Array(datagrams * MESSAGE_WORDS);
    const buffer = addressOf(this.#libc, this.buffer);
    const vectors = addressOf(this.#libc, new Uint8Array(this.#vectors.buffer));
    for (let i = 0; i < datagrams; i++) {
      this.#vectors[2 * i] = buffer + BigInt(i * this.strideBytes);
      // One byte more than a datagram may have: that a longer one was cut off shows in its length.
      this.#vectors[2 * i + 1] = BigInt(datagramBytes + 1);
      writeMessage(this.#headers, i, vectors + BigInt(i * IOVEC_BYTES));
    }
    this.ancillary = options.ancillary ? new Ancillary(this.#libc, this.#headers, datagrams) : undefined;
    this.#headersPointer = pointerOf(this.#libc, new Uint8Array(this.#headers.buffer));
  }

  /**
   * Waits for the first datagram, as long as the socket's receive timeout allows, and takes with it those that are there
   * already: one `recvmmsg`.
   *
   * @returns how many were received; 0 after a timeout or a signal
   * @throws {SystemError} if the descriptor cannot be received from
   */
  receive(): number {
    if (this.ancillary !== undefined) return this.#receiveAncillary(this.ancillary);
    const count = this.#libc.recvmmsg(this.#fd, this.#headersPointer, this.datagrams, MSG_WAITFORONE, null);
    return count >= 0 ? count : this.#receiveAgain();
  }

  /** Where datagram `i` begins in `buffer`. */
  offset(i: number): number {
    return i * this.strideBytes;
  }

  /** Bytes of datagram `i`; `datagramBytes + 1` says that it was longer than `datagramBytes`, and cut off. */
  length(i: number): number {
    return this.#headers[i * MESSAGE_WORDS + MESSAGE_LENGTH_WORD]!; // i is below the count that receive() returned
  }

  #receiveAncillary(ancillary: Ancillary): number {
    ancillary.reset(this.#received);
    const count = this.#libc.recvmmsg(this.#fd, this.#headersPointer, this.datagrams, MSG_WAITFORONE, null);
    return this.#received = count >= 0 ? count : this.#receiveAgain();
  }

  #receiveAgain(): number {
    if (isNothingNow(readErrno(this.#libc))) return 0;
    // An errno read once is not to be relied on (see readErrno), and a lasting failure comes back.
    const count = this.#libc.recvmmsg(this.#fd, this.#headersPointer, this.datagrams, MSG_DONTWAIT, null);
    if (count >= 0) return count;
    const errno = readErrno(this.#libc);
    if (isNothingNow(errno)) return 0;
    throw new SystemError(errno, { syscall: "recvmmsg", action: `receive from descriptor ${this.#fd}` });
  }
}

function isNothingNow(errno: number): boolean {
  return errno === Errno.EAGAIN || errno === Errno.EINTR;
}

/** An odd number of cache lines, so that datagrams do not begin in the same few sets of the processor's caches. */
function strideFor(bytes: number): number {
  return (Math.ceil(bytes / CACHE_LINE_BYTES) | 1) * CACHE_LINE_BYTES;
}
