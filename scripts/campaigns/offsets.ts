/** Whatever the records of an offsets topic: each is decoded or refused with a reason, and stored alike by both ways in. */
import { isDeepStrictEqual } from "node:util";
import { type Decompressor, forEachRecord, newDecompressor, readRecordBatches } from "../../src/kafka/mod.ts";
import {
  decodeOffsetsRecord,
  LagStore,
  newRequest,
  OffsetsLog,
  parseRecord,
  readRecordLine,
  REASONS,
  type RecordBytes,
  STORAGE_DEFAULTS,
} from "../../src/lag/mod.ts";
import { randomFrom } from "../../src/testing/mod.ts";
import { recordBatch, sealBatch } from "../load/offset_commits.ts";
import { type Campaign, type Print, spaced, Verdict } from "./campaign.ts";

/** Bytes of the longest key or value: those of the fixtures are shorter. */
const MOST_BYTES = 1_024;
/** States are compared after so many records. */
const INTERVAL = 10_000;
/** One in so many records comes in a batch whose bytes are bent behind a checksum that is right. */
const BATCH_EVERY = 20;
const CLUSTER = "c";
const NOW_MS = 1_700_000_000_000;
const PARTITIONS = 8;
const TOPICS = ["t", "t1", "oo", "orders", "events.v1"];

interface OffsetsOptions {
  readonly [name: string]: number;
  readonly count: number;
  readonly seed: number;
}

export const offsets: Campaign<OffsetsOptions> = {
  name: "offsets",
  summary: "mutated records of __consumer_offsets: decoded, or refused with a reason, never a crash",
  help: `campaign offsets [--count N] [--seed N]

Makes records out of those of the fixtures, keys and values mixed, bits flipped, cut, stretched; decodes each, and stores it in
two stores, by the way that reads commits in place and by the way that parses every record. It holds if

  each record is decoded, or refused with one of the known reasons, and shows as an object
  both ways count and refuse the same, and end with the same windows
  batches whose bytes are bent behind a right checksum are read as far as they go
  nothing crashes

  --count N     records; 1000000
  --seed N      what the mutants follow from; from the clock unless given`,
  defaults: { count: 1_000_000, seed: 0 },
  choices: {},
  async run(options, print) {
    const seed = options.seed || Date.now() % 2 ** 31;
    const samples = await recordSamples(new URL("../../testdata/offsets/", import.meta.url));
    print(`seed ${seed}, ${samples.length} records to start from`);
    const verdict = new Verdict(print);
    playRecords(samples, seed, options.count, await newDecompressor(), verdict, print);
    return verdict.holds;
  },
};

/** The records of the fixtures. */
export async function recordSamples(folder: URL): Promise<RecordBytes[]> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).filter((name) =>
    name.endsWith(".txt")
  );
  const samples: RecordBytes[] = [];
  for (const name of names.sort()) {
    for (const line of (await Deno.readTextFile(new URL(name, folder))).split("\n")) {
      const record = readRecordLine(line);
      if (record !== null) samples.push(record);
    }
  }
  return samples;
}

/** A store with one way in. */
class Side {
  readonly store = new LagStore({ ...STORAGE_DEFAULTS, timeLagPoints: 0 }, [CLUSTER]);
  readonly log = new OffsetsLog(this.store, CLUSTER);

  constructor() {
    this.store.setTime(NOW_MS);
    for (const topic of TOPICS) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const end = { cluster: CLUSTER, topic, partition, topicPartitionCount: PARTITIONS, offset: 1_000_000 };
        this.store.handle(newRequest("StorageSetBrokerOffset", end));
      }
    }
  }

  /** Commits by outcome, then refusals by reason, then what was passed over. */
  counts(): number[] {
    return [...this.store.outcomes, ...this.log.faults, this.log.ignored];
  }

  state(): unknown {
    const cluster = this.store.cluster(CLUSTER)!;
    return cluster.consumers().map((group) => [group, cluster.consumer(group)]);
  }
}

