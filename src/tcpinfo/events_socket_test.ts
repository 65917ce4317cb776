import assert from "node:assert/strict";
import { TextLineStream } from "@std/streams/text-line-stream";
import { realClock } from "../clock/mod.ts";
import { LockHeld } from "../linux/mod.ts";
import { recordingReporter } from "../telemetry/mod.ts";
import { until } from "../testing/mod.ts";
import { type EventSocketOptions, startEventSocket } from "./events_socket.ts";
import { encodeEvent, type TcpEvent } from "./events_wire.ts";

const linuxTest = (name: string, run: () => Promise<void>) =>
  Deno.test({ name, ignore: Deno.build.os !== "linux", fn: run });
const newPath = () => `${Deno.makeTempDirSync()}/events.sock`;
const event = (n: number): TcpEvent => ({ kind: "close", timestamp: "2024-03-01T00:00:03.5Z", uuid: `host_1_${n}` });
const start = (path: string, options: EventSocketOptions = {}, reporter = recordingReporter()) =>
  startEventSocket(path, { clock: realClock, reporter }, options);
const metric = (reporter: ReturnType<typeof recordingReporter>, series: string) =>
  Number(reporter.metrics.text().split("\n").find((line) => line.startsWith(`${series} `))?.split(" ")[1]);

/** A client that reads lines. */
async function listen(path: string): Promise<{ next(): Promise<string | undefined>; close(): Promise<void> }> {
  const connection = await Deno.connect({ transport: "unix", path });
  const lines = connection.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  return { next: async () => (await lines.read()).value, close: () => lines.cancel() };
}

linuxTest("startEventSocket() sends each event to each client once and in order, from its connect on", async () => {
  const path = newPath();
  await using socket = await start(path);
  socket.publish(event(0)); // nobody hears it
  const first = await listen(path);
  await until(() => socket.clients === 1);
  for (let n = 1; n <= 3; n++) socket.publish(event(n));
  assert.deepEqual([await first.next(), await first.next(), await first.next()].map((line) => `${line}\n`), [
    encodeEvent(event(1)),
    encodeEvent(event(2)),
    encodeEvent(event(3)),
  ]);
  const second = await listen(path);
  await until(() => socket.clients === 2);
  socket.publish(event(4));
  for (const client of [first, second]) assert.equal(`${await client.next()}\n`, encodeEvent(event(4)));
  await first.close();
  await second.close();
});

linuxTest(
  "startEventSocket() gives the socket's file its mode, and removes it and its lock when disposed",
  async () => {
    for (const [mode, options] of [[0o660, {}], [0o600, { mode: 0o600 }]] as const) {
      const path = newPath();
      {
        await using _socket = await start(path, options);
        assert.equal(Deno.statSync(path).mode! & 0o777, mode);
      }
      assert.deepEqual([...Deno.readDirSync(path.replace(/\/[^/]*$/, ""))], []);
    }
  },
);

linuxTest("startEventSocket() refuses a path that is held, and leaves a file that is no socket", async () => {
  const path = newPath();
  await using socket = await start(path);
  await assert.rejects(start(path), LockHeld);
  assert.ok(Deno.statSync(socket.path).isSocket);
  const file = newPath();
  Deno.writeTextFileSync(file, "precious");
  await assert.rejects(start(file), { errno: "EADDRINUSE" });
  assert.equal(Deno.readTextFileSync(file), "precious");
});

linuxTest("startEventSocket() replaces the socket of a program that was killed", async () => {
  const path = newPath();
  const dead = await start(path);
  Deno.linkSync(path, `${path}.kept`);
  await dead[Symbol.asyncDispose]();
  Deno.renameSync(`${path}.kept`, path);
  await using _socket = await start(path);
  const client = await listen(path);
  await client.close();
});

linuxTest("startEventSocket() disconnects a client that does not read, and keeps the others", async () => {
  const path = newPath();
  const reporter = recordingReporter();
  await using socket = await start(path, { queueEvents: 100 }, reporter);
  const stuck = await Deno.connect({ transport: "unix", path });
  await until(() => socket.clients === 1);
  const reads = await listen(path);
  await until(() => socket.clients === 2);
  let n = 0;
  while (socket.slowClients === 0) {
    socket.publish(event(++n));
    assert.equal(`${await reads.next()}\n`, encodeEvent(event(n)));
  }
  await until(() => socket.clients === 1);
  const dropped = metric(reporter, "limier_tcpinfo_events_dropped_total");
  assert.ok(dropped > 100 && dropped <= 6401, `${dropped} events were dropped`);
  assert.equal(metric(reporter, `limier_tcpinfo_event_clients_disconnected_total{reason="slow"}`), 1);
  assert.equal(metric(reporter, "limier_tcpinfo_event_clients"), 1);
  assert.deepEqual(reporter.lines.map(({ level, message }) => [level, message]), [
    ["warn", `Disconnected a client of ${path}: it does not keep up`],
  ]);
  socket.publish(event(++n));
  assert.equal(`${await reads.next()}\n`, encodeEvent(event(n)));
  // The stuck one finds whole lines up to where it was cut off, and the end.
  const got = await new Response(stuck.readable).text();
  assert.ok(got.startsWith(encodeEvent(event(1)) + encodeEvent(event(2))));
  await reads.close();
});

