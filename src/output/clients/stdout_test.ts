import assert from "node:assert/strict";
import { Section } from "../../config/mod.ts";
import { BatchBuilder, batchBytes } from "../../metric/mod.ts";
import { startOutput } from "../output.ts";
import { eventLine, pointLine } from "../lines.ts";
import { batchOf, eventTexts, forever, outputConfig, testDeps } from "../testing.ts";
import { blackhole } from "./blackhole.ts";
import { debug } from "./debug.ts";
import { stdout, StdoutClient } from "./stdout.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const point = pointLine({ name: "a.b", type: "gauge", value: 21.5, timestamp: 7, tags: ["dc:eu", "x"], host: "web1" });
const rate = pointLine({ name: "longer.name", type: "rate", value: 0.4, timestamp: 7, tags: [], interval: 10 });

function clientOf(format: "json" | "table", write: (bytes: Uint8Array) => Promise<number>) {
  const deps = testDeps();
  return { client: new StdoutClient({ format }, deps, write), deps };
}

Deno.test("stdout writes JSON lines off a terminal, whatever a write takes", async () => {
  let written = "";
  const { client } = clientOf("json", (bytes) => {
    const part = bytes.subarray(0, 7);
    written += text(part);
    return Promise.resolve(part.length);
  });
  assert.deepEqual(await client.publish(batchOf("points", point, rate)), { remaining: null });
  assert.equal(written, `${point}\n${rate}\n`);
});

Deno.test("stdout writes a table on a terminal, in one piece", async () => {
  const writes: string[] = [];
  const { client } = clientOf("table", (bytes) => {
    writes.push(text(bytes));
    return Promise.resolve(bytes.length);
  });
  const event = eventLine({
    title: "up\u001b[2J",
    text: "",
    timestamp: 7,
    priority: "normal",
    alertType: "info",
    tags: [],
  });
  await client.publish(batchOf("points", point, rate, event));
  assert.deepEqual(writes, [
    "-- 2023-11-14 22:13:30 UTC\n" +
    "name         type   value  tags     host\n" +
    "a.b          gauge   21.5  dc:eu,x  web1\n" +
    "longer.name  rate     0.4\n" +
    "up?[2J       event   info\n\n",
  ]);
});

Deno.test("stdout says once that nobody reads any more, and stays disconnected", async () => {
  let writes = 0;
  const { client, deps } = clientOf("json", () => {
    writes++;
    return Promise.reject(new Deno.errors.BrokenPipe("Broken pipe (os error 32)"));
  });
  await client.connect();
  const batch = batchOf("points", point);
  for (let i = 0; i < 3; i++) {
    const { remaining, rejected, error } = await client.publish(batch);
    assert.equal(remaining, null);
    assert.deepEqual(rejected, [{ reason: "broken_pipe", count: 1 }]);
    assert.match(error!.message, /Cannot write to standard output: nobody reads it any more/);
  }
  assert.equal(writes, 1);
  assert.deepEqual(deps.reporter.lines.map(({ level }) => level), ["warn"]);
});

Deno.test("an output to standard output that nobody reads counts its losses and logs one line", async () => {
  const deps = testDeps();
  const client = new StdoutClient({ format: "json" }, deps, () => Promise.reject(new Deno.errors.BrokenPipe("x")));
  const output = startOutput(outputConfig(), { ...deps, destination: { ...stdout, newClient: () => client } });
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await output.offer(batchOf("points", point)), {
      delivered: 0,
      rejected: 1,
      failed: 0,
    });
    await deps.clock.advance(60_000);
  }
  assert.equal(deps.reporter.lines.length, 1);
});

Deno.test("stdout.readConfig() knows where it prints, unless told", () => {
  assert.deepEqual(stdout.readConfig(Section.of({ format: "table" })), { format: "table" });
  assert.deepEqual(stdout.readConfig(Section.of({})), { format: Deno.stdout.isTerminal() ? "table" : "json" });
  assert.throws(() => stdout.readConfig(Section.of({ format: "xml" })), /format/);
});

Deno.test("debug logs a line for each event", async () => {
  const deps = testDeps();
  const client = debug.newClient("", outputConfig(), null, deps);
  await client.connect(0);
  assert.deepEqual(await client.publish(batchOf("points", point, rate), forever), { remaining: null });
  assert.deepEqual(deps.reporter.lines.map(({ level, message }) => [level, message]), [
    ["debug", `Flushed ${point}`],
    ["debug", `Flushed ${rate}`],
  ]);
});

Deno.test("blackhole takes every event and no byte", async () => {
  const out = new BatchBuilder("points", 0);
  assert.equal(
    blackhole.newEncoder(null).point?.({ name: "a", type: "gauge", value: 1, timestamp: 7, tags: [] }, out),
    true,
  );
  out.endEvent();
  const batch = out.build();
  assert.deepEqual([eventTexts(batch), batchBytes(batch, "", "", "").length], [[""], 0]);
  const client = blackhole.newClient("", outputConfig(), null, testDeps());
  assert.deepEqual(await client.publish(batch, forever), { remaining: null });
});
