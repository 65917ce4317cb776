import assert from "node:assert/strict";
import type { ModeConfig } from "./mode.ts";
import { names, type Subject, World } from "./contract_world.ts";
import { temporaryBulkFailure } from "./failures.ts";
import { ambiguous, refused, type Script, takes, textsOf } from "./scripted_client.ts";
import { startMode } from "./start_mode.ts";

/** The key of `k1-7` is `k1`. */
const keyOf = (event: Uint8Array) => new TextDecoder().decode(event).split("-")[0]!;

function ordered(mode: ModeConfig["mode"], order: "key" | "strict"): Subject {
  return {
    name: mode,
    start: (config, clients, deps) => startMode({ ...config, mode, order }, clients, { ...deps, keyOf }),
  };
}

/** Fails now and then, takes parts, answers sooner and later. */
function unreliable(world: () => World, seed: number): Script {
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  return {
    publish: async (batch) => {
      await world().clock.sleep(1 + random() * 20);
      const chance = random();
      if (chance < 0.15) return { remaining: batch, error: refused() };
      if (chance < 0.4) return takes(batch, Math.floor(random() * batch.ends.length), ambiguous("cut"));
      return { remaining: null };
    },
  };
}

for (const mode of ["single", "failover", "load_balance"] as const) {
  Deno.test(`order: key, ${mode}: events of one key are delivered in the order they came, whatever fails`, async () => {
    const scripts = [1, 2, 3].map((seed) => unreliable(() => world, seed * 1_234_567));
    const options = { maxRetries: -1, timeoutMs: 1_000, bulkMaxSize: 6 };
    const world: World = new World(ordered(mode, "key"), scripts, options);
    const outcomes = [];
    for (let i = 0; i < 60; i++) {
      outcomes.push(world.publish(Array.from({ length: 8 }, (_, j) => `k${(i * j) % 11}-${i * 8 + j}`)));
    }
    const all = await world.settle(Promise.all(outcomes));
    assert.ok(all.every(({ kind, acked }) => kind === "completed" && acked === 8));
    const last = new Map<string, number>();
    for (const event of world.sink.events) {
      const [key, number] = event.split("-") as [string, string];
      assert.ok(Number(number) >= (last.get(key) ?? -1), `${event} after ${last.get(key)}`);
      last.set(key, Number(number));
    }
    assert.equal(world.sink.events.length, 480);
    await world.finish();
  });
}

Deno.test("order: key: an event that waits holds up its own key only, in its batch and behind it", async () => {
  let stuck = true;
  const script = (): Script => ({
    publish: (batch) => {
      const at = textsOf(batch).findIndex((event) => event.startsWith("bad-"));
      if (at < 0 || !stuck) return { remaining: null };
      return takes(batch, at, temporaryBulkFailure("Cannot deliver some of the events"));
    },
  });
  const options = { maxRetries: -1, timeoutMs: 0, backoff: { initMs: 100, maxMs: 100 } };
  const world = new World(ordered("load_balance", "key"), [script(), script()], options);
  const first = world.publish(["good-1", "bad-2"]);
  await world.clock.advance(1);
  const second = world.publish(["good-3", "other-4"]);
  const third = world.publish(["bad-5"]);
  await world.settle(second, 900);
  assert.deepEqual(world.sink.events.toSorted(), ["good-1", "good-3", "other-4"]);
  stuck = false;
  await world.settle(Promise.all([first, third]));
  assert.deepEqual(world.sink.events.slice(3), ["bad-2", "bad-5"]);
  await world.finish();
});

Deno.test("order: key: what waits for another event is withdrawn and closed like anything else", async () => {
  const script = (): Script => ({ publish: () => new Promise(() => {}) });
  const world = new World(ordered("load_balance", "key"), [script()], { maxRetries: -1, timeoutMs: 0 });
  const first = world.publish(["k-1"]);
  const withdraw = new AbortController();
  const second = world.publish(["k-2"], { signal: withdraw.signal });
  const third = world.publish(["k-3"]);
  withdraw.abort();
  assert.equal((await world.settle(second, 1)).kind, "canceled");
  await world.settle(world.mode.close(), 100);
  assert.deepEqual([(await first).reason, (await third).reason], ["closed", "closed"]);
});

for (const mode of ["failover", "load_balance"] as const) {
  Deno.test(`order: strict, ${mode}: one batch is outstanding in total, and all are in order`, async () => {
    const scripts = [1, 2, 3].map((seed) => unreliable(() => world, seed * 7_654_321));
    const world: World = new World(ordered(mode, "strict"), scripts, {
      maxRetries: -1,
      timeoutMs: 1_000,
      bulkMaxSize: 4,
    });
    const events = names(200);
    const outcomes = [];
    for (let i = 0; i < events.length; i += 5) outcomes.push(world.publish(events.slice(i, i + 5)));
    await world.settle(Promise.all(outcomes));
    assert.deepEqual(world.sink.events, events);
    await world.finish();
  });
}

Deno.test("startMode() refuses to keep order by key without keys", () => {
  const bare: Subject = {
    name: "single",
    start: (config, clients, { clock, reporter }) =>
      startMode({ ...config, order: "key" }, clients, { clock, reporter }),
  };
  assert.throws(() => new World(bare, [{}]), TypeError);
});
