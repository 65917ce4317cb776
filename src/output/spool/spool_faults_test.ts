import assert from "node:assert/strict";
import { randomFrom } from "../../testing/mod.ts";
import { eventTexts } from "../testing.ts";
import { type Fault, ioError, MemoryFiles, noSpace } from "./memory_files.ts";
import { balance, drain, metric, openInMemory, points, segmentPaths } from "./testing.ts";
import type { AppendOutcome } from "./writer.ts";

/** Batches of ten events of 100 bytes: four fit a segment, sixteen the spool. */
const SMALL = { maxBytes: 20_000, segmentBytes: 5_000 } as const;

function names(batches: readonly number[]): string[] {
  return batches.flatMap((b) => Array.from({ length: 10 }, (_, i) => `b${b}-${i}`));
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

Deno.test("drop_newest drops what finds no room, and takes again when there is some", async () => {
  await using opened = await openInMemory({ ...SMALL, whenFull: "drop_newest" });
  const { spool, reporter, clock } = opened;
  const stored: number[] = [];
  for (let b = 0; b < 30; b++) {
    const outcome = await spool.append("out", points(`b${b}`, 10, 100));
    if (outcome.stored === 10) stored.push(b);
    else assert.deepEqual([outcome.dropped, outcome.cause], [10, "spool_full"]);
  }
  assert.ok(stored.length >= 12 && stored.length < 20);
  assert.deepEqual(stored, numbers(0, stored.length));
  assert.equal(metric(reporter, "limier_events_dropped_total", 'reason="spool_full"'), 300 - 10 * stored.length);
  assert.equal(spool.health().state, "losing");
  assert.ok(metric(reporter, "limier_spool_bytes") <= SMALL.maxBytes);
  assert.deepEqual(balance(reporter), [300, 300]);
  assert.deepEqual(await drain(spool), names(stored));
  await clock.advance(1_000);
  assert.equal((await spool.append("out", points("later", 1))).stored, 1);
  assert.equal(spool.health().state, "ok");
});

Deno.test("drop_oldest drops the oldest, by whole segments, and counts each event", async () => {
  await using opened = await openInMemory({ ...SMALL, whenFull: "drop_oldest" });
  const { spool, reporter } = opened;
  for (let b = 0; b < 50; b++) {
    assert.equal((await spool.append("out", points(`b${b}`, 10, 100))).stored, 10);
    assert.ok(metric(reporter, "limier_spool_bytes") <= SMALL.maxBytes);
  }
  const dropped = metric(reporter, "limier_events_dropped_total", 'reason="spool_full"');
  assert.ok(dropped >= 300 && dropped < 450 && dropped % 10 === 0);
  assert.deepEqual(balance(reporter), [500, 500]);
  assert.deepEqual(await drain(spool), names(numbers(dropped / 10, 50)));
  assert.deepEqual(balance(reporter), [500, 500]);
});

Deno.test("drop_oldest leaves alone what a reader has in hand, and what an output that blocks has stored", async () => {
  await using opened = await openInMemory({ ...SMALL, whenFull: "drop_oldest", whenFullOf: { safe: "block" } });
  const { spool, reporter } = opened;
  await spool.append("safe", points("safe", 10, 100));
  for (let b = 0; b < 5; b++) await spool.append("out", points(`b${b}`, 10, 100));
  const reader = spool.reader("out");
  const inHand = (await reader.next())!;
  const outcomes: AppendOutcome[] = [];
  for (let b = 5; b < 40; b++) outcomes.push(await spool.append("out", points(`b${b}`, 10, 100)));
  assert.ok(outcomes.every(({ stored }) => stored === 10));
  const dropped = metric(reporter, "limier_events_dropped_total");
  assert.equal(reader.finish(inHand, "delivered"), 10);
  assert.deepEqual(balance(reporter), [400, 400]);
  await reader[Symbol.asyncDispose]();
  assert.equal((await drain(spool)).length, 390 - dropped);
  assert.deepEqual(await drain(spool, "safe"), Array.from({ length: 10 }, (_, i) => `safe-${i}`));
  assert.deepEqual([balance(reporter), balance(reporter, "safe")], [[400, 400], [10, 10]]);
});

Deno.test("drop_oldest of a segment whose events are in hand drops them when they are given back", async () => {
  await using opened = await openInMemory({ ...SMALL, whenFull: "drop_oldest" });
  const { spool, reporter } = opened;
  for (let b = 0; b < 5; b++) await spool.append("out", points(`b${b}`, 10, 100));
  const reader = spool.reader("out");
  const { from } = (await reader.next())!;
  for (let b = 5; b < 40; b++) await spool.append("out", points(`b${b}`, 10, 100));
  reader.finish({ from, to: from + 3 }, "delivered");
  const dropped = metric(reporter, "limier_events_dropped_total");
  await reader[Symbol.asyncDispose]();
  assert.equal(metric(reporter, "limier_events_dropped_total"), dropped + 7);
  assert.equal((await drain(spool)).length, 400 - dropped - 10);
  assert.deepEqual(balance(reporter), [400, 400]);
});

Deno.test("drop_oldest while the oldest are being read counts each event once", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomFrom(seed);
    const opened = await openInMemory({ maxBytes: 8_000, segmentBytes: 1_500, whenFull: "drop_oldest" });
    const { spool, reporter } = opened;
    let appending = true;
    const came: string[] = [];
    const reading = (async () => {
      while (appending) {
        await using reader = spool.reader("out");
        for (let left = random(10); left > 0 && appending; left--) {
          const batch = await reader.next(AbortSignal.timeout(20));
          if (batch === null) break;
          for (let turns = random(30); turns > 0; turns--) await Promise.resolve();
          const to = random(3) === 0 ? batch.from + 1 : batch.to;
          const texts = eventTexts(batch.batch);
          if (reader.finish({ from: batch.from, to }, "delivered") > 0) came.push(...texts.slice(0, to - batch.from));
        }
      }
    })();
    for (let b = 0; b < 150; b++) {
      await spool.append("out", points(`b${b}`, 1 + random(6), 60));
      for (let turns = random(60); turns > 0; turns--) await Promise.resolve();
    }
    appending = false;
    await reading;
    assert.equal(came.length, metric(reporter, "limier_events_delivered_total"), `seed ${seed}`);
    assert.equal(new Set(came).size, came.length, `seed ${seed}`);
    const left = await drain(spool);
    assert.equal(metric(reporter, "limier_pending_events"), 0, `seed ${seed}`);
    assert.ok(!left.some((text) => came.includes(text)));
    const [accepted, settled] = balance(reporter);
    assert.equal(accepted, settled, `seed ${seed}`);
    await opened[Symbol.asyncDispose]();
  }
});

