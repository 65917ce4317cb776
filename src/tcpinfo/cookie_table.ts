const FIRST_SLOTS = 256;
const NONE = -1;

/**
 * Numbers connections by cookie. A number, a slot, is small and used again once it is free, so that what is known of a
 * connection stands in arrays by it. Looking one up allocates nothing.
 */
export class CookieTable {
  /** Connections in it. */
  size = 0;
  /** Slots there is room for; arrays by slot are as long. */
  slots = FIRST_SLOTS;

  #low: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_SLOTS);
  #high: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_SLOTS);
  /** Chains of the slots whose cookies hash alike, or of free slots. */
  #next: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS);
  #heads: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS).fill(NONE);
  #free = NONE;
  #used = 0;

  /** The slot of a cookie, -1 if it has none. */
  find(low: number, high: number): number {
    let slot = this.#heads[hash(low, high) & this.slots - 1]!; // the mask keeps it below the length
    while (slot !== NONE && (this.#low[slot] !== low || this.#high[slot] !== high)) slot = this.#next[slot]!;
    return slot;
  }

  /** Gives a cookie that has none a slot. */
  add(low: number, high: number): number {
    if (this.size === this.slots) this.#grow();
    let slot = this.#free;
    if (slot === NONE) slot = this.#used++;
    else this.#free = this.#next[slot]!;
    this.#low[slot] = low;
    this.#high[slot] = high;
    this.#link(slot);
    this.size++;
    return slot;
  }

  /** Frees a slot that is in use. */
  remove(slot: number): void {
    const head = hash(this.#low[slot]!, this.#high[slot]!) & this.slots - 1;
    let at = this.#heads[head]!;
    if (at === slot) this.#heads[head] = this.#next[slot]!;
    else {
      while (this.#next[at] !== slot) at = this.#next[at]!; // it is in its chain
      this.#next[at] = this.#next[slot]!;
    }
    this.#next[slot] = this.#free;
    this.#free = slot;
    this.size--;
  }

  low(slot: number): number {
    return this.#low[slot]!;
  }

  high(slot: number): number {
    return this.#high[slot]!;
  }

  #link(slot: number): void {
    const head = hash(this.#low[slot]!, this.#high[slot]!) & this.slots - 1;
    this.#next[slot] = this.#heads[head]!;
    this.#heads[head] = slot;
  }

  /** Doubles it; all slots are in use. */
  #grow(): void {
    const slots = this.slots * 2;
    this.#low = resized(this.#low, new Uint32Array(slots));
    this.#high = resized(this.#high, new Uint32Array(slots));
    this.#next = new Int32Array(slots);
    this.#heads = new Int32Array(slots).fill(NONE);
    this.slots = slots;
    for (let slot = 0; slot < this.#used; slot++) this.#link(slot);
  }
}

/** `to` with what `from` holds. */
export function resized<T extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Cookies count upwards, in steps that processors share: the multiplications spread them. */
function hash(low: number, high: number): number {
  let h = Math.imul(low, 0x9e37_79b1) ^ Math.imul(high, 0x85eb_ca6b);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b_3c6d);
  return h ^ h >>> 13;
}