linuxTest("startEventSocket() delivers a burst of any size to a client that reads", async () => {
  const path = newPath();
  await using socket = await start(path, { queueEvents: 10 });
  const client = await listen(path);
  await until(() => socket.clients === 1);
  for (let n = 0; n < 20_000; n++) socket.publish(event(n));
  for (let n = 0; n < 20_000; n++) assert.equal(`${await client.next()}\n`, encodeEvent(event(n)));
  assert.equal(socket.slowClients, 0);
  await client.close();
});

linuxTest(
  "startEventSocket() disconnects a client that stands still behind a burst, without another event",
  async () => {
    const path = newPath();
    await using socket = await start(path, { queueEvents: 100 });
    const stuck = await Deno.connect({ transport: "unix", path });
    await until(() => socket.clients === 1);
    for (let n = 0; n < 4; n++) {
      for (let i = 0; i < 1000; i++) socket.publish(event(i));
      await new Promise((resolve) => setTimeout(resolve, 0)); // each a batch of its own
    }
    assert.equal(socket.clients, 1);
    await until(() => socket.slowClients === 1);
    assert.equal(socket.clients, 0);
    stuck.close();
  },
);

linuxTest("startEventSocket() lets a client that reads catch up with bursts beyond its queue", async () => {
  const path = newPath();
  await using socket = await start(path, { queueEvents: 1000 });
  const client = await listen(path);
  await until(() => socket.clients === 1);
  for (let n = 0; n < 20; n++) {
    for (let i = 0; i < 1000; i++) socket.publish(event(1000 * n + i));
    await Promise.resolve(); // each a batch of its own
  }
  for (let n = 0; n < 20_000; n++) assert.equal(`${await client.next()}\n`, encodeEvent(event(n)));
  assert.equal(socket.slowClients, 0);
  await client.close();
});

linuxTest("startEventSocket() is not held up by clients that never read", async () => {
  const path = newPath();
  await using socket = await start(path, { mostClients: 60, queueEvents: 50 });
  const stuck = [];
  for (let i = 0; i < 50; i++) stuck.push(await Deno.connect({ transport: "unix", path }));
  await until(() => socket.clients === 50);
  const client = await listen(path);
  await until(() => socket.clients === 51);
  for (let n = 0; socket.slowClients < 50; n++) {
    socket.publish(event(n));
    assert.equal(`${await client.next()}\n`, encodeEvent(event(n)));
  }
  await until(() => socket.clients === 1);
  for (const connection of stuck) connection.close();
  await client.close();
});

linuxTest("startEventSocket() notices a client that hangs up, without an event", async () => {
  const path = newPath();
  const reporter = recordingReporter();
  await using socket = await start(path, {}, reporter);
  const connection = await Deno.connect({ transport: "unix", path });
  await until(() => socket.clients === 1);
  await connection.write(new TextEncoder().encode("what clients say is ignored\n"));
  connection.close();
  await until(() => socket.clients === 0);
  assert.equal(metric(reporter, "limier_tcpinfo_event_clients"), 0);
});

linuxTest("startEventSocket() turns away clients beyond the limit, and counts them", async () => {
  const path = newPath();
  const reporter = recordingReporter();
  await using socket = await start(path, { mostClients: 1 }, reporter);
  const first = await listen(path);
  await until(() => socket.clients === 1);
  const second = await listen(path);
  assert.equal(await second.next(), undefined);
  assert.equal(metric(reporter, `limier_tcpinfo_event_clients_disconnected_total{reason="limit"}`), 1);
  await first.close();
  await until(() => socket.clients === 0);
});

linuxTest("disposing sends what was published, then ends the connections", async () => {
  const path = newPath();
  const socket = await start(path);
  const client = await listen(path);
  const stuck = await Deno.connect({ transport: "unix", path });
  await until(() => socket.clients === 2);
  for (let n = 0; n < 5000; n++) socket.publish(event(n));
  const stopped = socket[Symbol.asyncDispose]();
  socket.publish(event(-1)); // too late
  for (let n = 0; n < 5000; n++) assert.equal(`${await client.next()}\n`, encodeEvent(event(n)));
  assert.equal(await client.next(), undefined);
  await stopped; // not held up by the one that does not read
  await socket.done;
  await socket[Symbol.asyncDispose]();
  stuck.close();
});
