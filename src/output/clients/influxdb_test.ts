import assert from "node:assert/strict";
import { ConfigError, Section } from "../../config/mod.ts";
import type { Point } from "../../metric/mod.ts";
import { OutputEncoder } from "../encode.ts";
import { batchOf, eventTexts, forever, outputConfig, scriptedFetch, testDeps } from "../testing.ts";
import { influxdb } from "./influxdb.ts";

const TIME = 1_700_000_010;
const gauge: Point = { name: "lat.max", type: "gauge", value: 100, timestamp: TIME, tags: [] };

function linesOf(...points: readonly Point[]): string[] {
  const encoder = new OutputEncoder(outputConfig(), influxdb.newEncoder(influxdb.readConfig(V1)));
  return encoder.points(points, TIME).flatMap((batch) => eventTexts(batch));
}

const V1 = Section.of({ database: "metrics" });

const lines: [point: Partial<Point>, line: string][] = [
  [
    { tags: ["dc:eu", "url:http://a:80/"], host: "web1" },
    "lat.max,dc=eu,host=web1,url=http://a:80/ value=100 1700000010",
  ],
  [{}, "lat.max value=100 1700000010"],
  [{ tags: ["x"] }, "lat.max,x=true value=100 1700000010"],
  [{ tags: ["x:", "y:1", ":z"] }, "lat.max,y=1 value=100 1700000010"],
  [{ name: "a b,c=d", tags: ["k e,y=:v a,l=u"] }, "a\\ b\\,c=d,k\\ e\\,y\\==v\\ a\\,l\\=u value=100 1700000010"],
  [{ tags: ["a:1", "a:2", "B:3"] }, "lat.max,B=3,a=2 value=100 1700000010"],
  [{ tags: ["host:db7", "device:sda"], host: "web1" }, "lat.max,device=sda,host=db7 value=100 1700000010"],
  [{ tags: ["host:"], host: "web1" }, "lat.max value=100 1700000010"],
  [{ tags: ["veneursinkonly:influx", "a:1"] }, "lat.max,a=1 value=100 1700000010"],
  [{ tags: ["path:c:\\", "q:a\\"] }, "lat.max,path=c:,q=a value=100 1700000010"],
  [{ name: "a\nb", tags: ["c:d\r\ne"] }, "a\\nb,c=d\\r\\ne value=100 1700000010"],
  [{ tags: ["stadt:köln"] }, "lat.max,stadt=köln value=100 1700000010"],
  [{ value: -0.1 }, "lat.max value=-0.1 1700000010"],
  [{ value: 1e21 }, "lat.max value=1000000000000000000000 1700000010"],
  [{ value: 1.5e-7 }, "lat.max value=0.00000015 1700000010"],
  [{ type: "rate", value: 0.5, interval: 10, total: 5 }, "lat.max value=0.5 1700000010"],
];
for (const [part, line] of lines) {
  Deno.test(`influxdb writes ${line}`, () => assert.deepEqual(linesOf({ ...gauge, ...part }), [line]));
}

for (const part of [{ name: "" }, { name: "#a" }, { name: "\\" }, { value: NaN }, { value: Infinity }]) {
  Deno.test(`influxdb has no line for ${JSON.stringify(part)} ${part.value}`, () => {
    assert.deepEqual(linesOf({ ...gauge, ...part }, gauge), ["lat.max value=100 1700000010"]);
  });
}

function clientOf(section: object, reply: () => Response, host = "http://127.0.0.1:8086") {
  const { fetch, requests } = scriptedFetch(reply);
  const deps = testDeps(fetch);
  const own = influxdb.readConfig(Section.of(section));
  return { client: influxdb.newClient(host, outputConfig({ kind: "influxdb" }), own, deps), requests, deps };
}

const done = () => new Response(null, { status: 204 });

const requests: [section: object, host: string, url: string, authorization: string | null][] = [
  [{ database: "metrics" }, "http://127.0.0.1:8086", "http://127.0.0.1:8086/write?db=metrics&precision=s", null],
  [
    { database: "a b", consistency: "quorum" },
    "influx:8086",
    "http://influx:8086/write?db=a+b&precision=s&consistency=quorum",
    null,
  ],
  [
    { database: "m", username: "me", password: "s:x" },
    "http://h/",
    "http://h/write?db=m&precision=s",
    "Basic bWU6czp4",
  ],
  [
    { bucket: "b", org: "my org", token: "t0k" },
    "https://eu.example",
    "https://eu.example/api/v2/write?org=my+org&bucket=b&precision=s",
    "Token t0k",
  ],
  [{ database: "m" }, "http://gate/own/write?tenant=1", "http://gate/own/write?tenant=1&db=m&precision=s", null],
];
for (const [section, host, url, authorization] of requests) {
  Deno.test(`influxdb posts to ${url}`, async () => {
    const { client, requests } = clientOf(section, done, host);
    await client.connect(0);
    assert.deepEqual(await client.publish(batchOf("points", "a value=1 2", "b value=3 4"), forever), {
      remaining: null,
    });
    await client.close();
    const [request] = requests;
    assert.deepEqual([request?.method, request?.url], ["POST", url]);
    assert.equal(request?.headers.get("authorization"), authorization);
    assert.equal(new TextDecoder().decode(request?.body), "a value=1 2\nb value=3 4\n");
  });
}

