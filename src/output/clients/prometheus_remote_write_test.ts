import assert from "node:assert/strict";
import { ConfigError, Section } from "../../config/mod.ts";
import type { Batch, Point } from "../../metric/mod.ts";
import { OutputEncoder } from "../encode.ts";
import { forever, outputConfig, scriptedFetch, type SeenRequest, testDeps } from "../testing.ts";
import { prometheusRemoteWrite } from "./prometheus_remote_write.ts";
import { writeRequestTexts } from "./remote_write_testing.ts";
import { readSnappyBlock } from "./snappy_block.ts";

const TIME = 1_700_000_010;

function clientOf(reply: (request: SeenRequest) => Response, host = "http://prom:9090", section: object = {}) {
  const { fetch, requests } = scriptedFetch(reply);
  const deps = testDeps(fetch);
  const own = prometheusRemoteWrite.readConfig(Section.of(section));
  return { client: prometheusRemoteWrite.newClient(host, outputConfig(), own, deps), requests, deps };
}

/** Gauges `m0`, `m1`, …, each with its number as value. */
function batchOfSeries(count: number): Batch {
  const own = prometheusRemoteWrite.readConfig(Section.of({}));
  const points = Array.from({ length: count }, (_, i): Point => (
    { name: `m${i}`, type: "gauge", value: i, timestamp: TIME, tags: [] }
  ));
  return new OutputEncoder(outputConfig(), prometheusRemoteWrite.newEncoder(own)).points(points, TIME)[0]!;
}

const sent = ({ body }: SeenRequest) => writeRequestTexts(readSnappyBlock(body));
const done = () => new Response(null, { status: 204 });

const requests: [section: object, host: string, url: string, headers: Record<string, string | null>][] = [
  [{}, "http://prom:9090/api/v1/write", "http://prom:9090/api/v1/write", {
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
    "user-agent": "veneur/cortex",
    "x-prometheus-remote-write-version": "0.1.0",
    "authorization": null,
  }],
  [{ headers: { "X-Scope-OrgID": "demo" } }, "prom:9090", "http://prom:9090/api/v1/write", { "x-scope-orgid": "demo" }],
  [{ authorization: { credentials: "t" } }, "http://h/push?a=b", "http://h/push?a=b", { "authorization": "Bearer t" }],
  [{ basic_auth: { username: "u", password: "p" } }, "http://h/w", "http://h/w", { "authorization": "Basic dTpw" }],
  [{ headers: { Authorization: "Custom x" } }, "http://h/w", "http://h/w", { "authorization": "Custom x" }],
  [{}, "http://u:p@h/w", "http://h/w", { "authorization": "Basic dTpw" }],
];
for (const [section, host, url, headers] of requests) {
  Deno.test(`prometheus_remote_write posts to ${host} with ${JSON.stringify(section)}`, async () => {
    const { client, requests } = clientOf(done, host, section);
    await client.connect(0);
    assert.deepEqual(await client.publish(batchOfSeries(2), forever), { remaining: null });
    await client.close();
    const [request] = requests;
    assert.deepEqual([request?.method, request?.url], ["POST", url]);
    for (const [name, value] of Object.entries(headers)) assert.equal(request?.headers.get(name), value, name);
    assert.deepEqual(sent(request!), [`{__name__=m0} 0 @${TIME}000`, `{__name__=m1} 1 @${TIME}000`]);
  });
}

const statuses: [status: number, failure: string | undefined][] = [
  [200, undefined],
  [202, undefined],
  [204, undefined],
  [299, undefined],
  [300, "configuration"],
  [400, "permanent"],
  [401, "configuration"],
  [403, "configuration"],
  [409, "permanent"],
  [429, "throttle"],
  [500, "retry"],
  [503, "retry"],
];
for (const [status, failure] of statuses) {
  Deno.test(`prometheus_remote_write takes ${status} for ${failure ?? "done"}`, async () => {
    const { client, deps } = clientOf(() => new Response(null, { status }));
    const batch = batchOfSeries(1);
    const { remaining, error } = await client.publish(batch, forever);
    assert.equal(error?.failure, failure);
    assert.equal(remaining, failure === undefined ? null : batch);
    const causes = deps.observations.map(({ errorCause }) => errorCause).filter((cause) => cause !== undefined);
    assert.deepEqual(causes, failure === undefined ? [] : [String(status)]);
  });
}

