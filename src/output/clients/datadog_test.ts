import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import { realClock } from "../../clock/mod.ts";
import { ConfigError, Section } from "../../config/mod.ts";
import type { BatchKind } from "../../metric/mod.ts";
import type { ClientDeps } from "../contract.ts";
import { batchOf, eventTexts, forever, outputConfig, scriptedFetch, type SeenRequest, testDeps } from "../testing.ts";
import { datadog, type DatadogConfig } from "./datadog.ts";

const KEY = "s3cr3t/key";

function clientOf(fetch: ClientDeps["fetch"], host = "https://dd.example", own: Partial<DatadogConfig> = {}) {
  const deps = testDeps(fetch);
  const client = datadog.newClient(
    host,
    outputConfig({ kind: "datadog" }),
    { key: KEY, traceFormat: "traces", ...own },
    deps,
  );
  return { client, deps };
}

function bodyText({ headers, body }: SeenRequest): string {
  if (headers.get("content-encoding") !== "deflate") return new TextDecoder().decode(body);
  assert.equal(body[0], 0x78); // the zlib format, not raw deflate
  return new TextDecoder().decode(inflateSync(body));
}

const ok = () => new Response("{}", { status: 202 });

const requests: [kind: BatchKind, host: string, url: string, encoding: string | null, body: string][] = [
  [
    "points",
    "https://dd.example",
    "https://dd.example/api/v1/series?api_key=s3cr3t%2Fkey",
    "deflate",
    '{"series":[{"a":1},{"b":2}]}',
  ],
  [
    "checks",
    "https://dd.example/",
    "https://dd.example/api/v1/check_run?api_key=s3cr3t%2Fkey",
    null,
    '[{"a":1},{"b":2}]',
  ],
  [
    "events",
    "dd.example:81",
    "http://dd.example:81/intake?api_key=s3cr3t%2Fkey",
    "deflate",
    '{"events":{"api":[{"a":1},{"b":2}]}}',
  ],
  [
    "points",
    "http://gate/own/path",
    "http://gate/own/path?api_key=s3cr3t%2Fkey",
    "deflate",
    '{"series":[{"a":1},{"b":2}]}',
  ],
  [
    "events",
    "http://gate/dd/api/v1/series",
    "http://gate/dd/intake?api_key=s3cr3t%2Fkey",
    "deflate",
    '{"events":{"api":[{"a":1},{"b":2}]}}',
  ],
  [
    "points",
    "http://gate/x?tenant=1",
    "http://gate/x?tenant=1&api_key=s3cr3t%2Fkey",
    "deflate",
    '{"series":[{"a":1},{"b":2}]}',
  ],
];
for (const [kind, host, url, encoding, body] of requests) {
  Deno.test(`datadog posts ${kind} for host ${host}`, async () => {
    const { fetch, requests } = scriptedFetch(ok);
    const { client } = clientOf(fetch, host);
    await client.connect(0);
    assert.deepEqual(await client.publish(batchOf(kind, '{"a":1}', '{"b":2}'), forever), { remaining: null });
    await client.close();
    assert.equal(requests.length, 1);
    assert.equal(requests[0]!.url, url);
    assert.equal(requests[0]!.method, "POST");
    assert.equal(requests[0]!.headers.get("content-type"), "application/json");
    assert.equal(requests[0]!.headers.get("content-encoding"), encoding);
    assert.equal(bodyText(requests[0]!), body);
  });
}

Deno.test("datadog puts spans to the trace agent, grouped by trace", async () => {
  const { fetch, requests } = scriptedFetch(ok);
  const { client } = clientOf(fetch, "https://dd.example", { traceApiAddress: "http://127.0.0.1:8126" });
  const spans = batchOf(
    "spans",
    '{"trace_id":18446744073709551615,"span_id":1}',
    '{"trace_id":2,"s":1}',
    '{"trace_id":18446744073709551615,"span_id":3}',
  );
  assert.deepEqual(await client.publish(spans, forever), { remaining: null });
  assert.equal(requests[0]!.method, "PUT");
  assert.equal(requests[0]!.url, "http://127.0.0.1:8126/v0.3/traces");
  assert.equal(
    bodyText(requests[0]!),
    '[[{"trace_id":18446744073709551615,"span_id":1},{"trace_id":18446744073709551615,"span_id":3}],[{"trace_id":2,"s":1}]]',
  );
});