const statuses: [status: number, failure: string | undefined][] = [
  [200, undefined],
  [202, undefined],
  [204, undefined],
  [201, "permanent"],
  [302, "configuration"],
  [400, "permanent"],
  [401, "configuration"],
  [404, "configuration"],
  [422, "permanent"],
  [429, "throttle"],
  [500, "retry"],
  [503, "retry"],
];
for (const [status, failure] of statuses) {
  Deno.test(`influxdb takes ${status} for ${failure ?? "done"}`, async () => {
    const { client, deps } = clientOf({ database: "m" }, () => new Response(null, { status }));
    const batch = batchOf("points", "a value=1 2");
    const { remaining, error } = await client.publish(batch, forever);
    assert.equal(error?.failure, failure);
    assert.equal(remaining, failure === undefined ? null : batch);
    const causes = deps.observations.map(({ errorCause }) => errorCause).filter((cause) => cause !== undefined);
    assert.deepEqual(causes, failure === undefined ? [] : [String(status)]);
  });
}

const partial: [text: string, rejected: number][] = [
  ['{"error":"partial write: field type conflict: input field \\"value\\" dropped=2"}', 2],
  ['{"error":"partial write: points beyond retention policy dropped=9"}', 3],
  ["{\"error\":\"partial write: unable to parse 'a': missing fields\\nunable to parse 'b': no dropped=0\"}", 2],
  ['{"error":"partial write"}', 1],
];
for (const [text, count] of partial) {
  Deno.test(`influxdb counts ${count} lines of three lost to ${text}`, async () => {
    const { client } = clientOf({ database: "m" }, () => new Response(text, { status: 400 }));
    const { remaining, rejected, error } = await client.publish(batchOf("points", "a", "b", "c"), forever);
    assert.deepEqual([remaining, error, rejected], [null, undefined, [{ reason: "partial_write", count }]]);
  });
}

Deno.test("influxdb halves on 413", async () => {
  const { fetch, requests } = scriptedFetch(({ body }) => new Response(null, { status: body.length > 4 ? 413 : 204 }));
  const own = influxdb.readConfig(V1);
  const client = influxdb.newClient("http://h", outputConfig(), own, testDeps(fetch));
  assert.deepEqual(await client.publish(batchOf("points", "a", "b", "c", "d"), forever), { remaining: null });
  assert.deepEqual(requests.map(({ body }) => new TextDecoder().decode(body)), ["a\nb\nc\nd\n", "a\nb\n", "c\nd\n"]);
});

Deno.test("influxdb shows neither password nor token", async () => {
  for (
    const section of [{ database: "m", username: "u", password: "s3cr3t" }, { bucket: "b", org: "o", token: "s3cr3t" }]
  ) {
    const { client } = clientOf(section, () => new Response("s3cr3t", { status: 401 }));
    const { error } = await client.publish(batchOf("points", "a"), forever);
    assert.ok(!/s3cr3t/.test(`${error?.message} ${Deno.inspect(error)} ${Deno.inspect(client, { depth: 10 })}`));
  }
});

const refused: [section: object, message: RegExp][] = [
  [{}, /database/],
  [{ database: "" }, /database/],
  [{ database: "m", bucket: "b", org: "o", token: "t" }, /database.*version 1/],
  [{ database: "m", org: "o" }, /org.*bucket/],
  [{ database: "m", token: "t" }, /token.*bucket/],
  [{ database: "m", password: "p" }, /username/],
  [{ database: "m", consistency: "most" }, /consistency.*any, one, quorum or all/],
  [{ bucket: "b", token: "t" }, /org/],
  [{ bucket: "b", org: "o" }, /token/],
  [{ bucket: "b", org: "o", token: "a b" }, /token.*one line/],
  [{ bucket: "b", org: "o", token: "t", consistency: "all" }, /consistency/],
  [{ database: "m", hosts: ["ftp://x"] }, /hosts/],
];
for (const [section, message] of refused) {
  Deno.test(`influxdb.readConfig() refuses ${JSON.stringify(section)}`, () => {
    assert.throws(
      () => influxdb.readConfig(Section.of(section)),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}
