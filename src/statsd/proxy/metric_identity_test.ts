import assert from "node:assert/strict";
import { fromHex, ProtoWriter } from "../../bytes/mod.ts";
import { encodeMetric } from "../forward_proto.ts";
import { metricKey } from "./metric_identity.ts";
import { newRingKeys } from "./ring_key.ts";

const KEYS = newRingKeys([{ kind: "prefix", value: "host:" }]);

const hex = (text: string) => fromHex(text)!;
const HITS = hex("0a0468697473 1208656e763a70726f64 2a020807 4802");

function newType(): Uint8Array {
  const out = new ProtoWriter();
  out.text(1, "a");
  out.varint(3, 9);
  return out.copy();
}

const unordered = encodeMetric({
  name: "a",
  tags: ["z", "b", "", "z", "host:h1"],
  isGlobal: false,
  value: { type: "counter", total: 1n },
});

const keys: [what: string, bytes: Uint8Array, key: string | undefined][] = [
  ["a counter", HITS, "hitscounterenv:prod"],
  ["a gauge", hex("0a0474656d70 1801 3209090000000000803540 4802"), "tempgauge"],
  ["tags that are not in order, twice, empty, or to be ignored", unordered, "acounterb,z"],
  ["a type that is new", newType(), "a9"],
  ["nothing", new Uint8Array(0), undefined],
  ["a metric without a name", hex("1208656e763a70726f64"), undefined],
  ["a name that is cut off", HITS.subarray(0, 3), undefined],
  ["a tag that is cut off", HITS.subarray(0, 9), undefined],
  ["a value that is cut off", HITS.subarray(0, 18), undefined],
  ["no message", hex("ffffffff"), undefined],
];
for (const [what, bytes, key] of keys) {
  Deno.test(`metricKey() of ${what}`, () => assert.equal(metricKey(bytes, KEYS), key));
}
