import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { HashRing } from "../../src/statsd/mod.ts";
import { until } from "../../src/testing/mod.ts";
import { parseExposition } from "./exposition.ts";
import { limier, printedObjects, sendUdp, temporaryFolder } from "./limier.ts";
import { startRecorder } from "./recorder.ts";

const COMMON = "percentiles: [0.5], aggregates: [count], flush_on_shutdown: true";

function startGlobal(): Promise<AgentProcess> {
  const statsd = `udp_address: "127.0.0.1:0", grpc_address: "127.0.0.1:0", interval: 1h, ${COMMON}`;
  return startAgentProcess({
    config: `http: { address: "127.0.0.1:0" }\nstatsd: { ${statsd} }\n`,
    keepsOutput: true,
  });
}

function startLocal(forwardAddress: string, form: "http" | "grpc" = "http"): Promise<AgentProcess> {
  const forward = `forward_address: "${forwardAddress}", forward_use_grpc: ${form === "grpc"}`;
  const statsd = `udp_address: "127.0.0.1:0", interval: 500ms, ${forward}, ${COMMON}`;
  return startAgentProcess({ config: `http: { address: "127.0.0.1:0" }\nstatsd: { ${statsd} }\n` });
}

const HTTP = 'http: { address: "127.0.0.1:0", config: true }';

function startProxy(section: string, env: Record<string, string> = {}): Promise<AgentProcess> {
  return startAgentProcess({
    config: `${HTTP}\nproxy: { ${section} }\n`,
    args: (path) => ["proxy", "-f", path],
    env,
  });
}

/** The sum of a counter's or gauge's series that have all of these in their labels. */
async function sumOf(agent: AgentProcess, name: string, ...labels: string[]): Promise<number> {
  const metrics = Object.entries(await agent.metrics());
  return metrics.filter(([key]) => key === name || key.startsWith(`${name}{`))
    .filter(([key]) => labels.every((label) => key.includes(label)))
    .reduce((sum, [, value]) => sum + value, 0);
}

const received = (proxy: AgentProcess) => sumOf(proxy, "limier_proxy_series_received_total");
const delivered = (proxy: AgentProcess, ...labels: string[]) =>
  sumOf(proxy, "limier_proxy_series_delivered_total", ...labels);

const NAMES = 40;

/** Counters, global histograms and sets; a host's counters count 1 or 2. */
function linesOf(host: number): string[] {
  const lines: string[] = [];
  for (let i = 0; i < NAMES; i++) {
    lines.push(`jobs${i}:${host + 1}|c|#veneurglobalonly,k:${i}`, `size${i}:${i}|h|#veneurglobalonly`);
    lines.push(`users${i}:host${host}|s`);
  }
  return lines;
}

/** Series of {@link linesOf} that a global instance is given. */
const FORWARDED = 3 * NAMES;

/** What a global instance has published once it is stopped: totals of rates and values of gauges by name. */
async function published(agent: AgentProcess): Promise<Map<string, number>> {
  const { code, stdout } = await agent.stop();
  assert.equal(code, 0);
  return new Map(
    printedObjects(stdout).map(({ name, value, interval }) => [
      String(name),
      Math.round(interval === undefined ? Number(value) : Number(value) * Number(interval)),
    ]),
  );
}

/** Checks that every series is with one of the instances, and there with its whole total. */
function assertExact(globals: readonly Map<string, number>[], rounds: number): void {
  for (let i = 0; i < NAMES; i++) {
    const expected = { [`jobs${i}`]: rounds * 3, [`size${i}.count`]: rounds * 2, [`users${i}`]: 2 };
    for (const [name, total] of Object.entries(expected)) {
      assert.deepEqual(globals.filter((one) => one.has(name)).map((one) => one.get(name)), [total], name);
    }
  }
}

/** Sends a round of lines from each local instance, and waits until the proxy was given all of their series. */
async function round(locals: readonly AgentProcess[], proxy: AgentProcess): Promise<void> {
  const before = await received(proxy);
  for (const [host, local] of locals.entries()) await sendUdp(local.port("udp://"), [linesOf(host).join("\n")]);
  await until(async () => await received(proxy) >= before + locals.length * FORWARDED);
}

