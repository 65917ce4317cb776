import assert from "node:assert/strict";
import { FakeClock, realClock } from "../../clock/mod.ts";
import { Section } from "../../config/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { freePort, until } from "../../testing/mod.ts";
import { resolveSchema } from "../store/mod.ts";
import { variedBatch } from "../store/testing.ts";
import { readKafkaOutput } from "./config.ts";
import { startKafkaOutput } from "./output_sender.ts";

/** An output to `brokers`, and what it counts. */
function setup(broker: string, section: object = {}, clock = realClock) {
  const reporter = recordingReporter();
  const config = readKafkaOutput(Section.of({ enabled: true, brokers: [broker], ...section }), undefined);
  const output = startKafkaOutput(config, {
    clock,
    reporter,
    columns: resolveSchema().ingested,
    clientId: "test",
  });
  const value = (name: string) =>
    Number(new RegExp(`^limier_outlet_kafkaoutput_${name} (.*)$`, "m").exec(reporter.metrics.text())?.[1] ?? 0);
  return {
    output,
    reporter,
    sent: () => value("sent_messages_total"),
    dropped: () => value("dropped_messages_total"),
    failed: () => value('errors_total{error="connect"}'),
  };
}

/** Takes connections and never says anything. */
function startSilentBroker() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  return {
    address: `127.0.0.1:${listener.addr.port}`,
    connections,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of connections) connection.close();
    },
  };
}

Deno.test("KafkaOutput counts what nobody takes, says so once, and goes on", async () => {
  const { output, reporter, failed, sent, dropped } = setup(`127.0.0.1:${freePort()}`);
  for (const rows of [3, 4]) {
    output.add(variedBatch(rows));
    output.send();
    await until(() => failed() >= (rows === 3 ? 3 : 7), "the failure");
  }
  await output[Symbol.asyncDispose]();
  await output[Symbol.asyncDispose]();
  assert.deepEqual([sent(), failed(), dropped()], [0, 7, 0]);
  assert.equal(reporter.lines.filter(({ level }) => level === "error").length, 1);
});

Deno.test("KafkaOutput drops and counts what comes while too much waits, and keeps a flush whole", async () => {
  await using broker = startSilentBroker();
  const { output, dropped } = setup(broker.address, { queue_size: 10, shutdown_timeout: "0s" });
  const flushes = [[4, 7], [5], [1, 1]];
  for (const flush of flushes) {
    for (const rows of flush) output.add(variedBatch(rows));
    output.send();
  }
  assert.equal(dropped(), 5 + 2); // 11 wait, which is more than 10
  await output[Symbol.asyncDispose]();
  assert.equal(dropped(), 18);
});

Deno.test("KafkaOutput takes rows as long as no more than queue_size wait", async () => {
  await using broker = startSilentBroker();
  const { output, dropped } = setup(broker.address, { queue_size: 10, shutdown_timeout: "0s" });
  for (const rows of [10, 50, 1]) {
    output.add(variedBatch(rows));
    output.send();
  }
  assert.equal(dropped(), 1);
  await output[Symbol.asyncDispose]();
});

Deno.test("KafkaOutput waits for silent brokers at its end, and no longer than it may", async () => {
  await using broker = startSilentBroker();
  const clock = new FakeClock();
  const { output, dropped } = setup(broker.address, { shutdown_timeout: "3s" }, clock);
  output.add(variedBatch(6));
  output.send();
  await until(() => broker.connections.length > 0, "the connection");
  let isOver = false;
  const ended = output[Symbol.asyncDispose]().then(() => isOver = true);
  await clock.advance(2_999);
  assert.deepEqual([isOver, dropped()], [false, 0]);
  await clock.advance(1);
  await ended;
  assert.equal(dropped(), 6);
});

Deno.test("KafkaOutput takes nothing once it ends, and has nothing to send of an empty flush", async () => {
  const { output, dropped, failed } = setup(`127.0.0.1:${freePort()}`);
  output.send();
  output.add(variedBatch(0));
  output.send();
  await output[Symbol.asyncDispose]();
  output.add(variedBatch(2));
  output.send();
  assert.deepEqual([dropped(), failed()], [2, 0]);
});
