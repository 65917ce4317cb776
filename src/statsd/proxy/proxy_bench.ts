import { deflateSync, inflateSync } from "node:zlib";
import { HyperLogLog, TDigest } from "../../sketch/mod.ts";
import { decodeImport, encodeImport, type ForwardedSeries } from "../forward_wire.ts";
import { HashRing } from "./hash_ring.ts";
import { readElements } from "./import_elements.ts";
import { newRingKeys } from "./ring_key.ts";

const MEMBER = new TextEncoder().encode("ann");

/** What a busy host forwards: half digests of 100 samples, some small sets, the rest counters. */
const series = Array.from({ length: 5_000 }, (_, i): ForwardedSeries => {
  const common = { name: `series.${i}`, tags: ["env:prod", `route:r${i}`], isGlobal: false };
  if (i % 2 === 0) {
    const digest = new TDigest();
    for (let k = 0; k < 100; k++) digest.add((k * 7919 + i) % 1000);
    return { ...common, value: { type: "timer", digest } };
  }
  if (i % 10 !== 1) return { ...common, value: { type: "counter", total: 5n } };
  const sketch = new HyperLogLog();
  sketch.insert(MEMBER);
  return { ...common, value: { type: "set", sketch } };
});
const json = encodeImport(series);
const body = new Uint8Array(deflateSync(json));
const keys = newRingKeys([]);

Deno.bench("readElements() x 5000 series", { group: "import", baseline: true }, () => {
  readElements(body, "deflate", keys);
});
Deno.bench("inflateSync() and JSON.parse() of the same, the floor", { group: "import" }, () => {
  JSON.parse(new TextDecoder().decode(inflateSync(body)));
});
Deno.bench(
  "decodeImport() and encodeImport() of the same, what a look into each would take",
  { group: "import" },
  () => {
    const decoded = decodeImport(new TextDecoder().decode(inflateSync(body)));
    if (typeof decoded !== "string") encodeImport(decoded.series);
  },
);

const ring = new HashRing(Array.from({ length: 40 }, (_, i) => `http://global-${i}.example:8127`));
const names = series.map(({ name, value, tags }) => keys.keyOf(name, value.type, tags));
let found = 0; // so that the result is wanted
Deno.bench("HashRing.ownerOf() x 5000, 40 members", () => {
  for (const name of names) found += ring.ownerOf(name)!.length;
});
