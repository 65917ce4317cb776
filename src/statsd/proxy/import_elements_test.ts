import assert from "node:assert/strict";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { HyperLogLog, HyperLogLogV1, TDigest } from "../../sketch/mod.ts";
import { decodeMetric } from "../forward_proto.ts";
import { decodeImport, encodeImport, type ForwardedSeries } from "../forward_wire.ts";
import { readImportBody } from "../import_body.ts";
import { carriedMetric } from "./carried.ts";
import { type ImportedElements, readElements } from "./import_elements.ts";
import { metricKey } from "./metric_identity.ts";
import { newRingKeys } from "./ring_key.ts";

const KEYS = newRingKeys([]);
const utf8 = new TextEncoder();

function elements(body: string): ImportedElements {
  const read = readElements(utf8.encode(body), "", KEYS);
  assert.ok("series" in read, JSON.stringify(read));
  return read;
}

function digestOf(...values: number[]): TDigest {
  const digest = new TDigest();
  for (const value of values) digest.add(value);
  return digest;
}

function setOf<T extends HyperLogLog | HyperLogLogV1>(sketch: T, ...members: string[]): T {
  for (const member of members) sketch.insert(utf8.encode(member));
  return sketch;
}

/** One series of each kind; the last one has no form in gRPC. */
const SERIES: ForwardedSeries[] = [
  { name: "hits", tags: ["env:prod"], isGlobal: true, value: { type: "counter", total: -3n } },
  { name: "temp", tags: [], isGlobal: true, value: { type: "gauge", value: Math.PI } },
  { name: "lat", tags: ["a", "b:ü"], isGlobal: false, value: { type: "timer", digest: digestOf(1, 2, 7, 8, 100) } },
  { name: "size", tags: [], isGlobal: true, value: { type: "histogram", digest: digestOf(3) } },
  { name: "users", tags: [], isGlobal: false, value: { type: "set", sketch: setOf(new HyperLogLog(), "a", "b") } },
  { name: "old", tags: [], isGlobal: false, value: { type: "set", sketch: setOf(new HyperLogLogV1(), "a") } },
];

Deno.test("readElements() hands elements on as they came, and keys them by name, type and tags", () => {
  const body = encodeImport(SERIES);
  const { series, nameless } = elements(body);
  assert.equal(`[${series.map((one) => one.json()).join(",")}]`, body);
  assert.equal(nameless, 0);
  assert.deepEqual(series.map(({ key }) => key), [
    "hitscounterenv:prod",
    "tempgauge",
    "lattimera,b:ü",
    "sizehistogram",
    "usersset",
    "oldset",
  ]);
});

Deno.test("readElements() keys by the tag list, sorted, and keeps members it does not know", () => {
  const text =
    '{"Name":"a","TYPE":"Counter","TagString":"z","Tags":["b","a","","b"],"Value":"CgAAAAAAAAA=","next":{"x":1}}';
  const { series } = elements(`[${text},{"name":"b","type":"set","tagstring":"y,x"}]`);
  assert.deepEqual(series.map(({ key }) => key), ["acountera,b", "bsetx,y"]);
  assert.equal(series[0]!.json(), text);
});

Deno.test("readElements() leaves values to the global instance, and out those without a name", () => {
  const { series, nameless } = elements('[{"name":"a","type":"new","value":"Cg=="},{"name":"","type":"set"},{}]');
  assert.deepEqual(series.map(({ key }) => key), ["anew"]);
  assert.equal(nameless, 2);
});

for (const encoding of ["", "identity", "deflate"]) {
  Deno.test(`readElements() reads a body of encoding "${encoding}"`, () => {
    const body = encodeImport(SERIES);
    const read = readElements(encoding === "deflate" ? deflateSync(body) : utf8.encode(body), encoding, KEYS);
    assert.ok("series" in read && read.series.length === SERIES.length);
  });
}

const BODY = encodeImport(SERIES.slice(0, 1));
const refused: [what: string, body: Uint8Array, encoding: string][] = [
  ["gzip", gzipSync(BODY), "gzip"],
  ["deflate that is none", utf8.encode(BODY), "deflate"],
  ["raw deflate", deflateRawSync(BODY), "deflate"],
  ["deflate cut off", deflateSync(BODY).subarray(0, 20), "deflate"],
  ["what inflates without end", deflateSync(new Uint8Array(513 * 1024 * 1024)), "deflate"],
  ["no UTF-8 at all", new Uint8Array([0xff, 0xfe]), ""],
  ...[
    "",
    "hello",
    "{}",
    "[1]",
    "[null]",
    "[[]]",
    '[{"name":1}]',
    '[{"name":"a","type":"counter","value":"not base64!"}]',
    '[{"name":"a","type":"counter","value":"Cg"}]',
    '[{"name":"a","scope":1}]',
    '[{"tags":"a"}]',
    '[{"tags":[1]}]',
    "[]",
    "[{},{}]",
    '[{"scope":"global"}]',
  ].map((text): [string, Uint8Array, string] => [text || "nothing", utf8.encode(text), ""]),
];
for (const [what, body, encoding] of refused) {
  Deno.test(`readElements() refuses ${what} as a global instance does`, () => {
    const [ours, theirs] = [readElements(body, encoding, KEYS), readImportBody(body, encoding)];
    assert.ok("status" in ours && "status" in theirs);
    assert.deepEqual(ours, theirs);
  });
}

Deno.test("a series leaves as a metric of gRPC with what it came with in JSON, and the other way", () => {
  const { series } = elements(encodeImport(SERIES));
  for (const [i, carried] of series.slice(0, 5).entries()) {
    const metric = decodeMetric(carried.metric()!);
    assert.ok("value" in metric);
    assert.deepEqual(encodeImport([metric]), encodeImport([SERIES[i]!]));
    const back = carriedMetric(metricKey(carried.metric()!, KEYS)!, carried.metric()!);
    assert.equal(back.key, carried.key);
    assert.equal(back.json(), carried.json());
    assert.deepEqual(back.metric(), carried.metric());
  }
});

Deno.test("a series without a form in gRPC has none, and one whose value can't be read", () => {
  const { series } = elements(
    `[${
      encodeImport(SERIES.slice(5)).slice(1, -1)
    },{"name":"a","type":"counter","value":"Cg=="},{"name":"a","type":"b"}]`,
  );
  assert.deepEqual(series.map((carried) => carried.metric()), [undefined, undefined, undefined]);
  assert.ok(typeof decodeImport(`[${series[0]!.json()}]`) !== "string");
});
