/** Path attributes, each different set kept once however many routes came with it. */
import type { PathAttributes } from "../enrich/routing.ts";

/** Words in front of the AS path: the next hop. */
export const NEXT_HOP_WORDS = 4;

/** A set that routes share. Its words begin with those of the next hop. */
export interface AttributeSet extends PathAttributes {
  /** Origin AS. */
  readonly asn: number;
  readonly hash: number;
  /** Routes that have it. */
  uses: number;
  /** Another set with the same hash. */
  next: AttributeSet | undefined;
}

/** Sets by their content. */
export class AttributeSets {
  readonly #sets = new Map<number, AttributeSet>();
  #size = 0;

  /** Different sets. */
  get size(): number {
    return this.#size;
  }

  /**
   * The set with this content, made if it is new. Its uses are to be counted by whoever keeps it, and {@linkcode release}
   * called once for each, or once for a set that nobody used.
   *
   * @param words are copied if the set is new
   */
  intern(words: Uint32Array, pathEnd: number, communitiesEnd: number, asn: number): AttributeSet {
    const hash = hashOf(words, pathEnd, communitiesEnd, asn);
    const first = this.#sets.get(hash);
    for (let set = first; set !== undefined; set = set.next) {
      if (
        set.asn === asn && set.pathEnd === pathEnd && set.communitiesEnd === communitiesEnd && equal(set.words, words)
      ) return set;
    }
    const set: AttributeSet = {
      words: words.slice(),
      pathStart: NEXT_HOP_WORDS,
      pathEnd,
      communitiesEnd,
      asn,
      hash,
      uses: 0,
      next: first,
    };
    this.#sets.set(hash, set);
    this.#size++;
    return set;
  }

  /** Gives a use back, if there is one; a set without uses is forgotten. */
  release(set: AttributeSet): void {
    if (set.uses > 0) set.uses--;
    if (set.uses > 0) return;
    const first = this.#sets.get(set.hash);
    if (first === set) {
      if (set.next === undefined) this.#sets.delete(set.hash);
      else this.#sets.set(set.hash, set.next);
    } else {
      let before = first;
      while (before !== undefined && before.next !== set) before = before.next;
      if (before === undefined) return; // it was forgotten already
      before.next = set.next;
    }
    this.#size--;
  }
}

function hashOf(words: Uint32Array, pathEnd: number, communitiesEnd: number, asn: number): number {
  let hash = Math.imul(pathEnd, 0x9e37_79b1) ^ Math.imul(communitiesEnd, 0x85eb_ca77) ^ asn;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ words[i]!, 0x0100_0193);
    hash ^= hash >>> 15;
  }
  return hash | 0;
}

function equal(a: Uint32Array, b: Uint32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
