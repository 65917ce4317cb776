import { Errno, readErrno } from "../errno.ts";
import { type Libc, openLibc } from "../libc.ts";
import { addressOf, pointerOf } from "../memory.ts";
import { MESSAGE_WORDS, writeMessage } from "../message_header.ts";

// uapi/asm-generic/errno-base.h
const EIO = 5;

/** Sends one request, again and again, to the kernel. Nothing is allocated by a call. */
export class NetlinkSender {
  readonly #libc: Libc = openLibc();
  // The kernel is handed addresses inside these arrays; being fields, they live as long as a call can be made.
  readonly #request: Uint8Array<ArrayBuffer>;
  readonly #vector: BigUint64Array<ArrayBuffer>;
  readonly #header: Uint32Array<ArrayBuffer> = new Uint32Array(MESSAGE_WORDS);
  readonly #headerPointer: Deno.PointerObject;

  /** `request` may be changed between calls, not in length. */
  constructor(request: Uint8Array<ArrayBuffer>) {
    this.#request = request;
    this.#vector = BigUint64Array.of(addressOf(this.#libc, request), BigInt(request.length));
    writeMessage(this.#header, 0, addressOf(this.#libc, new Uint8Array(this.#vector.buffer)));
    this.#headerPointer = pointerOf(this.#libc, new Uint8Array(this.#header.buffer));
  }

  /** The request, to be changed in place. */
  get request(): Uint8Array<ArrayBuffer> {
    return this.#request;
  }

  /** Sends it; without a name, that is to port id 0. @returns 0, or the errno, negated */
  send(fd: number): number {
    for (let tries = 0;; tries++) {
      if (this.#libc.sendmmsg(fd, this.#headerPointer, 1, 0) >= 0) return 0;
      const errno = readErrno(this.#libc);
      if (errno === Errno.EINTR && tries < 100) continue;
      if (errno === Errno.EAGAIN && tries === 0) continue; // may stand for another errno, see readErrno
      return -(errno || EIO); // 0 would read as success
    }
  }
}
