import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { DeliveryError, type DeliveryFailure, type DestinationClient } from "../contract.ts";
import { batchOf } from "../testing.ts";
import { startMode } from "./start_mode.ts";

/** A host that is left alone gets one request when that time is over, however many batches wait. */
const kept: [failure: DeliveryFailure, mode: "single" | "failover" | "load_balance"][] = [
  ["configuration", "single"],
  ["configuration", "failover"],
  ["configuration", "load_balance"],
  ["retry", "single"],
  ["retry", "failover"],
  ["retry", "load_balance"],
];
for (const [failure, mode] of kept) {
  Deno.test(`${mode} over one host probes it with one of many waiting batches after a failure of ${failure}`, async () => {
    const clock = new FakeClock();
    const sentMs: number[] = [];
    let connected = false;
    const client: DestinationClient = {
      concurrency: 8,
      get isConnected() {
        return connected;
      },
      connect: () => {
        connected = true;
        return Promise.resolve();
      },
      publish: (batch) => {
        sentMs.push(clock.monotonic());
        return Promise.resolve({ remaining: batch, error: new DeliveryError(failure, "Cannot deliver: no") });
      },
      close: () => {
        connected = false;
        return Promise.resolve();
      },
    };
    const config = {
      name: "out",
      mode,
      timeoutMs: 600_000,
      backoff: { initMs: 1, maxMs: 1 },
      maxRetries: -1,
      bulkMaxSize: 0,
      holdMs: 10_000,
      breaker: { failuresInRow: 1, openMs: 10_000, maxOpenMs: 10_000 },
    };
    const deps = { clock, reporter: recordingReporter(), random: () => 0.999 };
    const started = startMode(config, [{ host: "a:1", client }], deps);
    for (let i = 0; i < 20; i++) void started.publish(batchOf("points", `e${i}`), { guaranteed: true });
    await clock.advance(5_000);
    const before = sentMs.length;
    for (let period = 1; period <= 5; period++) {
      await clock.advance(10_000);
      assert.equal(sentMs.length - before, period, String(sentMs));
    }
    await started.close(0);
  });
}
