import assert from "node:assert/strict";
import { type Batch, pickEvents, sliceBatch } from "../metric/mod.ts";
import {
  DeliveryError,
  type DeliveryFailure,
  type Destination,
  type DestinationClient,
  type OutputConfig,
  type PublishResult,
} from "./contract.ts";
import { type OutputDeps, startOutput } from "./deliver.ts";
import { batchOf, eventTexts, outputConfig, testDeps } from "./testing.ts";

type Publish = (
  batch: Batch,
  signal: AbortSignal,
  call: number,
  host: string,
) => Promise<PublishResult> | PublishResult;

/** What to build an output from besides its script. */
interface Changes {
  readonly config?: Partial<OutputConfig>;
  readonly deps?: Partial<OutputDeps>;
  readonly client?: Partial<DestinationClient>;
  readonly destination?: Partial<Destination<unknown>>;
}

/** An output over clients that do what `publish` says; no jitter, so that waits are 0.5 s, 1 s, 2 s. */
function scripted(publish: Publish, { config = {}, deps = {}, client = {}, destination = {} }: Changes = {}) {
  const base = testDeps();
  const calls: { host: string; events: string[]; atMs: number }[] = [];
  const closed: string[] = [];
  let connects = 0;
  const newClient = (host: string): DestinationClient => {
    let connected = false;
    return {
      get isConnected() {
        return connected;
      },
      connect: () => {
        connects++;
        connected = true;
        return Promise.resolve();
      },
      publish: async (batch, signal) => {
        calls.push({ host, events: eventTexts(batch), atMs: base.clock.monotonic() });
        const result = await publish(batch, signal, calls.length - 1, host);
        if (result.error !== undefined) connected = false;
        return result;
      },
      close: () => Promise.resolve(void closed.push(host)),
      ...client,
    };
  };
  const output = startOutput(outputConfig({ hosts: ["a"], ...config }), {
    ...base,
    random: () => 0,
    destination: {
      kind: "test",
      sends: ["points"],
      defaultHosts: [],
      keys: [],
      readConfig: () => null,
      newEncoder: () => ({}),
      newClient,
      ...destination,
    },
    ...deps,
  });
  const metric = (name: string) => {
    const lines = base.reporter.metrics.text().split("\n").filter((line) => line.startsWith(`limier_output_${name}{`));
    return Object.fromEntries(
      lines.map((line) => [/(?:reason|class)="([^"]*)"/.exec(line)?.[1] ?? "", Number(line.split(" ").at(-1))]),
    );
  };
  return { output, calls, closed, metric, clock: base.clock, reporter: base.reporter, connects: () => connects };
}

function failed(
  batch: Batch,
  failure: DeliveryFailure,
  options: ConstructorParameters<typeof DeliveryError>[2] = {},
): PublishResult {
  return { remaining: batch, error: new DeliveryError(failure, `Cannot deliver: ${failure}`, options) };
}

const done: Publish = () => ({ remaining: null });
const abc = () => batchOf("points", "a", "b", "c");

/** Waits until the signal aborts, then fails as a request that was cut off does. */
const stalled: Publish = (batch, signal) =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(failed(batch, "ambiguous"))));

Deno.test("startOutput() connects and delivers on the first batch, not before", async () => {
  const { output, calls, connects, metric } = scripted(done);
  assert.equal(connects(), 0);
  assert.deepEqual(await output.offer(abc()), { delivered: 3, rejected: 0, failed: 0 });
  await output.offer(batchOf("points", "d"));
  assert.equal(connects(), 1);
  assert.deepEqual(calls.map(({ events }) => events), [["a", "b", "c"], ["d"]]);
  assert.deepEqual(metric("events_accepted_total"), { "": 4 });
  assert.deepEqual(metric("events_delivered_total"), { "": 4 });
  assert.deepEqual(metric("attempts_total"), { ok: 2 });
  assert.deepEqual(metric("pending_events"), { "": 0 });
});

Deno.test("offer() settles an empty batch without a request", async () => {
  const { output, calls } = scripted(done);
  assert.deepEqual(await output.offer(batchOf("points")), { delivered: 0, rejected: 0, failed: 0 });
  assert.equal(calls.length, 0);
});

