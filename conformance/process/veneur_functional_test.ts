import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import { startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { freeUdpPort } from "../../src/testing/mod.ts";
import { limier, sendUdp, temporaryFolder } from "./limier.ts";
import { type Recorded, type Recorder, startRecorder } from "./recorder.ts";

const ALL_KEYS = new URL("../../testdata/veneur/all_keys_1_1.yaml", import.meta.url);
const KEY = "00000000000000000000000000001234";

interface Series {
  readonly metric: string;
  readonly points: [[number, number]];
  readonly tags?: string[];
  readonly type: string;
  readonly host?: string;
  readonly interval?: number;
}

/** The file with all 34 keys of 1.1, with addresses and what is given put in. */
async function allKeys(values: Record<string, string>): Promise<string> {
  let text = await Deno.readTextFile(ALL_KEYS);
  for (const [key, value] of Object.entries(values)) {
    const written = new RegExp(`^${key}:.*$`, "m");
    assert.match(text, written);
    text = text.replace(written, `${key}: ${value}`);
  }
  return text;
}

/** A port that is free, for an address that two keys have to name. */
function seriesOf({ body }: Recorded): Series[] {
  return JSON.parse(new TextDecoder().decode(inflateSync(body))).series;
}

function isSeries({ path }: Recorded): boolean {
  return path.startsWith("/api/v1/series");
}

/** The points of each flush, by its timestamp: a list a request. */
function flushesOf({ requests }: Recorder): Map<number, Series[][]> {
  const flushes = new Map<number, Series[][]>();
  for (const request of requests.filter(isSeries)) {
    const series = seriesOf(request);
    const timestamp = series[0]!.points[0][0];
    flushes.set(timestamp, [...flushes.get(timestamp) ?? [], series]);
  }
  return flushes;
}

Deno.test("limier run --veneur takes all 34 keys of 1.1 and delivers flush by flush to Datadog", async () => {
  await using datadog = startRecorder();
  await using global = startRecorder();
  const port = freeUdpPort();
  const config = await allKeys({
    forward_address: global.url,
    api_hostname: datadog.url,
    udp_address: `127.0.0.1:${port}`,
    stats_address: `127.0.0.1:${port}`,
    tcp_address: "127.0.0.1:0",
    trace_address: "127.0.0.1:0",
    http_address: "127.0.0.1:0",
    flush_max_per_body: "4",
    sentry_dsn: '"http://0123456789abcdef0123456789abcdef@127.0.0.1:9/1"',
    debug: "false",
    interval: "2s",
    aws_s3_bucket: '""', // or its objects would go to AWS
  });
  await using agent = await startAgentProcess({ config, args: (path) => ["run", "--veneur", "-f", path] });
  // All of it within the first window, which has just begun and is two seconds long.
  const counts = Array.from({ length: 9 }, (_, i) => `jobs.done${i}:${i + 1}|c|#job:j${i}`);
  await sendUdp(port, [
    counts.join("\n"),
    "temp:21.5|g",
    "lat:10|ms\nlat:30|ms",
    "_e{5,4}:Title|text|#who:me",
    "_sc|db.up|1|m:slow",
    "bad",
  ]);
  await datadog.until((requests) =>
    requests.some((request) => isSeries(request) && seriesOf(request).some(({ metric }) => metric === "jobs.done0"))
  );
  await datadog.until(() => flushesOf(datadog).size >= 2);
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0, stderr);

  const [first, second] = [...flushesOf(datadog).values()];
  const bodies = first!.map((series) => series.length).toSorted((a, b) => b - a);
  const points = first!.flat();
  // 9 counters, a gauge, a timer's parts that a local instance publishes.
  assert.equal(points.length, 9 + 1 + 6);
  assert.deepEqual(bodies, [4, 4, 4, 4]);
  const timestamp = points[0]!.points[0][0];
  const tags = (...own: string[]) => [...own, "env:prod", "dc:eu"];
  const byName = new Map(points.map((one) => [one.metric, one]));
  for (let i = 0; i < 9; i++) {
    assert.deepEqual(byName.get(`jobs.done${i}`), {
      metric: `jobs.done${i}`,
      points: [[timestamp, (i + 1) / 2]],
      tags: tags(`job:j${i}`),
      type: "rate",
      host: "web1.example.org",
      interval: 2,
    });
  }
  assert.deepEqual(byName.get("temp"), {
    metric: "temp",
    points: [[timestamp, 21.5]],
    tags: tags(),
    type: "gauge",
    host: "web1.example.org",
  });
  const parts = { min: 10, max: 30, avg: 20, sum: 40, median: 20, count: 1 };
  for (const [part, value] of Object.entries(parts)) {
    assert.equal(byName.get(`lat.${part}`)?.points[0][1], value, part);
  }

  for (const request of datadog.requests) {
    assert.equal(request.method, "POST");
    assert.equal(request.headers.get("content-type"), "application/json");
    assert.ok(request.path.endsWith(`?api_key=${KEY}`), request.path);
    const isDeflated = !request.path.startsWith("/api/v1/check_run");
    assert.equal(request.headers.get("content-encoding"), isDeflated ? "deflate" : null);
    if (isDeflated) assert.equal(request.body[0], 0x78); // zlib's form
  }
  const [event] = datadog.requests.filter(({ path }) => path.startsWith("/intake"));
  assert.deepEqual(
    JSON.parse(new TextDecoder().decode(inflateSync(event!.body))).events.api.map(
      ({ msg_title, msg_text, host, tags }: Record<string, unknown>) => ({ msg_title, msg_text, host, tags }),
    ),
    [{ msg_title: "Title", msg_text: "text", host: "web1.example.org", tags: tags("who:me") }],
  );
  const [check] = datadog.requests.filter(({ path }) => path.startsWith("/api/v1/check_run"));
  const [{ check: name, status, message, host_name }] = JSON.parse(new TextDecoder().decode(check!.body));
  assert.deepEqual([name, status, message, host_name], ["db.up", 1, "slow", "web1.example.org"]);

  const own = second!.flat();
  assert.ok(own.every(({ metric }) => metric.startsWith("veneur.")), "nothing is sent twice");
  assert.ok(second!.every((series) => series.length <= 4));
  const value = (metric: string, tag?: string) =>
    own.find((one) => one.metric === metric && (tag === undefined || one.tags?.includes(tag)))?.points[0][1];
  assert.equal(value("veneur.flush.post_metrics_total"), 16);
  assert.equal(value("veneur.packet.error_total", "packet_type:metric"), 1 / 2);
  // And some of its own, which it has sent while it flushed.
  assert.ok(value("veneur.worker.metrics_processed_total")! >= 12 / 2);
  assert.equal(value("veneur.worker.metrics_flushed_total", "metric_type:counter"), 9 / 2);
  assert.equal(value("veneur.worker.metrics_flushed_total", "metric_type:local_timer"), 1 / 2);
  assert.equal(value("veneur.worker.events_flushed_total"), 1 / 2);
  assert.equal(value("veneur.worker.checks_flushed_total"), 1 / 2);
  for (const metric of ["veneur.flush.total_duration_ns.max", "veneur.flush.content_length_bytes.count"]) {
    assert.notEqual(value(metric), undefined, metric);
  }
  assert.ok(own.every(({ tags }) => tags?.includes("env:prod") && !tags.includes("veneurlocalonly")));
});

