import assert from "node:assert/strict";
import { type AgentProcess, startAgentProcess } from "../../scripts/bench/agent_process.ts";

const COMMON = "hostname: web1, interval: 1h, percentiles: [0.5, 0.9], aggregates: [max, min, count], num_readers: 2";
const config = (more = "") => `
statsd: { udp_address: "127.0.0.1:0", ${COMMON}${more} }
http: { address: "127.0.0.1:0" }
`;

/** Sends lines, one a datagram, from one socket, and waits until the agent has taken them in; none must be dropped. */
async function send(agent: AgentProcess, lines: readonly string[]): Promise<void> {
  const arrived = async () => {
    const metrics = await agent.metrics();
    assert.equal(metrics["limier_statsd_datagrams_dropped_total"], 0);
    return metrics["limier_statsd_datagrams_received_total"] ?? 0;
  };
  const before = await arrived();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to = { transport: "udp" as const, hostname: "127.0.0.1", port: agent.port("udp://") };
  for (const line of lines) await socket.send(new TextEncoder().encode(line), to);
  socket.close();
  while (await arrived() < before + lines.length) await new Promise((go) => setTimeout(go, 20));
}

interface Printed {
  readonly name: string;
  readonly value: number;
  readonly interval?: number;
}

/** What an agent printed until it stopped, totals of rates and values of gauges, by name. */
async function published(agent: AgentProcess): Promise<Record<string, number>> {
  const { code, stdout } = await agent.stop();
  assert.equal(code, 0);
  const points: Printed[] = stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return Object.fromEntries(
    points.map(({ name, value, interval }) => [name, interval === undefined ? value : value * interval]),
  );
}

/** The samples of one host: timings, members of a set, and what is local or global only. */
function linesOf(host: number): string[] {
  const lines = ["jobs:3|c|#veneurglobalonly", `here:${host}|g`, "mine:1|c", "own:x|s|#veneurlocalonly"];
  for (let i = 0; i < 200; i++) {
    lines.push(`lat:${i * 2 + host}|ms`, `size:${i}|h|#veneurglobalonly`, `users:u${i * (host + 1)}|s`);
  }
  return lines;
}

Deno.test("two local agents and a global one publish what a single agent would", async () => {
  await using global = await startAgentProcess({ config: config(), keepsOutput: true });
  const single = await startAgentProcess({ config: config(), keepsOutput: true });
  const locals = await Promise.all(
    [0, 1].map(() => startAgentProcess({ config: config(`, forward_address: "${global.url}"`), keepsOutput: true })),
  );
  await Promise.all([
    send(single, [...linesOf(0), ...linesOf(1)]),
    ...locals.map((local, host) => send(local, linesOf(host))),
  ]);
  const [first, second] = [await published(locals[0]!), await published(locals[1]!)];
  const all = await published(single);
  assert.equal((await global.metrics())["limier_statsd_series_imported_total"], 8, "jobs, lat, size and users of each");
  const merged = await published(global);

  // Local: aggregates without percentiles, and what is the host's own.
  assert.deepEqual([first["lat.count"], second["lat.count"]], [200, 200]);
  assert.deepEqual([first["here"], second["here"], first["mine"], first["own"]], [0, 1, 1, 1]);
  for (const name of ["lat.50percentile", "users", "jobs", "size.count"]) assert.ok(!(name in first), name);

  // Global: percentiles and sets over both, global aggregates and counters, and nothing of what is local.
  assert.equal(merged["jobs"], 6);
  assert.equal(merged["users"], all["users"]);
  assert.deepEqual([merged["size.count"], merged["size.min"], merged["size.max"]], [400, 0, 199]);
  for (const name of ["lat.max", "lat.count", "here", "mine", "own"]) assert.ok(!(name in merged), name);
  for (const name of ["lat.50percentile", "lat.90percentile", "size.50percentile"]) {
    // A digest errs by less than 0.5 % of the range in the middle, and so does each of the two that were merged.
    assert.ok(Math.abs(merged[name]! - all[name]!) <= 0.01 * 400, `${name}: ${merged[name]} and ${all[name]}`);
  }
});

Deno.test("a forward that was refused joins the next, and nothing counts twice", async () => {
  // A port that nobody listens on, until the global agent does.
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr;
  probe.close();
  const local = await startAgentProcess({
    config: config(`, forward_address: "http://127.0.0.1:${port}"`).replace("interval: 1h", "interval: 2s"),
    keepsOutput: true,
  });
  await send(local, ["jobs:5|c|#veneurglobalonly"]);
  await local.logged((entry) => entry.outcome === "refused");
  await using global = await startAgentProcess({
    config: config().replace('address: "127.0.0.1:0" }', `address: "127.0.0.1:${port}" }`),
    keepsOutput: true,
  });
  await send(local, ["jobs:2|c|#veneurglobalonly"]);
  await local.stop();
  assert.equal((await published(global))["jobs"], 7);
});
