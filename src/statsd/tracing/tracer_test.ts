import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import type { Span } from "../../metric/mod.ts";
import { FrameReader } from "../ssf_frames.ts";
import { decodeSpan } from "../ssf_wire.ts";
import { isWireError } from "../wire_error.ts";
import { startTracer, type Tracer, type TracerOptions } from "./tracer.ts";

function spanOf(payload: Uint8Array): Span {
  const decoded = decodeSpan(payload);
  assert.ok(!isWireError(decoded));
  assert.deepEqual(decoded.invalid, []);
  return decoded.span;
}

/** A tracer, and the spans that arrive over UDP. */
function rig(options: Partial<TracerOptions> = {}) {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const address = `udp://127.0.0.1:${(socket.addr as Deno.NetAddr).port}`;
  const tracer = startTracer({ address, service: "shop", ...options });
  return {
    tracer,
    receive: async (count: number) => {
      const spans: Span[] = [];
      while (spans.length < count) spans.push(spanOf((await socket.receive())[0]));
      return spans;
    },
    async [Symbol.asyncDispose]() {
      await tracer[Symbol.asyncDispose]();
      socket.close();
    },
  };
}

Deno.test("a tracer sends a span with all that was said of it", async () => {
  const clock = new FakeClock(1_700_000_000_000);
  await using agent = rig({ clock, tags: { env: "prod", team: "a" } });
  const span = agent.tracer.startSpan("checkout", {
    indicator: true,
    resource: "POST /checkout",
    tags: { team: "b", items: 3, vip: true },
  });
  span.setTag("late", "yes").count("orders", 2, { currency: "EUR" }).gauge("cart", 1.5).timing("db", 12)
    .histogram("size", 7).set("users", "ann").check("db.up", 1, "slow");
  await clock.advance(25);
  span.fail(new TypeError("no stock")).finish();
  const [sent] = await agent.receive(1);
  const { metrics, tags: { "error.stack": stack, ...tags }, ...rest } = sent!;
  assert.deepEqual(rest, {
    version: 0,
    traceId: span.traceId,
    id: span.traceId,
    parentId: 0n,
    startNs: 1_700_000_000_000_000_000n,
    endNs: 1_700_000_000_025_000_000n,
    error: true,
    service: "shop",
    name: "checkout",
    indicator: true,
    rootStartNs: 1_700_000_000_000_000_000n,
  });
  assert.ok(span.id > 0n && span.id < 2n ** 63n);
  assert.match(stack!, /^TypeError: no stock\n/);
  assert.deepEqual(tags, {
    env: "prod",
    team: "b",
    items: "3",
    vip: "true",
    late: "yes",
    resource: "POST /checkout",
    "error.msg": "no stock",
    "error.type": "TypeError",
  });
  assert.deepEqual(
    metrics.map(({ metric, name, value, message, unit, status }) => [metric, name, value || message, unit, status]),
    [
      ["counter", "orders", 2, "", 0],
      ["gauge", "cart", 1.5, "", 0],
      ["histogram", "db", 12, "ms", 0],
      ["histogram", "size", 7, "", 0],
      ["set", "users", "ann", "", 0],
      ["status", "db.up", "slow", "", 1],
    ],
  );
  assert.deepEqual(metrics[0]!.tags, { currency: "EUR" });
});

Deno.test("a child is of its parent's trace, and keeps its time whatever the system's clock does", async () => {
  const clock = new FakeClock(1_700_000_000_000);
  await using agent = rig({ clock });
  const root = agent.tracer.startSpan("root");
  await clock.advance(10);
  const child = root.startChild("child", { service: "db" });
  await clock.advance(5);
  child.finish();
  root.finish();
  const [first, second] = await agent.receive(2);
  assert.deepEqual([first!.name, first!.service, first!.parentId, first!.traceId], ["child", "db", root.id, root.id]);
  assert.equal(first!.startNs - second!.startNs, 10_000_000n);
  assert.equal(first!.endNs, second!.endNs);
  assert.equal(first!.rootStartNs, second!.startNs);
  assert.notEqual(first!.id, second!.id);
});

