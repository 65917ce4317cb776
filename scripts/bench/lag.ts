/**
 * The judge of lag beside its floor: commits decoded and stored a CPU-second, from memory and from fetched batches, held against
 * programs that only walk the same bytes; and the memory of a million partitions.
 *
 * @module
 */
import { forEachRecord, newDecompressor, readRecordBatches } from "../../src/kafka/mod.ts";
import { LagStore, newRequest, OffsetsLog, Outcome, STORAGE_DEFAULTS } from "../../src/lag/mod.ts";
import { threadCpuTimeNs } from "../../src/linux/mod.ts";
import { buildFloor } from "../floor/build.ts";
import { type CommitShape, commitsOf, recordBatch, topicName } from "../load/offset_commits.ts";

const SHAPE: CommitShape = { groups: 1_000, partitions: 20, topics: 50 };
const RECORDS = SHAPE.groups * SHAPE.partitions;
/** Passes over all commits in one measurement; short ones, so that what else the machine does falls on all alike. */
const PASSES = 15;
const ROUNDS = 15;
/** What the runtime's compiler wants to see. */
const WARM_PASSES = 50;
/** Batches of one fetch: 150 KB, as a reader gets them that has caught up or nearly. */
const FETCHED = 100;
const CLUSTER = "bench";
const NOW_MS = 1_700_000_000_000;

/** Each record behind its length, as walk_floor reads them, and its place for those who read here. */
interface Flat {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of each record: where its key starts, where its value does, where it ends. */
  readonly places: Int32Array;
}

function flat(): Flat {
  const parts: Uint8Array[] = [];
  const places = new Int32Array(RECORDS * 3);
  let at = 0;
  let i = 0;
  for (const records of commitsOf(SHAPE, 5_000, NOW_MS)) {
    for (const { key, value } of records) {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, key.length + value.length, true);
      parts.push(length, key, value);
      places[i++] = at + 4;
      places[i++] = at + 4 + key.length;
      at += 4 + key.length + value.length;
      places[i++] = at;
    }
  }
  const bytes = new Uint8Array(at);
  at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, places };
}

/** Walks as walk_floor does. @returns something that hangs on each byte */
function walk(bytes: Uint8Array, view: DataView): number {
  let sum = 0;
  for (let at = 0; at + 4 <= bytes.length;) {
    const end = at + 4 + view.getUint32(at, true);
    for (at += 4; at < end; at++) sum = (sum ^ bytes[at]!) + (sum << 1) | 0;
  }
  return sum;
}

function newStore(): LagStore {
  const store = new LagStore(STORAGE_DEFAULTS, [CLUSTER]);
  store.setTime(NOW_MS);
  for (let topic = 0; topic < SHAPE.topics; topic++) {
    for (let partition = 0; partition < SHAPE.partitions; partition++) {
      measureEnd(store, topicName(topic), partition, SHAPE.partitions);
    }
  }
  return store;
}

function measureEnd(store: LagStore, topic: string, partition: number, topicPartitionCount: number): void {
  const fields = { cluster: CLUSTER, topic, partition, topicPartitionCount, offset: 6_000, timestamp: NOW_MS };
  store.handle(newRequest("StorageSetBrokerOffset", fields));
}

/** The batches of one pass, behind each other as a fetch has them, and where each begins. */
function fetched(): { bytes: Uint8Array<ArrayBuffer>; starts: number[] } {
  const batches = [...commitsOf(SHAPE, 5_000, NOW_MS)].map((records) =>
    recordBatch(records, { baseOffset: 0, timestampMs: NOW_MS })
  );
  const bytes = new Uint8Array(batches.reduce((sum, batch) => sum + batch.length, 0));
  const starts: number[] = [];
  let at = 0;
  for (const batch of batches) {
    starts.push(at);
    bytes.set(batch, at);
    at += batch.length;
  }
  return { bytes, starts };
}

/** Records a CPU-second of this thread. */
function perCpuSecond(passes: number, pass: (n: number) => void): number {
  const before = threadCpuTimeNs();
  for (let n = 0; n < passes; n++) pass(n);
  return passes * RECORDS / ((threadCpuTimeNs() - before) / 1e9);
}

/** One round: records a CPU-second of each. */
interface Round {
  /** `null` without a C compiler. */
  readonly c: number | null;
  readonly walked: number;
  readonly stored: number;
  readonly fromBatches: number;
}

