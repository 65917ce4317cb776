import assert from "node:assert/strict";
import { batchOf, eventTexts } from "../testing.ts";
import { segmentName } from "./header.ts";
import { balance, DIRECTORY, drain, metric, openInMemory, points, ready, segmentPaths } from "./testing.ts";

Deno.test("append() stores batches that a reader gets as they were, in order", async () => {
  await using opened = await openInMemory();
  const { spool } = opened;
  const first = points("a", 3);
  const outcome = await spool.append("out", first);
  assert.deepEqual(outcome, { stored: 3, rejected: 0, dropped: 0, from: outcome.from, to: outcome.from + 3 });
  await spool.append("out", batchOf("events", "e"));
  await using reader = spool.reader("out");
  const one = (await reader.next())!;
  assert.deepEqual([one.from, one.to], [outcome.from, outcome.to]);
  assert.deepEqual({ ...one.batch, id: 0 }, { ...first, id: 0 });
  const two = (await reader.next())!;
  assert.deepEqual([two.batch.kind, eventTexts(two.batch), two.from], ["events", ["e"], outcome.to]);
});

Deno.test("append() of many at once stores them in the order of the calls", async () => {
  await using opened = await openInMemory();
  const names = Array.from({ length: 50 }, (_, i) => `b${i}`);
  await Promise.all(names.map((name) => opened.spool.append("out", points(name, 2))));
  assert.deepEqual(await drain(opened.spool), names.flatMap((name) => [`${name}-0`, `${name}-1`]));
});

Deno.test("append() of nothing is nothing", async () => {
  await using opened = await openInMemory();
  assert.deepEqual(await opened.spool.append("out", points("a", 0)), {
    stored: 0,
    rejected: 0,
    dropped: 0,
    from: 0,
    to: 0,
  });
});

for (const output of ["", "x".repeat(256)]) {
  Deno.test(`append() refuses an output's name of ${output.length} bytes`, async () => {
    await using opened = await openInMemory();
    assert.throws(() => opened.spool.append(output, points("a", 1)), RangeError);
  });
}

Deno.test("append() keeps a batch of many records in one piece", async () => {
  await using opened = await openInMemory();
  const large = points("large", 5_000, 200);
  await opened.spool.append("out", large);
  await using reader = opened.spool.reader("out");
  const got = (await reader.next())!;
  assert.deepEqual(got.batch.ends, large.ends);
  assert.deepEqual(got.batch.bytes, large.bytes);
});

Deno.test("append() stores a batch larger than a segment", async () => {
  await using opened = await openInMemory({ maxBytes: 2 ** 20, segmentBytes: 4096 });
  await opened.spool.append("out", points("a", 100, 100));
  assert.equal((await drain(opened.spool)).length, 100);
});

Deno.test("append() rejects an event that is too large and stores its neighbours", async () => {
  await using opened = await openInMemory({ maxEventBytes: 10 });
  const outcome = await opened.spool.append("out", batchOf("points", "small", "x".repeat(11), "y".repeat(10)));
  assert.deepEqual([outcome.stored, outcome.rejected, outcome.dropped], [2, 1, 0]);
  assert.equal(metric(opened.reporter, "limier_events_rejected_total", 'reason="too_large"'), 1);
  assert.deepEqual(await drain(opened.spool), ["small", "y".repeat(10)]);
  assert.deepEqual(balance(opened.reporter), [3, 3]);
});

Deno.test("append() after closing drops, and counts", async () => {
  const opened = await openInMemory();
  await opened[Symbol.asyncDispose]();
  const outcome = await opened.spool.append("out", points("a", 2));
  assert.deepEqual([outcome.dropped, outcome.cause], [2, "closed"]);
  assert.deepEqual(balance(opened.reporter), [2, 2]);
});

