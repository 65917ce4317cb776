import assert from "node:assert/strict";
import type { Point } from "../metric/mod.ts";
import { isSinkTag, resolveIdentity, tagsWithoutSinks } from "./magic_tags.ts";

const base: Point = { name: "m", type: "gauge", value: 1, timestamp: 7, tags: [], host: "web1" };

const cases: [tags: string[], kept: string[], host: string, device: string][] = [
  [[], [], "web1", ""],
  [["a", "b:c"], ["a", "b:c"], "web1", ""],
  [["host:x"], [], "x", ""],
  [["device:sda", "host:x", "z"], ["z"], "x", "sda"],
  [["host:x", "host:y", "device:a", "device:b"], [], "y", "b"],
  [["host:"], [], "", ""],
  [["host", "hostx:1", "device", "veneursinkonly:dd"], ["host", "hostx:1", "device"], "web1", ""],
];
for (const [tags, kept, host, device] of cases) {
  Deno.test(`resolveIdentity() reads [${tags}]`, () => {
    assert.deepEqual(resolveIdentity({ ...base, tags }), { tags: kept, host, device });
  });
}

Deno.test("resolveIdentity() keeps the tags' own array where none is magic", () => {
  const tags = ["a", "vxlan:b", "dc:eu", "h:1"];
  assert.equal(resolveIdentity({ ...base, tags }).tags, tags);
  assert.equal(tagsWithoutSinks(tags), tags);
});

for (
  const [tag, is] of [["veneursinkonly", true], ["veneursinkonly:a", true], ["veneursinkonlya", false], [
    "v",
    false,
  ]] as const
) {
  Deno.test(`isSinkTag() of ${tag}`, () => assert.equal(isSinkTag(tag), is));
}
