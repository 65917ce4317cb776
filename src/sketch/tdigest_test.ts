import assert from "node:assert/strict";
import { TDigest as OracleDigest } from "tdigest";
import { fractionsFrom } from "../testing/mod.ts";
import { scaleOf } from "./digest_core.ts";
import { SketchError } from "./sketch_error.ts";
import { type Centroid, type DigestParts, TDigest } from "./tdigest.ts";

function digestOf(samples: Iterable<number | [value: number, weight: number]>, compression = 100): TDigest {
  const digest = new TDigest(compression);
  for (const sample of samples) {
    if (typeof sample === "number") digest.add(sample);
    else digest.add(...sample);
  }
  return digest;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function assertNear(actual: number, want: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - want) <= tolerance, `${what}: ${actual} is not within ${tolerance} of ${want}`);
}

type Vector = [
  name: string,
  samples: (number | [number, number])[],
  compression: number,
  quantiles: [number, number][],
];

const vectors: Vector[] = [
  ["42", [42], 100, [[0, 42], [0.25, 42], [0.5, 42], [0.99, 42], [1, 42]]],
  ["10, 20", [10, 20], 100, [[0.1, 11], [0.25, 12.5], [0.5, 15], [0.9, 19]]],
  [
    "1, 2, 7, 8, 100",
    [1, 2, 7, 8, 100],
    100,
    [[0.1, 1.25], [0.25, 2.25], [0.5, 6], [0.75, 42.375], [0.9, 77], [0.95, 88.5], [0.99, 97.7]],
  ],
  ["3.5, -2, 0", [3.5, -2, 0], 100, [[0, -2], [0.25, -1.25], [0.5, 0.375], [0.75, 2.1875], [1, 3.5]]],
  ["10, 20 of weight 2, 30", [10, [20, 2], 30], 100, [[0.25, 15], [0.5, 20], [0.75, 25], [0.99, 29.8]]],
  [
    "100 of weight 10, 200 of weight 4",
    [[100, 10], [200, 4]],
    100,
    [[0.1, 107], [0.5, 135], [0.75, 156.25], [0.9, 182.5], [0.99, 198.25]],
  ],
  ["1..100", range(1, 100), 100, [[0.5, 50.5], [0.75, 75.5], [0.99, 99.5], [0.999, 99.95]]],
  ["1..500", range(1, 500), 100, [[0.5, 250.5], [0.9, 450.5], [0.99, 495.5]]],
  ["500..1", range(1, 500).reverse(), 100, [[0.5, 250.5], [0.9, 450.5], [0.99, 495.5]]],
  ["1..1000", range(1, 1000), 100, [[0.01, 10.625], [0.5, 500.375], [0.9, 900.25], [0.99, 990.25], [0.999, 999.5]]],
  ["1..60", range(1, 60), 20, [[0.5, 30.75], [0.9, 54.25], [0.99, 59.7]]],
];
for (const [name, samples, compression, quantiles] of vectors) {
  Deno.test(`TDigest quantile() of ${name} at compression ${compression}`, () => {
    const digest = digestOf(samples, compression);
    for (const [q, want] of quantiles) assertNear(digest.quantile(q), want, Math.abs(want) * 1e-12, `quantile(${q})`);
  });
}

const centroidCounts: [name: string, samples: number[], compression: number, count: number][] = [
  ["1..100", range(1, 100), 100, 100],
  ["1..500", range(1, 500), 100, 139],
  ["500..1", range(1, 500).reverse(), 100, 139],
  ["1..1000", range(1, 1000), 100, 141],
  ["1..60", range(1, 60), 20, 25],
];
for (const [name, samples, compression, count] of centroidCounts) {
  Deno.test(`TDigest keeps ${count} centroids of ${name} at compression ${compression}`, () => {
    assert.equal(digestOf(samples, compression).centroids().length, count);
  });
}

