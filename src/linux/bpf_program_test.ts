import assert from "node:assert/strict";
import { toHex } from "../bytes/mod.ts";
import { classicOne, classicRandom, packetProgram, senderProgram } from "./bpf_program.ts";

/** Eight bytes an instruction, as text. */
function listing(bytes: Uint8Array): string[] {
  return toHex(bytes).match(/.{16}/g) ?? [];
}

Deno.test("packetProgram() is the listing that the kernel takes", () => {
  assert.deepEqual(
    listing(packetProgram({ socketsFd: 4, sockets: 4 }, 3)),
    ("bf16000000000000 620afcff00000000 1811000003000000 0000000000000000 bfa2000000000000 07020000fcffffff " +
      "8500000001000000 15000d0000000000 7901000000000000 bf12000000000000 0702000001000000 7b20000000000000 " +
      "9701000004000000 631afcff00000000 bf61000000000000 1812000004000000 0000000000000000 bfa3000000000000 " +
      "07030000fcffffff b704000000000000 8500000052000000 b700000001000000 9500000000000000").split(" "),
  );
});

Deno.test("senderProgram() takes the kernel's hash modulo the sockets", () => {
  assert.deepEqual(
    listing(senderProgram({ socketsFd: 4, sockets: 3 })),
    ("bf16000000000000 6161200000000000 9701000003000000 631afcff00000000 bf61000000000000 1812000004000000 " +
      "0000000000000000 bfa3000000000000 07030000fcffffff b704000000000000 8500000052000000 b700000001000000 " +
      "9500000000000000").split(" "),
  );
});

const classic: [string, Uint8Array, string][] = [
  ["classicRandom(4)", classicRandom(4), "2000000038f0ffff 9400000004000000 1600000000000000"],
  ["classicRandom(2, 4)", classicRandom(2, 4), "2000000038f0ffff 9400000002000000 0400000004000000 1600000000000000"],
  ["classicRandom(1)", classicRandom(1), "0600000000000000"],
  ["classicRandom(1, 3)", classicRandom(1, 3), "0600000003000000"],
  ["classicOne(7)", classicOne(7), "0600000007000000"],
];
for (const [name, bytes, expected] of classic) {
  Deno.test(`${name} is ${expected}`, () => assert.deepEqual(listing(bytes), expected.split(" ")));
}

for (const sockets of [0, -1, 1.5, 257, NaN]) {
  Deno.test(`a program for ${sockets} sockets is refused`, () => {
    const says = { name: "RangeError", message: `Cannot balance ${sockets} sockets: write 1 to 256` };
    assert.throws(() => packetProgram({ socketsFd: 4, sockets }, 3), says);
    assert.throws(() => senderProgram({ socketsFd: 4, sockets }), says);
    assert.throws(() => classicRandom(sockets), says);
  });
}
