import assert from "node:assert/strict";
import { fractionsFrom } from "../testing/mod.ts";
import { DigestStore } from "./digest_store.ts";
import { TDigest } from "./tdigest.ts";

function assertSame(store: DigestStore, id: number, digest: TDigest): void {
  for (const q of [0, 0.01, 0.5, 0.99, 1]) assert.equal(store.quantile(id, q), digest.quantile(q));
  assert.deepEqual(store.toDigest(id).centroids(), digest.centroids());
  assert.deepEqual(
    [store.count(id), store.min(id), store.max(id), store.sum(id), store.cdf(id, 0.5)],
    [digest.count, digest.min, digest.max, digest.sum, digest.cdf(0.5)],
  );
}

Deno.test("DigestStore equals TDigest on any number of samples", () => {
  const random = fractionsFrom(1);
  const store = new DigestStore();
  const digests: TDigest[] = [];
  for (let count = 0; count < 260; count++) {
    const id = store.add();
    assert.equal(id, count);
    const digest = new TDigest();
    digests.push(digest);
    for (let i = 0; i < count; i++) {
      const value = (random() - 0.5) * 10 ** (count % 7);
      const weight = 1 + Math.floor(random() * 4);
      assert.ok(store.sample(id, value, weight));
      digest.add(value, weight);
    }
  }
  digests.forEach((digest, id) => {
    assertSame(store, id, digest);
    assert.equal(store.reciprocalSum(id), digest.reciprocalSum);
  });
});

Deno.test("DigestStore equals TDigest when blocks grow in turn and are read in between", () => {
  const random = fractionsFrom(2);
  for (const compression of [20, 100, 1000]) {
    const store = new DigestStore(compression);
    const digests: TDigest[] = [];
    for (let i = 0; i < 40_000; i++) {
      const id = Math.floor(random() ** 3 * 200);
      while (store.size <= id) {
        store.add();
        digests.push(new TDigest(compression));
      }
      const value = -Math.log(1 - random());
      store.sample(id, value, 1);
      digests[id]!.add(value);
      if (i % 97 === 0) assert.equal(store.quantile(id, 0.9), digests[id]!.quantile(0.9));
    }
    digests.forEach((digest, id) => assertSame(store, id, digest));
  }
});

Deno.test("DigestStore keeps the local aggregates of samples", () => {
  const store = new DigestStore();
  const id = store.add();
  assert.deepEqual(
    [store.localWeight(id), store.localMin(id), store.localMax(id), store.localSum(id), store.localReciprocalSum(id)],
    [0, Infinity, -Infinity, 0, 0],
  );
  assert.deepEqual([store.quantile(id, 0.5), store.cdf(id, 0), store.count(id), store.sum(id)], [NaN, NaN, 0, 0]);
  store.sample(id, 4, 2);
  store.sample(id, -8, 1);
  assert.deepEqual(
    [store.localWeight(id), store.localMin(id), store.localMax(id), store.localSum(id), store.localReciprocalSum(id)],
    [3, -8, 4, 0, 2 / 4 - 1 / 8],
  );
});

const refused: [value: number, weight: number][] = [
  [NaN, 1],
  [Infinity, 1],
  [-Infinity, 1],
  [1, 0],
  [1, -1],
  [1, NaN],
  [1, Infinity],
];
for (const [value, weight] of refused) {
  Deno.test(`DigestStore sample() refuses ${value} of weight ${weight}`, () => {
    const store = new DigestStore();
    const id = store.add();
    assert.equal(store.sample(id, value, weight), false);
    assert.deepEqual([store.count(id), store.localSum(id), store.quantile(id, 0.5)], [0, 0, NaN]);
  });
}

const wrongIds: [method: string, call: (store: DigestStore) => unknown][] = [
  ["sample", (store) => store.sample(1, 1, 1)],
  ["quantile", (store) => store.quantile(-1, 0.5)],
  ["count", (store) => store.count(NaN)],
  ["toDigest", (store) => store.toDigest(7)],
  ["mergeDigest", (store) => store.mergeDigest(1, new TDigest())],
  ["mergeFrom", (store) => store.mergeFrom(1, store, 0, true)],
  ["mergeFrom of a wrong one", (store) => store.mergeFrom(0, store, 1, true)],
  ["mergeFrom of itself", (store) => store.mergeFrom(0, store, 0, true)],
];
for (const [method, call] of wrongIds) {
  Deno.test(`DigestStore ${method}() refuses a digest that is not there`, () => {
    const store = new DigestStore();
    store.add();
    assert.throws(() => call(store), RangeError);
  });
}

