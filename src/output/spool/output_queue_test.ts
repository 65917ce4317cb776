import assert from "node:assert/strict";
import { randomFrom } from "../../testing/mod.ts";
import { OutputQueue, type SequenceRange } from "./output_queue.ts";
import { Segment } from "./segment.ts";

const BYTES = 3; // of every event here

function segment(first: number, from: number, to: number): Segment {
  const made = new Segment("/x", first, new Uint8Array(16));
  made.addEvents("out", from, to, (to - from) * BYTES, 5);
  return made;
}

function ends(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => (i + 1) * BYTES);
}

/** A queue with events `[1, 31)` in three segments of ten. */
function filled() {
  const segments = [segment(1, 1, 11), segment(11, 11, 21), segment(21, 21, 31)];
  const queue = new OutputQueue("out", 1);
  queue.pending.events = 30;
  queue.pending.bytes = 30 * BYTES;
  const take = (from: number, to: number) => {
    const at = segments.find(({ first, end }) => from >= first && from < end)!;
    return queue.take(at, from, to, ends(to - from), 5);
  };
  return { queue, segments, take };
}

Deno.test("lowWater moves over finished events only", () => {
  const { queue, take } = filled();
  take(1, 6);
  take(6, 11);
  take(11, 16);
  const steps: [range: [number, number], lowWater: number][] = [
    [[6, 11], 1],
    [[2, 4], 1],
    [[1, 2], 4],
    [[12, 16], 4],
    [[4, 6], 11],
    [[11, 12], 16],
  ];
  for (const [[from, to], lowWater] of steps) {
    assert.deepEqual(queue.finish(from, to), { events: to - from, bytes: (to - from) * BYTES });
    assert.equal(queue.lowWater, lowWater, `after ${from} to ${to}`);
  }
  assert.deepEqual(queue.pending, { events: 15, bytes: 15 * BYTES });
});

Deno.test("finish() counts what is under way, once", () => {
  const { queue, take } = filled();
  take(1, 6);
  assert.equal(queue.finish(6, 30).events, 0);
  assert.equal(queue.finish(0, 3).events, 2);
  assert.equal(queue.finish(0, 100).events, 3);
  assert.equal(queue.finish(0, 100).events, 0);
});

Deno.test("rewind() reads again what wasn't finished, and nothing else", () => {
  const { queue, take } = filled();
  take(1, 6);
  take(6, 11);
  take(11, 16);
  queue.finish(1, 3);
  queue.finish(4, 5);
  queue.finish(6, 11);
  queue.finish(14, 16);
  assert.deepEqual(queue.rewind(), { events: 0, bytes: 0 });
  assert.equal(queue.cursor, 3);
  assert.deepEqual(take(3, 6), [{ from: 3, to: 4 }, { from: 5, to: 6 }]);
  assert.deepEqual(take(6, 11), []);
  assert.equal(queue.finish(5, 6).events, 1);
  assert.equal(queue.lowWater, 3);
  queue.rewind();
  assert.deepEqual(take(3, 6), [{ from: 3, to: 4 }]);
  assert.deepEqual(take(6, 11), []);
  assert.deepEqual(take(11, 16), [{ from: 11, to: 14 }]);
  assert.deepEqual(take(16, 21), [{ from: 16, to: 21 }]);
});

Deno.test("rewind() may be followed by other cuts than before", () => {
  const { queue, take } = filled();
  take(1, 9);
  queue.finish(3, 8);
  queue.rewind();
  assert.deepEqual(take(1, 5), [{ from: 1, to: 3 }]);
  assert.deepEqual(take(5, 9), [{ from: 8, to: 9 }]);
  queue.finish(1, 9);
  assert.deepEqual([queue.lowWater, queue.pending.events, queue.pending.bytes], [9, 22, 22 * BYTES]);
});

