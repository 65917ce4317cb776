import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import { HyperLogLog, HyperLogLogV1 } from "../sketch/mod.ts";
import { Forwarder, type ForwardOutcome, type ForwardParts } from "./forwarder.ts";
import { decodeMetricList } from "./forward_proto.ts";
import type { ForwardedSeries } from "./forward_wire.ts";

function counter(name: string, total = 1n): ForwardedSeries {
  return { name, tags: [], isGlobal: true, value: { type: "counter", total } };
}

/** Sends end one after the other as is said; the bodies are kept. */
function recording(...outcomes: (ForwardOutcome | ForwardParts)[]) {
  const bodies: Uint8Array[] = [];
  return {
    bodies,
    send: (body: Uint8Array) => {
      bodies.push(body);
      return Promise.resolve(outcomes.shift()!);
    },
  };
}

/** Names and totals in a list of metrics. */
function totals(body: Uint8Array): string[] {
  return decodeMetricList(body)!.map((one) => {
    assert.ok(!("cause" in one));
    return one.value.type === "counter" ? `${one.name} ${one.value.total}` : one.name;
  });
}

Deno.test("Forwarder writes deflated JSON, or a list of metrics", async () => {
  const json = recording("delivered"), list = recording("delivered");
  await new Forwarder(json.send).forward([counter("a")]);
  await new Forwarder(list.send, "protobuf").forward([counter("a")]);
  assert.equal(JSON.parse(inflateSync(json.bodies[0]!).toString())[0].name, "a");
  assert.deepEqual(totals(list.bodies[0]!), ["a 1"]);
});

Deno.test("Forwarder sends again what was certainly not taken, and nothing else", async () => {
  const { bodies, send } = recording({ delivered: 1, ambiguous: 1 }, "delivered");
  const forwarder = new Forwarder(send, "protobuf");
  const report = await forwarder.forward(["a", "b", "c", "d"].map((name) => counter(name)));
  assert.deepEqual(report, { series: 4, outcome: "ambiguous", lost: 1 });
  assert.deepEqual(await forwarder.forward([counter("d", 5n), counter("e")]), {
    series: 3,
    outcome: "delivered",
    lost: 0,
  });
  assert.deepEqual(totals(bodies[1]!), ["c 1", "d 6", "e 1"]);
  assert.equal(await forwarder.forward([]), undefined);
});

const whole: [outcome: ForwardOutcome | ForwardParts, reported: ForwardOutcome, lost: number, kept: number][] = [
  ["delivered", "delivered", 0, 0],
  ["refused", "refused", 0, 2],
  ["ambiguous", "ambiguous", 2, 0],
  [{ delivered: 2, ambiguous: 0 }, "delivered", 0, 0],
  [{ delivered: 1, ambiguous: 0 }, "refused", 0, 1],
  [{ delivered: 0, ambiguous: 2 }, "ambiguous", 2, 0],
];
for (const [outcome, reported, lost, kept] of whole) {
  Deno.test(`Forwarder keeps ${kept} of two after ${JSON.stringify(outcome)}`, async () => {
    const { bodies, send } = recording(outcome, "delivered");
    const forwarder = new Forwarder(send, "protobuf");
    const report = await forwarder.forward([counter("a"), counter("b")]);
    assert.deepEqual(report, { series: 2, outcome: reported, lost });
    await forwarder.forward([]);
    assert.equal(bodies.length === 1 ? 0 : totals(bodies[1]!).length, kept);
  });
}

Deno.test("Forwarder counts sets of the older generation as lost where there is no form for them", async () => {
  const old = new HyperLogLogV1(), young = new HyperLogLog();
  for (const sketch of [old, young]) sketch.insert(new TextEncoder().encode("alpha"));
  const set = (sketch: HyperLogLog | HyperLogLogV1): ForwardedSeries => ({
    name: "users",
    tags: [],
    isGlobal: false,
    value: { type: "set", sketch },
  });
  const list = recording("delivered"), json = recording("delivered");
  const report = await new Forwarder(list.send, "protobuf").forward([set(old), set(young)]);
  assert.deepEqual(report, { series: 2, outcome: "delivered", lost: 1 });
  assert.deepEqual(totals(list.bodies[0]!), ["users"]);
  assert.deepEqual(await new Forwarder(recording().send, "protobuf").forward([set(old)]), {
    series: 1,
    outcome: "delivered",
    lost: 1,
  });
  assert.equal((await new Forwarder(json.send).forward([set(old), set(young)]))!.lost, 0);
});
