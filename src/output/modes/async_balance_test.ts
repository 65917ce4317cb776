import assert from "node:assert/strict";
import { startAsyncBalance } from "./async_balance.ts";
import { names, type Subject, World } from "./contract_world.ts";
import { testModesContract } from "./modes_contract.ts";
import { ambiguous, refused, type Script, takes } from "./scripted_client.ts";

const subject: Subject = { name: "async_balance", start: startAsyncBalance };
testModesContract(subject);

/** As many as the window allows on one host from the start: the limit of requests begins at its connections. */
const pipelined: Subject = {
  name: "async_balance",
  start: (config, clients, deps) => startAsyncBalance({ pipelining: 3, ...config }, clients, deps),
};

Deno.test("LB-15 async_balance: a worker takes the next batch before the last one is acknowledged", async () => {
  let under = 0;
  let most = 0;
  const world: World = new World(pipelined, [{
    publish: async () => {
      most = Math.max(most, ++under);
      await world.clock.sleep(10);
      under--;
      return { remaining: null };
    },
  }], { timeoutMs: 1_000, maxRetries: -1 });
  await world.settle(Promise.all(names(40).map((name) => world.publish([name]))));
  assert.equal(most, 3);
  await world.finish();
});

Deno.test("LB-16 async_balance: what remains without an error goes again, and costs nothing", async () => {
  const world = new World(pipelined, [{ publish: (batch) => takes(batch, 1) }], { maxRetries: 0, timeoutMs: 1_000 });
  const outcome = await world.settle(world.publish(names(10)));
  assert.equal(outcome.acked, 10);
  await world.finish();
});

Deno.test("LB-17 async_balance: without a report the attempt ends with its time, and its events go again", async () => {
  const script: Script = {
    publish: (_, call) => call === 0 ? new Promise(() => {}) : { remaining: null },
    stubborn: true,
  };
  const world = new World(pipelined, [script], { timeoutMs: 100, maxRetries: 1 });
  const outcome = await world.settle(world.publish(names(3)));
  assert.equal(outcome.acked, 3);
  assert.ok(world.sink.sends[1]!.atMs >= 100);
  await world.finish();
});

Deno.test("LB-18 async_balance: a lost connection fails what is outstanding, in the order it was sent", async () => {
  // Three connections allow their host three requests, but only one of them ever comes about.
  const one: Subject = {
    name: "async_balance",
    start: (config, clients, deps) =>
      startAsyncBalance({ pipelining: 3, ...config }, clients.map(({ client }) => ({ host: "a", client })), deps),
  };
  const lost = Promise.withResolvers<void>();
  const scripts: Script[] = [
    {
      publish: (batch, call) =>
        call === 2
          ? lost.promise.then(() => ({ remaining: batch, error: refused() }))
          : call < 2
          ? new Promise(() => {})
          : { remaining: null },
      stubborn: true,
    },
    { connect: () => new Promise(() => {}) },
    { connect: () => new Promise(() => {}) },
  ];
  const world = new World(one, scripts, { timeoutMs: 0, maxRetries: 0 });
  const outcomes = ["x", "y", "z"].map((name) => world.publish([name]));
  await world.clock.advance(1);
  assert.equal(world.sink.sends.length, 3);
  lost.resolve();
  const all = await world.settle(Promise.all(outcomes));
  assert.deepEqual(all.map(({ kind, reason }) => [kind, reason]), [
    ["failed", "connection_lost"],
    ["failed", "connection_lost"],
    ["failed", "connection"],
  ]);
  assert.equal(world.sink.sends.length, 3);
  await world.finish();
});

Deno.test("LB-19, LB-20 async_balance: parts acknowledged out of order leave the batch by what they are", async () => {
  let failed = false;
  const world: World = new World(pipelined, [{
    publish: async (batch) => {
      const first = world.sink.sends.length === 1;
      await world.clock.sleep(first ? 30 : 5);
      if (batch.ends.length === 4 && !failed && world.sink.sends.length === 3) {
        failed = true;
        return { remaining: batch, error: ambiguous("cut") };
      }
      return { remaining: null };
    },
  }], { timeoutMs: 1_000, maxRetries: 5, bulkMaxSize: 4 });
  const outcome = await world.settle(world.publish(names(20)));
  assert.equal(outcome.acked, 20);
  assert.deepEqual([...new Set(world.sink.events)].toSorted(), names(20).toSorted());
  await world.finish();
});

Deno.test("WN-1 async_balance: with a slow start transactions begin with 10 events and grow", async () => {
  const world = new World(pipelined, [{}], { slowStart: true, bulkMaxSize: 2_048, timeoutMs: 1_000, pipelining: 1 });
  await world.settle(world.publish(names(2_048)));
  const sizes = world.sink.sends.map(({ events }) => events.length);
  assert.deepEqual(sizes, [10, 15, 23, 35, 53, 80, 120, 180, 270, 405, 608, 249]);
  assert.deepEqual(world.sink.events, names(2_048));
  await world.finish();
});
