import assert from "node:assert/strict";
import { isObject, type Json, parseJson, writeJson } from "./json.ts";

const cases: [text: string, value: Json][] = [
  ["1", 1],
  ["-0.5", -0.5],
  ["1e3", 1000],
  ["9007199254740991", 9007199254740991],
  ["9007199254740993", 9007199254740993n],
  ["-9223372036854775808", -9223372036854775808n],
  ["1.8446744073709552e+19", 18446744073709552000],
  ['{"id":884671344597019736,"tags":["a"]}', { id: 884671344597019736n, tags: ["a"] }],
  ["[true,false,null]", [true, false, null]],
];

for (const [text, value] of cases) {
  Deno.test(`parseJson() reads ${text}`, () => assert.deepEqual(parseJson(text), value));
}

for (const text of ["", "{", "1 2", "nan", '{"a":}']) {
  Deno.test(`parseJson() refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseJson(text), SyntaxError));
}

Deno.test("writeJson() writes integers of any size as parseJson() reads them", () => {
  const text = '{"id":18446744073709551615,"name":"é\\n","list":[1.5,-3,"9007199254740993"]}';
  assert.equal(writeJson(parseJson(text)), text);
});

Deno.test("isObject() tells objects from arrays and null", () => {
  assert.deepEqual([{}, [], null, "", undefined].map(isObject), [true, false, false, false, false]);
});