Deno.test("two local agents behind a proxy reach two global ones: each series one of them, always the same", async () => {
  const globals = [await startGlobal(), await startGlobal()];
  const addresses = globals.map(({ url }) => url);
  await using proxy = await startProxy(`forward_addresses: ${JSON.stringify(addresses)}`);
  const locals = await Promise.all([startLocal(proxy.url), startLocal(proxy.url)]);
  for (let i = 0; i < 2; i++) await round(locals, proxy);
  await Promise.all(locals.map((local) => local.stop()));
  await until(async () => await delivered(proxy) === await received(proxy));
  assert.equal(await received(proxy), 2 * 2 * FORWARDED);
  assert.equal(await sumOf(proxy, "limier_proxy_series_lost_total"), 0);
  assert.equal(await sumOf(proxy, "limier_proxy_destinations"), 2);
  assert.equal(await (await fetch(`${proxy.url}/healthcheck`)).text(), "ok\n");

  const points = await Promise.all(globals.map(published));
  assertExact(points, 2);
  const ring = new HashRing(addresses);
  for (let i = 0; i < NAMES; i++) {
    const owner = addresses.indexOf(ring.ownerOf(`jobs${i}counterk:${i}`)!);
    assert.ok(points[owner]!.has(`jobs${i}`), `jobs${i}`);
  }
  assert.ok(points.every(({ size }) => size > NAMES / 2), "both have a fair part");
});

for (const [out, key] of [["gRPC", "grpc_forward_addresses"], ["HTTP", "forward_addresses"]] as const) {
  Deno.test(`a local agent over gRPC and one over HTTP reach the same global ones, over ${out}`, async () => {
    const globals = [await startGlobal(), await startGlobal()];
    const addresses = globals.map((one) => out === "gRPC" ? `127.0.0.1:${one.port("grpc://")}` : one.url);
    await using proxy = await startProxy(`${key}: ${JSON.stringify(addresses)}, grpc_address: "127.0.0.1:0"`);
    const grpc = `127.0.0.1:${proxy.port("grpc://")}`;
    const locals = await Promise.all([startLocal(grpc, "grpc"), startLocal(proxy.url)]);
    for (let i = 0; i < 2; i++) await round(locals, proxy);
    await Promise.all(locals.map((local) => local.stop()));
    await until(async () => await delivered(proxy) === 2 * 2 * FORWARDED);
    assert.equal(await sumOf(proxy, "limier_proxy_series_lost_total"), 0);
    for (const protocol of ["http", "grpc-stream"]) {
      const label = `protocol="${protocol}"`;
      assert.equal(await sumOf(proxy, "limier_proxy_series_received_total", label), 2 * FORWARDED);
    }
    assertExact(await Promise.all(globals.map(published)), 2);
  });
}

Deno.test("a global agent that is gone is counted, and the next on the ring gets its series", async () => {
  const globals = [await startGlobal(), await startGlobal()];
  const [stays, goes] = globals.map(({ url }) => url) as [string, string];
  await using proxy = await startProxy(`forward_addresses: ["${stays}", "${goes}"]`);
  await globals[1]!.stop();
  const locals = await Promise.all([startLocal(proxy.url), startLocal(proxy.url)]);
  await round(locals, proxy);
  await Promise.all(locals.map((local) => local.stop()));
  await until(async () => await delivered(proxy) === 2 * FORWARDED);
  assert.equal(await delivered(proxy, `destination="${goes}"`), 0);
  const label = `destination="${goes}"`;
  assert.ok(await sumOf(proxy, "limier_proxy_forward_requests_total", label, 'outcome="refused"') >= 2);
  assert.ok(await sumOf(proxy, "limier_proxy_series_rerouted_total", label) > NAMES);
  assert.equal(await sumOf(proxy, "limier_proxy_series_lost_total"), 0);
  assertExact([await published(globals[0]!)], 1);
  const { message } = await proxy.logged({ outcome: "refused" });
  assert.match(String(message), /^Cannot .*: it refused the connection$/);
});

