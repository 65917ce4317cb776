import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { freePort } from "../../src/testing/mod.ts";
import { assertLikeSingle, assertLocalOnly, configOf, linesOf, published, send } from "./forwarding_stage.ts";
import { limier } from "./limier.ts";

const IMPORTS = `, grpc_address: "127.0.0.1:0"`;
const forwardTo = (port: number) => `, forward_address: "127.0.0.1:${port}", forward_use_grpc: true`;

/** Overwrites what is freed (mallopt(3)), so that a read of it is seen: as a crash, or a wrong total. */
const FREED_IS_OVERWRITTEN = { MALLOC_PERTURB_: "123" };

function start(more = ""): Promise<AgentProcess> {
  return startAgentProcess({ config: configOf(more), keepsOutput: true, env: FREED_IS_OVERWRITTEN });
}

Deno.test("two local agents and a global one over gRPC publish what a single agent would, also through a chain", async () => {
  await using global = await start(IMPORTS);
  await using middle = await start(IMPORTS + forwardTo(global.port("grpc://")));
  const single = await start();
  const locals = [await start(forwardTo(global.port("grpc://"))), await start(forwardTo(middle.port("grpc://")))];
  await Promise.all([
    send(single, [...linesOf(0), ...linesOf(1)]),
    ...locals.map((local, host) => send(local, linesOf(host))),
  ]);
  const [first, second] = [await published(locals[0]!), await published(locals[1]!)];
  const all = await published(single);
  for (const agent of [global, middle]) {
    const metrics = await agent.metrics();
    assert.equal(metrics["limier_statsd_series_imported_total"], 5, "jobs, level, lat, size and users");
    assert.equal(metrics["limier_statsd_grpc_imports_total"], 1);
  }
  const between = await published(middle);
  assert.deepEqual(between, {}, "all of it is handed on");
  assert.equal((await global.metrics())["limier_statsd_series_imported_total"], 10);
  assertLikeSingle(await published(global), all, 3);

  // Local: aggregates without percentiles, and what is the host's own.
  assertLocalOnly(first, 0);
  assertLocalOnly(second, 1);
});

Deno.test("a forward over gRPC that was refused joins the next, and nothing counts twice", async () => {
  // A port that nobody listens on, until the global agent does.
  const port = freePort();
  const local = await startAgentProcess({
    config: configOf(forwardTo(port)).replace("interval: 1h", "interval: 2s"),
    keepsOutput: true,
    env: FREED_IS_OVERWRITTEN,
  });
  await send(local, ["jobs:5|c|#veneurglobalonly"]);
  await local.logged((entry) => entry.outcome === "refused");
  await using global = await start(`, grpc_address: "127.0.0.1:${port}"`);
  await send(local, ["jobs:2|c|#veneurglobalonly"]);
  await local.stop();
  assert.equal((await published(global))["jobs"], 7);
});

/** Frames of HTTP/2 (RFC 9113 §4.1): 24 bits of length, the type, the flags, 32 bits of stream. */
const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const SETTINGS = Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0);
const PING = Uint8Array.of(0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
const goaway = (code: number) => Uint8Array.of(0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, code);
/** HEADERS of a POST to `/`, END_HEADERS; no END_STREAM. */
const HEADERS = Uint8Array.of(0, 0, 3, 1, 4, 0, 0, 0, 1, 0x83, 0x86, 0x84);
const RST_STREAM = Uint8Array.of(0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8);

const ends: [what: string, frames: readonly Uint8Array[]][] = [
  ["GOAWAY", [SETTINGS, goaway(0)]],
  ["GOAWAY and more behind it", [SETTINGS, goaway(0), PING, goaway(0), PING]],
  ["GOAWAY with an error", [SETTINGS, goaway(2), PING]],
  ["GOAWAY while a call is open", [SETTINGS, HEADERS, goaway(0), RST_STREAM, PING]],
  ["GOAWAY behind a call that was reset", [SETTINGS, HEADERS, RST_STREAM, goaway(0), PING]],
  ["a second SETTINGS on a stream, which is no HTTP/2", [SETTINGS, Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 1), PING]],
  ["nothing", [SETTINGS]],
];

