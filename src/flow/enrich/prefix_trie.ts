/** Longest-prefix match: path-compressed binary tries whose nodes lie in typed arrays. */
import { MAPPED_WORD } from "../columns_pool.ts";
import { MAPPED_BITS, swapped } from "./prefix.ts";

/** No node, and no value. */
const NONE = -1;

/**
 * IPv4 prefixes of 16 bits and more hang below a root for their first 16 bits, the shorter ones below one root of their
 * own, so that a lookup in a full table begins 16 levels down.
 */
const JUMP_BITS = 16;
const SHORT_ROOT = 1 << JUMP_BITS;

/** Tries of one family: keys of `width` words, the first bit the highest of the first word. */
class Trie {
  readonly #width: number;
  /** A trie each. */
  readonly roots: Int32Array<ArrayBuffer>;
  /** `#width` words a node, bits behind its length zero. */
  #keys: Int32Array<ArrayBuffer>;
  #lengths: Uint8Array<ArrayBuffer>;
  /** Two a node: for a next bit of 0 and 1. A free node has the next free one in the first. */
  #children: Int32Array<ArrayBuffer>;
  /** {@linkcode NONE}: the node is only there to branch. */
  #values: Int32Array<ArrayBuffer>;
  #used = 0;
  #free = NONE;
  /** The way of the last walk. */
  readonly #path = new Int32Array(130);

  constructor(width: number, roots: number) {
    this.#width = width;
    this.roots = new Int32Array(roots).fill(NONE);
    this.#keys = new Int32Array(64 * width);
    this.#lengths = new Uint8Array(64);
    this.#children = new Int32Array(128);
    this.#values = new Int32Array(64);
  }

  get bytes(): number {
    return this.#keys.byteLength + this.#lengths.byteLength + this.#children.byteLength + this.#values.byteLength;
  }