Deno.test("append() under `interval` is stored by the sync that follows the last by 200 ms", async () => {
  await using opened = await openInMemory({ fsync: "interval" });
  const { spool, clock } = opened;
  await spool.append("out", points("first", 1)); // nothing was synced lately: at once
  let stored = false;
  const second = spool.append("out", points("second", 1)).then(() => stored = true);
  await clock.advance(199);
  assert.equal(stored, false);
  assert.equal(metric(opened.reporter, "limier_pending_events"), 2);
  await clock.advance(1);
  assert.equal(stored, true);
  await second;
});

Deno.test("append() under `never` syncs no segment", async () => {
  const opened = await openInMemory({ fsync: "never" });
  const kinds: string[] = [];
  opened.files.fault = ({ kind }) => void kinds.push(kind);
  await opened.spool.append("out", points("a", 1));
  await opened[Symbol.asyncDispose]();
  assert.ok(kinds.includes("write"));
  assert.ok(!kinds.some((kind) => kind.startsWith("sync")), kinds.join());
});

Deno.test("reader() gives each output its own of what is shared", async () => {
  await using opened = await openInMemory();
  const { spool } = opened;
  for (let i = 0; i < 5; i++) {
    await spool.append("a", points(`a${i}`, 2));
    await spool.append("b", points(`b${i}`, 1));
  }
  assert.deepEqual(await drain(spool, "b"), ["b0-0", "b1-0", "b2-0", "b3-0", "b4-0"]);
  assert.equal((await drain(spool, "a")).length, 10);
  assert.deepEqual([balance(opened.reporter, "a"), balance(opened.reporter, "b")], [[10, 10], [5, 5]]);
});

Deno.test("reader() waits for what is stored later, until its signal aborts", async () => {
  await using opened = await openInMemory();
  const { spool } = opened;
  await using reader = spool.reader("out");
  const waiting = reader.next();
  await spool.append("out", points("a", 1));
  assert.deepEqual(eventTexts((await waiting)!.batch), ["a-0"]);
  assert.equal(await reader.next(AbortSignal.abort()), null);
});

Deno.test("reader() is one at a time, and one call of it", async () => {
  await using opened = await openInMemory();
  const reader = opened.spool.reader("out");
  assert.throws(() => opened.spool.reader("out"), /has a reader already/);
  const waiting = reader.next();
  await assert.rejects(reader.next(), /twice at once/);
  await reader[Symbol.asyncDispose]();
  await reader[Symbol.asyncDispose]();
  assert.equal(await waiting, null);
  await using _again = opened.spool.reader("out");
});

Deno.test("reader() ends when the spool is closed", async () => {
  const opened = await openInMemory();
  const waiting = opened.spool.reader("out").next();
  await opened[Symbol.asyncDispose]();
  assert.equal(await waiting, null);
});

Deno.test("finish() counts every event once, whatever it is told", async () => {
  await using opened = await openInMemory();
  await opened.spool.append("out", points("a", 10));
  await using reader = opened.spool.reader("out");
  const { from } = (await reader.next())!;
  assert.equal(reader.finish({ from, to: from + 4 }, "delivered"), 4);
  assert.equal(reader.finish({ from: from + 2, to: from + 6 }, "duplicate"), 2);
  assert.equal(reader.finish({ from: from + 8, to: from + 10 }, "rejected", "400"), 2);
  assert.equal(reader.finish({ from: from - 100, to: from + 100 }, "dropped", "test"), 2);
  assert.equal(reader.finish({ from, to: from + 10 }, "delivered"), 0);
  const counts = ["delivered", "duplicate", "rejected", "dropped"].map((fate) =>
    metric(opened.reporter, `limier_events_${fate}_total`)
  );
  assert.deepEqual(counts, [4, 2, 2, 2]);
  assert.deepEqual(balance(opened.reporter), [10, 10]);
  assert.equal(metric(opened.reporter, "limier_pending_bytes"), 0);
});