Deno.test("block keeps batches waiting until what is finished makes room", async () => {
  await using opened = await openInMemory(SMALL);
  const { spool, reporter, clock } = opened;
  let stored = 0;
  const appended = numbers(0, 40).map((b) => spool.append("out", points(`b${b}`, 10, 100)).then(() => stored++));
  await clock.advance(1);
  assert.ok(stored >= 12 && stored < 20);
  assert.equal(spool.health().state, "blocked");
  assert.deepEqual(balance(reporter), [400, 400]);
  await using reader = spool.reader("out");
  const came: string[] = [];
  while (came.length < 400) {
    const batch = (await reader.next())!;
    came.push(...eventTexts(batch.batch).map((text) => text.replace(/\.+$/, "")));
    reader.finish(batch, "delivered");
  }
  await Promise.all(appended);
  assert.deepEqual(came, names(numbers(0, 40)));
  assert.equal(metric(reporter, "limier_events_dropped_total"), 0);
  assert.deepEqual(balance(reporter), [400, 400]);
});

Deno.test("block drops what is beyond the memory for it, and what waits when the spool is closed", async () => {
  const opened = await openInMemory({ ...SMALL, maxWaitingBytes: 5_000 });
  const { spool, reporter, clock } = opened;
  const outcomes: AppendOutcome[] = [];
  for (let b = 0; b < 40; b++) {
    spool.append("out", points(`b${b}`, 10, 100)).then((outcome) => outcomes.push(outcome));
    await clock.advance(1);
  }
  const dropped = metric(reporter, "limier_events_dropped_total", 'reason="spool_full"');
  assert.ok(dropped > 100);
  assert.deepEqual(balance(reporter), [400, 400]);
  await opened[Symbol.asyncDispose]();
  assert.equal(metric(reporter, "limier_events_dropped_total", 'reason="closed"'), 40);
  assert.equal(outcomes.length, 40);
  assert.deepEqual(balance(reporter), [400, 400]);
});

