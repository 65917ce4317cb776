import assert from "node:assert/strict";
import { add, distance, int64Of, larger, subtract, toInt64 } from "./int64.ts";

const halves: [high: number, low: number, value: number | bigint][] = [
  [0, 0, 0],
  [0, -1, 0xffffffff],
  [0x1fffff, -1, Number.MAX_SAFE_INTEGER],
  [0x200000, 0, 9007199254740992n],
  [0x7fffffff, -1, 2n ** 63n - 1n],
  [-1, -1, -1],
  [-0x200000, 1, Number.MIN_SAFE_INTEGER],
  [-0x80000000, 0, -(2n ** 63n)],
];
for (const [high, low, value] of halves) {
  Deno.test(`int64Of() makes ${value} of its halves`, () => assert.equal(int64Of(high, low), value));
}

for (const value of [1.5, NaN, Infinity, 2 ** 53, 2n ** 63n, -(2n ** 63n) - 1n]) {
  Deno.test(`toInt64() refuses ${value}`, () => assert.throws(() => toInt64(value), RangeError));
}

Deno.test("toInt64() gives one form to each number", () => {
  assert.equal(toInt64(5n), 5);
  assert.equal(toInt64(2n ** 53n), 2n ** 53n);
  assert.ok(Object.is(toInt64(-0), 0));
});

Deno.test("subtract() and add() are exact where a number is not", () => {
  assert.equal(subtract(9007199254740993n, 1), 9007199254740992n);
  assert.equal(subtract(9007199254740993n, 9007199254740992n), 1);
  assert.equal(subtract(Number.MIN_SAFE_INTEGER, 2), -9007199254740993n);
  assert.equal(add(Number.MAX_SAFE_INTEGER, 2), 9007199254740993n);
});

Deno.test("distance() and larger() compare the two forms", () => {
  assert.equal(distance(9007199254740993n, 9007199254740990), 3);
  assert.equal(distance(5, 9007199254740993n), 0);
  assert.equal(larger(5, 9007199254740993n), 9007199254740993n);
  assert.equal(larger(7, 5), 7);
});