Deno.test("limier run --veneur warns once of each part that Limier lacks, at its place, and starts", async () => {
  await using datadog = startRecorder();
  const config = await allKeys({
    api_hostname: datadog.url,
    forward_address: datadog.url,
    udp_address: "127.0.0.1:0",
    stats_address: '""',
    tcp_address: "127.0.0.1:0",
    trace_address: "127.0.0.1:0",
    http_address: "127.0.0.1:0",
  });
  const more = `
forward_set_format: v1
grpc_address: 127.0.0.1:0
lightstep_access_token: sesame
unknown_key: 1
metric_sinks:
  - { kind: cortex, name: long_term, config: { url: "http://127.0.0.1:1" } }
  - { kind: newrelic, name: nr, config: {} }
`;
  await using agent = await startAgentProcess({
    config: config + more,
    args: (path) => ["run", "--veneur", "-f", path],
  });
  const warnings = agent.log.filter(({ level }) => level === "warn").map(({ message }) => String(message));
  const lines = (config + more).split("\n");
  const expected: [key: string, says: RegExp][] = [
    ["lightstep_access_token", /lightstep sink is not supported/],
    ["unknown_key", /unknown key unknown_key/],
    ["  - { kind: newrelic", /sink nr is left out: kind newrelic is not supported/],
  ];
  for (const [key, says] of expected) {
    const line = lines.findIndex((one) => one.startsWith(key)) + 1;
    const found = warnings.filter((warning) => says.test(warning));
    assert.equal(found.length, 1, `${key}: ${warnings.join("\n")}`);
    assert.ok(found[0]!.startsWith(`${agent.configPath}:${line}:`), found[0]!);
  }
  assert.equal(warnings.length, expected.length, warnings.join("\n"));
  assert.equal(await (await fetch(`${agent.url}/healthcheck`)).text(), "ok\n");
  assert.equal((await agent.stop()).code, 0);
});

