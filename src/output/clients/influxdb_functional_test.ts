import assert from "node:assert/strict";
import { join } from "node:path";
import type { Point } from "../../metric/mod.ts";
import { freePort, functionalTest, type RunningServer, startServer } from "../../testing/mod.ts";
import { openOutput } from "./opened_output.ts";

const SERVER = { path: "influxdb/usr/bin/influxd", command: "influxd", setup: "scripts/setup-influxdb.sh" };

async function startInfluxdb(executable: string): Promise<RunningServer> {
  const server = await startServer({
    readyPath: "/ping",
    command(port, directory) {
      const config = join(directory, "influxdb.conf");
      const folder = (name: string) => JSON.stringify(join(directory, name));
      Deno.writeTextFileSync(
        config,
        `reporting-disabled = true
bind-address = "127.0.0.1:${freePort()}"
[meta]
dir = ${folder("meta")}
[data]
dir = ${folder("data")}
wal-dir = ${folder("wal")}
[http]
bind-address = "127.0.0.1:${port}"
`,
      );
      return [executable, "run", "-config", config];
    },
  });
  await query(server, "CREATE DATABASE metrics");
  return server;
}

/** The rows of the only series, each as `[time, …]`, with its columns before. */
async function query({ port }: RunningServer, q: string): Promise<unknown[] | undefined> {
  const url = new URL(`http://127.0.0.1:${port}/query`);
  url.search = String(new URLSearchParams({ db: "metrics", epoch: "s", q }));
  const response = await fetch(url, { method: "POST" });
  const { results: [result] } = await response.json();
  assert.equal(result.error, undefined);
  return result.series?.map(({ columns, values }: { columns: unknown[]; values: unknown[] }) => [columns, ...values])
    .flat();
}

const TIME = 1_700_000_010;
const point: Point = { name: "lat.max", type: "gauge", value: 100, timestamp: TIME, tags: [] };
const done = (delivered: number) => [{ delivered, rejected: 0, failed: 0 }];

functionalTest("influxdb keeps names, tags and values in a real InfluxDB", SERVER, async (executable) => {
  await using server = await startInfluxdb(executable);
  const hosts = [`http://127.0.0.1:${server.port}`];
  const { output, flush } = openOutput({ kind: "influxdb", hosts, database: "metrics" });
  await using _ = output;
  const points: Point[] = [
    { ...point, tags: ["dc:eu", "url:http://a:80/"], host: "web1" },
    { ...point, name: "odd, name=x", tags: ["k, =:v, =", "bare", "empty:", "end:a\\", "line:a\nb", "t:köln"] },
    { ...point, name: "none", value: 1.5e-7 },
    { ...point, name: "big", value: 1e21 },
  ];
  assert.deepEqual(await flush(points, TIME), done(4));
  assert.deepEqual(await query(server, 'SELECT * FROM "lat.max"'), [
    ["time", "dc", "host", "url", "value"],
    [TIME, "eu", "web1", "http://a:80/", 100],
  ]);
  assert.deepEqual(await query(server, 'SELECT * FROM "odd, name=x"'), [
    ["time", "bare", "end", "k, =", "line", "t", "value"],
    [TIME, "true", "a", "v, =", "a\\nb", "köln", 100],
  ]);
  assert.deepEqual(await query(server, 'SELECT * FROM "none"'), [["time", "value"], [TIME, 1.5e-7]]);
  assert.deepEqual(await query(server, 'SELECT * FROM "big"'), [["time", "value"], [TIME, 1e21]]);

  assert.deepEqual(await flush(points.slice(0, 1), TIME), done(1)); // a repeat overwrites itself
  assert.equal((await query(server, 'SELECT count(value) FROM "lat.max"'))?.at(-1)?.toString(), "0,1");
});

functionalTest("influxdb counts what a real InfluxDB drops of a request", SERVER, async (executable) => {
  await using server = await startInfluxdb(executable);
  const hosts = [`http://127.0.0.1:${server.port}`];
  await fetch(`${hosts[0]}/write?db=metrics&precision=s`, { method: "POST", body: `a value="text" ${TIME}` });
  const { output, flush } = openOutput({ kind: "influxdb", hosts, database: "metrics" });
  await using _ = output;
  const points = ["a", "b", "c"].map((name): Point => ({ ...point, name }));
  assert.deepEqual(await flush(points, TIME), [{ delivered: 2, rejected: 1, failed: 0 }]);
  assert.deepEqual(await query(server, 'SELECT * FROM "c"'), [["time", "value"], [TIME, 100]]);
});

functionalTest("influxdb says which database a real InfluxDB lacks", SERVER, async (executable) => {
  await using server = await startInfluxdb(executable);
  const hosts = [`http://127.0.0.1:${server.port}`];
  const { output, flush } = openOutput({ kind: "influxdb", hosts, database: "nope" });
  await using _ = output;
  assert.deepEqual(await flush([point], TIME), [{ delivered: 0, rejected: 0, failed: 1, cause: "404" }]);
});

functionalTest("influxdb delivers twenty thousand points to a real InfluxDB", SERVER, async (executable) => {
  await using server = await startInfluxdb(executable);
  const hosts = [`http://127.0.0.1:${server.port}`];
  const { output, flush } = openOutput({ kind: "influxdb", hosts, database: "metrics", bulk_max_size: 5_000 });
  await using _ = output;
  const points = Array.from({ length: 20_000 }, (_, i): Point => ({ ...point, value: i, tags: [`i:${i}`] }));
  assert.deepEqual(await flush(points, TIME), Array(4).fill(done(5_000)[0]));
  assert.equal(
    (await query(server, 'SELECT count(value), sum(value) FROM "lat.max"'))?.at(-1)?.toString(),
    "0,20000,199990000",
  );
});
