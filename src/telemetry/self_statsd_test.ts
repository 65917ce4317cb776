import assert from "node:assert/strict";
import { FakeClock } from "../clock/mod.ts";
import { newSelfMetrics, type SelfMetrics, type SelfMetricsOptions } from "./self_statsd.ts";

function recorded(options: Partial<SelfMetricsOptions> = {}) {
  const clock = new FakeClock();
  const datagrams: string[] = [];
  const send = (datagram: Uint8Array) => void datagrams.push(new TextDecoder().decode(datagram));
  return { clock, datagrams, metrics: newSelfMetrics({ send, clock, ...options }) };
}

const packets: [options: Partial<SelfMetricsOptions>, put: (m: SelfMetrics) => void, packet: string][] = [
  [
    {},
    (m) => m.count("packet.error_total", 1, ["reason:no_pipe"]),
    "packet.error_total:1|c|#reason:no_pipe,veneurlocalonly",
  ],
  [{}, (m) => m.count("flush.error_total", 0), "flush.error_total:0|c|#veneurlocalonly"],
  [{}, (m) => m.gauge("mem.heap_alloc_bytes", -1.5), "mem.heap_alloc_bytes:-1.5|g|#veneurlocalonly"],
  [
    {},
    (m) => m.timing("flush.total_duration_ns", 1_234_567, ["part:post"]),
    "flush.total_duration_ns:1234567|ms|#part:post,veneurlocalonly",
  ],
  [{}, (m) => m.histogram("flush.content_length_bytes", 10), "flush.content_length_bytes:10|h|#veneurlocalonly"],
  [{}, (m) => m.set("users", "ü|x\ny"), "users:ü_x_y|s|#veneurlocalonly"],
  [{ tags: ["env:a,b", "x"] }, (m) => m.count("a", 1, ["k:v|w"]), "a:1|c|#k:v_w,env:a_b,x,veneurlocalonly"],
  [{ scopes: { counter: "global" } }, (m) => m.count("a", 1), "a:1|c|#veneurglobalonly"],
  [{ scopes: { gauge: "default" } }, (m) => m.gauge("a", 1), "a:1|g"],
  [{ scopes: { histogram: "global" } }, (m) => m.timing("a", 1), "a:1|ms|#veneurglobalonly"],
  [{ scopes: { set: "default" }, tags: ["t"] }, (m) => m.set("a", "1"), "a:1|s|#t"],
];
for (const [options, put, packet] of packets) {
  Deno.test(`newSelfMetrics() sends ${packet.replaceAll("\n", " ")}`, async () => {
    const { metrics, datagrams } = recorded(options);
    put(metrics);
    await metrics.flush();
    assert.deepEqual(datagrams, [`veneur.${packet}`]);
  });
}

Deno.test("newSelfMetrics() sends packets together, 100 ms after the first", async () => {
  const { metrics, datagrams, clock } = recorded({ namespace: "" });
  metrics.gauge("a", 1);
  await clock.advance(60);
  metrics.gauge("b", 2);
  await clock.advance(39);
  assert.deepEqual(datagrams, []);
  await clock.advance(1);
  assert.deepEqual(datagrams, ["a:1|g|#veneurlocalonly\nb:2|g|#veneurlocalonly"]);
  metrics.gauge("c", 3);
  await clock.advance(99);
  assert.equal(datagrams.length, 1);
  await clock.advance(1);
  assert.equal(datagrams[1], "c:3|g|#veneurlocalonly");
  assert.equal(clock.sleeping, 0);
});

Deno.test("newSelfMetrics() fills datagrams up to 1432 bytes and loses no packet", async () => {
  const { metrics, datagrams } = recorded();
  for (let i = 0; i < 1_000; i++) metrics.count("näme", i);
  await metrics[Symbol.asyncDispose]();
  const packets = datagrams.flatMap((datagram) => datagram.split("\n"));
  assert.deepEqual(packets, Array.from({ length: 1_000 }, (_, i) => `veneur.näme:${i}|c|#veneurlocalonly`));
  const sizes = datagrams.map((datagram) => new TextEncoder().encode(datagram).length);
  assert.ok(Math.max(...sizes) <= 1_432, `${sizes}`);
  assert.ok(Math.min(...sizes.slice(0, -1)) > 1_432 - 40, `${sizes}`);
  assert.equal(metrics.counts.datagrams, datagrams.length);
});

Deno.test("newSelfMetrics() takes a packet of exactly 1432 bytes and no longer one", async () => {
  const { metrics, datagrams } = recorded({ namespace: "", scopes: { counter: "default" } });
  metrics.count("a".repeat(1_432 - ":1|c".length), 1);
  metrics.count("a".repeat(1_433 - ":1|c".length), 1);
  await metrics.flush();
  assert.deepEqual(datagrams.map((datagram) => datagram.length), [1_432]);
  assert.equal(metrics.counts.dropped, 1);
});

Deno.test("newSelfMetrics() leaves out what is no finite number", async () => {
  const { metrics, datagrams } = recorded();
  for (const value of [NaN, Infinity, -Infinity]) metrics.gauge("a", value);
  await metrics.flush();
  assert.deepEqual(datagrams, []);
  assert.equal(metrics.counts.dropped, 3);
});

Deno.test("newSelfMetrics() counts sends that throw or reject, and goes on", async () => {
  const failures = [
    () => {
      throw new Error("refused");
    },
    () => Promise.reject(new Error("refused")),
  ];
  for (const send of failures) {
    const { metrics } = recorded({ send });
    metrics.count("a", 1);
    await metrics.flush();
    metrics.count("a", 1);
    await metrics.flush();
    assert.deepEqual(metrics.counts, { datagrams: 2, failed: 2, dropped: 0 });
  }
});
