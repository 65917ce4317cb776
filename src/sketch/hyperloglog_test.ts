import assert from "node:assert/strict";
import { fromHex, toHex } from "../bytes/mod.ts";
import { metroHash64, newHash64 } from "./hash.ts";
import { HyperLogLog } from "./hyperloglog.ts";
import { hashValue, isSparseKey, keyRegister, keyValue, sparseKey } from "./sparse_keys.ts";
import { SketchError } from "./sketch_error.ts";

const text = new TextEncoder();

function setOf(members: Iterable<string>): HyperLogLog {
  const sketch = new HyperLogLog();
  for (const member of members) sketch.insert(text.encode(member));
  return sketch;
}

/** Inserts `count` random members; `each` is told after how many. */
function insertRandom(sketch: HyperLogLog, count: number, each: (inserted: number) => void = () => {}): void {
  const random = new Uint8Array(16 * 1024);
  for (let i = 0; i < count; i++) {
    const at = i % 1024 * 16;
    if (at === 0) crypto.getRandomValues(random);
    sketch.insert(random, at, at + 16);
    each(i + 1);
  }
}

const ALPHA = 0x12944f8;
const BETA = 0x21adfd0;
const GAMMA = 0x1d0e48;

for (const [member, key] of [["alpha", ALPHA], ["beta", BETA], ["gamma", GAMMA]] as const) {
  Deno.test(`sparseKey() of ${member}`, () => {
    const hash = newHash64();
    metroHash64(text.encode(member), 0, member.length, hash);
    assert.equal(sparseKey(hash[0]!, hash[1]!, 14), key);
  });
}

Deno.test("sparseKey() keeps what a dense register needs", () => {
  const halves = crypto.getRandomValues(new Uint32Array(4096));
  // Random halves, cut so that every number of leading zeros behind the register occurs.
  for (let i = 0; i < halves.length; i += 2) {
    for (let zeros = 0; zeros <= 50; zeros++) {
      const rest = (BigInt(halves[i]! & 0x3ffff) << 32n | BigInt(halves[i + 1]!)) >> BigInt(zeros);
      const high = (halves[i]! & 0xfffc0000 | Number(rest >> 32n)) >>> 0;
      const low = Number(rest & 0xffffffffn);
      for (const p of [14, 18]) {
        const key = sparseKey(high, low, p);
        assert.ok(isSparseKey(key, p));
        assert.equal(keyRegister(key, p), high >>> (32 - p));
        assert.equal(keyValue(key, p), hashValue(high, low, p));
      }
    }
  }
});

const values: [high: number, low: number, p: number, value: number][] = [
  [0, 0, 14, 51],
  [0, 1, 14, 50],
  [0x20000, 0, 14, 1],
  [0xffffffff, 0xffffffff, 14, 1],
  [0xfffc0000, 0x80000000, 14, 19],
  [0, 0, 18, 47],
  [0x2000, 0, 18, 1],
];
for (const [high, low, p, value] of values) {
  Deno.test(`hashValue() of ${high.toString(16)} ${low.toString(16)} at precision ${p}`, () => {
    assert.equal(hashValue(high, low, p), value);
  });
}

const EMPTY = "010e0001" + "00000000" + "00000000" + "00000000" + "00000000";
const ONE = "010e0001" + "00000001" + "012944f8" + "00000000" + "00000000" + "00000000";
const LIST = "010e0001" + "00000000" + "00000003" + "021adfd0" + "0000000b" + "c89c74b0edb008d8b5c607";

Deno.test("HyperLogLog encode() of no member and of one", () => {
  assert.equal(toHex(new HyperLogLog().encode()), EMPTY);
  assert.equal(toHex(setOf(["alpha"]).encode()), ONE);
});

for (const [name, hex, count] of [["nothing", EMPTY, 0], ["one key", ONE, 1], ["a list of three", LIST, 3]] as const) {
  Deno.test(`HyperLogLog decode() of ${name}`, () => {
    const sketch = HyperLogLog.decode(fromHex(hex)!);
    assert.equal(sketch.estimate(), count);
    assert.equal(toHex(sketch.encode()), hex);
    for (const member of ["alpha", "beta", "gamma"]) sketch.insert(text.encode(member));
    assert.deepEqual([...sketch.keys()!], [GAMMA, ALPHA, BETA]);
  });
  Deno.test(`HyperLogLog decode() refuses every cut of ${name}, and a byte more`, () => {
    const bytes = fromHex(hex)!;
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => HyperLogLog.decode(bytes.subarray(0, length)), {
        name: "SketchError",
        code: "sketch.truncated",
      });
    }
    const longer = fromHex(hex + "00")!;
    assert.throws(() => HyperLogLog.decode(longer), { name: "SketchError", code: "sketch.trailing" });
  });
}

Deno.test("HyperLogLog counts four members exactly, one of them twice", () => {
  assert.equal(setOf(["a", "b", "c", "d", "a"]).estimate(), 4);
});

Deno.test("HyperLogLog counts 100 random members exactly", () => {
  for (let round = 0; round < 20; round++) {
    const sketch = new HyperLogLog();
    insertRandom(sketch, 100);
    assert.equal(sketch.estimate(), 100);
  }
});

