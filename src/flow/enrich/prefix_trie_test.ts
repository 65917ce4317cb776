import assert from "node:assert/strict";
import { parsePrefix, type Prefix } from "./prefix.ts";
import { PrefixTrie } from "./prefix_trie.ts";

const parsed: [text: string, hex: string, length: number][] = [
  ["192.0.2.0/24", "00000000000000000000ffffc0000200", 120],
  ["192.0.2.77/24", "00000000000000000000ffffc0000200", 120],
  ["0.0.0.0/0", "00000000000000000000ffff00000000", 96],
  ["203.0.113.9", "00000000000000000000ffffcb007109", 128],
  ["2001:db8::1/33", "20010db8000000000000000000000000", 33],
  ["::/0", "00000000000000000000000000000000", 0],
  ["::ffff:192.0.2.1/120", "00000000000000000000ffffc0000200", 120],
];
for (const [text, hex, length] of parsed) {
  Deno.test(`parsePrefix() reads ${text}`, () => {
    const prefix = parsePrefix(text)!;
    assert.equal(new Uint8Array(prefix.words.buffer as ArrayBuffer).toHex(), hex);
    assert.equal(prefix.length, length);
  });
}
for (const text of ["", "192.0.2.0/33", "192.0.2.0/", "2001:db8::/129", "192.0.2/24", "::/-1", "::/1e1", "a/8"]) {
  Deno.test(`parsePrefix() refuses ${JSON.stringify(text)}`, () => assert.equal(parsePrefix(text), undefined));
}

function newTrie(entries: readonly (readonly [string, number])[], covers = true): PrefixTrie {
  const trie = new PrefixTrie({ ipv6CoversIpv4: covers });
  for (const [text, value] of entries) {
    const { words, length } = parsePrefix(text)!;
    trie.set(words, 0, length, value);
  }
  return trie;
}

function find(trie: PrefixTrie, address: string): [number, number] {
  const value = trie.find(parsePrefix(address)!.words, 0);
  return [value, value < 0 ? -1 : trie.foundLength];
}

const TABLE = [
  ["10.0.0.0/8", 1],
  ["10.1.0.0/16", 2],
  ["10.1.2.0/24", 3],
  ["10.1.2.3/32", 4],
  ["0.0.0.0/0", 5],
  ["2001:db8::/32", 6],
  ["2001:db8:1::/48", 7],
] as const;
const found: [address: string, value: number, length: number][] = [
  ["10.1.2.3", 4, 128],
  ["10.1.2.4", 3, 120],
  ["10.1.3.4", 2, 112],
  ["10.2.3.4", 1, 104],
  ["11.2.3.4", 5, 96],
  ["2001:db8:1::9", 7, 48],
  ["2001:db8:2::9", 6, 32],
  ["2001:db9::", -1, -1],
];
for (const [address, value, length] of found) {
  Deno.test(`PrefixTrie.find() knows ${address}`, () => {
    assert.deepEqual(find(newTrie(TABLE), address), [value, length]);
    assert.deepEqual(find(newTrie(TABLE.toReversed()), address), [value, length]);
  });
}

Deno.test("PrefixTrie.find() lets ::/0 hold IPv4 unless told otherwise", () => {
  assert.deepEqual(find(newTrie([["::/0", 9]]), "192.0.2.1"), [9, 0]);
  assert.deepEqual(find(newTrie([["::/0", 9]], false), "192.0.2.1"), [-1, -1]);
  assert.deepEqual(find(newTrie([["::/0", 9]], false), "2001:db8::"), [9, 0]);
});

Deno.test("PrefixTrie.findAll() gives every prefix that holds an address, the shortest first", () => {
  const values = new Int32Array(129), lengths = new Uint8Array(129);
  const trie = newTrie([...TABLE, ["::/0", 8]]);
  const count = trie.findAll(parsePrefix("10.1.2.3")!.words, 0, values, lengths);
  assert.deepEqual([...values.subarray(0, count)], [8, 5, 1, 2, 3, 4]);
  assert.deepEqual([...lengths.subarray(0, count)], [0, 96, 104, 112, 120, 128]);
});

Deno.test("PrefixTrie.delete() takes out exactly the prefix", () => {
  const trie = newTrie(TABLE);
  const { words, length } = parsePrefix("10.1.0.0/16")!;
  assert.equal(trie.delete(words, 0, length - 1), false);
  assert.equal(trie.delete(words, 0, length), true);
  assert.equal(trie.delete(words, 0, length), false);
  assert.deepEqual(find(trie, "10.1.3.4"), [1, 104]);
  assert.deepEqual(find(trie, "10.1.2.4"), [3, 120]);
  assert.equal(trie.size, TABLE.length - 1);
});

/** A generator of numbers below 2^32 that gives the same ones each time. */
function newRandom(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return (t ^ t >>> 14) >>> 0;
  };
}

/** Few distinct bits, so that prefixes meet. */
function randomPrefix(random: () => number): Prefix {
  const part = () => random() & 0x0f01;
  const text = random() % 2 === 0
    ? `${10 + random() % 2}.${random() % 2}.${part() & 0xff}.${part() & 0xff}/${random() % 33}`
    : `2001:db8:${part().toString(16)}::${part().toString(16)}/${random() % 129}`;
  return parsePrefix(text)!;
}

Deno.test("PrefixTrie agrees with a list of prefixes through random changes", () => {
  const random = newRandom(1);
  const trie = new PrefixTrie();
  const list = new Map<string, [Prefix, number]>();
  const values = new Int32Array(129), lengths = new Uint8Array(129);
  const holds = (a: Prefix, b: Prefix) => a.length <= b.length && masked(b, a.length) === masked(a, a.length);
  for (let turn = 0; turn < 6000; turn++) {
    const prefix = randomPrefix(random);
    const key = `${prefix.words}/${prefix.length}`;
    if (random() % 5 < 2) {
      assert.equal(trie.delete(prefix.words, 0, prefix.length), list.delete(key));
    } else {
      trie.set(prefix.words, 0, prefix.length, turn);
      list.set(key, [prefix, turn]);
    }
    assert.equal(trie.size, list.size);
    if (turn % 20 !== 0) continue;
    const { words } = randomPrefix(random);
    const address = { words, length: 128 };
    const matches = [...list.values()].filter(([one]) => holds(one, address)).sort(([a], [b]) => a.length - b.length);
    const count = trie.findAll(words, 0, values, lengths);
    assert.deepEqual([...values.subarray(0, count)], matches.map(([, value]) => value));
    assert.equal(trie.find(words, 0), matches.at(-1)?.[1] ?? -1);
    assert.equal(trie.get(prefix.words, 0, prefix.length), list.get(key)?.[1] ?? -1);
  }
  for (const [{ words, length }] of list.values()) assert.equal(trie.delete(words, 0, length), true);
  assert.equal(trie.size, 0);
});

function masked({ words }: Prefix, length: number): string {
  return [...new Uint8Array(words.slice().buffer)].map((octet) => octet.toString(2).padStart(8, "0")).join("")
    .slice(0, length);
}
