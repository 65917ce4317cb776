import assert from "node:assert/strict";
import { fromHex, toHex } from "../bytes/mod.ts";
import { HyperLogLog, HyperLogLogV1, TDigest } from "../sketch/mod.ts";
import { decodeMetric, decodeMetricList, encodeMetric, encodeMetricList, type RefusedMetric } from "./forward_proto.ts";
import type { ForwardedSeries } from "./forward_wire.ts";

const digest = new TDigest();
for (const value of [3.5, -2, 0]) digest.add(value);
const sketch = new HyperLogLog();
sketch.insert(new TextEncoder().encode("alpha"));

const vectors: [hex: string, series: ForwardedSeries][] = [
  [
    "0a0468697473 1208656e763a70726f64 2a020807 4802",
    { name: "hits", tags: ["env:prod"], isGlobal: true, value: { type: "counter", total: 7n } },
  ],
  [
    "0a0474656d70 1801 3209 09 0000000000803540 4802",
    { name: "temp", tags: [], isGlobal: true, value: { type: "gauge", value: 21.5 } },
  ],
];
for (const [hex, series] of vectors) {
  Deno.test(`encodeMetric() and decodeMetric() agree on the bytes of ${series.name}`, () => {
    assert.equal(toHex(encodeMetric(series)), hex.replaceAll(" ", ""));
    assert.deepEqual(decodeMetric(fromHex(hex)!), series);
  });
}

Deno.test("decodeMetric() reads back digests, sets, and numbers that are zero", () => {
  const all: ForwardedSeries[] = [
    { name: "h", tags: ["a", "b:1"], isGlobal: false, value: { type: "histogram", digest } },
    { name: "t", tags: [], isGlobal: true, value: { type: "timer", digest } },
    { name: "s", tags: [], isGlobal: false, value: { type: "set", sketch } },
    { name: "c", tags: [], isGlobal: true, value: { type: "counter", total: 0n } },
    { name: "n", tags: [], isGlobal: true, value: { type: "counter", total: -(2n ** 63n) } },
    { name: "g", tags: [], isGlobal: true, value: { type: "gauge", value: 0 } },
  ];
  const list = decodeMetricList(encodeMetricList(all.map(encodeMetric)));
  assert.ok(list !== undefined);
  assert.deepEqual(list.map((one) => "cause" in one ? one : [one.name, one.tags, one.isGlobal, one.value.type]), [
    ["h", ["a", "b:1"], false, "histogram"],
    ["t", [], true, "timer"],
    ["s", [], false, "set"],
    ["c", [], true, "counter"],
    ["n", [], true, "counter"],
    ["g", [], true, "gauge"],
  ]);
  assert.deepEqual(
    list.map((one) => toHex(encodeMetric(one as ForwardedSeries))),
    all.map((one) => toHex(encodeMetric(one))),
  );
});

Deno.test("encodeMetric() has no place for a set of the older generation", () => {
  const value = { type: "set", sketch: new HyperLogLogV1() } as const;
  assert.throws(() => encodeMetric({ name: "s", tags: [], isGlobal: false, value }), TypeError);
});

const refused: [what: string, hex: string, cause: string][] = [
  ["no name", "2a020807", "name"],
  ["an unknown type", "0a0161 1809 2a020807", "type"],
  ["a local scope", "0a0161 2a020807 4801", "scope"],
  ["an unknown scope", "0a0161 2a020807 4807", "scope"],
  ["no value", "0a0161", "value"],
  ["a gauge's value on a counter", "0a0161 3209 090000000000803540", "mismatch"],
  ["a counter's value on a timer", "0a0161 1804 2a020807", "mismatch"],
  ["a gauge that is NaN", "0a0161 1801 3209 09000000000000f87f", "value"],
  ["a set that is none", "0a0161 1803 4203 0a0107", "value"],
  ["an empty set", "0a0161 1803 4200", "value"],
  ["a name cut off", "0a05 61", "value"],
];
for (const [what, hex, cause] of refused) {
  Deno.test(`decodeMetric() refuses ${what}`, () => {
    assert.equal((decodeMetric(fromHex(hex)!) as RefusedMetric).cause, cause);
  });
}

Deno.test("decodeMetric() never throws, wherever a metric is cut off", () => {
  const bytes = encodeMetric({ name: "h", tags: ["a"], isGlobal: true, value: { type: "timer", digest } });
  for (let end = 0; end < bytes.length; end++) decodeMetric(bytes.subarray(0, end));
  assert.equal(decodeMetricList(fromHex("0a05 61")!), undefined);
});
