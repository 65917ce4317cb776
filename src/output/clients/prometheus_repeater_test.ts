import assert from "node:assert/strict";
import { realClock } from "../../clock/mod.ts";
import { ConfigError, Section } from "../../config/mod.ts";
import { BatchBuilder, type Check, type Point } from "../../metric/mod.ts";
import { batchOf, eventTexts, forever, outputConfig, testDeps } from "../testing.ts";
import { prometheusRepeater } from "./prometheus_repeater.ts";

const gauge: Point = { name: "lat.max", type: "gauge", value: 100, timestamp: 1_700_000_010, tags: [] };
const check: Check = { name: "db.up", status: 2, timestamp: 1_700_000_010, tags: [] };

const lines: [value: Partial<Point> | Partial<Check>, line: string][] = [
  [{}, "lat.max:100|g"],
  [{ tags: ["dc:eu", "bare"] }, "lat.max:100|g|#dc:eu,bare"],
  [{ type: "rate", value: 0.5, interval: 10, total: 5 }, "lat.max:5|c"],
  [{ type: "rate", value: 0.5, interval: 10 }, "lat.max:5|c"],
  [{ type: "count", value: 7 }, "lat.max:7|c"],
  [{ value: 1e21 }, "lat.max:1000000000000000000000|g"],
  [{ value: -1e-7 }, "lat.max:-0.0000001|g"],
  [{ host: "web1", device: "sda", tags: ["a:1"] }, "lat.max:100|g|#a:1,device:sda"],
  [{ name: "a:b|c\nd", tags: ["x|y,z\n"] }, "a_b_c_d:100|g|#x_y_z_"],
  [{ tags: ["veneursinkonly:prom"] }, "lat.max:100|g"],
  [{ status: 0 }, "db.up:0|g"],
  [{ status: 3, tags: ["dc:eu"] }, "db.up:3|g|#dc:eu"],
];
for (const [part, line] of lines) {
  Deno.test(`prometheus_repeater writes ${JSON.stringify(line)}`, () => {
    const encoder = prometheusRepeater.newEncoder({ networkType: "tcp" });
    const out = new BatchBuilder("points", 1);
    const written = "status" in part
      ? encoder.check!({ ...check, ...part }, out)
      : encoder.point!({ ...gauge, ...part } as Point, out);
    assert.equal(written, true);
    out.endEvent();
    assert.deepEqual(eventTexts(out.build()), [line]);
  });
}

Deno.test("prometheus_repeater has no line for what has no name or number", () => {
  const encoder = prometheusRepeater.newEncoder({ networkType: "tcp" });
  const out = new BatchBuilder("points", 1);
  assert.equal(encoder.point!({ ...gauge, name: "" }, out), false);
  assert.equal(encoder.point!({ ...gauge, value: NaN }, out), false);
  assert.equal(encoder.check!({ ...check, name: "" }, out), false);
  assert.equal(out.length, 0);
});

function clientOf(networkType: "tcp" | "udp", port: number) {
  const deps = testDeps(undefined, realClock);
  return prometheusRepeater.newClient(`127.0.0.1:${port}`, outputConfig(), { networkType }, deps);
}

function listenTcp() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return { listener, port: listener.addr.port };
}

Deno.test("prometheus_repeater connects for each publish and sends every line over TCP", async () => {
  const { listener, port } = listenTcp();
  const client = clientOf("tcp", port);
  for (const count of [1, 450]) {
    const events = Array.from({ length: count }, (_, i) => `m${i}:1|c`);
    await client.connect(0);
    await client.connect(0); // is connected already
    const [connection, result] = await Promise.all([
      listener.accept().then(async (connection) => await new Response(connection.readable).text()),
      client.publish(batchOf("points", ...events), forever),
    ]);
    assert.deepEqual(result, { remaining: null });
    assert.equal(connection, events.map((event) => `${event}\n`).join(""));
    assert.equal(client.isConnected, false);
  }
  await client.close();
  listener.close();
});

Deno.test("prometheus_repeater does not wait for a receiver that keeps its side open", async () => {
  const { listener, port } = listenTcp();
  const deps = testDeps();
  const client = prometheusRepeater.newClient(`127.0.0.1:${port}`, outputConfig(), { networkType: "tcp" }, deps);
  await client.connect(0);
  const connection = await listener.accept();
  const publish = client.publish(batchOf("points", "a:1|c"), forever);
  let ended = false;
  publish.then(() => ended = true);
  while (!ended) await deps.clock.advance(1_000);
  assert.deepEqual(await publish, { remaining: null });
  assert.equal(await new Response(connection.readable).text(), "a:1|c\n");
  await client.close();
  listener.close();
});

