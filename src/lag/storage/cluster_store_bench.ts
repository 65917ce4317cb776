import { ClusterStore } from "./cluster_store.ts";
import { commitKey, commitValue } from "./testing.ts";

// Times are of so many commits at once: of 1,000 groups, each of 10 partitions.
const GROUPS = 1_000;
const PARTITIONS = 10;
const NOW_MS = 1_700_000_000_000;

const records = Array.from({ length: GROUPS * PARTITIONS }, (_, i) => {
  const key = commitKey(`service-${Math.floor(i / PARTITIONS)}`, "events.v1", i % PARTITIONS);
  return { key, value: commitValue(5_000, NOW_MS) };
});
const bytes = new Uint8Array(records.reduce((sum, { key, value }) => sum + key.length + value.length, 0));
const places: [keyStart: number, keyEnd: number, valueEnd: number][] = [];
for (const { key, value } of records) {
  const [start, middle] = [places.at(-1)?.[2] ?? 0, (places.at(-1)?.[2] ?? 0) + key.length];
  bytes.set(key, start);
  bytes.set(value, middle);
  places.push([start, middle, middle + value.length]);
}
const view = new DataView(bytes.buffer);
const inOrder = places;
const mixed = places.map((_, i) => places[i * 7919 % places.length]!);

const config = { intervals: 10, minDistanceMs: 0, expireGroupMs: 6e8, filter: {}, timeLagPoints: 0, maxGroups: 0 };
const cluster = new ClusterStore("c", config);
cluster.setTime(NOW_MS);
for (let partition = 0; partition < PARTITIONS; partition++) {
  cluster.setBrokerOffset("events.v1", partition, PARTITIONS, 6_000, NOW_MS);
}
for (let i = 0; i < records.length; i++) {
  cluster.setConsumerOffset(`service-${Math.floor(i / PARTITIONS)}`, "events.v1", i % PARTITIONS, 1, 1, NOW_MS);
}
const group = `${records.length} commits of ${Math.round(bytes.length / records.length)} bytes`;
let order = 2;

Deno.bench("floor: look at each byte once", { group, baseline: true }, () => {
  let sum = 0;
  for (let at = 0; at < bytes.length; at++) sum = (sum ^ bytes[at]!) + (sum << 1) | 0;
  if (sum === 0.5) throw new Error("never");
});

for (const [what, some] of [["as they come", inOrder], ["each of another group than the last", mixed]] as const) {
  Deno.bench(`ClusterStore.commit(), ${what}`, { group }, () => {
    for (const [keyStart, keyEnd, valueEnd] of some) {
      if (cluster.commit(view, keyStart + 2, keyEnd, keyEnd, valueEnd, order++) === undefined) {
        throw new Error("not stored");
      }
    }
  });
}

Deno.bench("ClusterStore.setConsumerOffset(), from values", { group }, () => {
  for (let i = 0; i < records.length; i++) {
    cluster.setConsumerOffset(`service-${Math.floor(i / PARTITIONS)}`, "events.v1", i % PARTITIONS, 1, order++, NOW_MS);
  }
});