Deno.test("HyperLogLog is within 3 % up to a million random members", () => {
  const sketch = new HyperLogLog();
  const points = new Set([1e3, 3e3, 6e3, 7e3, 8e3, 1e4, 2e4, 3e4, 4e4, 6e4, 8e4, 1e5, 2e5, 5e5, 1e6]);
  insertRandom(sketch, 1e6, (count) => {
    if (!points.has(count)) return;
    const estimate = sketch.estimate();
    assert.ok(Math.abs(estimate / count - 1) <= 0.03, `${count}: ${estimate}`);
  });
  assert.equal(sketch.keys(), null);
});

Deno.test("HyperLogLog is within 3 % on numbered members", () => {
  const sketch = new HyperLogLog();
  for (let i = 0; i < 300_000; i++) sketch.insert(text.encode(`user-${i}`));
  assert.ok(Math.abs(sketch.estimate() / 300_000 - 1) <= 0.03);
});

Deno.test("HyperLogLog raises its base once no register is empty", () => {
  const sketch = new HyperLogLog();
  insertRandom(sketch, 1e6);
  assert.ok(sketch.encode()[2]! > 0);
});

Deno.test("HyperLogLog folds its small set into the list at 164 keys", () => {
  const sketch = new HyperLogLog();
  for (let i = 0; i < 163; i++) sketch.insertHash((i + 1) * 0x100000, 1);
  const small = new DataView(sketch.encode().buffer);
  assert.deepEqual([small.getUint32(4), small.getUint32(8 + 163 * 4)], [163, 0]);
  sketch.insertHash(164 * 0x100000, 1);
  const folded = new DataView(sketch.encode().buffer);
  assert.deepEqual([folded.getUint32(4), folded.getUint32(8)], [0, 164]);
  assert.equal(sketch.estimate(), 164);
});

Deno.test("HyperLogLog turns dense when its list exceeds 16384 bytes", () => {
  const sketch = new HyperLogLog();
  let lastList = 0;
  let sparse = 0;
  insertRandom(sketch, 9_000, (count) => {
    if (count % 500 !== 0 || sketch.keys() === null) return;
    const view = new DataView(sketch.encode().buffer);
    lastList = view.getUint32(8 + view.getUint32(4) * 4 + 8);
    sparse = count;
  });
  assert.ok(lastList > 12_000 && lastList <= 16_384, `${lastList}`);
  assert.ok(sparse >= 6_500 && sparse < 8_500, `${sparse}`);
  assert.equal(sketch.keys(), null);
});

for (const count of [0, 1, 150, 200, 5_000, 20_000, 300_000]) {
  Deno.test(`HyperLogLog of ${count} members: merging a serialised copy changes nothing`, () => {
    const sketch = new HyperLogLog();
    insertRandom(sketch, count);
    const before = sketch.estimate();
    const copy = HyperLogLog.decode(sketch.encode());
    assert.deepEqual(copy.encode(), sketch.encode());
    assert.equal(copy.estimate(), before);
    sketch.merge(copy);
    assert.ok(Math.abs(sketch.estimate() - before) <= 1);
    const empty = new HyperLogLog();
    empty.merge(copy);
    assert.ok(Math.abs(empty.estimate() - before) <= 1);
  });
}

for (
  const [left, right] of [[100, 100], [100, 50_000], [50_000, 100], [50_000, 60_000], [1_000_000, 9_000], [
    6_000,
    6_000,
  ]]
) {
  Deno.test(`HyperLogLog merge() of ${left} and ${right} members, half of the smaller in both`, () => {
    const [a, b] = [new HyperLogLog(), new HyperLogLog()];
    const shared = Math.min(left!, right!) / 2;
    for (let i = 0; i < left!; i++) a.insert(text.encode(`member ${i}`));
    for (let i = 0; i < right!; i++) b.insert(text.encode(`member ${left! - shared + i}`));
    const both = left! + right! - shared;
    a.merge(b);
    assert.ok(Math.abs(a.estimate() / both - 1) <= 0.03, `${a.estimate()} of ${both}`);
  });
}

Deno.test("HyperLogLog merge() equals inserting everything into one", () => {
  const [a, b, whole] = [new HyperLogLog(), new HyperLogLog(), new HyperLogLog()];
  for (let i = 0; i < 100_000; i++) {
    const member = text.encode(`${i}`);
    (i % 2 === 0 ? a : b).insert(member);
    whole.insert(member);
  }
  a.merge(b);
  assert.deepEqual(a.encode(), whole.encode());
});

/** 8192 registers' bytes of one value behind a head. */
function denseHex(base: string, registers: string): string {
  return `010e${base}00` + "00002000" + registers;
}

Deno.test("HyperLogLog decode() reads dense registers, high nibble first", () => {
  const hex = denseHex("00", "21" + "00".repeat(8191));
  const sketch = HyperLogLog.decode(fromHex(hex)!);
  assert.equal(toHex(sketch.encode()), hex);
  assert.equal(sketch.estimate(), 2);
  sketch.insertHash(0, 0x80000000); // register 0, value 19: above what 4 bits hold
  sketch.insertHash(0x00040000 | 0x10000, 0); // register 1, value 2
  assert.equal(toHex(sketch.encode()), denseHex("00", "f2" + "00".repeat(8191)));
});

