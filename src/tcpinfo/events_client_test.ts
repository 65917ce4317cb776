import assert from "node:assert/strict";
import { realClock } from "../clock/mod.ts";
import { recordingReporter } from "../telemetry/mod.ts";
import { until } from "../testing/mod.ts";
import { EventSocketError, followEvents, type FollowOptions } from "./events_client.ts";
import { startEventSocket } from "./events_socket.ts";
import { EventLineError, type TcpEvent } from "./events_wire.ts";

const linuxTest = (name: string, run: () => Promise<void>) =>
  Deno.test({ name, ignore: Deno.build.os !== "linux", fn: run });
const newPath = () => `${Deno.makeTempDirSync()}/events.sock`;
const event = (n: number): TcpEvent => ({ kind: "close", timestamp: "2024-03-01T00:00:03.5Z", uuid: `host_1_${n}` });
const start = (path: string) => startEventSocket(path, { clock: realClock, reporter: recordingReporter() });

/** A server that says these bytes to its one client, and hangs up. */
async function follow(pieces: readonly string[], options: FollowOptions = {}): Promise<TcpEvent[]> {
  const path = newPath();
  using server = Deno.listen({ transport: "unix", path });
  const serving = (async () => {
    using connection = await server.accept();
    for (const piece of pieces) {
      await connection.write(new TextEncoder().encode(piece));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  })();
  try {
    return await Array.fromAsync(followEvents(path, options));
  } finally {
    await serving;
  }
}

const CLOSE = `{"Event":1,"Timestamp":"2024-03-01T00:00:03.5Z","UUID":"host_1_1","ID":null}\n`;

linuxTest("followEvents() gives events until the other side closes", async () => {
  assert.deepEqual(await follow([CLOSE + CLOSE]), [event(1), event(1)]);
  assert.deepEqual(await follow([]), []);
});

linuxTest("followEvents() puts lines together from any pieces, and leaves out one without an end", async () => {
  assert.deepEqual(await follow([...CLOSE, CLOSE.trimEnd()]), [event(1)]);
});

linuxTest("followEvents() passes over events it does not know, and tells of them", async () => {
  const unknown: number[] = [];
  const events = await follow([`{"Event":9}\n`, CLOSE], { onUnknown: (number) => unknown.push(number) });
  assert.deepEqual([events, unknown], [[event(1)], [9]]);
});

linuxTest("followEvents() throws on a line that is no event", async () => {
  await assert.rejects(follow([CLOSE, "hello\n"]), EventLineError);
  await assert.rejects(follow([CLOSE, "\n"]), EventLineError);
  await assert.rejects(follow(["x".repeat(70_000)]), EventLineError);
});

linuxTest("followEvents() says that nobody listens", async () => {
  const path = newPath();
  await assert.rejects(followEvents(path).next(), (error) => {
    assert.ok(error instanceof EventSocketError);
    assert.match(error.message, /^Cannot connect to the event socket \/.*: nobody listens there; start the agent/);
    return true;
  });
});

linuxTest(
  "followEvents() ends when it is told to, whether it waits for events, for a connection, or not at all",
  async () => {
    const path = newPath();
    const stop = new AbortController();
    await using socket = await start(path);
    const waiting = Array.fromAsync(followEvents(path, { signal: stop.signal }));
    await until(() => socket.clients === 1);
    const noOne = Array.fromAsync(followEvents(newPath(), {
      signal: stop.signal,
      reconnect: { clock: realClock, firstWaitMs: 600_000, longestWaitMs: 600_000, onLost: () => stop.abort() },
    }));
    assert.deepEqual(await waiting, []);
    assert.deepEqual(await noOne, []);
    assert.deepEqual(await Array.fromAsync(followEvents(path, { signal: stop.signal })), []);
    await until(() => socket.clients === 0);
  },
);

linuxTest("followEvents() hangs up when its loop is left", async () => {
  const path = newPath();
  await using socket = await start(path);
  const events = followEvents(path);
  const next = events.next();
  await until(() => socket.clients === 1);
  socket.publish(event(1));
  assert.deepEqual(await next, { value: event(1), done: false });
  await events.return();
  await until(() => socket.clients === 0);
});

linuxTest("followEvents() comes back to a socket that is started again, and to one that is not there yet", async () => {
  const path = newPath();
  const stop = new AbortController();
  const told: string[] = [];
  const events = followEvents(path, {
    signal: stop.signal,
    reconnect: {
      clock: realClock,
      firstWaitMs: 1,
      longestWaitMs: 5,
      onLost: (waitMs, error) => {
        assert.ok(waitMs > 0 && waitMs <= 5);
        const what = error === undefined ? "closed" : "failed";
        if (told.at(-1) !== what) told.push(what);
      },
      onConnected: () => told.push("connected"),
    },
  });
  let next = events.next();
  await until(() => told.includes("failed"));
  for (const n of [1, 2]) {
    const socket = await start(path);
    await until(() => socket.clients === 1);
    socket.publish(event(n));
    assert.deepEqual((await next).value, event(n));
    next = events.next();
    await socket[Symbol.asyncDispose]();
  }
  stop.abort();
  assert.equal((await next).done, true);
  assert.deepEqual(told.slice(0, 3), ["failed", "connected", "closed"]);
  assert.equal(told.filter((what) => what === "connected").length, 2);
});
