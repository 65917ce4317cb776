import assert from "node:assert/strict";
import { Hono } from "@hono/hono";
import { FakeClock } from "../clock/mod.ts";
import { CpuProfileUnavailable, recordingReporter } from "../telemetry/mod.ts";
import { type AppOptions, newApp, PROMETHEUS_TEXT } from "./app.ts";
import { BodyTooLarge } from "./bridge.ts";

function optionsWith(options: Partial<AppOptions>): AppOptions {
  return {
    version: "1.2.3",
    buildDate: "2026-01-02",
    args: ["limier", "run"],
    config: () => ({ http: { token: "REDACTED", none: undefined }, tags: ["a:b", "no"] }),
    configEnabled: true,
    quit: () => {},
    quitEnabled: true,
    metricsPages: { statsd: () => "requests 1\n", burrow: () => Promise.resolve("burrow 2\n") },
    healthy: () => true,
    tracing: () => true,
    reporter: recordingReporter(),
    clock: new FakeClock(),
    ...options,
  };
}

const JSON_CONFIG = `${JSON.stringify({ http: { token: "REDACTED" }, tags: ["a:b", "no"] }, null, 2)}\n`;

interface Row {
  request: string;
  status: number;
  body?: string;
  type?: string;
  options?: Partial<AppOptions>;
}

const rows: Row[] = [
  { request: "GET /healthcheck", status: 200, body: "ok\n" },
  { request: "GET /healthcheck", status: 503, body: "nok\n", options: { healthy: () => false } },
  { request: "HEAD /healthcheck", status: 200, body: "" },
  { request: "POST /healthcheck", status: 404 },
  { request: "GET /healthcheck/tracing", status: 200, body: "ok\n" },
  { request: "GET /healthcheck/tracing", status: 403, body: "nok\n", options: { tracing: () => false } },
  { request: "GET /version", status: 200, body: "1.2.3" },
  { request: "GET /builddate", status: 200, body: "2026-01-02" },
  { request: "GET /builddate", status: 200, body: "dirty", options: { buildDate: "" } },
  { request: "GET /config", status: 200, body: JSON_CONFIG, type: "application/json" },
  { request: "GET /config/json", status: 200, body: JSON_CONFIG, type: "application/json" },
  {
    request: "GET /config/yaml",
    status: 200,
    body: "http:\n  token: REDACTED\ntags:\n  - a:b\n  - 'no'\n",
    type: "application/yaml",
  },
  { request: "GET /config", status: 404, options: { configEnabled: false } },
  { request: "GET /config/json", status: 404, options: { configEnabled: false } },
  { request: "GET /config/yaml", status: 404, options: { configEnabled: false } },
  { request: "GET /config/toml", status: 404 },
  { request: "GET /quitquitquit", status: 404 },
  { request: "POST /quitquitquit", status: 404, options: { quitEnabled: false } },
  { request: "GET /metrics", status: 200, body: "", type: PROMETHEUS_TEXT },
  { request: "GET /metrics", status: 200, body: "burrow 2\n", options: { metricsFront: "burrow" } },
  { request: "GET /metrics/limier", status: 200, body: "", options: { metricsFront: "burrow" } },
  { request: "GET /metrics/statsd", status: 200, body: "requests 1\n", type: PROMETHEUS_TEXT },
  { request: "GET /metrics/burrow", status: 200, body: "burrow 2\n", type: PROMETHEUS_TEXT },
  { request: "GET /metrics/tcpinfo", status: 404 },
  { request: "GET /debug/pprof/cmdline", status: 200, body: "limier\0run" },
  { request: "GET /debug/pprof/goroutine", status: 501 },
  { request: "GET /debug/pprof/allocs", status: 501 },
  { request: "GET /debug/pprof/block", status: 501 },
  { request: "GET /debug/pprof/mutex", status: 501 },
  { request: "GET /debug/pprof/threadcreate", status: 501 },
  { request: "GET /debug/pprof/symbol", status: 501 },
  { request: "GET /debug/pprof/trace", status: 501 },
  { request: "GET /debug/pprof/other", status: 404 },
  { request: "GET /debug/pprof/profile?seconds=0", status: 400 },
  { request: "GET /debug/pprof/profile?seconds=61", status: 400 },
  { request: "GET /debug/pprof/profile?seconds=x", status: 400 },
  { request: "GET /", status: 404, body: "404 page not found\n" },
  { request: "POST /import", status: 404 },
];
for (const { request, status, body, type, options = {} } of rows) {
  Deno.test(`newApp() answers ${request} with ${status} ${JSON.stringify(body ?? "…")}`, async () => {
    const [method, path] = request.split(" ") as [string, string];
    const response = await newApp(optionsWith(options)).request(path, { method });
    assert.equal(response.status, status);
    const text = await response.text();
    if (body !== undefined) assert.equal(text, body);
    if (type !== undefined) assert.equal(response.headers.get("content-type"), type);
    if (status === 501) assert.match(text, /^Cannot show \w+: .+\n$/);
  });
}

Deno.test("newApp() shows what was counted under /metrics", async () => {
  const reporter = recordingReporter();
  reporter.metrics.counter("limier_seen_total", "Seen.").inc(3);
  const response = await newApp(optionsWith({ reporter })).request("/metrics");
  assert.match(await response.text(), /^limier_seen_total 3$/m);
});

