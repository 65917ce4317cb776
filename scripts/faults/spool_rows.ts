/** Faults of the spool's files: torn, flipped, with garbage behind them, gone. */
import { realClock } from "../../src/clock/mod.ts";
import { eventBytes } from "../../src/metric/mod.ts";
import { openSpool, type Spool, type SpoolOptions } from "../../src/output/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";
import type { Delivery } from "./delivery.ts";
import { idsIn, type Numbered } from "./events.ts";
import { conservationFindings, sumOf } from "./page.ts";
import { copySpool, recordFields, type RecordPlace, recordPlaces, segmentPaths, setPosition } from "./segment_file.ts";
import type { Row, Trial } from "./trial.ts";
import { inTime, sleep } from "./wait.ts";

/** Stores batches as a process does that is killed then; the directory, with its newest segment not sealed. */
async function storedAndKilled(
  trial: Trial,
  batches: readonly Numbered[],
  options: Partial<SpoolOptions> = {},
): Promise<string> {
  const directory = await trial.directory();
  const killed = await trial.directory();
  const deps = { clock: realClock, reporter: recordingReporter() };
  await using spool = await openSpool({ directory, fsync: "never", minFreeBytes: 0, ...options }, deps);
  for (const { batch, ids } of batches) {
    await spool.append("out", batch);
    trial.oracle.accept(ids);
  }
  await copySpool(directory, killed);
  return killed;
}

/** What is in an opened spool. */
interface Opened {
  readonly ids: readonly number[];
  readonly page: string;
}

/** Opens what is in a directory, reads all of it, and closes it; nothing of it is finished. */
async function readSpool(directory: string): Promise<Opened> {
  const reporter = recordingReporter();
  await using spool = await openSpool({ directory, minFreeBytes: 0 }, { clock: realClock, reporter });
  const ids = await allIds(spool);
  return { ids, page: reporter.metrics.text() };
}

async function allIds(spool: Spool): Promise<number[]> {
  const pending = () => spool.outputs().find(({ name }) => name === "out")?.pendingEvents ?? 0;
  const ids: number[] = [];
  await using reader = spool.reader("out");
  while (ids.length < pending()) {
    const enough = new AbortController();
    const guard = setInterval(() => pending() <= ids.length && enough.abort(), 2); // what can't be read is given up on the way
    const next = await inTime(reader.next(enough.signal), "the next batch");
    clearInterval(guard);
    if (next === null) break;
    const text = new TextDecoder();
    for (let i = 0; i < next.batch.ends.length; i++) ids.push(...idsIn(text.decode(eventBytes(next.batch, i))));
  }
  return ids;
}

/** A copy of a directory, with one of its files changed. */
async function changed(
  trial: Trial,
  directory: string,
  path: string,
  change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array | null,
): Promise<string> {
  const copy = await trial.directory();
  await copySpool(directory, copy);
  const file = `${copy}/${path.slice(path.lastIndexOf("/") + 1)}`;
  const bytes = change(await Deno.readFile(file));
  if (bytes === null) await Deno.remove(file);
  else await Deno.writeFile(file, bytes);
  trial.fault();
  return copy;
}

