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

/** Words of a node: all of it lies together, so that a visit waits for memory once. Its key stands behind these. */
const At = { length: 0, child: 1, value: 3, key: 4 } as const;

/** Tries of one family: keys of `width` words, the first bit the highest of the first word. */
class Trie {
  readonly #width: number;
  /** Words a node. */
  readonly #stride: number;
  /** A trie each, by the place of its top node. */
  readonly roots: Int32Array<ArrayBuffer>;
  /**
   * Nodes: how many bits of the key count; two children, for a next bit of 0 and 1; the value, {@linkcode NONE} where the
   * node is only there to branch; the key, bits behind its length zero. A node is named by its place; a free one has the
   * next free one as its first child.
   */
  #nodes: Int32Array<ArrayBuffer>;
  #used = 0;
  #free = NONE;
  /** Nodes with a value. */
  count = 0;
  /** The way of the last walk. */
  readonly #path = new Int32Array(130);

  constructor(width: 1 | 4, roots: number) {
    this.#width = width;
    this.#stride = At.key + width;
    this.roots = new Int32Array(roots).fill(NONE);
    this.#nodes = new Int32Array(64 * this.#stride);
  }

  get bytes(): number {
    return this.#nodes.byteLength;
  }

  /** Bits that the key of a node and `key` share, at most `most`. */
  #common(node: number, key: Int32Array, most: number): number {
    const nodes = this.#nodes, width = this.#width;
    for (let word = 0, at = node + At.key; word < width; word++, at++) {
      const differing = nodes[at]! ^ key[word]!;
      if (differing !== 0) return Math.min(32 * word + Math.clz32(differing), most);
    }
    return most;
  }

  /** The longest match's node for a whole key; `NONE` if there is none. */
  find(root: number, key: Int32Array): number {
    const nodes = this.#nodes;
    const width = this.#width, bits = 32 * width;
    let best = NONE;
    let node = this.roots[root]!;
    while (node !== NONE) {
      const length = nodes[node]!;
      if (width === 1) {
        const differing = nodes[node + At.key]! ^ key[0]!;
        if (differing !== 0 && Math.clz32(differing) < length) break;
      } else if (this.#common(node, key, length) < length) break;
      if (nodes[node + At.value] !== NONE) best = node;
      if (length === bits) break;
      node = nodes[node + At.child + (key[length >> 5]! >>> (31 - (length & 31)) & 1)]!;
    }
    return best;
  }

  /** Writes the nodes with a value that match a whole key into `out`, the shortest first. @returns how many */
  chain(root: number, key: Int32Array, out: Int32Array, at: number): number {
    const nodes = this.#nodes;
    const bits = 32 * this.#width;
    let node = this.roots[root]!;
    while (node !== NONE) {
      const length = nodes[node]!;
      if (this.#common(node, key, length) < length) break;
      if (nodes[node + At.value] !== NONE) out[at++] = node;
      if (length === bits) break;
      node = nodes[node + At.child + (key[length >> 5]! >>> (31 - (length & 31)) & 1)]!;
    }
    return at;
  }

  /** The node of exactly this prefix, if it has a value. */
  exact(root: number, key: Int32Array, length: number): number {
    const depth = this.#walk(root, key, length);
    const node = depth === 0 ? NONE : this.#path[depth - 1]!;
    return node !== NONE && this.length(node) === length && this.value(node) !== NONE ? node : NONE;
  }

  /** Walks down the nodes that hold the prefix, the last maybe the prefix itself. @returns how many */
  #walk(root: number, key: Int32Array, length: number): number {
    const nodes = this.#nodes;
    let depth = 0;
    let node = this.roots[root]!;
    while (node !== NONE) {
      const own = nodes[node]!;
      if (own > length || this.#common(node, key, own) < own) break;
      this.#path[depth++] = node;
      if (own === length) break;
      node = nodes[node + At.child + bitAt(key, own)]!;
    }
    return depth;
  }

  value(node: number): number {
    return this.#nodes[node + At.value]!;
  }

  length(node: number): number {
    return this.#nodes[node]!;
  }

  /** Gives a prefix a value. */
  insert(root: number, key: Int32Array, length: number, value: number): void {
    const depth = this.#walk(root, key, length);
    const above = depth === 0 ? NONE : this.#path[depth - 1]!;
    if (above !== NONE && this.length(above) === length) {
      if (this.value(above) === NONE) this.count++;
      this.#nodes[above + At.value] = value;
      return;
    }
    this.count++;
    const node = this.#newNode(key, length, value);
    const side = above === NONE ? 0 : bitAt(key, this.length(above));
    const below = above === NONE ? this.roots[root]! : this.#nodes[above + At.child + side]!;
    let top = node;
    if (below !== NONE) {
      const shared = this.#common(below, key, Math.min(length, this.length(below)));
      if (shared === length) {
        this.#nodes[node + At.child + this.#nodeBit(below, length)] = below;
      } else {
        top = this.#newNode(key, shared, NONE);
        this.#nodes[top + At.child + bitAt(key, shared)] = node;
        this.#nodes[top + At.child + this.#nodeBit(below, shared)] = below;
      }
    }
    this.#link(root, above, side, top);
  }

  /** Takes a prefix out. @returns whether it was there */
  remove(root: number, key: Int32Array, length: number): boolean {
    const nodes = this.#nodes;
    let depth = this.#walk(root, key, length);
    const node = depth === 0 ? NONE : this.#path[depth - 1]!;
    if (node === NONE || this.length(node) !== length || this.value(node) === NONE) return false;
    nodes[node + At.value] = NONE;
    this.count--;
    // A node without a value stays as long as two hang below it.
    for (let at = node; at !== NONE && this.value(at) === NONE; at = depth > 0 ? this.#path[depth - 1]! : NONE) {
      const left = nodes[at + At.child]!, right = nodes[at + At.child + 1]!;
      if (left !== NONE && right !== NONE) break;
      depth--;
      const above = depth > 0 ? this.#path[depth - 1]! : NONE;
      const side = above === NONE || nodes[above + At.child] === at ? 0 : 1;
      this.#link(root, above, side, left === NONE ? right : left);
      nodes[at + At.child] = this.#free;
      this.#free = at;
    }
    return true;
  }

  #link(root: number, above: number, side: number, node: number): void {
    if (above === NONE) this.roots[root] = node;
    else this.#nodes[above + At.child + side] = node;
  }

  #nodeBit(node: number, bit: number): number {
    return this.#nodes[node + At.key + (bit >> 5)]! >>> (31 - (bit & 31)) & 1;
  }

  #newNode(key: Int32Array, length: number, value: number): number {
    let node = this.#free;
    if (node === NONE) {
      node = this.#used;
      this.#used += this.#stride;
      if (this.#used > this.#nodes.length) {
        const larger = new Int32Array(2 * this.#nodes.length);
        larger.set(this.#nodes);
        this.#nodes = larger;
      }
    } else {
      this.#free = this.#nodes[node + At.child]!;
    }
    const nodes = this.#nodes;
    for (let word = 0; word < this.#width; word++) {
      const bits = Math.min(Math.max(length - 32 * word, 0), 32);
      nodes[node + At.key + word] = bits === 0 ? 0 : key[word]! & -1 << (32 - bits);
    }
    nodes[node] = length;
    nodes[node + At.child] = NONE;
    nodes[node + At.child + 1] = NONE;
    nodes[node + At.value] = value;
    return node;
  }
}

