import assert from "node:assert/strict";
import { compareDecoded, compareFed } from "./compare.ts";
import { type Json, parseJson } from "./json.ts";

function list(text: string): Json[] {
  return parseJson(`[${text}]`) as Json[];
}

const decodedAlike: [why: string, expected: string, got: string][] = [
  ["keys in another order", '{"a":1,"b":[2]}', '{"b":[2],"a":1}'],
  ["an error that says more", '{"kind":"error","code":"x"}', '{"kind":"error","code":"x","line":3}'],
  ["parts of a text", '{"m":{"$has":["a","c"]}}', '{"m":"abc"}'],
  ["a number that is near", '{"n":{"$near":100,"$within":0.03}}', '{"n":97.5}'],
];
const decodedApart: [why: string, expected: string, got: string, path: string][] = [
  ["a key too many", '{"kind":"metric"}', '{"kind":"metric","host":""}', "[0].host"],
  ["a key too few", '{"kind":"error","code":"x"}', '{"kind":"error"}', "[0].code"],
  ["an object too many", "", '{"a":1}', "[0]"],
  ["an object too few", '{"a":1},{"a":2}', '{"a":1}', "[1]"],
  ["the last bit of a float", "0.1", "0.10000000000000002", "[0]"],
  ["the last digit of a 64-bit id", "9007199254740993", "9007199254740992", "[0]"],
  ["text for a number", '{"v":[1,2]}', '{"v":[1,"2"]}', "[0].v[1]"],
  ["another order", "1,2", "2,1", "[0]"],
  ["a text without the part", '{"m":{"$has":["pipe"]}}', '{"m":"colon"}', "[0].m"],
  ["a number that is not near", '{"n":{"$near":100,"$within":0.03}}', '{"n":96}', "[0].n"],
  ["a list for an object", '{"a":{}}', '{"a":[]}', "[0].a"],
  ["null for an object", '{"a":{}}', '{"a":null}', "[0].a"],
];

for (const [why, expected, got] of decodedAlike) {
  Deno.test(`compareDecoded() takes ${why}`, () => {
    assert.equal(compareDecoded(list(expected), list(got)), null);
  });
}
for (const [why, expected, got, path] of decodedApart) {
  Deno.test(`compareDecoded() sees ${why}`, () => {
    assert.equal(compareDecoded(list(expected), list(got))?.path, path);
  });
}

const A = '{"at":10,"kind":"point","name":"a","value":1,"tags":[]}';
const B = '{"at":10,"kind":"point","name":"b","value":0.3,"tags":["x"]}';
const B_ROUNDED = B.replace("0.3", "0.30000000000000004");
const LATER = '{"at":20,"kind":"point","name":"a","value":1,"tags":[]}';
const ERROR = '{"at":10,"kind":"error","code":"no_colon"}';
const EVENT_1 = '{"at":10,"kind":"event","title":"1"}', EVENT_2 = '{"at":10,"kind":"event","title":"2"}';

function request(...names: string[]): string {
  const series = names.map((metric) => `{"metric":"${metric}","points":[[10,1]]}`);
  return `{"at":10,"kind":"request","output":"dd","path":"/s","body":{"series":[${series}]}}`;
}

const fedAlike: [why: string, expected: string, got: string][] = [
  ["points of one flush in another order", `${A},${B}`, `${B},${A}`],
  ["a rounded float", B, B_ROUNDED],
  ["a rounded float in another order", `${A},${B}`, `${B_ROUNDED},${A}`],
  ["errors before or behind points", `${ERROR},${A}`, `${A},${ERROR}`],
  ["series cut elsewhere", `${request("a", "b")},${request("c")}`, `${request("c", "a")},${request("b")}`],
  ["points that chance brings", A, `${A},{"at":10,"kind":"point","name":"veneur.ssf.names_unique"}`],
];
const fedApart: [why: string, expected: string, got: string][] = [
  ["points of another flush", `${A},${LATER}`, `${LATER},${A}`],
  ["another whole number", A, A.replace("1,", "2,")],
  ["another time", A, LATER],
  ["events in another order", `${EVENT_1},${EVENT_2}`, `${EVENT_2},${EVENT_1}`],
  ["a point twice", A, `${A},${A}`],
  ["other parts", `${request("a", "b")},${request("c")}`, request("a", "b", "c")],
  ["another series", request("a", "b"), request("a", "c")],
];

for (const [why, expected, got] of fedAlike) {
  Deno.test(`compareFed() takes ${why}`, () => assert.equal(compareFed(list(expected), list(got)), null));
}
for (const [why, expected, got] of fedApart) {
  Deno.test(`compareFed() sees ${why}`, () => assert.notEqual(compareFed(list(expected), list(got)), null));
}