Deno.test("datadog posts spans one behind the other to a trace agent of 2017", async () => {
  const { fetch, requests } = scriptedFetch(ok);
  const { client } = clientOf(fetch, "https://dd.example", {
    traceApiAddress: "http://127.0.0.1:8126",
    traceFormat: "spans",
  });
  const spans = batchOf("spans", '{"trace_id":1,"s":1}', '{"trace_id":2,"s":1}');
  assert.deepEqual(await client.publish(spans, forever), { remaining: null });
  assert.equal(`${requests[0]!.method} ${requests[0]!.url}`, "POST http://127.0.0.1:8126/spans");
  assert.equal(requests[0]!.headers.get("content-type"), "application/json");
  assert.equal(bodyText(requests[0]!), '[{"trace_id":1,"s":1},{"trace_id":2,"s":1}]');
});

const tracePaths: [address: string, url: string][] = [
  ["http://t:8126", "http://t:8126/v0.3/traces"],
  ["http://t:8126/", "http://t:8126/v0.3/traces"],
  ["http://t/apm", "http://t/apm/v0.3/traces"],
  ["http://t/apm/", "http://t/apm/v0.3/traces"],
  ["http://t/apm/v0.3/traces", "http://t/apm/v0.3/traces"],
  ["http://t/?tenant=1", "http://t/v0.3/traces?tenant=1"],
];
for (const [traceApiAddress, url] of tracePaths) {
  Deno.test(`datadog puts spans for trace_api_address ${traceApiAddress}`, async () => {
    const { fetch, requests } = scriptedFetch(ok);
    const { client } = clientOf(fetch, "https://dd.example", { traceApiAddress });
    await client.publish(batchOf("spans", '{"trace_id":1,"s":1}'), forever);
    assert.equal(requests[0]!.url, url);
  });
}

Deno.test("datadog halves what the trace agent finds too large, and what is beyond its usual bound", async () => {
  const { fetch, requests } = scriptedFetch((request) =>
    new Response(null, { status: JSON.parse(bodyText(request)).length > 4 ? 413 : 200 })
  );
  const { client } = clientOf(fetch, "https://dd.example", { traceApiAddress: "http://t" });
  const spans = Array.from({ length: 20 }, (_, i) => `{"trace_id":${i},"s":"${"x".repeat(1_000_000)}"}`);
  assert.deepEqual(await client.publish(batchOf("spans", ...spans), forever), { remaining: null });
  const taken = requests.map((request) => JSON.parse(bodyText(request)) as { trace_id: number }[][])
    .filter(({ length }) => length <= 4).flat(2).map(({ trace_id }) => trace_id);
  assert.deepEqual(taken.sort((a, b) => a - b), Array.from(spans, (_, i) => i));
  assert.ok(requests.every(({ body }) => body.length <= 10_000_000));
});

Deno.test("datadog rejects spans where there is no trace agent", async () => {
  const { client } = clientOf(scriptedFetch(ok).fetch);
  const { remaining, rejected } = await client.publish(batchOf("spans", '{"trace_id":1,"s":1}'), forever);
  assert.equal(remaining, null);
  assert.deepEqual(rejected, [{ reason: "no_trace_api_address", count: 1 }]);
});

Deno.test("datadog counts only 200 and 202 as success", async () => {
  for (const [status, done] of [[200, true], [202, true], [201, false], [204, false]] as const) {
    const { client } = clientOf(scriptedFetch(() => new Response(null, { status })).fetch);
    const { error } = await client.publish(batchOf("points", "{}"), forever);
    assert.equal(error?.label, done ? undefined : String(status));
  }
});

