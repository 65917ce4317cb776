import assert from "node:assert/strict";
import { copyInside, newSharedMemory, sharedOctets } from "./shared_memory.ts";

Deno.test("newSharedMemory() has the octets that were asked for", () => {
  for (const [wanted, got] of [[0, 65_536], [1, 65_536], [65_536, 65_536], [65_537, 131_072]] as const) {
    const octets = sharedOctets(newSharedMemory(wanted));
    assert.ok(octets.buffer instanceof SharedArrayBuffer);
    assert.equal(octets.length, got);
  }
  assert.throws(() => sharedOctets(new WebAssembly.Memory({ initial: 1 })), TypeError);
});

Deno.test("copyInside() copies what set() copies, also over itself", () => {
  const memory = newSharedMemory(65_536);
  const octets = sharedOctets(memory), expected = new Uint8Array(65_536);
  const copy = copyInside(memory);
  for (let i = 0; i < octets.length; i++) expected[i] = octets[i] = i * 7 + (i >> 8);
  for (
    const [to, from, length] of [[0, 4096, 1400], [10, 0, 100], [0, 10, 100], [65_535, 3, 1], [5, 5, 0], [1, 2, 65_534]]
  ) {
    copy(to!, from!, length!);
    expected.copyWithin(to!, from!, from! + length!);
    assert.deepEqual(octets.slice(), expected);
  }
  assert.throws(() => copy(65_530, 0, 7), WebAssembly.RuntimeError);
  assert.throws(() => copy(0, 65_530, 7), WebAssembly.RuntimeError);
  assert.deepEqual(octets.slice(), expected);
});

Deno.test("a memory of newSharedMemory() is the same in another thread", async () => {
  const memory = newSharedMemory(1);
  const source = `self.onmessage = ({ data }) => { new Uint8Array(data.buffer)[7] = 42; self.postMessage("done"); };`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  try {
    const done = new Promise((resolve) => worker.onmessage = resolve);
    worker.postMessage(memory);
    await done;
    assert.equal(sharedOctets(memory)[7], 42);
  } finally {
    worker.terminate();
    URL.revokeObjectURL(url);
  }
});
