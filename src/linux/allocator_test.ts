import assert from "node:assert/strict";
import { giveBackBlocksFrom, giveBackFreed } from "./allocator.ts";

const linux = Deno.build.os === "linux";
const MIB = 2 ** 20;

function residentBytes(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))?.[1]) * 1024;
}

Deno.test({
  name: "giveBackBlocksFrom() has large blocks go back to the kernel when they are freed",
  ignore: !linux,
  fn() {
    assert.equal(giveBackBlocksFrom(MIB), true);
    const blocks = (count: number) => Array.from({ length: count }, () => new Uint8Array(16 * MIB).fill(1));
    // Freeing one has glibc, without the setting, take later ones of its size out of an arena, where the last of them
    // keeps those before it from being given back.
    for (const block of blocks(1)) block.buffer.transfer(0);
    const held = blocks(9);
    const last = held.pop();
    const before = residentBytes();
    for (const block of held) block.buffer.transfer(0);
    const after = residentBytes();
    assert.ok(before - after > 100 * MIB, `${before - after} bytes given back`);
    assert.equal(last?.[0], 1);
  },
});

Deno.test({
  name: "giveBackFreed() can be called at any time",
  ignore: !linux,
  fn() {
    // Whether there was something to give back is the allocator's affair.
    assert.equal(typeof giveBackFreed(), "boolean");
    assert.equal(typeof giveBackFreed(), "boolean");
  },
});
