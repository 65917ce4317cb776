/** The routes of all peers by prefix: changed by their updates, asked by flows. */
import { MAPPED_WORD } from "../columns_pool.ts";
import { MAPPED_BITS } from "../enrich/prefix.ts";
import { PrefixTrie } from "../enrich/prefix_trie.ts";
import type { FoundRoute, Routing } from "../enrich/routing.ts";
import { type AttributeSet, AttributeSets } from "./attribute_sets.ts";
import type { NlriList } from "./nlri.ts";

const NONE = -1;

/** Routes that are kept at most, some 2 GB of them. */
const MOST_ROUTES = 16_000_000;

/** A peer's part of the table. */
export interface RibPeer {
  /** Its routes are found. */
  isAlive: boolean;
  /** Routes, those not yet swept included. */
  routes: number;
  /** The last route of its list. */
  head: number;
}

/** Columns of a route, in words of 32 bits: all that is known of one lies together. */
const At = {
  prefix: 0,
  nextInPrefix: 1,
  previousInPrefix: 2,
  nextInPeer: 3,
  previousInPeer: 4,
  pathId: 5,
  rdHigh: 6,
  rdLow: 7,
  safi: 8,
} as const;
const ROUTE_WORDS = 9;

/** Columns of a prefix: its four words, its length, its first and its last route. */
const Of = { words: 0, length: 4, head: 5, tail: 6 } as const;
const PREFIX_WORDS = 8;

/** What an announcement did. */
export type RibChange = "added" | "updated" | "refused";

/** The table. Prefixes are four words as the 16 octets lie in memory, and a length in 128 bits. */
export class Rib implements Routing {
  readonly #trie = new PrefixTrie({ ipv6CoversIpv4: false });
  readonly attributes = new AttributeSets();
  #routes = new Int32Array(ROUTE_WORDS * 1024);
  readonly #peers: (RibPeer | undefined)[] = [];
  readonly #sets: (AttributeSet | undefined)[] = [];
  #usedRoutes = 0;
  #freeRoute = NONE;
  #size = 0;
  readonly #mostRoutes: number;

  #prefixes = new Int32Array(PREFIX_WORDS * 1024);
  #usedPrefixes = 0;
  #freePrefix = NONE;

  readonly #key = new Uint32Array(4);
  readonly #dead: RibPeer[] = [];
  readonly #values = new Int32Array(129);
  readonly #lengths = new Uint8Array(129);

  constructor(options: { readonly mostRoutes?: number } = {}) {
    this.#mostRoutes = options.mostRoutes ?? MOST_ROUTES;
  }

  /** Routes, those of removed peers that are not yet swept included. */
  get size(): number {
    return this.#size;
  }

  /** Prefixes. */
  get prefixes(): number {
    return this.#trie.size;
  }

  newPeer(): RibPeer {
    return { isAlive: true, routes: 0, head: NONE };
  }

