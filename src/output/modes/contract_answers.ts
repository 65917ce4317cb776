import assert from "node:assert/strict";
import type { Batch } from "../../metric/mod.ts";
import { DeliveryError } from "../contract.ts";
import { names, type Subject, World } from "./contract_world.ts";
import { ambiguous, refused, type Script, takes, textsOf } from "./scripted_client.ts";

/** Registers what every mode makes of a destination's answers. For tests. */
export function testAnswers(subject: Subject): void {
  const test = (title: string, run: () => Promise<void>) => Deno.test(title.replace(":", ` ${subject.name}:`), run);

  test("413: a batch that is too large is halved at no cost, and the size is remembered", async () => {
    const tooLarge = () => new DeliveryError("too_large", "Cannot deliver: 413", { status: 413 });
    const script = (): Script => ({
      publish: (batch) => batch.ends.length > 3 ? { remaining: batch, error: tooLarge() } : { remaining: null },
    });
    const world = new World(subject, [script()], { maxRetries: 0, timeoutMs: 50 });
    assert.equal((await world.settle(world.publish(names(20)))).acked, 20);
    assert.deepEqual(world.sink.events, names(20));
    const before = world.sink.sends.length;
    assert.equal((await world.settle(world.publish(names(9, "f")))).acked, 9);
    assert.equal(world.sink.sends.length - before, 3);
    await world.finish();
  });

  test("413: one event that is too large is rejected, its neighbours arrive", async () => {
    const script = (): Script => ({
      publish: (batch) =>
        has(batch, "e5")
          ? { remaining: batch, error: new DeliveryError("too_large", "Cannot deliver: 413", { status: 413 }) }
          : { remaining: null },
    });
    const world = new World(subject, [script()], { timeoutMs: 50 });
    const { kind, acked, rejected } = await world.settle(world.publish(names(16)));
    assert.deepEqual([kind, acked, rejected], ["completed", 15, 1]);
    const before = world.sink.sends.length;
    assert.equal((await world.settle(world.publish(names(16, "f")))).acked, 16);
    assert.equal(world.sink.sends.length - before, 1, "one large event teaches nothing of how many may go at once");
    await world.finish();
  });

  test("400: a poisoned event is found in few requests, and only it is rejected", async () => {
    const poison = new DeliveryError("permanent", "Cannot deliver: 400", { status: 400 });
    const script = (): Script => ({
      publish: (batch) => has(batch, "e77") ? { remaining: batch, error: poison } : { remaining: null },
    });
    const world = new World(subject, [script()], { timeoutMs: 50, maxRetries: 0 });
    const { kind, acked, rejected } = await world.settle(world.publish(names(128)));
    assert.deepEqual([kind, acked, rejected], ["completed", 127, 1]);
    assert.ok(world.sink.sends.length <= 1 + 2 * Math.log2(128) + 2);
    await world.finish();
  });

  test("400: when everything is refused, the search for good events ends", async () => {
    const poison = new DeliveryError("permanent", "Cannot deliver: 400", { status: 400 });
    const world = new World(subject, [{ publish: (batch) => ({ remaining: batch, error: poison }) }], {
      timeoutMs: 50,
    });
    const { kind, rejected } = await world.settle(world.publish(names(5_000)));
    assert.deepEqual([kind, rejected], ["completed", 5_000]);
    assert.ok(world.sink.sends.length < 600);
    await world.finish();
  });

  test("401: a host that refuses its configuration is probed, and nothing is given up", async () => {
    let good = false;
    const denied = () => new DeliveryError("configuration", "Cannot deliver: 401", { status: 401 });
    const script: Script = { publish: (batch) => good ? { remaining: null } : { remaining: batch, error: denied() } };
    const world = new World(subject, [script], { maxRetries: 0, timeoutMs: 1_000 });
    const outcome = world.publish(names(4));
    await world.clock.advance(75_000);
    assert.deepEqual(world.sink.sends.map(({ atMs }) => atMs), [0, 30_000, 60_000]);
    good = true;
    assert.equal((await world.settle(outcome)).kind, "completed");
    assert.equal(world.sink.sends.length, 4);
    await world.finish();
  });

  test("429: costs no attempt, and its host is left alone for as long as it asked", async () => {
    const throttled = (ms?: number) =>
      new DeliveryError("throttle", "Cannot deliver: 429", { status: 429, ...(ms && { retryAfterMs: ms }) });
    const script: Script = {
      publish: (batch, call) =>
        call < 5 ? { remaining: batch, error: throttled(call === 0 ? 7_000 : 0) } : { remaining: null },
    };
    const world = new World(subject, [script], { maxRetries: 0, timeoutMs: 60_000 });
    assert.equal((await world.settle(world.publish(names(4)))).kind, "completed");
    assert.equal(world.sink.sends.length, 6);
    assert.ok(world.sink.sends[1]!.atMs >= 7_000 && world.sink.sends[1]!.atMs < 7_100);
    assert.equal(world.sink.connects.length, 1);
    await world.finish();
  });

  test("503: with Retry-After costs no attempt, without it does", async () => {
    const down = (ms?: number) =>
      new DeliveryError("retry", "Cannot deliver: 503", { status: 503, ...(ms && { retryAfterMs: ms }) });
    for (const [ms, kind] of [[2_000, "completed"], [0, "failed"]] as const) {
      const script: Script = { publish: (batch, call) => takes(batch, call < 4 ? 0 : 4, down(ms)) };
      const world = new World(subject, [script], { timeoutMs: 10_000 });
      assert.equal((await world.settle(world.publish(names(4)))).kind, kind);
      await world.finish();
    }
  });

  test("ambiguous: where repeats count twice nothing is sent again, and the loss is told", async () => {
    const script = (): Script => ({
      publish: (batch, call) => call === 0 ? takes(batch, 2, ambiguous("cut")) : { remaining: null },
    });
    const world = new World(subject, [script()], { countsRepeats: true, bulkMaxSize: 4, timeoutMs: 50 });
    const { kind, acked, failed, reason } = await world.settle(world.publish(names(10)));
    assert.deepEqual([kind, acked, failed, reason], ["failed", 8, 2, "cut"]);
    assert.deepEqual(world.sink.events, names(10).filter((name) => name !== "e2" && name !== "e3"));
    await world.finish();
  });

  test("BO-4: a host that accepts and then closes is waited for longer and longer, across batches", async () => {
    const script: Script = {
      publish: (batch, call) => call === 12 ? { remaining: null } : { remaining: batch, error: refused() },
    };
    const options = {
      maxRetries: 3,
      timeoutMs: 100_000,
      backoff: { initMs: 1_000, maxMs: 60_000 },
      random: () => 0.999999,
    };
    const world = new World(subject, [script], options);
    for (let i = 0; i < 3; i++) await world.settle(world.publish(names(1, `${i}-`)));
    const at = world.sink.sends.map(({ atMs }) => atMs);
    const waits = at.slice(1).map((atMs, i) => (atMs - at[i]!) / 1_000);
    // What is published when a wait is over begins then; the fake time between two batches only adds to it.
    [1, 2, 4, 8, 16, 32, 60, 60].forEach((wait, i) => assert.ok(waits[i]! >= wait * 0.999, `wait ${i}: ${waits[i]}`));
    assert.equal(world.sink.connects.length, 12);
    await world.finish();
  });

  test("BX-23: with a breaker open, nothing but one probe at a time is sent, and nothing is given up", async () => {
    let up = false;
    const script = (): Script => ({
      publish: (batch) => up ? { remaining: null } : { remaining: batch, error: refused() },
    });
    const world = new World(subject, [script()], {
      maxRetries: -1,
      timeoutMs: 100_000,
      breaker: {},
      random: () => 0.999999,
    });
    const outcomes = [names(3, "a"), names(3, "b"), names(3, "c")].map((events) => world.publish(events));
    await world.clock.advance(60_000);
    // Five failures, and probes after 1, 2, 4, 8, 16 s; the next is due after 32 s more.
    assert.equal(world.sink.sends.length, 10);
    up = true;
    const all = await world.settle(Promise.all(outcomes));
    assert.ok(all.every(({ kind }) => kind === "completed"));
    await world.finish();
  });
}

function has(batch: Batch, event: string): boolean {
  return textsOf(batch).includes(event);
}
