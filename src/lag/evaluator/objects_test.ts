import assert from "node:assert/strict";
import { shortFloat32 } from "./objects.ts";

const shortest: [value: number, text: string][] = [
  [7 / 10, "0.7"],
  [1 / 3, "0.33333334"],
  [2 / 3, "0.6666667"],
  [1, "1"],
  [0, "0"],
  [0.5, "0.5"],
  [1 / 7, "0.14285715"],
  [16777216, "16777216"],
];
for (const [value, text] of shortest) {
  Deno.test(`shortFloat32() writes ${text}`, () => assert.equal(String(shortFloat32(value)), text));
}

Deno.test("shortFloat32() gives every part of a window back as the float32 it was", () => {
  for (let n = 1; n <= 200; n++) {
    for (let k = 0; k <= n; k++) assert.equal(Math.fround(shortFloat32(k / n)), Math.fround(k / n));
  }
});