for (const failure of ["connection", "ambiguous", "retry", "throttle"] as const) {
  Deno.test(`offer() tries three times in all after ${failure}`, async () => {
    const { output, calls, clock, metric } = scripted((batch) => failed(batch, failure));
    const outcome = output.offer(abc());
    await clock.advance(60_000);
    assert.deepEqual(await outcome, { delivered: 0, rejected: 0, failed: 3, cause: failure });
    assert.deepEqual(calls.map(({ atMs }) => atMs), [0, 500, 1_500]);
    assert.deepEqual(metric("events_dropped_total"), { [failure]: 3 });
    assert.deepEqual(metric("attempts_total"), { [failure]: 3 });
  });
}

Deno.test("offer() counts a drop under the status that caused it", async () => {
  const { output, clock, metric } = scripted((batch) => failed(batch, "retry", { status: 503 }));
  const outcome = output.offer(abc());
  await clock.advance(60_000);
  assert.equal((await outcome).cause, "503");
  assert.deepEqual(metric("events_dropped_total"), { "503": 3 });
});

Deno.test("offer() drops at once what no retry mends", async () => {
  const { output, calls, metric } = scripted((batch) => failed(batch, "configuration", { status: 403 }));
  assert.deepEqual(await output.offer(abc()), { delivered: 0, rejected: 0, failed: 3, cause: "403" });
  assert.equal(calls.length, 1);
  assert.deepEqual(metric("events_dropped_total"), { "403": 3 });
});

Deno.test("offer() rejects at once what is refused for good", async () => {
  const { output, calls, metric } = scripted((batch) => failed(batch, "permanent", { status: 400 }));
  assert.deepEqual(await output.offer(abc()), { delivered: 0, rejected: 3, failed: 0 });
  assert.equal(calls.length, 1);
  assert.deepEqual(metric("events_rejected_total"), { "400": 3 });
});

Deno.test("offer() does not repeat what may have been executed, where repeats count", async () => {
  const { output, calls } = scripted((batch) => failed(batch, "ambiguous"), { destination: { countsRepeats: true } });
  assert.deepEqual(await output.offer(abc()), { delivered: 0, rejected: 0, failed: 3, cause: "ambiguous" });
  assert.equal(calls.length, 1);
});

Deno.test("offer() repeats only what remains, and begins anew to count after progress", async () => {
  const { output, calls, clock } = scripted((batch) =>
    batch.ends.length === 1
      ? { remaining: null }
      : { ...failed(batch, "retry"), remaining: sliceBatch(batch, 1, batch.ends.length) }
  );
  const outcome = output.offer(batchOf("points", "a", "b", "c", "d", "e"));
  await clock.advance(60_000);
  assert.deepEqual(await outcome, { delivered: 5, rejected: 0, failed: 0 });
  assert.deepEqual(calls.map(({ events }) => events.join("")), ["abcde", "bcde", "cde", "de", "e"]);
  assert.deepEqual(calls.map(({ atMs }) => atMs), [0, 500, 1_000, 1_500, 2_000]);
});

Deno.test("offer() goes on at once after a partial success", async () => {
  const { output, calls } = scripted((batch) => ({
    remaining: batch.ends.length === 1 ? null : sliceBatch(batch, 1, batch.ends.length),
  }));
  assert.deepEqual(await output.offer(abc()), { delivered: 3, rejected: 0, failed: 0 });
  assert.deepEqual(calls.map(({ atMs }) => atMs), [0, 0, 0]);
});

Deno.test("offer() counts what a client rejects, apart from what it delivers", async () => {
  const { output, metric } = scripted(() => ({ remaining: null, rejected: [{ reason: "encode", count: 1 }] }));
  assert.deepEqual(await output.offer(abc()), { delivered: 2, rejected: 1, failed: 0 });
  assert.deepEqual(metric("events_rejected_total"), { encode: 1 });
  assert.deepEqual(metric("events_delivered_total"), { "": 2 });
});

Deno.test("offer() takes no progress without an error for a failure", async () => {
  const { output, calls, clock } = scripted((batch) => ({ remaining: batch }));
  const outcome = output.offer(abc());
  await clock.advance(60_000);
  assert.deepEqual(await outcome, { delivered: 0, rejected: 0, failed: 3, cause: "retry" });
  assert.equal(calls.length, 3);
});

Deno.test("offer() halves a batch that is too large", async () => {
  const { output, calls } = scripted((batch) => {
    const events = eventTexts(batch);
    return events.length > 2 || events.includes("d")
      ? failed(batch, "too_large", { status: 413 })
      : { remaining: null };
  });
  assert.deepEqual(await output.offer(batchOf("points", "a", "b", "c", "d", "e")), {
    delivered: 4,
    rejected: 1,
    failed: 0,
  });
  assert.deepEqual(calls.map(({ events }) => events.join("")), ["abcde", "abc", "ab", "c", "de", "d", "e"]);
});

