import { HEADER_BYTES } from "./protocol.ts";

/** What {@linkcode MessageCursor.next} found. */
export const Step = { end: 0, message: 1, malformed: 2 } as const;
export type Step = (typeof Step)[keyof typeof Step];

/**
 * Walks the messages of one netlink datagram, each behind the other at multiples of four bytes. Nothing is allocated
 * by a step.
 *
 * ```text
 * u32 length (header included), u16 type, u16 flags, u32 sequence, u32 port id, payload, zero to three bytes of padding
 * ```
 *
 * A length below 16 or beyond the datagram makes the rest of it unreadable: there is nothing to find the next message by.
 */
export class MessageCursor {
  /** `nlmsg_type`. */
  type = 0;
  /** `nlmsg_flags`. */
  flags = 0;
  /** `nlmsg_seq`. */
  sequence = 0;
  /** `nlmsg_pid`: the port id that the message is for. */
  portId = 0;
  /** Where the message begins, header included. */
  start = 0;
  /** Where its payload begins. */
  payload = 0;
  /** Where its payload ends, without padding. */
  end = 0;

  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #limit = 0;

  /** Begins at the datagram `bytes[start, end)`. */
  load(bytes: Uint8Array, start: number, end: number): void {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`Cannot walk bytes ${start} to ${end}: there are ${bytes.length}`);
    }
    this.#view = viewOf(bytes, this.#view);
    this.#at = start;
    this.#limit = end;
  }

  /** Moves to the next message, whose fields are then those of this object. After `malformed` there is no next one. */
  next(): Step {
    const at = this.#at;
    const left = this.#limit - at;
    if (left <= 0) return Step.end;
    const view = this.#view;
    this.start = at;
    if (left < HEADER_BYTES) return Step.malformed;
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || length > left) return Step.malformed;
    this.type = view.getUint16(at + 4, true);
    this.flags = view.getUint16(at + 6, true);
    this.sequence = view.getUint32(at + 8, true);
    this.portId = view.getUint32(at + 12, true);
    this.payload = at + HEADER_BYTES;
    this.end = at + length;
    this.#at = at + (length + 3 & ~3);
    return Step.message;
  }

  /** The `i32` at the start of the payload: status of a `done`, error of an `error`; undefined if it is not there. */
  status(): number | undefined {
    return this.end - this.payload < 4 ? undefined : this.#view.getInt32(this.payload, true);
  }
}

/** A view of all of `bytes`; `last` if it is one already, so that an array used again costs nothing. */
function viewOf(bytes: Uint8Array, last: DataView): DataView {
  const same = last.buffer === bytes.buffer && last.byteOffset === bytes.byteOffset &&
    last.byteLength === bytes.byteLength;
  return same ? last : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
