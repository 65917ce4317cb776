import assert from "node:assert/strict";
import type { Point } from "../../metric/mod.ts";
import { functionalTest, PROMETHEUS, type RunningServer, startPrometheus } from "../../testing/mod.ts";
import { openOutput } from "./opened_output.ts";

/** What a query gives at a time: `labels value` a series, sorted. */
async function query({ port }: RunningServer, promql: string, time: number): Promise<string[]> {
  const url = new URL(`http://127.0.0.1:${port}/api/v1/query`);
  url.search = String(new URLSearchParams({ query: promql, time: String(time) }));
  const response = await fetch(url);
  const { status, error, data } = await response.json();
  assert.equal(status, "success", error);
  type Series = { metric: Record<string, string>; value: [number, string] };
  return data.result.map(({ metric, value }: Series) => `${JSON.stringify(metric)} ${value[1]}`).sort();
}

/** Prometheus takes samples of about now. */
const now = () => Math.floor(Date.now() / 1000);
const point = (part: Partial<Point>): Point => ({
  name: "lat.max",
  type: "gauge",
  value: 100,
  timestamp: now(),
  tags: [],
  ...part,
});
const done = (delivered: number) => [{ delivered, rejected: 0, failed: 0 }];

functionalTest(
  "prometheus_remote_write keeps names, labels and values in a real Prometheus",
  PROMETHEUS,
  async (executable) => {
    await using server = await startPrometheus(executable);
    const hosts = [`http://127.0.0.1:${server.port}/api/v1/write`];
    const { output, flush } = openOutput({ kind: "prometheus_remote_write", hosts });
    await using _ = output;
    const timestamp = now();
    const points = [
      point({ timestamp, tags: ["env:prod", "Zone:a", "url:http://a:80/", "bare"], host: "web1" }),
      point({ timestamp, name: "1.odd-name:x", tags: ["t:köln", 'q:a"b\\c'], value: -1.5e-7 }),
      point({ timestamp, name: "1_odd_name:x", tags: ["t:köln", 'q:a"b\\c'], value: 2 }), // the same series there
      point({ timestamp, name: "hits", type: "rate", value: 0.5, interval: 10, total: 5 }),
    ];
    assert.deepEqual(await flush(points, timestamp), done(3));
    assert.deepEqual(await query(server, '{__name__=~".+"}', timestamp), [
      '{"Zone":"a","__name__":"lat_max","env":"prod","host":"web1","url":"http://a:80/"} 100',
      '{"__name__":"_1_odd_name:x","q":"a\\"b\\\\c","t":"köln"} -1.5e-07',
      '{"__name__":"hits"} 5',
    ]);
  },
);

functionalTest(
  "prometheus_remote_write counts a duplicate sample as done with a real Prometheus",
  PROMETHEUS,
  async (executable) => {
    await using server = await startPrometheus(executable);
    const hosts = [`http://127.0.0.1:${server.port}`];
    const timestamp = now();
    for (const value of [1, 1, 2]) { // the same again, and another value of the same time
      const { output, flush } = openOutput({ kind: "prometheus_remote_write", hosts });
      await using _ = output;
      assert.deepEqual(await flush([point({ value, timestamp })], timestamp), done(1));
    }
    assert.deepEqual(await query(server, "lat_max", timestamp), ['{"__name__":"lat_max"} 1']);
    const { output, flush } = openOutput({ kind: "prometheus_remote_write", hosts });
    await using _ = output;
    const late = point({ timestamp: timestamp - 60 });
    assert.deepEqual(await flush([late], timestamp), [{ delivered: 0, rejected: 1, failed: 0 }]); // out of order
  },
);

functionalTest(
  "prometheus_remote_write makes counters that a real Prometheus can rate",
  PROMETHEUS,
  async (executable) => {
    await using server = await startPrometheus(executable);
    const hosts = [`http://127.0.0.1:${server.port}`];
    const { output, flush } = openOutput({
      kind: "prometheus_remote_write",
      hosts,
      convert_counters_to_monotonic: true,
    });
    await using _ = output;
    const start = now() - 40;
    for (let i = 0; i <= 4; i++) {
      const timestamp = start + i * 10;
      const hits = point({ name: "hits", type: "rate", value: 3, interval: 10, total: 30, timestamp });
      assert.deepEqual(await flush([hits], timestamp), done(1));
    }
    assert.deepEqual(await query(server, "hits", start + 40), ['{"__name__":"hits"} 150']);
    assert.deepEqual(await query(server, "rate(hits[40s])", start + 40), ["{} 3"]);
  },
);

functionalTest(
  "prometheus_remote_write delivers twenty thousand series to a real Prometheus",
  PROMETHEUS,
  async (executable) => {
    await using server = await startPrometheus(executable);
    const hosts = [`http://127.0.0.1:${server.port}`];
    const { output, flush } = openOutput({ kind: "prometheus_remote_write", hosts, bulk_max_size: 5_000 });
    await using _ = output;
    const timestamp = now();
    const points = Array.from(
      { length: 20_000 },
      (_, i) => point({ timestamp, value: i, tags: [`i:${i}`, "env:prod"] }),
    );
    assert.deepEqual(await flush(points, timestamp), Array(4).fill(done(5_000)[0]));
    assert.deepEqual(await query(server, "count(lat_max)", timestamp), ["{} 20000"]);
    assert.deepEqual(await query(server, "sum(lat_max)", timestamp), ["{} 199990000"]);
  },
);