Deno.test("a batch larger than the whole spool is dropped at once, and blocks nothing", async () => {
  await using opened = await openInMemory(SMALL);
  const outcome = await opened.spool.append("out", points("a", 300, 100));
  assert.deepEqual([outcome.dropped, outcome.cause], [300, "spool_full"]);
  assert.equal((await opened.spool.append("out", points("b", 1))).stored, 1);
});

Deno.test("a spool that is full of finished events makes room of them", async () => {
  await using opened = await openInMemory({ ...SMALL, segmentBytes: 20_000, whenFull: "drop_newest" });
  const { spool } = opened;
  for (let b = 0; b < 100; b++) {
    assert.equal((await spool.append("out", points(`b${b}`, 10, 100))).stored, 10);
    await drain(spool);
  }
});

Deno.test("a disk that is full at any byte costs nothing that was stored, and writing goes on when there is room", async () => {
  for (let capacityBytes = 0; capacityBytes < 3_000; capacityBytes += 37) {
    const opened = await openInMemory({ segmentBytes: 1_000 });
    const { spool, files, clock, reporter } = opened;
    files.capacityBytes = capacityBytes;
    const stored: string[] = [];
    const appended = numbers(0, 8).map(async (b) => {
      const outcome = await spool.append("out", points(`b${b}`, 3, 100));
      if (outcome.stored > 0) stored.push(...numbers(0, 3).map((i) => `b${b}-${i}`));
    });
    await clock.advance(10);
    assert.deepEqual(balance(reporter), [24, 24], `room for ${capacityBytes} bytes`);
    if (capacityBytes < 2_500) assert.deepEqual([spool.health().state, spool.health().why], ["blocked", "disk_full"]);
    const after = await openInMemory({}, files.afterKill()); // as if the process were killed now
    assert.deepEqual((await drain(after.spool)).slice(0, stored.length), stored);
    await after[Symbol.asyncDispose]();
    files.capacityBytes = Infinity;
    await clock.advance(30_000);
    await Promise.all(appended);
    assert.deepEqual(await drain(spool), numbers(0, 8).flatMap((b) => [`b${b}-0`, `b${b}-1`, `b${b}-2`]));
    assert.equal(spool.health().state, "ok");
    await opened[Symbol.asyncDispose]();
  }
});

Deno.test("a full disk is looked at again after 1 s, then 2, 4, … 30", async () => {
  await using opened = await openInMemory();
  const { spool, files, clock } = opened;
  await spool.append("out", points("a", 1));
  const tries: number[] = [];
  files.fault = ({ kind }): Fault | undefined => {
    if (kind !== "write") return undefined;
    tries.push(clock.monotonic() / 1_000);
    return { error: noSpace(), written: 10 };
  };
  const waiting = spool.append("out", points("b", 1));
  await clock.advance(100_000);
  assert.deepEqual(tries, [0, 1, 3, 7, 15, 31, 61, 91]);
  files.fault = () => undefined;
  await clock.advance(30_000);
  assert.equal((await waiting).stored, 1);
  assert.deepEqual(await drain(spool), ["a-0", "b-0"]);
});

Deno.test("drop_oldest makes room on a full disk as well", async () => {
  const files = new MemoryFiles();
  await using opened = await openInMemory({ segmentBytes: 2_000, whenFull: "drop_oldest" }, files);
  files.capacityBytes = 10_000;
  for (let b = 0; b < 30; b++) {
    assert.equal((await opened.spool.append("out", points(`b${b}`, 10, 100))).stored, 10, `batch ${b}`);
  }
  const dropped = metric(opened.reporter, "limier_events_dropped_total");
  assert.deepEqual(await drain(opened.spool), names(numbers(dropped / 10, 30)));
});