const parents: [what: string, headers: Record<string, string>, traceId: bigint | undefined, parentId: bigint][] = [
  ["headers with a span", { "ot-tracer-traceid": "ff", "ot-tracer-spanid": "10" }, 255n, 16n],
  ["headers without one", { "content-type": "text/plain" }, undefined, 0n],
];
for (const [what, headers, traceId, parentId] of parents) {
  Deno.test(`a span goes on from ${what}`, async () => {
    await using agent = rig();
    const span = agent.tracer.startSpan("next", { parent: new Headers(headers) });
    span.finish();
    const [sent] = await agent.receive(1);
    assert.equal(sent!.traceId, traceId ?? span.id);
    assert.equal(sent!.parentId, parentId);
    const onward = new Headers();
    span.inject(onward);
    assert.equal(onward.get("ot-tracer-spanid"), span.id.toString(16));
    span.inject(onward, "decimal");
    assert.equal(onward.get("parentid"), parentId === 0n ? null : String(parentId));
  });
}

Deno.test("Tracer.trace() finishes with its work, and fails with it", async () => {
  await using agent = rig();
  const { tracer } = agent;
  assert.equal(tracer.trace("sync", (span) => span.count("a") && 5), 5);
  assert.equal(await tracer.trace("async", async () => await Promise.resolve(6)), 6);
  assert.throws(() =>
    tracer.trace("throws", () => {
      throw new RangeError("x");
    }), RangeError);
  await assert.rejects(tracer.trace("rejects", () => Promise.reject("a text")), (error) => error === "a text");
  const spans = await agent.receive(4);
  assert.deepEqual(spans.map(({ name, error, tags }) => [name, error, tags["error.type"], tags["error.msg"]]), [
    ["sync", false, undefined, undefined],
    ["async", false, undefined, undefined],
    ["throws", true, "RangeError", "x"],
    ["rejects", true, "string", "a text"],
  ]);
});

Deno.test("a span is finished once, also by the end of its block, and nothing is said of it afterwards", async () => {
  await using agent = rig();
  {
    using span = agent.tracer.startSpan("once");
    span.finish();
    span.setTag("late", "1").count("late").fail(new Error("late"));
    span.finish();
  }
  agent.tracer.startSpan("next").finish();
  const [once, next] = await agent.receive(2);
  assert.deepEqual([once!.name, once!.tags, once!.metrics, once!.error, next!.name], ["once", {}, [], false, "next"]);
  assert.equal(agent.tracer.counts.finished, 2);
});

Deno.test("a span's counters are exact to the last whole number", async () => {
  await using agent = rig();
  agent.tracer.startSpan("s").count("big", 9_007_199_254_740_991).count("odd", 16_777_217).count("part", 0.5).finish();
  const [sent] = await agent.receive(1);
  const sums: Record<string, number> = {};
  for (const { name, value } of sent!.metrics) sums[name] = (sums[name] ?? 0) + value;
  assert.deepEqual(sums, { big: 9_007_199_254_740_991, odd: 16_777_217, part: 0.5 });
});

Deno.test("a span drops and counts samples that can't be sent", async () => {
  await using agent = rig({ maxDatagramBytes: 65_000 });
  const span = agent.tracer.startSpan("s");
  span.gauge("a", NaN).gauge("b", Infinity).gauge("c", 1e39).count("");
  for (let i = 0; i < 1_010; i++) span.count("n");
  span.finish();
  const [sent] = await agent.receive(1);
  assert.equal(sent!.metrics.length, 1_000);
  assert.equal(agent.tracer.counts.droppedSamples, 14);
});

