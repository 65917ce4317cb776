/** What the enrichment asks of routes, whoever knows them. */

/** What came with a route; shared by all routes that it came with, and not to be changed. */
export interface PathAttributes {
  /**
   * AS numbers from the nearest to the origin up to `pathEnd`; communities up to `communitiesEnd`; then large ones, three
   * words each: AS number, data 1, data 2.
   */
  readonly words: Uint32Array;
  /** Where the AS numbers begin. */
  readonly pathStart: number;
  readonly pathEnd: number;
  readonly communitiesEnd: number;
}

/** The answer to a lookup; filled anew by the next. */
export interface FoundRoute {
  /** Origin AS; 0 unknown. */
  asn: number;
  /** Bits of the prefix; of an IPv4 prefix without its 96 mapped ones. */
  netMask: number;
  /** Four words that lie in memory as the 16 octets do; all 0: none. */
  readonly nextHop: Uint32Array;
  attributes: PathAttributes;
}

/** Somebody who knows routes. */
export interface Routing {
  /**
   * The route to the address whose words stand in `words` at `at`: of the longest prefix that holds it, the first with
   * that next hop (four words in `nextHops` at `nextHopAt`), else the first. False: there is none.
   */
  find(words: Uint32Array, at: number, nextHops: Uint32Array | null, nextHopAt: number, found: FoundRoute): boolean;
}

/** The attributes of a route that came without any. */
export const NO_ATTRIBUTES: PathAttributes = {
  words: new Uint32Array(0),
  pathStart: 0,
  pathEnd: 0,
  communitiesEnd: 0,
};

/** Room for an answer. */
export function newFoundRoute(): FoundRoute {
  return { asn: 0, netMask: 0, nextHop: new Uint32Array(4), attributes: NO_ATTRIBUTES };
}