Deno.test("datadog halves on 413 until it fits, rejects what never does, and remembers the size", async () => {
  const { fetch, requests } = scriptedFetch((request) => {
    const events = JSON.parse(bodyText(request)).series as { id: number }[];
    const large = events.length > 3 || events.some(({ id }) => id === 7);
    return new Response(null, { status: large ? 413 : 202 });
  });
  const { client } = clientOf(fetch);
  const batch = batchOf("points", ...Array.from({ length: 10 }, (_, id) => `{"id":${id}}`));
  const { remaining, rejected, error } = await client.publish(batch, forever);
  assert.deepEqual([remaining, rejected, error], [null, [{ reason: "too_large", count: 1 }], undefined]);
  const accepted = requests.map((request) =>
    (JSON.parse(bodyText(request)).series as { id: number }[]).map(({ id }) => id)
  )
    .filter((ids) => ids.length <= 3 && !ids.includes(7)).flat().sort((a, b) => a - b);
  assert.deepEqual(accepted, [0, 1, 2, 3, 4, 5, 6, 8, 9]);

  const before = requests.length;
  await client.publish(batchOf("points", ...Array.from({ length: 6 }, (_, id) => `{"id":${id}}`)), forever);
  const sizes = requests.slice(before).map((request) => JSON.parse(bodyText(request)).series.length);
  assert.ok(sizes.every((size) => size <= 3), `${sizes}`);
});

Deno.test("datadog begins a new part before 3,000,000 compressed bytes", async () => {
  const { fetch, requests } = scriptedFetch(ok);
  const { client } = clientOf(fetch);
  const noise = () => crypto.getRandomValues(new Uint8Array(65_536)).toHex();
  const events = Array.from({ length: 100 }, () => `"${noise()}"`);
  const batch = batchOf("points", ...events); // 13 MB of hex, which compresses to half
  assert.deepEqual(await client.publish(batch, forever), { remaining: null });
  assert.ok(requests.length >= 3, `${requests.length}`);
  assert.ok(requests.every(({ body }) => body.length <= 3_000_000));
  const sent = requests.map((request) => JSON.parse(bodyText(request)).series as string[]).flat();
  assert.deepEqual(sent.sort(), events.map((event) => JSON.parse(event)).sort());
});

Deno.test("datadog begins a new part before 60,000,000 bytes", async () => {
  const { fetch, requests } = scriptedFetch(ok);
  const { client } = clientOf(fetch);
  const batch = batchOf("points", ...Array.from({ length: 13 }, () => `"${"x".repeat(5_000_000)}"`));
  assert.deepEqual(await client.publish(batch, forever), { remaining: null });
  assert.deepEqual(requests.map((request) => JSON.parse(bodyText(request)).series.length).sort(), [11, 2].sort());
});

Deno.test("datadog posts the parts of a publish at the same time, eight at most", async () => {
  let [under, most] = [0, 0];
  const { fetch } = scriptedFetch(async (request) => {
    most = Math.max(most, ++under);
    await new Promise((resolve) => setTimeout(resolve, 1));
    under--;
    return new Response(null, { status: JSON.parse(bodyText(request)).series.length > 1 ? 413 : 202 });
  });
  const { client } = clientOf(fetch);
  await client.publish(batchOf("points", ...Array.from({ length: 64 }, (_, i) => `${i}`)), forever);
  assert.equal(most, 8);
});

Deno.test("datadog keeps only the parts that failed, in order, with the most hopeful failure", async () => {
  const { fetch } = scriptedFetch((request) => {
    const ids = JSON.parse(bodyText(request)).series as number[];
    if (ids.length > 2) return new Response(null, { status: 413 });
    return new Response(null, { status: ids.includes(1) ? 400 : ids.includes(6) ? 503 : 202 });
  });
  const { client } = clientOf(fetch);
  const { remaining, error } = await client.publish(
    batchOf("points", ...Array.from({ length: 8 }, (_, i) => `${i}`)),
    forever,
  );
  assert.deepEqual(eventTexts(remaining), ["0", "1", "6", "7"]);
  assert.equal(error?.failure, "retry");
});

