import assert from "node:assert/strict";
import { encodePositions, parsePositions, type Positions } from "./position.ts";

const positions: Positions = {
  installation: Uint8Array.from({ length: 16 }, (_, i) => 255 - i),
  reserved: 2 ** 50,
  outputs: new Map([
    ["out", { lowWater: 12, totals: new Map([["delivered", 5], ["dropped:spool_full", 6]]) }],
    ["größer", { lowWater: 0, totals: new Map() }],
  ]),
};

Deno.test("parsePositions() reads what encodePositions() wrote", () => {
  assert.deepEqual(parsePositions(encodePositions(positions)), { state: "ok", positions });
  const empty = { ...positions, outputs: new Map() };
  assert.deepEqual(parsePositions(encodePositions(empty)), { state: "ok", positions: empty });
});

Deno.test("parsePositions() refuses any flipped bit", () => {
  const bytes = encodePositions(positions);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert.deepEqual(parsePositions(bytes), { state: "damaged" }, `bit ${bit}`);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
});

Deno.test("parsePositions() refuses a file of any other length", () => {
  const bytes = encodePositions(positions);
  for (let size = 0; size < bytes.length; size++) {
    assert.deepEqual(parsePositions(bytes.subarray(0, size)), { state: "damaged" });
  }
  assert.deepEqual(parsePositions(new Uint8Array([...bytes, 0])), { state: "damaged" });
});
