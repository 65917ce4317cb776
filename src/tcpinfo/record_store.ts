import { SocketMessage } from "./wire.ts";

/** Room for one record; some 530 bytes are usual. */
const SLOT_BYTES = 640;
/** Records that share one piece of memory. */
const SLAB_SLOTS = 256;

/**
 * The last record of each connection, by slot. Memory is taken in slabs as slots come into use, and kept; a record longer
 * than a slot has memory of its own.
 */
export class RecordStore {
  readonly #slabs: Uint8Array<ArrayBuffer>[] = [];
  /** One a slab, so that looking at a record makes no view of its memory. */
  readonly #messages: SocketMessage[] = [];
  readonly #long = new Map<number, Uint8Array<ArrayBuffer>>();
  #lengths: Uint32Array<ArrayBuffer> = new Uint32Array(SLAB_SLOTS);

  /** Keeps a copy of `bytes[start, end)`. */
  put(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (slot >= this.#lengths.length) {
      const longer = new Uint32Array(Math.max(slot + 1, this.#lengths.length * 2));
      longer.set(this.#lengths);
      this.#lengths = longer;
    }
    this.#lengths[slot] = length;
    if (length > SLOT_BYTES) {
      let own = this.#long.get(slot);
      if (own === undefined || own.length < length) this.#long.set(slot, own = new Uint8Array(length));
      copy(bytes, start, length, own, 0);
      return;
    }
    const index = Math.floor(slot / SLAB_SLOTS);
    while (this.#slabs.length <= index) {
      this.#slabs.push(new Uint8Array(SLAB_SLOTS * SLOT_BYTES));
      this.#messages.push(new SocketMessage());
    }
    copy(bytes, start, length, this.#slabs[index]!, slot % SLAB_SLOTS * SLOT_BYTES);
  }

  /** The record of a slot that has one, attributes and all; valid until the next call. */
  get(slot: number): SocketMessage {
    const length = this.#lengths[slot]!;
    if (length > SLOT_BYTES) {
      const message = new SocketMessage();
      message.load(this.#long.get(slot)!, 0, length);
      return message;
    }
    const index = Math.floor(slot / SLAB_SLOTS);
    const at = slot % SLAB_SLOTS * SLOT_BYTES;
    const message = this.#messages[index]!;
    message.load(this.#slabs[index]!, at, at + length);
    return message;
  }

  /** Forgets what took memory of its own. */
  remove(slot: number): void {
    this.#long.delete(slot);
  }
}

/** `set(subarray())` would make a view each time. */
function copy(from: Uint8Array, at: number, length: number, to: Uint8Array, toAt: number): void {
  for (let i = 0; i < length; i++) to[toAt + i] = from[at + i]!;
}
