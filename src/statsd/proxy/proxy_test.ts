import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import { type Clock, FakeClock, realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { startGrpcServer } from "../../grpc/mod.ts";
import { TDigest } from "../../sketch/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { decodeMetric, encodeMetric, encodeMetricList } from "../forward_proto.ts";
import { decodeImport, encodeImport, type ForwardedSeries } from "../forward_wire.ts";
import { newGrpcForwardClient } from "../grpc_forward_client.ts";
import { forwardMethods } from "../grpc_forward_service.ts";
import { readProxyConfig } from "./config.ts";
import { HashRing } from "./hash_ring.ts";
import { newProxyMetrics } from "./metrics.ts";
import { type Proxy, startProxy } from "./proxy.ts";
import { newProxyApp } from "./proxy_app.ts";
import { startProxyGrpc } from "./proxy_grpc.ts";
import { type ScriptedTarget, scriptedTarget } from "./scripted_target.ts";

const utf8 = new TextEncoder();

function counters(count: number): ForwardedSeries[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `hits${i}`,
    tags: ["env:prod"],
    isGlobal: true,
    value: { type: "counter", total: BigInt(i) },
  }));
}

/** A proxy and what it counts. */
async function setup(
  section: object,
  options: { readonly clock?: Clock; readonly targets?: boolean; readonly fetch?: typeof fetch } = {},
) {
  const reporter = recordingReporter();
  const metrics = newProxyMetrics(reporter.metrics);
  const targets = new Map<string, ScriptedTarget>();
  const newTarget = (form: string, member: string) => {
    const target = scriptedTarget();
    targets.set(`${form} ${member}`, target);
    return target;
  };
  const clock = options.clock ?? realClock;
  const proxy = await startProxy(readProxyConfig(Section.of(section)), {
    clock,
    reporter,
    metrics,
    fetch: options.fetch ?? fetch,
    env: {},
    ...options.targets === false ? {} : { newTarget },
  });
  return { proxy, reporter, metrics, targets, clock };
}

const KEY_OF = ({ name, value, tags }: ForwardedSeries) => name + value.type + tags.join(",");

Deno.test("startProxy() splits an import by the ring of its members", async () => {
  const members = ["g1:1", "g2:1", "g3:1"];
  const { proxy, metrics, targets } = await setup({ forward_addresses: members });
  const series = counters(100);
  assert.equal(proxy.import(utf8.encode(encodeImport(series)), ""), undefined);
  await proxy[Symbol.asyncDispose]();
  const ring = new HashRing(members);
  for (const member of members) {
    const { requests, isClosed } = targets.get(`http ${member}`)!;
    assert.deepEqual(requests, [series.map(KEY_OF).filter((key) => ring.ownerOf(key) === member)]);
    assert.equal(isClosed, true);
  }
  assert.deepEqual(metrics.totals(), { received: 100, delivered: 100, lost: 0 });
});

Deno.test("startProxy() keys series without the tags to ignore", async () => {
  const { proxy, targets } = await setup({
    forward_addresses: ["g1:1", "g2:1"],
    ignore_tags: [{ kind: "prefix", value: "host:" }],
  });
  const series = Array.from({ length: 50 }, (_, i): ForwardedSeries => ({
    name: "hits",
    tags: ["env:prod", `host:h${i}`],
    isGlobal: true,
    value: { type: "gauge", value: 1 },
  }));
  proxy.import(utf8.encode(encodeImport(series)), "");
  await proxy[Symbol.asyncDispose]();
  assert.deepEqual([...targets.values()].map(({ requests }) => requests.flat().length).toSorted(), [0, 50]);
});

Deno.test("startProxy() refuses an import as a whole, counts it, and goes on", async () => {
  const { proxy, reporter, metrics } = await setup({ forward_address: "g1:1" });
  const refused = proxy.import(utf8.encode("[]"), "");
  assert.deepEqual([refused?.status, refused?.cause], [400, "empty"]);
  assert.equal(proxy.import(utf8.encode('[{"name":"a","type":"set"},{"type":"set"}]'), ""), undefined);
  await proxy[Symbol.asyncDispose]();
  assert.deepEqual(metrics.totals(), { received: 1, delivered: 1, lost: 0 });
  const count = (name: string, labels: Record<string, string>) =>
    reporter.metrics.counter(name, "of a test").value(labels);
  assert.equal(count("limier_proxy_import_requests_refused_total", { protocol: "http", cause: "empty" }), 1);
  assert.equal(count("limier_proxy_series_rejected_total", { protocol: "http" }), 1);
});

Deno.test("startProxy() rejects where discovery finds nobody", async () => {
  const asked: string[] = [];
  const answer = (url: string | URL | Request) => {
    asked.push(String(url));
    return Promise.resolve(Response.json([]));
  };
  await assert.rejects(
    setup({ consul_forward_service_name: "g" }, { fetch: answer }),
    /Cannot find a destination: There are no healthy destinations/,
  );
  assert.deepEqual(asked, ["http://127.0.0.1:8500/v1/health/service/g?passing=1"]);
});