Deno.test("too little room on the disk is as good as none", async () => {
  const files = new MemoryFiles();
  files.freeBytes = 200 * 2 ** 20;
  await using opened = await openInMemory({ whenFull: "drop_newest" }, files);
  const { spool, reporter, clock } = opened;
  assert.deepEqual((await spool.append("out", points("a", 1))).cause, "disk_full");
  assert.equal(metric(reporter, "limier_spool_free_bytes"), 200 * 2 ** 20);
  files.freeBytes = 300 * 2 ** 20;
  await clock.advance(1_000);
  assert.equal((await spool.append("out", points("b", 1))).stored, 1);
  await using low = await openInMemory({ whenFull: "drop_newest", minFreeBytes: 1_000 }, new MemoryFiles());
  low.files.freeBytes = 1_000;
  assert.equal((await low.spool.append("out", points("c", 1))).stored, 1);
});

Deno.test("writes that take only a part are gone on with", async () => {
  await using opened = await openInMemory();
  opened.files.fault = ({ kind, size }) => kind === "write" ? { written: Math.min(size, 7) } : undefined;
  for (let b = 0; b < 3; b++) assert.equal((await opened.spool.append("out", points(`b${b}`, 10, 100))).stored, 10);
  assert.deepEqual(await drain(opened.spool), names([0, 1, 2]));
});

Deno.test("a write that fails is repeated in another segment", async () => {
  for (let at = 0; at < 12; at++) {
    const files = new MemoryFiles();
    await using opened = await openInMemory({}, files);
    files.fault = ({ index, size }) => index === at ? { error: ioError(), written: size >> 1 } : undefined;
    for (let b = 0; b < 3; b++) {
      const storing = opened.spool.append("out", points(`b${b}`, 10, 100));
      await opened.clock.advance(2_000);
      assert.equal((await storing).stored, 10);
    }
    assert.deepEqual(balance(opened.reporter), [30, 30]);
    const after = await openInMemory({}, files.afterKill());
    assert.deepEqual(await drain(after.spool), names([0, 1, 2]), `operation ${at} failed`);
    await after[Symbol.asyncDispose]();
    assert.deepEqual(await drain(opened.spool), names([0, 1, 2]), `operation ${at} failed`);
  }
});

Deno.test("a failed sync is never taken for one: what wasn't synced is written to another segment", async () => {
  const files = new MemoryFiles();
  await using opened = await openInMemory({}, files);
  const { spool, reporter } = opened;
  await spool.append("out", points("b0", 10, 100));
  const [path] = segmentPaths(files);
  let failures = 0;
  files.fault = ({ kind, path: of }) => kind === "sync" && of === path ? (failures++, { error: ioError() }) : undefined;
  assert.equal((await spool.append("out", points("b1", 10, 100))).stored, 10);
  await spool.append("out", points("b2", 10, 100));
  assert.equal(failures, 1, "the same file is not asked again");
  assert.equal(metric(reporter, "limier_spool_fsync_errors_total"), 1);
  assert.equal(segmentPaths(files).length, 2);
  for (const left of [files.afterKill(), files.afterPowerLoss({ names: "old", bytes: "none" })]) {
    const after = await openInMemory({}, left);
    assert.deepEqual(await drain(after.spool), names([0, 1, 2]));
    await after[Symbol.asyncDispose]();
  }
  assert.deepEqual(await drain(spool), names([0, 1, 2]));
});

Deno.test("syncs that fail on and on store nothing, drop nothing that may wait, and end with the disk's trouble", async () => {
  const files = new MemoryFiles();
  await using opened = await openInMemory({}, files);
  const { spool, clock } = opened;
  await spool.append("out", points("b0", 10, 100));
  let syncs = 0;
  files.fault = ({ kind }) => kind === "sync" ? (syncs++, { error: ioError() }) : undefined;
  let stored = false;
  const waiting = spool.append("out", points("b1", 10, 100)).then(() => stored = true);
  await clock.advance(60_000);
  assert.equal(stored, false);
  assert.ok(syncs < 20, `${syncs} tries in a minute`);
  assert.equal(spool.health().state, "blocked");
  files.fault = () => undefined;
  await clock.advance(30_000);
  await waiting;
  assert.deepEqual(await drain(spool), names([0, 1]));
  assert.equal(spool.health().state, "ok");
});

