import assert from "node:assert/strict";
import { fnv1a32, fnv1a64, metroHash64, newHash64 } from "./hash.ts";

const text = new TextEncoder();

function hex(hash: Uint32Array): string {
  return [...hash].map((half) => half.toString(16).padStart(8, "0")).join("");
}

function metro(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const out = newHash64();
  metroHash64(bytes, start, end, out);
  return hex(out);
}

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

const metroVectors: [input: string, hash: string][] = [
  ["", "e2f700c7be596c30"],
  ["a", "d924f06e80703f5f"],
  ["ab", "5e610dafc45f24a6"],
  ["abc", "d5bd307eacfe96d8"],
  ["abcd", "bcd96f4f49fc6c63"],
  ["alpha", "4a513e50c0c938dd"],
  ["12345678", "195c1f04008f34b0"],
  ["0123456789abcdef", "6c3e75150992d7f3"],
  [alphabet, "16e7795268cb06dc"],
  [alphabet + alphabet, "296a73c2ea0a18d8"],
];
for (const [input, hash] of metroVectors) {
  Deno.test(`metroHash64() of "${input}"`, () => {
    assert.equal(metro(text.encode(input)), hash);
    assert.equal(metro(text.encode(`<${input}>`), 1, input.length + 1), hash);
  });
}

const fnvVectors: [input: string, hash: string][] = [
  ["", "cbf29ce484222325"],
  ["alpha", "8ac625bb85ed202b"],
  ["beta", "7627619b954620a7"],
  ["gamma", "229176bd1f6ba96a"],
];
for (const [input, hash] of fnvVectors) {
  Deno.test(`fnv1a64() of "${input}"`, () => {
    const out = newHash64();
    fnv1a64(text.encode(`<${input}>`), 1, input.length + 1, out);
    assert.equal(hex(out), hash);
  });
}

const keys: [name: string, type: string, tags: string, hash: number][] = [
  ["page.views", "counter", "", 0xafd4d97e],
  ["page.views", "counter", "env:prod,region:us", 0x1c732d0e],
  ["req.ms", "timer", "a:1", 0x6e755562],
  ["checkout.latency", "timer", "env:prod,svc:pay", 0xdf71205a],
  ["queue.depth", "histogram", "q:mail", 0x159b6263],
];
for (const [name, type, tags, hash] of keys) {
  Deno.test(`fnv1a32() of ${name} ${type} ${tags}, whole and in parts`, () => {
    const whole = text.encode(name + type + tags);
    assert.equal(fnv1a32(whole, 0, whole.length), hash);
    let inParts = fnv1a32(text.encode(name), 0, name.length);
    inParts = fnv1a32(text.encode(type), 0, type.length, inParts);
    assert.equal(fnv1a32(text.encode(tags), 0, tags.length, inParts), hash);
  });
}

// The same definitions in bigint, for lengths and bytes the vectors don't have.
const MASK = (1n << 64n) - 1n;
const [k0, k1, k2, k3] = [0xd6d018f5n, 0xa2aa033bn, 0x62992fc1n, 0x30bc5b29n];
const add = (a: bigint, b: bigint) => a + b & MASK;
const mul = (a: bigint, b: bigint) => a * b & MASK;
const rotate = (x: bigint, n: bigint) => x >> n | x << 64n - n & MASK;

function metroReference(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u64 = (at: number) => view.getBigUint64(at, true);
  let at = 0;
  let h = mul(1337n + k2, k0);
  if (bytes.length >= 32) {
    let [v0, v1, v2, v3] = [h, h, h, h];
    for (; bytes.length - at >= 32; at += 32) {
      v0 = add(rotate(add(v0, mul(u64(at), k0)), 29n), v2);
      v1 = add(rotate(add(v1, mul(u64(at + 8), k1)), 29n), v3);
      v2 = add(rotate(add(v2, mul(u64(at + 16), k2)), 29n), v0);
      v3 = add(rotate(add(v3, mul(u64(at + 24), k3)), 29n), v1);
    }
    v2 ^= mul(rotate(add(mul(add(v0, v3), k0), v1), 37n), k1);
    v3 ^= mul(rotate(add(mul(add(v1, v2), k1), v0), 37n), k0);
    v0 ^= mul(rotate(add(mul(add(v0, v2), k0), v3), 37n), k1);
    v1 ^= mul(rotate(add(mul(add(v1, v3), k1), v2), 37n), k0);
    h = add(h, v0 ^ v1);
  }
  if (bytes.length - at >= 16) {
    let a = mul(rotate(add(h, mul(u64(at), k2)), 29n), k3);
    let c = mul(rotate(add(h, mul(u64(at + 8), k2)), 29n), k3);
    a ^= add(rotate(mul(a, k0), 21n), c);
    c ^= add(rotate(mul(c, k3), 21n), a);
    h = add(h, c);
    at += 16;
  }
  const step = (word: bigint, turn: bigint, size: number) => {
    h = add(h, mul(word, k3));
    h ^= mul(rotate(h, turn), k1);
    at += size;
  };
  if (bytes.length - at >= 8) step(u64(at), 55n, 8);
  if (bytes.length - at >= 4) step(BigInt(view.getUint32(at, true)), 26n, 4);
  if (bytes.length - at >= 2) step(BigInt(view.getUint16(at, true)), 48n, 2);
  if (bytes.length - at >= 1) step(BigInt(view.getUint8(at)), 37n, 1);
  h ^= rotate(h, 28n);
  h = mul(h, k0);
  h ^= rotate(h, 29n);
  return h.toString(16).padStart(16, "0");
}

Deno.test("metroHash64() equals its definition in bigint at every length to 200", () => {
  for (let length = 0; length <= 200; length++) {
    for (let round = 0; round < 20; round++) {
      const bytes = crypto.getRandomValues(new Uint8Array(length));
      assert.equal(metro(bytes), metroReference(bytes), `${length}: ${bytes}`);
    }
  }
});

Deno.test("fnv1a64() equals its definition in bigint on random bytes", () => {
  const out = newHash64();
  for (let length = 0; length <= 64; length++) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    let h = 0xcbf29ce484222325n;
    for (const byte of bytes) h = mul(h ^ BigInt(byte), 0x100000001b3n);
    fnv1a64(bytes, 0, length, out);
    assert.equal(hex(out), h.toString(16).padStart(16, "0"));
  }
});
