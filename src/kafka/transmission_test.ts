import assert from "node:assert/strict";
import { assignRanges } from "./assignment.ts";
import { FrameGuard } from "./frame_guard.ts";
import { Transmission } from "./transmission.ts";

const record = (value: string, more: { key?: string; hash?: number } = {}) => ({
  value: new TextEncoder().encode(value),
  timestampMs: 1,
  ...(more.hash === undefined ? {} : { hash: more.hash }),
  ...(more.key === undefined ? {} : { key: new TextEncoder().encode(more.key) }),
});
const options = { partitions: 3, turn: 2, compression: "none", batchBytes: 1_000_000 } as const;
const placesOf = ({ queues }: Transmission) =>
  Object.fromEntries([...queues].map(([partition, batches]) => [partition, batches.map(({ places }) => places)]));

Deno.test("Transmission.prepare() chooses partitions by key, else by hash, else in turn", async () => {
  const records = [
    record("a", { key: "21" }),
    record("b", { hash: 4 }),
    record("c"),
    record("d"),
    record("e", { hash: 4 }),
    record("f", { key: "21", hash: 4 }),
  ];
  const transmission = await Transmission.prepare("t", records, options);
  const byKey = (-973932308 & 0x7fffffff) % 3;
  assert.equal(byKey, 0);
  assert.deepEqual(placesOf(transmission), { 0: [[0, 3, 5]], 1: [[1, 4]], 2: [[2]] });
  assert.deepEqual(transmission.left, [0, 1, 2, 3, 4, 5]);
});

Deno.test("Transmission.prepare() cuts batches before they grow too large", async () => {
  const records = Array.from({ length: 5 }, () => record("x".repeat(100), { hash: 0 }));
  const transmission = await Transmission.prepare("t", records, { ...options, batchBytes: 300 });
  assert.deepEqual(placesOf(transmission), { 0: [[0, 1], [2, 3], [4]] });
  const large = await Transmission.prepare("t", records, { ...options, batchBytes: 10 });
  assert.deepEqual(placesOf(large), { 0: [[0], [1], [2], [3], [4]] });
});

Deno.test("Transmission keeps the order when its first batch is halved, and knows what is left", async () => {
  const records = Array.from({ length: 4 }, (_, i) => record(`${i}`, { hash: 0 }));
  const transmission = await Transmission.prepare("t", records, options);
  await transmission.halve(0);
  assert.deepEqual(placesOf(transmission), { 0: [[0, 1], [2, 3]] });
  transmission.shift(0);
  assert.deepEqual([transmission.left, transmission.inDoubt], [[2, 3], false]);
  transmission.heads[0]!.inDoubt = true;
  assert.equal(transmission.inDoubt, true);
  transmission.shift(0);
  assert.deepEqual([transmission.left, transmission.inDoubt, transmission.queues.size], [[], false, 0]);
});

const ranges: [members: string, partitions: Record<string, number>, expected: Record<string, string>][] = [
  ["b:t a:t", { t: 3 }, { a: "t0 t1", b: "t2" }],
  ["a:t b:t c:t", { t: 2 }, { a: "t0", b: "t1", c: "" }],
  ["a:t b:tu", { t: 2, u: 2 }, { a: "t0", b: "t1 u0 u1" }],
  ["a:t", { t: 0 }, { a: "" }],
  ["a:x", {}, { a: "" }],
];
for (const [members, partitions, expected] of ranges) {
  Deno.test(`assignRanges() of ${JSON.stringify(partitions)} to ${members}`, () => {
    const subscribers = members.split(" ").map((text) => {
      const [memberId = "", topics = ""] = text.split(":");
      return { memberId, topics: [...topics] };
    });
    const assigned = assignRanges(subscribers, new Map(Object.entries(partitions)));
    const shown = [...assigned].map((
      [id, own],
    ) => [id, own.map(({ topic, partition }) => topic + partition).join(" ")]);
    assert.deepEqual(Object.fromEntries(shown), expected);
  });
}

/** Answers of these sizes, and the size in front of each. */
function framesOf(...sizes: number[]): Uint8Array {
  return new Uint8Array(sizes.flatMap((size) => [0, 0, size >> 8, size & 0xff, ...new Uint8Array(size)]));
}

Deno.test("FrameGuard follows answers that come in chunks of any size, one byte at a time too", () => {
  const bytes = framesOf(4, 300, 5, 1_000);
  for (const step of [1, 2, 3, 7, 100, bytes.length]) {
    const guard = new FrameGuard(1_000);
    for (let at = 0; at < bytes.length; at += step) {
      assert.equal(guard.refused(bytes.subarray(at, at + step)), undefined);
    }
  }
});

Deno.test("FrameGuard refuses sizes that can't be or must not be, before what they announce", () => {
  const refusals: [bytes: number[], size: number][] = [
    [[0x7f, 0xff, 0xff, 0xff], 2 ** 31 - 1],
    [[0xff, 0xff, 0xff, 0xff], -1],
    [[0, 0, 0, 3], 3],
    [[0, 0, 0x03, 0xe9], 1_001],
    [[0, 0, 0, 4, 1, 2, 3, 4, 0x48, 0x54, 0x54, 0x50], 0x48545450], // an HTTP server
  ];
  for (const [bytes, size] of refusals) assert.equal(new FrameGuard(1_000).refused(new Uint8Array(bytes)), size);
});
