import assert from "node:assert/strict";
import { startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { sampledHeaders, usualRecords, usualTemplate } from "../../src/flow/mod.ts";
import { startScriptedClickhouse } from "../../scripts/campaigns/scripted_clickhouse.ts";
import { functionalTest } from "../../src/testing/mod.ts";
import { sendUdp, temporaryFolder } from "./limier.ts";
import { startRecorder } from "./recorder.ts";

const PROMTOOL = { path: "prometheus/usr/bin/promtool", command: "promtool", setup: "scripts/setup-prometheus.sh" };

/** What `promtool check metrics` says of a page. */
async function lint(promtool: string, page: string): Promise<{ code: number; said: string }> {
  const child = new Deno.Command(promtool, {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(page));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

functionalTest("promtool has nothing to say of /metrics", PROMTOOL, async (promtool) => {
  await using folder = await temporaryFolder();
  await using destination = startRecorder();
  await using flows = startScriptedClickhouse({ keys: 0, keyOf: () => undefined, slowMs: 10 });
  await using agent = await startAgentProcess({
    config: `
flow:
  inlet:
    listen:
      - { address: "127.0.0.1:0", decoder: netflow, workers: 2, rate_limit: 1 }
      - { address: "127.0.0.1:0", decoder: sflow }
  outlet:
    clickhouse:
      servers: ["${flows.url}"]
      compression: none
      skip_migrations: true
      maximum_wait_time: 100ms
    core: { exporter_classifiers: ['ClassifySite("lab")'] }
    meter: true
http: { address: "127.0.0.1:0" }
spool: { directory: "${folder.path}/spool" }
statsd:
  udp_address: "127.0.0.1:0"
  tcp_address: "127.0.0.1:0"
  ssf_listen_addresses: ["udp://127.0.0.1:0"]
  grpc_listen_addresses: ["tcp://127.0.0.1:0"]
  interval: 1s
  forward_address: "${destination.url}"
  sources: [{ kind: openmetrics, name: own, scrape_target: "${destination.url}/metrics", scrape_interval: 1s }]
outputs:
  - { name: spooled, kind: datadog, key: s3cr3t, hosts: ["${destination.url}"], spool: true }
  - { name: dead, kind: influxdb, hosts: ["http://127.0.0.1:9", "http://127.0.0.1:19"], mode: failover, database: m }
  - { name: many, kind: prometheus_remote_write, hosts: ["${destination.url}"], mode: load_balance, worker: 2 }
  - { name: page, kind: prometheus_exposition }
`,
  });
  const udp = agent.addresses.filter((address) => address.startsWith("udp:"))
    .map((address) => Number(address.split(":").at(-1)));
  const usual = [usualTemplate(9), usualRecords(9, 3, 0), usualRecords(10, 3, 0), usualRecords(9, 3, 1)];
  await sendUdp(udp.at(-2)!, [...usual, Uint8Array.of(0)]);
  await sendUdp(udp.at(-1)!, [sampledHeaders(3, 0), Uint8Array.of(0)]);
  await sendUdp(udp[0]!, ["a:1|c\nb:2|g\nc:3|ms\nd:x|s\nbad", "_e{1,1}:a|b", "_sc|a|0"]);
  const page = async () => await (await fetch(`${agent.url}/metrics`)).text();
  // Until the families of failures are there, too.
  const isThere = (text: string) =>
    /limier_backoff_seconds\{.*output="dead"/.test(text) && /limier_outlet_flow_sflow_errors_total\{/.test(text) &&
    /limier_outlet_clickhouse_insert_time_seconds_count [1-9]/.test(text);
  for (let text = ""; !isThere(text); text = await page()) {
    await new Promise((go) => setTimeout(go, 50));
  }
  assert.deepEqual(await lint(promtool, await page()), { code: 0, said: "" });
  // The check itself can fail: a counter without _total, and no help.
  assert.notDeepEqual(await lint(promtool, "# TYPE a counter\na 1\n"), { code: 0, said: "" });
});
