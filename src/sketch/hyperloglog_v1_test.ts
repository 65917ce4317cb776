import assert from "node:assert/strict";
import { HyperLogLogV1, V1_REGISTERS } from "./hyperloglog_v1.ts";

const text = new TextEncoder();

function insertRandom(sketch: HyperLogLogV1, count: number): void {
  const random = new Uint8Array(16 * 1024);
  for (let i = 0; i < count; i++) {
    const at = i % 1024 * 16;
    if (at === 0) crypto.getRandomValues(random);
    sketch.insert(random, at, at + 16);
  }
}

Deno.test("HyperLogLogV1 counts few members exactly", () => {
  const sketch = new HyperLogLogV1();
  assert.equal(sketch.estimate(), 0);
  for (const member of ["a", "b", "c", "d", "a"]) sketch.insert(text.encode(member));
  assert.equal(sketch.estimate(), 4);
  const hundred = new HyperLogLogV1();
  insertRandom(hundred, 100);
  assert.equal(hundred.estimate(), 100);
});

Deno.test("HyperLogLogV1 collapses on numbered members as its hash makes it", () => {
  const sketch = new HyperLogLogV1();
  for (let i = 0; i < 300_000; i++) sketch.insert(text.encode(`user-${i}`));
  assert.equal(sketch.estimate(), 35_774);
  for (let i = 300_000; i < 1_000_000; i++) sketch.insert(text.encode(`user-${i}`));
  assert.equal(sketch.estimate(), 120_325);
});

Deno.test("HyperLogLogV1 is within 1 % on random members, in every range of its estimate", () => {
  const sketch = new HyperLogLogV1();
  let inserted = 0;
  for (const count of [1_000, 50_000, 200_000, 300_000, 349_000, 360_000, 500_000, 1_000_000, 2_000_000]) {
    insertRandom(sketch, count - inserted);
    inserted = count;
    assert.ok(Math.abs(sketch.estimate() / count - 1) < 0.01, `${count}: ${sketch.estimate()}`);
  }
});

for (const [left, right] of [[100, 100], [1_000, 300_000], [300_000, 1_000], [300_000, 400_000]] as const) {
  Deno.test(`HyperLogLogV1 merge() of ${left} and ${right} members`, () => {
    const [a, b] = [new HyperLogLogV1(), new HyperLogLogV1()];
    insertRandom(a, left);
    insertRandom(b, right);
    const before = b.estimate();
    a.merge(b);
    assert.ok(Math.abs(a.estimate() / (left + right) - 1) < 0.01);
    b.merge(b);
    assert.equal(b.estimate(), before);
  });
}

Deno.test("HyperLogLogV1 fromRegisters() refuses what no sketch holds", () => {
  assert.throws(() => HyperLogLogV1.fromRegisters(new Uint8Array(16_384)), { code: "sketch.size" });
  const registers = new Uint8Array(V1_REGISTERS);
  registers[7] = 48;
  assert.throws(() => HyperLogLogV1.fromRegisters(registers), { code: "sketch.format" });
  registers[7] = 47;
  assert.equal(HyperLogLogV1.fromRegisters(registers).estimate(), 1);
});