Deno.test("pass() tells once what was never seen", () => {
  const { queue, segments, take } = filled();
  take(1, 4);
  take(8, 11); // four between them could not be read
  assert.deepEqual(queue.pass(segments[0]!, 11), { events: 4, bytes: 4 * BYTES });
  assert.deepEqual(queue.pass(segments[0]!, 11), { events: 0, bytes: 0 });
  queue.rewind();
  take(1, 4);
  take(8, 11);
  assert.deepEqual(queue.pass(segments[0]!, 11), { events: 0, bytes: 0 });
  assert.deepEqual(queue.pending, { events: 26, bytes: 26 * BYTES });
});

Deno.test("giveUp() takes what wasn't read, and leaves what is under way", () => {
  const { queue, segments, take } = filled();
  take(1, 4);
  assert.deepEqual(queue.giveUp(segments[0]!), { events: 7, bytes: 7 * BYTES });
  assert.deepEqual(queue.giveUp(segments[1]!), { events: 10, bytes: 10 * BYTES });
  segments[0]!.gone = segments[1]!.gone = true;
  assert.equal(queue.finish(1, 3).events, 2);
  assert.deepEqual(queue.rewind(), { events: 1, bytes: BYTES });
  assert.deepEqual(queue.pending, { events: 10, bytes: 10 * BYTES });
});

Deno.test("giveUp() after rewind() leaves out what is finished already", () => {
  const { queue, segments, take } = filled();
  take(1, 6);
  queue.finish(3, 6);
  queue.rewind();
  assert.deepEqual(queue.giveUp(segments[0]!), { events: 7, bytes: 7 * BYTES });
  assert.deepEqual(queue.pending, { events: 20, bytes: 20 * BYTES });
});

Deno.test("holds() tells which segments are needed", () => {
  const { queue, segments, take } = filled();
  take(1, 11);
  take(11, 21);
  queue.finish(11, 21);
  assert.deepEqual(segments.map((each) => queue.holds(each)), [true, true, true]);
  queue.finish(1, 11);
  assert.deepEqual(segments.map((each) => queue.holds(each)), [false, false, true]);
  assert.equal(queue.segmentToRead(segments), segments[2]);
  assert.equal(queue.holds(new Segment("/x", 99, new Uint8Array(16))), false);
});

Deno.test("startIn() goes on in the middle of a segment", () => {
  const { segments } = filled();
  const queue = new OutputQueue("out", 5);
  queue.pending.events = 26;
  queue.startIn(segments[0]!, { events: 4, bytes: 4 * BYTES });
  queue.take(segments[0]!, 5, 11, ends(6), 5);
  assert.equal(queue.pass(segments[0]!, 11).events, 0);
});

Deno.test("a queue's books are those of a model, over random steps", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = randomFrom(seed);
    const { queue, take } = filled();
    const open = new Set(Array.from({ length: 30 }, (_, i) => i + 1));
    const inHand: SequenceRange[] = [];
    for (let step = 0; step < 60; step++) {
      const what = random(10);
      if (what < 4 && queue.cursor < 31) {
        const limit = (Math.floor((queue.cursor - 1) / 10) + 1) * 10 + 1;
        inHand.push(...take(queue.cursor, Math.min(limit, queue.cursor + 1 + random(6))));
      } else if (what < 9) {
        const from = 1 + random(30);
        const to = from + 1 + random(8);
        const expected = [...open].filter((n) => n >= from && n < to && inHand.some((r) => n >= r.from && n < r.to));
        assert.deepEqual(queue.finish(from, to), { events: expected.length, bytes: expected.length * BYTES });
        for (const n of expected) open.delete(n);
      } else {
        queue.rewind();
        inHand.length = 0;
      }
      assert.deepEqual(queue.pending, { events: open.size, bytes: open.size * BYTES }, `seed ${seed}, step ${step}`);
      const least = Math.min(31, ...open);
      assert.ok(queue.lowWater <= least, `seed ${seed}: the mark ${queue.lowWater} is past ${least}`);
      if (least < queue.cursor) assert.equal(queue.lowWater, least, `seed ${seed}, step ${step}`);
    }
  }
});
