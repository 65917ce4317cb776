import assert from "node:assert/strict";
import { cancelableSignal, combineSignals, NOTHING_TO_DO, type Outcome, Signal, splitSignal } from "./signal.ts";

const completed: Outcome = { kind: "completed", acked: 2, duplicate: 1, rejected: 1, failed: 0 };
const failed: Outcome = { ...NOTHING_TO_DO, kind: "failed", failed: 3, reason: "closed" };
const canceled: Outcome = { ...NOTHING_TO_DO, kind: "canceled", failed: 1, reason: "canceled" };

/** Keeps what it is told. */
function recorder() {
  const seen: Outcome[] = [];
  const counts = { signals: 0, duplicates: 0, thrown: 0 };
  return {
    seen,
    counts,
    receiver: (outcome: Outcome) => void seen.push(outcome),
    watch: {
      signalled: () => void counts.signals++,
      duplicateReport: () => void counts.duplicates++,
      receiverFailed: () => void counts.thrown++,
    },
  };
}

Deno.test("Signal tells its receiver once, and counts later reports", async () => {
  const { seen, counts, receiver, watch } = recorder();
  const signal = new Signal(receiver, watch);
  assert.equal(signal.report(completed), true);
  assert.equal(signal.report(failed), false);
  assert.deepEqual(await signal.settled, completed);
  assert.deepEqual(seen, [completed]);
  assert.deepEqual(counts, { signals: 1, duplicates: 1, thrown: 0 });
});

Deno.test("Signal does not call its receiver from inside report()", async () => {
  const { seen, receiver } = recorder();
  const signal = new Signal(receiver);
  signal.report(completed);
  assert.deepEqual(seen, []);
  await signal.settled;
  assert.equal(seen.length, 1);
});

Deno.test("Signal works without a receiver", async () => {
  const signal = new Signal();
  signal.report(failed);
  assert.deepEqual(await signal.settled, failed);
});

const throwing: [what: string, receiver: () => void][] = [
  ["throws", () => {
    throw new Error("no");
  }],
  ["rejects", () => Promise.reject(new Error("no")) as unknown as void],
];
for (const [what, receiver] of throwing) {
  Deno.test(`Signal counts a receiver that ${what}, and settles`, async () => {
    const { counts, watch } = recorder();
    const signal = new Signal(receiver, watch);
    signal.report(completed);
    await signal.settled;
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(counts.thrown, 1);
  });
}

const splits: [parts: Outcome[], kind: Outcome["kind"], failed: number][] = [
  [[], "completed", 0],
  [[completed, completed], "completed", 0],
  [[completed, failed, completed], "failed", 3],
  [[failed, canceled, completed], "canceled", 4],
  [[canceled, failed], "canceled", 4],
];
for (const [parts, kind, lost] of splits) {
  Deno.test(`splitSignal() of ${parts.map((part) => part.kind).join(", ") || "nothing"} is ${kind}, once`, async () => {
    const { seen, counts, receiver, watch } = recorder();
    const split = splitSignal(receiver, parts.length, watch);
    for (const part of parts) split.report(part);
    split.report(completed); // one too many
    await Promise.resolve();
    assert.equal(seen.length, 1);
    assert.deepEqual([seen[0]!.kind, seen[0]!.failed], [kind, lost]);
    assert.equal(seen[0]!.acked, parts.filter((part) => part === completed).length * 2);
    assert.equal(counts.duplicates, 1);
  });
}

Deno.test("splitSignal() says nothing before its last part", async () => {
  const { seen, receiver } = recorder();
  const split = splitSignal(receiver, 2);
  split.report(completed);
  await Promise.resolve();
  assert.deepEqual(seen, []);
});

Deno.test("splitSignal() takes parts that were never sent for failed", async () => {
  const { seen, receiver } = recorder();
  const split = splitSignal(receiver, 5);
  split.report(completed);
  split.failRest(8, "stopped");
  await Promise.resolve();
  assert.deepEqual(seen, [{ ...completed, kind: "failed", failed: 8, reason: "stopped" }]);
});

Deno.test("combineSignals() tells each, skips who is absent, and is not stopped by one that throws", () => {
  const { seen, counts, receiver, watch } = recorder();
  const bad = () => {
    throw new Error("no");
  };
  combineSignals([receiver, undefined, bad, receiver], watch)(completed);
  assert.deepEqual(seen, [completed, completed]);
  assert.equal(counts.thrown, 1);
});

Deno.test("cancelableSignal() turns every outcome after cancel() into canceled", () => {
  for (const outcome of [completed, failed]) {
    const { seen, receiver } = recorder();
    const cancelable = cancelableSignal(receiver);
    cancelable.receiver(outcome);
    cancelable.cancel();
    cancelable.receiver(outcome);
    assert.deepEqual(seen.map(({ kind }) => kind), [outcome.kind, "canceled"]);
  }
});
