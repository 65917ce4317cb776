/** A stream cut into BMP messages (RFC 7854 §4.1), which stay where they arrived until they are taken. */

/** Why a stream can't be read any further; labels of `errors_total`. */
export type FrameFault = "unsupported version" | "message too short" | "message too long";

const VERSION = 3;
const HEADER_BYTES = 6;
/** Messages are at most so long. */
export const LONGEST_MESSAGE = 1 << 20;

/** Octets of one connection that have arrived and have not been looked at. */
export class FrameBuffer {
  #bytes = new Uint8Array(64 * 1024);
  #start = 0;
  #end = 0;
  /** Where the first message begins that is not complete, or not counted. */
  #scanned = 0;
  #complete = 0;
  #fault: FrameFault | undefined;

  /** Whole messages that wait. */
  get messages(): number {
    return this.#complete;
  }

  /** Octets that wait. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** What is wrong with the stream behind the messages that wait. */
  get fault(): FrameFault | undefined {
    return this.#fault;
  }

  /** Takes in octets. @returns how many messages they complete */
  push(chunk: Uint8Array): number {
    if (this.#fault !== undefined) return 0;
    this.#makeRoom(chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
    const before = this.#complete;
    const bytes = this.#bytes;
    while (this.#end - this.#scanned >= HEADER_BYTES) {
      const at = this.#scanned;
      const length = (bytes[at + 1]! << 24 | bytes[at + 2]! << 16 | bytes[at + 3]! << 8 | bytes[at + 4]!) >>> 0;
      if (bytes[at] !== VERSION) this.#fault = "unsupported version";
      else if (length < HEADER_BYTES) this.#fault = "message too short";
      else if (length > LONGEST_MESSAGE) this.#fault = "message too long";
      if (this.#fault !== undefined || this.#end - at < length) break;
      this.#scanned += length;
      this.#complete++;
    }
    return this.#complete - before;
  }

  /** The next message, a view that is valid until the next `push()`; undefined: none is complete. */
  next(): Uint8Array | undefined {
    if (this.#complete === 0) return undefined;
    const bytes = this.#bytes, at = this.#start;
    const length = bytes[at + 1]! << 24 | bytes[at + 2]! << 16 | bytes[at + 3]! << 8 | bytes[at + 4]!;
    this.#start += length;
    this.#complete--;
    return bytes.subarray(at, at + length);
  }

  #makeRoom(size: number): void {
    if (this.#end + size <= this.#bytes.length) return;
    const used = this.#end - this.#start;
    const wanted = used + size;
    const target = wanted > this.#bytes.length / 2 ? new Uint8Array(2 * wanted) : this.#bytes;
    target.set(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = target;
    this.#scanned -= this.#start;
    this.#start = 0;
    this.#end = used;
  }
}
