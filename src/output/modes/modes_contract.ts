import assert from "node:assert/strict";
import { testAnswers } from "./contract_answers.ts";
import { bulk, ROWS, twice } from "./contract_rows.ts";
import { batchOf, names, type Subject, T2, T3, through, World } from "./contract_world.ts";
import { ambiguous, failing, refused, type Script, takes } from "./scripted_client.ts";
import type { Outcome } from "./signal.ts";

/** Registers every scenario that concerns `subject` as a test of its own. */
export function testModesContract(subject: Subject): void {
  const test = (title: string, run: () => Promise<void>) =>
    Deno.test(`${title.replace(":", ` ${subject.name}:`)}`, run);
  const balanced = subject.name === "load_balance" || subject.name === "async_balance";
  const asynchronous = subject.name === "async_balance";
  /** One client, or as many as the mode has use for. */
  const each = (script: () => Script, count = 2) =>
    Array.from({ length: subject.name === "single" ? 1 : count }, script);

  for (const row of ROWS.filter(({ mode }) => mode === subject.name)) {
    for (const size of row.size === undefined ? [1, 10] : [row.size]) {
      test(`${row.id}: ${row.what} (${size})`, async () => {
        const world = new World(subject, row.scripts(), { maxRetries: row.budget - 1, ...row.options });
        const outcome = await world.settle(world.publish(names(size), { guaranteed: row.guaranteed ?? false }));
        assert.equal(outcome.kind, row.ends);
        assert.deepEqual(world.sink.events, row.ends === "completed" ? names(size) : []);
        assert.equal(outcome.acked, row.ends === "completed" ? size : 0);
        row.check?.(world, outcome);
        await world.finish();
      });
    }
  }

  if (balanced) {
    test("SC-22: starting and closing with nothing published gives no signal", async () => {
      const world = new World(subject, [{}], { maxRetries: 0 });
      await world.finish();
      assert.equal(world.outcomes.length, 0);
    });
    test("SC-42: 100 events failing 1000 times each over two workers all arrive", async () => {
      const failures = new Map<string, number>();
      const script = (): Script => ({
        publish: (batch) => {
          const id = String(batch.id);
          const count = failures.get(id) ?? 0;
          failures.set(id, count + 1);
          return takes(batch, count < 1_000 ? 0 : 1, ambiguous("timeout"));
        },
      });
      const world = new World(subject, twice(script), {
        maxRetries: -1,
        ...T3,
        timeoutMs: 0,
        backoff: { initMs: 0, maxMs: 0 },
      });
      const all = Promise.all(names(100).map((name) => world.publish([name])));
      const outcomes = await all;
      assert.ok(outcomes.every(({ kind }) => kind === "completed"));
      assert.equal(world.sink.sends.length, 100 * 1_001);
      await world.finish();
    });
  }

  test("SC-33: without a client nothing is published, and start and close are legal", async () => {
    const world = new World(subject, [], T2);
    await world.finish();
  });

  test("ER-2: without a client every batch fails at once, guaranteed or not", async () => {
    const world = new World(subject, [], { maxRetries: -1 });
    const outcome = await world.publish(names(3), { guaranteed: true });
    assert.deepEqual([outcome.kind, outcome.reason, outcome.failed], ["failed", "no_connection", 3]);
    await world.finish();
  });

  test("SC-47: a batch without events is completed and nothing is asked of the client", async () => {
    const world = new World(subject, each(() => ({})));
    assert.equal((await world.publish([])).kind, "completed");
    assert.equal(world.sink.connects.length + world.sink.sends.length, 0);
    await world.finish();
  });

  test("SC-48: eight rounds against a destination that never acknowledges publish nothing", async () => {
    const world = new World(subject, [{ publish: () => new Promise(() => {}) }], { ...T2, maxRetries: 0 });
    for (let round = 1; round <= 8; round++) {
      const outcome = await world.settle(world.publish(names(1, `r${round}-`)));
      assert.deepEqual([outcome.kind, outcome.acked, outcome.cause?.label], ["failed", 0, "timeout"]);
      await world.clock.advance(1_000); // also what was put off is over
    }
    assert.equal(world.sink.sends.length, 8);
    await world.finish();
  });

  test("SC-A: one event a send with an error each time is progress, whatever the budget", async () => {
    const world = new World(subject, each(() => ({ publish: (batch) => takes(batch, 1, ambiguous("cut")) })), {
      maxRetries: 1,
      timeoutMs: 50,
    });
    const outcome = await world.settle(world.publish(names(10)));
    assert.deepEqual([outcome.kind, outcome.acked], ["completed", 10]);
    assert.deepEqual(world.sink.events, names(10));
    assert.equal(world.sink.sends.length, 10);
    await world.finish();
  });

  test("SC-B: a partial success before the failure of the same attempt is progress", async () => {
    let call = 0;
    const script = (): Script => ({
      publish: (batch) => {
        call++;
        return call === 1 ? takes(batch, 3) : call === 2 ? takes(batch, 0, ambiguous("cut")) : { remaining: null };
      },
    });
    const world = new World(subject, each(script), { maxRetries: 0, timeoutMs: 50 });
    const outcome = await world.settle(world.publish(names(10)));
    assert.deepEqual([outcome.kind, outcome.acked], ["completed", 10]);
    assert.deepEqual(world.sink.events, names(10));
    await world.finish();
  });

  /** Closes in the middle and looks at the one batch: it has failed as closed within 50 ms. */
  async function closeNow(world: World, publish: Promise<Outcome>): Promise<void> {
    const fromMs = world.clock.monotonic();
    await world.settle(world.mode.close(), 49);
    const outcome = await publish;
    assert.deepEqual([outcome.kind, outcome.reason], ["failed", "closed"]);
    assert.ok(world.outcomes.every(({ atMs }) => atMs - fromMs < 50));
    await world.finish();
  }

  test("SC-C: closing during a backoff ends it", async () => {
    const world = new World(subject, each(() => ({ publish: failing(Infinity, refused) })), {
      maxRetries: -1,
      timeoutMs: 0,
      backoff: { initMs: 60_000, maxMs: 60_000 },
    });
    const outcome = world.publish(names(5));
    await world.clock.advance(100);
    await closeNow(world, outcome);
  });

  test("SC-C: closing during the hand-off ends it", async () => {
    const world = new World(subject, each(() => ({ connect: () => new Promise(() => {}) })), {
      maxRetries: -1,
      timeoutMs: 0,
    });
    const outcome = world.publish(names(5));
    await world.clock.advance(100);
    await closeNow(world, outcome);
  });

  test("SC-C: closing during a send ends it", async () => {
    const world = new World(subject, each(() => ({ publish: () => new Promise(() => {}) })), {
      maxRetries: -1,
      timeoutMs: 0,
    });
    const outcome = world.publish(names(5));
    await world.clock.advance(100);
    await closeNow(world, outcome);
  });

  test("SC-C: closing during a send of a client that neither ends nor closes takes no longer than its bound", async () => {
    const stuck: Script = { publish: () => new Promise(() => {}), closing: () => new Promise(() => {}) };
    const world = new World(subject, each(() => stuck), { maxRetries: -1, timeoutMs: 0 });
    const outcome = world.publish(names(5));
    await world.clock.advance(100);
    await world.settle(world.mode.close(), 1_100);
    assert.equal((await outcome).reason, "closed");
    await world.finish();
  });

  test("SC-C: closing while a batch is held for a temporary bulk failure ends it", async () => {
    const world = new World(subject, each(() => ({ publish: failing(Infinity, bulk) })), {
      maxRetries: -1,
      timeoutMs: 0,
      backoff: { initMs: 60_000, maxMs: 60_000 },
    });
    const outcome = world.publish(names(5));
    await world.clock.advance(100);
    await closeNow(world, outcome);
  });

  test("SC-C: a send under way may end within the time that closing leaves it", async () => {
    const answer = Promise.withResolvers<void>();
    const script = (): Script => ({ publish: () => answer.promise.then(() => ({ remaining: null })) });
    const world = new World(subject, each(script), { timeoutMs: 60_000, closeTimeoutMs: 5_000 });
    const outcome = world.publish(names(5));
    const waiting = subject.name === "single" ? world.publish(names(2, "w")) : undefined;
    await world.clock.advance(10);
    const closed = world.mode.close();
    await world.clock.advance(20);
    assert.equal((await waiting)?.reason, waiting && "closed");
    answer.resolve();
    await world.settle(closed, 0);
    assert.equal((await outcome).kind, "completed");
    await world.finish();
  });

  test("SC-D: 1000 distinct batches, one of four hosts dying midway, all arrive", async () => {
    let sent = 0;
    const scripts = each(() => ({}), 4).map((_, i): Script => ({
      publish: async (batch) => {
        sent++;
        const dead = i === 1 && sent > 400;
        await Promise.resolve();
        return dead ? { remaining: batch, error: refused() } : { remaining: null };
      },
      connect: () => i === 1 && sent > 400 ? refused() : undefined,
    }));
    const world = new World(subject, scripts, { maxRetries: -1, timeoutMs: 1_000 });
    const expected: string[] = [];
    const outcomes = [];
    for (let i = 0; i < 1_000; i++) {
      const events = names(1 + i % 7, `b${i}-`);
      expected.push(...events);
      outcomes.push(world.publish(events));
    }
    const all = await world.settle(Promise.all(outcomes));
    assert.ok(all.every(({ kind, acked }, i) => kind === "completed" && acked === 1 + i % 7));
    assert.deepEqual(world.sink.events.toSorted(), expected.toSorted());
    assert.equal(world.count("duplicate_reports_total"), 0);
    await world.finish();
  });

  test("SC-E: a client that reports twice is counted, and the first report holds", async () => {
    const late = Promise.withResolvers<void>();
    const script: Script = asynchronous
      ? { again: (batch, reports) => reports.done({ remaining: batch, error: ambiguous("again") }) }
      : {
        // It is given up for overdue, and comes back when the batch was delivered by another send.
        publish: (_, call) => call === 0 ? late.promise.then(() => ({ remaining: null })) : { remaining: null },
        stubborn: true,
      };
    const world = new World(subject, [script], T2);
    const outcome = await world.settle(world.publish(names(4)));
    late.resolve();
    await world.clock.advance(10);
    assert.deepEqual([outcome.kind, outcome.acked], ["completed", 4]);
    assert.equal(world.count("duplicate_reports_total"), 1);
    await world.finish();
  });

  test("SC-F: a client that takes nothing and says nothing costs attempts", async () => {
    const world = new World(subject, each(() => ({ publish: (batch) => ({ remaining: batch }) })), { timeoutMs: 50 });
    const outcome = await world.settle(world.publish(names(10)));
    assert.deepEqual([outcome.kind, outcome.reason], ["failed", "no_progress"]);
    assert.equal(world.sink.sends.length, 3);
    await world.finish();
  });

  test("SC-G: publishing after close fails at once and connects to nothing", async () => {
    const world = new World(subject, each(() => ({})));
    await world.settle(world.mode.close());
    const outcome = await world.publish(names(3), { guaranteed: true });
    assert.deepEqual([outcome.kind, outcome.reason, outcome.failed], ["failed", "closed", 3]);
    assert.equal(world.sink.connects.length, 0);
    await world.finish();
  });

  test("SC-H: closing twice joins the close under way", async () => {
    const world: World = new World(subject, each(() => ({ closing: (): Promise<void> => world.clock.sleep(30) })));
    await world.settle(world.publish(names(2)));
    const [one, two] = [world.mode.close(), world.mode[Symbol.asyncDispose]()];
    await world.settle(Promise.all([one, two]), 100);
    await world.finish();
  });

  test("SG-4: a batch that was withdrawn ends as canceled, wherever it is", async () => {
    const places: [string, Script][] = [
      ["backoff", { publish: failing(Infinity, refused) }],
      ["connect", { connect: () => new Promise(() => {}) }],
      ["send", {
        publish: (batch, _, signal) =>
          new Promise((resolve) =>
            signal.addEventListener("abort", () => resolve({ remaining: batch, error: ambiguous("aborted") }))
          ),
      }],
      ["held", { publish: failing(Infinity, bulk) }],
    ];
    for (const [where, script] of places) {
      const world = new World(subject, each(() => script), {
        timeoutMs: 0,
        backoff: { initMs: 60_000, maxMs: 60_000 },
        maxRetries: -1,
      });
      const withdraw = new AbortController();
      const outcome = world.publish(names(4), { signal: withdraw.signal, guaranteed: true });
      await world.clock.advance(100);
      withdraw.abort();
      const { kind, failed } = await world.settle(outcome, 49);
      assert.deepEqual([where, kind, failed], [where, "canceled", 4]);
      await world.finish();
    }
  });

  test("SG-9: a receiver that throws is counted and holds nothing up", async () => {
    const world = new World(subject, each(() => ({})));
    const receiver = () => {
      throw new Error("receiver");
    };
    await world.settle(world.publish(names(1), { receiver }));
    await world.settle(world.publish(names(1)));
    assert.equal(world.count("signal_receiver_errors_total"), 1);
    await world.finish();
  });

  test("SG-9: no receiver is called from inside publish()", async () => {
    const world = new World(subject, []);
    let inside = true;
    const outcome = world.publish(names(1), { receiver: () => assert.equal(inside, false) });
    inside = false;
    await outcome;
    assert.equal(world.count("signal_receiver_errors_total"), 0);
    await world.finish();
  });

  test("publish(): throws what is no batch, without a signal", async () => {
    const world = new World(subject, each(() => ({})));
    assert.throws(() => world.mode.publish(null as never), TypeError);
    await world.finish();
  });

  test("CL-6: a client that reports more than it was sent is credited with nothing", async () => {
    const script = (): Script => ({
      publish: (_, call) => call === 0 ? { remaining: batchOf(names(100)) } : { remaining: null },
    });
    const world = new World(subject, [script()], { timeoutMs: 50 });
    const outcome = await world.settle(world.publish(names(2)));
    assert.equal(outcome.acked, 2);
    assert.equal(world.sink.sends.length, 2);
    await world.finish();
  });

  test("CL-12: rejected events leave the batch and are counted; so are known duplicates", async () => {
    const script = (): Script => ({
      publish: () => ({ remaining: null, rejected: [{ reason: "encode", count: 2 }], duplicate: 3 }),
    });
    const world = new World(subject, each(script));
    const { kind, acked, duplicate, rejected } = await world.settle(world.publish(names(10)));
    assert.deepEqual([kind, acked, duplicate, rejected], ["completed", 5, 3, 2]);
    assert.equal(world.count("events_rejected_total"), 2);
    await world.finish();
  });

  test("LB-17: a client that throws is a failed attempt like any other", async () => {
    const script = (): Script => ({
      publish: (_, call) => {
        if (call === 0) throw new Error("no secret is shown");
        return { remaining: null };
      },
    });
    const world = new World(subject, [script()], { timeoutMs: 50 });
    assert.equal((await world.settle(world.publish(names(2)))).kind, "completed");
    assert.ok(!JSON.stringify(world.reporter.lines).includes("secret"));
    await world.finish();
  });

  test("order: events of one batch go in their order, also when it is cut and tried again", async () => {
    const script = (): Script => ({
      publish: (batch, call) => call % 2 === 0 ? takes(batch, 2, ambiguous("cut")) : takes(batch, 3),
    });
    const world = new World(subject, each(script), { maxRetries: -1, bulkMaxSize: 7, timeoutMs: 50 });
    await world.settle(world.publish(names(40)));
    if (!asynchronous) assert.deepEqual(world.sink.events, names(40));
    else assert.deepEqual([...new Set(world.sink.events)].toSorted(), names(40).toSorted()); // what was cut off is repeated
    await world.finish();
  });

  test("idle: a connection that was not used for too long is opened anew", async () => {
    const world = new World(subject, [{}], { idleLimitMs: 5_000, timeoutMs: 50 });
    await world.settle(world.publish(names(1)));
    await world.settle(world.publish(names(1)));
    assert.equal(world.sink.connects.length, 1);
    await world.clock.advance(6_000);
    await world.settle(world.publish(names(1)));
    assert.equal(world.sink.connects.length, 2);
    assert.equal(world.sink.mostOpen, 1);
    await world.finish();
  });

  testAnswers(subject);

  test("FI-37: 40 random histories, with closing somewhere in them, give one signal for each publish", async () => {
    for (let seed = 1; seed <= 40; seed++) await randomHistory(subject, seed);
  });

  Deno.test(`all scenarios of ${subject.name}: counted`, () => {
    assert.ok(through.worlds > 0);
    console.log(
      `${subject.name}: ${through.events} events in ${through.batches} batches through ${through.worlds} worlds`,
    );
  });
}