/** The body of an import of counters. */
function importBody(names: readonly string[]): Uint8Array<ArrayBuffer> {
  const elements = names.map((name) => ({ name, type: "counter", tagstring: "", tags: null, value: "AQAAAAAAAAA=" }));
  return new Uint8Array(deflateSync(JSON.stringify(elements)));
}

function post(url: string, names: readonly string[]): Promise<Response> {
  const headers = { "content-type": "application/json", "content-encoding": "deflate" };
  return fetch(`${url}/import`, { method: "POST", headers, body: importBody(names) });
}

const MANY = Array.from({ length: 60 }, (_, i) => `c${i}`);

Deno.test("a proxy follows Consul: the ring changes with its answer, and stays while it fails", async () => {
  await using g1 = startRecorder();
  await using g2 = startRecorder();
  const entry = ({ port }: { readonly port: number }) => ({
    Node: { Address: "127.0.0.1" },
    Service: { Port: port },
  });
  let answer: () => Response = () => Response.json([entry(g1), entry(g2)]);
  let paths: string[] = [];
  await using consul = startRecorder(({ path }) => {
    paths.push(path);
    return answer();
  });
  await using proxy = await startProxy(
    `consul_forward_service_name: veneur-global, consul_address: "${consul.url}", consul_refresh_interval: 50ms`,
  );
  assert.equal(paths[0], "/v1/health/service/veneur-global?passing=1");
  const deliver = async () => {
    const before = await delivered(proxy);
    assert.equal((await post(proxy.url, MANY)).status, 202);
    await until(async () => await delivered(proxy) === before + MANY.length);
  };
  await deliver();
  assert.deepEqual([g1.requests.length, g2.requests.length], [1, 1]);

  answer = () => Response.json([entry(g1)]);
  await until(async () => await sumOf(proxy, "limier_proxy_destinations") === 1);
  await deliver();
  assert.deepEqual([g1.requests.length, g2.requests.length], [2, 1]);

  for (const failing of [() => new Response("No cluster leader", { status: 500 }), () => Response.json([])]) {
    answer = failing;
    paths = [];
    await until(() => paths.length > 2);
    await deliver();
  }
  assert.deepEqual([g1.requests.length, g2.requests.length], [4, 1]);
  assert.ok(await sumOf(proxy, "limier_proxy_discoveries_total", 'status="error"') > 0);
  assert.ok(await sumOf(proxy, "limier_proxy_discoveries_total", 'status="empty"') > 0);
  assert.equal((await fetch(`${proxy.url}/healthcheck`)).status, 200);
  await proxy.logged({
    message: "Cannot look for destinations, the last ones stay",
    why: "There are no healthy destinations",
  });

  answer = () => Response.json([entry(g2), entry(g1)]);
  await until(async () => await sumOf(proxy, "limier_proxy_destinations") === 2);
  await deliver();
  assert.deepEqual([g1.requests.length, g2.requests.length], [5, 2]);
});

Deno.test("SIGTERM sends what was answered for, within its time, and counts nothing twice", async () => {
  const held = Promise.withResolvers<void>();
  await using global = startRecorder(async () => {
    await held.promise;
    return new Response(null, { status: 202 });
  });
  const proxy = await startProxy(`forward_address: "${global.url}", max_idle_conns_per_host: 1`);
  for (let i = 0; i < 3; i++) assert.equal((await post(proxy.url, MANY)).status, 202);
  assert.equal(await sumOf(proxy, "limier_proxy_series_pending"), 180);
  proxy.signal("SIGTERM");
  await proxy.logged({ message: "stopping" });
  held.resolve();
  assert.equal((await proxy.ended).code, 0);
  assert.equal(global.requests.length, 3);
  const { series_received, series_delivered, series_lost } = await proxy.logged({ message: "stopped" });
  assert.deepEqual([series_received, series_delivered, series_lost], [180, 180, 0]);
});