Deno.test("finish() of part of a batch leaves the rest, in its place, for the next reader", async () => {
  await using opened = await openInMemory();
  const { spool } = opened;
  await spool.append("out", points("a", 6));
  await spool.append("out", points("b", 2));
  {
    await using reader = spool.reader("out");
    const a = (await reader.next())!;
    const b = (await reader.next())!;
    reader.finish({ from: a.from, to: a.from + 1 }, "delivered");
    reader.finish({ from: a.from + 3, to: a.from + 4 }, "delivered");
    reader.finish({ from: b.from + 1, to: b.to }, "delivered");
  }
  assert.deepEqual(await drain(spool), ["a-1", "a-2", "a-4", "a-5", "b-0"]);
  assert.deepEqual(balance(opened.reporter), [8, 8]);
});

Deno.test("finish() moves the stored position over finished events only", async () => {
  const opened = await openInMemory();
  await opened.spool.append("out", points("a", 6));
  const reader = opened.spool.reader("out");
  const { from } = (await reader.next())!;
  reader.finish({ from, to: from + 2 }, "delivered");
  reader.finish({ from: from + 4, to: from + 6 }, "delivered");
  await opened[Symbol.asyncDispose]();
  await using again = await openInMemory({}, opened.files.afterKill());
  assert.deepEqual(await drain(again.spool), ["a-2", "a-3", "a-4", "a-5"]);
});

Deno.test("a segment is deleted when every output with events in it is past it", async () => {
  await using opened = await openInMemory({ segmentBytes: 2_000 });
  const { spool, files, clock } = opened;
  for (let i = 0; i < 10; i++) {
    await spool.append("a", points(`a${i}`, 5, 100));
    await spool.append("b", points(`b${i}`, 5, 100));
  }
  const before = segmentPaths(files).length;
  assert.ok(before > 5);
  await drain(spool, "a");
  await clock.advance(10);
  assert.equal(segmentPaths(files).length, before);
  await drain(spool, "b");
  await clock.advance(10);
  assert.equal(segmentPaths(files).length, 1); // the one that is written
  assert.equal(metric(opened.reporter, "limier_spool_segments"), 1);
});

Deno.test("closing an emptied spool leaves no segment, and its numbers go on", async () => {
  const opened = await openInMemory();
  const { to } = await opened.spool.append("out", points("a", 3));
  await drain(opened.spool);
  await opened[Symbol.asyncDispose]();
  assert.deepEqual(segmentPaths(opened.files), []);
  await using again = await openInMemory({}, opened.files.afterKill());
  assert.equal((await again.spool.append("out", points("b", 1))).from, to);
  assert.equal(again.spool.installation, opened.spool.installation);
});

Deno.test("a spool opened again has what was pending, and its totals", async () => {
  const opened = await openInMemory({ segmentBytes: 1_000 });
  for (let i = 0; i < 10; i++) await opened.spool.append("out", points(`a${i}`, 5, 100));
  const reader = opened.spool.reader("out");
  for (let i = 0; i < 3; i++) {
    reader.finish((await reader.next())!, i === 1 ? "rejected" : "delivered", i === 1 ? "x" : "");
  }
  await opened[Symbol.asyncDispose]();
  await using again = await openInMemory({}, opened.files.afterKill());
  assert.deepEqual(again.spool.outputs(), [{ name: "out", pendingEvents: 35, pendingBytes: 3_500 }]);
  assert.deepEqual(balance(again.reporter), [50, 50]);
  assert.equal(metric(again.reporter, "limier_events_rejected_total", 'reason="x"'), 5);
  assert.deepEqual((await drain(again.spool)).slice(0, 2), ["a3-0", "a3-1"]);
});

Deno.test("positions are saved after 1000 events, or after a second", async () => {
  await using opened = await openInMemory();
  const { spool, clock, files } = opened;
  await spool.append("out", points("a", 1_500));
  await using reader = spool.reader("out");
  const { from } = (await reader.next())!;
  let saves = 0;
  files.fault = ({ kind }) => void (kind === "rename" && saves++);
  reader.finish({ from, to: from + 10 }, "delivered");
  await clock.advance(999);
  assert.equal(saves, 0);
  await clock.advance(1);
  assert.equal(saves, 1);
  reader.finish({ from: from + 10, to: from + 1_010 }, "delivered");
  await clock.advance(100);
  assert.equal(saves, 2);
  await using after = await openInMemory({}, files.afterPowerLoss({ names: "new", bytes: "none" }));
  assert.equal(after.spool.outputs()[0]!.pendingEvents, 490);
});