/** Publishes, withdraws and closes at any moment, over clients that do anything; `finish()` looks at what came of it. */
async function randomHistory(subject: Subject, seed: number): Promise<void> {
  let state = seed * 1_000_003;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const upTo = (most: number) => Math.floor(random() * most);
  const script = (): Script => ({
    connect: () => random() < 0.3 ? refused() : undefined,
    call: () => random() < 0.1 ? refused() : undefined,
    again: (batch, reports) => random() < 0.1 && reports.done({ remaining: batch }),
    stubborn: random() < 0.2,
    publish: async (batch) => {
      const what = random();
      if (what < 0.05) return await new Promise(() => {});
      if (what < 0.1) throw new Error("a client that throws");
      if (random() < 0.7) await world.clock.sleep(upTo(40));
      if (what < 0.3) return takes(batch, upTo(batch.ends.length), random() < 0.5 ? refused() : bulk());
      if (what < 0.35) return takes(batch, upTo(batch.ends.length));
      if (what < 0.4) return { remaining: batch };
      if (what < 0.45) return { remaining: null, rejected: [{ reason: "400", count: upTo(99) }], duplicate: upTo(9) };
      return { remaining: null };
    },
  });
  const world: World = new World(subject, Array.from({ length: 1 + upTo(3) }, script), {
    random,
    maxRetries: upTo(4) - 1,
    timeoutMs: 1 + upTo(60),
    backoff: { initMs: upTo(20), maxMs: 1 + upTo(100) },
    bulkMaxSize: upTo(6),
    closeTimeoutMs: upTo(2) * 30,
    breaker: random() < 0.5 ? null : { failuresInRow: 3, openMs: 50, maxOpenMs: 200 },
    countsRepeats: random() < 0.3,
  });
  const count = 1 + upTo(25);
  const closeAt = upTo(count * 2);
  for (let i = 0; i < count; i++) {
    const withdraw = new AbortController();
    void world.publish(names(upTo(12), `b${i}-`), { guaranteed: random() < 0.3, signal: withdraw.signal });
    if (random() < 0.2) void world.clock.sleep(upTo(50)).then(() => withdraw.abort());
    if (random() < 0.5) await world.clock.advance(upTo(30));
    if (i === closeAt) void world.mode.close();
  }
  await world.finish();
}
