import assert from "node:assert/strict";
import { realClock } from "../clock/mod.ts";
import { until } from "../testing/mod.ts";
import type { ListenAddress } from "./address.ts";
import { At, rejectedLines, TOO_LONG } from "./stats.ts";
import { startStreamListener } from "./stream_listener.ts";
import { at, closedByPeer, connect, leakFreeTest, newDirectory, rig, send } from "./stream_testing.ts";

const isLinux = Deno.build.os === "linux";
const byTransport: [name: string, address: () => ListenAddress][] = [
  ["tcp", () => at("tcp://127.0.0.1:0")],
  ["unix", () => at(`unix://${newDirectory()}/statsd.sock`)],
  ["unix, abstract", () => at(`unix:@limier-test-${crypto.randomUUID()}`)],
];

const conversations: [name: string, input: string, taken: string[], refused: number][] = [
  ["F03, CRLF", "a:1|c\r\nb:1|c|#t\r\n", ["a:1|c", "b:1|c|#t"], 0],
  ["F03, the last line without LF", "a:1|c\r\nb:1|c|#t\r", ["a:1|c", "b:1|c|#t"], 0],
  ["F06, a bad line in the middle", "a:1|c\nbad\nb:1|c\n", ["a:1|c"], 1],
  ["F07, a line without LF", "a:1|c", ["a:1|c"], 0],
  ["a bad line without LF", "bad", [], 1],
  ["empty lines", "\n\na:1|c\n\n\n", ["a:1|c"], 0],
  ["nothing", "", [], 0],
  ["a line as long as allowed", `${"x".repeat(60)}:1|c\nb:1|c\n`, [`${"x".repeat(60)}:1|c`, "b:1|c"], 0],
  ["a line too long", `a:1|c\n${"x".repeat(61)}:1|c\nb:1|c\n`, ["a:1|c"], 1],
  ["a line too long without end", "x".repeat(100_000), [], 1],
];

for (const [transport, address] of byTransport) {
  for (const [name, input, taken, refused] of conversations) {
    leakFreeTest(`startStreamListener() on ${transport}: ${name}`, async () => {
      const { heart, settings, deps, limit } = rig();
      await using listener = await startStreamListener(address(), settings, deps);
      const client = await connect(listener.address);
      // A listener that has closed the connection takes no more of it.
      await send(client, input).then(() => client.closeWrite()).catch(() => {});
      await closedByPeer(client);
      await until(() => heart.stats[At.tcpDisconnects] === 1, "the listener has closed too");
      assert.deepEqual(heart.lines, taken);
      assert.equal(rejectedLines(heart.stats), refused);
      assert.equal(heart.stats[TOO_LONG], name.includes("too long") ? 1 : 0);
      assert.equal(heart.stats[At.tcpConnects], 1);
      assert.equal(limit.open, 0);
    }, transport !== "tcp" && !isLinux);
  }
}

leakFreeTest("startStreamListener() takes lines cut anywhere, and each connection by itself", async () => {
  const { heart, settings, deps } = rig();
  await using listener = await startStreamListener(at("tcp://127.0.0.1:0"), settings, deps);
  const [first, second, third] = [
    await connect(listener.address),
    await connect(listener.address),
    await connect(listener.address),
  ];
  for (const [i, byte] of [..."first:1|c\n"].entries()) {
    await send(first, byte);
    await send(second, "second:2|g\n"[i]!);
    await until(() => heart.stats[At.bytes] === 2 * (i + 1), "both bytes are there");
  }
  await send(third, "bad\n");
  await closedByPeer(third);
  await send(second, "\nthird:3|ms\n");
  await until(() => heart.lines.length === 3, "all lines are there");
  assert.deepEqual(heart.lines, ["first:1|c", "second:2|g", "third:3|ms"]);
  first.close();
  second.close();
});

leakFreeTest(
  "startStreamListener() closes a connection on which no line was completed within the timeout",
  async () => {
    const { heart, clock, settings, deps, log } = rig();
    await using listener = await startStreamListener(
      at("tcp://127.0.0.1:0"),
      { ...settings, idleTimeoutMs: 1_000 },
      deps,
    );
    const [silent, dripping, busy] = [
      await connect(listener.address),
      await connect(listener.address),
      await connect(listener.address),
    ];
    await until(() => heart.stats[At.tcpConnects] === 3, "all are accepted");
    let sent = 0;
    for (let step = 0; step < 3; step++) {
      await clock.advance(300);
      await send(dripping, "x");
      await send(busy, "a:1|c\n");
      sent += 7;
      await until(() => heart.stats[At.bytes] === sent, "the bytes are there");
    }
    assert.equal(heart.stats[At.tcpDisconnects], 0);
    await clock.advance(99);
    assert.equal(heart.stats[At.tcpDisconnects], 0);
    await clock.advance(1);
    await closedByPeer(silent);
    await closedByPeer(dripping);
    await until(() => heart.stats[At.tcpDisconnects] === 2, "two are closed");
    await send(busy, "b:1|c\n");
    await until(() => heart.lines.at(-1) === "b:1|c", "the third goes on");
    await clock.advance(1_000);
    await closedByPeer(busy);
    assert.equal(rejectedLines(heart.stats), 0);
    assert.match(log[0]!, /^debug: tcp:\/\/127\.0\.0\.1:\d+: Closed a connection: nothing was completed$/);
  },
);

