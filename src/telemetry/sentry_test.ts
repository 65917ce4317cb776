import assert from "node:assert/strict";
import { FakeClock } from "../clock/mod.ts";
import { newRedactor } from "./redactor.ts";
import { newSentry, parseSentryDsn, SentryDsnError, type SentryOptions } from "./sentry.ts";

const dsns: [dsn: string, url: string, publicKey: string, secretKey: string][] = [
  ["https://pub@sentry.io/42", "https://sentry.io/api/42/envelope/", "pub", ""],
  ["http://pub:sec@127.0.0.1:9000/1", "http://127.0.0.1:9000/api/1/envelope/", "pub", "sec"],
  ["https://pub@host/deep/path/7", "https://host/deep/path/api/7/envelope/", "pub", ""],
  ["https://p%40b@[::1]:9000/7", "https://[::1]:9000/api/7/envelope/", "p@b", ""],
];
for (const [dsn, url, publicKey, secretKey] of dsns) {
  Deno.test(`parseSentryDsn() reads ${dsn}`, () => {
    assert.deepEqual(parseSentryDsn(dsn), { url, publicKey, secretKey });
  });
}

const badDsns = [
  "",
  "nonsense",
  "https://sentry.io/42",
  "https://pub@sentry.io",
  "https://pub@sentry.io/",
  "udp://pub@h/1",
];
for (const dsn of badDsns) {
  Deno.test(`parseSentryDsn() refuses ${JSON.stringify(dsn)} without repeating it`, () => {
    assert.throws(() => parseSentryDsn(dsn), (error) => {
      assert.ok(error instanceof SentryDsnError);
      assert.match(error.message, /^Cannot use sentry_dsn: .*; write https:/);
      return dsn === "" || !error.message.includes(dsn);
    });
  });
}

interface Request {
  url: string;
  init: RequestInit;
  answer: (response: Response) => void;
  fail: () => void;
}

function recorded(options: Partial<SentryOptions> = {}) {
  const requests: Request[] = [];
  const outcomes: string[] = [];
  const clock = new FakeClock(1_000_000);
  const redactor = newRedactor();
  const sentry = newSentry({
    dsn: parseSentryDsn("http://pub:sec@127.0.0.1:9000/1"),
    serverName: "host-1",
    release: "0.1.0",
    redactor,
    clock,
    onReport: (outcome) => void outcomes.push(outcome),
    fetch: (url, init) =>
      new Promise((resolve, reject) => {
        const fail = () => reject(new TypeError("connection refused"));
        init.signal?.addEventListener("abort", fail);
        requests.push({ url, init, answer: resolve, fail });
      }),
    ...options,
  });
  const settled = () => clock.advance(0);
  return { sentry, requests, outcomes, clock, redactor, settled };
}

function eventOf(request: Request | undefined) {
  const lines = String(request?.init.body).split("\n");
  assert.equal(lines.length, 4);
  const [header, item, event] = lines.slice(0, 3).map((line) => JSON.parse(line));
  assert.deepEqual(item, { type: "event" });
  assert.equal(header.event_id, event.event_id);
  assert.match(event.event_id, /^[0-9a-f]{32}$/);
  return event;
}

Deno.test("newSentry() posts an error with its causes, frames and fields", () => {
  const { sentry, requests } = recorded();
  const cause = new RangeError("port 70000");
  const error = new Error("Cannot bind", { cause });
  sentry.capture({ level: "fatal", message: "Stopped", error, extra: { port: 70_000, list: [1n] } });
  assert.equal(requests[0]?.url, "http://127.0.0.1:9000/api/1/envelope/");
  const headers = new Headers(requests[0]?.init.headers);
  assert.equal(
    headers.get("x-sentry-auth"),
    "Sentry sentry_version=7, sentry_client=limier/0.1.0, sentry_key=pub, sentry_secret=sec",
  );
  const event = eventOf(requests[0]);
  assert.equal(event.message, "Cannot bind: port 70000");
  assert.equal(event.level, "fatal");
  assert.equal(event.server_name, "host-1");
  assert.equal(event.release, "0.1.0");
  assert.equal(event.timestamp, 1_000);
  assert.deepEqual(event.extra, { port: 70_000, list: ["1"], log: "Stopped" });
  assert.deepEqual(
    event.exception.values.map(({ type, value }: { type: string; value: string }) => [type, value]),
    [["RangeError", "port 70000"], ["Error", "Cannot bind"]],
  );
  assert.match(event.exception.values[1].stacktrace.frames.at(-1).filename, /sentry_test\.ts$/);
});

