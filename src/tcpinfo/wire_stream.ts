/** A stream of netlink messages as objects: `limier decode inet-diag`. */
import { errnoName, MessageCursor, NetlinkFlag, NetlinkType, Step } from "../linux/mod.ts";
import { DIAG_MESSAGE_BYTES, Refusal, SocketMessage } from "./wire.ts";
import { socketObject } from "./wire_objects.ts";
import type { JsonObject } from "./wire_structures.ts";
import type { TcpInfoLayout } from "./wire_tcp_info.ts";

/** How a stream is read. */
export interface NetlinkDecoderOptions {
  /** Layout of the kernel that sent the messages; without one, that of 7.0 is assumed, and the objects say so. */
  readonly layout?: TcpInfoLayout;
  /**
   * What an error's `record` counts, and its `at` begins at: each message of a stream, or each input of `decode()`, which may
   * hold several messages. @default {"message"}
   */
  readonly record?: "message" | "input";
}

/** Message types that this protocol has. */
const TYPES: readonly number[] = Object.values(NetlinkType);
const HEADER_BYTES = 16;
/** Zero bytes that may stand between messages, to align the next one. */
const MOST_PADDING = 3;

/**
 * Decodes netlink messages of NETLINK_SOCK_DIAG. It keeps, from one call to the next, how many messages there were, and
 * whether the dump under way was interrupted.
 *
 * Codes of errors: `truncated` (the input ends inside a message), `malformed_message` (a length below 16, a payload shorter
 * than its structure), `malformed_attribute`, `wrong_type`, `nlmsg_error` and `done_status` (with `errno`), `overrun`.
 *
 * @example
 * ```ts
 * import { NetlinkDecoder } from "./mod.ts";
 *
 * const done = Uint8Array.fromHex("140000000300020001000000e110000000000000");
 * const [object] = new NetlinkDecoder().decode(done);
 * console.assert(object?.kind === "done" && object.interrupted === false);
 * ```
 */
export class NetlinkDecoder {
  readonly #layout: TcpInfoLayout | undefined;
  readonly #countsInputs: boolean;
  readonly #cursor = new MessageCursor();
  readonly #socket = new SocketMessage();
  #interrupted = false;
  #record = 0;

  constructor(options: NetlinkDecoderOptions = {}) {
    this.#layout = options.layout;
    this.#countsInputs = options.record === "input";
  }

  /**
   * The objects of messages one behind the other, up to three zero bytes of alignment between them. A message whose length
   * cannot be ends it: there is nothing to find the next one by. Errors carry `record`, the message's number from 1, and
   * `at`, where in the message it is wrong.
   */
  *decode(bytes: Uint8Array): Generator<JsonObject> {
    if (this.#countsInputs) this.#record++;
    for (let at = 0; at < bytes.length;) {
      if (!this.#countsInputs) this.#record++;
      this.#cursor.load(bytes, at, bytes.length);
      if (this.#cursor.next() !== Step.message) {
        yield this.#malformed(bytes, at);
        return;
      }
      if ((this.#cursor.flags & NetlinkFlag.dumpInterrupted) !== 0) this.#interrupted = true;
      const object = this.#message(bytes);
      if (object !== undefined) yield object;
      at = nextMessage(bytes, this.#cursor.start, this.#cursor.end);
    }
  }

  #message(bytes: Uint8Array): JsonObject | undefined {
    const cursor = this.#cursor;
    switch (cursor.type) {
      case NetlinkType.socket:
        return this.#readSocket(bytes);
      case NetlinkType.done:
      case NetlinkType.error:
        return this.#end(cursor.type === NetlinkType.done);
      case NetlinkType.noop:
        return undefined;
      case NetlinkType.overrun:
        return this.#error("overrun", 0, "Cannot go on with the dump: the kernel lost messages");
      default:
        return this.#error("wrong_type", 4, `Cannot decode a message of type ${cursor.type}: it is no socket`);
    }
  }

  #readSocket(bytes: Uint8Array): JsonObject {
    const socket = this.#socket, { start, payload, end } = this.#cursor;
    const refusal = socket.load(bytes, payload, end);
    if (refusal === Refusal.none) return socketObject(socket, this.#layout);
    const at = socket.refusedAt - start;
    if (refusal === Refusal.short) {
      const why = `${end - payload} of ${DIAG_MESSAGE_BYTES} bytes are there`;
      return this.#error("malformed_message", at, `Cannot parse the inet_diag_msg: ${why}`);
    }
    const why = `the length of the one at byte ${at} cannot be`;
    return this.#error("malformed_attribute", at, `Cannot parse the attributes: ${why}`);
  }

  #end(isDone: boolean): JsonObject {
    const status = this.#cursor.status();
    const interrupted = this.#interrupted;
    this.#interrupted = false;
    if (status === undefined) {
      return this.#error("malformed_message", HEADER_BYTES, "Cannot tell how the dump ended: the status is missing");
    }
    if (status >= 0) return isDone ? { kind: "done", interrupted } : { kind: "ack" };
    const errno = -status;
    const message = `Cannot use the dump: the kernel ${isDone ? "ends" : "refuses"} it with ${errnoName(errno)}`;
    return { ...this.#error(isDone ? "done_status" : "nlmsg_error", HEADER_BYTES, message), errno };
  }

  #malformed(bytes: Uint8Array, at: number): JsonObject {
    const left = bytes.length - at;
    if (left < HEADER_BYTES) {
      return this.#error(
        "truncated",
        left,
        `Cannot read a message: ${left} of ${HEADER_BYTES} bytes of its header are there`,
      );
    }
    const length = readLength(bytes, at);
    if (length < HEADER_BYTES) {
      return this.#error(
        "malformed_message",
        0,
        `Cannot read a message: its length is ${length}, less than its header`,
      );
    }
    return this.#error("truncated", left, `Cannot read a message: ${left} of ${length} bytes are there`);
  }

  #error(code: string, at: number, message: string): JsonObject {
    return {
      kind: "error",
      code,
      message,
      record: this.#record,
      at: this.#countsInputs ? this.#cursor.start + at : at,
    };
  }
}

function readLength(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0; // at + 4 <= length
}

/**
 * Where the message behind `[start, end)` begins. Datagrams align messages to four bytes, files of messages often do not;
 * and the length of a message may begin with a zero byte itself. So zero bytes are passed over if what is behind them looks
 * like a message and what they begin does not, or if they complete the last message to a multiple of four.
 */
function nextMessage(bytes: Uint8Array, start: number, end: number): number {
  if (looksLikeMessage(bytes, end)) return end;
  let zeros = 0;
  while (zeros < MOST_PADDING && bytes[end + zeros] === 0) {
    zeros++;
    if (end + zeros === bytes.length || looksLikeMessage(bytes, end + zeros)) return end + zeros;
  }
  return end + Math.min(zeros, start - end & MOST_PADDING);
}

function looksLikeMessage(bytes: Uint8Array, at: number): boolean {
  if (bytes.length - at < HEADER_BYTES) return false;
  const length = readLength(bytes, at);
  const type = bytes[at + 4]! | bytes[at + 5]! << 8; // there are 16 bytes
  return length >= HEADER_BYTES && length <= bytes.length - at && TYPES.includes(type);
}