/** Delivers what is in a directory, and what is handed in besides. */
async function deliverRest(
  trial: Trial,
  directory: string,
  gone: ReadonlySet<number>,
  more: readonly Numbered[] = [],
  options: Partial<SpoolOptions> = {},
): Promise<Delivery> {
  const delivery = await trial.deliver(trial.peers(), { spool: { directory, ...options } });
  await delivery.offerAll(more);
  await delivery.delivered();
  await delivery.close();
  trial.find(trial.oracle.findings({ gone, repeats: "unanswered" }));
  trial.find(conservationFindings(delivery.books));
  trial.require(delivery.books.pending === 0, `${delivery.books.pending} events are pending at the end`);
  return delivery;
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/** The ids of the events in a record. */
function idsOf(bytes: Uint8Array, { start, end }: RecordPlace): number[] {
  return idsIn(new TextDecoder().decode(bytes.subarray(start, end)));
}

async function tornTail(trial: Trial): Promise<void> {
  const batches = [...trial.batches(9_990), ...trial.batches(10, { most: 3 })];
  const killed = await storedAndKilled(trial, batches);
  const newest = segmentPaths(killed).at(-1)!;
  const bytes = await Deno.readFile(newest);
  const last = recordPlaces(bytes).at(-1)!;
  const lost = idsOf(bytes, last);
  const all = batches.flatMap(({ ids }) => ids);
  const kept = all.slice(0, all.length - lost.length);
  const cuts = Array.from({ length: last.end - last.start }, (_, i) => last.start + i);
  const deliverAt = cuts[trial.random.below(cuts.length)]!;
  for (const cut of cuts) {
    const copy = await changed(trial, killed, newest, (whole) => whole.subarray(0, cut));
    const reads = trial.full || cut === deliverAt || cut % 16 === 0;
    if (reads) {
      const { ids, page } = await readSpool(copy);
      const truncated = sumOf(page, "limier_spool_truncated_bytes_total");
      trial.require(
        same(ids, kept),
        `cut at ${cut - last.start} of ${last.end - last.start}: ${ids.length} events are left`,
      );
      trial.require(
        truncated === cut - last.start,
        `${truncated} bytes are counted as cut off, and ${cut - last.start} were torn`,
      );
    } else {
      const reporter = recordingReporter();
      await using spool = await openSpool({ directory: copy, minFreeBytes: 0 }, { clock: realClock, reporter });
      const pending = spool.outputs()[0]?.pendingEvents;
      trial.require(
        pending === kept.length,
        `cut at ${cut - last.start}: ${pending} of ${kept.length} events are pending`,
      );
    }
    if (cut === deliverAt) await deliverRest(trial, copy, new Set(lost), trial.batches(100));
    else await Deno.remove(copy, { recursive: true }).then(() => Deno.mkdir(copy));
  }
}

async function flippedBits(trial: Trial): Promise<void> {
  const batches = trial.batches();
  const killed = await storedAndKilled(trial, batches);
  const [path] = segmentPaths(killed);
  const bytes = await Deno.readFile(path!);
  const places = recordPlaces(bytes);
  const place = places.slice(5, -5).find((one) => idsOf(bytes, one).length > 20) ?? places[5]!;
  const lost = idsOf(bytes, place);
  const all = batches.flatMap(({ ids }) => ids);
  const kept = all.filter((id) => !lost.includes(id));
  const fields = [...recordFields(bytes, place)];
  const deliverAt = trial.random.below(fields.length);
  for (const [i, [field, [from, to]]] of fields.entries()) {
    const at = from + trial.random.below(to - from);
    const copy = await changed(trial, killed, path!, (whole) => {
      whole[at]! ^= 1 << trial.random.below(8);
      return whole;
    });
    const untouched = await trial.directory();
    await copySpool(copy, untouched);
    const { ids, page } = await readSpool(copy);
    trial.require(
      same(ids, kept),
      `a bit of the ${field}: ${all.length - ids.length} events are gone instead of ${lost.length}`,
    );
    const counted = sumOf(page, "limier_spool_lost_events_total");
    trial.require(
      counted === lost.length,
      `a bit of the ${field}: ${counted} events are counted as lost, not ${lost.length}`,
    );
    if (i === deliverAt) await deliverRest(trial, untouched, new Set(lost));
  }
}

async function strangeTails(trial: Trial): Promise<void> {
  const batches = trial.batches(8_000);
  const killed = await storedAndKilled(trial, batches);
  const newest = segmentPaths(killed).at(-1)!;
  const tails = { zeros: new Uint8Array(4_096), noise: crypto.getRandomValues(new Uint8Array(4_096)) };
  const chosen = trial.random.chance(0.5) ? "zeros" : "noise";
  for (const [what, tail] of Object.entries(tails)) {
    const copy = await changed(trial, killed, newest, (whole) => new Uint8Array([...whole, ...tail]));
    if (what === chosen) {
      const more = trial.batches(2_000);
      const delivery = await deliverRest(trial, copy, new Set(), more);
      const truncated = delivery.metric("limier_spool_truncated_bytes_total");
      trial.require(
        truncated === tail.length,
        `${truncated} bytes of ${what} are counted, and there were ${tail.length}`,
      );
    } else {
      const { ids, page } = await readSpool(copy);
      trial.require(same(ids, batches.flatMap(({ ids }) => ids)), `a tail of ${what} changed what is stored`);
      const truncated = sumOf(page, "limier_spool_truncated_bytes_total");
      trial.require(
        truncated === tail.length,
        `${truncated} bytes of ${what} are counted, and there were ${tail.length}`,
      );
    }
  }
}

async function strangePositions(trial: Trial): Promise<void> {
  const batches = trial.batches();
  const directory = await trial.directory();
  const [early, late] = [await trial.directory(), await trial.directory()];
  const finished: number[] = [];
  let finishedEarly = 0;
  {
    // Some of it is delivered, then more of it: two states, each with its position.
    const deps = { clock: realClock, reporter: recordingReporter() };
    await using spool = await openSpool({ directory, fsync: "never", minFreeBytes: 0, segmentBytes: 128 * 1024 }, deps);
    for (const { batch, ids } of batches) {
      await spool.append("out", batch);
      trial.oracle.accept(ids);
    }
    await using reader = spool.reader("out");
    for (const [share, copy] of [[0.3, early], [0.7, late]] as const) {
      while (finished.length < 10_000 * share) {
        const next = (await reader.next())!;
        reader.finish(next, "delivered");
        finished.push(...idsIn(new TextDecoder().decode(next.batch.bytes)));
      }
      await sleep(1_300); // the position is saved a second later at most
      await copySpool(directory, copy);
      if (copy === early) finishedEarly = finished.length;
    }
  }
  trial.oracle.store({ ids: finished, connection: "here", atMs: performance.now(), answeredMs: performance.now() });
  const all = batches.flatMap(({ ids }) => ids);
  const left = all.slice(finished.length);
  const position = `${late}/position`;
  const cases: [what: string, change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array | null, most: number][] = [
    ["missing", () => null, all.length],
    ["corrupt", (bytes) => (bytes[bytes.length - 3]! ^= 4, bytes), all.length],
    ["empty", () => new Uint8Array(0), all.length],
    ["stale", () => Deno.readFileSync(`${early}/position`), all.length - finishedEarly],
  ];
  for (const [what, change, most] of cases) {
    const { ids } = await readSpool(await changed(trial, late, position, change));
    const there = new Set(ids);
    const lost = left.filter((id) => !there.has(id));
    trial.require(lost.length === 0, `with its position ${what}, ${lost.length} events are lost`);
    trial.require(ids.length <= most, `with its position ${what}, ${ids.length} events come again, and ${most} may`);
    trial.require(there.size === ids.length, `with its position ${what}, events come twice`);
  }

  // Ahead of everything: set back to the end of the data, and what is handed in from then on is delivered.
  const ahead = await changed(trial, late, position, (bytes) => {
    setPosition(bytes, 2 ** 40);
    return bytes;
  });
  const more = trial.batches(500);
  const delivery = await trial.deliver(trial.peers(), { name: "out", spool: { directory: ahead } });
  await delivery.offerAll(more);
  await delivery.delivered();
  await delivery.close();
  const told = delivery.log.some(({ message }) => message.includes("ahead of everything"));
  trial.require(told, "nobody is told that the position was ahead of everything");
  const arrived = trial.oracle.arrived();
  const lost = more.flatMap(({ ids }) => ids).filter((id) => !arrived.has(id));
  trial.require(lost.length === 0, `${lost.length} events handed in behind a position that was ahead are lost`);

  // With no position at all, whatever is there is delivered in earnest.
  const rest = await trial.deliver(trial.peers(), {
    spool: { directory: await changed(trial, late, position, () => null) },
  });
  await rest.delivered();
  await rest.close();
  trial.find(trial.oracle.findings({ repeats: "any" }));
  trial.find(conservationFindings(rest.books));
}

export const spoolRows: readonly Row[] = [
  { id: "FI-28", fault: "torn tail, at every byte", once: "single_sync", run: tornTail },
  { id: "FI-29", fault: "one bit flipped, in every field", once: "balance_sync", run: flippedBits },
  { id: "FI-30", fault: "zeros or noise behind the last record", once: "failover_async", run: strangeTails },
  { id: "FI-31", fault: "position missing, corrupt, stale, ahead", once: "single_async", run: strangePositions },
];