Deno.test("HyperLogLog lowers its registers when one overflows and none is empty", () => {
  const sketch = HyperLogLog.decode(fromHex(denseHex("00", "34" + "33".repeat(8191)))!);
  sketch.insertHash(0, 1 << 31 - 2); // value 21 above base 0, 18 above base 3: still cut to 15
  assert.equal(toHex(sketch.encode()), denseHex("03", "f1" + "00".repeat(8191)));
  sketch.insertHash(0x00080000 | 1, 0); // register 2, value 18: 15 above the base
  assert.equal(toHex(sketch.encode()), denseHex("03", "f1f0" + "00".repeat(8190)));
});

Deno.test("HyperLogLog merge() of different bases keeps every maximum", () => {
  const low = denseHex("02", "5f" + "10".repeat(8191));
  const high = denseHex("04", "20" + "09".repeat(8191));
  const want = denseHex("04", "3d" + "09".repeat(8191));
  const a = HyperLogLog.decode(fromHex(low)!);
  a.merge(HyperLogLog.decode(fromHex(high)!));
  assert.equal(toHex(a.encode()), want);
  const b = HyperLogLog.decode(fromHex(high)!);
  b.merge(HyperLogLog.decode(fromHex(low)!));
  assert.equal(toHex(b.encode()), want);
});

const malformed: [what: string, hex: string, code: string][] = [
  ["another precision", EMPTY.replace("010e", "0110"), "sketch.precision"],
  ["an unknown form", EMPTY.replace("010e0001", "010e0002"), "sketch.format"],
  ["more small keys than bytes", EMPTY.replace("0001" + "00000000", "0001" + "ffffffff"), "sketch.truncated"],
  ["a key of 0", ONE.replace("012944f8", "00000000"), "sketch.key"],
  ["an even key above 2^26", ONE.replace("012944f8", "04000002"), "sketch.key"],
  ["an even key whose value bits are 0", ONE.replace("012944f8", "00001000"), "sketch.key"],
  ["an odd key whose value bits are not 0", ONE.replace("012944f8", "00000083"), "sketch.key"],
  ["an odd key without zeros counted", ONE.replace("012944f8", "00040001"), "sketch.key"],
  ["an odd key of 41", ONE.replace("012944f8", "00040053"), "sketch.key"],
  ["a list longer than told", LIST.replace("00000003", "00000002"), "sketch.format"],
  ["a list shorter than told", LIST.replace("00000003", "00000004"), "sketch.truncated"],
  ["a list of 2^32-1 keys", LIST.replace("00000003", "ffffffff"), "sketch.truncated"],
  ["another last key", LIST.replace("021adfd0", "021adfd2"), "sketch.format"],
  ["a list with a key twice", LIST.replace("b0edb008", "80808000"), "sketch.key"],
  ["a list with a key of 0", EMPTY.slice(0, 16) + "00000001" + "00000000" + "00000001" + "00", "sketch.key"],
  ["a number of six bytes", EMPTY.slice(0, 16) + "00000001" + "00000002" + "00000006" + "828080808000", "sketch.key"],
  ["a list cut inside a number", EMPTY.slice(0, 16) + "00000001" + "00000002" + "00000001" + "82", "sketch.truncated"],
  ["too few registers", "010e0000" + "00000002" + "0000", "sketch.size"],
  ["registers without end", "010e0000" + "ffffffff" + "0000", "sketch.size"],
  ["registers cut off", "010e0000" + "00002000" + "0000", "sketch.truncated"],
  ["a base no hash reaches", denseHex("34", "00".repeat(8192)), "sketch.format"],
  ["a byte after the registers", denseHex("00", "00".repeat(8193)), "sketch.trailing"],
];
for (const [what, hex, code] of malformed) {
  Deno.test(`HyperLogLog decode() refuses ${what}`, () => {
    assert.throws(() => HyperLogLog.decode(fromHex(hex)!), (error) => {
      assert.ok(error instanceof SketchError);
      assert.equal(error.code, code, error.message);
      return true;
    });
  });
}

Deno.test("HyperLogLog decode() does not look at the version", () => {
  assert.equal(HyperLogLog.decode(fromHex(LIST.replace("010e", "070e"))!).estimate(), 3);
});

Deno.test("HyperLogLog decode() meets noise with a SketchError or a sketch", () => {
  let seed = 99;
  const next = () => (seed = Math.imul(seed, 1103515245) + 12345 | 0) >>> 16 & 0xff;
  for (let round = 0; round < 3000; round++) {
    const bytes = fromHex(round % 2 === 0 ? LIST : ONE)!;
    for (let i = 0; i < 1 + round % 3; i++) bytes[next() % bytes.length] = next();
    try {
      assert.ok(HyperLogLog.decode(bytes).estimate() >= 0);
    } catch (error) {
      assert.ok(error instanceof SketchError, String(error));
    }
  }
});
