import assert from "node:assert/strict";
import type { Int64 } from "../wire/int64.ts";
import { BrokerStore } from "./broker_store.ts";
import { Appended, type CommitEntry, WindowStore } from "./window_store.ts";

function entry(offset: Int64, order: Int64, timestamp: Int64, lag: Int64 | null = 0): CommitEntry {
  return { offset, order, timestamp, observedAt: timestamp, lag, fresh: true };
}

function ends(offset: Int64): BrokerStore {
  const brokers = new BrokerStore(4);
  brokers.add(brokers.allocate(), offset, 0);
  return brokers;
}

for (const intervals of [0, 1.5, -1, 20_000, NaN]) {
  Deno.test(`WindowStore refuses windows of ${intervals}`, () =>
    assert.throws(() => new WindowStore(intervals), RangeError));
}

const windows: [what: string, entries: CommitEntry[]][] = [
  ["an empty one", []],
  ["one of near numbers", [entry(1, 1, 1), entry(2, 2, 2, 5), entry(3, 3, 3, null)]],
  ["one of far numbers", [entry(1, 1, 1), entry(2 ** 40, 2 ** 41, 2 ** 42), entry(2 ** 52, 2 ** 52, 2 ** 52)]],
  ["one beyond 2^53", [entry(2n ** 60n, 2n ** 61n, 2n ** 62n, 2n ** 59n), entry(5, 2n ** 61n + 1n, 7, 2 ** 30)]],
  ["one of lags at the bound of their word", [
    entry(1, 1, 1, 2 ** 30 - 3),
    entry(1, 2, 1, 2 ** 30 - 2),
    entry(1, 3, 1, 2 ** 30 - 1),
  ]],
  ["one that arrived late", [{ ...entry(1, 1, 1), observedAt: 2 ** 40, fresh: false }]],
];
for (const [what, entries] of windows) {
  Deno.test(`WindowStore gives back ${what}`, () => {
    const store = new WindowStore(3);
    const before = store.allocate(1, 2, 3, 4);
    const slot = store.allocate(5, 6, 7, 8);
    store.write(before, [entry(9, 9, 9)], 0);
    store.write(slot, entries, 11);
    assert.deepEqual(store.read(slot), entries);
    assert.equal(store.sample(slot), 11);
    assert.deepEqual(
      [store.hash(slot), store.owner(slot), store.partition(slot), store.broker(slot), store.count(slot)],
      [5, 6, 7, 8, entries.length],
    );
    store.free(slot);
    assert.deepEqual(store.read(store.allocate(0, 0, 0, 0)), []);
    assert.deepEqual(store.read(before), [entry(9, 9, 9)]);
    assert.equal(store.size, 2);
  });
}

Deno.test("WindowStore.append() turns the ring", () => {
  const store = new WindowStore(3);
  const brokers = ends(100);
  const slot = store.allocate(0, 0, 0, 0);
  store.write(slot, [entry(1, 1, 1)], 0);
  for (let i = 2; i < 9; i++) assert.equal(store.append(slot, i, i, i, brokers, i, 0), Appended.stored);
  assert.deepEqual(store.read(slot).map(({ offset, lag }) => [offset, lag]), [[6, 94], [7, 93], [8, 92]]);
});

const declined: [what: string, args: [offset: number, order: number, timestamp: number], end: Int64][] = [
  ["an order that is not the newest", [2, 1, 2], 100],
  ["an offset too far away", [2 ** 40, 2, 2], 2 ** 41],
  ["an order too far away", [2, 2 ** 40, 2], 100],
  ["a time too far away", [2, 2, 2 ** 40], 100],
  ["a lag too great", [2, 2, 2], 2 ** 40],
  ["an end beyond 2^53", [2, 2, 2], 2n ** 60n],
];
for (const [what, [offset, order, timestamp], end] of declined) {
  Deno.test(`WindowStore.append() leaves ${what} to the general way`, () => {
    const store = new WindowStore(3);
    const slot = store.allocate(0, 0, 0, 0);
    store.write(slot, [entry(1, 1, 1)], 0);
    assert.equal(store.append(slot, offset, order, timestamp, ends(end), 5, 0), Appended.no);
    assert.deepEqual(store.read(slot), [entry(1, 1, 1)]);
  });
}

Deno.test("WindowStore.append() leaves the first commit of a window to the general way", () => {
  const store = new WindowStore(3);
  assert.equal(store.append(store.allocate(0, 0, 0, 0), 1, 1, 1, ends(9), 1, 0), Appended.no);
});

Deno.test("BrokerStore keeps its measurements, near, far and beyond 2^53", () => {
  const brokers = new BrokerStore(3);
  const cell = brokers.allocate();
  assert.equal(brokers.newest(cell), null);
  const all: Int64[] = [1, 5, 2 ** 40, 2n ** 60n, 2n ** 60n + 1n, 7, 8, 9];
  all.forEach((offset, i) => {
    brokers.add(cell, offset, i);
    assert.deepEqual(brokers.offsets(cell), all.slice(Math.max(0, i - 2), i + 1));
    assert.equal(brokers.newest(cell), offset);
    assert.equal(brokers.samples(cell), i + 1);
    assert.equal(brokers.timeMs(cell), i);
  });
  for (const start of [0, 5, 2n ** 60n]) {
    brokers.setLogStart(cell, start);
    assert.equal(brokers.logStart(cell), start);
  }
  brokers.free(cell);
  assert.equal(brokers.allocate(), cell);
  assert.deepEqual([brokers.newest(cell), brokers.logStart(cell), brokers.offsets(cell)], [null, null, []]);
});
