/** Follows the sizes in front of the answers on a connection, so that one too large is refused before it is buffered. */
export class FrameGuard {
  readonly #mostBytes: number;
  /** Bytes of the current answer that are still to come. */
  #left = 0;
  /** The size so far, while some of its four bytes are missing. */
  #size = 0;
  #sizeBytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** The size of an answer that must not be taken, or `undefined` if all is well with what `chunk` begins. */
  refused(chunk: Uint8Array): number | undefined {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        at += taken;
        continue;
      }
      this.#size = this.#size * 256 + chunk[at++]!;
      if (++this.#sizeBytes < 4) continue;
      // A correlation id is the least there is; a size with the highest bit set is negative.
      if (this.#size < 4 || this.#size > this.#mostBytes) return this.#size | 0;
      this.#left = this.#size;
      this.#size = this.#sizeBytes = 0;
    }
    return undefined;
  }
}
