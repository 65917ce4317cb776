import { fnv1a64, metroHash64, newHash64 } from "./hash.ts";
import { HyperLogLog } from "./hyperloglog.ts";
import { SetStore } from "./set_store.ts";

// Times are of so packed operations at once: one is too short for the clock.
const MEMBERS = 65_536;
const text = new TextEncoder();
const packed = text.encode(Array.from({ length: MEMBERS }, (_, i) => `user-${String(i).padStart(5, "0")}`).join(""));

const hash = newHash64();
Deno.bench(`metroHash64() x ${MEMBERS}, 10 bytes`, { group: "hash" }, () => {
  for (let i = 0; i < MEMBERS; i++) metroHash64(packed, i * 10, i * 10 + 10, hash);
});
Deno.bench(`fnv1a64() x ${MEMBERS}, 10 bytes`, { group: "hash" }, () => {
  for (let i = 0; i < MEMBERS; i++) fnv1a64(packed, i * 10, i * 10 + 10, hash);
});

const sink = new Float64Array(1); // where a result goes, so that it is computed

const dense = new SetStore();
dense.add();
for (let i = 0; i < MEMBERS; i++) dense.insert(0, packed, i * 10, i * 10 + 10);
Deno.bench(`SetStore insert() x ${MEMBERS}, one dense set`, { group: "insert" }, () => {
  for (let i = 0; i < MEMBERS; i++) dense.insert(0, packed, i * 10, i * 10 + 10);
});

const sparse = new SetStore();
for (let id = 0; id < 64; id++) sparse.add();
Deno.bench(`SetStore insert() x ${MEMBERS}, 64 sparse sets of 1024 members seen before`, { group: "insert" }, () => {
  for (let i = 0; i < MEMBERS; i++) sparse.insert(i & 63, packed, i * 10, i * 10 + 10);
});

Deno.bench(`SetStore insert() x ${MEMBERS}, 16384 new sets of 4 members`, { group: "insert" }, () => {
  const store = new SetStore();
  for (let i = 0; i < MEMBERS; i += 4) {
    const id = store.add();
    for (let j = i; j < i + 4; j++) store.insert(id, packed, j * 10, j * 10 + 10);
  }
});

Deno.bench(`HyperLogLog insert() x ${MEMBERS} into a new one`, { group: "insert" }, () => {
  const sketch = new HyperLogLog();
  for (let i = 0; i < MEMBERS; i++) sketch.insert(packed, i * 10, i * 10 + 10);
});

Deno.bench("floor: the same members' bytes summed up", { group: "insert", baseline: true }, () => {
  let sum = 0;
  for (let i = 0; i < MEMBERS * 10; i++) sum += packed[i]!;
  sink[0] = sum;
});

Deno.bench("SetStore mergeFrom() x 64, sparse into empty", { group: "merge" }, () => {
  const store = new SetStore();
  for (let id = 0; id < 64; id++) store.mergeFrom(store.add(), sparse, id);
});

Deno.bench("SetStore mergeFrom(), dense into dense", { group: "merge" }, (b) => {
  const store = new SetStore();
  store.mergeFrom(store.add(), dense, 0);
  b.start();
  store.mergeFrom(0, dense, 0);
  b.end();
});

Deno.bench("SetStore estimate(), dense", { group: "merge" }, () => {
  sink[0] = dense.estimate(0);
});
