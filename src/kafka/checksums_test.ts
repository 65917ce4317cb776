import assert from "node:assert/strict";
import { crc32c } from "./crc32c.ts";
import { keyPartition, murmur2 } from "./murmur2.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

// RFC 3720 appendix B.4, and the check value of the catalogue of CRCs.
const checksums: [bytes: Uint8Array, crc: number][] = [
  [new Uint8Array(32), 0x8a9136aa],
  [new Uint8Array(32).fill(0xff), 0x62a8ab43],
  [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  [bytesOf("123456789"), 0xe3069283],
  [new Uint8Array(0), 0],
];
for (const [bytes, crc] of checksums) {
  Deno.test(`crc32c() of ${bytes.toHex()}`, () => assert.equal(crc32c(bytes), crc));
}

Deno.test("crc32c() of a part is that of the part alone, at every length and start", () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i * 37);
  for (let start = 0; start < 20; start++) {
    for (let end = start; end <= 64; end++) assert.equal(crc32c(bytes, start, end), crc32c(bytes.slice(start, end)));
  }
});

// Of org.apache.kafka.common.utils.UtilsTest.
const hashes: [key: string, hash: number][] = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
];
for (const [key, hash] of hashes) {
  Deno.test(`murmur2() of ${key}`, () => assert.equal(murmur2(bytesOf(key)), hash));
}

Deno.test("keyPartition() is never negative", () => {
  assert.equal(keyPartition(bytesOf("21"), 10), (-973932308 & 0x7fffffff) % 10);
  for (let i = 0; i < 100; i++) assert.ok(keyPartition(bytesOf(`${i}`), 7) >= 0);
});
