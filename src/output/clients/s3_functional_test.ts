import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import type { Point } from "../../metric/mod.ts";
import { functionalTest, type RunningServer, startServer } from "../../testing/mod.ts";
import { openOutput } from "./opened_output.ts";

const SERVER = { path: "s3rver/node_modules/s3rver/bin/s3rver.js", setup: "scripts/setup-s3.sh" };

/** What the server knows, and no other. */
const CREDENTIALS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

function startS3(script: string): Promise<RunningServer> {
  return startServer({
    readyPath: "/metrics",
    readyStatuses: [200, 403],
    command: (port, directory) => [
      ...["node", script, "--directory", `${directory}/objects`, "--address", "127.0.0.1", "--port", String(port)],
      ...["--configure-bucket", "metrics"],
    ],
  });
}

function outputTo({ port }: RunningServer, changes: object = {}) {
  return openOutput({
    kind: "s3",
    bucket: "metrics",
    region: "eu-west-1",
    access_key_id: CREDENTIALS.accessKeyId,
    secret_access_key: CREDENTIALS.secretAccessKey,
    hosts: [`http://127.0.0.1:${port}`],
    hostname: "web1",
    ...changes,
  });
}

/** The unzipped objects of the bucket, by key. */
async function objects({ port }: RunningServer): Promise<Record<string, string>> {
  const client = new S3Client({
    region: "eu-west-1",
    endpoint: `http://127.0.0.1:${port}`,
    forcePathStyle: true,
    credentials: CREDENTIALS,
  });
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: "metrics" }));
  const texts: Record<string, string> = {};
  for (const { Key } of Contents) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: "metrics", Key: Key! }));
    texts[Key!] = gunzipSync(await Body!.transformToByteArray()).toString();
  }
  client.destroy();
  return texts;
}

const TIME = 1_700_000_010;
const point: Point = {
  name: "lat.max",
  type: "gauge",
  value: 100,
  timestamp: TIME,
  tags: ["dc:eu", "env:prod"],
  host: "web1",
};
const row = "lat.max\t{dc:eu,env:prod}\tgauge\tweb1\tweb1\t\t0\t2023-11-14 22:13:30\t100\t20231114\n";

functionalTest("s3 puts an object a flush into a real S3 server", SERVER, async (script) => {
  await using server = await startS3(script);
  const { output, flush } = outputTo(server);
  await using _ = output;
  const done = [{ delivered: 1, rejected: 0, failed: 0 }];
  assert.deepEqual(await flush([point], TIME), done);
  assert.deepEqual(await flush([point], TIME), done); // a repeat overwrites itself
  assert.deepEqual(await flush([point], TIME + 10), done);
  assert.deepEqual(await objects(server), {
    "2023/11/14/web1/1700000010.tsv.gz": row,
    "2023/11/14/web1/1700000020.tsv.gz": row,
  });
});

functionalTest("s3 puts forty thousand points into one object of a real S3 server", SERVER, async (script) => {
  await using server = await startS3(script);
  const { output, flush } = outputTo(server, { hostname: "web 1 (a+b)" });
  await using _ = output;
  const noise = () => crypto.getRandomValues(new Uint8Array(64)).toHex();
  const points = Array.from({ length: 40_000 }, (): Point => ({ ...point, tags: [`id:${noise()}`] }));
  assert.deepEqual(await flush(points, TIME), [{ delivered: 40_000, rejected: 0, failed: 0 }]);
  const stored = await objects(server);
  assert.deepEqual(Object.keys(stored), ["2023/11/14/web 1 (a+b)/1700000010.tsv.gz"]);
  const rows = Object.values(stored)[0]!.split("\n");
  assert.equal(rows.length, 40_001);
  assert.ok(rows[39_999]!.includes(points[39_999]!.tags[0]!));
});

functionalTest("s3 says what a real S3 server refuses", SERVER, async (script) => {
  await using server = await startS3(script);
  for (const [changes, cause] of [[{ access_key_id: "OTHER" }, "403"], [{ bucket: "nope" }, "404"]] as const) {
    const { output, flush } = outputTo(server, changes);
    await using _ = output;
    assert.deepEqual(await flush([point], TIME), [{ delivered: 0, rejected: 0, failed: 1, cause }]);
  }
});