const waits: [retryAfterMs: number, atMs: number][] = [[7_000, 7_000], [100, 500], [86_400_000, 600_000]];
for (const [retryAfterMs, atMs] of waits) {
  Deno.test(`offer() comes back after ${atMs} ms when asked to wait ${retryAfterMs}`, async () => {
    const { output, calls, clock } = scripted((batch, _signal, call) =>
      call === 0 ? failed(batch, "throttle", { status: 429, retryAfterMs }) : { remaining: null }
    );
    const outcome = output.offer(abc());
    await clock.advance(700_000);
    assert.equal((await outcome).delivered, 3);
    assert.deepEqual(calls.map((call) => call.atMs), [0, atMs]);
  });
}

const retries: [maxRetries: number, attempts: number][] = [[0, 1], [1, 2], [3, 3], [100, 3]];
for (const [maxRetries, attempts] of retries) {
  Deno.test(`offer() makes ${attempts} attempts with max_retries ${maxRetries}`, async () => {
    const { output, calls, clock } = scripted((batch) => failed(batch, "retry"), { config: { maxRetries } });
    const outcome = output.offer(abc());
    await clock.advance(600_000);
    await outcome;
    assert.equal(calls.length, attempts);
  });
}

Deno.test("offer() without end of retries stops at its deadline", async () => {
  const { output, calls, clock, metric } = scripted((batch) => failed(batch, "retry"), { config: { maxRetries: -1 } });
  const deadline = new AbortController();
  const outcome = output.offer(abc(), deadline.signal);
  await clock.advance(9_000);
  deadline.abort();
  assert.deepEqual(await outcome, { delivered: 0, rejected: 0, failed: 3, cause: "deadline" });
  assert.deepEqual(calls.map(({ atMs }) => atMs), [0, 500, 1_500, 3_500, 7_500]);
  assert.deepEqual(metric("events_dropped_total"), { deadline: 3 });
});

Deno.test("offer() ends an attempt at its timeout", async () => {
  const { output, calls, clock } = scripted((...all) => all[2] === 0 ? stalled(...all) : { remaining: null }, {
    config: { timeoutMs: 4_000 },
  });
  const outcome = output.offer(abc());
  await clock.advance(4_500);
  assert.equal((await outcome).delivered, 3);
  assert.deepEqual(calls.map(({ atMs }) => atMs), [0, 4_500]);
});

Deno.test("offer() ends a publish under way at its deadline", async () => {
  const { output } = scripted(stalled);
  const deadline = new AbortController();
  const outcome = output.offer(abc(), deadline.signal);
  deadline.abort();
  assert.deepEqual(await outcome, { delivered: 0, rejected: 0, failed: 3, cause: "deadline" });
});

Deno.test("offer() ends a batch in the queue at its deadline", async () => {
  const { output, calls, metric } = scripted(stalled);
  const [first, second] = [new AbortController(), new AbortController()];
  const outcomes = [output.offer(abc(), first.signal), output.offer(batchOf("points", "d"), second.signal)];
  second.abort();
  assert.deepEqual(await outcomes[1], { delivered: 0, rejected: 0, failed: 1, cause: "deadline" });
  assert.deepEqual(metric("pending_events"), { "": 3 });
  first.abort();
  await outcomes[0];
  assert.equal(calls.length, 1);
});

const misbehaving: [what: string, publish: Publish][] = [
  ["throws", () => {
    throw new Error("https://h/?api_key=SECRET");
  }],
  ["rejects", () => Promise.reject(new TypeError("https://h/?api_key=SECRET"))],
  ["never comes back", () => new Promise(() => {})],
];
for (const [what, publish] of misbehaving) {
  Deno.test(`offer() survives a client that ${what}`, async () => {
    const { output, clock, reporter } = scripted(publish);
    const outcome = output.offer(abc());
    await clock.advance(600_000);
    assert.deepEqual(await outcome, { delivered: 0, rejected: 0, failed: 3, cause: "ambiguous" });
    assert.ok(!JSON.stringify(reporter.lines).includes("SECRET"));
  });
}

