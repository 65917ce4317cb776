import assert from "node:assert/strict";
import { names, type Subject, World } from "./contract_world.ts";
import { temporaryBulkFailure } from "./failures.ts";
import { startLoadBalance } from "./load_balance.ts";
import { testModesContract } from "./modes_contract.ts";
import { failing, refused, refusing, type Script } from "./scripted_client.ts";

const subject: Subject = { name: "load_balance", start: startLoadBalance };
testModesContract(subject);

Deno.test("LB-1 load_balance: a fast host gets more than a slow one, and all arrives", async () => {
  const world: World = new World(subject, [
    { publish: async () => (await world.clock.sleep(90), { remaining: null }) },
    { publish: async () => (await world.clock.sleep(10), { remaining: null }) },
  ], { timeoutMs: 1_000, maxRetries: -1 });
  const all = Promise.all(names(100).map((name) => world.publish([name])));
  await world.settle(all);
  const slow = world.sink.sends.filter(({ host }) => host === "a").length;
  assert.ok(slow >= 8 && slow <= 12, `${slow}`);
  await world.finish();
});

Deno.test("LB-3 load_balance: what is tried again goes before what is new", async () => {
  const script: Script = { publish: failing(1, refused) };
  const world = new World(subject, [script], { maxRetries: -1, timeoutMs: 0 });
  const outcomes = names(6).map((name) => world.publish([name]));
  await world.settle(Promise.all(outcomes));
  const order = world.sink.sends.map(({ events }) => events[0]);
  assert.deepEqual(order, names(6).flatMap((name) => [name, name]));
  await world.finish();
});

Deno.test("LB-4 load_balance: it is told when a worker takes a batch, and not before", async () => {
  const answer = Promise.withResolvers<void>();
  const script: Script = { publish: () => answer.promise.then(() => ({ remaining: null })) };
  const world = new World(subject, [script], { timeoutMs: 0 });
  const taken: string[] = [];
  const all = ["x", "y"].map((name) => world.publish([name], { taken: () => taken.push(name) }));
  await world.clock.advance(10);
  assert.deepEqual(taken, ["x"]);
  answer.resolve();
  await world.settle(Promise.all(all));
  assert.deepEqual(taken, ["x", "y"]);
  await world.finish();
});

Deno.test("LB-5 load_balance: each timeout without a worker costs an attempt, and a guaranteed batch waits on", async () => {
  const script: Script = { connect: refusing(Infinity) };
  const world = new World(subject, [script, script], {
    maxRetries: 3,
    timeoutMs: 30_000,
    backoff: { initMs: 1_000, maxMs: 60_000 },
  });
  const guaranteed = world.publish(names(2, "g"), { guaranteed: true });
  await world.settle(world.publish(names(2)), 200_000);
  assert.equal(world.outcomes[0]!.atMs, 120_000);
  assert.equal(world.count("handoff_timeouts_total") >= 8, true);
  await world.clock.advance(1_000_000);
  assert.equal(world.outcomes.length, 1);
  await world.settle(world.mode.close());
  assert.equal((await guaranteed).reason, "closed");
  await world.finish();
});

Deno.test("LB-7 load_balance: waits for a worker and sends draw on one budget", async () => {
  let open = false;
  const script: Script = { connect: () => open ? undefined : refused(), publish: failing(Infinity, refused) };
  const world = new World(subject, [script], { maxRetries: 2, timeoutMs: 100, backoff: { initMs: 1, maxMs: 10 } });
  const outcome = world.publish(names(1));
  await world.clock.advance(210);
  open = true;
  assert.equal((await world.settle(outcome)).kind, "failed");
  assert.equal(world.sink.sends.length, 1);
  await world.finish();
});

Deno.test("LB-8 load_balance: a batch that is held moves to an idle worker after the first step", async () => {
  const bulk = () => temporaryBulkFailure("Cannot deliver some of the events");
  const scripts: Script[] = [{ publish: failing(Infinity, bulk) }, {}];
  const world = new World(subject, scripts, { maxRetries: -1, timeoutMs: 0, backoff: { initMs: 100, maxMs: 1_000 } });
  await world.settle(Promise.all(names(8).map((name) => world.publish([name])))); // both are connected now
  assert.equal(world.sink.taken.filter(({ host }) => host === "b").length, 8);
  await world.finish();
});

Deno.test("LB-9 load_balance: a host that accepts and then closes is not tried in a loop", async () => {
  const options = { maxRetries: -1, timeoutMs: 0, backoff: { initMs: 1_000, maxMs: 60_000 } };
  const world = new World(subject, [{ publish: failing(Infinity, refused) }], options);
  void world.publish(names(1));
  await world.clock.advance(60_000);
  assert.ok(world.sink.connects.length <= 7, `${world.sink.connects.length}`);
  await world.finish();
});

Deno.test("LB-11, BX-26 load_balance: one stalled host of four leaves 70 % of the others' throughput, and its batch arrives", async () => {
  const count = async (stalled: boolean) => {
    const scripts = [0, 1, 2, 3].map((i): Script => ({
      publish: async () => {
        if (i === 0 && stalled) return await new Promise(() => {});
        await world.clock.sleep(10);
        return { remaining: null };
      },
    }));
    const used = stalled ? scripts : scripts.slice(1);
    const world: World = new World(subject, used, {
      maxRetries: -1,
      timeoutMs: 150,
      backoff: { initMs: 100, maxMs: 1_000 },
    });
    const all = Promise.all(names(240).map((name) => world.publish([name])));
    await world.settle(all);
    const endMs = Math.max(...world.outcomes.map(({ atMs }) => atMs));
    assert.equal(new Set(world.sink.events).size, 240);
    await world.finish();
    return 240 / endMs;
  };
  const [stalled, healthy] = [await count(true), await count(false)];
  assert.ok(stalled >= 0.7 * healthy, `${stalled} against ${healthy}`);
});

Deno.test("BX-23 load_balance: while all hosts keep requests away, waiting for one costs no attempt", async () => {
  let up = false;
  const script = (): Script => ({ connect: () => up ? undefined : refused() });
  const options = { maxRetries: 3, timeoutMs: 10_000, breaker: {}, backoff: { initMs: 10, maxMs: 1_000 } };
  const world = new World(subject, [script(), script()], options);
  const outcome = world.publish(names(3));
  await world.clock.advance(1_000_000);
  assert.equal(world.outcomes.length, 0);
  up = true;
  assert.equal((await world.settle(outcome)).kind, "completed");
  await world.finish();
});

Deno.test("BX-24 load_balance: connections to one host share its limit of requests", async () => {
  const oneHost: Subject = {
    name: "load_balance",
    start: (config, clients, deps) => startLoadBalance(config, clients.map((one) => ({ ...one, host: "a" })), deps),
  };
  let under = 0;
  let most = 0;
  const script = (): Script => ({
    publish: async () => {
      most = Math.max(most, ++under);
      await world.clock.sleep(5);
      under--;
      return { remaining: null };
    },
  });
  const world: World = new World(oneHost, [script(), script(), script()], { timeoutMs: 0, maxRetries: -1 });
  await world.settle(Promise.all(names(60).map((name) => world.publish([name]))));
  assert.equal(most, 3);
  await world.finish();
});