Deno.test("TDigest centroids() and cdf() of 1..1000", () => {
  const digest = digestOf(range(1, 1000));
  const pairs = digest.centroids().slice(0, 10).map(({ mean, weight }) => [mean, weight]);
  const want = [[1, 1], [2, 1], [3, 1], [4, 1], [5, 1], [6.5, 2], [8.5, 2], [10.5, 2], [13, 3], [15.5, 2]];
  assert.deepEqual(pairs, want);
  assert.equal(digest.cdf(250), 0.2501395348837209);
  assert.equal(digest.cdf(1), 0);
  assert.equal(digest.cdf(1000), 1);
});

Deno.test("TDigest merge() of {1,2,3} and {10,20,30}", () => {
  const digest = digestOf([1, 2, 3]);
  const other = digestOf([10, 20, 30]);
  digest.merge(other);
  assert.equal(digest.quantile(0.5), 6.5);
  assert.equal(digest.quantile(0.75), 20);
  assertNear(digest.quantile(0.99), 29.7, 1e-12, "p99");
  assert.deepEqual([digest.min, digest.max, digest.count, digest.sum], [1, 30, 6, 66]);
  assertNear(digest.reciprocalSum, 1 + 1 / 2 + 1 / 3 + 1 / 10 + 1 / 20 + 1 / 30, 1e-12, "reciprocalSum");
  assert.deepEqual([other.count, other.min, other.max], [3, 10, 30]);
});

Deno.test("TDigest without samples has no quantiles", () => {
  const digest = new TDigest();
  assert.deepEqual(
    [digest.quantile(0.5), digest.cdf(1), digest.count, digest.sum, digest.min, digest.max, digest.reciprocalSum],
    [NaN, NaN, 0, 0, Infinity, -Infinity, 0],
  );
  digest.merge(new TDigest());
  assert.deepEqual([digest.count, digest.min, digest.max, digest.centroids()], [0, Infinity, -Infinity, []]);
});

for (const q of [-0.001, 1.001, NaN, Infinity]) {
  Deno.test(`TDigest quantile() has none at ${q}`, () => assert.equal(digestOf([1, 2]).quantile(q), NaN));
}

const refusedSamples: [number, number][] = [
  [NaN, 1],
  [Infinity, 1],
  [-Infinity, 1],
  [1, 0],
  [1, -1],
  [1, NaN],
  [1, Infinity],
];
for (const [value, weight] of refusedSamples) {
  Deno.test(`TDigest add() refuses ${value} of weight ${weight}`, () => {
    const digest = digestOf([5]);
    assert.throws(() => digest.add(value, weight), RangeError);
    assert.deepEqual([digest.count, digest.min, digest.max, digest.quantile(0.5)], [1, 5, 5, 5]);
  });
}

for (const compression of [0, 9, -100, 10_001, NaN, Infinity]) {
  Deno.test(`TDigest refuses a compression of ${compression}`, () => {
    assert.throws(() => new TDigest(compression), RangeError);
  });
}

const bufferSizes: [compression: number, bufferSize: number, usualMains: number][] = [
  [10, 14, 16],
  [20, 14, 31],
  [100, 42, 157],
  [1000, 178, 1571],
];
for (const [compression, bufferSize, usualMains] of bufferSizes) {
  Deno.test(`scaleOf() ${compression} buffers ${bufferSize}`, () => {
    const scale = scaleOf(compression);
    assert.deepEqual([scale.bufferSize, scale.usualMains], [bufferSize, usualMains]);
  });
}

Deno.test("TDigest of compression 1000 finds the median of a million uniform samples", () => {
  const random = fractionsFrom(1);
  const digest = new TDigest(1000);
  for (let i = 0; i < 1_000_000; i++) digest.add(random());
  assertNear(digest.quantile(0.5), 0.5, 0.01, "median");
  assert.ok(digest.min >= 0 && digest.max < 1);
  assertProperties(digest);
});

