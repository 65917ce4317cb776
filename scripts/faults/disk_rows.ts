/** Faults of the disk under the spool: no room on it, and writes that it does not keep. */
import { FaultyFiles, ioError } from "./faulty_files.ts";
import { conservationFindings } from "./page.ts";
import type { Row, Trial } from "./trial.ts";
import { inTime, until } from "./wait.ts";

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

export const diskRows: readonly Row[] = [
  { id: "FI-32", fault: "disk full", once: "balance_async", run: fullDisk },
  { id: "FI-33", fault: "fsync fails", once: "failover_sync", run: failedSyncs },
];