const refusals: [text: string, done: boolean][] = [
  ["duplicate sample for timestamp\n", true],
  ["failed pushing: the sample ... (err-mimir-sample-duplicate-timestamp)", true],
  ["user=fake: sample with repeated timestamp but different value; last timestamp: 1", true],
  ["out of order sample\n", false],
  ["out of bounds\n", false],
  ["snappy: corrupt input\n", false],
  ["", false],
];
for (const [text, isDone] of refusals) {
  Deno.test(`prometheus_remote_write takes 400 ${JSON.stringify(text)} for ${isDone ? "done" : "a refusal"}`, async () => {
    const { client, requests } = clientOf(() => new Response(text, { status: 400 }));
    const { remaining, error } = await client.publish(batchOfSeries(3), forever);
    assert.equal(error?.failure, isDone ? undefined : "permanent");
    assert.equal(remaining?.ends.length, isDone ? undefined : 3);
    assert.equal(requests.length, 1);
  });
}

Deno.test("prometheus_remote_write sends the halves of what is too large one after another", async () => {
  let [under, most] = [0, 0];
  const { fetch, requests } = scriptedFetch(async (request) => {
    most = Math.max(most, ++under);
    await Promise.resolve();
    under--;
    return new Response(null, { status: sent(request).length > 2 ? 413 : 204 });
  });
  const own = prometheusRemoteWrite.readConfig(Section.of({}));
  const client = prometheusRemoteWrite.newClient("http://h", outputConfig(), own, testDeps(fetch));
  assert.deepEqual(await client.publish(batchOfSeries(8), forever), { remaining: null });
  assert.equal(most, 1);
  const arrived = requests.map(sent).filter((series) => series.length <= 2).flat();
  assert.deepEqual(arrived.map((text) => text.slice(10, 12)).sort(), ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"]);
});

Deno.test("prometheus_remote_write shows no secret", async () => {
  for (const section of [{ authorization: { credentials: "s3cr3t" } }, { headers: { "x-key": "s3cr3t" } }]) {
    const { client } = clientOf(() => new Response("s3cr3t", { status: 403 }), "http://h", section);
    const { error } = await client.publish(batchOfSeries(1), forever);
    assert.ok(!/s3cr3t/.test(`${error?.message} ${Deno.inspect(error)} ${Deno.inspect(client, { depth: 10 })}`));
  }
});

Deno.test("prometheus_remote_write.readConfig() has defaults", () => {
  assert.deepEqual(prometheusRemoteWrite.readConfig(Section.of({ hosts: ["http://127.0.0.1:9090/api/v1/write"] })), {
    headers: {},
    authorization: null,
    basicAuth: null,
    convertCountersToMonotonic: false,
    maxSeries: 1_000_000,
    hostLabel: true,
  });
  assert.equal(prometheusRemoteWrite.readConfig(Section.of({ tags_exclude: ["host"] })).hostLabel, false);
});

const refused: [section: object, message: RegExp][] = [
  [{ hosts: ["ftp://x"] }, /hosts/],
  [{ headers: { "Content-Encoding": "gzip" } }, /headers.*set already/],
  [{ headers: { Authorization: "x" }, authorization: { credentials: "y" } }, /headers.*set already/],
  [{ authorization: { credentials: "a" }, basic_auth: { username: "u", password: "p" } }, /either/],
  [{ convert_counters_to_monotonic: "yes" }, /true or false/],
  [{ max_series: 0 }, /max_series/],
];
for (const [section, message] of refused) {
  Deno.test(`prometheus_remote_write.readConfig() refuses ${JSON.stringify(section)}`, () => {
    assert.throws(
      () => prometheusRemoteWrite.readConfig(Section.of(section)),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}