for (const whenFull of ["block", "drop_oldest"] as const) {
  Deno.test(`the totals know of every event whose file is gone after a kill (${whenFull})`, async () => {
    await using opened = await openInMemory({ maxBytes: 8_000, segmentBytes: 1_000, whenFull });
    const { spool, files } = opened;
    let accepted = 0;
    await using reader = spool.reader("out");
    for (let i = 0; i < 20; i++) {
      const before = segmentPaths(files)[0];
      accepted += (await spool.append("out", points(`a${i}`, 5, 100))).stored;
      if (whenFull === "block") reader.finish((await reader.next())!, "delivered");
      await opened.clock.advance(1); // less than the position would be saved after
      if (before === undefined || files.contents.has(before)) continue;
      await using after = await openInMemory({}, files.afterKill());
      const [total, settled] = balance(after.reporter);
      assert.ok(total >= accepted, `${total} are known of ${accepted}`);
      assert.equal(total, settled);
    }
  });
}

Deno.test("numbers are reserved many at a time", async () => {
  await using opened = await openInMemory();
  let saves = 0;
  opened.files.fault = ({ kind }) => void (kind === "rename" && saves++);
  for (let i = 0; i < 50; i++) await opened.spool.append("out", points(`a${i}`, 20));
  assert.equal(saves, 1);
});

Deno.test("maxAgeMs drops what waited too long, by a clock that doesn't jump", async () => {
  await using opened = await openInMemory({ maxAgeMs: 60_000 });
  const { spool, clock } = opened;
  await spool.append("out", points("old", 2));
  await clock.advance(30_000);
  await spool.append("out", points("new", 2));
  await clock.advance(30_001);
  assert.deepEqual(await drain(spool), ["new-0", "new-1"]);
  assert.equal(metric(opened.reporter, "limier_events_dropped_total", 'reason="age"'), 2);
  assert.deepEqual(balance(opened.reporter), [4, 4]);
});

Deno.test("the age of the oldest pending event shows", async () => {
  await using opened = await openInMemory();
  await opened.spool.append("out", points("a", 1));
  await opened.clock.advance(5_000);
  assert.equal(metric(opened.reporter, "limier_oldest_pending_age_seconds", "out"), 5);
  await drain(opened.spool);
  assert.equal(metric(opened.reporter, "limier_oldest_pending_age_seconds", "out"), 0);
});

Deno.test("abandon() drops what an output has stored, and frees its files", async () => {
  await using opened = await openInMemory({ segmentBytes: 1_000 });
  const { spool, files, clock } = opened;
  for (let i = 0; i < 10; i++) await spool.append("gone", points(`a${i}`, 5, 100));
  assert.equal(spool.abandon("gone", "output_removed"), 50);
  await clock.advance(10);
  assert.equal(segmentPaths(files).length, 1);
  assert.deepEqual(balance(opened.reporter, "gone"), [50, 50]);
  await spool.append("gone", points("later", 1));
  assert.deepEqual(await drain(spool, "gone"), ["later-0"]);
  await using _reader = spool.reader("gone");
  assert.throws(() => spool.abandon("gone", "x"), /has a reader/);
});

Deno.test("segments are named by 16 hexadecimal digits, the number of their first event", async () => {
  await using opened = await openInMemory();
  const { from } = await opened.spool.append("out", points("a", 1));
  assert.deepEqual(segmentPaths(opened.files), [`${DIRECTORY}/${segmentName(from)}`]);
  assert.match(segmentName(from), /^[0-9a-f]{16}\.seg$/);
});

Deno.test("health() is ok as long as batches are stored", async () => {
  await using opened = await openInMemory();
  await opened.spool.append("out", points("a", 1));
  assert.deepEqual(opened.spool.health(), { state: "ok" });
  assert.equal(await ready(opened.spool, opened.spool.reader("none")), null);
});
