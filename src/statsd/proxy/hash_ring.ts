/** Consistent hashing: which member of a ring a key belongs to. Pure. */
import { crc32 } from "node:zlib";

/** Places of each member on the ring; every proxy in front of the same members must have the same. */
const REPLICAS = 20;

/**
 * A ring of members, as Veneur's proxy has it: a member stands at CRC-32 of `0NAME` to `19NAME`, and a key belongs to the
 * first place behind its own CRC-32, the last place being followed by the first.
 */
export class HashRing {
  /** In the order they were given in, each once. */
  readonly members: readonly string[];
  /** Ascending. */
  readonly #places: Uint32Array;
  /** By place, the index of its member. */
  readonly #owners: Uint32Array;

  /** @param members where two of them meet in a place, the later one has it */
  constructor(members: Iterable<string>) {
    this.members = [...new Set(members)];
    const owners = new Map<number, number>();
    for (const [index, member] of this.members.entries()) {
      for (let i = 0; i < REPLICAS; i++) owners.set(crc32(`${i}${member}`), index);
    }
    this.#places = Uint32Array.from(owners.keys()).sort();
    this.#owners = this.#places.map((place) => owners.get(place)!);
  }

  /**
   * The member that a key belongs to; with `except`, the one it would belong to if that member were not there.
   *
   * @returns `undefined` where there is none
   */
  ownerOf(key: string, except?: string): string | undefined {
    const first = this.#firstBehind(crc32(key));
    for (let i = 0; i < this.#places.length; i++) {
      const member = this.members[this.#owners[(first + i) % this.#places.length]!]!;
      if (member !== except) return member;
    }
    return undefined;
  }

  /** The index of the first place above `hash`; the number of places where there is none. */
  #firstBehind(hash: number): number {
    let low = 0, high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#places[middle]! > hash) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
