/** Texts and addresses that recur from row to row: a column holds their number. */

const encoder = new TextEncoder();
/** Octets of the length of a text, at most. */
const MOST_LENGTH = 8;

/** Numbers for texts; "" is 0. */
export class TextPool {
  #ids = new Map<string, number>([["", 0]]);
  #texts: string[] = [""];
  /** The texts that were asked for as octets, each behind its length; where text `id` starts is `#starts[id]`. */
  #octets = new Uint8Array(1024);
  #starts: number[] = [0];
  #generation = 0;

  /** Texts known, "" included. */
  get size(): number {
    return this.#texts.length;
  }

  /** Changes when ids lose their meaning: who keeps ids keeps it beside them. */
  get generation(): number {
    return this.#generation;
  }

  /** The number of a text, the same until the pool is cleared. */
  intern(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.#texts.length;
    this.#texts.push(text);
    this.#ids.set(text, id);
    return id;
  }

  /** @throws {RangeError} on a number that the pool did not give */
  text(id: number): string {
    const text = this.#texts[id];
    if (text === undefined) throw new RangeError(`Cannot find text ${id}: the pool has ${this.#texts.length}`);
    return text;
  }

  /**
   * Where texts stand in {@linkcode octets}: text `id` from `starts[id]` to `starts[id + 1]`. Texts whose numbers follow
   * each other do so there too.
   */
  starts(): readonly number[] {
    while (this.#starts.length <= this.#texts.length) this.#encode(this.#texts[this.#starts.length - 1]!);
    return this.#starts;
  }

  /** The texts in UTF-8, each behind its length of 7 bits an octet, low bits first; valid as long as what `starts()` gave. */
  get octets(): Uint8Array<ArrayBuffer> {
    return this.#octets;
  }

  #encode(text: string): void {
    let at = this.#starts.at(-1)!;
    const most = at + 3 * text.length + MOST_LENGTH;
    if (most > this.#octets.length) {
      const grown = new Uint8Array(2 * most);
      grown.set(this.#octets);
      this.#octets = grown;
    }
    const octets = encoder.encode(text);
    let { length } = octets;
    for (; length >= 0x80; length = Math.floor(length / 0x80)) this.#octets[at++] = length % 0x80 | 0x80;
    this.#octets[at++] = length;
    this.#octets.set(octets, at);
    this.#starts.push(at + octets.length);
  }

  /** Forgets all texts but "". */
  clear(): void {
    this.#ids = new Map([["", 0]]);
    this.#texts = [""];
    this.#octets = new Uint8Array(1024);
    this.#starts = [0];
    this.#generation++;
  }
}

/** Numbers for addresses of 16 octets; `::` is 0. */
export class AddressPool {
  /** IPv4-mapped addresses by their last word, so that the usual case makes no string. */
  #mapped = new Map<number, number>();
  #others = new Map<string, number>([["0,0,0,0", 0]]);
  #words = new Uint32Array(4 * 64);
  #size = 1;
  #generation = 0;
  /** What was asked for last: exporters send many datagrams in a row. */
  #lastId = 0;

  get size(): number {
    return this.#size;
  }

  /** Changes when ids lose their meaning: who keeps ids keeps it beside them. */
  get generation(): number {
    return this.#generation;
  }

  /** Four words an address, those of address `id` from `4 * id`; valid until the next address is interned. */
  get words(): Uint32Array {
    return this.#words;
  }

  /** The number of the address whose words stand in `from` at `at`, in memory order. */
  intern(from: Uint32Array, at: number): number {
    const w0 = from[at]!, w1 = from[at + 1]!, w2 = from[at + 2]!, w3 = from[at + 3]!;
    const words = this.#words, last = 4 * this.#lastId;
    if (words[last + 3] === w3 && words[last + 2] === w2 && words[last + 1] === w1 && words[last] === w0) {
      return this.#lastId;
    }
    return this.#lastId = this.#find(w0, w1, w2, w3);
  }

  #find(w0: number, w1: number, w2: number, w3: number): number {
    if (w0 === 0 && w1 === 0 && w2 === MAPPED_WORD) {
      let id = this.#mapped.get(w3);
      if (id === undefined) this.#mapped.set(w3, id = this.#add(w0, w1, w2, w3));
      return id;
    }
    const key = `${w0},${w1},${w2},${w3}`;
    let id = this.#others.get(key);
    if (id === undefined) this.#others.set(key, id = this.#add(w0, w1, w2, w3));
    return id;
  }

  #add(w0: number, w1: number, w2: number, w3: number): number {
    const id = this.#size++;
    if (4 * id >= this.#words.length) {
      const grown = new Uint32Array(2 * this.#words.length);
      grown.set(this.#words);
      this.#words = grown;
    }
    const at = 4 * id;
    this.#words[at] = w0;
    this.#words[at + 1] = w1;
    this.#words[at + 2] = w2;
    this.#words[at + 3] = w3;
    return id;
  }

  /** Forgets all addresses but `::`. */
  clear(): void {
    this.#mapped = new Map();
    this.#others = new Map([["0,0,0,0", 0]]);
    this.#words = new Uint32Array(4 * 64);
    this.#size = 1;
    this.#lastId = 0;
    this.#generation++;
  }
}

/** The third word of an IPv4-mapped address, as it lies in the memory of a little-endian machine. */
export const MAPPED_WORD = 0xffff0000;
