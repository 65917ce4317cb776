import assert from "node:assert/strict";
import { HyperLogLog, HyperLogLogV1, TDigest } from "../sketch/mod.ts";
import { type DecodedImport, decodeImport, encodeImport, type ForwardedSeries, wholeTotal } from "./forward_wire.ts";

const digestOf = (...values: number[]) => {
  const digest = new TDigest();
  for (const value of values) digest.add(value);
  return digest;
};
const setOf = <T extends HyperLogLog | HyperLogLogV1>(sketch: T, ...members: string[]): T => {
  for (const member of members) sketch.insert(new TextEncoder().encode(member));
  return sketch;
};

/** Decodes a body that must be readable. */
function imported(body: string): DecodedImport {
  const decoded = decodeImport(body);
  assert.ok(typeof decoded !== "string", String(decoded));
  return decoded;
}

const totals: [total: number, whole: bigint][] = [
  [10, 10n],
  [2.5, 3n],
  [-2.5, -3n],
  [0.49, 0n],
  [1e300, 2n ** 63n - 1n],
  [-1e300, -(2n ** 63n)],
  [9007199254740993, 9007199254740992n],
];
for (const [total, whole] of totals) {
  Deno.test(`wholeTotal() forwards ${total} as ${whole}`, () => assert.equal(wholeTotal(total), whole));
}

const values: [series: Omit<ForwardedSeries, "name" | "tags">, base64: string][] = [
  [{ isGlobal: true, value: { type: "counter", total: 10n } }, "CgAAAAAAAAA="],
  [{ isGlobal: true, value: { type: "counter", total: -3n } }, "/f////////8="],
  [{ isGlobal: true, value: { type: "counter", total: 7n } }, "BwAAAAAAAAA="],
  [{ isGlobal: true, value: { type: "gauge", value: Math.PI } }, "GC1EVPshCUA="],
];
for (const [series, base64] of values) {
  Deno.test(`encodeImport() writes a ${series.value.type} as ${base64}, and decodeImport() reads it`, () => {
    const body = encodeImport([{ name: "a.b", tags: ["x:1", "y"], ...series }]);
    assert.deepEqual(JSON.parse(body), [
      { name: "a.b", type: series.value.type, tagstring: "x:1,y", tags: ["x:1", "y"], value: base64 },
    ]);
    const { series: [read], errors } = imported(body);
    assert.deepEqual(read?.value, series.value);
    assert.deepEqual(errors, []);
  });
}

Deno.test("encodeImport() says of a histogram whether it is global, and hands on its centroids", () => {
  const body = encodeImport([
    { name: "a", tags: [], isGlobal: true, value: { type: "timer", digest: digestOf(1, 2, 7, 8, 100) } },
    { name: "a", tags: [], isGlobal: false, value: { type: "histogram", digest: digestOf(3) } },
  ]);
  const [global, mixed] = JSON.parse(body);
  assert.equal(global.scope, "global");
  assert.equal(global.tags, null);
  assert.ok(!("scope" in mixed));
  const { series: [timer, histogram] } = imported(body);
  assert.ok(timer?.value.type === "timer" && histogram?.value.type === "histogram");
  assert.equal(timer.isGlobal, true);
  assert.ok(Math.abs(timer.value.digest.quantile(0.99) - 97.7) < 1e-9);
  assert.equal(histogram.isGlobal, false);
});

Deno.test("decodeImport() reads sets of both generations", () => {
  const body = encodeImport([
    { name: "b", tags: [], isGlobal: false, value: { type: "set", sketch: setOf(new HyperLogLog(), "alpha", "beta") } },
    { name: "a", tags: [], isGlobal: false, value: { type: "set", sketch: setOf(new HyperLogLogV1(), "alpha") } },
  ]);
  const { series: [b, a] } = imported(body);
  assert.ok(b?.value.type === "set" && b.value.sketch instanceof HyperLogLog);
  assert.equal(b.value.sketch.estimate(), 2);
  assert.ok(a?.value.type === "set" && a.value.sketch instanceof HyperLogLogV1);
  assert.equal(a.value.sketch.estimate(), 1);
});

Deno.test("decodeImport() trusts the tag list, sorts it, and takes member names in any case", () => {
  const { series } = imported(
    '[{"Name":"a","TYPE":"counter","TagString":"z","Tags":["b","a","","b"],"Value":"CgAAAAAAAAA=","future":{}}]',
  );
  assert.deepEqual(series.map(({ name, tags }) => [name, tags]), [["a", ["a", "b"]]]);
});

const VALUE = "CgAAAAAAAAA=";
const refused: [body: string, refusal: string][] = [
  ["", "json"],
  ["{}", "json"],
  ["[1]", "json"],
  ["[null]", "json"],
  ['[{"name":1}]', "json"],
  ['[{"name":"a","type":"counter","value":"not base64!"}]', "json"],
  ['[{"name":"a","type":"counter","value":"Cg"}]', "json"],
  ['[{"tags":"a"}]', "json"],
  ['[{"tags":[1]}]', "json"],
  ["[]", "empty"],
  ["[{},{}]", "empty"],
  ['[{"scope":"global"}]', "empty"],
];
for (const [body, refusal] of refused) {
  Deno.test(`decodeImport() refuses ${body} as ${refusal}`, () => assert.equal(decodeImport(body), refusal));
}

const skipped: [element: Record<string, unknown>, cause: string][] = [
  [{ name: "", type: "counter", value: VALUE }, "name"],
  [{ name: "a", type: "", value: VALUE }, "type"],
  [{ name: "a", type: "Counter", value: VALUE }, "type"],
  [{ name: "a", type: "counter", value: "Cg==" }, "value"],
  [{ name: "a", type: "gauge", value: "AAAAAAAA+H8=" }, "value"],
  [{ name: "a", type: "histogram", value: VALUE }, "value"],
  [{ name: "a", type: "timer" }, "value"],
  [{ name: "a", type: "set", value: VALUE }, "value"],
  [{ name: "a", type: "histogram", value: VALUE, scope: "local" }, "scope"],
];
for (const [element, cause] of skipped) {
  Deno.test(`decodeImport() skips ${JSON.stringify(element)} as ${cause} and takes its neighbour`, () => {
    const { series, errors } = imported(JSON.stringify([element, { name: "ok", type: "counter", value: VALUE }]));
    assert.deepEqual(errors.map((error) => [error.index, error.cause]), [[0, cause]]);
    assert.deepEqual(series.map(({ name }) => name), ["ok"]);
  });
}
