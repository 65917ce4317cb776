import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { pointsOf, sendUdp } from "./limier.ts";

function start(more = ""): Promise<AgentProcess> {
  return startAgentProcess({
    config: `
statsd: { udp_address: "127.0.0.1:0", hostname: web1, interval: 1h, aggregates: [count], num_readers: 2${more} }
http: { address: "127.0.0.1:0" }
`,
    keepsOutput: true,
  });
}

/** Sends each line from a socket of its own, so that every reader gets some. */
async function send(agent: AgentProcess, lines: readonly string[]): Promise<void> {
  for (const line of lines) await sendUdp(agent.port("udp://"), [line]);
  while ((await agent.metrics())["limier_statsd_datagrams_received_total"] !== lines.length) {
    await new Promise((go) => setTimeout(go, 20));
  }
}

Deno.test("sets of the older generation, from several hosts and threads, are one at a global instance", async () => {
  await using global = await start();
  const old = `, forward_address: "${global.url}", forward_set_format: v1`;
  const locals = await Promise.all([start(old), start(old)]);
  for (const [host, local] of locals.entries()) {
    const members = Array.from({ length: 40 }, (_, i) => `users:m${i + host * 20}|s`);
    await send(local, [...members, `level:${host}|g|#veneurglobalonly`, "jobs:2|c|#veneurglobalonly"]);
  }
  const printed = await Promise.all(locals.map((local) => local.stop()));
  for (const [host, { code, stdout }] of printed.entries()) {
    assert.equal(code, 0);
    // An older instance has no global gauges, so that a local one publishes them itself.
    assert.deepEqual(pointsOf(stdout, "level").map(({ value }) => value), [host]);
    assert.deepEqual(pointsOf(stdout, "users"), []);
  }
  const { stdout } = await global.stop();
  assert.deepEqual(pointsOf(stdout, "users").map(({ value }) => value), [60]);
  assert.deepEqual(pointsOf(stdout, "jobs").map(({ value, interval }) => Number(value) * Number(interval)), [4]);
  assert.deepEqual(pointsOf(stdout, "level"), []);
});
