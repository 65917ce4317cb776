import { DigestStore } from "./digest_store.ts";
import { TDigest } from "./tdigest.ts";

// Times are of so many operations at once: one is too short for the clock.
const SAMPLES = 65_536;
const values = Float64Array.from({ length: SAMPLES }, () => -Math.log(1 - Math.random()) * 100);

const busy = new DigestStore();
for (let i = 0; i < 300; i++) busy.add();
for (let i = 0; i < 300 * 2_000; i++) busy.sample(i % 300, values[i % SAMPLES]!, 1);
Deno.bench(`DigestStore sample() x ${SAMPLES}, 300 digests in turn`, { group: "sample" }, () => {
  let id = 0;
  for (let i = 0; i < SAMPLES; i++) {
    busy.sample(id, values[i]!, 1);
    if (++id === 300) id = 0;
  }
});

const single = new TDigest();
Deno.bench(`TDigest add() x ${SAMPLES}`, { group: "sample" }, () => {
  for (let i = 0; i < SAMPLES; i++) single.add(values[i]!);
});

Deno.bench(`DigestStore sample() x ${SAMPLES}, 16384 new digests of 4 samples`, { group: "sample" }, () => {
  const store = new DigestStore();
  for (let i = 0; i < SAMPLES; i += 4) {
    const id = store.add();
    for (let j = 0; j < 4; j++) store.sample(id, values[i + j]!, 1);
  }
});

Deno.bench("floor: the same samples into one sum a digest", { group: "sample", baseline: true }, () => {
  const sums = new Float64Array(300);
  let id = 0;
  for (let i = 0; i < SAMPLES; i++) {
    sums[id]! += values[i]!;
    if (++id === 300) id = 0;
  }
});

Deno.bench("DigestStore mergeFrom() x 300, full into full", { group: "merge" }, (b) => {
  const target = new DigestStore();
  for (let i = 0; i < 300; i++) target.mergeFrom(target.add(), busy, i, true);
  b.start();
  for (let i = 0; i < 300; i++) target.mergeFrom(i, busy, 299 - i, true);
  b.end();
});

Deno.bench("DigestStore mergeFrom() x 300, full into new", { group: "merge" }, () => {
  const target = new DigestStore();
  for (let i = 0; i < 300; i++) target.mergeFrom(target.add(), busy, i, true);
});

const digests = Array.from({ length: 300 }, (_, i) => busy.toDigest(i));
Deno.bench("TDigest merge() x 300 into one", { group: "merge" }, () => {
  const target = new TDigest();
  for (const digest of digests) target.merge(digest);
});
