import assert from "node:assert/strict";
import { GroupReaper, type ReapedGroup } from "./reaper.ts";

const group = (name: string, lastSeenMs = 0): ReapedGroup => ({ name, lastSeenMs });
const SETTLED_MS = 30_000;

Deno.test("GroupReaper.round() takes a group for gone that two rounds in a row lack", () => {
  const reaper = new GroupReaper();
  reaper.round(0, 1, new Set(["a", "b"]), [group("a"), group("b")]);
  assert.deepEqual(reaper.round(SETTLED_MS, 1, new Set(["a"]), [group("a"), group("b")]), []);
  assert.deepEqual(reaper.round(SETTLED_MS + 1, 1, new Set(["a"]), [group("a"), group("b")]), ["b"]);
});

Deno.test("GroupReaper.round() keeps a group that was listed or has committed in between", () => {
  const reaper = new GroupReaper();
  reaper.round(0, 1, new Set(), []);
  const at = (ms: number, listed: string[], ...known: ReapedGroup[]) =>
    reaper.round(SETTLED_MS + ms, 1, new Set(listed), known);
  assert.deepEqual(at(0, [], group("a"), group("b")), []);
  assert.deepEqual(at(1, ["a"], group("a"), group("b", 5)), []);
  assert.deepEqual(at(2, [], group("a"), group("b", 6)), []);
  assert.deepEqual(at(3, [], group("a"), group("b", 6)), ["a", "b"]);
});

Deno.test("GroupReaper.round() does not count soon after a broker was found again", () => {
  const reaper = new GroupReaper();
  reaper.round(0, 1, new Set(["a"]), [group("a")]);
  assert.deepEqual(reaper.round(SETTLED_MS, 1, new Set(), [group("a")]), []);
  // It says that it has no groups, in the moments after its start.
  assert.deepEqual(reaper.round(SETTLED_MS + 1_000, 2, new Set(), [group("a")]), []);
  assert.deepEqual(reaper.round(SETTLED_MS + 30_999, 2, new Set(), [group("a")]), []);
  assert.deepEqual(reaper.round(SETTLED_MS + 31_000, 2, new Set(), [group("a")]), []);
  assert.deepEqual(reaper.round(SETTLED_MS + 32_000, 2, new Set(), [group("a")]), ["a"]);
});