Deno.test("connections that end in every way leave both sides of gRPC whole", async () => {
  await using global = await start(IMPORTS);
  for (const [what, frames] of ends) {
    for (const oneByOne of [false, true]) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: global.port("grpc://") });
      const all = [PREFACE, ...frames];
      for (const bytes of oneByOne ? all : [new Uint8Array(all.flatMap((frame) => [...frame]))]) {
        await connection.write(bytes).catch(() => {}); // it may be closed already
        if (oneByOne) await new Promise((go) => setTimeout(go, 5));
      }
      if (frames.length > 1) { while (await connection.read(new Uint8Array(1024)).catch(() => null) !== null); }
      assert.equal((await global.metrics())["limier_statsd_grpc_imports_total"], 0, what);
    }
  }

  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const local = await startAgentProcess({
    config: configOf(forwardTo(listener.addr.port)).replace("interval: 1h", "interval: 1s"),
    keepsOutput: true,
    env: FREED_IS_OVERWRITTEN,
  });
  const served = (async () => {
    for (const [, frames] of ends) {
      using connection = await listener.accept();
      await connection.write(new Uint8Array([SETTINGS, ...frames.slice(1)].flatMap((frame) => [...frame])));
      if (frames.length > 1) { while (await connection.read(new Uint8Array(65_536)).catch(() => null) !== null); }
    }
  })();
  const sender = setInterval(() => void send(local, ["jobs:1|c|#veneurglobalonly"]).catch(() => {}), 200);
  await served;
  clearInterval(sender);
  assert.equal((await local.stop()).code, 0);
  assert.deepEqual(await published(global), {});
});

Deno.test("an agent takes packets and spans over gRPC from `limier emit -grpc`", async () => {
  await using agent = await start(`, grpc_listen_addresses: ["tcp://127.0.0.1:0"]`);
  const hostport = `127.0.0.1:${agent.port("grpc://")}`;
  const emit = async (...args: string[]) => {
    const { code, stderr } = await limier(["emit", "-grpc", "-hostport", hostport, ...args]);
    assert.equal(code, 0, stderr);
  };
  await emit("-name", "pages", "-count", "16777217", "-gauge", "2.5");
  await emit("-name", "spans", "-count", "3", "-ssf");
  const { code, stderr } = await limier(["emit", "-grpc", "-hostport", "127.0.0.1:1", "-name", "a", "-count", "1"]);
  assert.equal(code, 1);
  assert.match(stderr, /Cannot send to grpc:\/\/127\.0\.0\.1:1: /);

  const metrics = await agent.metrics();
  assert.equal(metrics["limier_statsd_grpc_packets_total"], 2);
  assert.equal(metrics["limier_statsd_grpc_spans_total"], 1);
  assert.equal(metrics["limier_statsd_grpc_calls_failed_total"], 0);
  const { stdout } = await agent.stop();
  const printed = stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  const totalOf = (name: string) => {
    const { value, interval = 1 } = printed.find((one) => one.name === name && one.type === "rate")!;
    return Math.round(value * interval);
  };
  assert.deepEqual([totalOf("pages"), totalOf("spans")], [16777217, 3]);
  assert.equal(printed.find(({ name, type }) => name === "pages" && type === "gauge")!.value, 2.5);
});

Deno.test("a Veneur file's gRPC settings are used", async () => {
  const veneur = (more: string) => `
interval: 10s
hostname: web1
udp_address: 127.0.0.1:0
http_address: 127.0.0.1:0
percentiles: [0.5]
metric_sinks: [{ kind: debug, name: debug }]
${more}
`;
  const from = (text: string) =>
    startAgentProcess({
      config: text,
      keepsOutput: true,
      args: (path) => ["run", "--veneur", "-f", path],
    });
  await using global = await from(veneur("grpc_address: 127.0.0.1:0"));
  const local = await from(
    veneur(`forward_address: http://127.0.0.1:${global.port("grpc://")}\nforward_use_grpc: true`),
  );
  await send(local, ["lat:12|ms", "users:a|s"]);
  assert.equal((await local.stop()).code, 0);
  assert.equal((await global.metrics())["limier_statsd_series_imported_total"], 2);
});
