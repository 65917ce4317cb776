import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { SpanQueue } from "./span_queue.ts";
import type { SpanTransport } from "./span_transport.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A queue whose way out does what it is told. */
function rig(options: { open?: () => Promise<void>; send?: (text: string) => Promise<void>; mostSpans?: number } = {}) {
  const sent: string[] = [];
  let opened = 0, closed = 0;
  const clock = new FakeClock();
  const queue = new SpanQueue({
    clock,
    mostSpans: options.mostSpans ?? 3,
    mostBytes: 10,
    open: async () => {
      opened++;
      await options.open?.();
      let isOpen = true;
      const transport: SpanTransport = {
        get isOpen() {
          return isOpen;
        },
        send: async (payload) => {
          const text = new TextDecoder().decode(payload);
          await options.send?.(text);
          sent.push(text);
        },
        close: () => {
          if (isOpen) closed++;
          isOpen = false;
        },
      };
      return transport;
    },
  });
  const offer = (...texts: string[]) => texts.forEach((text) => queue.offer(() => bytes(text)));
  return { queue, sent, clock, offer, times: () => ({ opened, closed }) };
}

const none = { queue_full: 0, too_large: 0, invalid: 0, unreachable: 0, closed: 0 };

Deno.test("SpanQueue sends in order over one way, which it opens when there is something to send", async () => {
  const { queue, sent, offer, times } = rig();
  assert.equal(times().opened, 0);
  offer("a", "b");
  assert.equal(await queue.flush(1), true);
  offer("c");
  assert.equal(await queue.flush(1), true);
  assert.deepEqual(sent, ["a", "b", "c"]);
  await queue.close(1);
  assert.deepEqual(times(), { opened: 1, closed: 1 });
  assert.deepEqual(queue.counts, { finished: 3, sent: 3, dropped: none, droppedSamples: 0 });
});

Deno.test("SpanQueue drops and counts what it has no room for, what is too large, and what can't be written", async () => {
  const { queue, sent, offer } = rig();
  offer("a", "b".repeat(11), "c");
  queue.offer(() => {
    throw new Error("no span");
  });
  offer("d", "e", "f");
  await queue.flush(1);
  assert.deepEqual(sent, ["a", "c", "d"]);
  assert.deepEqual(queue.counts.dropped, { ...none, queue_full: 2, too_large: 1, invalid: 1 });
  assert.equal(queue.counts.finished, 7);
  await queue.close(1);
});

Deno.test("SpanQueue waits longer and longer for an agent that is not there, and loses nothing it has room for", async () => {
  let refusals = 4;
  const { queue, sent, clock, offer, times } = rig({
    open: () => refusals-- > 0 ? Promise.reject(new Error("refused")) : Promise.resolve(),
  });
  offer("a", "b");
  await clock.advance(0);
  const after: [ms: number, opened: number][] = [[99, 1], [1, 2], [199, 2], [1, 3], [400, 4], [799, 4], [1, 5]];
  for (const [ms, opened] of after) {
    await clock.advance(ms);
    assert.equal(times().opened, opened, `${clock.now()}`);
  }
  assert.deepEqual(sent, ["a", "b"]);
  assert.deepEqual(queue.counts.dropped, none);
  await queue.close(1);
});

Deno.test("SpanQueue does not send again what may have arrived, and goes on over a new way", async () => {
  const { queue, sent, offer, times } = rig({
    send: (text) => text === "b" ? Promise.reject(new Error("reset")) : Promise.resolve(),
  });
  offer("a", "b", "c");
  await queue.flush(1);
  assert.deepEqual(sent, ["a", "c"]);
  assert.deepEqual(times(), { opened: 2, closed: 1 });
  assert.deepEqual(queue.counts.dropped, { ...none, unreachable: 1 });
  await queue.close(1);
});

Deno.test("SpanQueue gives up in time what can't be sent when it is closed", async () => {
  const { queue, clock, offer } = rig({ open: () => Promise.reject(new Error("refused")) });
  offer("a", "b");
  const closing = queue.close(1_000);
  let closed = false;
  closing.then(() => closed = true);
  await clock.advance(999);
  assert.equal(closed, false);
  offer("late");
  await clock.advance(1);
  await closing;
  assert.deepEqual(queue.counts, { finished: 3, sent: 0, dropped: { ...none, closed: 3 }, droppedSamples: 0 });
  assert.equal(clock.sleeping, 0);
});

Deno.test("SpanQueue closes although a way never opens", async () => {
  const { queue, clock, offer } = rig({ open: () => new Promise(() => {}) });
  offer("a");
  const closing = queue.close(10);
  await clock.advance(10);
  await closing;
  assert.equal(queue.counts.dropped.closed, 1);
});

Deno.test("SpanQueue.flush() gives up in time, and says so", async () => {
  let send = () => {};
  const { queue, clock, offer } = rig({ send: () => new Promise<void>((resolve) => send = resolve) });
  offer("a");
  const flushed = queue.flush(50);
  await clock.advance(50);
  assert.equal(await flushed, false);
  send();
  assert.equal(await queue.flush(50), true);
  await queue.close(1);
});