function bitAt(key: Int32Array, bit: number): number {
  return key[bit >> 5]! >>> (31 - (bit & 31)) & 1;
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
  /** Length of the last match of {@linkcode find}, 0 to 128. */
  foundLength = 0;

  constructor(options: PrefixTrieOptions = {}) {
    this.#covers = options.ipv6CoversIpv4 ?? true;
  }

  /** Prefixes with a value. */
  get size(): number {
    return this.#ipv4.count + this.#ipv6.count;
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
    if (isIpv4(words, at) && length >= MAPPED_BITS) {
      this.#key4[0] = swapped(words[at + 3]!);
      this.#ipv4.insert(this.#root(length - MAPPED_BITS), this.#key4, length - MAPPED_BITS, value);
    } else {
      this.#readKey6(words, at);
      this.#ipv6.insert(0, this.#key6, length, value);
    }
  }

  /** Takes a prefix out. @returns whether it was there */
  delete(words: Uint32Array, at: number, length: number): boolean {
    if (isIpv4(words, at) && length >= MAPPED_BITS) {
      this.#key4[0] = swapped(words[at + 3]!);
      return this.#ipv4.remove(this.#root(length - MAPPED_BITS), this.#key4, length - MAPPED_BITS);
    }
    this.#readKey6(words, at);
    return this.#ipv6.remove(0, this.#key6, length);
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