Deno.test("offer() retries a connect that fails", async () => {
  let connects = 0;
  const { output, clock } = scripted(done, {
    client: {
      isConnected: false,
      connect: () => ++connects < 3 ? Promise.reject(new DeliveryError("connection", "refused")) : Promise.resolve(),
    },
  });
  const outcome = output.offer(abc());
  await clock.advance(60_000);
  assert.equal((await outcome).delivered, 3);
  assert.equal(connects, 3);
});

Deno.test("an output publishes as many batches at once as its client takes, in order", async () => {
  const release: (() => void)[] = [];
  const { output, calls } = scripted(() => new Promise((resolve) => release.push(() => resolve({ remaining: null }))), {
    client: { isConnected: true, concurrency: 2 },
  });
  const outcomes = ["a", "b", "c", "d"].map((event) => output.offer(batchOf("points", event)));
  assert.deepEqual(calls.map(({ events }) => events[0]), ["a", "b"]);
  release[1]!();
  await outcomes[1];
  assert.deepEqual(calls.map(({ events }) => events[0]), ["a", "b", "c"]);
  release.forEach((one) => one());
  await outcomes[2];
  release.forEach((one) => one());
  assert.deepEqual((await Promise.all(outcomes)).map(({ delivered }) => delivered), [1, 1, 1, 1]);
});

const bounds: [what: string, queue: OutputDeps["queue"]][] = [
  ["batches", { batches: 2, bytes: 1_000 }],
  ["bytes", { batches: 100, bytes: 6 }],
];
for (const [what, queue] of bounds) {
  Deno.test(`an output refuses batches beyond its bound of ${what}`, async () => {
    const stop = new AbortController();
    const { output, metric } = scripted(stalled, { deps: { queue: queue! } });
    const outcomes = [abc(), abc(), abc()].map((batch) => output.offer(batch, stop.signal));
    assert.deepEqual(await outcomes[2], { delivered: 0, rejected: 0, failed: 3, cause: "queue_full" });
    assert.deepEqual(metric("events_dropped_total"), { queue_full: 3 });
    assert.deepEqual(metric("pending_events"), { "": 6 });
    stop.abort();
    await Promise.all(outcomes);
    assert.deepEqual(metric("pending_events"), { "": 0 });
  });
}

Deno.test("an output takes a batch that is larger than its bound of bytes when it holds nothing else", async () => {
  const { output } = scripted(done, { deps: { queue: { batches: 1, bytes: 1 } } });
  assert.equal((await output.offer(abc())).delivered, 3);
});

Deno.test("a failover output changes hosts on a failure and stays there", async () => {
  const { output, calls, clock } = scripted(
    (batch, _signal, _call, host) => host === "a" ? failed(batch, "connection") : { remaining: null },
    {
      config: { mode: "failover", hosts: ["a", "b", "c"] },
    },
  );
  const outcome = output.offer(abc());
  await clock.advance(60_000);
  await outcome;
  await output.offer(abc());
  assert.deepEqual(calls.map(({ host }) => host), ["a", "b", "b"]);
});

for (const failure of ["throttle", "permanent"] as const) {
  Deno.test(`a failover output stays on its host after ${failure}`, async () => {
    const { output, calls, clock } = scripted(
      (batch, _signal, call) => call === 0 ? failed(batch, failure) : { remaining: null },
      {
        config: { mode: "failover", hosts: ["a", "b"] },
      },
    );
    for (let i = 0; i < 2; i++) {
      const outcome = output.offer(abc());
      await clock.advance(60_000);
      await outcome;
    }
    assert.deepEqual(new Set(calls.map(({ host }) => host)), new Set(["a"]));
  });
}

Deno.test("a balanced output uses all its hosts at once, one owner each", async () => {
  const stop = new AbortController();
  const { output, calls } = scripted(stalled, {
    config: { mode: "load_balance", hosts: ["a", "b", "c"] },
    client: { isConnected: true },
  });
  const outcomes = Array.from({ length: 5 }, () => output.offer(abc(), stop.signal));
  assert.deepEqual(calls.map(({ host }) => host), ["a", "b", "c"]);
  stop.abort();
  await Promise.all(outcomes);
});

Deno.test("a single output uses its first host only", async () => {
  const { output, calls, clock } = scripted((batch) => failed(batch, "connection"), { config: { hosts: ["a", "b"] } });
  const outcome = output.offer(abc());
  await clock.advance(60_000);
  await outcome;
  assert.deepEqual(calls.map(({ host }) => host), ["a", "a", "a"]);
});

