import assert from "node:assert/strict";
import { asTarget, TARGETS, whyNotFor } from "./target.ts";

function elf(machine: number): Uint8Array {
  const head = new Uint8Array(64);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  new DataView(head.buffer).setUint16(18, machine, true);
  return head;
}

const fitting: [string, Uint8Array, (typeof TARGETS)[number]][] = [
  ["EM_X86_64", elf(62), "x86_64-unknown-linux-gnu"],
  ["EM_AARCH64", elf(183), "aarch64-unknown-linux-gnu"],
  ["a script", new TextEncoder().encode("#!/bin/sh\nexec /opt/deno/bin/deno\n"), "x86_64-unknown-linux-gnu"],
  ["a file of 3 bytes", Uint8Array.of(0x7f, 0x45, 0x4c), "aarch64-unknown-linux-gnu"],
];
const unfit: [string, Uint8Array, (typeof TARGETS)[number], RegExp][] = [
  ["EM_AARCH64", elf(183), "x86_64-unknown-linux-gnu", /aarch64-unknown-linux-gnu/],
  ["EM_X86_64", elf(62), "aarch64-unknown-linux-gnu", /x86_64-unknown-linux-gnu/],
  ["EM_RISCV", elf(243), "x86_64-unknown-linux-gnu", /machine 243/],
];

for (const [what, head, target] of fitting) {
  Deno.test(`whyNotFor() takes ${what} for ${target}`, () => assert.equal(whyNotFor(target, head), null));
}
for (const [what, head, target, why] of unfit) {
  Deno.test(`whyNotFor() refuses ${what} for ${target}`, () => assert.match(whyNotFor(target, head) ?? "", why));
}

Deno.test("whyNotFor() takes the Deno that runs this for the system it runs on", async () => {
  using file = await Deno.open(Deno.execPath());
  const head = new Uint8Array(64);
  await file.read(head);
  assert.equal(whyNotFor(asTarget(Deno.build.target)!, head), null);
});

Deno.test("asTarget() knows the targets and no others", () => {
  for (const target of TARGETS) assert.equal(asTarget(target), target);
  for (const other of ["", "linux", "x86_64-apple-darwin", "x86_64-unknown-linux-gnu "]) {
    assert.equal(asTarget(other), undefined);
  }
});
