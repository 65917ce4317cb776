import assert from "node:assert/strict";
import { fromHex, toHex } from "./mod.ts";

Deno.test("toHex() and fromHex() are inverse for every byte", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(fromHex(toHex(bytes)), bytes);
  assert.equal(toHex(bytes.subarray(8, 18)), "08090a0b0c0d0e0f1011");
});

const accepted: [hex: string, bytes: number[]][] = [
  ["", []],
  ["  ", []],
  ["0aFf", [10, 255]],
  ["0 a\tf\nf\r\n", [10, 255]],
];
for (const [hex, bytes] of accepted) {
  Deno.test(`fromHex() reads ${JSON.stringify(hex)}`, () => assert.deepEqual([...fromHex(hex)!], bytes));
}

for (const hex of ["0", "0x00", "0g", "00-00", "zz", "\u0660\u0660", "123"]) {
  Deno.test(`fromHex() refuses ${JSON.stringify(hex)}`, () => assert.equal(fromHex(hex), null));
}
