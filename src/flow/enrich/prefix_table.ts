/** Values by prefix, and how settings write them. */
import type { Section } from "../../config/mod.ts";
import { parsePrefix, type Prefix } from "./prefix.ts";
import { PrefixTrie } from "./prefix_trie.ts";

/** A prefix and what is said of it. */
export interface PrefixEntry<V> {
  readonly prefix: Prefix;
  readonly value: V;
}

/** Finds the value of the longest prefix that holds an address. `::/0` holds IPv4 too. */
export class PrefixTable<V> {
  readonly #trie = new PrefixTrie();
  readonly #values: V[] = [];

  /** Of two equal prefixes the later counts. */
  constructor(entries: Iterable<PrefixEntry<V>>) {
    for (const { prefix, value } of entries) {
      this.#trie.set(prefix.words, 0, prefix.length, this.#values.push(value) - 1);
    }
  }

  /** Prefixes. */
  get size(): number {
    return this.#trie.size;
  }

  /** The value for the address whose words stand in `words` at `at`. */
  find(words: Uint32Array, at: number): V | undefined {
    const index = this.#trie.find(words, at);
    return index < 0 ? undefined : this.#values[index];
  }
}

/**
 * Reads a map keyed by subnets. A value in its place, if `readBare` takes it, is that of `::/0`.
 *
 * @param read reads the value of one subnet, a key of the section it is given; undefined: it has refused it
 * @throws {ConfigError} on a key that is no subnet
 */
export function readPrefixes<V>(
  section: Section,
  key: string,
  read: (subnets: Section, subnet: string) => V | undefined,
  readBare?: (section: Section, key: string) => V | undefined,
): PrefixEntry<V>[] {
  const written = section.value(key);
  if (written === undefined) return [];
  const isMap = typeof written === "object" && !Array.isArray(written);
  if (!isMap && readBare !== undefined) {
    const value = readBare(section, key);
    return value === undefined ? [] : [{ prefix: parsePrefix("::/0")!, value }];
  }
  const subnets = section.section(key);
  const entries: PrefixEntry<V>[] = [];
  for (const subnet of subnets.keys()) {
    const prefix = parsePrefix(subnet);
    if (prefix === undefined) {
      subnets.refuse(subnet, "a subnet such as 192.0.2.0/24 or 2001:db8::/32 in front of it");
      continue;
    }
    const value = read(subnets, subnet);
    if (value !== undefined) entries.push({ prefix, value });
  }
  return entries;
}