/** A span of 2017, which is of trace 884671344597019736. */
const SPAN =
  "080612077765622e676574188080a8b1e39fe7cb1728023a060a016b1201764a2908d8d8b0ade9fcbea30c10d9d8b0ade9fcbea30c18d8d8b0ade9fcbea30c2205474554202f28e0c65b5203776562";

const requests: [key: string, request: RegExp, body: RegExp][] = [
  ["", /^PUT \/v0\.3\/traces$/, /^\[\[\{"trace_id":884671344597019736,.*"type":"web".*\}\]\]$/],
  ["datadog_trace_format: spans\n", /^POST \/spans$/, /^\[\{"trace_id":884671344597019736,.*"type":"http".*\}\]$/],
];
for (const [key, request, body] of requests) {
  Deno.test(`limier run --veneur puts spans to the trace agent, also without an API key (${key.trim() || "today"})`, async () => {
    await using traces = startRecorder();
    const port = freeUdpPort();
    const config = `${key}trace_api_address: ${traces.url}\ntrace_address: 127.0.0.1:${port}\ninterval: 1s\n`;
    await using agent = await startAgentProcess({
      config: `${config}http_address: 127.0.0.1:0\n`,
      args: (path) => ["run", "--veneur", "-f", path],
    });
    assert.deepEqual(agent.log.filter(({ level }) => level === "warn"), []);
    await sendUdp(port, [Uint8Array.fromHex(SPAN)]);
    await traces.until((requests) => requests.length > 0);
    const [first] = traces.requests;
    assert.match(`${first!.method} ${first!.path}`, request);
    assert.match(new TextDecoder().decode(first!.body), body);
    assert.equal((await agent.stop()).code, 0);
    assert.equal(traces.requests.length, 1);
  });
}

const validations: [text: string, flag: string, code: number, stderr: RegExp][] = [
  ["interval: 10s\nnonsense: 1\n", "-validate-config", 0, /:2:1: unknown key nonsense has no effect/],
  ["interval: 10s\nnonsense: 1\n", "-validate-config-strict", 1, /:2:1: [^\n]*nonsense/],
  ["interval: 10s\n", "-validate-config-strict", 0, /^$/],
  ["interval: ten\n", "-validate-config", 1, /:1:11: Cannot use interval = "ten"/],
];

for (const [text, flag, expected, says] of validations) {
  Deno.test(`limier run --veneur ${flag} of ${JSON.stringify(text)} exits ${expected}`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/veneur.yaml`;
    await Deno.writeTextFile(path, text);
    const { code, stderr } = await limier(["run", "--veneur", "-f", path, flag]);
    assert.match(stderr, says);
    assert.equal(code, expected);
  });
}