Deno.test("prometheus_repeater cannot say what became of lines when TCP breaks or time is over", async () => {
  const { listener, port } = listenTcp();
  const client = clientOf("tcp", port);
  await client.connect(0);
  const over = new AbortController();
  const batch = batchOf("points", ...Array.from({ length: 100_000 }, (_, i) => `m${i}:${"1".repeat(100)}|c`));
  const publish = client.publish(batch, over.signal); // more than the buffers of a receiver that does not read
  const connection = await listener.accept();
  over.abort();
  const { remaining, error } = await publish;
  assert.equal(remaining, batch);
  assert.equal(error?.failure, "ambiguous");
  assert.match(error!.message, /^Cannot deliver to 127\.0\.0\.1:\d+: /);
  assert.equal(prometheusRepeater.countsRepeats, true);
  connection.close();

  await client.connect(0);
  const second = client.publish(batch, forever);
  (await listener.accept()).close(); // unread data makes this a reset
  assert.equal((await second).error?.failure, "ambiguous");
  await client.close();
  listener.close();
});

Deno.test("prometheus_repeater says when nobody listens, and when it is closed; it opens again", async () => {
  const { listener, port } = listenTcp();
  listener.close();
  const client = clientOf("tcp", port);
  await assert.rejects(client.connect(1_000), { failure: "connection" });
  assert.equal((await client.publish(batchOf("points", "a:1|c"), forever)).error?.failure, "connection");
  await client.close();
  await client.close();
  assert.equal(client.isConnected, false);
  const udp = clientOf("udp", port);
  await udp.connect(0);
  await udp.close();
  assert.equal(udp.isConnected, false);
  assert.equal((await udp.publish(batchOf("points", "a:1|c"), forever)).error?.failure, "connection");
  await udp.connect(0);
  assert.equal(udp.isConnected, true);
  await udp.close();
});

Deno.test("prometheus_repeater keeps datagrams within 1432 bytes and lines whole", async () => {
  const receiver = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const client = clientOf("udp", (receiver.addr as Deno.NetAddr).port);
  await client.connect(0);
  const events = [
    "a".repeat(1_431), // fits alone
    "b".repeat(1_432), // never fits
    "c".repeat(715),
    "d".repeat(715), // 716 + 716 = 1432
    "e",
    "f".repeat(2_000),
    "g",
  ];
  const { remaining, rejected, error } = await client.publish(batchOf("points", ...events), forever);
  assert.deepEqual([remaining, error, rejected], [null, undefined, [{ reason: "too_large", count: 2 }]]);
  const datagrams: string[] = [];
  for (let i = 0; i < 4; i++) datagrams.push(new TextDecoder().decode((await receiver.receive())[0]));
  assert.deepEqual(datagrams, [`${events[0]}\n`, `${events[2]}\n${events[3]}\n`, "e\n", "g\n"]);
  await client.close();
  receiver.close();
});

Deno.test("prometheus_repeater keeps the datagrams that it had no time for", async () => {
  const client = clientOf("udp", 9);
  await client.connect(0);
  const batch = batchOf("points", "a:1|c", "b:1|c");
  const { remaining, error } = await client.publish(batch, AbortSignal.abort());
  assert.equal(remaining, batch);
  assert.equal(error?.failure, "connection");
  await client.close();
});

Deno.test("prometheus_repeater.readConfig() has defaults", () => {
  const hosts = ["127.0.0.1:9125", "[::1]:9125", "exporter:9125"];
  assert.deepEqual(prometheusRepeater.readConfig(Section.of({ hosts })), { networkType: "tcp" });
});

const refused: [section: object, message: RegExp][] = [
  [{ hosts: ["127.0.0.1"] }, /hosts.*host:port/],
  [{ hosts: ["http://127.0.0.1:9125"] }, /hosts/],
  [{ hosts: ["127.0.0.1:0"] }, /hosts/],
  [{ network_type: "unix" }, /network_type.*tcp or udp/],
  [{ tls: { ca_file: "x" } }, /tls/],
  [{ proxy: "http://p:1" }, /proxy/],
];
for (const [section, message] of refused) {
  Deno.test(`prometheus_repeater.readConfig() refuses ${JSON.stringify(section)}`, () => {
    assert.throws(
      () => prometheusRepeater.readConfig(Section.of(section)),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}
