import assert from "node:assert/strict";
import { decodeOffsetsText, readRecordLine } from "./decode.ts";

Deno.test("decodeOffsetsText() goes on after a line that it can't read", () => {
  const lines = "\nxx yy\n000100016700017400000000 -\n  \n0005 00\n";
  const objects = [...decodeOffsetsText(lines)];
  assert.deepEqual(objects.map(({ kind, code, record }) => [kind, code, record]), [
    ["error", "hex", 1],
    ["tombstone", undefined, undefined],
    ["error", "group", 3],
  ]);
});

for (const line of ["", "00", "00 11 22", "0 00", "zz -"]) {
  Deno.test(`readRecordLine() refuses ${JSON.stringify(line)}`, () => assert.equal(readRecordLine(line), null));
}

Deno.test("readRecordLine() reads - as none", () =>
  assert.deepEqual(readRecordLine("- -"), { key: null, value: null }));

Deno.test("decodeOffsetsText() keeps topics apart that look like an object's own members", () => {
  const assignment = "0000000000010009" + "5f5f70726f746f5f5f" + "0000000100000001";
  const size = (assignment.length / 2).toString(16).padStart(8, "0");
  const value = "00000008636f6e73756d657200000001ffffffff00000001" + "00016d" + "000163" + "000168" + "00000000" +
    "ffffffff" +
    size + assignment;
  const [object] = [...decodeOffsetsText(`0002000167 ${value}`)];
  const members = object!["members"] as unknown as { assignment: object }[];
  assert.deepEqual(Object.entries(members[0]!.assignment), [["__proto__", [1]]]);
});