function playRecords(
  samples: readonly RecordBytes[],
  seed: number,
  count: number,
  decompressor: Decompressor,
  verdict: Verdict,
  print: Print,
): void {
  const random = randomFrom(seed);
  const inPlace = new Side();
  const parsing = new Side();
  const bent = new Side();
  const stream = inPlace.log.stream();
  const bentStream = bent.log.stream();
  const batch = { isControl: false, isTransactional: false, producerId: -1n };
  let decoded = 0, refused = 0, taken = 0;
  for (let order = 1; order <= count; order++) {
    const record = mutant(samples, random);
    const parsed = parseRecord(record.key, record.value)!;
    const shown = decodeOffsetsRecord(record);
    const isRefused = parsed.kind === "fault";
    if (isRefused) refused++;
    else decoded++;
    const isSame = isRefused
      ? shown["code"] === parsed.reason && REASONS.includes(parsed.reason)
      : shown["kind"] !== "error";
    const { bytes, ...places } = inOneArray(record);
    stream.take(batch, (_, take) => take({ bytes, offset: order, ...places }));
    parsing.log.records([record], order);
    if (!isSame) {
      verdict.require(false, `record ${order}, ${hexOf(record)}: it shows as ${shown["kind"]} ${shown["code"]}`);
    }
    if (order % BATCH_EVERY === 0) {
      const bytes = bentBatch([record, mutant(samples, random)], order, random);
      for (const one of readRecordBatches(bytes, decompressor).batches) {
        bentStream.take(one, (b, take) => void forEachRecord(b, (r) => (taken++, take(r))));
      }
    }
    if (order % INTERVAL === 0 || order === count) {
      const [a, b] = [inPlace.counts(), parsing.counts()];
      const at = a.findIndex((n, i) => n !== b[i]);
      if (at >= 0) {
        verdict.require(false, `up to record ${order}: count ${at} is ${a[at]} in place, ${b[at]} by parsing`);
      }
      if (!isDeepStrictEqual(inPlace.state(), parsing.state())) {
        verdict.require(false, `up to record ${order}: the windows differ`);
      }
    }
    if (!verdict.holds) return;
    if (order % 250_000 === 0) print(`${spaced(order)} records`);
  }
  print(`${spaced(decoded)} decoded, ${spaced(refused)} refused, ${spaced(taken)} out of bent batches`);
  verdict.require(decoded + refused === count, `${spaced(count)} records were decoded or refused`);
  verdict.require(
    decoded > 0 && refused > 0 && inPlace.store.groups > 0,
    "some were decoded, some refused, some stored",
  );
  verdict.require(true, "both ways in counted, refused and kept the same");
}

/** A key and a value of the samples, mostly of one record, with up to four changes. */
function mutant(samples: readonly RecordBytes[], random: (below: number) => number): RecordBytes {
  const one = samples[random(samples.length)]!;
  const other = random(4) === 0 ? samples[random(samples.length)]! : one;
  let { key } = one;
  let { value } = other;
  for (let edits = random(5); edits > 0; edits--) {
    if (random(3) === 0) key = edited(key, random);
    else value = edited(value, random);
  }
  return { key, value };
}

function edited(bytes: Uint8Array | null, random: (below: number) => number): Uint8Array | null {
  if (bytes === null || bytes.length === 0) return random(2) === 0 ? null : Uint8Array.of(random(256), random(256));
  const copy = bytes.slice();
  const at = random(copy.length);
  switch (random(7)) {
    case 0:
      copy[at]! ^= 1 << random(8);
      return copy;
    case 1:
      copy[at] = random(256);
      return copy;
    case 2: // what lengths and counts are made of
      copy[at] = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff][random(6)]!;
      return copy;
    case 3:
      return copy.subarray(0, at);
    case 4: // a stretch is cut out
      return Uint8Array.of(...copy.subarray(0, at), ...copy.subarray(at + 1 + random(8)));
    case 5: // a stretch is doubled
      return Uint8Array.of(...copy.subarray(0, at + 1 + random(8)), ...copy.subarray(at)).subarray(0, MOST_BYTES);
    default:
      return random(8) === 0 ? null : Uint8Array.of(...copy, random(256));
  }
}

function inOneArray({ key, value }: RecordBytes) {
  const keyBytes = key?.length ?? 0, valueBytes = value?.length ?? 0;
  const bytes = new Uint8Array(keyBytes + valueBytes);
  if (key !== null) bytes.set(key);
  if (value !== null) bytes.set(value, keyBytes);
  return {
    bytes,
    keyStart: key === null ? -1 : 0,
    keyEnd: keyBytes,
    valueStart: value === null ? -1 : keyBytes,
    valueEnd: keyBytes + valueBytes,
  };
}

/** A batch of records, bytes behind its checksum bent, and the checksum made right again. */
function bentBatch(records: readonly RecordBytes[], baseOffset: number, random: (below: number) => number): Uint8Array {
  const attributes = [0, 0, 0x10, 0x30][random(4)]!;
  const bytes = recordBatch(records, { baseOffset, timestampMs: NOW_MS, producerId: BigInt(random(3)), attributes });
  for (let bends = random(4); bends > 0; bends--) bytes[21 + random(bytes.length - 21)] = random(256);
  sealBatch(bytes);
  return bytes;
}

function hexOf({ key, value }: RecordBytes): string {
  return `${key?.toHex() ?? "-"} ${value?.toHex() ?? "-"}`;
}
