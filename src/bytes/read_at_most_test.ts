import assert from "node:assert/strict";
import { readAtMost } from "./read_at_most.ts";

/** A stream of these chunks, and whether it was cancelled. */
function streamOf(...chunks: readonly number[][]): { stream: ReadableStream<Uint8Array>; isCancelled: () => boolean } {
  const left = chunks.map((chunk) => Uint8Array.from(chunk));
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = left.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: () => void (cancelled = true),
  }, { highWaterMark: 0 });
  return { stream, isCancelled: () => cancelled };
}

const whole: [chunks: number[][], most: number, bytes: number[]][] = [
  [[], 4, []],
  [[[1, 2], [3]], 4, [1, 2, 3]],
  [[[1, 2], [], [3, 4]], 4, [1, 2, 3, 4]],
];
for (const [chunks, most, bytes] of whole) {
  Deno.test(`readAtMost() reads all of ${JSON.stringify(chunks)} where ${most} bytes are allowed`, async () => {
    const read = await readAtMost(streamOf(...chunks).stream, most);
    assert.deepEqual(read, { bytes: Uint8Array.from(bytes), isCut: false });
  });
}

const cut: [chunks: number[][], most: number, bytes: number[]][] = [
  [[[1, 2, 3, 4, 5], [6]], 4, [1, 2, 3, 4]],
  [[[1, 2], [3, 4], [5], [6]], 4, [1, 2, 3, 4]],
  [[[1], [2]], 0, []],
];
for (const [chunks, most, bytes] of cut) {
  Deno.test(`readAtMost() cuts ${JSON.stringify(chunks)} to ${most} bytes and cancels the rest`, async () => {
    const { stream, isCancelled } = streamOf(...chunks);
    assert.deepEqual(await readAtMost(stream, most), { bytes: Uint8Array.from(bytes), isCut: true });
    assert.ok(isCancelled());
  });
}

Deno.test("readAtMost() takes no stream for an empty one", async () => {
  assert.deepEqual(await readAtMost(null, 4), { bytes: new Uint8Array(0), isCut: false });
});

Deno.test("readAtMost() throws what the stream breaks off with", async () => {
  const broken = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new TypeError("broke off")) });
  await assert.rejects(readAtMost(broken, 4), /broke off/);
});