  /** Bits that the key of a node and `key` share, at most `most`. */
  #common(node: number, key: Int32Array, most: number): number {
    const keys = this.#keys, width = this.#width;
    for (let word = 0, at = node * width; word < width; word++, at++) {
      const differing = keys[at]! ^ key[word]!;
      if (differing !== 0) return Math.min(32 * word + Math.clz32(differing), most);
    }
    return most;
  }

  /** The longest match's node for a whole key; `NONE` if there is none. */
  find(root: number, key: Int32Array): number {
    const children = this.#children, lengths = this.#lengths, values = this.#values, keys = this.#keys;
    const width = this.#width, bits = 32 * width;
    let best = NONE;
    let node = this.roots[root]!;
    while (node !== NONE) {
      const length = lengths[node]!;
      if (width === 1) {
        const differing = keys[node]! ^ key[0]!;
        if (differing !== 0 && Math.clz32(differing) < length) break;
      } else if (this.#common(node, key, length) < length) break;
      if (values[node] !== NONE) best = node;
      if (length === bits) break;
      node = children[2 * node + (key[length >> 5]! >>> (31 - (length & 31)) & 1)]!;
    }
    return best;
  }

  /** Writes the nodes with a value that match a whole key into `out`, the shortest first. @returns how many */
  chain(root: number, key: Int32Array, out: Int32Array, at: number): number {
    const bits = 32 * this.#width;
    let node = this.roots[root]!;
    while (node !== NONE) {
      const length = this.#lengths[node]!;
      if (this.#common(node, key, length) < length) break;
      if (this.#values[node] !== NONE) out[at++] = node;
      if (length === bits) break;
      node = this.#children[2 * node + (key[length >> 5]! >>> (31 - (length & 31)) & 1)]!;
    }
    return at;
  }

  /** The node of exactly this prefix, if it has a value. */
  exact(root: number, key: Int32Array, length: number): number {
    const depth = this.#walk(root, key, length);
    const node = depth === 0 ? NONE : this.#path[depth - 1]!;
    return node !== NONE && this.#lengths[node] === length && this.#values[node] !== NONE ? node : NONE;
  }

  /** Walks down the nodes that hold the prefix, the last maybe the prefix itself. @returns how many */
  #walk(root: number, key: Int32Array, length: number): number {
    let depth = 0;
    let node = this.roots[root]!;
    while (node !== NONE) {
      const own = this.#lengths[node]!;
      if (own > length || this.#common(node, key, own) < own) break;
      this.#path[depth++] = node;
      if (own === length) break;
      node = this.#children[2 * node + bitAt(key, own)]!;
    }
    return depth;
  }

  value(node: number): number {
    return this.#values[node]!;
  }

  setValue(node: number, value: number): void {
    this.#values[node] = value;
  }

  length(node: number): number {
    return this.#lengths[node]!;
  }

  /** The node of a prefix, made if need be and then with `value`. */
  insert(root: number, key: Int32Array, length: number, value: number): number {
    const depth = this.#walk(root, key, length);
    const above = depth === 0 ? NONE : this.#path[depth - 1]!;
    if (above !== NONE && this.#lengths[above] === length) {
      if (this.#values[above] === NONE) this.#values[above] = value;
      return above;
    }
    const node = this.#newNode(key, length, value);
    const side = above === NONE ? 0 : bitAt(key, this.#lengths[above]!);
    const below = above === NONE ? this.roots[root]! : this.#children[2 * above + side]!;
    let top = node;
    if (below !== NONE) {
      const shared = this.#common(below, key, Math.min(length, this.#lengths[below]!));
      if (shared === length) {
        this.#children[2 * node + this.#nodeBit(below, length)] = below;
      } else {
        top = this.#newNode(key, shared, NONE);
        this.#children[2 * top + bitAt(key, shared)] = node;
        this.#children[2 * top + this.#nodeBit(below, shared)] = below;
      }
    }
    this.#link(root, above, side, top);
    return node;
  }

  /** Takes a prefix out. @returns whether it was there */
  remove(root: number, key: Int32Array, length: number): boolean {
    let depth = this.#walk(root, key, length);
    const node = depth === 0 ? NONE : this.#path[depth - 1]!;
    if (node === NONE || this.#lengths[node] !== length || this.#values[node] === NONE) return false;
    this.#values[node] = NONE;
    // A node without a value stays as long as two hang below it.
    for (let at = node; at !== NONE && this.#values[at] === NONE; at = depth > 0 ? this.#path[depth - 1]! : NONE) {
      const left = this.#children[2 * at]!, right = this.#children[2 * at + 1]!;
      if (left !== NONE && right !== NONE) break;
      depth--;
      const above = depth > 0 ? this.#path[depth - 1]! : NONE;
      const side = above === NONE || this.#children[2 * above] === at ? 0 : 1;
      this.#link(root, above, side, left === NONE ? right : left);
      this.#children[2 * at] = this.#free;
      this.#free = at;
    }
    return true;
  }

  #link(root: number, above: number, side: number, node: number): void {
    if (above === NONE) this.roots[root] = node;
    else this.#children[2 * above + side] = node;
  }

  #nodeBit(node: number, bit: number): number {
    return this.#keys[node * this.#width + (bit >> 5)]! >>> (31 - (bit & 31)) & 1;
  }

  #newNode(key: Int32Array, length: number, value: number): number {
    let node = this.#free;
    if (node === NONE) {
      node = this.#used++;
      if (node >= this.#values.length) this.#grow(2 * node);
    } else {
      this.#free = this.#children[2 * node]!;
    }
    const width = this.#width;
    for (let word = 0; word < width; word++) {
      const bits = Math.min(Math.max(length - 32 * word, 0), 32);
      this.#keys[node * width + word] = bits === 0 ? 0 : key[word]! & -1 << (32 - bits);
    }
    this.#lengths[node] = length;
    this.#children[2 * node] = NONE;
    this.#children[2 * node + 1] = NONE;
    this.#values[node] = value;
    return node;
  }

  #grow(nodes: number): void {
    this.#keys = grown(this.#keys, nodes * this.#width);
    this.#children = grown(this.#children, 2 * nodes);
    this.#values = grown(this.#values, nodes);
    const lengths = new Uint8Array(nodes);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
  }
}

function bitAt(key: Int32Array, bit: number): number {
  return key[bit >> 5]! >>> (31 - (bit & 31)) & 1;
}

function grown(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}

/** Whether addresses that match no IPv4 prefix may match one of IPv6 that holds all of IPv4, such as `::/0`. */
export interface PrefixTrieOptions {
  /** @default true */
  readonly ipv6CoversIpv4?: boolean;
}

/**
 * Numbers of 0 and more by prefix. Addresses and prefixes are four words that lie in memory as the 16 octets do, IPv4
 * mapped; lengths count in 128 bits. Lookups allocate nothing.
 */
export class PrefixTrie {
  readonly #ipv4 = new Trie(1, SHORT_ROOT + 1);
  readonly #ipv6 = new Trie(4, 1);
  readonly #covers: boolean;
  readonly #key4 = new Int32Array(1);
  readonly #key6 = new Int32Array(4);
  readonly #nodes = new Int32Array(130);
  #size = 0;
  /** Length of the last match of {@linkcode find}, 0 to 128. */
  foundLength = 0;

  constructor(options: PrefixTrieOptions = {}) {
    this.#covers = options.ipv6CoversIpv4 ?? true;
  }

  /** Prefixes with a value. */
  get size(): number {
    return this.#size;
  }

  /** Memory that it holds. */
  get bytes(): number {
    return this.#ipv4.bytes + this.#ipv6.bytes + this.#ipv4.roots.byteLength;
  }

  /** The value of exactly this prefix; -1: none. */
  get(words: Uint32Array, at: number, length: number): number {
    if (isIpv4(words, at) && length >= MAPPED_BITS) {
      this.#key4[0] = swapped(words[at + 3]!);
      const node = this.#ipv4.exact(this.#root(length - MAPPED_BITS), this.#key4, length - MAPPED_BITS);
      return node === NONE ? NONE : this.#ipv4.value(node);
    }
    this.#readKey6(words, at);
    const node = this.#ipv6.exact(0, this.#key6, length);
    return node === NONE ? NONE : this.#ipv6.value(node);
  }

  /** Gives a prefix a value; bits behind its length don't matter. */
  set(words: Uint32Array, at: number, length: number, value: number): void {
    let trie = this.#ipv6, key = this.#key6, root = 0, own = length;
    if (isIpv4(words, at) && length >= MAPPED_BITS) {
      trie = this.#ipv4;
      key = this.#key4;
      key[0] = swapped(words[at + 3]!);
      own = length - MAPPED_BITS;
      root = this.#root(own);
    } else {
      this.#readKey6(words, at);
    }
    if (trie.exact(root, key, own) === NONE) this.#size++;
    trie.setValue(trie.insert(root, key, own, value), value);
  }

  /** Takes a prefix out. @returns whether it was there */
  delete(words: Uint32Array, at: number, length: number): boolean {
    let removed: boolean;
    if (isIpv4(words, at) && length >= MAPPED_BITS) {
      this.#key4[0] = swapped(words[at + 3]!);
      removed = this.#ipv4.remove(this.#root(length - MAPPED_BITS), this.#key4, length - MAPPED_BITS);
    } else {
      this.#readKey6(words, at);
      removed = this.#ipv6.remove(0, this.#key6, length);
    }
    if (removed) this.#size--;
    return removed;
  }

  /** The value of the longest prefix that holds an address, its length in {@linkcode foundLength}; -1: none. */
  find(words: Uint32Array, at: number): number {
    if (isIpv4(words, at)) {
      const key = this.#key4;
      const trie = this.#ipv4;
      key[0] = swapped(words[at + 3]!);
      let node = trie.find(key[0]! >>> 16, key);
      if (node === NONE) node = trie.find(SHORT_ROOT, key);
      if (node !== NONE) {
        this.foundLength = trie.length(node) + MAPPED_BITS;
        return trie.value(node);
      }
      if (!this.#covers) return NONE;
    }
    this.#readKey6(words, at);
    const node = this.#ipv6.find(0, this.#key6);
    if (node === NONE) return NONE;
    this.foundLength = this.#ipv6.length(node);
    return this.#ipv6.value(node);
  }

  /**
   * The values of all prefixes that hold an address, the shortest first, into `values`, and their lengths into `lengths`;
   * both have room for 129. @returns how many
   */
  findAll(words: Uint32Array, at: number, values: Int32Array, lengths: Uint8Array): number {
    const nodes = this.#nodes;
    const mapped = isIpv4(words, at);
    let count = 0;
    if (!mapped || this.#covers) {
      this.#readKey6(words, at);
      count = this.#ipv6.chain(0, this.#key6, nodes, 0);
      for (let i = 0; i < count; i++) {
        values[i] = this.#ipv6.value(nodes[i]!);
        lengths[i] = this.#ipv6.length(nodes[i]!);
      }
    }
    if (!mapped) return count;
    this.#key4[0] = swapped(words[at + 3]!);
    const first = count;
    count = this.#ipv4.chain(SHORT_ROOT, this.#key4, nodes, count);
    count = this.#ipv4.chain(this.#key4[0]! >>> 16, this.#key4, nodes, count);
    for (let i = first; i < count; i++) {
      values[i] = this.#ipv4.value(nodes[i]!);
      lengths[i] = this.#ipv4.length(nodes[i]!) + MAPPED_BITS;
    }
    return count;
  }

  #root(length: number): number {
    return length < JUMP_BITS ? SHORT_ROOT : this.#key4[0]! >>> 16;
  }

  #readKey6(words: Uint32Array, at: number): void {
    const key = this.#key6;
    for (let word = 0; word < 4; word++) key[word] = swapped(words[at + word]!);
  }
}

function isIpv4(words: Uint32Array, at: number): boolean {
  return words[at + 2] === MAPPED_WORD && words[at] === 0 && words[at + 1] === 0;
}
