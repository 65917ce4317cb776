/**
 * What each mode costs for one batch, beside the client that is called directly: the client takes everything at once, so
 * that nothing but the mode is measured. Batches follow each other; `64 at once` is what a busy balancer sees.
 */
import { realClock } from "../../clock/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import type { DestinationClient } from "../contract.ts";
import { startAsyncBalance } from "./async_balance.ts";
import { asyncClient } from "./async_client.ts";
import { batchOf, names } from "./contract_world.ts";
import { startFailover } from "./failover.ts";
import { startLoadBalance } from "./load_balance.ts";
import type { HostClient, Mode, ModeConfig } from "./mode.ts";
import { KeyOrdered } from "./order.ts";
import { startSingle } from "./single.ts";

const client: DestinationClient = {
  isConnected: true,
  connect: () => Promise.resolve(),
  publish: () => Promise.resolve({ remaining: null }),
  close: () => Promise.resolve(),
};
const config: ModeConfig = {
  name: "out",
  mode: "single",
  timeoutMs: 30_000,
  backoff: { initMs: 1_000, maxMs: 60_000 },
  maxRetries: 3,
  bulkMaxSize: 0,
};
const deps = { clock: realClock, reporter: recordingReporter() };
const hosts = (count: number): HostClient[] => Array.from({ length: count }, (_, i) => ({ host: `h${i}`, client }));
const batch = batchOf(names(500));
const signal = new AbortController().signal;

const modes: [name: string, mode: Mode][] = [
  ["single", startSingle(config, hosts(1)[0]!, deps)],
  ["failover, 3 hosts", startFailover(config, hosts(3), deps)],
  ["load_balance, 4 workers", startLoadBalance(config, hosts(4), deps)],
  [
    "async_balance, 4 workers",
    startAsyncBalance(config, hosts(4).map(({ host }) => ({ host, client: asyncClient(client, "out") })), deps),
  ],
];

Deno.bench("client alone", { group: "batch", baseline: true }, async () => {
  await client.publish(batch, signal);
});
for (const [name, mode] of modes) {
  Deno.bench(name, { group: "batch" }, async () => {
    await mode.publish(batch);
  });
}

Deno.bench("client alone, 64 at once", { group: "64 at once", baseline: true }, async () => {
  await Promise.all(Array.from({ length: 64 }, () => client.publish(batch, signal)));
});
for (const [name, mode] of modes) {
  Deno.bench(`${name}, 64 at once`, { group: "64 at once" }, async () => {
    await Promise.all(Array.from({ length: 64 }, () => mode.publish(batch)));
  });
}

const keyed = new KeyOrdered(modes[0]![1], (event) => String.fromCharCode(...event));
Deno.bench("ordered by key, 500 keys", { group: "order" }, async () => {
  await keyed.publish(batch);
});
