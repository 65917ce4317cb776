import assert from "node:assert/strict";
import { FakeClock, realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { until } from "../../testing/mod.ts";
import { parseAddressWords } from "../address.ts";
import { newFoundRoute } from "../enrich/routing.ts";
import { startBmpServer } from "./bmp_server.ts";
import { bmpMessage, initiation, peerDown, peerUp, routeMonitoring } from "./bmp_testing.ts";
import { readRoutingSettings } from "./config.ts";

async function start(provider: object = {}, clock = realClock) {
  const reporter = recordingReporter();
  const settings = readRoutingSettings(Section.of({ provider: { listen: "127.0.0.1:0", ...provider } }))!;
  const server = await startBmpServer(settings, { clock, reporter });
  const count = (name: string, labels: object = {}) =>
    reporter.metrics.counter(`limier_outlet_routing_provider_bmp_${name}_total`, "x").value({
      exporter: "127.0.0.1",
      ...labels,
    });
  const connect = async () => {
    const connection = await Deno.connect(server.address);
    return {
      [Symbol.dispose]: () => {
        try {
          connection.close();
        } catch (error) {
          if (!(error instanceof Deno.errors.BadResource)) throw error; // closed already
        }
      },
      close: () => connection.close(),
      async send(...messages: Uint8Array[]) {
        for (const message of messages) {
          for (let at = 0; at < message.length;) at += await connection.write(message.subarray(at));
        }
      },
      /** Whether the server has closed the connection. */
      async isClosed() {
        try {
          return await connection.read(new Uint8Array(1)) === null;
        } catch (error) {
          if (error instanceof Deno.errors.ConnectionReset) return true;
          throw error;
        }
      },
    };
  };
  return { server, reporter, count, connect };
}

const PEER = { address: "192.0.2.1", asn: 64_500 };
const route = (prefix: string) =>
  routeMonitoring(PEER, { announced: [{ prefix }], nextHop: "203.0.113.1", asPath: [[2, [64_500, 64_501]]] });

Deno.test("a BMP server answers from what routers send, and keeps routes of a lost one for a while", async () => {
  const clock = new FakeClock();
  const { server, count, connect, reporter } = await start({ keep: "5m" }, clock);
  await using _ = server;
  const found = newFoundRoute();
  const find = () => server.find(parseAddressWords("198.51.100.9")!, 0, null, 0, found);
  assert.equal(find(), false);
  {
    using router = await connect();
    await router.send(initiation(), peerUp(PEER), route("198.51.100.0/24"));
    await until(find, "a route");
    assert.deepEqual([found.asn, found.netMask, server.routes, server.peers], [64_501, 24, 1, 1]);
    assert.match(reporter.metrics.text(), /bmp_routes\{exporter="127\.0\.0\.1"\} 1\n/);
  }
  await until(() => count("closed_connections") === 1, "the end of the connection");
  await clock.advance(4 * 60_000);
  assert.equal(find(), true);
  using again = await connect();
  await again.send(initiation(), route("198.51.100.0/24"));
  await until(() => server.routes === 2, "the route again");
  await clock.advance(60_000);
  await until(() => server.routes === 1, "the end of the old route");
  assert.equal(find(), true);
  await again.send(peerDown(PEER));
  await until(() => server.routes === 0, "the end of the peer");
  assert.equal(find(), false);
  assert.equal(count("opened_connections"), 2);
});

const ending: [what: string, messages: Uint8Array[], error: string][] = [
  ["no initiation", [peerUp(PEER)], "no initiation"],
  ["another version", [initiation(), new Uint8Array([2, 0, 0, 0, 9, 0])], "unsupported version"],
  ["a message of 16 MiB", [initiation(), new Uint8Array([3, 1, 0, 0, 0, 0])], "message too long"],
];
for (const [what, messages, error] of ending) {
  Deno.test(`a BMP server closes a connection with ${what}`, async () => {
    const { server, count, connect } = await start();
    await using _ = server;
    using router = await connect();
    await router.send(...messages);
    assert.equal(await router.isClosed(), true);
    await until(() => count("errors", { error }) === 1, error);
  });
}

Deno.test("a BMP server closes a connection at a termination, and holds no other up", async () => {
  const { server, connect } = await start();
  await using _ = server;
  using one = await connect();
  using two = await connect();
  await two.send(initiation());
  await one.send(initiation(), bmpMessage(5, new Uint8Array([0, 1, 0, 2, 0, 0])));
  assert.equal(await one.isClosed(), true);
  await two.send(route("198.51.100.0/24"));
  await until(() => server.routes === 1, "the other's route");
});

Deno.test("a router waits when too many messages do, and none is lost", async () => {
  const { server, count, connect } = await start({ message_buffer: 5 });
  await using _ = server;
  using router = await connect();
  await router.send(initiation());
  const routes = Array.from({ length: 20_000 }, (_, i) => route(`10.${i >> 8 & 255}.${i & 255}.0/24`));
  const stream = new Uint8Array(routes.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const message of routes) {
    stream.set(message, at);
    at += message.length;
  }
  await router.send(stream);
  await until(() => server.routes === 20_000, "all routes");
  assert.ok(count("message_queue_full") > 0);
  assert.equal(count("message_queue_notfull"), 20_001);
  assert.equal(count("received_messages", { type: "route monitoring" }), 20_000);
});

Deno.test("a BMP server sets the receive buffer of its connections and says when it gets less", async () => {
  const { server, connect, reporter } = await start({ receive_buffer: "1GiB" });
  await using _ = server;
  using router = await connect();
  await router.send(initiation());
  const gauge = reporter.metrics.gauge("limier_outlet_routing_provider_bmp_buffer_size_bytes", "x");
  await until(() => gauge.value({ exporter: "127.0.0.1" }) > 0, "the gauge");
  const size = gauge.value({ exporter: "127.0.0.1" });
  const warned = reporter.lines.some(({ message }) => message.includes("the kernel grants"));
  assert.equal(warned, size < 2 * 2 ** 30);
});

Deno.test("a BMP server that stops lets its connections go, and stops once", async () => {
  const { server, connect } = await start();
  using router = await connect();
  await router.send(initiation(), peerUp(PEER), route("198.51.100.0/24"));
  await until(() => server.routes === 1, "the route");
  await Promise.all([server[Symbol.asyncDispose](), server[Symbol.asyncDispose]()]);
  await server.done;
  assert.equal(await router.isClosed(), true);
});

const refused: [provider: object, problem: RegExp][] = [
  [{ type: "bioris" }, /bmp/],
  [{ listen: "nowhere" }, /host:port/],
  [{ keep: "10ms" }, /1s or more/],
  [{ message_buffer: 0 }, /from 1/],
  [{ rib_shards: 3 }, /power of 2/],
  [{ rds: ["x"] }, /65000:100/],
  [{ shards: 1 }, /no such key/],
];
for (const [provider, problem] of refused) {
  Deno.test(`readRoutingSettings() refuses ${JSON.stringify(provider)}`, () => {
    assert.throws(() => readRoutingSettings(Section.of({ provider })), problem);
  });
}

Deno.test("readRoutingSettings() knows that nothing is configured", () => {
  assert.equal(readRoutingSettings(Section.of({})), undefined);
  assert.equal(readRoutingSettings(Section.of({ provider: { type: "bmp" } }))!.listen, ":10179");
});
