import assert from "node:assert/strict";
import { startAgentProcess } from "../../scripts/bench/agent_process.ts";
import { freePort } from "../../src/testing/mod.ts";
import { assertLikeSingle, assertLocalOnly, configOf, linesOf, published, send } from "./forwarding_stage.ts";

Deno.test("two local agents and a global one publish what a single agent would", async () => {
  await using global = await startAgentProcess({ config: configOf(), keepsOutput: true });
  const single = await startAgentProcess({ config: configOf(), keepsOutput: true });
  const locals = await Promise.all(
    [0, 1].map(() => startAgentProcess({ config: configOf(`, forward_address: "${global.url}"`), keepsOutput: true })),
  );
  await Promise.all([
    send(single, [...linesOf(0), ...linesOf(1)]),
    ...locals.map((local, host) => send(local, linesOf(host))),
  ]);
  const [first, second] = [await published(locals[0]!), await published(locals[1]!)];
  const all = await published(single);
  assert.equal(
    (await global.metrics())["limier_statsd_series_imported_total"],
    10,
    "jobs, level, lat, size and users of each",
  );
  const merged = await published(global);

  // Local: aggregates without percentiles, and what is the host's own.
  assertLocalOnly(first, 0);
  assertLocalOnly(second, 1);
  // Global: percentiles and sets over both, global aggregates and counters, and nothing of what is local.
  assertLikeSingle(merged, all, 2);
});

Deno.test("a forward that was refused joins the next, and nothing counts twice", async () => {
  // A port that nobody listens on, until the global agent does.
  const port = freePort();
  const local = await startAgentProcess({
    config: configOf(`, forward_address: "http://127.0.0.1:${port}"`).replace("interval: 1h", "interval: 2s"),
    keepsOutput: true,
  });
  await send(local, ["jobs:5|c|#veneurglobalonly"]);
  await local.logged((entry) => entry.outcome === "refused");
  await using global = await startAgentProcess({
    config: configOf().replace('address: "127.0.0.1:0" }', `address: "127.0.0.1:${port}" }`),
    keepsOutput: true,
  });
  await send(local, ["jobs:2|c|#veneurglobalonly"]);
  await local.stop();
  assert.equal((await published(global))["jobs"], 7);
});
