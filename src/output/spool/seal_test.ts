import assert from "node:assert/strict";
import { encodeSeal, parseSeal, parseTrailer, type SealedIndex } from "./seal.ts";

const index: SealedIndex = {
  end: 2 ** 40,
  shares: new Map([
    ["out", { events: 3, bytes: 300, first: 1, end: 10, oldestMs: 1_700_000_000_000 }],
    ["größer", { events: 1, bytes: 0, first: 4, end: 5, oldestMs: 0 }],
  ]),
};

Deno.test("parseSeal() reads what encodeSeal() wrote", () => {
  const body = encodeSeal(index, 24);
  assert.deepEqual(parseSeal(body), index);
  assert.equal(parseTrailer(body.subarray(-8)), 24 + body.length);
});

Deno.test("parseSeal() refuses a body of any other length", () => {
  const body = encodeSeal(index, 24);
  for (let size = 0; size < body.length; size++) assert.equal(parseSeal(body.subarray(0, size)), undefined);
  assert.equal(parseSeal(new Uint8Array([...body, 0])), undefined);
});

Deno.test("parseTrailer() of other bytes is 0", () => {
  assert.equal(parseTrailer(new Uint8Array(8)), 0);
  assert.equal(parseTrailer(new TextEncoder().encode("12345678")), 0);
});
