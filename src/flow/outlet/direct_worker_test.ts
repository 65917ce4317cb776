import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import type { SavedState } from "../decode/saved_state.ts";
import { usualRecords, usualTemplate } from "../sample_datagrams.ts";
import { v5Datagram } from "../testing.ts";
import { startDirectWorker } from "./direct_worker.ts";
import type { FlowRate } from "./flow_rates.ts";
import { KeptRows, parcelOf, workerConfig, workerDeps } from "./testing.ts";

Deno.test("DirectWorker names what it knows nothing of by address and number, and stores it when it ends", async () => {
  const store = new KeptRows();
  const deps = workerDeps(store);
  const worker = await startDirectWorker(workerConfig(), deps);
  await worker.take(parcelOf([v5Datagram(0, 2)]));
  assert.equal(store.rows.length, 0);
  await worker[Symbol.asyncDispose]();
  await worker[Symbol.asyncDispose]();
  const [row] = store.rows;
  assert.equal(store.rows.length, 2);
  assert.deepEqual(
    [row?.ExporterAddress, row?.ExporterName, row?.InIfName, row?.OutIfName, row?.SamplingRate, row?.SrcAddr],
    ["192.0.2.250", "192.0.2.250", "if3", "if4", 1, "10.0.0.0"],
  );
  const { metrics } = deps.reporter;
  const forwarded = metrics.counter("limier_outlet_core_forwarded_flows_total", "Flows handed to the store.");
  assert.equal(forwarded.value({ exporter: "192.0.2.250" }), 2);
});

Deno.test("DirectWorker ends a batch that is full, and one that is old", async () => {
  const store = new KeptRows();
  const clock = new FakeClock();
  const worker = await startDirectWorker(workerConfig({ maximumBatchSize: 30 }), workerDeps(store, { clock }));
  await worker.take(parcelOf([v5Datagram(0, 20)]));
  await worker.take(parcelOf([v5Datagram(20, 20)])); // whole datagrams: 40 rows
  await worker.take(parcelOf([v5Datagram(40, 20)]));
  assert.equal(store.rows.length, 40);
  await clock.advance(4_999);
  await worker.take(parcelOf([]));
  assert.equal(store.rows.length, 40);
  await clock.advance(1);
  await worker.take(parcelOf([]));
  await worker.flush();
  assert.equal(store.rows.length, 60);
  await worker[Symbol.asyncDispose]();
  assert.equal(store.tokens.length, 2);
});

Deno.test("DirectWorker fills one batch while another is stored, and no third", async () => {
  const store = new KeptRows();
  const gate = Promise.withResolvers<void>();
  store.gate = gate.promise;
  const worker = await startDirectWorker(workerConfig({ maximumBatchSize: 10 }), workerDeps(store));
  await worker.take(parcelOf([v5Datagram(0, 10)]));
  let isTaken = false;
  const second = worker.take(parcelOf([v5Datagram(10, 10)])).then(() => isTaken = true);
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(isTaken, false);
  gate.resolve();
  await second;
  await worker[Symbol.asyncDispose]();
  assert.equal(store.rows.length, 20);
});

Deno.test("DirectWorker gives up what can't be stored by the end of the grace period, and counts it", async () => {
  const store = new KeptRows();
  store.gate = new Promise(() => {});
  const clock = new FakeClock();
  const deps = workerDeps(store, { clock });
  const worker = await startDirectWorker(workerConfig(), deps);
  await worker.take(parcelOf([v5Datagram(0, 3)]));
  const ended = worker[Symbol.asyncDispose]();
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  await clock.advance(10_000);
  await ended;
  const lost = deps.reporter.metrics.counter(
    "limier_outlet_core_lost_flows_total",
    "Flows that could not be stored before the process had to end.",
  );
  assert.deepEqual([store.rows.length, lost.value()], [0, 3]);
});

Deno.test("DirectWorker limits an exporter's flows, and multiplies the rate of those that stay", async () => {
  const store = new KeptRows();
  const settings = { rateLimit: 20 };
  const core = { core: { default_sampling_rate: 100 } };
  const worker = await startDirectWorker(workerConfig({}, core), workerDeps(store));
  for (let i = 0; i < 4; i++) await worker.take(parcelOf([v5Datagram(10 * i, 10)], settings));
  await worker.take(parcelOf([v5Datagram(100, 1)], { ...settings, timeS: 1_700_000_101 }));
  await worker[Symbol.asyncDispose]();
  assert.equal(store.rows.length, 21);
  assert.deepEqual(store.rows.at(0)?.SamplingRate, 1); // version 5 says that nothing is sampled
  assert.deepEqual(store.rows.at(-1)?.SamplingRate, 2);
});

