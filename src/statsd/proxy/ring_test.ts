import assert from "node:assert/strict";
import { Registry } from "../../telemetry/mod.ts";
import type { CarriedSeries } from "./carried.ts";
import { HashRing } from "./hash_ring.ts";
import { newProxyMetrics } from "./metrics.ts";
import { DestinationRing } from "./ring.ts";
import { type ScriptedTarget, scriptedTarget } from "./scripted_target.ts";

const MEMBERS = ["g1:1", "g2:1", "g3:1"];

function seriesOf(...keys: string[]): CarriedSeries[] {
  return keys.map((key) => ({ key, json: () => "{}", metric: () => undefined }));
}

function manyKeys(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `series${i}counter`);
}

function setup(members = MEMBERS, limits = { maxSeries: 1000, maxRequests: 100 }) {
  const registry = new Registry();
  const targets = new Map<string, ScriptedTarget>();
  const ring = new DestinationRing(limits, {
    metrics: newProxyMetrics(registry),
    newTarget(member) {
      const target = scriptedTarget();
      targets.set(member, target);
      return target;
    },
  });
  ring.setMembers(members);
  return {
    ring,
    target: (member: string) => targets.get(member)!,
    /** Keys that a member was sent, sorted. */
    sent: (member: string) => targets.get(member)!.requests.flat().toSorted(),
    count: (name: string, labels?: Record<string, string>) =>
      registry.counter(`limier_proxy_${name}`, "of the test").value(labels),
    pending: () => [...ring.pending()].reduce((sum, [, series]) => sum + series, 0),
    drained: () => ring.drain(AbortSignal.timeout(60_000)),
  };
}

Deno.test("DestinationRing.send() gives each series to its owner, one batch each", async () => {
  const { ring, target, sent, count, drained } = setup();
  const keys = manyKeys(300);
  ring.send(seriesOf(...keys));
  await drained();
  const hashes = new HashRing(MEMBERS);
  for (const member of MEMBERS) {
    assert.equal(target(member).requests.length, 1);
    assert.deepEqual(sent(member), keys.filter((key) => hashes.ownerOf(key) === member).toSorted());
    assert.equal(count("series_delivered_total", { destination: member }), sent(member).length);
    assert.equal(target(member).isClosed, true);
  }
});

Deno.test("DestinationRing gives what a member refused to the next one, once", async () => {
  const { ring, target, sent, count, drained } = setup();
  const keys = manyKeys(300);
  target("g1:1").answer = "refused";
  ring.send(seriesOf(...keys));
  await drained();
  const without = new HashRing(["g2:1", "g3:1"]);
  for (const member of ["g2:1", "g3:1"]) {
    assert.deepEqual(sent(member), keys.filter((key) => without.ownerOf(key) === member).toSorted());
  }
  const refused = target("g1:1").requests.flat().length;
  assert.equal(count("series_rerouted_total", { destination: "g1:1" }), refused);
  assert.equal(count("forward_requests_total", { destination: "g1:1", outcome: "refused" }), 1);
  assert.equal(count("series_lost_total", { destination: "g1:1", reason: "refused" }), 0);
});

Deno.test("DestinationRing counts what two members refused as lost, and asks no third", async () => {
  const { ring, target, count, drained } = setup();
  for (const member of MEMBERS) target(member).answer = "refused";
  ring.send(seriesOf(...manyKeys(300)));
  await drained();
  const lost = MEMBERS.map((destination) => count("series_lost_total", { destination, reason: "refused" }));
  assert.equal(lost.reduce((a, b) => a + b), 300);
  assert.equal(MEMBERS.map((member) => target(member).requests.flat().length).reduce((a, b) => a + b), 600);
});

Deno.test("DestinationRing counts what its only member refused as lost", async () => {
  const { ring, target, count, drained } = setup(["g1:1"]);
  target("g1:1").answer = "refused";
  ring.send(seriesOf("a", "b"));
  await drained();
  assert.equal(count("series_lost_total", { destination: "g1:1", reason: "refused" }), 2);
  assert.equal(count("series_rerouted_total", { destination: "g1:1" }), 0);
});

Deno.test("DestinationRing never sends again what may have been taken", async () => {
  const { ring, target, count, drained } = setup(["g1:1", "g2:1"]);
  target("g1:1").answer = target("g2:1").answer = "ambiguous";
  ring.send(seriesOf(...manyKeys(100)));
  await drained();
  const sent = ["g1:1", "g2:1"].map((member) => target(member).requests);
  assert.deepEqual(sent.map((requests) => requests.length), [1, 1]);
  for (const [i, destination] of ["g1:1", "g2:1"].entries()) {
    assert.equal(count("series_lost_total", { destination, reason: "ambiguous" }), sent[i]!.flat().length);
  }
});

Deno.test("DestinationRing gives the next one only the part of a request that was refused", async () => {
  const { ring, target, sent, count, drained } = setup(["g1:1", "g2:1"]);
  const keys = manyKeys(200);
  const mine = keys.filter((key) => new HashRing(["g1:1", "g2:1"]).ownerOf(key) === "g1:1");
  target("g1:1").answer = { delivered: 5, ambiguous: 3 };
  ring.send(seriesOf(...keys));
  await drained();
  assert.equal(count("series_delivered_total", { destination: "g1:1" }), 5);
  assert.equal(count("series_lost_total", { destination: "g1:1", reason: "ambiguous" }), 3);
  assert.equal(count("series_rerouted_total", { destination: "g1:1" }), mine.length - 8);
  assert.deepEqual(sent("g2:1"), keys.filter((key) => !mine.slice(0, 8).includes(key)).toSorted());
  assert.equal(count("forward_requests_total", { destination: "g1:1", outcome: "ambiguous" }), 1);
});

