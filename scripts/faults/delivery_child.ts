/**
 * A process that stores and delivers, to be killed, stopped and cut off from the name service. It takes a `ChildPlan` as
 * JSON, says `open` when the spool is, `S FIRST COUNT FROM TO` for each batch that is stored, `B {…}` with its books now and
 * then, and ends with `done` when its standard input does; with 143 if that was a SIGTERM.
 *
 * @module
 */
import { realClock } from "../../src/clock/mod.ts";
import { Section } from "../../src/config/mod.ts";
import { type FsyncPolicy, openSpool, readOutputs, startOutput } from "../../src/output/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";
import { WAITS } from "./waits.ts";
import { eachBatch } from "./events.ts";
import type { TrialMode } from "./modes.ts";
import { type EventBooks, eventBooks, sumOf } from "./page.ts";
import { randomFrom } from "./random.ts";
import { sleep } from "./wait.ts";

/** What the process is to do. */
export interface ChildPlan {
  readonly directory: string;
  readonly hosts: readonly string[];
  readonly mode: TrialMode;
  readonly seed: number;
  readonly firstId: number;
  readonly events: number;
  /** Between two batches. */
  readonly pauseMs: number;
  readonly fsync: FsyncPolicy;
  readonly timeoutMs: number;
  readonly segmentBytes?: number;
  readonly maxBytes?: number;
  /** Of one event. @default 48 */
  readonly paddingBytes?: number;
  /** Between two lines with books. @default 100 */
  readonly booksMs?: number;
  /** Waits as an output has them that is not told otherwise. @default false */
  readonly realWaits?: boolean;
}

/** What it says of itself: the books of its events and of its batches. */
export interface ChildBooks extends EventBooks {
  readonly signals: number;
  readonly batches: number;
}

/** Batches that wait to be stored at once. */
const MOST_WAITING = 64;

const text = new TextEncoder();

/** At once, so that a line that was begun is in the pipe when the process ends. */
function say(line: string): void {
  for (let bytes = text.encode(`${line}\n`); bytes.length > 0;) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

if (import.meta.main) {
  const plan: ChildPlan = JSON.parse(Deno.args[0]!);
  const { directory, fsync, mode, hosts, timeoutMs, segmentBytes = 256 * 1024 } = plan;
  const deps = { clock: realClock, reporter: recordingReporter() };
  const spool = await openSpool(
    { directory, fsync, segmentBytes, minFreeBytes: 0, maxBytes: plan.maxBytes ?? 2 ** 30 },
    deps,
  );
  const kind = mode.width > 1 ? { kind: "datadog", key: "k" } : { kind: "influxdb", database: "d" };
  const [config] = readOutputs([Section.of({ name: "out", mode: mode.mode, hosts: [...hosts], ...kind })], {
    defaultStdout: false,
  });
  const output = startOutput({ ...config!, ...plan.realWaits ? {} : WAITS, bulkMaxSize: 500, spool: true, timeoutMs }, {
    ...deps,
    fetch,
    spool,
    drainMs: 0,
  });
  const books = () => {
    const page = deps.reporter.metrics.text();
    const [signals, batches] = [sumOf(page, "limier_signals_total"), sumOf(page, "limier_batches_total")];
    say(`B ${JSON.stringify({ ...eventBooks(page, "out"), signals, batches } satisfies ChildBooks)}`);
  };
  say("open");
  books();
  setInterval(books, plan.booksMs ?? 100);
  void (async () => {
    const waiting = new Set<Promise<void>>();
    const { firstId, paddingBytes = 48 } = plan;
    for (const { batch, ids } of eachBatch(randomFrom(plan.seed), plan.events, { firstId, paddingBytes })) {
      const storing: Promise<void> = spool.append("out", batch).then(({ from, to, stored }) => {
        if (stored === ids.length) say(`S ${ids[0]} ${ids.length} ${from} ${to}`);
        waiting.delete(storing);
      });
      waiting.add(storing);
      if (waiting.size >= MOST_WAITING) await Promise.race(waiting);
      await sleep(plan.pauseMs);
    }
  })();
  for await (const _ of Deno.stdin.readable);
  await output[Symbol.asyncDispose]();
  await spool[Symbol.asyncDispose]();
  books();
  say("done");
  Deno.exit(0);
}
