import assert from "node:assert/strict";
import { keyPartition, murmur2 } from "./murmur2.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

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
