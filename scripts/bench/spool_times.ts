/** Bytes through a spool, and through a plain file beside it: what the benchmarks measure. */
import { realClock } from "../../src/clock/mod.ts";
import { BatchBuilder } from "../../src/metric/mod.ts";
import { openSpool } from "../../src/output/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";

const TOTAL_BYTES = 128 * 2 ** 20;
const EVENT_BYTES = 200;
/** The most the plain file is given at once: what Deno's own streams of files take. */
const PIECE_BYTES = 64 * 1024;

/** Milliseconds to write and to read all. */
export interface Times {
  readonly writeMs: number;
  readonly readMs: number;
}

function batchOfEvents(count: number) {
  const builder = new BatchBuilder("points", 1_700_000_000);
  const event = new Uint8Array(EVENT_BYTES);
  for (let i = 0; i < count; i++) {
    crypto.getRandomValues(event);
    builder.append(event);
    builder.endEvent();
  }
  return builder.build();
}

/** Batches of so many events of 200 bytes through a spool in the page cache, 128 MiB in all. */
export async function spooled(events: number): Promise<Times> {
  const directory = await Deno.makeTempDir();
  const batch = batchOfEvents(events);
  const rounds = Math.ceil(TOTAL_BYTES / batch.bytes.length);
  const options = { directory, maxBytes: 2 ** 30, fsync: "never", minFreeBytes: 0 } as const;
  const spool = await openSpool(options, { clock: realClock, reporter: recordingReporter() });
  const startMs = performance.now();
  for (let i = 0; i < rounds; i++) await spool.append("out", batch);
  const writtenMs = performance.now();
  const reader = spool.reader("out");
  for (let i = 0; i < rounds; i++) reader.finish((await reader.next())!, "delivered");
  const readMs = performance.now();
  await spool[Symbol.asyncDispose]();
  await Deno.remove(directory, { recursive: true });
  return { writeMs: writtenMs - startMs, readMs: readMs - writtenMs };
}

/** The same bytes through a plain file, in pieces of the same size. */
export async function plain(events: number): Promise<Times> {
  const path = await Deno.makeTempFile();
  const { bytes } = batchOfEvents(Math.min(events, Math.floor(PIECE_BYTES / EVENT_BYTES)));
  const rounds = Math.ceil(TOTAL_BYTES / bytes.length);
  const file = await Deno.open(path, { write: true, read: true });
  const startMs = performance.now();
  for (let i = 0; i < rounds; i++) await file.write(bytes);
  const writtenMs = performance.now();
  await file.seek(0, Deno.SeekMode.Start);
  const into = new Uint8Array(bytes.length);
  while (await file.read(into) !== null);
  const readMs = performance.now();
  file.close();
  await Deno.remove(path);
  return { writeMs: writtenMs - startMs, readMs: readMs - writtenMs };
}
