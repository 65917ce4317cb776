import assert from "node:assert/strict";
import type { Span } from "../metric/mod.ts";
import { SpanRing } from "./span_ring.ts";

function spanOf(id: number, text = ""): Span {
  return {
    version: 0,
    traceId: 1n,
    id: BigInt(id),
    parentId: 0n,
    startNs: 1n,
    endNs: 2n,
    error: false,
    service: "",
    name: "",
    indicator: false,
    tags: text === "" ? {} : { k: text },
    metrics: [],
    rootStartNs: 0n,
  };
}

const ids = (spans: readonly Span[]) => spans.map(({ id }) => Number(id));

/** How many places, how many spans come, which of them are kept. */
const rounds: [places: number, spans: number, kept: number[]][] = [
  [0, 3, []],
  [1, 3, [3]],
  [3, 0, []],
  [3, 2, [1, 2]],
  [3, 3, [1, 2, 3]],
  [3, 4, [2, 3, 4]],
  [3, 8, [6, 7, 8]],
];
for (const [places, spans, kept] of rounds) {
  Deno.test(`SpanRing with ${places} places keeps the newest of ${spans} spans`, () => {
    const ring = new SpanRing(places);
    let lost = 0;
    for (let id = 1; id <= spans; id++) lost += ring.push(spanOf(id));
    assert.deepEqual(ids(ring.swap()), kept);
    assert.equal(lost, spans - kept.length);
    assert.deepEqual(ring.swap(), []);
  });
}

Deno.test("SpanRing starts again after swap()", () => {
  const ring = new SpanRing(2);
  for (let id = 1; id <= 3; id++) ring.push(spanOf(id));
  ring.swap();
  assert.equal(ring.push(spanOf(4)) + ring.push(spanOf(5)), 0);
  assert.equal(ring.push(spanOf(6)), 1);
  assert.deepEqual(ids(ring.swap()), [5, 6]);
});

Deno.test("SpanRing bounds the texts of its spans, and loses the oldest for a new one", () => {
  const ring = new SpanRing(1_000, 10_000);
  let lost = 0;
  for (let id = 1; id <= 100; id++) lost += ring.push(spanOf(id, "x".repeat(800)));
  const kept = ids(ring.swap());
  assert.equal(kept.length + lost, 100);
  assert.ok(kept.length >= 7 && kept.length <= 9, `${kept}`); // a span counts as about 1,000 characters
  assert.deepEqual(kept, Array.from(kept, (_, i) => 101 - kept.length + i));
});

Deno.test("SpanRing refuses a span that has no room even alone, and keeps the others", () => {
  const ring = new SpanRing(10, 1_000);
  assert.equal(ring.push(spanOf(1)), 0);
  assert.equal(ring.push(spanOf(2, "x".repeat(1_000))), 1);
  assert.deepEqual(ids(ring.swap()), [1]);
});