Deno.test("DigestStore mergeDigest() leaves the local aggregates alone", () => {
  const store = new DigestStore();
  const id = store.add();
  store.sample(id, 5, 1);
  const digest = new TDigest();
  for (const value of [1, 2, 7, 8, 100]) digest.add(value);
  store.mergeDigest(id, digest);
  assert.deepEqual(
    [store.localWeight(id), store.localMin(id), store.localMax(id), store.localSum(id), store.localReciprocalSum(id)],
    [1, 5, 5, 5, 1 / 5],
  );
  assert.deepEqual([store.count(id), store.min(id), store.max(id), store.sum(id)], [6, 1, 100, 123]);
  assert.equal(store.reciprocalSum(id), digest.reciprocalSum + 1 / 5);
});

Deno.test("DigestStore mergeDigest() of an imported digest gives its quantiles", () => {
  const store = new DigestStore();
  const id = store.add();
  const digest = new TDigest();
  for (const value of [1, 2, 7, 8, 100]) digest.add(value);
  store.mergeDigest(id, digest);
  store.mergeDigest(id, new TDigest());
  assert.deepEqual([store.quantile(id, 0.5), store.quantile(id, 0.75), store.localWeight(id)], [6, 42.375, 0]);
});

/** Digests of so many samples and, where asked, read once, so that they are merged. */
const shapes: [samples: number, read: boolean][] = [
  [0, false],
  [1, false],
  [5, true],
  [30, false],
  [30, true],
  [42, false],
  [43, false],
  [44, true],
  [100, false],
  [1000, false],
  [1000, true],
];
for (const [ours, readOurs] of shapes) {
  Deno.test(`DigestStore mergeFrom() and mergeDigest() into ${ours} samples${readOurs ? ", merged," : ""} equal TDigest merge()`, () => {
    for (const [theirs, readTheirs] of shapes) {
      const random = fractionsFrom(ours * 31 + theirs);
      const store = new DigestStore();
      const other = new DigestStore();
      const same = new DigestStore();
      const [id, otherId, sameId] = [store.add(), other.add(), same.add()];
      const [target, source] = [new TDigest(), new TDigest()];
      for (let i = 0; i < ours; i++) {
        const value = Math.floor(random() * 1000) + 1;
        for (const each of [store, same]) each.sample(0, value, 1);
        target.add(value);
      }
      if (readOurs) [store.quantile(id, 0.5), same.quantile(sameId, 0.5), target.quantile(0.5)];
      for (let i = 0; i < theirs; i++) {
        const value = Math.floor(random() * 1000) + 1;
        other.sample(otherId, value, 1);
        source.add(value);
      }
      if (readTheirs) [other.quantile(otherId, 0.5), source.quantile(0.5)];

      target.merge(source);
      const [localMin, localSum] = [store.localMin(id), store.localSum(id)];
      store.mergeFrom(id, other, otherId, false);
      assert.deepEqual([store.localWeight(id), store.localMin(id), store.localSum(id)], [ours, localMin, localSum]);
      same.mergeDigest(sameId, source);
      for (let i = 0; i < 50; i++) {
        const value = random();
        store.sample(id, value, 1);
        same.sample(sameId, value, 1);
        target.add(value);
      }
      assertSame(store, id, target);
      assertSame(same, sameId, target);
      assert.equal(other.count(otherId), theirs);
    }
  });
}

Deno.test("DigestStore mergeFrom() adds local to local and imported to imported", () => {
  const reader = new DigestStore();
  const from = reader.add();
  reader.sample(from, 3, 2);
  const imported = new TDigest();
  imported.add(100);
  reader.mergeDigest(from, imported);
  const store = new DigestStore();
  const id = store.add();
  store.sample(id, 10, 1);
  store.mergeFrom(id, reader, from, true);
  assert.deepEqual(
    [store.localWeight(id), store.localMin(id), store.localMax(id), store.localSum(id), store.localReciprocalSum(id)],
    [3, 3, 10, 16, 1 / 10 + 2 / 3],
  );
  assert.deepEqual([store.count(id), store.min(id), store.max(id), store.sum(id)], [4, 3, 100, 116]);
});

