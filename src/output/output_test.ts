import assert from "node:assert/strict";
import { FakeClock } from "../clock/mod.ts";
import type { Batch } from "../metric/mod.ts";
import {
  DeliveryError,
  type DeliveryFailure,
  type Destination,
  type DestinationClient,
  type OutputConfig,
  type PublishResult,
} from "./contract.ts";
import type { Outcome } from "./delivery_parts.ts";
import { type OutputDeps, startOutput } from "./output.ts";
import { MemoryFiles } from "./spool/memory_files.ts";
import { openInMemory } from "./spool/testing.ts";
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
  readonly base?: ReturnType<typeof testDeps<FakeClock>>;
}

/** An output over clients that do what `publish` says; no jitter, so that waits are 0.5 s, 1 s, 2 s. */
function scripted(publish: Publish, { config, deps, client, destination, base = testDeps() }: Changes = {}) {
  const calls: { host: string; events: string[]; atMs: number }[] = [];
  const ends: Outcome[] = [];
  let open = 0;
  const newClient = (host: string): DestinationClient => {
    let connected = false;
    const setConnected = (to: boolean) => {
      open += Number(to) - Number(connected);
      connected = to;
    };
    return {
      get isConnected() {
        return connected;
      },
      connect: () => Promise.resolve(setConnected(true)),
      publish: async (batch, signal) => {
        calls.push({ host, events: eventTexts(batch), atMs: base.clock.monotonic() });
        const result = await publish(batch, signal, calls.length - 1, host);
        if (result.error?.failure === "connection" || result.error?.failure === "ambiguous") setConnected(false);
        return result;
      },
      close: () => Promise.resolve(setConnected(false)),
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
    onEnd: (_kind, outcome) => void ends.push(outcome),
    ...deps,
  });
  /** A counter's or a gauge's values, by reason or class. */
  const metric = (name: string) => {
    const lines = base.reporter.metrics.text().split("\n").filter((line) => line.startsWith(`limier_${name}{`));
    return Object.fromEntries(
      lines.map((line) => [/(?:reason|class)="([^"]*)"/.exec(line)?.[1] ?? "", Number(line.split(" ").at(-1))]),
    );
  };
  return { output, calls, ends, metric, clock: base.clock, reporter: base.reporter, open: () => open };
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

/** Lets everything happen that waits for nothing but its turn. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("startOutput() connects and delivers on the first batch, not before", async () => {
  const { output, calls, ends, open, metric } = scripted(done);
  assert.equal(open(), 0);
  assert.deepEqual(await output.offer(abc()), { delivered: 3, rejected: 0, failed: 0 });
  await output.offer(batchOf("points", "d"));
  assert.equal(open(), 1);
  assert.deepEqual(calls.map(({ events }) => events), [["a", "b", "c"], ["d"]]);
  assert.deepEqual(ends.map(({ delivered }) => delivered), [3, 1]);
  assert.deepEqual(metric("events_accepted_total"), { "": 4 });
  assert.deepEqual(metric("events_delivered_total"), { "": 4 });
  assert.deepEqual(metric("attempts_total"), { ok: 2 });
  assert.deepEqual(metric("pending_events"), { "": 0 });
});

Deno.test("offer() settles an empty batch without a request", async () => {
  const { output, calls, ends } = scripted(done);
  assert.deepEqual(await output.offer(batchOf("points")), { delivered: 0, rejected: 0, failed: 0 });
  assert.deepEqual([calls.length, ends.length], [0, 0]);
});

for (const [retries, sends] of [[0, 1], [1, 2], [3, 4]] as const) {
  Deno.test(`offer() publishes ${sends} times with max_retries ${retries}`, async () => {
    const { output, calls, clock, metric } = scripted((batch) => failed(batch, "retry", { status: 503 }), {
      config: { maxRetries: retries },
    });
    const outcome = output.offer(abc());
    await clock.advance(60_000);
    assert.deepEqual(await outcome, { delivered: 0, rejected: 0, failed: 3, cause: "503" });
    assert.deepEqual(calls.map(({ atMs }) => atMs), [0, 500, 1_500, 3_500].slice(0, sends));
    assert.deepEqual(metric("events_dropped_total"), { "503": 3 });
  });
}

Deno.test("offer() ends at its deadline, for what kept it from being delivered", async () => {
  const { output, clock, metric, calls } = scripted((batch) => failed(batch, "configuration", { status: 403 }));
  const deadline = new AbortController();
  const tried = output.offer(abc(), deadline.signal), waiting = output.offer(abc(), deadline.signal);
  await clock.advance(10_000);
  deadline.abort("deadline");
  assert.equal((await tried).cause, "403");
  assert.equal((await waiting).cause, "deadline");
  assert.equal(calls.length, 1);
  assert.deepEqual(metric("events_dropped_total"), { "403": 3, deadline: 3 });
});

Deno.test("offer() does not repeat what may have been executed, where repeats count", async () => {
  const { output, calls } = scripted((batch) => failed(batch, "ambiguous"), { destination: { countsRepeats: true } });
  assert.deepEqual(await output.offer(abc()), { delivered: 0, rejected: 0, failed: 3, cause: "ambiguous" });
  assert.equal(calls.length, 1);
});

for (const [what, queue] of [["batches", { batches: 2, bytes: 100 }], ["bytes", { batches: 9, bytes: 6 }]] as const) {
  Deno.test(`an output refuses batches beyond its bound of ${what}`, async () => {
    const { output, metric, clock } = scripted(stalled, { deps: { queue } });
    const deadline = new AbortController();
    const first = output.offer(abc(), deadline.signal), second = output.offer(abc(), deadline.signal);
    assert.deepEqual(await output.offer(abc()), { delivered: 0, rejected: 0, failed: 3, cause: "queue_full" });
    assert.deepEqual(metric("events_dropped_total"), { queue_full: 3 });
    deadline.abort("deadline");
    await clock.advance(2_000);
    await Promise.all([first, second]);
    assert.deepEqual(metric("pending_events"), { "": 0 });
  });
}

Deno.test("an output takes a batch that is larger than its bound of bytes when it holds nothing else", async () => {
  const { output } = scripted(done, { deps: { queue: { batches: 1, bytes: 1 } } });
  assert.equal((await output.offer(abc())).delivered, 3);
});

Deno.test("worker makes connections to each host of a balanced output, and one otherwise", async () => {
  for (const [mode, most] of [["load_balance", 6], ["failover", 1], ["single", 1]] as const) {
    const { output, open, clock } = scripted(stalled, { config: { mode, hosts: ["a", "b"], worker: 3 } });
    const deadline = new AbortController();
    const all = Array.from({ length: 12 }, () => output.offer(abc(), deadline.signal));
    await settled();
    assert.equal(open(), most, mode);
    deadline.abort("deadline");
    await clock.advance(60_000);
    await Promise.all(all);
    await Promise.all([output[Symbol.asyncDispose](), clock.advance(60_000)]);
    assert.equal(open(), 0);
  }
});

Deno.test("disposing lets accepted batches end, closes the clients, and refuses what comes later", async () => {
  const answer = Promise.withResolvers<PublishResult>();
  const { output, open } = scripted(() => answer.promise);
  const outcome = output.offer(abc());
  await settled();
  const disposed = output[Symbol.asyncDispose]();
  answer.resolve({ remaining: null });
  assert.equal((await outcome).delivered, 3);
  await disposed;
  await output.done;
  assert.equal(open(), 0);
  assert.deepEqual(await output.offer(abc()), { delivered: 0, rejected: 0, failed: 3, cause: "closed" });
});

Deno.test("disposing fails what does not end in time", async () => {
  const { output, clock } = scripted(stalled, { deps: { drainMs: 5_000 } });
  const outcome = output.offer(abc());
  await settled();
  const disposed = output[Symbol.asyncDispose]();
  await clock.advance(6_000);
  assert.deepEqual(await outcome, { delivered: 0, rejected: 0, failed: 3, cause: "closed" });
  await disposed;
});

Deno.test("an output shows its destination's page", () => {
  const { output } = scripted(done, { client: { page: () => "text" } });
  assert.equal(output.page(), "text");
  assert.equal(scripted(done).output.page(), undefined);
});

/** A spooled output over files in memory. */
async function spooled(publish: Publish, changes: Changes = {}, files = new MemoryFiles()) {
  const clock = new FakeClock(1_700_000_010_000);
  const base = testDeps(undefined, clock);
  const { spool, reporter } = await openInMemory({}, files, clock);
  const made = scripted(publish, {
    ...changes,
    base,
    config: { spool: true, ...changes.config },
    deps: { spool, ...changes.deps },
  });
  const events = (how: string) => {
    const lines = reporter.metrics.text().split("\n").filter((line) => line.startsWith(`limier_${how}`));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  };
  return { ...made, spool, events, files };
}

Deno.test("startOutput() refuses to spool without a spool", () => {
  assert.throws(() => scripted(done, { config: { spool: true } }), /Cannot start output out: give it a spool/);
});

Deno.test("a spooled output stores first, and delivers what is stored", async () => {
  const { output, calls, ends, events, spool } = await spooled(done);
  assert.deepEqual(await output.offer(abc()), { delivered: 0, rejected: 0, failed: 0, stored: 3 });
  await settled();
  assert.deepEqual(calls.map((call) => call.events), [["a", "b", "c"]]);
  assert.deepEqual(ends, [{ delivered: 3, rejected: 0, failed: 0 }]);
  assert.deepEqual([events("events_accepted_total"), events("events_delivered_total")], [3, 3]);
  await output[Symbol.asyncDispose]();
  await spool[Symbol.asyncDispose]();
});

Deno.test("a spooled output gives nothing up for the number of attempts", async () => {
  const { output, clock, calls, events, spool } = await spooled(
    (batch, _signal, call) => call < 30 ? failed(batch, "retry", { status: 500 }) : { remaining: null },
    { config: { maxRetries: 0 } },
  );
  await output.offer(abc());
  for (let i = 0; i < 100; i++) {
    await settled();
    await clock.advance(60_000);
  }
  assert.equal(calls.length, 31);
  assert.deepEqual([events("events_delivered_total"), events("pending_events")], [3, 0]);
  await output[Symbol.asyncDispose]();
  await spool[Symbol.asyncDispose]();
});

Deno.test("a spooled output counts in the spool's books what a destination rejects", async () => {
  const { output, events, ends, reporter, spool } = await spooled((batch) => ({
    remaining: null,
    rejected: [{ reason: "400", count: 1 }],
    duplicate: batch.ends.length - 2,
  }));
  await output.offer(abc());
  await settled();
  const how = ["delivered", "duplicate", "rejected", "dropped"].map((end) => events(`events_${end}_total`));
  assert.deepEqual(how, [1, 1, 1, 0]);
  assert.deepEqual(ends, [{ delivered: 2, rejected: 1, failed: 0 }]);
  assert.equal(reporter.lines.filter(({ level }) => level === "warn").length, 1);
  await output[Symbol.asyncDispose]();
  await spool[Symbol.asyncDispose]();
});

Deno.test("a spooled output publishes no more at once than a request holds, and finishes each part by itself", async () => {
  const last = Promise.withResolvers<PublishResult>();
  const { output, calls, events, clock, spool } = await spooled(
    (batch) => eventTexts(batch).includes("c") ? last.promise : { remaining: null },
    { config: { bulkMaxSize: 2 } },
  );
  await output.offer(abc());
  await settled();
  assert.deepEqual(calls.map((call) => call.events), [["a", "b"], ["c"]]);
  assert.equal(events("pending_events"), 1);
  const disposed = output[Symbol.asyncDispose]();
  await clock.advance(20_000);
  await disposed;
  assert.equal(spool.outputs()[0]!.pendingEvents, 1);
  await spool[Symbol.asyncDispose]();
});

Deno.test("what a spooled output could not deliver is delivered by the next one", async () => {
  const files = new MemoryFiles();
  const first = await spooled((batch) => failed(batch, "connection"), {}, files);
  await first.output.offer(abc());
  await settled();
  const disposed = first.output[Symbol.asyncDispose]();
  await first.clock.advance(20_000);
  await disposed;
  assert.equal(first.events("pending_events"), 3);
  await first.spool[Symbol.asyncDispose]();
  const second = await spooled(done, {}, files);
  await settled();
  assert.deepEqual(second.calls.map((call) => call.events), [["a", "b", "c"]]);
  assert.deepEqual([second.events("events_accepted_total"), second.events("events_delivered_total")], [3, 3]);
  await second.output[Symbol.asyncDispose]();
  await second.spool[Symbol.asyncDispose]();
});

Deno.test("a spooled output waits for the one before it to let go of what is stored", async () => {
  const before = Promise.withResolvers<void>();
  const { output, calls, spool } = await spooled(done, { deps: { after: before.promise } });
  const held = spool.reader("out");
  await output.offer(abc());
  await settled();
  assert.equal(calls.length, 0);
  await held[Symbol.asyncDispose]();
  before.resolve();
  await settled();
  assert.equal(calls.length, 1);
  await output[Symbol.asyncDispose]();
  await spool[Symbol.asyncDispose]();
});

Deno.test("a spooled output that is disposed delivers what is stored first, if it can", async () => {
  const answers: ((result: PublishResult) => void)[] = [];
  const { output, calls, spool } = await spooled(() => new Promise((resolve) => answers.push(resolve)));
  for (const name of ["a", "b"]) await output.offer(batchOf("points", name));
  await settled();
  const disposed = output[Symbol.asyncDispose]();
  for (let i = 0; i < 2; i++) {
    answers.shift()!({ remaining: null });
    await settled();
  }
  await disposed;
  assert.equal(calls.length, 2);
  assert.equal(spool.outputs()[0]!.pendingEvents, 0);
  await spool[Symbol.asyncDispose]();
});

Deno.test("an output's books balance after anything", async () => {
  const random = (() => {
    let state = 20_261_121;
    return () => (state = Math.imul(state ^ (state >>> 15), 2_246_822_519) >>> 0) / 2 ** 32;
  })();
  const { output, clock, metric } = scripted((batch) => {
    const what = Math.floor(random() * 8);
    const some = Math.floor(random() * (batch.ends.length + 1));
    if (what === 0) return failed(batch, "retry");
    if (what === 1) return failed(batch, "connection");
    if (what === 2) return failed(batch, "too_large");
    if (what === 3) return failed(batch, "permanent", { status: 400 });
    if (what === 4) return { remaining: null, rejected: [{ reason: "encode", count: some }] };
    if (what === 5) return { remaining: null, duplicate: some };
    return { remaining: null };
  }, { config: { mode: "load_balance", hosts: ["a", "b"], worker: 2 } });
  const outcomes: Promise<Outcome>[] = [];
  for (let i = 0; i < 200; i++) {
    outcomes.push(output.offer(batchOf("points", ..."abcdefgh".slice(0, 1 + Math.floor(random() * 8)))));
  }
  let open = outcomes.length;
  for (const outcome of outcomes) outcome.then(() => open--);
  while (open > 0) await clock.advance(1_000);
  const sum = (name: string) => Object.values(metric(name)).reduce((all, one) => all + one, 0);
  const ended = ["delivered", "duplicate", "rejected", "dropped"].map((how) => sum(`events_${how}_total`));
  assert.equal(ended.reduce((all, one) => all + one, 0), sum("events_accepted_total"));
  assert.equal(sum("pending_events"), 0);
});
