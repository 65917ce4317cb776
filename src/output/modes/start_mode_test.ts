import assert from "node:assert/strict";
import { names, type Subject, World } from "./contract_world.ts";
import type { ModeConfig } from "./mode.ts";
import { startMode } from "./start_mode.ts";

/** The mode as its metrics name it. */
function startedAs(world: World): string {
  return /mode="([^"]*)"/.exec(world.reporter.metrics.text())?.[1] ?? "";
}

const picked: [
  config: Partial<ModeConfig> & Pick<ModeConfig, "mode">,
  clients: number,
  concurrency: number,
  as: string,
][] = [
  [{ mode: "single" }, 1, 1, "single"],
  [{ mode: "single" }, 1, 8, "single"],
  [{ mode: "single" }, 2, 1, "single"],
  [{ mode: "failover" }, 2, 1, "failover"],
  [{ mode: "failover" }, 1, 1, "failover"],
  [{ mode: "load_balance" }, 2, 1, "load_balance"],
  [{ mode: "load_balance" }, 2, 4, "async_balance"],
  [{ mode: "load_balance", pipelining: 2 }, 2, 1, "async_balance"],
  [{ mode: "load_balance", pipelining: 0 }, 2, 4, "load_balance"],
  [{ mode: "load_balance", order: "strict" }, 2, 4, "failover"],
  [{ mode: "load_balance" }, 0, 1, "load_balance"],
  [{ mode: "single" }, 0, 1, "single"],
];
for (const [config, count, concurrency, as] of picked) {
  const what = `${JSON.stringify(config)} over ${count} clients of ${concurrency}`;
  Deno.test(`startMode() starts ${as} for ${what}`, async () => {
    const subject: Subject = {
      name: config.mode,
      start: (base, clients, deps) =>
        startMode(
          { ...base, ...config },
          clients.map(({ host, client }) => ({ host, client: Object.assign(client, { concurrency }) })),
          deps,
        ),
    };
    const world = new World(subject, Array.from({ length: count }, () => ({})));
    const outcome = await world.settle(world.publish(names(3)));
    assert.equal(outcome.kind, count === 0 ? "failed" : "completed");
    assert.equal(startedAs(world), as);
    await world.finish();
  });
}
