/** What a splitter gives its lines to. */
export interface LineTaker {
  /** Takes `bytes[start, end)`, a line without its LF, valid until the call returns; false ends the splitting. */
  onLine(bytes: Uint8Array, start: number, end: number): boolean;
  /** Takes the start of a line that is longer than allowed: as many bytes as are. It ends the splitting. */
  onTooLong(head: Uint8Array): void;
}

const LF = 0x0a;

/** The carry buffer starts with so many bytes: room for a usual line. */
const FIRST_CARRY_BYTES = 256;

/**
 * Cuts a byte stream into lines at LF. A line that lies within one chunk is given in place; of a line that does not, at
 * most `maxBytes` are kept. A CR is left to whoever takes the line, and counts as a byte of it.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #taker: LineTaker;
  #carry = new Uint8Array(0);
  #carried = 0;
  #stopped = false;

  /** `maxBytes` is the longest line taken, its LF not counted. */
  constructor(maxBytes: number, taker: LineTaker) {
    this.#maxBytes = maxBytes;
    this.#taker = taker;
  }

  /** A line was refused or too long: what comes later is not looked at. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes the next bytes; the number of lines that ended in them. */
  push(chunk: Uint8Array): number {
    let lines = 0;
    for (let at = 0; at < chunk.length && !this.#stopped;) {
      const end = indexOfLf(chunk, at);
      if (end < 0) {
        this.#keep(chunk, at, chunk.length);
        break;
      }
      if (this.#carried > 0) {
        if (this.#keep(chunk, at, end)) this.#giveCarried();
      } else if (end - at > this.#maxBytes) this.#tooLong(chunk.subarray(at, at + this.#maxBytes));
      else if (!this.#taker.onLine(chunk, at, end)) this.#stopped = true;
      lines++;
      at = end + 1;
    }
    return lines;
  }

  /** Ends the stream: a last line needs no LF. */
  end(): void {
    if (!this.#stopped && this.#carried > 0) this.#giveCarried();
    this.#stopped = true;
  }

  #giveCarried(): void {
    const end = this.#carried;
    this.#carried = 0;
    if (!this.#taker.onLine(this.#carry, 0, end)) this.#stopped = true;
  }

  /** Adds a part of a line to what is carried; false if that makes it too long. */
  #keep(chunk: Uint8Array, start: number, end: number): boolean {
    const room = this.#maxBytes - this.#carried;
    const taken = Math.min(end - start, room);
    this.#makeRoom(this.#carried + taken);
    this.#carry.set(chunk.subarray(start, start + taken), this.#carried);
    this.#carried += taken;
    if (end - start <= room) return true;
    this.#tooLong(this.#carry.subarray(0, this.#carried));
    return false;
  }

  #makeRoom(size: number): void {
    if (size <= this.#carry.length) return;
    const bigger = new Uint8Array(Math.min(this.#maxBytes, Math.max(size, 2 * this.#carry.length, FIRST_CARRY_BYTES)));
    bigger.set(this.#carry.subarray(0, this.#carried));
    this.#carry = bigger;
  }

  #tooLong(head: Uint8Array): void {
    this.#stopped = true;
    this.#taker.onTooLong(head);
  }
}

/** Lines are short: the loop is faster than a call of `indexOf`. */
function indexOfLf(bytes: Uint8Array, at: number): number {
  for (const { length } = bytes; at < length; at++) if (bytes[at] === LF) return at;
  return -1;
}
