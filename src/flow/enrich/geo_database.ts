/** Databases in MaxMind's format (MMDB 2.0): addresses to places and AS numbers. */
import { Buffer } from "node:buffer";
import type { Reader, Response } from "maxmind";
import { formatAddress } from "../address.ts";
import { MAPPED_WORD } from "../columns_pool.ts";
import { MAPPED_BITS, swapped } from "./prefix.ts";

/** What a database says of a network; "" or 0 of an attribute: nothing. */
export interface GeoRecord {
  /** Two letters, ISO 3166-1. */
  readonly country: string;
  /** ISO 3166-2 without the country. */
  readonly state: string;
  readonly city: string;
  readonly asn: number;
}

const EMPTY: GeoRecord = { country: "", state: "", city: "", asn: 0 };

/** A file that is no database, or a damaged one. */
export class GeoDatabaseError extends Error {
  override readonly name = "GeoDatabaseError";
  readonly code = "flow.geo_database";

  constructor(readonly path: string, state: string, cause: unknown) {
    super(`Cannot use the database ${path}: ${state}`, { cause });
  }
}

/** Leaves of IPv4 that are reached within so many bits are found at once, and a walk begins behind them. */
const JUMP_BITS = 16;

/**
 * One database. The library reads its records, each once; the way from an address to its record is walked here, on
 * numbers: the library's own lookup takes texts.
 */
export class GeoDatabase {
  readonly #reader: Reader<Response>;
  readonly #tree: Uint8Array;
  readonly #nodes: number;
  readonly #nodeBytes: number;
  readonly #isIpv6: boolean;
  /** Where the addresses of IPv4 begin in a tree of IPv6. */
  readonly #ipv4Start: number;
  /** What the first bits of an IPv4 address lead to, and after how many bits. */
  readonly #jumps = new Uint32Array(1 << JUMP_BITS);
  readonly #jumpLengths = new Uint8Array(1 << JUMP_BITS);
  readonly #records = new Map<number, GeoRecord>();
  readonly #readsIpinfo: boolean;
  /** Length of the prefix of the last {@linkcode find}, 0 to 128. */
  foundLength = 0;

  /**
   * @param library the class of the library `maxmind`, which is loaded by whoever needs it
   * @throws {GeoDatabaseError}
   */
  constructor(readonly path: string, bytes: Uint8Array<ArrayBuffer>, library: typeof Reader) {
    try {
      this.#reader = new library<Response>(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    } catch (cause) {
      throw new GeoDatabaseError(path, "it is no MMDB file", cause);
    }
    const { nodeCount, nodeByteSize, searchTreeSize, ipVersion, databaseType, recordSize } = this.#reader.metadata;
    if (searchTreeSize > bytes.length || ![24, 28, 32].includes(recordSize) || nodeByteSize !== recordSize / 4) {
      throw new GeoDatabaseError(path, "it is cut short", undefined);
    }
    this.#tree = bytes.subarray(0, searchTreeSize);
    this.#nodes = nodeCount;
    this.#nodeBytes = nodeByteSize;
    this.#isIpv6 = ipVersion === 6;
    this.#readsIpinfo = String(databaseType).startsWith("ipinfo ");
    let start = 0;
    for (let bit = 0; this.#isIpv6 && bit < MAPPED_BITS && start < nodeCount; bit++) start = this.#child(start, 0);
    this.#ipv4Start = start;
    this.#fillJumps();
  }

  /** Nodes of its tree. */
  get size(): number {
    return this.#nodes;
  }

  /** What it says of an address, the length of the prefix in {@linkcode foundLength}; undefined: nothing. */
  find(words: Uint32Array, at: number): GeoRecord | undefined {
    const nodes = this.#nodes;
    let node = 0;
    if (words[at + 2] === MAPPED_WORD && words[at] === 0 && words[at + 1] === 0) {
      const key = swapped(words[at + 3]!);
      node = this.#jumps[key >>> 16]!;
      let bit = this.#jumpLengths[key >>> 16]!;
      for (; node < nodes && bit < 32; bit++) node = this.#child(node, key >>> (31 - bit) & 1);
      this.foundLength = MAPPED_BITS + bit;
    } else {
      if (!this.#isIpv6) return undefined;
      let bit = 0, key = 0;
      for (; node < nodes && bit < 128; bit++) {
        // IPv4 within IPv6, such as 6to4, leads to the tree of IPv4: that says nothing of the IPv6 network.
        if (node === this.#ipv4Start && bit > 0) return undefined;
        if ((bit & 31) === 0) key = swapped(words[at + (bit >> 5)]!);
        node = this.#child(node, key >>> (31 - (bit & 31)) & 1);
      }
      this.foundLength = bit;
    }
    return node > nodes ? this.#record(node, words, at) : undefined;
  }

  #record(pointer: number, words: Uint32Array, at: number): GeoRecord {
    let record = this.#records.get(pointer);
    if (record === undefined) {
      record = this.#read(words, at);
      this.#records.set(pointer, record);
    }
    return record;
  }

  #read(words: Uint32Array, at: number): GeoRecord {
    let found: unknown;
    try {
      found = this.#reader.get(formatAddress(words, at));
    } catch {
      return EMPTY; // a damaged record says nothing, the others are good
    }
    return this.#readsIpinfo ? readIpinfo(found) : readMaxmind(found);
  }

  #child(node: number, side: number): number {
    const tree = this.#tree;
    const at = node * this.#nodeBytes;
    switch (this.#nodeBytes) {
      case 6: {
        const from = at + 3 * side;
        return tree[from]! << 16 | tree[from + 1]! << 8 | tree[from + 2]!;
      }
      case 7: {
        const middle = tree[at + 3]!;
        const high = side === 0 ? middle >> 4 : middle & 15;
        const from = at + 4 * side;
        return high << 24 | tree[from]! << 16 | tree[from + 1]! << 8 | tree[from + 2]!;
      }
      default: {
        const from = at + 4 * side;
        return (tree[from]! << 24 | tree[from + 1]! << 16 | tree[from + 2]! << 8 | tree[from + 3]!) >>> 0;
      }
    }
  }

  #fillJumps(): void {
    for (let first = 0; first < 1 << JUMP_BITS; first++) {
      let node = this.#ipv4Start, bit = 0;
      for (; node < this.#nodes && bit < JUMP_BITS; bit++) {
        node = this.#child(node, first >>> (JUMP_BITS - 1 - bit) & 1);
      }
      this.#jumps[first] = node;
      this.#jumpLengths[first] = bit;
    }
  }
}

function field(value: unknown, ...path: (string | number)[]): unknown {
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function asNumber(value: unknown): number {
  return typeof value === "number" && value >= 0 && value <= 0xffff_ffff ? Math.floor(value) : 0;
}

function readMaxmind(found: unknown): GeoRecord {
  return {
    country: text(field(found, "country", "iso_code")),
    state: text(field(found, "subdivisions", 0, "iso_code")),
    city: text(field(found, "city", "names", "en")),
    asn: asNumber(field(found, "autonomous_system_number")),
  };
}

function readIpinfo(found: unknown): GeoRecord {
  const asn = /^AS(\d{1,10})$/.exec(text(field(found, "asn")));
  return {
    country: text(field(found, "country")),
    state: text(field(found, "region")),
    city: text(field(found, "city")),
    asn: asn === null ? 0 : asNumber(Number(asn[1])),
  };
}
