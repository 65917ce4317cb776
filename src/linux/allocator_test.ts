import assert from "node:assert/strict";
import { giveBackFreed } from "./allocator.ts";

const linux = Deno.build.os === "linux";
const MIB = 2 ** 20;

/** In a process of its own, as other tests share this one and its resident memory. */
const MEASURE = `
const { giveBackBlocksFrom } = await import("${new URL("./allocator.ts", import.meta.url)}");
const MIB = ${MIB};
const residentBytes = () => Number(/VmRSS:\\s+(\\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))[1]) * 1024;
if (!giveBackBlocksFrom(MIB)) throw new Error("there is no such setting");
const blocks = (count) => Array.from({ length: count }, () => new Uint8Array(16 * MIB).fill(1));
// Freeing one has glibc, without the setting, take later ones of its size out of an arena, where the last of them
// keeps those before it from being given back.
for (const block of blocks(1)) block.buffer.transfer(0);
const held = blocks(9);
const last = held.pop();
const before = residentBytes();
for (const block of held) block.buffer.transfer(0);
console.log(before - residentBytes(), last[0]);
`;

Deno.test({
  name: "giveBackBlocksFrom() has large blocks go back to the kernel when they are freed",
  ignore: !linux,
  async fn() {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--no-config", MEASURE],
      stdin: "null",
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const [bytes, one] = new TextDecoder().decode(stdout).trim().split(" ").map(Number);
    assert.ok(bytes! > 100 * MIB, `${bytes} bytes given back`);
    assert.equal(one, 1);
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