Deno.test("startProxy() follows Consul while series come", async () => {
  const clock = new FakeClock();
  let ports = [1, 2];
  const answer = () =>
    Promise.resolve(Response.json(ports.map((port) => ({ Node: { Address: "g" }, Service: { Port: port } }))));
  const { proxy, targets } = await setup({ consul_forward_service_name: "g" }, { clock, fetch: answer });
  const body = utf8.encode(encodeImport(counters(100)));
  proxy.import(body, "");
  ports = [2, 3];
  await clock.advance(30_000);
  proxy.import(body, "");
  await proxy[Symbol.asyncDispose]();
  const sent = (port: number) => targets.get(`http g:${port}`)!.requests.flat();
  assert.deepEqual([1, 2, 3].map((port) => targets.get(`http g:${port}`)!.requests.length), [1, 2, 1]);
  const [before, after] = [new HashRing(["g:1", "g:2"]), new HashRing(["g:2", "g:3"])];
  const keys = counters(100).map(KEY_OF);
  assert.deepEqual(sent(1), keys.filter((key) => before.ownerOf(key) === "g:1"));
  assert.deepEqual(sent(3), keys.filter((key) => after.ownerOf(key) === "g:3"));
});

Deno.test("a disposed proxy takes nothing new, and sends what it was given", async () => {
  const { proxy, metrics } = await setup({ forward_address: "g1:1" });
  proxy.import(utf8.encode(encodeImport(counters(10))), "");
  assert.equal(proxy.isAccepting, true);
  const disposed = proxy[Symbol.asyncDispose]();
  assert.equal(proxy.isAccepting, false);
  await Promise.all([disposed, proxy[Symbol.asyncDispose](), proxy.done]);
  assert.deepEqual(metrics.totals(), { received: 10, delivered: 10, lost: 0 });
});

Deno.test("a proxy that stops gives up at shutdown_timeout, and counts it", async () => {
  const clock = new FakeClock();
  const { proxy, metrics, targets } = await setup({ forward_address: "g1:1", shutdown_timeout: "5s" }, { clock });
  targets.get("http g1:1")!.answer = "hold";
  proxy.import(utf8.encode(encodeImport(counters(10))), "");
  const disposed = proxy[Symbol.asyncDispose]();
  await clock.advance(5_000);
  await disposed;
  assert.deepEqual(metrics.totals(), { received: 10, delivered: 0, lost: 10 });
});

Deno.test("newProxyApp() answers 503 once the proxy stops, before anything is taken", async () => {
  const { proxy, metrics } = await setup({ forward_address: "g1:1" });
  const app = newProxyApp(() => proxy);
  const post = () => app.request("/import", { method: "POST", body: encodeImport(counters(1)) });
  assert.equal((await post()).status, 202);
  assert.equal((await app.request("/import")).status, 405);
  await proxy[Symbol.asyncDispose]();
  assert.equal((await post()).status, 503);
  assert.deepEqual(metrics.totals(), { received: 1, delivered: 1, lost: 0 });
});

Deno.test("a proxy posts to members over HTTP what it was posted", async () => {
  const bodies: string[] = [];
  await using global = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    assert.equal(new URL(request.url).pathname, "/import");
    assert.equal(request.headers.get("content-encoding"), "deflate");
    bodies.push(new TextDecoder().decode(inflateSync(await request.bytes())));
    return new Response(null, { status: 202 });
  });
  // Nobody listens at the other one.
  const section = { forward_addresses: [`http://127.0.0.1:${global.addr.port}`, "127.0.0.1:1"] };
  const { proxy, metrics, reporter } = await setup(section, { targets: false });
  const series = counters(100);
  proxy.import(utf8.encode(encodeImport(series)), "");
  await proxy[Symbol.asyncDispose]();
  assert.deepEqual(metrics.totals(), { received: 100, delivered: 100, lost: 0 });
  const names = bodies.flatMap((body) => JSON.parse(body)).map(({ name }) => name);
  assert.deepEqual(names.toSorted(), series.map(({ name }) => name).toSorted());
  assert.equal(bodies.length, 2);
  assert.match(
    reporter.lines.map(({ message }) => message).join("\n"),
    /Cannot .* 127\.0\.0\.1:1: (?:it refused|no connection)/,
  );
});

