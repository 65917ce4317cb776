const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Builds JSON text as bytes, in memory that is used again and again. Most of what a flush writes is short ASCII, for
 * which a loop is quicker than joining strings and encoding them.
 */
export class JsonBytes {
  readonly #text = new TextEncoder();
  #bytes = new Uint8Array(1024);
  #length = 0;

  /** What is written: a view, valid until the next write. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  /** Forgets what was written behind `length`. */
  rewind(length: number): void {
    this.#length = length;
  }

  /** Writes `text` as it is; it must be ASCII. */
  ascii(text: string): void {
    this.#reserve(text.length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#length = at;
  }

  /** Writes `text` as a JSON string, equal to `JSON.stringify(text)`. */
  string(text: string): void {
    this.#reserve(text.length + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c < 0x20 || c > 0x7e || c === QUOTE || c === BACKSLASH) return this.#escaped(text);
      bytes[at++] = c;
    }
    bytes[at++] = QUOTE;
    this.#length = at;
  }

  #escaped(text: string): void {
    const json = JSON.stringify(text);
    this.#reserve(json.length * 3); // the most that UTF-8 takes for one UTF-16 code unit
    this.#length += this.#text.encodeInto(json, this.#bytes.subarray(this.#length)).written;
  }

  #reserve(more: number): void {
    const need = this.#length + more;
    if (need <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(Math.max(need, this.#bytes.length * 2)));
  }
}