Deno.test("SIGTERM ends a proxy in time though a destination never answers", async () => {
  const never = Promise.withResolvers<Response>();
  const global = startRecorder(() => never.promise);
  const proxy = await startProxy(`forward_address: "${global.url}", shutdown_timeout: 50ms`);
  assert.equal((await post(proxy.url, MANY)).status, 202);
  await global.until((requests) => requests.length === 1);
  proxy.signal("SIGTERM");
  assert.equal((await proxy.ended).code, 0);
  const { series_received, series_delivered, series_lost } = await proxy.logged({ message: "stopped" });
  assert.deepEqual([series_received, series_delivered, series_lost], [60, 0, 60]);
  never.resolve(new Response());
  await global[Symbol.asyncDispose]();
});

Deno.test("SIGHUP gives series to the destinations of the changed file, and a bad file changes nothing", async () => {
  await using g1 = startRecorder();
  await using g2 = startRecorder();
  await using proxy = await startProxy(`forward_address: "${g1.url}"`);
  const { url } = proxy;
  await post(proxy.url, MANY);
  await g1.until((requests) => requests.length === 1);

  await Deno.writeTextFile(proxy.configPath, `${HTTP}\nproxy: { forward_adress: "${g2.url}" }\n`);
  proxy.signal("SIGHUP");
  const refused = { message: "Cannot use the changed configuration, the old one stays" };
  const { faults } = await proxy.logged(refused);
  assert.match(String(faults), /yaml:2:10: .*did you mean forward_address/);
  await post(proxy.url, MANY);
  await g1.until((requests) => requests.length === 2);

  await Deno.writeTextFile(proxy.configPath, `${HTTP}\nproxy: { forward_address: "${g2.url}" }\n`);
  proxy.signal("SIGHUP");
  await proxy.logged({ message: "configuration reloaded" });
  assert.equal(proxy.url, url, "the server is the same");
  await post(proxy.url, MANY);
  await g2.until((requests) => requests.length === 1);
  assert.equal(g1.requests.length, 2);
  assert.equal((await (await fetch(`${proxy.url}/config`)).json()).proxy.forward_addresses[0], g2.url);
});

Deno.test("SIGHUP moves listeners, and goes on as before where they can't be had", async () => {
  await using global = startRecorder();
  const configOf = (http: string, grpc: string) =>
    `http: { address: "${http}" }\nproxy: { forward_address: "${global.url}", grpc_address: "${grpc}" }\n`;
  await using proxy = await startAgentProcess({
    config: configOf("127.0.0.1:0", "127.0.0.1:0"),
    args: (path) => ["proxy", "-f", path],
  });
  const before = proxy.url;
  const reload = async (http: string, grpc: string, message: string) => {
    const from = proxy.log.length;
    await Deno.writeTextFile(proxy.configPath, configOf(http, grpc));
    proxy.signal("SIGHUP");
    await proxy.logged({ message }, from);
    await proxy.logged({ message: "configuration reloaded" }, from);
    assert.equal((await post(proxy.url, MANY)).status, 202);
  };
  await reload("localhost:0", "127.0.0.1:0", "configuration reloaded");
  assert.notEqual(proxy.url, before);
  await assert.rejects(post(before, MANY));
  const taken = "Cannot listen as the changed configuration says, going on as before";
  await reload(`127.0.0.1:${global.port}`, "127.0.0.1:0", taken);
  await reload("localhost:0", `127.0.0.1:${global.port}`, taken);
  await global.until((requests) => requests.length === 3);
});

