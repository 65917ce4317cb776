import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { until } from "../../src/testing/mod.ts";
import { limier, sendUdp, temporaryFolder } from "./limier.ts";
import { type Recorded, startRecorder } from "./recorder.ts";

/** An agent whose one output keeps batches in `directory` and delivers to these hosts. */
function configOf(directory: string, hosts: readonly string[], more = ""): string {
  return `
http: { address: "127.0.0.1:0" }
statsd: { udp_address: "127.0.0.1:0", interval: 1s, hostname: h }
spool: { directory: "${directory}" }
outputs:
  - { name: dd, kind: datadog, key: s3cr3t, hosts: ${JSON.stringify(hosts)}, spool: true, timeout: 2s, ${more}
      backoff: { init: 50ms, max: 200ms } }
`;
}

/** What a Datadog was sent, by metric: the sum of a counter's rates, the interval being one second. */
function sumsOf(requests: readonly Recorded[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { body } of requests) {
    const { series } = JSON.parse(new TextDecoder().decode(inflateSync(body)));
    for (const { metric, points } of series) sums[metric] = (sums[metric] ?? 0) + points[0][1];
  }
  return sums;
}

/** The number of events of the output in that state. */
async function eventsOf(agent: AgentProcess, state: string): Promise<number> {
  return sumOf(await agent.metrics(), state);
}

function sumOf(metrics: Readonly<Record<string, number>>, state: string): number {
  return Object.entries(metrics)
    .filter(([name]) => name.startsWith(`limier_${state}{`))
    .reduce((sum, [, value]) => sum + value, 0);
}

/** A port where nobody listens and which nobody is given by chance. */
const DEAD = "http://127.0.0.1:9";

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  Deno.test(`what a destination that is down could not take is delivered after ${signal} and a restart`, async () => {
    await using folder = await temporaryFolder();
    const directory = `${folder.path}/spool`;
    const down = await startAgentProcess({ config: configOf(directory, [DEAD]) });
    await sendUdp(down.port("udp"), ["a:3|c", "b:4|c"]);
    await until(async () => {
      const metrics = await down.metrics();
      return sumOf(metrics, "pending_events") >= 2 && metrics["limier_spool_waiting_bytes"] === 0;
    });
    if (signal === "SIGTERM") await sendUdp(down.port("udp"), ["c:5|c"]);
    down.signal(signal);
    const { code, stderr } = await down.ended;
    if (signal === "SIGTERM") assert.equal(code, 0, stderr);
    await using destination = startRecorder();
    await using up = await startAgentProcess({ config: configOf(directory, [destination.url]) });
    const want = signal === "SIGTERM" ? { a: 3, b: 4, c: 5 } : { a: 3, b: 4 };
    await until(() => Promise.resolve(Object.keys(want).every((name) => name in sumsOf(destination.requests))));
    assert.deepEqual(sumsOf(destination.requests), want);
    await until(async () => await eventsOf(up, "pending_events") === 0);
    const ended = await Promise.all(
      ["delivered", "duplicate", "rejected", "dropped"].map((how) => eventsOf(up, `events_${how}_total`)),
    );
    assert.equal(await eventsOf(up, "events_accepted_total"), ended.reduce((sum, one) => sum + one, 0));
  });
}

Deno.test("a torn tail of the spool is cut off and told of, and the rest arrives", async () => {
  await using folder = await temporaryFolder();
  const directory = `${folder.path}/spool`;
  const down = await startAgentProcess({ config: configOf(directory, [DEAD]) });
  await sendUdp(down.port("udp"), ["a:3|c"]);
  await until(async () => await eventsOf(down, "pending_events") >= 1);
  const { code } = await down.stop();
  assert.equal(code, 0);
  const segments = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) =>
    /^[0-9a-f]{16}/.test(name)
  );
  const newest = segments.sort().at(-1)!;
  await Deno.writeFile(`${directory}/${newest}`, new TextEncoder().encode("half a record"), { append: true });
  await using destination = startRecorder();
  await using up = await startAgentProcess({ config: configOf(directory, [destination.url]) });
  assert.ok(up.log.some(({ message }) => /\btorn\b/.test(message ?? "")));
  assert.equal((await up.metrics())["limier_spool_truncated_bytes_total"], 13);
  await destination.until((requests) => "a" in sumsOf(requests));
});

Deno.test("a second agent with the same spool ends with 3 and says why", async () => {
  await using folder = await temporaryFolder();
  const config = configOf(`${folder.path}/spool`, [DEAD]);
  await using first = await startAgentProcess({ config });
  await Deno.writeTextFile(`${folder.path}/second.yaml`, config);
  const second = await limier(["run", "-f", `${folder.path}/second.yaml`]);
  assert.equal(second.code, 3, second.stderr);
  assert.match(second.stderr, /lock/);
  assert.equal((await fetch(`${first.url}/healthcheck`)).status, 200);
});

Deno.test("a reload keeps what is stored for an output and delivers it to its new host", async () => {
  await using folder = await temporaryFolder();
  const directory = `${folder.path}/spool`;
  await using agent = await startAgentProcess({ config: configOf(directory, [DEAD]) });
  await sendUdp(agent.port("udp"), ["a:3|c"]);
  await until(async () => await eventsOf(agent, "pending_events") >= 1);
  await using destination = startRecorder();
  await Deno.writeTextFile(agent.configPath, configOf(directory, [destination.url]));
  agent.signal("SIGHUP");
  await destination.until((requests) => "a" in sumsOf(requests));
  assert.deepEqual(sumsOf(destination.requests), { a: 3 });
});

Deno.test("of two hosts, one of which is down, a failover output uses the other", async () => {
  await using folder = await temporaryFolder();
  await using destination = startRecorder();
  const hosts = [DEAD, destination.url];
  await using agent = await startAgentProcess({ config: configOf(`${folder.path}/spool`, hosts, "mode: failover,") });
  await sendUdp(agent.port("udp"), ["a:3|c"]);
  await destination.until((requests) => "a" in sumsOf(requests));
  await until(async () => await eventsOf(agent, "pending_events") === 0);
});