Deno.test("newApp() lists its pages and sums up the heap", async () => {
  const app = newApp(optionsWith({}));
  const index = await app.request("/debug/pprof/");
  assert.match(index.headers.get("content-type") ?? "", /^text\/html/);
  assert.match(await index.text(), /href="heap"/);
  const heap = await (await app.request("/debug/pprof/heap")).text();
  for (const line of heap.trimEnd().split("\n")) assert.match(line, /^[a-z_]+ \d+$/);
  assert.match(heap, /^heap_used [1-9]/m);
});

Deno.test("newApp() stops the agent behind the answer to /quitquitquit", async () => {
  const stopped = Promise.withResolvers<void>();
  let quits = 0;
  const quit = () => {
    quits++;
    stopped.resolve();
  };
  const response = await newApp(optionsWith({ quit })).request("/quitquitquit", { method: "POST" });
  assert.equal(quits, 0);
  assert.equal(await response.text(), "Beginning graceful shutdown....\n");
  await stopped.promise;
  assert.equal(quits, 1);
});

Deno.test("newApp() takes one profile at a time, for the seconds asked for", async () => {
  const clock = new FakeClock();
  const app = newApp(optionsWith({ clock }));
  const first = Promise.resolve(app.request("/debug/pprof/profile?seconds=7"));
  while (clock.sleeping === 0) await clock.advance(0);
  assert.equal((await app.request("/debug/pprof/profile")).status, 409);
  await clock.advance(7_000);
  const response = await first;
  assert.equal(response.status, 200);
  const profile = await response.json();
  assert.ok(profile.nodes.length > 0);
  const second = Promise.resolve(app.request("/debug/pprof/profile"));
  while (clock.sleeping === 0) await clock.advance(0);
  await clock.advance(30_000);
  assert.equal((await second).status, 200);
});

Deno.test("newApp() says why there is no profile", async () => {
  const startProfile = () => Promise.reject(new CpuProfileUnavailable("Cannot take a CPU profile: not here"));
  const response = await newApp(optionsWith({ startProfile })).request("/debug/pprof/profile");
  assert.equal(response.status, 501);
  assert.equal(await response.text(), "Cannot take a CPU profile: not here\n");
});

const tokens: [path: string, authorization: string | undefined, status: number][] = [
  ["/healthcheck", undefined, 200],
  ["/healthcheck", "Bearer wrong", 200],
  ["/healthcheck/", undefined, 401],
  ["/healthcheck/tracing", undefined, 401],
  ["/version", undefined, 401],
  ["/version", "Bearer wrong", 401],
  ["/version", "Bearer s3cret", 401],
  ["/version", "Basic s3cret.t", 400],
  ["/version", "Bearer s3cret.t", 200],
  ["/mounted", undefined, 401],
  ["/mounted", "Bearer s3cret.t", 200],
  ["/nowhere", undefined, 401],
];
for (const [path, authorization, status] of tokens) {
  Deno.test(`newApp() with a token answers ${path} for ${authorization ?? "nobody"} with ${status}`, async () => {
    const app = newApp(optionsWith({ token: "s3cret.t" }));
    app.route("/", new Hono().get("/mounted", (c) => c.text("mounted")));
    const response = await app.request(path, { headers: authorization === undefined ? {} : { authorization } });
    assert.equal(response.status, status);
  });
}

Deno.test("newApp() refuses a token that no header could carry", () => {
  assert.throws(() => newApp(optionsWith({ token: "s3 cret" })), /^RangeError: Cannot use the token/);
});

Deno.test("newApp() guards what is mounted later, and the stop", async () => {
  const app = newApp(optionsWith({ guard: { allowedHosts: ["agent.example"], anyHostPaths: ["/import"] } }));
  app.route("/", new Hono().post("/import", (c) => c.text("taken")).post("/change", (c) => c.text("changed")));
  const post = async (path: string, host: string, origin?: string) =>
    (await app.request(path, { method: "POST", headers: { host, ...origin === undefined ? {} : { origin } } })).status;
  assert.equal(await post("/change", "evil.example"), 403);
  assert.equal(await post("/change", "agent.example"), 200);
  assert.equal(await post("/import", "any.example"), 200);
  assert.equal(await post("/import", "any.example", "http://evil.example"), 403);
  assert.equal(await post("/quitquitquit", "localhost", "http://evil.example"), 403);
});

Deno.test("newApp() reports what a page throws, and answers 500 without it", async () => {
  const reporter = recordingReporter();
  const error = new Error("secret detail");
  const throwing = () => {
    throw error;
  };
  const app = newApp(optionsWith({ reporter, metricsPages: { broken: throwing } }));
  const response = await app.request("/metrics/broken");
  assert.equal(response.status, 500);
  assert.equal(await response.text(), "Internal Server Error\n");
  assert.deepEqual(reporter.lines, [
    { level: "error", message: "Cannot answer GET /metrics/broken", fields: { error } },
  ]);
});

Deno.test("newApp() answers a body that is too large with 413 and reports nothing", async () => {
  const reporter = recordingReporter();
  const throwing = () => {
    throw new BodyTooLarge(10);
  };
  const response = await newApp(optionsWith({ reporter, metricsPages: { broken: throwing } })).request(
    "/metrics/broken",
  );
  assert.equal(response.status, 413);
  assert.deepEqual(reporter.lines, []);
});