/** A global instance that takes imports over gRPC and keeps them. */
async function startGrpcGlobal() {
  const taken: ForwardedSeries[] = [];
  let port = 0;
  const server = await startGrpcServer(
    forwardMethods({
      metric(bytes) {
        const series = decodeMetric(bytes.slice());
        assert.ok("value" in series);
        taken.push(series);
      },
      malformed: () => assert.fail("a list that is none"),
    }),
    { idleTimeoutMs: 60_000 },
    {
      async listen(server) {
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        port = (server.address() as { port: number }).port;
        return { release: () => {} };
      },
      clock: realClock,
      untilQuiet: () => Promise.resolve(),
      log: () => {},
    },
  );
  return { taken, port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** A proxy that listens for gRPC, and a client of it. */
async function withGrpc(proxy: Proxy, deps: Awaited<ReturnType<typeof setup>>) {
  const { metrics, reporter } = deps;
  const config = readProxyConfig(Section.of({ forward_address: "g:1", grpc_address: "127.0.0.1:0" }));
  const listener = await startProxyGrpc(config, { current: () => proxy, metrics, clock: realClock, reporter });
  const port = Number(listener.address.slice(listener.address.lastIndexOf(":") + 1));
  const send = newGrpcForwardClient({ hostname: "127.0.0.1", port }, 30_000, {
    clock: realClock,
    reporter: recordingReporter(),
  });
  return {
    send: (series: readonly ForwardedSeries[]) => send(encodeMetricList(series.map(encodeMetric)), series.length),
    stop: async () => {
      await listener[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

function timer(...values: number[]): ForwardedSeries {
  const digest = new TDigest();
  for (const value of values) digest.add(value);
  return { name: "lat", tags: ["a"], isGlobal: false, value: { type: "timer", digest } };
}

Deno.test("a proxy takes series over gRPC and gives them to members over gRPC, as they came", async () => {
  await using global = await startGrpcGlobal();
  const deps = await setup({ grpc_forward_address: `127.0.0.1:${global.port}` }, { targets: false });
  const { send, stop } = await withGrpc(deps.proxy, deps);
  const series = [...counters(50), timer(1, 2, 7, 8, 100)];
  assert.deepEqual(await send(series), { delivered: 51, ambiguous: 0 });
  await stop();
  assert.deepEqual(global.taken.map(encodeMetric), series.map(encodeMetric));
  assert.deepEqual(deps.metrics.totals(), { received: 51, delivered: 51, lost: 0 });
  const count = (name: string) => deps.reporter.metrics.counter(name, "of a test").value({ protocol: "grpc-stream" });
  assert.equal(count("limier_proxy_import_requests_total"), 1);
  assert.equal(count("limier_proxy_series_received_total"), 51);
});

Deno.test("a proxy gives what came over gRPC to members over HTTP where it knows no others", async () => {
  const deps = await setup({ forward_address: "g1:1" });
  const sent: string[] = [];
  const target = deps.targets.get("http g1:1")!;
  const { send: keep } = target;
  target.send = (series) => {
    sent.push(...series.map((one) => one.json()!));
    return keep.call(target, series);
  };
  const { send, stop } = await withGrpc(deps.proxy, deps);
  await send([timer(1, 2, 3)]);
  await stop();
  const decoded = decodeImport(`[${sent}]`);
  assert.ok(typeof decoded !== "string");
  assert.equal(encodeImport(decoded.series), encodeImport([timer(1, 2, 3)]));
});

Deno.test("a proxy with rings of both forms sends each series in the form in which it came", async () => {
  const deps = await setup({ forward_address: "g1:8127", grpc_forward_address: "g1:8128" });
  const { send, stop } = await withGrpc(deps.proxy, deps);
  await send(counters(3));
  deps.proxy.import(utf8.encode(encodeImport(counters(2))), "");
  await stop();
  assert.equal(deps.targets.get("grpc g1:8128")!.requests.flat().length, 3);
  assert.equal(deps.targets.get("http g1:8127")!.requests.flat().length, 2);
});

Deno.test("Proxy.takeMetric() gathers what comes close together, and counts what is no metric", async () => {
  const clock = new FakeClock();
  const { proxy, targets, reporter } = await setup({ grpc_forward_address: "g1:1" }, { clock });
  const bytes = counters(3).map(encodeMetric);
  for (const metric of bytes) proxy.takeMetric("grpc-stream", metric);
  proxy.takeMetric("grpc-stream", new Uint8Array([0xff]));
  const { requests } = targets.get("grpc g1:1")!;
  assert.equal(requests.length, 0);
  await clock.advance(50);
  assert.deepEqual(requests.map(({ length }) => length), [3]);
  for (let i = 0; i < 5_000; i++) proxy.takeMetric("grpc-single", bytes[0]!);
  assert.deepEqual(requests.map(({ length }) => length), [3, 5_000]);
  proxy.takeMetric("grpc-single", bytes[0]!);
  await proxy[Symbol.asyncDispose]();
  assert.deepEqual(requests.map(({ length }) => length), [3, 5_000, 1]);
  assert.equal(
    reporter.metrics.counter("limier_proxy_series_rejected_total", "of a test").value({ protocol: "grpc-stream" }),
    1,
  );
});