Deno.test("DestinationRing counts what has no form for its member, and sends the rest, also as a retry", async () => {
  const { ring, target, sent, count, drained } = setup(["g1:1", "g2:1"]);
  const keys = manyKeys(100);
  const [unfit] = keys.filter((key) => new HashRing(["g1:1", "g2:1"]).ownerOf(key) === "g1:1");
  target("g1:1").answer = "refused";
  target("g1:1").unfit = ({ key }) => key === unfit;
  ring.send(seriesOf(...keys));
  await drained();
  assert.equal(count("series_lost_total", { destination: "g1:1", reason: "unfit" }), 1);
  assert.deepEqual(sent("g2:1"), keys.filter((key) => key !== unfit).toSorted());
  assert.equal(count("series_delivered_total", { destination: "g2:1" }), 99);
});

Deno.test("DestinationRing bounds what waits for a member, what is under way included", async () => {
  const { ring, target, sent, count, pending, drained } = setup(["g1:1"], { maxSeries: 10, maxRequests: 1 });
  target("g1:1").answer = "hold";
  ring.send(seriesOf(...manyKeys(6)));
  ring.send(seriesOf(...manyKeys(6)));
  ring.send(seriesOf(...manyKeys(6)));
  assert.equal(pending(), 10);
  assert.equal(count("series_lost_total", { destination: "g1:1", reason: "queue_full" }), 8);
  assert.equal(target("g1:1").requests.length, 1);
  target("g1:1").answer = "delivered";
  target("g1:1").release("delivered");
  await drained();
  assert.deepEqual(target("g1:1").requests.map(({ length }) => length), [6, 4]);
  assert.equal(sent("g1:1").length, 10);
  assert.equal(count("series_delivered_total", { destination: "g1:1" }), 10);
});

Deno.test("DestinationRing sends to a member with as many requests at once as are allowed", async () => {
  const { ring, target, drained } = setup(["g1:1"], { maxSeries: 100, maxRequests: 3 });
  target("g1:1").answer = "hold";
  for (let i = 0; i < 5; i++) ring.send(seriesOf(`k${i}`));
  assert.equal(target("g1:1").requests.length, 3);
  target("g1:1").release("delivered", 1);
  while (target("g1:1").requests.length < 4) await Promise.resolve();
  target("g1:1").answer = "delivered";
  target("g1:1").release("delivered");
  await drained();
  assert.deepEqual(target("g1:1").requests, [["k0"], ["k1"], ["k2"], ["k3"], ["k4"]]);
});

Deno.test("DestinationRing.setMembers() gives what waits for a member that goes to those that have its keys now", async () => {
  const { ring, target, sent, count, pending, drained } = setup(MEMBERS, { maxSeries: 1000, maxRequests: 1 });
  const keys = manyKeys(300);
  const gone = target("g1:1");
  gone.answer = "hold";
  ring.send(seriesOf(...keys));
  ring.send(seriesOf(...keys));
  ring.setMembers(["g2:1", "g3:1"]);
  assert.equal(ring.size, 2);
  assert.equal(gone.requests.length, 1);
  assert.equal(gone.isClosed, false, "a request is under way");
  gone.release("delivered");
  await drained();
  assert.equal(gone.isClosed, true);
  assert.equal(sent("g2:1").length + sent("g3:1").length + gone.requests.flat().length, 600);
  assert.equal(count("series_delivered_total", { destination: "g1:1" }), gone.requests.flat().length);
  assert.equal(pending(), 0);
});

Deno.test("DestinationRing.setMembers() keeps the destinations of members that stay", async () => {
  const { ring, target, drained } = setup();
  const before = target("g2:1");
  ring.setMembers(["g2:1", "g4:1"]);
  assert.equal(target("g2:1"), before);
  assert.equal(target("g1:1").isClosed, true);
  while ([...ring.pending()].length > 2) await Promise.resolve();
  assert.deepEqual([...ring.pending()].map(([member]) => member), ["g2:1", "g4:1"]);
  await drained();
});

Deno.test("DestinationRing gives what a member that is gone refused to its keys' owner", async () => {
  const { ring, target, sent, drained } = setup(["g1:1", "g2:1"]);
  const keys = manyKeys(50);
  const gone = target("g1:1");
  gone.answer = "hold";
  ring.send(seriesOf(...keys));
  ring.setMembers(["g2:1"]);
  gone.release("refused");
  await drained();
  assert.deepEqual(sent("g2:1"), keys.toSorted());
});

Deno.test("DestinationRing.drain() gives up at its signal: what waits for certain, what is under way maybe", async () => {
  const { ring, target, count, pending } = setup(["g1:1"], { maxSeries: 100, maxRequests: 1 });
  target("g1:1").answer = "hold";
  ring.send(seriesOf("a", "b", "c"));
  ring.send(seriesOf("d", "e"));
  const late = new AbortController();
  const drained = ring.drain(late.signal);
  late.abort();
  await drained;
  assert.equal(count("series_lost_total", { destination: "g1:1", reason: "ambiguous" }), 3);
  assert.equal(count("series_lost_total", { destination: "g1:1", reason: "stopping" }), 2);
  assert.equal(pending(), 0);
  target("g1:1").release("delivered");
  await Promise.resolve();
  assert.equal(count("series_delivered_total", { destination: "g1:1" }), 0);
});

Deno.test("DestinationRing without members loses what it is given", () => {
  const { ring, count } = setup([]);
  ring.send(seriesOf("a", "b"));
  assert.equal(count("series_lost_total", { destination: "none", reason: "no_destination" }), 2);
});
