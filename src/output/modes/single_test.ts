import assert from "node:assert/strict";
import { DeliveryError } from "../contract.ts";
import { names, type Subject, World } from "./contract_world.ts";
import { testModesContract } from "./modes_contract.ts";
import { refusing } from "./scripted_client.ts";
import { startSingle } from "./single.ts";

const subject: Subject = {
  name: "single",
  start: (config, clients, deps) => startSingle(config, clients[0] ?? null, deps),
};
testModesContract(subject);

Deno.test("SI-1 single: batches go one after the other, in the order of the calls", async () => {
  let under = 0;
  const world = new World(subject, [{
    publish: async (_, call) => {
      assert.equal(++under, 1);
      await Promise.resolve();
      under--;
      return call % 3 === 1 ? { remaining: null, duplicate: 1 } : { remaining: null };
    },
  }]);
  await world.settle(Promise.all(names(20).map((name) => world.publish([name]))));
  assert.deepEqual(world.sink.sends.map(({ events }) => events[0]), names(20));
  await world.finish();
});

Deno.test("SI-6 single: nothing is connected before the first batch", async () => {
  const world = new World(subject, [{}]);
  await world.clock.advance(100_000);
  assert.equal(world.sink.connects.length, 0);
  await world.finish();
});

Deno.test("AT-6 single: with the defaults, tries are at 0, 1, 3 and 7 s but for the jitter, and then it fails", async () => {
  const options = {
    maxRetries: 3,
    timeoutMs: 30_000,
    backoff: { initMs: 1_000, maxMs: 60_000 },
    random: () => 0.999_999,
  };
  const world = new World(subject, [{ connect: refusing(Infinity) }], options);
  const outcome = await world.settle(world.publish(names(1)));
  assert.equal(outcome.kind, "failed");
  assert.deepEqual(world.sink.connects.map(({ atMs }) => Math.round(atMs)), [0, 1_000, 3_000, 7_000]);
  assert.equal(Math.round(world.outcomes[0]!.atMs), 7_000);
  await world.finish();
});

Deno.test("single: several batches at once share one connect, where the client allows it", async () => {
  const wide: Subject = {
    name: "single",
    start: (config, clients, deps) => startSingle(config, clients[0]!, deps, 4),
  };
  let under = 0;
  let most = 0;
  const world = new World(wide, [{
    publish: async () => {
      most = Math.max(most, ++under);
      await Promise.resolve();
      under--;
      return { remaining: null };
    },
  }]);
  await world.settle(Promise.all(names(20).map((name) => world.publish([name]))));
  assert.equal(most, 4);
  assert.equal(world.sink.connects.length, 1);
  await world.finish();
});

Deno.test("single: a connection lost under several batches is one failure of the host, and one attempt of each", async () => {
  const wide: Subject = {
    name: "single",
    start: (config, clients, deps) => startSingle(config, clients[0]!, deps, 3),
  };
  const lost = Promise.withResolvers<void>();
  const options = { timeoutMs: 0, maxRetries: 1, backoff: { initMs: 1_000, maxMs: 60_000 }, random: () => 0 };
  const world = new World(wide, [{
    publish: (batch, call) =>
      call < 3
        ? lost.promise.then(() => ({
          remaining: batch,
          error: new DeliveryError("connection", "Cannot deliver: reset"),
        }))
        : { remaining: null },
  }], options);
  const all = Promise.all(names(3).map((name) => world.publish([name])));
  await world.clock.advance(5);
  lost.resolve();
  assert.ok((await world.settle(all)).every(({ kind }) => kind === "completed"));
  assert.deepEqual(world.sink.connects.map(({ atMs }) => Math.round(atMs)), [0, 505]);
  await world.finish();
});

Deno.test("single: of several batches at once, one that is answered 500 leaves the others and their connection alone", async () => {
  const wide: Subject = {
    name: "single",
    start: (config, clients, deps) => startSingle(config, clients[0]!, deps, 8),
  };
  const options = { timeoutMs: 0, maxRetries: 5, backoff: { initMs: 1_000, maxMs: 60_000 }, random: () => 0 };
  const error = new DeliveryError("retry", "Cannot deliver: 500", { status: 500 });
  const world: World = new World(wide, [{
    publish: async (batch, call) => {
      if (call < 8) await world.clock.sleep(call < 4 ? 10 : 100);
      return call < 4 ? { remaining: batch, error } : { remaining: null };
    },
  }], options);
  const all = await world.settle(Promise.all(names(8).map((name) => world.publish([name]))));
  assert.ok(all.every(({ kind }) => kind === "completed"));
  const again = world.sink.sends.slice(8).map(({ atMs }) => Math.round(atMs));
  assert.deepEqual(again, [510, 510, 510, 510]); // four failures at one moment are one wait
  assert.equal(world.sink.sends.length, 12);
  assert.equal(world.sink.connects.length, 1);
  await world.finish();
});