/** The algorithm as it is defined, arc sine by arc sine. */
class Reference {
  mains: Centroid[] = [];
  temps: Centroid[] = [];
  count = 0;
  constructor(readonly compression: number, readonly bufferSize: number) {}
  add(mean: number, weight: number): void {
    if (this.temps.length === this.bufferSize) this.settle();
    this.temps.push({ mean, weight });
    this.count += weight;
  }
  k(q: number): number {
    return this.compression * (Math.asin(Math.min(1, Math.max(-1, 2 * q - 1))) / Math.PI + 0.5);
  }
  settle(): void {
    const all = [...this.temps, ...this.mains].sort((a, b) => a.mean - b.mean); // stable: temps first among equals
    const out: { mean: number; weight: number }[] = [];
    let before = 0;
    let k0 = 0;
    for (const { mean, weight } of all) {
      const last = out.at(-1);
      if (last === undefined || this.k((before + weight) / this.count) - k0 > 1) {
        out.push({ mean, weight });
        k0 = this.k(before / this.count);
      } else {
        last.weight += weight;
        last.mean += (mean - last.mean) * weight / last.weight;
      }
      before += weight;
    }
    this.mains = out;
    this.temps = [];
  }
}

type Draw = (random: () => number) => number;
const distributions: [name: string, draw: Draw][] = [
  ["uniform", (random) => random()],
  ["exponential", (random) => -Math.log(1 - random()) * 100],
  ["signed", (random) => (random() - 0.5) * 2 * 10 ** Math.floor(random() * 12)],
  ["few values", (random) => Math.floor(random() * 20) - 10],
  ["one value", () => 7],
  ["mostly small", (random) => random() < 0.99 ? random() : 1e6 * random()],
];
for (const [name, draw] of distributions) {
  for (const compression of [20, 100, 1000]) {
    Deno.test(`TDigest equals the definition, ${name}, compression ${compression}`, () => {
      const random = fractionsFrom(compression + name.length);
      const digest = new TDigest(compression);
      const reference = new Reference(compression, scaleOf(compression).bufferSize);
      for (let i = 0; i < 20_000; i++) {
        const value = draw(random);
        const weight = i % 3 === 0 ? 1 / (0.1 + random()) : 1;
        digest.add(value, weight);
        reference.add(value, weight);
      }
      reference.settle();
      assert.deepEqual(digest.centroids(), reference.mains);
      assertProperties(digest);
    });
  }
}

/** No inner centroid spans more than 1 of k, but for one of a single merged weight; the weights add up. */
function assertProperties(digest: TDigest): void {
  const centroids = digest.centroids();
  const k = (q: number) => digest.compression * (Math.asin(Math.min(1, 2 * q - 1)) / Math.PI + 0.5);
  let before = 0;
  let lastMean = -Infinity;
  centroids.forEach(({ mean, weight }, i) => {
    assert.ok(mean >= lastMean);
    lastMean = mean;
    if (i > 0 && i < centroids.length - 1 && weight > 10) {
      const span = k((before + weight) / digest.count) - k(before / digest.count);
      assert.ok(span <= 1 + 1e-6, `centroid ${i} of weight ${weight} spans ${span}`);
    }
    before += weight;
  });
  assertNear(before, digest.count, digest.count * 1e-12, "sum of weights");
  assert.ok(centroids.length <= scaleOf(digest.compression).mostMains);
  assert.equal(digest.quantile(0), digest.min);
  assert.equal(digest.quantile(1), digest.max);
}

for (const [name, draw] of distributions) {
  Deno.test(`TDigest is as near to the exact quantiles as the rank allows, ${name}`, () => {
    const random = fractionsFrom(99);
    const samples = Array.from({ length: 100_000 }, () => draw(random));
    const digest = digestOf(samples);
    samples.sort((a, b) => a - b);
    const at = (q: number) => samples[Math.min(Math.max(Math.round(q * samples.length), 0), samples.length - 1)]!;
    for (const [q, off] of [[0.01, 0.003], [0.5, 0.008], [0.9, 0.006], [0.99, 0.002], [0.999, 0.0006]] as const) {
      const got = digest.quantile(q);
      // Between repeated values a digest interpolates, by less than the distance of the values.
      const slack = name === "few values" ? 1 : 1e-9 * Math.abs(got);
      assert.ok(got >= at(q - off) - slack && got <= at(q + off) + slack, `p${q * 100}: ${got}`);
    }
  });
}

