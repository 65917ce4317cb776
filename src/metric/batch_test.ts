import assert from "node:assert/strict";
import { BatchBuilder, batchBytes, eventBytes, pickEvents, sliceBatch, splitSizes } from "./batch.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function batchOf(...events: string[]) {
  const builder = new BatchBuilder("points", 7);
  for (const event of events) {
    builder.appendText(event);
    builder.endEvent();
  }
  return builder.build();
}

Deno.test("BatchBuilder keeps each event's bytes apart", () => {
  const batch = batchOf("one", "", "zwölf", "x".repeat(10_000));
  assert.equal(batch.ends.length, 4);
  assert.equal(text(eventBytes(batch, 0)), "one");
  assert.equal(text(eventBytes(batch, 1)), "");
  assert.equal(text(eventBytes(batch, 2)), "zwölf");
  assert.equal(eventBytes(batch, 3).length, 10_000);
  assert.throws(() => eventBytes(batch, 4), RangeError);
});

Deno.test("BatchBuilder.dropEvent() forgets a half-written event only", () => {
  const builder = new BatchBuilder("points", 7);
  builder.appendText("kept");
  builder.endEvent();
  builder.appendText("dropped");
  builder.dropEvent();
  assert.equal(text(builder.build().bytes), "kept");
});

Deno.test("BatchBuilder grows past its first room for events", () => {
  const batch = batchOf(...Array.from({ length: 1_000 }, (_, i) => `${i},`));
  assert.equal(batch.ends.length, 1_000);
  assert.equal(text(eventBytes(batch, 999)), "999,");
});

Deno.test("sliceBatch() and pickEvents() cut without decoding", () => {
  const batch = batchOf("a", "bb", "ccc", "dddd");
  assert.equal(text(batchBytes(sliceBatch(batch, 1, 3), "[", ",", "]")), "[bb,ccc]");
  assert.equal(text(batchBytes(pickEvents(batch, [0, 3]), "[", ",", "]")), "[a,dddd]");
  assert.equal(text(batchBytes(sliceBatch(batch, 2, 2), "[", ",", "]")), "[]");
});

const cuts: [count: number, most: number, sizes: number[]][] = [
  [10, 4, [4, 4, 2]],
  [9, 4, [3, 3, 3]],
  [5, 4, [3, 2]],
  [4, 4, [4]],
  [25_001, 25_000, [12_501, 12_500]],
  [3, 0, [3]],
  [0, 4, []],
];
for (const [count, most, sizes] of cuts) {
  Deno.test(`splitSizes() cuts ${count} by ${most}`, () => assert.deepEqual(splitSizes(count, most), sizes));
}
