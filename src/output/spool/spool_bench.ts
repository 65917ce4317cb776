/**
 * What the spool costs over the disk: the same bytes appended and drained, and written to and read from a plain file in
 * pieces of the same size, up to 64 KiB. Both in the page cache (`fsync: "never"`), by turns, so that a machine that slows down slows both.
 * Run by itself it ends with the ratio of each round.
 */
import { realClock } from "../../clock/mod.ts";
import { BatchBuilder } from "../../metric/mod.ts";
import { recordingReporter } from "../../telemetry/mod.ts";
import { crc32c } from "./crc32c.ts";
import { openSpool } from "./spool.ts";

const TOTAL_BYTES = 128 * 2 ** 20;
const EVENT_BYTES = 200;
/** The most the plain file is given at once: what Deno's own streams of files take. */
const PIECE_BYTES = 64 * 1024;

/** Milliseconds to write and to read all. */
interface Times {
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

async function spooled(events: number): Promise<Times> {
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

async function plain(events: number): Promise<Times> {
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

const bytes = crypto.getRandomValues(new Uint8Array(65_536));
Deno.bench("crc32c() of 64 KiB", () => void crc32c(bytes));

for (const events of [100, 1_000, 10_000]) {
  const group = `128 MiB in batches of ${events} events`;
  Deno.bench(`${group}: a plain file`, { group, baseline: true, n: 3 }, async () => void await plain(events));
  Deno.bench(`${group}: the spool`, { group, n: 3 }, async () => void await spooled(events));
}

if (import.meta.main && Deno.args.includes("--ratios")) {
  for (const events of [100, 1_000, 10_000]) {
    const rounds: { append: number; drain: number; both: number }[] = [];
    for (let round = 0; round < 7; round++) {
      const floor = await plain(events);
      const ours = await spooled(events);
      rounds.push({
        append: floor.writeMs / ours.writeMs,
        drain: floor.readMs / ours.readMs,
        both: (floor.writeMs + floor.readMs) / (ours.writeMs + ours.readMs),
      });
    }
    const show = (of: "append" | "drain" | "both") => {
      const sorted = rounds.map((round) => round[of]).sort((a, b) => a - b);
      return `${of} ${sorted[3]!.toFixed(2)} (${sorted[0]!.toFixed(2)} to ${sorted[6]!.toFixed(2)})`;
    };
    console.log(`batches of ${events}: ${show("append")}, ${show("drain")}, ${show("both")} of a plain file`);
  }
}
