/**
 * What delivery costs: the spool beside a plain file that gets and gives the same bytes, and each mode beside a client that is
 * called directly. Each round measures both, so that a machine that slows down slows both.
 */
import { realClock } from "../../src/clock/mod.ts";
import { BatchBuilder } from "../../src/metric/mod.ts";
import { type DestinationClient, type HostClient, startMode } from "../../src/output/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";
import { plain, spooled } from "./spool_times.ts";

const ROUNDS = 7;
const BATCHES = 2_000;
const EVENTS_A_BATCH = 500;

/** Median, least and most. */
function spread(values: readonly number[], digits = 2): string {
  const sorted = values.toSorted((a, b) => a - b);
  const [least, median, most] = [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!];
  return `${median.toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`;
}

async function measureSpool(events: number): Promise<void> {
  const append: number[] = [], drain: number[] = [], both: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const floor = await plain(events);
    const ours = await spooled(events);
    append.push(floor.writeMs / ours.writeMs);
    drain.push(floor.readMs / ours.readMs);
    both.push((floor.writeMs + floor.readMs) / (ours.writeMs + ours.readMs));
  }
  console.log(
    `spool, batches of ${events}: append and drain ${spread(both)} of a plain file; ` +
      `append alone ${spread(append)}, drain alone ${spread(drain)}`,
  );
}

const client: DestinationClient = {
  isConnected: true,
  connect: () => Promise.resolve(),
  publish: () => Promise.resolve({ remaining: null }),
  close: () => Promise.resolve(),
};

async function measureMode(mode: "single" | "failover" | "load_balance", hosts: number): Promise<void> {
  const builder = new BatchBuilder("points", 1_700_000_000);
  for (let i = 0; i < EVENTS_A_BATCH; i++) {
    builder.appendText(`event ${i}`);
    builder.endEvent();
  }
  const batch = builder.build();
  const clients: HostClient[] = Array.from({ length: hosts }, (_, i) => ({ host: `h${i}`, client }));
  const backoff = { initMs: 1_000, maxMs: 60_000 };
  await using running = startMode(
    { name: "out", mode, timeoutMs: 30_000, backoff, maxRetries: 3, bulkMaxSize: 0 },
    clients,
    { clock: realClock, reporter: recordingReporter() },
  );
  const { signal } = new AbortController();
  const overheads: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const directUs = await microseconds(() => client.publish(batch, signal));
    overheads.push(await microseconds(() => running.publish(batch)) - directUs);
  }
  console.log(`${mode} over ${hosts}: ${spread(overheads, 1)} µs a batch beside a direct call`);
}

async function microseconds(publish: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  for (let i = 0; i < BATCHES; i++) await publish();
  return (performance.now() - startMs) * 1_000 / BATCHES;
}

for (const events of [100, 1_000, 10_000]) await measureSpool(events);
await measureMode("single", 1);
await measureMode("failover", 3);
await measureMode("load_balance", 4);
