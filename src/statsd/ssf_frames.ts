import type { WireError } from "./wire_error.ts";

/** Version byte and big-endian length in front of each payload. */
const HEADER_BYTES = 5;
/** The longest payload of a frame. */
export const MAX_FRAME_BYTES = 16_777_216;
/** Up to here a buffer that is mostly free is kept; a larger one was for one large frame. */
const KEPT_BYTES = 65_536;

/**
 * Cuts a byte stream into frames: `0, length u32 big-endian, payload`. Chunks may be cut anywhere; each byte is copied
 * a bounded number of times on average. Memory is at most four times what has arrived and not been taken, or 64 KiB,
 * whatever length a frame claims. Take all frames with `next()` after each `push()`.
 *
 * After a framing error the stream has no meaning any more: every later call answers the same error.
 *
 * @example
 * ```ts
 * import { encodeFrame, FrameReader } from "./ssf_frames.ts";
 *
 * const frames = new FrameReader();
 * frames.push(encodeFrame(Uint8Array.of(0x10, 0x07)));
 * console.assert((frames.next() as Uint8Array).length === 2 && frames.next() === null && frames.end() === null);
 * ```
 */
export class FrameReader {
  readonly #maxBytes: number;
  #buffer = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #error: WireError | null = null;

  /** `maxBytes` is the longest payload taken. */
  constructor(maxBytes: number = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the next bytes of the stream, by copy. Payloads given before are no longer valid. */
  push(chunk: Uint8Array): void {
    if (this.#error !== null) return;
    this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The next whole payload, a view valid until the next `push()`; `null` if more bytes are needed. */
  next(): Uint8Array | null | WireError {
    const size = this.#payloadBytes();
    if (size < 0) return this.#error;
    const payloadStart = this.#start + HEADER_BYTES;
    if (this.#end - payloadStart < size) return null;
    this.#start = payloadStart + size;
    return this.#buffer.subarray(payloadStart, this.#start);
  }

  /** Tells of the end of the stream: `null` if it is between frames, once all whole frames have been taken. */
  end(): WireError | null {
    if (this.#error !== null) return this.#error;
    const left = this.#end - this.#start;
    if (left === 0) return null;
    return this.#fail(`the stream ends inside a frame, ${left} bytes behind its start`);
  }

  /** -1 while the header is not complete, and when it is refused. */
  #payloadBytes(): number {
    const at = this.#start;
    const held = this.#end - at;
    if (held === 0) return -1;
    const b = this.#buffer;
    if (b[at] !== 0) return this.#fail(`its version is ${b[at]}, not 0`), -1;
    if (held < HEADER_BYTES) return -1;
    const size = (b[at + 1]! << 24 | b[at + 2]! << 16 | b[at + 3]! << 8 | b[at + 4]!) >>> 0;
    if (size > this.#maxBytes) return this.#fail(`its length is ${size} bytes, the most is ${this.#maxBytes}`), -1;
    return size;
  }

  #makeRoom(size: number): void {
    const held = this.#end - this.#start;
    const need = held + size;
    const room = this.#buffer.length;
    const oversized = room > KEPT_BYTES && need <= room / 4;
    if (!oversized) {
      if (this.#end + size <= room) return;
      // Moving what is held to the front must pay for itself: it is no more than what has been taken since.
      if (held <= this.#start && need <= room) {
        this.#buffer.copyWithin(0, this.#start, this.#end);
        this.#start = 0;
        this.#end = held;
        return;
      }
    }
    const moved = new Uint8Array(Math.max(need, held * 2));
    moved.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = moved;
    this.#start = 0;
    this.#end = held;
  }

  #fail(why: string): WireError {
    this.#error = { reason: "framing", message: `Cannot read the frame: ${why}` };
    this.#buffer = new Uint8Array(0);
    this.#start = this.#end = 0;
    return this.#error;
  }
}

/**
 * One frame around `payload`.
 *
 * @throws {RangeError} if it is longer than any reader takes
 */
export function encodeFrame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  if (payload.length > MAX_FRAME_BYTES) {
    throw new RangeError(`Cannot frame ${payload.length} bytes: the most is ${MAX_FRAME_BYTES}, send less at once`);
  }
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  new DataView(frame.buffer).setUint32(1, payload.length);
  frame.set(payload, HEADER_BYTES);
  return frame;
}
