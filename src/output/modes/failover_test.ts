import assert from "node:assert/strict";
import { DeliveryError } from "../contract.ts";
import { names, type Subject, World } from "./contract_world.ts";
import { startFailover } from "./failover.ts";
import { temporaryBulkFailure } from "./failures.ts";
import { testModesContract } from "./modes_contract.ts";
import { failing, refused, refusing, type Script, takes } from "./scripted_client.ts";

const subject: Subject = { name: "failover", start: startFailover };
testModesContract(subject);

/** A generator of numbers in [0, 1) that is the same each time: mulberry32. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

Deno.test("FO-1 failover: the first host is any of them, each about as often", async () => {
  const random = seeded(1);
  const first: Record<string, number> = {};
  for (let i = 0; i < 300; i++) {
    const world = new World(subject, [{}, {}, {}], { random });
    await world.settle(world.publish(names(1)));
    const { host } = world.sink.sends[0]!;
    first[host] = (first[host] ?? 0) + 1;
    await world.mode.close();
  }
  for (const host of ["a", "b", "c"]) assert.ok(first[host]! > 70, `${host}: ${first[host]}`);
});

Deno.test("FO-2 failover: of three hosts the one that failed is not next, and both others are", async () => {
  const random = seeded(2);
  const next = new Set<string>();
  for (let i = 0; i < 40; i++) {
    const world = new World(subject, [1, 2, 3].map(() => ({ publish: failing(1) })), { random });
    await world.settle(world.publish(names(1)));
    const hosts = world.sink.sends.map(({ host }) => host);
    assert.notEqual(hosts[0], hosts[1]);
    next.add(`${hosts[0]}${hosts[1]}`);
    await world.mode.close();
  }
  assert.equal(next.size, 6);
});

Deno.test("FO-3 failover: temporary bulk failures stay with their host, and move after three in a row", async () => {
  const bulk = () => temporaryBulkFailure("Cannot deliver some of the events");
  const script = () => ({ publish: failing(3, bulk) });
  const world = new World(subject, [script(), script()], { maxRetries: -1, random: () => 0 });
  await world.settle(world.publish(names(1)));
  const hosts = world.sink.sends.map(({ host }) => host).join("");
  assert.equal(hosts, "aaabbba");
  assert.equal(world.sink.mostOpen, 1);
  await world.finish();
});

Deno.test("FO-3 failover: a host that times out or answers 500 is left at once", async () => {
  const errors = [
    () => new DeliveryError("retry", "Cannot deliver: 500", { status: 500 }),
    () => new DeliveryError("ambiguous", "Cannot deliver: no answer"),
    () => new DeliveryError("configuration", "Cannot deliver: 401", { status: 401 }),
  ];
  for (const error of errors) {
    const world = new World(subject, [{ publish: failing(Infinity, error) }, {}], { random: () => 0, maxRetries: 1 });
    const outcome = await world.settle(world.publish(names(1)), 1);
    assert.equal(outcome.kind, "completed");
    assert.deepEqual(world.sink.sends.map(({ host }) => host), ["a", "b"]);
    assert.equal(world.outcomes[0]!.atMs, 0); // no wait while there is a host that was not tried
    await world.finish();
  }
});

Deno.test("FO-3 failover: 429 waits on its host", async () => {
  const throttled = () => new DeliveryError("throttle", "Cannot deliver: 429", { status: 429 });
  const world = new World(subject, [{ publish: failing(2, throttled) }, {}], { random: () => 0, maxRetries: 0 });
  await world.settle(world.publish(names(1)));
  assert.deepEqual(world.sink.sends.map(({ host }) => host), ["a", "a", "a"]);
  await world.finish();
});

Deno.test("FO-5 failover: a host counts once however many clients it has", async () => {
  const doubled: Subject = {
    name: "failover",
    start: (config, clients, deps) => startFailover(config, clients.flatMap((one) => [one, one]), deps),
  };
  const world = new World(doubled, [{ publish: failing(Infinity, refused) }, {}], { random: () => 0 });
  await world.settle(world.publish(names(1)));
  assert.deepEqual(world.sink.sends.map(({ host }) => host), ["a", "b"]);
  assert.equal(world.reporter.lines.filter(({ message }) => message.includes("failover uses one")).length, 1);
  await world.finish();
});

Deno.test("FO-7 failover: one attempt is enough to find the one host of five that is alive", async () => {
  for (const random of [0, 0.3, 0.5, 0.99]) {
    const scripts = [0, 1, 2, 3, 4].map((i) => i === 3 ? {} : { connect: refusing(Infinity) });
    const world = new World(subject, scripts, { maxRetries: 0, random: () => random });
    const outcome = await world.settle(world.publish(names(1)));
    assert.equal(outcome.kind, "completed");
    assert.equal(world.outcomes[0]!.atMs, 0);
    await world.finish();
  }
});

Deno.test("FO-8 failover: rounds over hosts that refuse grow apart", async () => {
  const scripts = [0, 1, 2].map(() => ({ connect: refusing(Infinity) }));
  const options = { maxRetries: 2, backoff: { initMs: 1_000, maxMs: 60_000 }, timeoutMs: 100_000, random: () => 0 };
  const world = new World(subject, scripts, options);
  await world.settle(world.publish(names(1)));
  const at = world.sink.connects.map(({ atMs }) => Math.round(atMs));
  assert.deepEqual(at, [0, 0, 0, 500, 500, 500, 1_500, 1_500, 1_500]);
  await world.finish();
});

Deno.test("FO-9 failover: after partial progress only the rest goes to the next host", async () => {
  const scripts: Script[] = [{ publish: (batch) => takes(batch, 4, refused()) }, {}];
  const world = new World(subject, scripts, { maxRetries: 0, random: () => 0 });
  const outcome = await world.settle(world.publish(names(10)));
  assert.equal(outcome.acked, 10);
  assert.deepEqual(world.sink.sends[1]!.events, names(10).slice(4));
  assert.equal(world.sink.mostOpen, 1);
  await world.finish();
});

Deno.test("FO-10 failover: nothing goes back to a host that failed while the other one works", async () => {
  const world = new World(subject, [{ publish: failing(1, refused) }, {}], { random: () => 0 });
  for (const name of names(5)) await world.settle(world.publish([name]));
  await world.clock.advance(600_000);
  await world.settle(world.publish(names(1, "late")));
  assert.equal(world.sink.sends.map(({ host }) => host).join(""), "abbbbbb");
  await world.finish();
});