Deno.test("a proxy takes veneur-proxy's file and variables, and sends its metrics as veneur_proxy.*", async () => {
  await using global = startRecorder();
  const stats = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  try {
    const config = `http_address: "127.0.0.1:0"
forward_address: "http://127.0.0.1:1"
stats_address: "127.0.0.1:${(stats.addr as Deno.NetAddr).port}"
trace_api_address: "http://localhost:7777"
tracing_client_capacity: 9
forward_tmeout: 3s
`;
    await using proxy = await startAgentProcess({
      config,
      args: (path) => ["proxy", "--veneur", "-f", path],
      env: { VENEUR_PROXY_FORWARDADDRESS: global.url },
    });
    await proxy.logged(({ message }) => /unknown key forward_tmeout .*forward_timeout/.test(message ?? ""));
    await proxy.logged(({ message }) => /the proxying of spans is not supported/.test(message ?? ""));
    await post(proxy.url, MANY);
    await global.until((requests) => requests.length === 1);
    let said = "";
    while (!said.includes("veneur_proxy.forward.metrics_count:60|c|#error:false,veneurlocalonly")) {
      said += new TextDecoder().decode((await stats.receive())[0]) + "\n";
    }
    assert.match(said, /^veneur_proxy\.ingest\.metrics_count:60\|c\|#error:false,protocol:http,veneurlocalonly$/m);
    assert.match(said, /^veneur_proxy\.discovery\.destinations:1\|g/m);
  } finally {
    stats.close();
  }
});

Deno.test("an import is answered as a global agent answers it", async () => {
  await using global = startRecorder();
  await using proxy = await startProxy(`forward_address: "${global.url}"`);
  const body = importBody(["a"]);
  const rows: [init: RequestInit, status: number][] = [
    [{ method: "GET" }, 405],
    [{ method: "POST", body, headers: { "content-encoding": "gzip" } }, 415],
    [{ method: "POST", body: "no zlib", headers: { "content-encoding": "deflate" } }, 400],
    [{ method: "POST", body: "{}" }, 400],
    [{ method: "POST", body: "[]" }, 400],
    [{ method: "POST", body, headers: { "content-encoding": "deflate" } }, 202],
  ];
  for (const [init, status] of rows) {
    const response = await fetch(`${proxy.url}/import`, init);
    assert.equal(response.status, status, await response.text());
  }
  await global.until((requests) => requests.length === 1);
  assert.equal(await sumOf(proxy, "limier_proxy_import_requests_refused_total"), 4);
  assert.equal((await fetch(`${proxy.url}/nothing`)).status, 404);
  const page = parseExposition(await (await fetch(`${proxy.url}/metrics`)).text());
  assert.ok(page.some(({ name }) => name === "limier_proxy_series_delivered_total"));
});

const failing: [what: string, yaml: string, says: RegExp][] = [
  ["no destination is named", "proxy: { forward_timeout: 1s }", /yaml:1:8: Cannot do without proxy\.forward_addresses/],
  ["Consul can't be asked", 'proxy: { consul_forward_service_name: g, consul_address: "127.0.0.1:1" }', /Cannot start/],
  ["a key is unknown", "prox: {}", /no such key; did you mean proxy\?/],
  ["it listens nowhere", 'http: { address: "" }\nproxy: { forward_address: "a:1" }', /http\.address = ""/],
];
for (const [what, yaml, says] of failing) {
  Deno.test(`limier proxy ends with 1 where ${what}`, async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(`${folder.path}/proxy.yaml`, `${yaml}\n`);
    const { code, stderr } = await limier(["proxy", "-f", `${folder.path}/proxy.yaml`]);
    assert.equal(code, 1);
    assert.match(stderr, says);
  });
}

Deno.test("limier proxy --validate-config shows a configuration that reads as itself, without its secrets", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/proxy.yaml`;
  const section =
    "{ consul_forward_service_name: g, consul_token: s3cret-t0ken, ignore_tags: [{ kind: prefix, value: 'h:' }] }";
  await Deno.writeTextFile(path, `proxy: ${section}\n`);
  const first = await limier(["proxy", "-validate-config", "-f", path], {
    env: { LIMIER_PROXY__FORWARD_TIMEOUT: "3s" },
  });
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^ {2}consul_token: REDACTED$/m);
  assert.match(first.stdout, /^ {2}forward_timeout: 3s$/m);
  await Deno.writeTextFile(path, first.stdout);
  const second = await limier(["proxy", "--validate-config", "-f", path]);
  assert.equal(second.stdout, first.stdout);
});
