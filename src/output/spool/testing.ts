import { type Clock, FakeClock } from "../../clock/mod.ts";
import type { Batch } from "../../metric/mod.ts";
import { type Recorded, recordingReporter, type Reporter } from "../../telemetry/mod.ts";
import { batchOf, eventTexts } from "../testing.ts";
import { MemoryFiles } from "./memory_files.ts";
import { openSpool, type Spool, type SpoolOptions } from "./spool.ts";
import type { SpooledBatch, SpoolReader } from "./reader.ts";

/** Where spools in memory are. */
export const DIRECTORY = "/spool";

/** A spool in memory, with what it was given. */
export interface TestSpool<Time extends Clock = FakeClock> extends AsyncDisposable {
  readonly spool: Spool;
  readonly files: MemoryFiles;
  readonly clock: Time;
  readonly reporter: Reporter & { readonly lines: readonly Recorded[] };
}

/** Opens a spool in memory. For tests. */
export async function openInMemory<Time extends Clock = FakeClock>(
  options: Partial<SpoolOptions> = {},
  files: MemoryFiles = new MemoryFiles(),
  clock: Time = new FakeClock(1_700_000_000_000) as Clock as Time,
): Promise<TestSpool<Time>> {
  const reporter = recordingReporter();
  const deps = { clock, reporter, files, lock: () => ({ release: () => {} }) };
  const spool = await openSpool({ directory: DIRECTORY, fsync: "always", ...options }, deps);
  return { spool, files, clock, reporter, [Symbol.asyncDispose]: () => spool[Symbol.asyncDispose]() };
}

/** A batch of points `name-0` to `name-(count-1)`, each padded to `size` bytes at least. For tests. */
export function points(name: string, count: number, size = 0): Batch {
  return batchOf("points", ...Array.from({ length: count }, (_, i) => `${name}-${i}`.padEnd(size, ".")));
}

/** Reads and finishes all that is stored for an output now; the texts of its events. For tests. */
export async function drain(spool: Spool, output = "out"): Promise<string[]> {
  await using reader = spool.reader(output);
  const texts: string[] = [];
  for (let batch; (batch = await ready(spool, reader)) !== null;) {
    texts.push(...eventTexts(batch.batch).map((text) => text.replace(/\.+$/, "")));
    reader.finish(batch, "delivered");
  }
  return texts;
}

/** The next batch, `null` if nothing is left. For tests. */
export async function ready(spool: Spool, reader: SpoolReader): Promise<SpooledBatch | null> {
  const left = () => spool.outputs().find(({ name }) => name === reader.output)?.pendingEvents ?? 0;
  if (left() === 0) return null;
  const giveUp = new AbortController();
  const next = reader.next(giveUp.signal);
  // What can't be read is given up while reading, so that nothing may be left of what was pending.
  for (let turns = 0, done = false; !done; turns++) {
    done = await Promise.race([
      next.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 0)),
    ]);
    if (!done && (left() === 0 || turns > 500)) giveUp.abort();
  }
  return await next;
}

/** The paths of a spool's segments, oldest first. For tests. */
export function segmentPaths(files: MemoryFiles): string[] {
  return [...files.contents.keys()].filter((path) => /\/[0-9a-f]{16}\.seg$/.test(path)).sort();
}

/** Reads a counter or a gauge off the metrics page; sums the series that have these labels. For tests. */
export function metric(reporter: Reporter, name: string, labels = ""): number {
  let sum = 0;
  for (const line of reporter.metrics.text().split("\n")) {
    const space = line.lastIndexOf(" ");
    const series = line.slice(0, space);
    if ((series === name || series.startsWith(`${name}{`)) && series.includes(labels)) sum += Number(line.slice(space));
  }
  return sum;
}

/** Both sides of what always holds: accepted, and what became of it. From the public metrics alone. For tests. */
export function balance(reporter: Reporter, output = "out"): [accepted: number, settled: number] {
  const of = (name: string) => metric(reporter, name, `output="${output}"`);
  const fates = ["delivered", "duplicate", "rejected", "dropped"].map((fate) => of(`limier_events_${fate}_total`));
  return [of("limier_events_accepted_total"), fates.reduce((sum, one) => sum + one, of("limier_pending_events"))];
}