  /** Takes in the route of a peer to prefix `index` of a list; one with the same distinguisher and path id is replaced. */
  announce(peer: RibPeer, list: NlriList, index: number, set: AttributeSet): RibChange {
    const prefix = this.#trie.get(list.words, 4 * index, list.lengths[index]!);
    const known = prefix === NONE ? NONE : this.#findRoute(prefix, peer, list, index);
    if (known !== NONE) {
      const old = this.#sets[known]!;
      if (old !== set) {
        set.uses++;
        this.#sets[known] = set;
        this.attributes.release(old);
      }
      return "updated";
    }
    if (this.#size >= this.#mostRoutes) return "refused";
    const route = this.#newRoute();
    const routes = this.#routes, at = route * ROUTE_WORDS;
    const home = prefix === NONE ? this.#newPrefix(list, index) : prefix;
    const prefixes = this.#prefixes, homeAt = home * PREFIX_WORDS;
    const last = prefixes[homeAt + Of.tail]!;
    routes[at + At.prefix] = home;
    routes[at + At.previousInPrefix] = last;
    routes[at + At.nextInPrefix] = NONE;
    if (last === NONE) prefixes[homeAt + Of.head] = route;
    else routes[last * ROUTE_WORDS + At.nextInPrefix] = route;
    prefixes[homeAt + Of.tail] = route;
    routes[at + At.nextInPeer] = peer.head;
    routes[at + At.previousInPeer] = NONE;
    if (peer.head !== NONE) routes[peer.head * ROUTE_WORDS + At.previousInPeer] = route;
    peer.head = route;
    peer.routes++;
    routes[at + At.pathId] = list.pathIds[index]!;
    routes[at + At.rdHigh] = list.rds[2 * index]!;
    routes[at + At.rdLow] = list.rds[2 * index + 1]!;
    routes[at + At.safi] = list.safis[index]!;
    this.#peers[route] = peer;
    this.#sets[route] = set;
    set.uses++;
    this.#size++;
    return "added";
  }

  /** Takes out the route of a peer to prefix `index` of a list. @returns whether it was there */
  withdraw(peer: RibPeer, list: NlriList, index: number): boolean {
    const prefix = this.#trie.get(list.words, 4 * index, list.lengths[index]!);
    const route = prefix === NONE ? NONE : this.#findRoute(prefix, peer, list, index);
    if (route === NONE) return false;
    this.#removeRoute(route);
    return true;
  }

  /** The routes of a peer are found no more, from this moment on; {@linkcode sweep} takes them out. */
  removePeer(peer: RibPeer): void {
    if (!peer.isAlive) return;
    peer.isAlive = false;
    if (peer.head !== NONE) this.#dead.push(peer);
  }

  /** Takes out routes of removed peers, `most` at a time. @returns whether some are left */
  sweep(most: number): boolean {
    for (let left = most; left > 0; left--) {
      const peer = this.#dead.at(-1);
      if (peer === undefined) return false;
      this.#removeRoute(peer.head);
      if (peer.head === NONE) this.#dead.pop();
    }
    return this.#dead.length > 0;
  }

  find(words: Uint32Array, at: number, nextHops: Uint32Array | null, nextHopAt: number, found: FoundRoute): boolean {
    const prefix = this.#trie.find(words, at);
    if (prefix === NONE) return false;
    // A flow that tells no next hop takes the first route: no need to look at the others.
    if (nextHops !== null && isZero(nextHops, nextHopAt)) nextHops = null;
    if (!this.#choose(prefix, this.#trie.foundLength, nextHops, nextHopAt, found)) {
      if (this.#dead.length === 0) return false; // every prefix has a route
      if (!this.#chooseShorter(words, at, nextHops, nextHopAt, found)) return false;
    }
    // Prefixes of IPv6 hold no addresses of IPv4 here.
    if (words[at + 2] === MAPPED_WORD && words[at] === 0 && words[at + 1] === 0) found.netMask -= MAPPED_BITS;
    return true;
  }

  /** The routes of the longest prefix are all of removed peers. */
  #chooseShorter(
    words: Uint32Array,
    at: number,
    nextHops: Uint32Array | null,
    nextHopAt: number,
    found: FoundRoute,
  ): boolean {
    for (let i = this.#trie.findAll(words, at, this.#values, this.#lengths) - 2; i >= 0; i--) {
      if (this.#choose(this.#values[i]!, this.#lengths[i]!, nextHops, nextHopAt, found)) return true;
    }
    return false;
  }

  #choose(
    prefix: number,
    length: number,
    nextHops: Uint32Array | null,
    nextHopAt: number,
    found: FoundRoute,
  ): boolean {
    const routes = this.#routes;
    const hasDead = this.#dead.length > 0; // a look at the peer is one more wait for memory
    let chosen: AttributeSet | undefined;
    for (
      let route = this.#prefixes[prefix * PREFIX_WORDS + Of.head]!;
      route !== NONE;
      route = routes[route * ROUTE_WORDS + At.nextInPrefix]!
    ) {
      if (hasDead && !this.#peers[route]!.isAlive) continue;
      const set = this.#sets[route]!;
      chosen ??= set;
      if (nextHops === null) break;
      const { words } = set;
      if (
        words[3] === nextHops[nextHopAt + 3] && words[2] === nextHops[nextHopAt + 2] &&
        words[1] === nextHops[nextHopAt + 1] && words[0] === nextHops[nextHopAt]
      ) {
        chosen = set;
        break;
      }
    }
    if (chosen === undefined) return false;
    found.asn = chosen.asn;
    found.netMask = length;
    for (let word = 0; word < 4; word++) found.nextHop[word] = chosen.words[word]!;
    found.attributes = chosen;
    return true;
  }

  #findRoute(prefix: number, peer: RibPeer, list: NlriList, index: number): number {
    const routes = this.#routes;
    const pathId = list.pathIds[index]! | 0, rdHigh = list.rds[2 * index]! | 0, rdLow = list.rds[2 * index + 1]! | 0;
    for (
      let route = this.#prefixes[prefix * PREFIX_WORDS + Of.head]!;
      route !== NONE;
      route = routes[route * ROUTE_WORDS + At.nextInPrefix]!
    ) {
      const at = route * ROUTE_WORDS;
      if (
        this.#peers[route] === peer && routes[at + At.pathId] === pathId && routes[at + At.rdLow] === rdLow &&
        routes[at + At.rdHigh] === rdHigh && routes[at + At.safi] === list.safis[index]
      ) return route;
    }
    return NONE;
  }

  #removeRoute(route: number): void {
    const routes = this.#routes, at = route * ROUTE_WORDS;
    const prefix = routes[at + At.prefix]!;
    const next = routes[at + At.nextInPrefix]!, previous = routes[at + At.previousInPrefix]!;
    const prefixes = this.#prefixes, prefixAt = prefix * PREFIX_WORDS;
    if (previous === NONE) prefixes[prefixAt + Of.head] = next;
    else routes[previous * ROUTE_WORDS + At.nextInPrefix] = next;
    if (next === NONE) prefixes[prefixAt + Of.tail] = previous;
    else routes[next * ROUTE_WORDS + At.previousInPrefix] = previous;
    if (next === NONE && previous === NONE) this.#removePrefix(prefix);
    const peer = this.#peers[route]!;
    const nextOfPeer = routes[at + At.nextInPeer]!, previousOfPeer = routes[at + At.previousInPeer]!;
    if (previousOfPeer === NONE) peer.head = nextOfPeer;
    else routes[previousOfPeer * ROUTE_WORDS + At.nextInPeer] = nextOfPeer;
    if (nextOfPeer !== NONE) routes[nextOfPeer * ROUTE_WORDS + At.previousInPeer] = previousOfPeer;
    peer.routes--;
    this.attributes.release(this.#sets[route]!);
    this.#peers[route] = undefined;
    this.#sets[route] = undefined;
    routes[at + At.prefix] = this.#freeRoute;
    this.#freeRoute = route;
    this.#size--;
  }

  #newRoute(): number {
    const free = this.#freeRoute;
    if (free !== NONE) {
      this.#freeRoute = this.#routes[free * ROUTE_WORDS + At.prefix]!;
      return free;
    }
    const route = this.#usedRoutes++;
    if (this.#usedRoutes * ROUTE_WORDS > this.#routes.length) {
      const larger = new Int32Array(2 * this.#routes.length);
      larger.set(this.#routes);
      this.#routes = larger;
    }
    return route;
  }

  #newPrefix(list: NlriList, index: number): number {
    let prefix = this.#freePrefix;
    if (prefix !== NONE) {
      this.#freePrefix = this.#prefixes[prefix * PREFIX_WORDS + Of.head]!;
    } else {
      prefix = this.#usedPrefixes++;
      if (this.#usedPrefixes * PREFIX_WORDS > this.#prefixes.length) {
        const larger = new Int32Array(2 * this.#prefixes.length);
        larger.set(this.#prefixes);
        this.#prefixes = larger;
      }
    }
    const prefixes = this.#prefixes, at = prefix * PREFIX_WORDS;
    const length = list.lengths[index]!;
    for (let word = 0; word < 4; word++) prefixes[at + word] = list.words[4 * index + word]!;
    prefixes[at + Of.length] = length;
    prefixes[at + Of.head] = NONE;
    prefixes[at + Of.tail] = NONE;
    this.#trie.set(list.words, 4 * index, length, prefix);
    return prefix;
  }

  #removePrefix(prefix: number): void {
    const prefixes = this.#prefixes, at = prefix * PREFIX_WORDS;
    const key = this.#key;
    for (let word = 0; word < 4; word++) key[word] = prefixes[at + word]!;
    this.#trie.delete(key, 0, prefixes[at + Of.length]!);
    prefixes[at + Of.head] = this.#freePrefix;
    this.#freePrefix = prefix;
  }
}

function isZero(words: Uint32Array, at: number): boolean {
  return (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) === 0;
}