/** Runs the comparison and prints it. @returns the exit code */
export async function benchLag(print: (line: string) => void): Promise<number> {
  const { bytes, places } = flat();
  const view = new DataView(bytes.buffer);
  const { bytes: log, starts } = fetched();
  const logView = new DataView(log.buffer);
  const fetches = starts.filter((_, i) => i % FETCHED === 0)
    .map((start, i) => log.subarray(start, starts[(i + 1) * FETCHED] ?? log.length));
  const decompressor = await newDecompressor();
  const floor = await buildFloor("walk_floor");
  const path = await Deno.makeTempFile({ prefix: "limier_bench_" });
  await Deno.writeFile(path, bytes);
  let sum = 0;
  const walkAll = () => void (sum ^= walk(bytes, view));

  let order = 1;
  const memoryStore = newStore();
  const memoryStream = new OffsetsLog(memoryStore, CLUSTER).stream();
  const record = { bytes, offset: 0, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0 };
  const none = { isControl: false, isTransactional: false, producerId: -1n };
  const storeAll = () =>
    memoryStream.take(none, (_, take) => {
      for (let i = 0; i < places.length; i += 3) {
        record.offset = order++;
        record.keyStart = places[i]!;
        record.keyEnd = record.valueStart = places[i + 1]!;
        record.valueEnd = places[i + 2]!;
        take(record);
      }
    });

  let baseOffset = 1;
  const batchStore = newStore();
  const batchStream = new OffsetsLog(batchStore, CLUSTER).stream();
  const takeAll = () => {
    for (const start of starts) {
      logView.setUint32(start + 4, baseOffset); // in front of what the checksum is about
      baseOffset += SHAPE.partitions;
    }
    for (const fetch of fetches) {
      for (const batch of readRecordBatches(fetch, decompressor).batches) batchStream.take(batch, forEachRecord);
    }
  };

  const rounds: Round[] = [];
  try {
    for (const warm of [walkAll, storeAll, takeAll]) perCpuSecond(WARM_PASSES, warm);
    for (let round = 1; round <= ROUNDS; round++) {
      const one = {
        c: floor === null ? null : await walkInC(floor, path),
        walked: perCpuSecond(PASSES, walkAll),
        stored: perCpuSecond(PASSES, storeAll),
        fromBatches: perCpuSecond(PASSES, takeAll),
      };
      rounds.push(one);
      print(
        `round ${round}: C walks ${k(one.c)}, walked ${k(one.walked)}, decoded and stored ${k(one.stored)}, ` +
          `from batches ${k(one.fromBatches)}`,
      );
    }
  } finally {
    await Deno.remove(path);
  }
  if (!Number.isInteger(sum)) throw new TypeError("unreachable: a sum of bytes"); // and used, so that it is walked
  for (const store of [memoryStore, batchStore]) {
    const { outcomes } = store;
    const taken = outcomes[Outcome.stored]! + outcomes[Outcome.merged]!;
    const all = outcomes.reduce((a, b) => a + b);
    if (taken !== all || taken !== (PASSES * ROUNDS + WARM_PASSES) * RECORDS) {
      print(`Cannot use the figures: ${taken} of ${all} commits were stored`);
      return 1;
    }
  }

  print("");
  print(`records of ${Math.round(bytes.length / RECORDS - 4)} bytes, ${RECORDS} partitions; records a CPU-second`);
  row(print, "walked (the floor)", rounds, (round) => round.walked);
  row(print, "walked in C", rounds, (round) => round.c ?? NaN);
  row(print, "decoded and stored", rounds, (round) => round.stored);
  row(print, "from batches", rounds, (round) => round.fromBatches);
  return await printMemory(print);
}

function row(
  print: (line: string) => void,
  what: string,
  rounds: readonly Round[],
  of: (round: Round) => number,
): void {
  const ratios = rounds.map((round) => of(round) / round.walked);
  print(
    `${what.padEnd(20)} ${k(median(rounds.map(of))).padStart(9)}   ${median(ratios).toFixed(2)} of the floor ` +
      `(${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
  );
}

async function walkInC(program: string, path: string): Promise<number> {
  const { stdout } = await new Deno.Command(program, { args: [path, String(PASSES)] }).output();
  const { records, cpuSeconds } = JSON.parse(new TextDecoder().decode(stdout));
  return records / cpuSeconds;
}

/** Memory of a million partitions, measured in a process of its own: nothing else has been in it. */
async function printMemory(print: (line: string) => void): Promise<number> {
  const args = [
    "run",
    "-A",
    "--no-check",
    "--v8-flags=--expose-gc",
    new URL("./lag_memory.ts", import.meta.url).pathname,
  ];
  for (const shape of ["10000 100 100", "1 1000000 1"]) {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args, ...shape.split(" ")],
    })
      .output();
    print(new TextDecoder().decode(success ? stdout : stderr).trim());
    if (!success) return 1;
  }
  return 0;
}

function k(perSecond: number | null): string {
  return perSecond === null || Number.isNaN(perSecond) ? "-" : `${Math.round(perSecond / 1000)} k`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[sorted.length - 1 >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

if (import.meta.main) Deno.exit(await benchLag(console.log));
