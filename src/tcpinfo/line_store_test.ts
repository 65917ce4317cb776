import assert from "node:assert/strict";
import { LineStore, newChain } from "./line_store.ts";

const bytesOf = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => i * 31 + seed & 255);

Deno.test("LineStore gives back the lines of each chain in one piece", () => {
  const store = new LineStore(1024 * 1024);
  const chains = Array.from({ length: 20 }, () => ({ chain: newChain(), want: [] as number[] }));
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 200; i++) {
      const { chain, want } = chains[i * 7 % chains.length]!;
      const line = bytesOf(i * 13 % 1500, i);
      assert.ok(store.add(chain, line, line.length));
      want.push(...line);
    }
    for (const { chain, want } of chains) {
      assert.equal(chain.length, want.length);
      assert.deepEqual([...store.take(chain)], want);
      assert.equal(chain.length, 0);
      want.length = 0;
    }
  }
});

for (const length of [0, 1, 511, 512, 513, 1024, 70_000]) {
  Deno.test(`LineStore takes a line of ${length} bytes`, () => {
    const store = new LineStore(256 * 1024);
    const chain = newChain();
    const line = bytesOf(length, 1);
    assert.ok(store.add(chain, line, length));
    assert.deepEqual(store.take(chain).slice(), line);
  });
}

Deno.test("LineStore takes no more than its bound, and takes again what was given back", () => {
  const store = new LineStore(256 * 1024);
  const chains = Array.from({ length: 1000 }, newChain);
  const line = bytesOf(512, 0);
  const taken = chains.filter((chain) => store.add(chain, line, 512));
  assert.equal(taken.length, 512);
  assert.equal(chains.at(-1)!.length, 0);
  store.take(taken[0]!);
  assert.ok(store.add(chains.at(-1)!, line, 512));
  assert.ok(!store.add(chains.at(-2)!, line, 512));
});
