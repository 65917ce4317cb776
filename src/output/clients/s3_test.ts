import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { ConfigError, Section } from "../../config/mod.ts";
import type { Batch, Point } from "../../metric/mod.ts";
import { readOutputs } from "../config.ts";
import { OutputEncoder } from "../encode.ts";
import { batchOf, forever, outputConfig, scriptedFetch, type SeenRequest, testDeps } from "../testing.ts";
import { objectKey, s3 } from "./s3.ts";

const TIME = 1_700_000_010;
const KEYS = { access_key_id: "ID", secret_access_key: "s3cr3t" };
const SETTINGS = { bucket: "metrics", region: "eu-west-1", hostname: "web1", ...KEYS };

const point: Point = {
  name: "lat.max",
  type: "gauge",
  value: 100,
  timestamp: TIME,
  tags: ["dc:eu", "env:prod"],
  host: "web1",
};

function batchOfPoints(section: object, ...points: readonly Point[]): Batch {
  const encoder = s3.newEncoder(s3.readConfig(Section.of(section)));
  return new OutputEncoder(outputConfig(), encoder).points(points, TIME)[0]!;
}

function clientOf(
  reply: (request: SeenRequest, index: number) => Response | Promise<Response>,
  host = "http://127.0.0.1:9000",
  changes: object = {},
) {
  const { fetch, requests } = scriptedFetch(reply);
  const deps = testDeps(fetch);
  const own = s3.readConfig(Section.of({ ...SETTINGS, ...changes }));
  return { client: s3.newClient(host, outputConfig({ kind: "s3" }), own, deps), requests, deps };
}

const done = () => new Response(null, { status: 200 });

const urls: [host: string, changes: object, url: string][] = [
  ["http://127.0.0.1:9000", {}, "http://127.0.0.1:9000/metrics/2023/11/14/web1/1700000010.tsv.gz?x-id=PutObject"],
  ["http://s3.local/", {}, "http://s3.local/metrics/2023/11/14/web1/1700000010.tsv.gz?x-id=PutObject"],
  ["http://h/under", {}, "http://h/under/metrics/2023/11/14/web1/1700000010.tsv.gz?x-id=PutObject"],
  [
    "https://s3.amazonaws.com",
    {},
    "https://metrics.s3.eu-west-1.amazonaws.com/2023/11/14/web1/1700000010.tsv.gz?x-id=PutObject",
  ],
  [
    "https://s3.amazonaws.com",
    { bucket: "my.metrics" }, // dots would not fit AWS's certificate
    "https://s3.eu-west-1.amazonaws.com/my.metrics/2023/11/14/web1/1700000010.tsv.gz?x-id=PutObject",
  ],
  [
    "http://h:1",
    { hostname: "a (b)" },
    "http://h:1/metrics/2023/11/14/a%20%28b%29/1700000010.tsv.gz?x-id=PutObject",
  ],
];
for (const [host, changes, url] of urls) {
  Deno.test(`s3 puts to ${url}`, async () => {
    const { client, requests } = clientOf(done, host, changes);
    await client.connect(0);
    assert.equal(client.isConnected, true);
    assert.deepEqual(await client.publish(batchOf("points", "row"), forever), { remaining: null });
    await client.close();
    assert.deepEqual(requests.map(({ method, url }) => [method, url]), [["PUT", url]]);
  });
}

Deno.test("s3 signs with the output's credentials, region and clock", async () => {
  const { client, requests } = clientOf(done);
  await client.connect(0);
  await client.publish(batchOf("points", "row"), forever);
  const { headers } = requests[0]!;
  assert.match(
    headers.get("authorization")!,
    /^AWS4-HMAC-SHA256 Credential=ID\/20231114\/eu-west-1\/s3\/aws4_request, SignedHeaders=.*host;.*, Signature=[0-9a-f]{64}$/,
  );
  assert.equal(headers.get("x-amz-date"), "20231114T221330Z");
  assert.equal(headers.get("content-type"), "application/gzip");
  assert.equal(headers.get("expect"), null);
});

const objects: [changes: object, rows: string][] = [
  [{}, "lat.max\t{dc:eu,env:prod}\tgauge\tweb1\tweb1\t\t0\t2023-11-14 22:13:30\t100\t20231114\n"],
  [{ tsv_columns: "v7" }, "lat.max\t{dc:eu,env:prod}\tgauge\tweb1\t0\t2023-11-14 22:13:30\t100\t20231114\n"],
];
for (const [changes, row] of objects) {
  Deno.test(`s3 puts zipped rows with ${JSON.stringify(changes)}`, async () => {
    const { client, requests } = clientOf(done, "http://h", changes);
    await client.connect(0);
    const batch = batchOfPoints({ ...SETTINGS, ...changes }, point, { ...point, name: "b" });
    await client.publish(batch, forever);
    assert.equal(gunzipSync(requests[0]!.body).toString(), row + row.replace("lat.max", "b"));
  });
}

Deno.test("s3 puts nothing for an empty flush", async () => {
  const { client, requests } = clientOf(done);
  await client.connect(0);
  assert.deepEqual(await client.publish(batchOf("points"), forever), { remaining: null });
  assert.equal(requests.length, 0);
});

