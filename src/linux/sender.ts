import { Errno, errnoName, readErrno, SystemError } from "./errno.ts";
import { type Libc, openLibc } from "./libc.ts";
import { addressOf, pointerOf } from "./memory.ts";
import { IOVEC_BYTES, MESSAGE_BYTES, MESSAGE_WORDS, writeMessage } from "./message_header.ts";

/** Datagrams that stand ready in one buffer. */
export interface PreparedDatagrams {
  /** All of them; not to be resized, but their contents may change between sends. */
  buffer: Uint8Array<ArrayBuffer>;
  /** Where each begins. */
  offsets: Uint32Array;
  /** How long each is. */
  lengths: Uint32Array;
}

/** The most messages that one `sendmmsg` takes (`UIO_MAXIOV`). */
const MAX_MESSAGES = 1024;

/**
 * Sends prepared datagrams many at a time through a connected socket, from one buffer, without copying them: what a load
 * generator needs. The descriptor stays its owner's.
 */
export class BatchSender {
  /** How many datagrams stand ready. */
  readonly datagrams: number;
  /** Why the last `send()` returned 0: `EAGAIN`, `ENOBUFS`, `ECONNREFUSED` (nobody listens) or `EINTR`; else "". */
  lastRefusal = "";

  readonly #fd: number;
  readonly #libc: Libc;
  // The kernel is handed addresses inside these arrays; being fields, they live as long as a call can be made.
  readonly #prepared: PreparedDatagrams;
  readonly #vectors: BigUint64Array<ArrayBuffer>;
  readonly #headers: Uint32Array<ArrayBuffer>;
  readonly #headerBytes: Uint8Array<ArrayBuffer>;
  readonly #pointers: (Deno.PointerObject | undefined)[] = [];

  /**
   * @throws {LinuxUnavailable}
   * @throws {RangeError} if a datagram lies outside the buffer
   */
  constructor(fd: number, prepared: PreparedDatagrams) {
    const { buffer, offsets, lengths } = prepared;
    if (offsets.length !== lengths.length) {
      throw new RangeError(`Cannot send datagrams with ${offsets.length} offsets and ${lengths.length} lengths`);
    }
    this.#fd = fd;
    this.#libc = openLibc();
    this.#prepared = prepared;
    this.datagrams = offsets.length;
    this.#vectors = new BigUint64Array(offsets.length * IOVEC_BYTES / 8);
    this.#headers = new Uint32Array(offsets.length * MESSAGE_WORDS);
    this.#headerBytes = new Uint8Array(this.#headers.buffer);
    if (offsets.length === 0) return;
    const base = addressOf(this.#libc, buffer);
    const vectors = addressOf(this.#libc, new Uint8Array(this.#vectors.buffer));
    for (const [i, offset] of offsets.entries()) {
      const length = lengths[i] ?? 0;
      if (offset + length > buffer.length) {
        throw new RangeError(
          `Cannot send datagram ${i}: it ends at ${offset + length}, the buffer at ${buffer.length}`,
        );
      }
      this.#vectors[2 * i] = base + BigInt(offset);
      this.#vectors[2 * i + 1] = BigInt(length);
      writeMessage(this.#headers, i, vectors + BigInt(i * IOVEC_BYTES));
    }
  }

  /**
   * Sends up to `count` datagrams from number `first` on: one `sendmmsg`.
   *
   * @returns how many the kernel took; 0 when it took none now but may take them later, see `lastRefusal`
   * @throws {SystemError} if the socket cannot be sent to
   * @throws {RangeError} if they are not all among the prepared
   */
  send(first: number, count: number): number {
    if (!(first >= 0 && count >= 1 && first + count <= this.datagrams)) {
      throw new RangeError(`Cannot send datagrams ${first} to ${first + count - 1}: there are ${this.datagrams}`);
    }
    const pointer = this.#pointers[first] ??= this.#pointerTo(first);
    const sent = this.#libc.sendmmsg(this.#fd, pointer, Math.min(count, MAX_MESSAGES), 0);
    if (sent >= 0) {
      this.lastRefusal = "";
      return sent;
    }
    return this.#refused(readErrno(this.#libc));
  }

  /** Bytes of the datagram `i`. */
  length(i: number): number {
    return this.#prepared.lengths[i] ?? 0;
  }

  #pointerTo(first: number): Deno.PointerObject {
    return pointerOf(this.#libc, this.#headerBytes.subarray(first * MESSAGE_BYTES));
  }

  #refused(errno: number): number {
    switch (errno) {
      case Errno.EAGAIN:
      case Errno.ENOBUFS:
      case Errno.ECONNREFUSED:
      case Errno.EINTR:
        this.lastRefusal = errnoName(errno);
        return 0;
      default:
        throw new SystemError(errno, { syscall: "sendmmsg", action: `send on descriptor ${this.#fd}` });
    }
  }
}