Deno.test("newSentry() posts a line without an error under its own message, with where it was written", () => {
  const { sentry, requests } = recorded();
  sentry.capture({ level: "error", message: "Lost a worker", extra: { worker: 1 } });
  const event = eventOf(requests[0]);
  assert.equal(event.message, "Lost a worker");
  assert.deepEqual(event.extra, { worker: 1 });
  assert.equal(event.exception, undefined);
  const frames: { filename: string }[] = event.threads.values[0].stacktrace.frames;
  assert.ok(frames.some((frame) => frame.filename.endsWith("sentry_test.ts")));
});

Deno.test("newSentry() posts no secret", () => {
  const { sentry, requests, redactor } = recorded();
  redactor.add("k3y");
  const error = new Error("bad k3y", { cause: new Error("sent k3y") });
  sentry.capture({ level: "error", message: "with k3y", error, extra: { k3y: ["k3y", { deep: "k3y" }] } });
  sentry.capture({ level: "error", message: "with k3y" });
  for (const request of requests) assert.doesNotMatch(String(request.init.body), /k3y/);
  assert.equal(eventOf(requests[0]).exception.values[1].value, "bad REDACTED");
});

Deno.test("newSentry() bounds what is under way and what waits", async () => {
  const { sentry, requests, outcomes, settled } = recorded({ maxInFlight: 2, maxQueued: 3 });
  for (let i = 0; i < 7; i++) sentry.capture({ level: "error", message: `${i}` });
  assert.equal(requests.length, 2);
  assert.deepEqual(outcomes, ["dropped", "dropped"]);
  requests[0]!.answer(new Response("{}"));
  requests[1]!.fail();
  await settled();
  assert.equal(requests.length, 4);
  assert.deepEqual(outcomes.toSorted(), ["dropped", "dropped", "failed", "sent"]);
  assert.deepEqual(requests.map((request) => eventOf(request).message), ["0", "1", "2", "3"]);
});

Deno.test("newSentry() leaves out a report that can't be read, and one that fetch throws on", async () => {
  const fetch = () => {
    throw new Error("no network");
  };
  const { sentry, outcomes, settled } = recorded({ fetch });
  const trap = {
    get field() {
      throw new Error("no");
    },
  };
  sentry.capture({ level: "error", message: "x", extra: { trap } });
  sentry.capture({ level: "error", message: "x" });
  await settled();
  assert.deepEqual(outcomes, ["dropped", "failed"]);
});

Deno.test("newSentry() gives a request up after its time", async () => {
  const { sentry, outcomes, clock } = recorded({ timeoutMs: 5_000 });
  sentry.capture({ level: "error", message: "x" });
  await clock.advance(4_999);
  assert.deepEqual(outcomes, []);
  await clock.advance(1);
  assert.deepEqual(outcomes, ["failed"]);
});

const pauses: [headers: Record<string, string>, pauseMs: number][] = [[{ "retry-after": "7" }, 7_000], [{}, 60_000]];
for (const [headers, pauseMs] of pauses) {
  Deno.test(`newSentry() leaves Sentry alone for ${pauseMs} ms when it asks for it`, async () => {
    const { sentry, requests, outcomes, clock, settled } = recorded({ maxInFlight: 1 });
    sentry.capture({ level: "error", message: "x" });
    sentry.capture({ level: "error", message: "waiting" });
    requests[0]!.answer(new Response(null, { status: 429, headers }));
    await settled();
    assert.deepEqual(outcomes, ["failed", "dropped"]);
    await clock.advance(pauseMs - 1);
    sentry.capture({ level: "error", message: "x" });
    assert.deepEqual(outcomes, ["failed", "dropped", "dropped"]);
    await clock.advance(1);
    sentry.capture({ level: "error", message: "x" });
    assert.equal(requests.length, 2);
  });
}

Deno.test("SentryClient.flush() waits for what is under way, but no longer than told", async () => {
  const { sentry, requests, clock, settled } = recorded();
  assert.equal(await sentry.flush(10_000), true);
  for (let i = 0; i < 3; i++) sentry.capture({ level: "fatal", message: "x" });
  const late = sentry.flush(1_000);
  const patient = sentry.flush(9_000);
  await clock.advance(1_000);
  assert.equal(await late, false);
  for (let i = 0; i < 3; i++) {
    requests[i]!.answer(new Response());
    await settled();
  }
  assert.equal(await patient, true);
});

Deno.test("newSentry() posts to a server", async () => {
  const bodies: string[] = [];
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    bodies.push(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`);
    return Response.json({ id: "x" });
  });
  const dsn = parseSentryDsn(`http://pub@127.0.0.1:${server.addr.port}/9`);
  const { sentry, outcomes, clock } = recorded({ dsn, fetch });
  sentry.capture({ level: "error", message: "hello" });
  const flushed = await sentry.flush(10_000); // the fake clock stands: only the answer ends it
  assert.equal(flushed, true);
  assert.equal(clock.sleeping, 0);
  assert.deepEqual(outcomes, ["sent"]);
  assert.match(bodies[0]!, /^POST \/api\/9\/envelope\/ .*"message":"hello"/s);
});
