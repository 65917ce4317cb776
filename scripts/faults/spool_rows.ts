/** Faults of the spool's files: torn, flipped, garbage, gone, no room, no sync, no permission. */
import { realClock } from "../../src/clock/mod.ts";
import { eventBytes } from "../../src/metric/mod.ts";
import { openSpool, type Spool, type SpoolOptions } from "../../src/output/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";
import type { Delivery } from "./delivery.ts";
import { idsIn, type Numbered } from "./events.ts";
import { FaultyFiles, ioError } from "./faulty_files.ts";
import { conservationFindings, sumOf } from "./page.ts";
import { copySpool, recordFields, type RecordPlace, recordPlaces, segmentPaths, setPosition } from "./segment_file.ts";
import type { Row, Trial } from "./trial.ts";
import { inTime, sleep, until } from "./wait.ts";

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

/** A small file system in memory. @returns its path, or `undefined` where none may be mounted */
async function smallDisk(trial: Trial, bytes: number): Promise<string | undefined> {
  const path = await trial.directory();
  const mount = new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path],
    stderr: "null",
  });
  try {
    if (!(await mount.output()).success) return undefined;
  } catch {
    return undefined; // there is no such program
  }
  trial.defer(async () => void await new Deno.Command("umount", { args: ["-l", path] }).output());
  return path;
}

/** Takes all the room there is on a disk. */
function fillDisk(path: string): void {
  using file = Deno.openSync(`${path}/ballast`, { write: true, create: true, append: true });
  try {
    for (let size = 65_536; size >= 1;) {
      try {
        file.writeSync(new Uint8Array(size));
      } catch {
        size >>= 1; // less may still fit
      }
    }
  } finally {
    // The file is closed; what was written stays.
  }
}

async function fullDisk(trial: Trial): Promise<void> {
  const disk = await smallDisk(trial, 8 * 2 ** 20);
  if (disk === undefined) {
    trial.note("without root there is no small file system: a quota in the file layer stands for it");
    return await fullQuota(trial);
  }
  let filling: ReturnType<typeof setInterval> | undefined;
  const fill = () => {
    fillDisk(disk);
    filling = setInterval(() => fillDisk(disk), 5); // also what is deleted meanwhile
  };
  const free = () => {
    clearInterval(filling);
    Deno.removeSync(`${disk}/ballast`);
  };
  trial.defer(() => clearInterval(filling));
  await fullWith(trial, `${disk}/spool`, fill, free);
}

/** The same with a file layer that has no room. */
async function fullQuota(trial: Trial): Promise<void> {
  const files = new FaultyFiles();
  const full = () => Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  const directory = await trial.directory();
  await fullWith(
    trial,
    directory,
    () => void (files.fault = (operation) => operation === "write" || operation === "create" ? full() : undefined),
    () => void (files.fault = () => undefined),
    files,
  );
}