Deno.test("DirectWorker drops flows whose sampling rate is missing, where one is required", async () => {
  const store = new KeptRows();
  const deps = workerDeps(store);
  const worker = await startDirectWorker(workerConfig({}, { core: { require_sampling_rate: true } }), deps);
  await worker.take(parcelOf([usualTemplate(9), usualRecords(9, 5, 0), v5Datagram(0, 1)]));
  await worker[Symbol.asyncDispose]();
  assert.equal(store.rows.length, 1);
  const errors = deps.reporter.metrics.counter(
    "limier_outlet_core_flows_errors_total",
    "Flows that were dropped, by exporter and reason.",
  );
  assert.equal(errors.value({ exporter: "192.0.2.250", error: "sampling rate missing" }), 5);
});

Deno.test("DirectWorker counts what can't be read, and goes on", async () => {
  const store = new KeptRows();
  const deps = workerDeps(store);
  const worker = await startDirectWorker(workerConfig(), deps);
  await worker.take(parcelOf([Uint8Array.of(0), usualRecords(9, 5, 0), v5Datagram(0, 1)]));
  await worker.take({ octets: Uint8Array.of(1, 0, 0, 0, 0xff), count: 1 });
  await worker[Symbol.asyncDispose]();
  assert.equal(store.rows.length, 1);
  const page = deps.reporter.metrics.text();
  for (
    const line of [
      'limier_outlet_core_raw_flows_errors_total{error="cannot decode protobuf"} 1',
      'limier_outlet_core_raw_flows_errors_total{error="cannot decode payload"} 1',
      'limier_outlet_flow_netflow_missing_templates_total{exporter="192.0.2.250",version="9"} 1',
      'limier_outlet_flow_netflow_errors_total{error="template missing",exporter="192.0.2.250"} 1',
      "limier_outlet_core_received_raw_flows_total 4",
    ]
  ) assert.ok(page.includes(line), line);
});

Deno.test("DirectWorker measures by exporter, interface and direction", async () => {
  const store = new KeptRows();
  const rates: FlowRate[] = [];
  const worker = await startDirectWorker(
    workerConfig({ measures: true }),
    workerDeps(store, { onRates: (one) => rates.push(...one) }),
  );
  await worker.take(parcelOf([v5Datagram(0, 3)]));
  await worker[Symbol.asyncDispose]();
  const common = { exporter: "192.0.2.250", flows: 3, packets: 30, bytes: 25_200 };
  assert.deepEqual(rates, [
    { ...common, interface: "if3", direction: "in" },
    { ...common, interface: "if4", direction: "out" },
  ]);
});

Deno.test("DirectWorker reads what has waited for days with the templates of its day, and forgets them in time", async () => {
  const store = new KeptRows();
  const clock = new FakeClock(1_800_000_000_000); // three years after what it reads
  const decoder = { ...workerConfig().decoder, templateTimeoutMs: 600_000 };
  const worker = await startDirectWorker(workerConfig({ decoder }), workerDeps(store, { clock }));
  const read = async (timeS: number, ...payloads: Uint8Array[]) => {
    await worker.take(parcelOf(payloads, { timeS }));
    await worker.flush();
    return Object.keys(worker.state().Decoders).length;
  };
  assert.equal(await read(1_700_000_000, usualTemplate(9), usualRecords(9, 5, 0)), 1);
  assert.equal(await read(1_700_000_600, usualRecords(9, 5, 1)), 1);
  assert.equal(store.rows.length, 10);
  assert.equal(await read(1_700_000_601, v5Datagram(0, 1)), 0);
  await worker[Symbol.asyncDispose]();
});

Deno.test("DirectWorker has templates kept over a restart, when they are new, and now and then for their age", async () => {
  const store = new KeptRows();
  const clock = new FakeClock();
  const saved: SavedState[] = [];
  const remember = (learned: SavedState) => Promise.resolve(void saved.push(structuredClone(learned)));
  const first = await startDirectWorker(workerConfig(), workerDeps(store, { clock, remember }));
  for (let i = 0; i < 3; i++) {
    await first.take(parcelOf([usualTemplate(9), usualRecords(9, 5, i)]));
    await first.flush();
  }
  assert.equal(saved.length, 1);
  await clock.advance(300_000);
  await first.take(parcelOf([usualRecords(9, 5, 3)]));
  await first.flush();
  assert.equal(saved.length, 2);
  assert.deepEqual(saved[1], first.state());
  await first[Symbol.asyncDispose]();
  const second = await startDirectWorker(workerConfig(), workerDeps(store));
  second.learn(saved[0]!);
  await second.take(parcelOf([usualRecords(9, 5, 9)]));
  await second[Symbol.asyncDispose]();
  assert.equal(store.rows.length, 25);
});
