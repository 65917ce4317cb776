import type { PublishResult } from "../contract.ts";
import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import type { AsyncClient, SendReports } from "./async_client.ts";
import { Books } from "./books.ts";
import { batchOf, names } from "./contract_world.ts";
import { ambiguous, refused, textsOf } from "./scripted_client.ts";
import { Transaction } from "./transaction.ts";

/** One transaction of ten events that was begun, with all it says. */
function begun({ refuse = false, timeoutMs = 1_000 } = {}) {
  const clock = new FakeClock();
  const reporter = recordingReporter();
  const books = new Books("out", "test", clock, reporter);
  const ends: { result: PublishResult; why: string; atMs: number }[] = [];
  let reports: SendReports | undefined;
  let signal: AbortSignal | undefined;
  const client: AsyncClient = {
    isConnected: true,
    connect: () => Promise.resolve(),
    close: () => Promise.resolve(),
    send: (_, to, stop) => {
      reports = to;
      signal = stop;
      return refuse ? refused() : undefined;
    },
  };
  const part = batchOf(names(10));
  const context = { output: "out", clock, books, timeoutMs, progressTimeoutMs: 300_000 };
  const transaction = new Transaction(part, context, (result, why) => ends.push({ result, why, atMs: clock.now() }));
  const refusal = transaction.begin(client);
  const late = () =>
    reporter.metrics.counter("limier_duplicate_reports_total", "").value({ output: "out", mode: "test" });
  return { clock, transaction, part, ends, refusal, reports: reports!, signal: signal!, late };
}

Deno.test("Transaction ends once, with its report", () => {
  const { ends, reports, late, clock } = begun();
  reports.done({ remaining: null });
  reports.done({ remaining: null });
  assert.equal(ends.length, 1);
  assert.equal(ends[0]!.result.remaining, null);
  assert.equal(late(), 1);
  assert.equal(clock.sleeping, 0);
});

Deno.test("Transaction that could not begin tells of it by its return alone", () => {
  const { ends, refusal, reports, late } = begun({ refuse: true });
  assert.equal(refusal?.failure, "connection");
  assert.equal(ends.length, 0);
  reports.done({ remaining: null }); // both: the first one holds
  assert.equal(late(), 1);
  assert.equal(ends.length, 0);
});

Deno.test("WN-9 Transaction that timed out is credited with nothing that comes later", async () => {
  const { ends, reports, late, clock, signal } = begun();
  await clock.advance(1_000);
  assert.deepEqual(ends.map(({ why, atMs }) => [why, atMs]), [["timeout", 1_000]]);
  assert.equal(signal.aborted, true);
  reports.progress(10);
  reports.done({ remaining: null });
  assert.equal(ends.length, 1);
  assert.equal(late(), 2);
});

const breaches: [what: string, steps: number[]][] = [
  ["more than was sent", [11]],
  ["fewer than before", [5, 4]],
  ["a part of an event", [1.5]],
  ["a negative number", [-1]],
];
for (const [what, steps] of breaches) {
  Deno.test(`WN-9 Transaction takes ${what} for an error of the protocol, and keeps its events`, () => {
    const { ends, reports } = begun();
    for (const events of steps) reports.progress(events);
    assert.equal(ends[0]!.why, "protocol");
    assert.equal(ends[0]!.result.error?.label, "protocol");
    const kept = 10 - (steps.length > 1 ? steps[0]! : 0);
    assert.equal(ends[0]!.result.remaining?.ends.length, kept);
  });
}

Deno.test("WN-10 Transaction is kept alive without progress for five minutes, and no longer", async () => {
  const { ends, reports, clock } = begun();
  for (let i = 0; i < 1_000 && ends.length === 0; i++) {
    await clock.advance(900);
    if (ends.length === 0) reports.progress(0);
  }
  assert.deepEqual(ends.map(({ why, atMs }) => [why, atMs]), [["timeout", 300_000]]);
});

Deno.test("LB-11 Transaction has its time again with each real progress", async () => {
  const { ends, reports, clock } = begun();
  for (let events = 1; events <= 9; events++) {
    await clock.advance(900);
    reports.progress(events);
  }
  assert.equal(ends.length, 0);
  await clock.advance(1_000);
  assert.deepEqual(textsOf(ends[0]!.result.remaining!), ["e9"]);
});

Deno.test("LB-19 Transaction that fails keeps only what was not acknowledged", () => {
  const { ends, reports, part } = begun();
  reports.progress(4);
  reports.done({ remaining: part, error: ambiguous("cut") });
  assert.deepEqual(textsOf(ends[0]!.result.remaining!), names(10).slice(4));
  assert.equal(ends[0]!.result.error?.label, "cut");
});

Deno.test("LB-18 Transaction ends with its connection, and stops its send", async () => {
  const { transaction, ends, signal, clock } = begun();
  transaction.fail(refused());
  transaction.fail(refused());
  assert.equal(ends.length, 1);
  assert.equal(signal.aborted, true);
  await clock.advance(10_000);
  assert.equal(ends.length, 1);
});
