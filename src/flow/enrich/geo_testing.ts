/** Writes small databases in MaxMind's format, for tests. */
import { MAPPED_BITS, parsePrefix } from "./prefix.ts";

/** A value of a database's record. */
export type GeoValue = string | number | readonly GeoValue[] | { readonly [key: string]: GeoValue };

/** What a database is like. */
export interface GeoFile {
  readonly entries: readonly (readonly [prefix: string, value: GeoValue])[];
  readonly type?: string;
  readonly recordBits?: 24 | 28 | 32;
  readonly ipVersion?: 4 | 6;
  /** Prefixes of IPv6 that lead to the tree of IPv4. */
  readonly aliases?: readonly string[];
}

type Node = [Child, Child];
type Child = Node | number | null;

/** The bytes of a database. Prefixes that hold others must come first. */
export function encodeGeoFile(file: GeoFile): Uint8Array<ArrayBuffer> {
  const { entries, type = "Test", recordBits = 24, ipVersion = 6, aliases = [] } = file;
  const data: number[] = [];
  const root: Node = [null, null];
  for (const [prefix, value] of entries) {
    const at = data.length;
    encodeValue(value, data);
    insert(root, bitsOf(prefix, ipVersion), at);
  }
  for (const alias of aliases) insert(root, bitsOf(alias, ipVersion), ipv4Node(root));
  const nodes: Node[] = [];
  const numbers = new Map<Node, number>();
  const number = (node: Node): void => {
    if (numbers.has(node)) return;
    numbers.set(node, nodes.push(node) - 1);
    for (const child of node) if (Array.isArray(child)) number(child);
  };
  number(root);
  const tree: number[] = [];
  const valueOf = (child: Child) =>
    child === null ? nodes.length : typeof child === "number" ? nodes.length + 16 + child : numbers.get(child)!;
  for (const node of nodes) {
    const left = valueOf(node[0]), right = valueOf(node[1]);
    const low = (value: number) => [value >> 16 & 255, value >> 8 & 255, value & 255];
    if (recordBits === 24) tree.push(...low(left), ...low(right));
    else if (recordBits === 28) tree.push(...low(left), left >>> 24 << 4 | right >>> 24, ...low(right));
    else tree.push(left >>> 24, ...low(left), right >>> 24, ...low(right));
  }
  const metadata: number[] = [];
  encodeValue({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    database_type: type,
    description: { en: "for tests" },
    ip_version: ipVersion,
    languages: ["en"],
    node_count: nodes.length,
    record_size: recordBits,
  }, metadata);
  const marker = [0xab, 0xcd, 0xef, ...new TextEncoder().encode("MaxMind.com")];
  return new Uint8Array([...tree, ...new Array(16).fill(0), ...data, ...marker, ...metadata]);
}

function bitsOf(text: string, ipVersion: 4 | 6): number[] {
  const { words, length } = parsePrefix(text)!;
  const octets = new Uint8Array(words.buffer as ArrayBuffer);
  const bits = Array.from({ length }, (_, i) => octets[i >> 3]! >> (7 - (i & 7)) & 1);
  if (text.includes(":")) return bits;
  // The addresses of IPv4 are ::/96 in a tree of IPv6.
  const own = bits.slice(MAPPED_BITS);
  return ipVersion === 4 ? own : [...new Array(MAPPED_BITS).fill(0), ...own];
}

function insert(root: Node, bits: readonly number[], value: Child): void {
  let node = root;
  for (const [i, bit] of bits.entries()) {
    if (i === bits.length - 1) {
      node[bit as 0 | 1] = value;
      return;
    }
    const child = node[bit as 0 | 1];
    const next: Node = Array.isArray(child) ? child : [child, child];
    node[bit as 0 | 1] = next;
    node = next;
  }
}

function ipv4Node(root: Node): Child {
  let node: Child = root;
  for (let i = 0; i < MAPPED_BITS; i++) node = (node as Node)[0];
  return node;
}

function encodeValue(value: GeoValue, out: number[]): void {
  if (typeof value === "string") {
    const octets = new TextEncoder().encode(value);
    control(2, octets.length, out);
    out.push(...octets);
  } else if (typeof value === "number") {
    control(6, 4, out);
    out.push(value >>> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
  } else if (Array.isArray(value)) {
    control(11, value.length, out);
    for (const one of value) encodeValue(one, out);
  } else {
    const entries = Object.entries(value);
    control(7, entries.length, out);
    for (const [key, one] of entries) {
      encodeValue(key, out);
      encodeValue(one, out);
    }
  }
}

function control(type: number, size: number, out: number[]): void {
  const low = size < 29 ? size : 29;
  out.push((type < 8 ? type << 5 : 0) | low);
  if (type >= 8) out.push(type - 7);
  if (size >= 29) out.push(size - 29);
}
