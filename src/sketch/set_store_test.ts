import assert from "node:assert/strict";
import { fractionsFrom } from "../testing/mod.ts";
import { HyperLogLog } from "./hyperloglog.ts";
import { SetStore } from "./set_store.ts";

const text = new TextEncoder();

function insert(store: SetStore, id: number, member: string): void {
  const bytes = text.encode(`<${member}>`);
  store.insert(id, bytes, 1, bytes.length - 1);
}

Deno.test("SetStore equals HyperLogLog at any number of members", () => {
  const store = new SetStore();
  const sketches: HyperLogLog[] = [];
  for (const count of [0, 1, 2, 3, 4, 6, 7, 100, 163, 164, 1000, 5000, 7000, 9000, 50_000, 400_000]) {
    const id = store.add();
    const sketch = new HyperLogLog();
    sketches.push(sketch);
    for (let i = 0; i < count; i++) {
      insert(store, id, `${count} ${i}`);
      sketch.insert(text.encode(`${count} ${i}`));
    }
  }
  sketches.forEach((sketch, id) => {
    assert.equal(store.estimate(id), sketch.estimate());
    const copy = store.toSketch(id);
    assert.deepEqual(copy.keys(), sketch.keys());
    assert.deepEqual(copy.block(), sketch.block());
    const decoded = HyperLogLog.decode(copy.encode());
    assert.ok(Math.abs(decoded.estimate() - sketch.estimate()) <= 1);
  });
});

Deno.test("SetStore equals HyperLogLog when sets grow in turn and repeat members", () => {
  const random = fractionsFrom(1);
  const store = new SetStore();
  const sketches = Array.from({ length: 100 }, () => {
    store.add();
    return new HyperLogLog();
  });
  for (let i = 0; i < 150_000; i++) {
    const id = Math.floor(random() ** 3 * 100);
    const member = `${Math.floor(random() * 20_000)}`;
    insert(store, id, member);
    sketches[id]!.insert(text.encode(member));
  }
  sketches.forEach((sketch, id) => assert.equal(store.estimate(id), sketch.estimate()));
});

Deno.test("SetStore turns dense near where HyperLogLog does, and stays within 3 %", () => {
  const store = new SetStore();
  const id = store.add();
  for (let i = 1; i <= 12_000; i++) {
    insert(store, id, `member ${i}`);
    if (i === 7_000) assert.ok(store.toSketch(id).keys() !== null);
    if (i === 7_600) assert.ok(store.toSketch(id).keys() === null);
    if (i % 100 === 0) assert.ok(Math.abs(store.estimate(id) / i - 1) <= 0.03, `${i}: ${store.estimate(id)}`);
  }
});

const counts = [0, 1, 3, 5, 500, 7_100, 20_000];
for (const ours of counts) {
  Deno.test(`SetStore mergeFrom() and mergeSketch() into ${ours} members equal inserting all`, () => {
    for (const theirs of counts) {
      const [store, other, whole] = [new SetStore(), new SetStore(), new SetStore()];
      const [byStore, bySketch, from, all] = [store.add(), store.add(), other.add(), whole.add()];
      for (let i = 0; i < ours; i++) {
        insert(store, byStore, `ours ${i}`);
        insert(store, bySketch, `ours ${i}`);
        insert(whole, all, `ours ${i}`);
      }
      for (let i = 0; i < theirs; i++) {
        insert(other, from, `theirs ${i}`);
        insert(whole, all, `theirs ${i}`);
      }
      const before = other.estimate(from);
      store.mergeFrom(byStore, other, from);
      store.mergeSketch(bySketch, other.toSketch(from));
      assert.equal(store.estimate(byStore), whole.estimate(all), `mergeFrom of ${theirs}`);
      assert.equal(store.estimate(bySketch), whole.estimate(all), `mergeSketch of ${theirs}`);
      assert.equal(other.estimate(from), before);
    }
  });
}

Deno.test("SetStore mergeFrom() works inside one store, whose memory may move", () => {
  const store = new SetStore();
  for (const count of [5, 1_000, 20_000]) {
    const from = store.add();
    for (let i = 0; i < count; i++) insert(store, from, `${i}`);
    const want = store.estimate(from);
    store.mergeFrom(from, store, from);
    assert.equal(store.estimate(from), want);
    for (let i = 0; i < 20; i++) {
      const id = store.add();
      if (i % 2 === 0) insert(store, id, "1");
      store.mergeFrom(id, store, from);
      assert.equal(store.estimate(id), want);
    }
    assert.equal(store.estimate(from), want);
  }
});

Deno.test("SetStore release() and adopt() carry everything through a structured clone", () => {
  const store = new SetStore();
  const sketches = Array.from({ length: 200 }, () => {
    store.add();
    return new HyperLogLog();
  });
  const feed = (target: SetStore, from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const id = Math.floor(Math.sqrt(i * 7919 % 40_000));
      insert(target, id, `${i}`);
      sketches[id]!.insert(text.encode(`${i}`));
    }
  };
  feed(store, 0, 20_000);
  const state = store.release();
  assert.equal(store.size, 0);
  insert(store, store.add(), "alone");
  assert.equal(store.estimate(0), 1);

  const adopted = SetStore.adopt(structuredClone(state, { transfer: SetStore.transferables(state) }));
  assert.equal(state.arena.byteLength, 0);
  assert.equal(adopted.size, 200);
  feed(adopted, 20_000, 60_000); // freed blocks are used again
  sketches.forEach((sketch, id) => assert.equal(adopted.estimate(id), sketch.estimate()));
});

Deno.test("SetStore takes less than 100 bytes for a set of one member", () => {
  const store = new SetStore();
  for (let id = 0; id < 100_000; id++) insert(store, store.add(), `${id}`);
  assert.ok(store.byteLength / 100_000 < 50, `${store.byteLength / 100_000}`);
});

const wrongIds: [method: string, call: (store: SetStore) => unknown][] = [
  ["insert", (store) => store.insert(1, new Uint8Array(1), 0, 1)],
  ["insertHash", (store) => store.insertHash(NaN, 1, 2)],
  ["estimate", (store) => store.estimate(-1)],
  ["toSketch", (store) => store.toSketch(1)],
  ["mergeFrom", (store) => store.mergeFrom(1, store, 0)],
  ["mergeFrom of a wrong one", (store) => store.mergeFrom(0, store, 1)],
  ["mergeSketch", (store) => store.mergeSketch(1, new HyperLogLog())],
];
for (const [method, call] of wrongIds) {
  Deno.test(`SetStore ${method}() refuses a set that is not there`, () => {
    const store = new SetStore();
    store.add();
    assert.throws(() => call(store), RangeError);
  });
}
