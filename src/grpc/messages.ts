/** Messages in the byte stream of a call: `compressed u8, length u32 big-endian, message`. Pure. */
import { gunzipSync, inflateSync } from "node:zlib";
import { Code, type GrpcStatus } from "./status.ts";

/** The flag and the length in front of each message. */
const PREFIX_BYTES = 5;
/** Up to here a buffer that has nothing in it is kept for the next message. */
const KEPT_BYTES = 65_536;

/** How a call's messages may be compressed: the names of `grpc-encoding`; `deflate` is zlib. */
export const ENCODINGS = ["identity", "deflate", "gzip"] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** What `grpc-encoding` names; absent it is `identity`, and `undefined` is one that is not known here. */
export function parseEncoding(header: string | undefined): Encoding | undefined {
  return ENCODINGS.find((known) => known === (header ?? "identity"));
}

/** Writes messages one behind the other, each with its prefix, not compressed. */
export function frameMessages(messages: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const framed = new Uint8Array(messages.reduce((sum, { length }) => sum + PREFIX_BYTES + length, 0));
  const view = new DataView(framed.buffer);
  let at = 0;
  for (const message of messages) {
    view.setUint32(at + 1, message.length);
    framed.set(message, at + PREFIX_BYTES);
    at += PREFIX_BYTES + message.length;
  }
  return framed;
}

/**
 * Cuts the stream of a call into messages, wherever its chunks are cut. It holds what has arrived of one message, and no
 * more whatever length that one claims. After a refusal the stream has no meaning any more.
 */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #encoding: Encoding;
  #held = new Uint8Array(0);
  #length = 0;

  /** @param maxBytes of the longest message, compressed and not */
  constructor(maxBytes: number, encoding: Encoding = "identity") {
    this.#maxBytes = maxBytes;
    this.#encoding = encoding;
  }

  /** Bytes of memory it holds. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /**
   * Takes the next bytes and hands out the messages they complete: views, valid during the call of `take`. What `take`
   * returns, unless that is nothing, ends it too.
   */
  push(chunk: Uint8Array, take: (message: Uint8Array) => GrpcStatus | undefined): GrpcStatus | undefined {
    if (this.#length === 0) return this.#cut(chunk, chunk.length, take);
    this.#hold(chunk);
    const size = this.#sizeAt(this.#held, 0, this.#length);
    if (typeof size === "object") return size;
    if (size < 0 || this.#length < PREFIX_BYTES + size) return undefined;
    const held = this.#held, length = this.#length;
    this.#length = 0;
    // The rest may be copied within the same buffer, to its front: it is behind what was taken.
    const refused = this.#cut(held, length, take);
    if (this.#length === 0 && held.length > KEPT_BYTES) this.#held = new Uint8Array(0);
    return refused;
  }

  /** Tells of the end of the stream: refused in the middle of a message. */
  end(): GrpcStatus | undefined {
    if (this.#length === 0) return undefined;
    return refuse(Code.INTERNAL, `the stream ends ${this.#length} bytes behind the start of a message`);
  }

  #cut(
    bytes: Uint8Array,
    end: number,
    take: (message: Uint8Array) => GrpcStatus | undefined,
  ): GrpcStatus | undefined {
    let at = 0;
    while (at < end) {
      const size = this.#sizeAt(bytes, at, end);
      if (typeof size === "object") return size;
      const start = at + PREFIX_BYTES;
      if (size < 0 || start + size > end) break;
      at = start + size;
      const message = bytes[start - PREFIX_BYTES] === 0
        ? bytes.subarray(start, at)
        : this.#inflate(bytes.subarray(start, at));
      const refused = message instanceof Uint8Array ? take(message) : message;
      if (refused !== undefined) return refused;
    }
    if (at < end) this.#hold(bytes.subarray(at, end));
    return undefined;
  }

  /** The size of the message at `at`; -1 while its prefix is not complete. */
  #sizeAt(b: Uint8Array, at: number, end: number): number | GrpcStatus {
    if (end - at < PREFIX_BYTES) return -1;
    const flag = b[at]!;
    if (flag > 1) return refuse(Code.INTERNAL, `a message has the flag ${flag}, flags are 0 and 1`);
    if (flag === 1 && this.#encoding === "identity") {
      return refuse(Code.INTERNAL, "a message is compressed, and grpc-encoding does not say how");
    }
    const size = (b[at + 1]! << 24 | b[at + 2]! << 16 | b[at + 3]! << 8 | b[at + 4]!) >>> 0;
    return size > this.#maxBytes
      ? refuse(Code.RESOURCE_EXHAUSTED, `a message has ${size} bytes, the most is ${this.#maxBytes}`)
      : size;
  }

  #inflate(compressed: Uint8Array): Uint8Array | GrpcStatus {
    const inflate = this.#encoding === "gzip" ? gunzipSync : inflateSync;
    try {
      const plain = inflate(compressed, { maxOutputLength: Math.max(this.#maxBytes, 1) });
      return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
    } catch (error) {
      if (error instanceof RangeError) { // ERR_BUFFER_TOO_LARGE
        return refuse(Code.RESOURCE_EXHAUSTED, `a message inflates to more than ${this.#maxBytes} bytes`);
      }
      return refuse(Code.INTERNAL, `a message is not valid ${this.#encoding}`);
    }
  }

  #hold(bytes: Uint8Array): void {
    const need = this.#length + bytes.length;
    if (need > this.#held.length) {
      const grown = new Uint8Array(Math.max(need, this.#held.length * 2));
      grown.set(this.#held.subarray(0, this.#length));
      this.#held = grown;
    }
    this.#held.set(bytes, this.#length);
    this.#length = need;
  }
}

function refuse(code: Code, why: string): GrpcStatus {
  return { code, message: `Cannot read the messages: ${why}` };
}
