import type { WindowStore } from "./window_store.ts";

/** What the keys of a group's commits for one topic begin with: `int16 length, group, int16 length, topic`. */
export interface KeyPrefix {
  /** How long it is; at least 4. */
  readonly prefixBytes: number;
  /** It in words of four bytes, big-endian; the last one may begin within the one before. */
  readonly prefix: Int32Array;
}

const EMPTY = 0;
const DELETED = -1;
const FIRST_PLACES = 64;

/** The prefix for two names, given as their bytes. */
export function prefixOf(group: Uint8Array, topic: Uint8Array): KeyPrefix {
  const key = new Uint8Array(4 + group.length + topic.length);
  const view = new DataView(key.buffer);
  view.setUint16(0, group.length);
  key.set(group, 2);
  view.setUint16(2 + group.length, topic.length);
  key.set(topic, 4 + group.length);
  const prefix = new Int32Array(key.length + 3 >> 2);
  for (let i = 0; i < prefix.length; i++) prefix[i] = view.getInt32(Math.min(i * 4, key.length - 4));
  return { prefixBytes: key.length, prefix };
}

/** Whether the key at `start` begins with that prefix; as many bytes have to be there. */
export function hasPrefix(view: DataView, start: number, { prefix, prefixBytes }: KeyPrefix): boolean {
  const last = prefix.length - 1;
  // From the back: names of one kind differ at their ends, if they do.
  if (view.getInt32(start + prefixBytes - 4) !== prefix[last]) return false;
  for (let i = last - 1; i >= 0; i--) if (view.getInt32(start + i * 4) !== prefix[i]) return false;
  return true;
}

/** A hash of a prefix in place. */
export function hashPrefix(view: DataView, start: number, prefixBytes: number): number {
  const last = start + prefixBytes - 4;
  let hash = prefixBytes;
  for (let at = start; at < last; at += 4) hash = Math.imul(hash ^ view.getInt32(at), 0x85ebca6b);
  return Math.imul(hash ^ view.getInt32(last), 0xc2b2ae35);
}

/** The same of a prefix apart. */
function hashOf({ prefix, prefixBytes }: KeyPrefix): number {
  const last = prefix.length - 1;
  let hash = prefixBytes;
  for (let i = 0; i < last; i++) hash = Math.imul(hash ^ prefix[i]!, 0x85ebca6b);
  return Math.imul(hash ^ prefix[last]!, 0xc2b2ae35);
}

/** The hash of a commit's key: of its prefix and its partition. */
export function hashKey(prefixHash: number, partition: number): number {
  const hash = Math.imul(prefixHash ^ prefixHash >>> 15 ^ partition, 0x9e3779b1);
  return hash ^ hash >>> 16;
}

/** The hash of the key for a partition of a prefix. */
export function hashPartition(prefix: KeyPrefix, partition: number): number {
  return hashKey(hashOf(prefix), partition);
}

/**
 * Finds the slot of a commit by the bytes of its key, so that a commit for a known partition makes no string. Open addressing;
 * the hashes stand in the slots.
 */
export class KeyIndex {
  readonly #windows: WindowStore;
  readonly #prefixes: readonly (KeyPrefix | undefined)[];
  #places = new Int32Array(FIRST_PLACES); // slot + 1
  #used = 0; // places that are not empty
  #live = 0;

  /** @param prefixes of each slot's owner, by the number the slot was allocated with */
  constructor(windows: WindowStore, prefixes: readonly (KeyPrefix | undefined)[]) {
    this.#windows = windows;
    this.#prefixes = prefixes;
  }

  /** The slot of the key at `start`, whose partition stands behind a prefix of `prefixBytes`; -1 if there is none. */
  find(view: DataView, start: number, prefixBytes: number, partition: number): number {
    const hash = hashKey(hashPrefix(view, start, prefixBytes), partition);
    const places = this.#places;
    const mask = places.length - 1;
    for (let at = hash & mask;; at = at + 1 & mask) {
      const place = places[at]!;
      if (place === EMPTY) return -1;
      if (place === DELETED) continue;
      const slot = place - 1;
      if (this.#windows.hash(slot) !== hash || this.#windows.partition(slot) !== partition) continue;
      const prefix = this.#prefixes[this.#windows.owner(slot)]!;
      if (prefix.prefixBytes === prefixBytes && hasPrefix(view, start, prefix)) return slot;
    }
  }

  /** Takes in a slot that is not in it. */
  add(slot: number): void {
    if (this.#used * 4 >= this.#places.length * 3) this.#rebuild();
    this.#put(slot);
    this.#used++;
    this.#live++;
  }

  /** Takes out a slot that is in it. */
  remove(slot: number): void {
    const mask = this.#places.length - 1;
    let at = this.#windows.hash(slot) & mask;
    while (this.#places[at] !== slot + 1) at = at + 1 & mask;
    this.#places[at] = DELETED;
    this.#live--;
  }

  #put(slot: number): void {
    const mask = this.#places.length - 1;
    let at = this.#windows.hash(slot) & mask;
    while (this.#places[at] !== EMPTY) at = at + 1 & mask;
    this.#places[at] = slot + 1;
  }

  #rebuild(): void {
    const before = this.#places;
    // Twice the room if most of it is live, else the same without what was deleted.
    this.#places = new Int32Array(this.#live * 2 >= before.length ? before.length * 2 : before.length);
    for (const place of before) if (place > 0) this.#put(place - 1);
    this.#used = this.#live;
  }
}