Deno.test("closing with syncs that fail ends, and says what was not stored", async () => {
  const opened = await openInMemory({ fsync: "interval" });
  await opened.spool.append("out", points("b0", 10, 100));
  opened.files.fault = ({ kind }) => kind === "sync" ? { error: ioError() } : undefined;
  const unstored = opened.spool.append("out", points("b1", 10, 100));
  await opened[Symbol.asyncDispose]();
  const { stored, dropped, cause } = await unstored;
  assert.deepEqual([stored, dropped], [0, 10]);
  assert.ok(cause === "closed" || cause === "fsync_error" || cause === "write_error", cause!);
  assert.deepEqual(balance(opened.reporter), [20, 20]);
});

Deno.test("a position file that can't be written costs nothing but repeats", async () => {
  const files = new MemoryFiles();
  await using opened = await openInMemory({}, files);
  const { spool, clock, reporter } = opened;
  await spool.append("out", points("b0", 10, 100));
  files.fault = ({ kind, path }) =>
    kind === "create" && path.endsWith("position.new") ? { error: noSpace() } : undefined;
  await drain(spool);
  await clock.advance(5_000);
  assert.ok(metric(reporter, "limier_spool_write_errors_total") > 1);
  const after = await openInMemory({}, files.afterKill());
  assert.deepEqual(await drain(after.spool), names([0]));
  await after[Symbol.asyncDispose]();
  files.fault = () => undefined;
  await clock.advance(2_000);
  await using again = await openInMemory({}, files.afterKill());
  assert.deepEqual(await drain(again.spool), []);
});

Deno.test("a segment that can't be deleted costs nothing", async () => {
  const files = new MemoryFiles();
  await using opened = await openInMemory({ segmentBytes: 1_000 }, files);
  const { spool, clock } = opened;
  files.fault = ({ kind, path }) => kind === "remove" && path.endsWith(".seg") ? { error: ioError() } : undefined;
  for (let b = 0; b < 5; b++) await spool.append("out", points(`b${b}`, 10, 100));
  assert.deepEqual(await drain(spool), names([0, 1, 2, 3, 4]));
  await clock.advance(1_000);
  assert.equal((await spool.append("out", points("b5", 10, 100))).stored, 10);
  const after = await openInMemory({}, files.afterKill());
  assert.deepEqual(await drain(after.spool), names([5]));
  await after[Symbol.asyncDispose]();
});

Deno.test("a read that fails is tried again a second later", async () => {
  const files = new MemoryFiles();
  await using opened = await openInMemory({}, files);
  await opened.spool.append("out", points("b0", 10, 100));
  const open = files.open.bind(files);
  files.open = () => Promise.reject(ioError());
  await using reader = opened.spool.reader("out");
  const reading = reader.next();
  await opened.clock.advance(1_500);
  files.open = open;
  await opened.clock.advance(1_000);
  assert.equal((await reading)!.batch.ends.length, 10);
});

Deno.test("losses are logged once in ten seconds for each reason, with their sum", async () => {
  await using opened = await openInMemory({ ...SMALL, whenFull: "drop_newest" });
  const { spool, reporter, clock } = opened;
  for (let b = 0; b < 40; b++) await spool.append("out", points(`b${b}`, 10, 100));
  await clock.advance(10_000);
  for (let b = 0; b < 2; b++) await spool.append("out", points(`c${b}`, 10, 100));
  const lines = reporter.lines.filter(({ message }) => message.includes("were dropped"));
  assert.equal(lines.length, 2);
  const logged = lines.reduce((sum, { fields }) => sum + Number(fields["events"]), 0);
  assert.equal(logged, metric(reporter, "limier_events_dropped_total") - 10);
});
