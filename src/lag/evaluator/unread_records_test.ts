import assert from "node:assert/strict";
import { type RecordSource, type UnreadAnswer, type UnreadQuestion, UnreadRecords } from "./unread_records.ts";

function question(partition: number, offset: number, end = 100): UnreadQuestion {
  return { cluster: "c", topic: "t", partition, offset, end };
}

/** Answers what it is told, and remembers what it was asked. */
function newSource(
  answer: (question: UnreadQuestion) => UnreadAnswer | null,
): RecordSource & { asked: UnreadQuestion[] } {
  const asked: UnreadQuestion[] = [];
  return {
    asked,
    brokerOf: ({ partition }) => `broker ${partition % 2}`,
    firstUnread(one) {
      asked.push(one);
      return Promise.resolve(answer(one));
    },
  };
}

Deno.test("UnreadRecords keeps a record until the commit moves", async () => {
  const source = newSource(({ offset }) => ({ kind: "record", timestampMs: Number(offset) }));
  const unread = new UnreadRecords(source, 10, { monotonic: () => 0 });
  assert.equal(unread.known(question(0, 5)), undefined);
  await unread.ask([question(0, 5)]);
  await unread.ask([question(0, 5, 200)]);
  assert.deepEqual(unread.known(question(0, 5, 300)), { kind: "record", timestampMs: 5 });
  assert.equal(unread.known(question(0, 6)), undefined);
  assert.equal(unread.known(question(1, 5)), undefined);
  assert.equal(source.asked.length, 1);
});

Deno.test("UnreadRecords keeps that there is nothing until the end moves", async () => {
  const source = newSource(() => ({ kind: "nothing" }));
  const unread = new UnreadRecords(source, 10, { monotonic: () => 0 });
  await unread.ask([question(0, 5)]);
  assert.deepEqual(unread.known(question(0, 5)), { kind: "nothing" });
  assert.equal(unread.known(question(0, 5, 101)), undefined);
  await unread.ask([question(0, 5, 101)]);
  assert.equal(source.asked.length, 2);
});

Deno.test("UnreadRecords asks so much a second and broker, in the order it is given", async () => {
  let nowMs = 0;
  const source = newSource(() => null);
  const unread = new UnreadRecords(source, 2, { monotonic: () => nowMs });
  await unread.ask([4, 2, 1, 6, 3, 5].map((partition) => question(partition, 1)));
  assert.deepEqual(source.asked.map(({ partition }) => partition), [4, 2, 1, 3]);
  nowMs = 999;
  await unread.ask([question(6, 1)]);
  assert.equal(source.asked.length, 4);
  nowMs = 1_000;
  await unread.ask([question(6, 1)]);
  assert.equal(source.asked.length, 5);
});