Deno.test("disposing lets accepted batches end, closes the clients, and refuses what comes later", async () => {
  const release = Promise.withResolvers<PublishResult>();
  const { output, closed, metric } = scripted(() => release.promise);
  const outcomes = [output.offer(abc()), output.offer(abc())];
  const stopping = output[Symbol.asyncDispose]();
  assert.deepEqual(await output.offer(batchOf("points", "late")), {
    delivered: 0,
    rejected: 0,
    failed: 1,
    cause: "closed",
  });
  release.resolve({ remaining: null });
  await Promise.all([stopping, output[Symbol.asyncDispose](), output.done]);
  assert.deepEqual((await Promise.all(outcomes)).map(({ delivered }) => delivered), [3, 3]);
  assert.deepEqual(closed, ["a"]);
  assert.deepEqual(metric("events_dropped_total"), { closed: 1 });
});

Deno.test("disposing fails what does not end in time", async () => {
  const { output, clock, metric } = scripted(stalled, { deps: { drainMs: 5_000 } });
  const outcomes = [output.offer(abc()), output.offer(abc())];
  const stopping = output[Symbol.asyncDispose]();
  await clock.advance(4_999);
  assert.deepEqual(metric("pending_events"), { "": 6 });
  await clock.advance(1);
  await stopping;
  for (const outcome of await Promise.all(outcomes)) {
    assert.deepEqual(outcome, { delivered: 0, rejected: 0, failed: 3, cause: "closed" });
  }
  assert.equal(clock.sleeping, 0);
});

Deno.test("an output logs a loss once in ten seconds, with how many events it cost", async () => {
  const { output, clock, reporter } = scripted((batch) => failed(batch, "configuration", { status: 403 }));
  await output.offer(abc());
  await output.offer(abc());
  await clock.advance(10_000);
  await output.offer(abc());
  assert.deepEqual(reporter.lines.map(({ level, fields }) => [level, fields.output, fields.events]), [[
    "warn",
    "out",
    3,
  ], ["warn", "out", 6]]);
});

Deno.test("an output's books balance after anything", async () => {
  let seed = 1;
  const random = () => (seed = seed * 48_271 % 2_147_483_647) / 2_147_483_647;
  const failures: DeliveryFailure[] = [
    "connection",
    "ambiguous",
    "retry",
    "throttle",
    "too_large",
    "configuration",
    "permanent",
  ];
  const { output, clock, metric } = scripted((batch) => {
    if (random() < 0.3) return { remaining: null };
    const kept = eventTexts(batch).map((_, i) => i).filter(() => random() < 0.7);
    const remaining = kept.length === 0 ? null : pickEvents(batch, kept);
    const gone = batch.ends.length - kept.length;
    const count = Math.floor(random() * (gone + 1));
    const rejected = count === 0 ? {} : { rejected: [{ reason: "encode", count }] };
    if (remaining === null || random() < 0.2) return { remaining, ...rejected };
    return { ...failed(remaining, failures[Math.floor(random() * failures.length)]!), ...rejected };
  }, { client: { isConnected: true, concurrency: 3 }, deps: { random, queue: { batches: 50, bytes: 10_000 } } });
  const outcomes = [];
  let offered = 0;
  for (let i = 0; i < 300; i++) {
    const size = Math.floor(random() * 20);
    offered += size;
    outcomes.push(output.offer(batchOf("points", ...Array.from({ length: size }, (_, n) => `${n}`))));
    if (random() < 0.2) await clock.advance(random() * 5_000);
  }
  await clock.advance(3_600_000);
  const sums = { delivered: 0, rejected: 0, failed: 0 };
  for (const outcome of await Promise.all(outcomes)) {
    for (const key of ["delivered", "rejected", "failed"] as const) sums[key] += outcome[key];
  }
  const total = (name: string) => Object.values(metric(name)).reduce((sum, one) => sum + one, 0);
  assert.equal(sums.delivered + sums.rejected + sums.failed, offered);
  assert.deepEqual(
    [
      total("events_accepted_total"),
      total("events_delivered_total"),
      total("events_rejected_total"),
      total("events_dropped_total"),
      total("pending_events"),
    ],
    [offered, sums.delivered, sums.rejected, sums.failed, 0],
  );
  assert.ok(sums.delivered > 0 && sums.rejected > 0 && sums.failed > 0);
});

Deno.test("an output shows its destination's page", () => {
  assert.equal(scripted(done, { client: { page: () => "a 1\n" } }).output.page(), "a 1\n");
  assert.equal(scripted(done).output.page(), undefined);
});