/** What a program without types may do to a tracer. */
const abuses: [what: string, abuse: (tracer: Tracer) => void][] = [
  ["a tag without a text", (tracer) => tracer.startSpan("s", { tags: { a: Object.create(null) } }).finish()],
  [
    "a sample's tag without a text",
    (tracer) => tracer.startSpan("s").count("a", 1, { a: Symbol.iterator as never }).finish(),
  ],
  ["a name that is a symbol's", (tracer) => tracer.startSpan(Object.create(null)).finish()],
  ["a span that is too large", (tracer) => tracer.startSpan("s", { tags: { a: "x".repeat(20_000) } }).finish()],
];
for (const [what, abuse] of abuses) {
  Deno.test(`a tracer takes ${what} without a word, and counts it at most`, async () => {
    await using agent = rig();
    abuse(agent.tracer);
    agent.tracer.startSpan("next").finish();
    assert.equal(await agent.tracer.flush(), true);
    const { finished, sent, dropped } = agent.tracer.counts;
    assert.equal(finished, 2);
    assert.equal(sent + dropped.invalid + dropped.too_large, 2);
    assert.ok(sent >= 1);
  });
}

Deno.test("a tracer sends frames over a unix socket, and over a new one when the agent comes again", async () => {
  const path = `${await Deno.makeTempDir()}/ssf.sock`;
  await using tracer = startTracer({ address: `unix://${path}`, service: "shop" });
  tracer.startSpan("before there is an agent").finish();
  {
    using listener = Deno.listen({ transport: "unix", path });
    tracer.startSpan("first").finish();
    using connection = await listener.accept();
    assert.deepEqual(await readNames(connection, 2), ["before there is an agent", "first"]);
  }
  using listener = Deno.listen({ transport: "unix", path });
  let accepted = false;
  const accepting = listener.accept().finally(() => accepted = true);
  // A span may be lost to the old connection, until its end is noticed.
  while (!accepted) {
    tracer.startSpan("again").finish();
    await tracer.flush();
  }
  using connection = await accepting;
  assert.deepEqual(await readNames(connection, 1), ["again"]);
  await tracer.flush();
  const { finished, sent, dropped } = tracer.counts;
  assert.equal(sent + dropped.unreachable, finished);
});

/** The names of the next spans of a connection. */
async function readNames(connection: Deno.Conn, count: number): Promise<string[]> {
  const frames = new FrameReader();
  const names: string[] = [];
  const buffer = new Uint8Array(65_536);
  while (names.length < count) {
    const read = await connection.read(buffer);
    assert.ok(read !== null);
    frames.push(buffer.slice(0, read));
    for (let frame = frames.next(); frame !== null; frame = frames.next()) {
      assert.ok(!isWireError(frame));
      names.push(spanOf(frame).name);
    }
  }
  return names;
}

Deno.test("a tracer without an agent never throws, and gives up in time", async () => {
  const tracer = startTracer({
    address: "unix:///nowhere/at/all.sock",
    service: "shop",
    queueSize: 2,
    closeTimeoutMs: 10,
  });
  for (let i = 0; i < 5; i++) tracer.startSpan("s").finish();
  assert.equal(await tracer.flush(10), false);
  await Promise.all([tracer[Symbol.asyncDispose](), tracer[Symbol.asyncDispose]()]);
  tracer.startSpan("late").finish();
  assert.deepEqual(tracer.counts, {
    finished: 6,
    sent: 0,
    dropped: { queue_full: 3, too_large: 0, invalid: 0, unreachable: 0, closed: 3 },
    droppedSamples: 0,
  });
});

const refused: [options: Partial<TracerOptions>, message: RegExp][] = [
  [{ address: "127.0.0.1:8128" }, /Cannot trace to 127\.0\.0\.1:8128: write udp:\/\//],
  [{ address: "unixgram:///a" }, /Cannot trace to unixgram/],
  [{ queueSize: 0 }, /queueSize of 0/],
  [{ queueSize: NaN }, /queueSize of NaN/],
];
for (const [options, message] of refused) {
  Deno.test(`startTracer() refuses ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => startTracer({ address: "udp://127.0.0.1:1", service: "s", ...options }),
      (error) => error instanceof RangeError && message.test(error.message),
    );
  });
}