const statuses: [status: number, code: string, failure: string | undefined][] = [
  [200, "", undefined],
  [200, "InternalError", "retry"],
  [301, "PermanentRedirect", "configuration"],
  [400, "RequestTimeout", "retry"],
  [400, "AuthorizationHeaderMalformed", "configuration"],
  [400, "", "configuration"],
  [403, "SignatureDoesNotMatch", "configuration"],
  [404, "NoSuchBucket", "configuration"],
  [409, "OperationAborted", "retry"],
  [413, "", "too_large"],
  [429, "", "throttle"],
  [500, "InternalError", "retry"],
  [503, "SlowDown", "retry"],
];
for (const [status, code, failure] of statuses) {
  Deno.test(`s3 takes ${status} ${code} for ${failure ?? "done"}, and asks once`, async () => {
    const text = code === "" ? "" : `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`;
    const { client, requests } = clientOf(() => new Response(text, { status }));
    await client.connect(0);
    const batch = batchOf("points", "row");
    const { remaining, error } = await client.publish(batch, forever);
    assert.equal(error?.failure, failure);
    assert.equal(error?.options.status, failure === undefined ? undefined : status);
    assert.equal(remaining, failure === undefined ? null : batch);
    assert.equal(requests.length, 1);
    assert.equal(client.isConnected, true);
  });
}

Deno.test("s3 loses its connection with the host, and finds it again", async () => {
  const refusal = new TypeError("fetch failed", { cause: new Error("client error (Connect): Connection refused") });
  const { client, requests } = clientOf((_, index) => index === 0 ? Promise.reject(refusal) : done());
  await client.connect(0);
  const batch = batchOf("points", "row");
  const { remaining, error } = await client.publish(batch, forever);
  assert.equal(remaining, batch);
  assert.equal(error?.failure, "connection");
  assert.match(error!.message, /^Cannot deliver to 127\.0\.0\.1:9000: /);
  assert.equal(client.isConnected, false);
  await client.connect(0);
  assert.deepEqual(await client.publish(batch, forever), { remaining: null });
  assert.equal(requests[0]!.url, requests[1]!.url); // a repeat overwrites its own object
});

Deno.test("s3 stops when its time is over, and when it is closed", async () => {
  const { client } = clientOf((_request) => new Promise(() => {}));
  await client.connect(0);
  const batch = batchOf("points", "row");
  assert.equal((await client.publish(batch, AbortSignal.abort())).error?.failure, "connection");
  await client.close();
  await client.close();
  assert.equal(client.isConnected, false);
  assert.equal((await client.publish(batch, forever)).error?.failure, "connection");
  await client.connect(0);
  assert.equal(client.isConnected, true);
});

Deno.test("s3 must be connected first", async () => {
  const { client } = clientOf(done);
  assert.equal(client.isConnected, false);
  assert.equal((await client.publish(batchOf("points", "row"), forever)).error?.failure, "connection");
});

Deno.test("s3 shows no secret", async () => {
  const { client } = clientOf(() => new Response("s3cr3t", { status: 403 }));
  await client.connect(0);
  const { error } = await client.publish(batchOf("points", "row"), forever);
  assert.ok(!/s3cr3t/.test(`${error?.message} ${Deno.inspect(error)} ${Deno.inspect(client, { depth: 10 })}`));
});

const keys: [timestamp: number, key: string][] = [
  [1_700_000_010, "2023/11/14/h/1700000010.tsv.gz"],
  [0, "1970/01/01/h/0.tsv.gz"],
  [1_704_067_199, "2023/12/31/h/1704067199.tsv.gz"], // the last second of the year in UTC
];
for (const [timestamp, key] of keys) {
  Deno.test(`objectKey() of ${timestamp}`, () => assert.equal(objectKey({ timestamp }, "h"), key));
}

Deno.test("s3 outputs put each flush into one object, whatever its size", () => {
  const section = (more: object) => Section.of({ name: "s3", kind: "s3", bucket: "b", ...more });
  const read = (more: object) => readOutputs([section(more)], { defaultStdout: false, destinations: [s3] })[0];
  assert.equal(read({})?.bulkMaxSize, 0);
  assert.deepEqual(read({})?.hosts, ["https://s3.amazonaws.com"]);
  assert.equal(read({ bulk_max_size: 0 })?.bulkMaxSize, 0);
  assert.throws(() => read({ bulk_max_size: 1000 }), /bulk_max_size.*whole flush/);
});

Deno.test("s3.readConfig() has defaults", () => {
  assert.deepEqual(s3.readConfig(Section.of({ bucket: "metrics" })), {
    bucket: "metrics",
    region: "us-east-1",
    accessKeyId: "",
    secretAccessKey: "",
    tsvColumns: "v1",
    hostname: Deno.hostname(),
  });
});

const refused: [section: object, message: RegExp][] = [
  [{}, /bucket/],
  [{ bucket: "a/b" }, /bucket/],
  [{ bucket: "b", access_key_id: "ID" }, /secret_access_key/],
  [{ bucket: "b", secret_access_key: "KEY" }, /access_key_id/],
  [{ bucket: "b", hosts: ["ftp://x"] }, /hosts/],
  [{ bucket: "b", hosts: ["http://u:p@h"] }, /hosts/],
  [{ bucket: "b", hostname: "a/b" }, /hostname/],
  [{ bucket: "b", hostname: ".." }, /hostname/],
  [{ bucket: "b", tsv_columns: "v2" }, /tsv_columns/],
];
for (const [section, message] of refused) {
  Deno.test(`s3.readConfig() refuses ${JSON.stringify(section)}`, () => {
    assert.throws(
      () => s3.readConfig(Section.of(section)),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}