Deno.test("DigestStore mergeFrom() works inside one store, whose memory may move", () => {
  const store = new DigestStore();
  const from = store.add();
  for (let i = 1; i <= 1000; i++) store.sample(from, i, 1);
  const want = store.toDigest(from);
  for (let i = 0; i < 40; i++) {
    const id = store.add();
    if (i % 2 === 0) store.sample(id, 5, 1);
    store.mergeFrom(id, store, from, true);
    assert.equal(store.count(id), i % 2 === 0 ? 1001 : 1000);
    if (i % 2 === 1) assertSame(store, id, want);
  }
  assertSame(store, from, want);
});

Deno.test("DigestStore mergeFrom() of another compression keeps its own", () => {
  const store = new DigestStore(20);
  const id = store.add();
  const other = new DigestStore(1000);
  const from = other.add();
  for (let i = 1; i <= 5000; i++) other.sample(from, i, 1);
  store.mergeFrom(id, other, from, true);
  assert.equal(store.count(id), 5000);
  assert.ok(store.toDigest(id).centroids().length <= 41);
  assert.ok(Math.abs(store.quantile(id, 0.5) - 2500) < 100);
});

Deno.test("DigestStore mergeDigest() takes as many centroids as may be imported", () => {
  const slots = Float64Array.from({ length: 20_000 }, (_, i) => i % 2 === 0 ? i / 2 : 1);
  const digest = TDigest.from({
    compression: 100,
    min: 0,
    max: 9_999,
    reciprocalSum: 0,
    slots,
    mains: 10_000,
    temps: 0,
  });
  const store = new DigestStore();
  for (let i = 0; i < 3; i++) store.mergeDigest(store.add(), digest);
  store.mergeDigest(1, digest);
  assert.deepEqual([store.count(0), store.count(1), store.count(2)], [10_000, 20_000, 10_000]);
  for (let id = 0; id < 3; id++) assert.ok(Math.abs(store.quantile(id, 0.5) - 5_000) < 50);
});

Deno.test("DigestStore release() and adopt() carry everything through a structured clone", () => {
  const random = fractionsFrom(4);
  const store = new DigestStore();
  const digests = Array.from({ length: 300 }, () => {
    store.add();
    return new TDigest();
  });
  const feed = (target: DigestStore, count: number) => {
    for (let i = 0; i < count; i++) {
      const id = Math.floor(random() ** 2 * 300);
      const value = random();
      target.sample(id, value, 1);
      digests[id]!.add(value);
    }
  };
  feed(store, 5_000);
  const state = store.release();
  assert.equal(store.size, 0);
  assert.equal(store.sample(store.add(), 1, 1), true);
  assert.equal(store.quantile(0, 0.5), 1);

  const adopted = DigestStore.adopt(structuredClone(state, { transfer: DigestStore.transferables(state) }));
  assert.equal(state.slots.byteLength, 0);
  assert.equal(adopted.size, 300);
  feed(adopted, 30_000); // freed blocks are used again
  digests.forEach((digest, id) => assertSame(adopted, id, digest));
});

Deno.test("DigestStore takes little memory for digests of few samples", () => {
  const store = new DigestStore();
  for (let id = 0; id < 100_000; id++) {
    store.add();
    for (let i = 0; i < 3; i++) store.sample(id, i, 1);
  }
  assert.ok(store.byteLength <= 100_000 * 152 * 1.5, `${store.byteLength / 100_000} bytes a digest`);
});

Deno.test("DigestStore survives samples at the ends of the number range", () => {
  const store = new DigestStore();
  const [id, neighbour] = [store.add(), store.add()];
  for (let i = 0; i < 2_000; i++) {
    store.sample(id, i % 2 === 0 ? Number.MAX_VALUE : -Number.MAX_VALUE, i % 3 === 0 ? Number.MAX_VALUE : 1);
    store.sample(id, i, Number.MIN_VALUE);
    store.sample(neighbour, i, 1);
  }
  assert.equal(store.toDigest(id).count, Infinity);
  const other = new DigestStore();
  other.mergeFrom(other.add(), store, id, true);
  other.mergeDigest(0, store.toDigest(id));
  assert.equal(other.max(0), Number.MAX_VALUE);
  assert.equal(store.sum(neighbour), 1_999_000);
  assert.equal(store.quantile(neighbour, 1), 1_999);
});