/** The part of the package's API that is used: it has no types of its own. */
interface Oracle {
  push(value: number): void;
  compress(): void;
  percentile(q: number): number;
}

for (const [name, draw] of distributions.filter(([name]) => name !== "few values" && name !== "mostly small")) {
  Deno.test(`TDigest agrees with an independent digest, ${name}`, () => {
    const random = fractionsFrom(7);
    const digest = new TDigest();
    const oracle = new OracleDigest(0.005) as Oracle;
    const samples: number[] = [];
    for (let i = 0; i < 50_000; i++) {
      const value = draw(random);
      samples.push(value);
      digest.add(value);
      oracle.push(value);
    }
    oracle.compress();
    samples.sort((a, b) => a - b);
    const rank = (value: number) => samples.findIndex((sample) => sample >= value - 1e-9) / samples.length;
    for (const q of [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]) {
      assertNear(rank(digest.quantile(q)), rank(oracle.percentile(q)), 0.015, `rank at ${q}`);
    }
  });
}

Deno.test("TDigest merge() of two single samples lies between them", () => {
  const digest = digestOf([-200_000]);
  digest.merge(digestOf([200_000]));
  assertNear(digest.cdf(0), 0.5, 0.01, "cdf");
  assertNear(digest.quantile(0.5), 0, 0.02, "median");
  assert.equal(digest.quantile(0), -200_000);
  assert.equal(digest.quantile(1), 200_000);
});

Deno.test("TDigest merge() keeps extremes, counts and quantiles of large digests", () => {
  const random = fractionsFrom(3);
  const whole = new TDigest();
  const parts = Array.from({ length: 50 }, () => new TDigest());
  for (let i = 0; i < 200_000; i++) {
    const value = -Math.log(1 - random());
    whole.add(value);
    parts[i % 50]!.add(value);
  }
  const merged = new TDigest();
  for (const part of parts) merged.merge(part);
  assert.deepEqual([merged.count, merged.min, merged.max], [whole.count, whole.min, whole.max]);
  assertNear(merged.reciprocalSum / whole.reciprocalSum, 1, 1e-9, "reciprocalSum");
  assertNear(merged.sum / whole.sum, 1, 1e-9, "sum");
  for (const q of [0.01, 0.1, 0.5, 0.9, 0.99, 0.999]) {
    assertNear(1 - Math.exp(-merged.quantile(q)), q, 0.006, `quantile ${q}`);
  }
  assertProperties(merged);
});

Deno.test("TDigest merge() into an empty digest is the other's copy", () => {
  const random = fractionsFrom(5);
  const other = digestOf(Array.from({ length: 5_000 }, random));
  other.quantile(0.5);
  for (let i = 0; i < 20; i++) other.add(random());
  const digest = new TDigest();
  digest.merge(other);
  assert.deepEqual(digest.centroids(), other.centroids());
});

Deno.test("TDigest merge() with itself doubles every weight", () => {
  const digest = digestOf([1, 2, 3]);
  digest.merge(digest);
  assert.deepEqual([digest.count, digest.sum, digest.quantile(0.5)], [6, 12, 2]);
});

Deno.test("TDigest merge() of another compression keeps its own", () => {
  const digest = digestOf(range(1, 50), 20);
  digest.merge(digestOf(range(51, 1000), 1000));
  assert.equal(digest.count, 1000);
  assert.ok(digest.centroids().length <= scaleOf(20).mostMains);
  assertNear(digest.quantile(0.5), 500, 30, "median");
});