leakFreeTest("startStreamListener() closes an idle connection by the real clock too", async () => {
  const { heart, settings, deps } = rig();
  const short = { ...settings, idleTimeoutMs: 20 };
  await using listener = await startStreamListener(at("tcp://127.0.0.1:0"), short, { ...deps, clock: realClock });
  const client = await connect(listener.address);
  await send(client, "never:1|c");
  await closedByPeer(client);
  assert.deepEqual(heart.lines, []);
});

leakFreeTest("startStreamListener() closes at once what exceeds the limit, and counts it", async () => {
  const { heart, settings, deps, limit, log } = rig(2);
  await using listener = await startStreamListener(at("tcp://127.0.0.1:0"), settings, deps);
  const [first, second] = [await connect(listener.address), await connect(listener.address)];
  await until(() => limit.open === 2, "two are open");
  for (let i = 0; i < 3; i++) await closedByPeer(await connect(listener.address));
  assert.deepEqual([limit.open, limit.refused], [2, 3]);
  await until(() => heart.stats[At.tcpDisconnects] === 3, "their closing is counted");
  assert.equal(heart.stats[At.tcpConnects], 5);
  assert.deepEqual(log, ["warn: Cannot take another connection: 2 are open; raise max_connections and ulimit -n"]);
  first.close();
  await until(() => limit.open === 1, "there is room");
  const fourth = await connect(listener.address);
  await send(fourth, "d:1|c\n");
  await until(() => heart.lines.length === 1, "the fourth is served");
  second.close();
  fourth.close();
});

leakFreeTest("startStreamListener() serves a client beside 1,000 idle ones", async () => {
  const { heart, settings, deps, limit } = rig();
  await using listener = await startStreamListener(at("tcp://127.0.0.1:0"), settings, deps);
  const idle: Deno.Conn[] = [];
  for (let i = 0; i < 1_000; i++) idle.push(await connect(listener.address));
  await until(() => limit.open === 1_000, "all are accepted");
  const client = await connect(listener.address);
  await send(client, "late:1|c\n");
  await until(() => heart.lines.length === 1, "its line is there");
  client.close();
  for (const other of idle) other.close();
});

for (const [transport, address] of byTransport) {
  leakFreeTest(`startStreamListener() on ${transport}: disposing reads what has arrived, then closes`, async () => {
    const { heart, settings, deps, limit } = rig();
    const listener = await startStreamListener(address(), settings, deps);
    const text = Array.from({ length: 20 }, (_, i) => `${"m".repeat(40)}${i}:1|c\n`).join("");
    const clients: Deno.Conn[] = [];
    for (let i = 0; i < 50; i++) clients.push(await connect(listener.address));
    for (const client of clients) await send(client, text);
    await Promise.all([listener[Symbol.asyncDispose](), listener[Symbol.asyncDispose]()]);
    assert.equal(heart.lines.length, 50 * 20);
    for (const client of clients) await closedByPeer(client);
    assert.equal(limit.open, 0);
    assert.equal(heart.stats[At.tcpDisconnects], 50);
    await listener.done;
    await assert.rejects(connect(listener.address));
    if (transport === "tcp" && isLinux) assert.deepEqual(openSockets(listener.address.port), []);
  }, transport !== "tcp" && !isLinux);
}

leakFreeTest("startStreamListener() is not kept from stopping by a client that never pauses", async () => {
  const { heart, settings, deps } = rig();
  const listener = await startStreamListener(at("tcp://127.0.0.1:0"), settings, deps);
  const client = await connect(listener.address);
  const flood = (async () => {
    for (;;) await send(client, "a:1|c\n".repeat(10));
  })();
  await until(() => heart.lines.length > 0, "lines arrive");
  const [{ status }] = await Promise.all([
    flood.then(() => ({ status: "fulfilled" }), () => ({ status: "rejected" })),
    listener[Symbol.asyncDispose](),
  ]);
  assert.equal(status, "rejected");
  client.close();
});

for (const [name, host, to] of [["a name", "localhost", "localhost"], ["every interface", "", "127.0.0.1"]] as const) {
  leakFreeTest(`startStreamListener() listens on ${name}`, async () => {
    const { heart, settings, deps } = rig();
    await using listener = await startStreamListener(at(`tcp://${host}:0`), settings, deps);
    assert.notEqual(listener.address.port, 0);
    const client = await connect({ ...listener.address, hostname: to });
    await send(client, "a:1|c\n");
    await until(() => heart.lines.length === 1, "the line is there");
    client.close();
  });
}

leakFreeTest("startStreamListener() refuses a port that is taken", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { settings, deps } = rig();
  const address = at(`tcp://127.0.0.1:${(taken.addr as Deno.NetAddr).port}`);
  await assert.rejects(startStreamListener(address, settings, deps), /EADDRINUSE|in use/);
});

/** TCP sockets at a port of this host that are neither closed nor closing. */
function openSockets(port: number): string[] {
  const states = new Map([["01", "established"], ["08", "close-wait"], ["0A", "listening"]]);
  return Deno.readTextFileSync("/proc/net/tcp").split("\n").flatMap((row) => {
    const [, local = "", , state = ""] = row.trim().split(/\s+/);
    return parseInt(local.split(":")[1] ?? "", 16) === port && states.has(state) ? [states.get(state)!] : [];
  });
}