Deno.test("datadog measures each request", async () => {
  const { fetch } = scriptedFetch((_, index) => new Response(null, { status: index === 0 ? 202 : 500 }));
  const { client, deps } = clientOf(fetch);
  await client.publish(batchOf("points", "1"), forever);
  await client.publish(batchOf("checks", "1"), forever);
  const marshals = deps.observations.filter((one) => one.durationMs?.part === "marshal").map((one) => one.action);
  assert.deepEqual(marshals, ["flush", "flush_checks"]);
  const posts = deps.observations.filter((one) => one.durationMs?.part === "post");
  assert.deepEqual(posts.map((one) => [one.action, one.errorCause]), [["flush", undefined], ["flush_checks", "500"]]);
  assert.equal(posts[1]!.contentLength, 3);
});

Deno.test("datadog delivers to a real server, each request over a connection of its own, and shows its key to nobody else", async () => {
  const bodies: string[] = [];
  const ports = new Set<number>();
  const stop = new AbortController();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", signal: stop.signal, onListen() {} },
    async (request, info) => {
      ports.add((info.remoteAddr as Deno.NetAddr).port);
      assert.equal(new URL(request.url).search, "?api_key=s3cr3t%2Fkey");
      bodies.push(new TextDecoder().decode(inflateSync(await request.bytes())));
      return bodies.length < 3 ? new Response("{}", { status: 202 }) : new Response("no", { status: 403 });
    },
  );
  const deps = testDeps(fetch, realClock);
  const host = `http://127.0.0.1:${server.addr.port}`;
  const client = datadog.newClient(host, outputConfig({ kind: "datadog" }), { key: KEY, traceFormat: "traces" }, deps);
  await client.connect(1_000);
  for (const event of ['{"n":"é"}', "2"]) {
    assert.deepEqual(await client.publish(batchOf("points", event), forever), { remaining: null });
  }
  const { error } = await client.publish(batchOf("points", "3"), forever);
  assert.deepEqual(bodies, ['{"series":[{"n":"é"}]}', '{"series":[2]}', '{"series":[3]}']);
  assert.equal(ports.size, 3); // on a kept one, the runtime would send again by itself what was cut off
  assert.equal(error?.failure, "configuration");
  stop.abort();
  await server.finished;
  const gone = await client.publish(batchOf("points", "4"), forever);
  assert.equal(client.isConnected, false);
  for (const one of [error, gone.error]) {
    assert.ok(!/s3cr3t|api_key/.test(`${one?.message} ${one?.stack} ${Deno.inspect(one)}`));
    assert.match(one!.message, /^Cannot deliver to 127\.0\.0\.1:\d+: /);
  }
  await client.close();
  await client.close();
});

const refused: [section: object, message: RegExp][] = [
  [{}, /key: write the API key/],
  [{ key: "" }, /key/],
  [{ key: "k", hosts: ["ftp://x"] }, /hosts/],
  [{ key: "k", hosts: ["https://"] }, /hosts/],
  [{ key: "k", trace_api_address: "http://" }, /trace_api_address/],
  [{ key: "k", trace_format: "v0.4" }, /trace_format/],
  [{ trace_api_address: "http://t" }, /key: write the API key/],
  [{ sends: ["spans"] }, /key: write the API key/],
  [{ trace_api_address: "http://t", sends: ["spans", "points"] }, /key: write the API key/],
];
for (const [section, message] of refused) {
  Deno.test(`datadog.readConfig() refuses ${JSON.stringify(section)}`, () => {
    assert.throws(
      () => datadog.readConfig(Section.of(section)),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}

Deno.test("datadog.readConfig() needs no key for spans alone", () => {
  assert.deepEqual(datadog.readConfig(Section.of({ trace_api_address: "http://t", sends: ["spans"] })), {
    key: "",
    traceApiAddress: "http://t",
    traceFormat: "traces",
  });
});

Deno.test("datadog has a form for spans where there is a trace agent", () => {
  assert.equal(datadog.newEncoder({ key: KEY, traceFormat: "traces" }).span, undefined);
  const encoder = datadog.newEncoder({ key: KEY, traceFormat: "traces", traceApiAddress: "http://t" });
  assert.equal(typeof encoder.span, "function");
});

Deno.test("datadog.readConfig() reads the key from a file", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "from-file\n");
  assert.deepEqual(datadog.readConfig(Section.of({ key_file: path })), { key: "from-file", traceFormat: "traces" });
  await Deno.remove(path);
});
