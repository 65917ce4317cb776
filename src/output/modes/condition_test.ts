import assert from "node:assert/strict";
import { FakeClock } from "../../clock/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { DeliveryError, type DeliveryFailure } from "../contract.ts";
import { conditionAfter } from "./condition.ts";
import { batchOf, names } from "./contract_world.ts";
import type { ModeConfig } from "./mode.ts";
import { type Script, ScriptedClient, Sink } from "./scripted_client.ts";
import { startMode } from "./start_mode.ts";

const states: [failure: DeliveryFailure, state: string][] = [
  ["connection", "retrying"],
  ["ambiguous", "retrying"],
  ["retry", "retrying"],
  ["throttle", "retrying"],
  ["configuration", "holding"],
  ["permanent", "delivering"],
  ["too_large", "delivering"],
];
for (const [failure, state] of states) {
  Deno.test(`conditionAfter() ${failure} is ${state}`, () => {
    assert.equal(conditionAfter(new DeliveryError(failure, "Cannot")), state);
  });
}

function started(script: Script, changes: Partial<ModeConfig> = {}) {
  const clock = new FakeClock(1_700_000_000_000);
  const reporter = recordingReporter();
  const sink = new Sink();
  const mode = startMode(
    {
      name: "out",
      mode: "single",
      timeoutMs: 1_000,
      backoff: { initMs: 100, maxMs: 1_000 },
      maxRetries: -1,
      bulkMaxSize: 0,
      ...changes,
    },
    ["a:1", "b:1"].map((host) => ({ host, client: new ScriptedClient(host, script, sink, clock) })),
    { clock, reporter, random: () => 0 },
  );
  const gauge = (name: string, label: string) => {
    const line = reporter.metrics.text().split("\n").find((line) =>
      line.startsWith(`limier_${name}{`) && line.includes(label)
    );
    return line === undefined ? undefined : Number(line.split(" ").at(-1));
  };
  return { clock, reporter, mode, gauge };
}

async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("a mode says that it can't deliver, once, and that it does again", async () => {
  let fails = true;
  const { clock, reporter, mode, gauge } = started({
    publish: (batch) =>
      fails ? { remaining: batch, error: new DeliveryError("retry", "Cannot deliver: 503") } : { remaining: null },
  });
  assert.equal(mode.condition.state, "idle");
  const first = mode.publish(batchOf(names(3)));
  await turn();
  for (let i = 0; i < 5; i++) {
    await clock.advance(500);
    await turn();
  }
  assert.equal(mode.condition.state, "retrying");
  assert.equal(mode.condition.why?.message, "Cannot deliver: 503");
  assert.equal(gauge("output_state", 'state="retrying"'), 1);
  assert.equal(gauge("output_state", 'state="idle"'), 0);
  assert.deepEqual(reporter.lines.map(({ level, message }) => [level, message]), [
    ["warn", "Output out can't deliver and goes on trying"],
  ]);
  fails = false;
  for (let i = 0; i < 5; i++) {
    await clock.advance(1_000);
    await turn();
  }
  assert.equal((await first).acked, 3);
  assert.equal(mode.condition.state, "idle");
  assert.deepEqual(reporter.lines.map(({ message }) => message).slice(1), ["Output out delivers again"]);
  await mode.close();
  assert.equal(gauge("output_state", "state="), undefined);
});

Deno.test("a mode shows its hosts: who is in use, who is left alone and for how long", async () => {
  const { clock, mode, gauge } = started(
    { connect: () => new DeliveryError("connection", "Cannot connect") },
    { mode: "failover" },
  );
  const published = mode.publish(batchOf(names(1)));
  for (let i = 0; i < 200 && gauge("breaker_state", 'host="a:1"') !== 2; i++) {
    await turn();
    await clock.advance(100);
  }
  assert.equal(gauge("breaker_state", 'host="a:1"'), 2);
  assert.ok(gauge("backoff_seconds", 'host="a:1"')! > 0);
  assert.equal(gauge("concurrency_limit", 'host="a:1"'), 1);
  assert.equal(gauge("workers", 'state="sending"'), 0);
  const inUse = gauge("active_host", 'host="a:1"')! + gauge("active_host", 'host="b:1"')!;
  assert.ok(inUse <= 1);
  await mode.close();
  assert.equal((await published).kind, "failed");
  assert.equal(gauge("breaker_state", "host="), undefined);
});

Deno.test("a mode measures requests and deliveries", async () => {
  const { mode, reporter } = started({});
  await mode.publish(batchOf(names(7)));
  const text = reporter.metrics.text();
  assert.match(text, /^limier_request_events_sum\{mode="single",output="out"\} 7$/m);
  assert.match(text, /^limier_request_duration_seconds_count\{mode="single",output="out"\} 1$/m);
  assert.match(text, /^limier_delivery_duration_seconds_count\{mode="single",output="out"\} 1$/m);
  await mode.close();
});