async function fullWith(
  trial: Trial,
  directory: string,
  fill: () => void,
  free: () => void,
  files?: FaultyFiles,
): Promise<void> {
  const peers = trial.peers();
  let open = true;
  for (const peer of peers) {
    const takes = peer.script;
    peer.script = async (exchange) => {
      await until(() => open, "the receiver is open");
      await takes(exchange);
    };
  }
  const layer = files === undefined ? {} : { files };
  const delivery = await trial.deliver(peers, { spool: { directory, segmentBytes: 256 * 1024 }, ...layer });
  const batches = trial.batches(10_000);
  const third = Math.floor(batches.length / 3);
  const parts = [batches.slice(0, third), batches.slice(third, 2 * third), batches.slice(2 * third)];

  // While writing: `block`, the default, keeps what comes in memory, and stores it when there is room.
  open = false;
  await delivery.offerAll(parts[0]!);
  fill();
  trial.fault();
  const blocked = parts[1]!.map((batch) => delivery.offer(batch));
  await until(() => delivery.spool!.health().state === "blocked", "the spool says that it is blocked");
  trial.require(delivery.books.dropped === 0, "events were dropped although they may wait");
  open = true; // and what is stored goes on being delivered
  await until(() => trial.oracle.requests.length > 0, "delivery goes on while the disk is full");
  free();
  const outcomes = await inTime(Promise.all(blocked), "what waited to be stored");
  trial.require(
    outcomes.every(({ stored, failed }) => (stored ?? 0) > 0 && failed === 0),
    "what waited was not stored",
  );
  trial.require(delivery.spool!.health().state === "ok", "the spool does not say that it is well again");

  // While the position is saved, and as a new segment is started: everything that was stored has been delivered.
  await delivery.delivered();
  fill();
  trial.fault();
  const errors = () => delivery.metric("limier_spool_write_errors_total");
  const before = errors();
  const last = parts[2]!.map((batch) => delivery.offer(batch));
  // It may get over it by itself, by what it deletes.
  await until(() => errors() > before, "a write fails, of events or of the position");
  free();
  await inTime(Promise.all(last), "what waited to be stored");
  await delivery.finish(trial);
  trial.require(delivery.metric("limier_spool_write_errors_total") > 0, "no failed write is counted");

  // The policies that drop: something is dropped, all of it is counted, and the process goes on.
  for (const whenFull of ["drop_newest", "drop_oldest"] as const) {
    const path = `${directory}-${whenFull}`;
    const options = { directory: path, whenFull, segmentBytes: 64 * 1024 };
    const dropping = await trial.deliver([{ url: "http://127.0.0.1:1" }], {
      name: whenFull,
      spool: options,
      ...layer,
    });
    const before = trial.batches(1_000);
    await Promise.all(before.map(({ batch }) => dropping.output.offer(batch)));
    fill();
    trial.fault();
    const offered = trial.batches(1_000, { paddingBytes: 400 }).map(({ batch }) => dropping.output.offer(batch));
    await inTime(Promise.all(offered), `the outcome under ${whenFull}`);
    free();
    const { books } = dropping;
    trial.find(conservationFindings(books), whenFull);
    trial.require(books.dropped > 0, `${whenFull}: nothing was dropped on a full disk`);
    await dropping.close();
    await Deno.remove(path, { recursive: true });
  }
}

async function failedSyncs(trial: Trial): Promise<void> {
  const files = new FaultyFiles();
  const directory = await trial.directory();
  let failing = 0;
  const failedPaths = new Set<string>();
  const again: string[] = [];
  files.fault = (operation, path) => {
    if (operation === "create") failedPaths.delete(path); // its first sync had failed, and the file was removed
    if (operation !== "sync" || !path.endsWith(".seg")) return undefined;
    if (failedPaths.has(path)) again.push(path);
    if (failing <= 0) return undefined;
    failing--;
    failedPaths.add(path);
    trial.fault();
    return ioError();
  };
  const delivery = await trial.deliver(trial.peers(), {
    files,
    spool: { directory, fsync: "always", segmentBytes: 128 * 1024 },
  });
  const batches = trial.batches();
  for (const [i, batch] of batches.entries()) {
    if (i % 20 === 10) failing = 1 + trial.random.below(3);
    const outcome = delivery.offer(batch);
    if (i % 5 === 0) {
      const { stored } = await outcome;
      // What is said to be stored is in a file that was synced since.
      trial.require(
        stored === batch.ids.length,
        `${stored} of ${batch.ids.length} events were stored after a failed sync`,
      );
      trial.require(failing === 0 || files.synced.size > 0, "events are said to be stored that no sync was for");
    }
  }
  const healthy = await until(() => delivery.spool!.health().state === "ok", "the spool is well again").then(() =>
    true
  );
  trial.require(healthy, "the spool is not well again");
  await delivery.finish(trial);
  const counted = delivery.metric("limier_spool_fsync_errors_total");
  trial.require(counted > 0 && counted <= trial.faults, `${counted} failed syncs are counted of ${trial.faults}`);
  trial.require(again.length === 0, `a file whose sync had failed was synced again: ${again[0]}`);
}

export const spoolRows: readonly Row[] = [
  { id: "FI-28", fault: "torn tail, at every byte", once: "single_sync", run: tornTail },
  { id: "FI-29", fault: "one bit flipped, in every field", once: "balance_sync", run: flippedBits },
  { id: "FI-30", fault: "zeros or noise behind the last record", once: "failover_async", run: strangeTails },
  { id: "FI-31", fault: "position missing, corrupt, stale, ahead", once: "single_async", run: strangePositions },
  { id: "FI-32", fault: "disk full", once: "balance_async", run: fullDisk },
  { id: "FI-33", fault: "fsync fails", once: "failover_sync", run: failedSyncs },
];
