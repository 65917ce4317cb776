const CHUNK_BYTES = 512;
const SLAB_CHUNKS = 512;
const SLAB_BYTES = CHUNK_BYTES * SLAB_CHUNKS;
const NONE = -1;

/** Lines that wait, of one connection: which chunks they are in. */
export interface Chain {
  first: number;
  last: number;
  /** Bytes of the lines. */
  length: number;
}

/** A chain without lines. */
export function newChain(): Chain {
  return { first: NONE, last: NONE, length: 0 };
}

/**
 * Lines of many connections in chunks of one size, so that none of them holds memory for lines to come, and what one is
 * done with the next one uses. Memory is taken as it is needed, up to a bound, and kept.
 */
export class LineStore {
  readonly #slabs: Uint8Array<ArrayBuffer>[] = [];
  readonly #mostChunks: number;
  #next: Int32Array<ArrayBuffer> = new Int32Array(0);
  #free = NONE;
  #freeChunks = 0;
  #whole: Uint8Array<ArrayBuffer> = new Uint8Array(64 * 1024);

  /** @param mostBytes all lines together; at least a quarter of a MiB */
  constructor(mostBytes: number) {
    this.#mostChunks = Math.max(1, Math.floor(mostBytes / SLAB_BYTES)) * SLAB_CHUNKS;
  }

  /** Adds a line, `bytes[0, length)`, to a chain. @returns false, and adds nothing, if there is no room */
  add(chain: Chain, bytes: Uint8Array, length: number): boolean {
    let room = chain.last === NONE ? 0 : -chain.length & CHUNK_BYTES - 1;
    const chunks = Math.ceil(Math.max(0, length - room) / CHUNK_BYTES);
    while (this.#freeChunks < chunks) if (!this.#grow()) return false;
    for (let at = 0; at < length;) {
      if (room === 0) {
        this.#append(chain);
        room = CHUNK_BYTES;
      }
      const count = Math.min(room, length - at);
      const slab = this.#slabs[Math.floor(chain.last / SLAB_CHUNKS)]!; // of a chunk that was handed out
      const to = chain.last % SLAB_CHUNKS * CHUNK_BYTES + CHUNK_BYTES - room;
      for (let i = 0; i < count; i++) slab[to + i] = bytes[at + i]!;
      at += count;
      room -= count;
      chain.length += count;
    }
    return true;
  }

  /** Takes all lines of a chain: in one piece, valid until the next call. */
  take(chain: Chain): Uint8Array<ArrayBuffer> {
    const { length } = chain;
    if (length > this.#whole.length) this.#whole = new Uint8Array(2 * length);
    let at = 0;
    for (let chunk = chain.first; chunk !== NONE;) {
      const slab = this.#slabs[Math.floor(chunk / SLAB_CHUNKS)]!; // of a chunk that was handed out
      const from = chunk % SLAB_CHUNKS * CHUNK_BYTES, count = Math.min(CHUNK_BYTES, length - at);
      for (let i = 0; i < count; i++) this.#whole[at + i] = slab[from + i]!;
      at += count;
      const next = this.#next[chunk]!;
      this.#next[chunk] = this.#free;
      this.#free = chunk;
      this.#freeChunks++;
      chunk = next;
    }
    chain.first = chain.last = NONE;
    chain.length = 0;
    return this.#whole.subarray(0, length);
  }

  #append(chain: Chain): void {
    const chunk = this.#free;
    this.#free = this.#next[chunk]!;
    this.#freeChunks--;
    this.#next[chunk] = NONE;
    if (chain.last === NONE) chain.first = chunk;
    else this.#next[chain.last] = chunk;
    chain.last = chunk;
  }

  #grow(): boolean {
    const before = this.#next.length;
    if (before >= this.#mostChunks) return false;
    this.#slabs.push(new Uint8Array(SLAB_BYTES));
    const next = new Int32Array(before + SLAB_CHUNKS);
    next.set(this.#next);
    for (let chunk = before; chunk < next.length; chunk++) {
      next[chunk] = this.#free;
      this.#free = chunk;
    }
    this.#next = next;
    this.#freeChunks += SLAB_CHUNKS;
    return true;
  }
}