Deno.test("TDigest with a sample of 0 has an infinite reciprocalSum", () => {
  assert.equal(digestOf([0, 1]).reciprocalSum, Infinity);
  assert.equal(digestOf([-1, 1]).reciprocalSum, 0);
});

Deno.test("TDigest stays usable after samples at the ends of the number range", () => {
  const digest = new TDigest();
  const large = Number.MAX_VALUE;
  for (let i = 0; i < 500; i++) digest.add(i % 2 === 0 ? large : -large, i % 7 === 0 ? 1e300 : 1);
  for (let i = 0; i < 500; i++) digest.add(i, Number.MIN_VALUE);
  for (const { mean } of digest.centroids()) assert.ok(Number.isFinite(mean));
  assert.deepEqual([digest.min, digest.max], [-large, large]);
});

const PARTS: DigestParts = {
  compression: 100,
  min: 1,
  max: 3,
  reciprocalSum: 1.5,
  slots: Float64Array.of(1, 1, 3, 2),
  mains: 2,
  temps: 0,
};

Deno.test("TDigest from() its parts() is the same digest", () => {
  const digest = digestOf(range(1, 777));
  const copy = TDigest.from(digest.parts());
  copy.add(5);
  digest.add(5);
  assert.deepEqual(copy.centroids(), digest.centroids());
  assert.deepEqual(
    [copy.count, copy.min, copy.max, copy.reciprocalSum, copy.sum],
    [digest.count, digest.min, digest.max, digest.reciprocalSum, digest.sum],
  );
});

Deno.test("TDigest from() sorts centroids that are out of order", () => {
  const digest = TDigest.from({ ...PARTS, slots: Float64Array.of(3, 2, 1, 1) });
  assert.deepEqual(digest.centroids(), [{ mean: 1, weight: 1 }, { mean: 3, weight: 2 }]);
});

Deno.test("TDigest from() takes many centroids and goes on", () => {
  const slots = Float64Array.from({ length: 20_000 }, (_, i) => i % 2 === 0 ? i / 2 : 1);
  const digest = TDigest.from({ ...PARTS, slots, mains: 10_000, min: 0, max: 9_999 });
  for (let i = 0; i < 100; i++) digest.add(i * 100);
  assert.equal(digest.count, 10_100);
  assert.ok(digest.centroids().length < 200);
  assertNear(digest.quantile(0.5), 5_000, 100, "median");
});

const extremes: [given: [number, number], want: [number, number]][] = [
  [[1, 3], [1, 3]],
  [[0.5, 4], [0.5, 4]],
  [[NaN, NaN], [1, 3]],
  [[Infinity, -Infinity], [1, 3]],
  [[-Infinity, Infinity], [1, 3]],
  [[2, 2], [1, 3]],
];
for (const [[min, max], want] of extremes) {
  Deno.test(`TDigest from() reads extremes ${min} and ${max} as ${want.join(" and ")}`, () => {
    const digest = TDigest.from({ ...PARTS, min, max });
    assert.deepEqual([digest.min, digest.max], want);
  });
}

const compressions: [given: number, want: number][] = [[100, 100], [0, 100], [NaN, 100], [-5, 100], [1, 10], [
  1e9,
  10_000,
]];
for (const [given, want] of compressions) {
  Deno.test(`TDigest from() reads a compression of ${given} as ${want}`, () => {
    assert.equal(TDigest.from({ ...PARTS, compression: given }).compression, want);
  });
}

const impossible: [mean: number, weight: number][] = [
  [NaN, 1],
  [Infinity, 1],
  [-Infinity, 1],
  [1, 0],
  [1, -1],
  [1, NaN],
  [1, Infinity],
];
for (const [mean, weight] of impossible) {
  Deno.test(`TDigest from() refuses a centroid of mean ${mean} and weight ${weight}`, () => {
    const parts = { ...PARTS, slots: Float64Array.of(1, 1, mean, weight) };
    assert.throws(
      () => TDigest.from(parts),
      (error) => error instanceof SketchError && error.code === "sketch.centroid",
    );
  });
}
