import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { fromHex } from "../../bytes/mod.ts";
import { ConfigError, Section } from "../../config/mod.ts";
import type { Batch, Point } from "../../metric/mod.ts";
import { readOutputs } from "../config.ts";
import { startOutput } from "../output.ts";
import { OutputEncoder } from "../encode.ts";
import { forever, outputConfig, scriptedFetch, type SeenRequest, testDeps } from "../testing.ts";
import { otlp } from "./otlp.ts";
import { otlpRequest } from "./otlp_encode.ts";

const TIME = 1_700_000_010;

function batchOfPoints(count: number): Batch {
  const points = Array.from({ length: count }, (_, i): Point => (
    { name: `m${i}`, type: "count", value: i, timestamp: TIME, tags: [], host: "h" }
  ));
  const encoder = otlp.newEncoder({ headers: {}, compress: "none" });
  return new OutputEncoder(outputConfig(), encoder).points(points, TIME)[0]!;
}

function clientOf(reply: (request: SeenRequest) => Response, host = "http://127.0.0.1:4318", section: object = {}) {
  const { fetch, requests } = scriptedFetch(reply);
  const deps = testDeps(fetch);
  const own = otlp.readConfig(Section.of(section));
  return { client: otlp.newClient(host, outputConfig({ name: "otlp" }), own, deps), requests, deps };
}

function answer(hex: string, status = 200, type = "application/x-protobuf"): Response {
  return new Response(fromHex(hex)!, { status, headers: { "content-type": type } });
}

const done = () => answer("");

const requests: [section: object, host: string, url: string][] = [
  [{}, "http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/metrics"],
  [{ headers: { "api-key": "k" } }, "https://otlp.example/", "https://otlp.example/v1/metrics"],
  [{ compress: "gzip" }, "http://h/otlp/v1/metrics?a=b", "http://h/otlp/v1/metrics?a=b"],
];
for (const [section, host, url] of requests) {
  Deno.test(`otlp posts to ${url} with ${JSON.stringify(section)}`, async () => {
    const { client, requests } = clientOf(done, host, section);
    const batch = batchOfPoints(2);
    await client.connect(0);
    assert.deepEqual(await client.publish(batch, forever), { remaining: null });
    await client.close();
    const { method, headers, body, url: seen } = requests[0]!;
    assert.deepEqual([method, seen, headers.get("content-type")], ["POST", url, "application/x-protobuf"]);
    assert.equal(headers.get("api-key"), "headers" in section ? "k" : null);
    const zipped = headers.get("content-encoding") === "gzip";
    assert.equal(zipped, "compress" in section);
    assert.deepEqual(zipped ? new Uint8Array(gunzipSync(body)) : body, otlpRequest(batch));
  });
}

const statuses: [status: number, failure: string | undefined][] = [
  [200, undefined],
  [202, undefined],
  [302, "configuration"],
  [400, "permanent"],
  [401, "configuration"],
  [404, "configuration"],
  [429, "throttle"],
  [500, "retry"],
  [502, "retry"],
  [503, "retry"],
  [504, "retry"],
];
for (const [status, failure] of statuses) {
  Deno.test(`otlp takes ${status} for ${failure ?? "done"}`, async () => {
    const { client } = clientOf(() => new Response(null, { status }));
    const batch = batchOfPoints(1);
    const { remaining, error } = await client.publish(batch, forever);
    assert.equal(error?.failure, failure);
    assert.equal(remaining, failure === undefined ? null : batch);
  });
}

Deno.test("otlp counts what a partial success did not take, and says why", async () => {
  const { client, deps } = clientOf(() => answer("0a0b080212076e6f20726f6f6d"));
  assert.deepEqual(await client.publish(batchOfPoints(3), forever), {
    remaining: null,
    rejected: [{ reason: "partial_success", count: 2 }],
  });
  assert.deepEqual(deps.reporter.lines, [
    {
      level: "warn",
      message: "The receiver of output otlp refused some points",
      fields: { points: 2, why: "no room" },
    },
  ]);
});

Deno.test("otlp never counts more refused than were sent", async () => {
  const { client } = clientOf(() => answer("0a020809"));
  assert.deepEqual((await client.publish(batchOfPoints(3), forever)).rejected, [{
    reason: "partial_success",
    count: 3,
  }]);
});

Deno.test("otlp passes on a warning, and delivers", async () => {
  const { client, deps } = clientOf(() => answer("0a041202686d"));
  assert.deepEqual(await client.publish(batchOfPoints(3), forever), { remaining: null });
  assert.match(deps.reporter.lines[0]!.message, /took all points and has a warning/);
});

Deno.test("otlp takes an answer it can't read for ambiguous, and one of another type for done", async () => {
  const batch = batchOfPoints(1);
  const { error, remaining } = await clientOf(() => answer("7b7d")).client.publish(batch, forever);
  assert.deepEqual([error?.failure, error?.label, remaining], ["ambiguous", "readresponse", batch]);
  const json = clientOf(() => answer("7b7d", 200, "application/json"));
  assert.deepEqual(await json.client.publish(batch, forever), { remaining: null });
});

const repeats: [reply: () => Response | Promise<Response>, requests: number, cause: string, why: string][] = [
  [
    () => Promise.reject(new TypeError("connection closed before message completed")),
    1,
    "ambiguous",
    "a cut connection",
  ],
  [() => answer("7b7d"), 1, "readresponse", "an unreadable answer"],
  [() => new Response(null, { status: 503 }), 4, "503", "503"],
];
for (const [reply, count, cause, why] of repeats) {
  Deno.test(`an otlp output sends ${count} times where it always meets ${why}`, async () => {
    const section = Section.of({ name: "otlp", kind: "otlp", hosts: ["http://127.0.0.1:4318"] });
    const [config] = readOutputs([section], { defaultStdout: false, destinations: [otlp] });
    const { fetch, requests } = scriptedFetch(reply);
    const deps = testDeps(fetch);
    const output = startOutput(config!, { ...deps, destination: otlp, random: () => 0 });
    const outcome = output.offer(batchOfPoints(2));
    let ended = false;
    outcome.then(() => ended = true);
    while (!ended) await deps.clock.advance(1_000);
    assert.deepEqual(await outcome, { delivered: 0, rejected: 0, failed: 2, cause });
    assert.equal(requests.length, count);
  });
}

Deno.test("otlp shows no header's value", async () => {
  const { client } = clientOf(() => new Response("s3cr3t", { status: 403 }), "http://h", {
    headers: { key: "s3cr3t" },
  });
  const { error } = await client.publish(batchOfPoints(1), forever);
  assert.ok(!/s3cr3t/.test(`${error?.message} ${Deno.inspect(error)} ${Deno.inspect(client, { depth: 10 })}`));
});

Deno.test("otlp.readConfig() has defaults", () => {
  assert.deepEqual(otlp.readConfig(Section.of({ hosts: ["http://127.0.0.1:4318"] })), {
    headers: {},
    compress: "none",
  });
});

const refused: [section: object, message: RegExp][] = [
  [{ hosts: ["grpc://x:4317"] }, /hosts/],
  [{ headers: { "Content-Type": "application/json" } }, /headers.*set already/],
  [{ compress: "zstd" }, /compress.*none or gzip/],
];
for (const [section, message] of refused) {
  Deno.test(`otlp.readConfig() refuses ${JSON.stringify(section)}`, () => {
    assert.throws(
      () => otlp.readConfig(Section.of(section)),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}
