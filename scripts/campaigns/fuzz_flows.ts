/** Whatever routers and others send: no crash, no hang, bounded memory, and no row that nobody sent. */
import {
  type Datagram,
  DECAPSULATIONS,
  FlowBatch,
  FlowState,
  NetflowDecoder,
  parseAddressWords,
  rowObject,
  sampledHeaders,
  SflowDecoder,
  TIMESTAMP_SOURCES,
  usualRecords,
  usualTemplate,
} from "../../src/flow/mod.ts";
import { randomFrom } from "../../src/testing/mod.ts";
import { type Campaign, megabytes, type Print, spaced, Verdict } from "./campaign.ts";
import { Mutant } from "./mutant.ts";

/** Rows of a batch before it is emptied. */
const BATCH_ROWS = 4_096;
const MOST_BYTES = 4_096;
/** Senders, most of which are made up. */
const EXPORTERS = 3_000;
const LIMITS = { templates: 4_096, fields: 1 << 16, templatesPerExporter: 256, rates: 4_096, ratesPerExporter: 64 };
/** What the process may grow by, beside what the runtime keeps for itself. */
const MOST_GROWTH_BYTES = 400e6;
const START_S = 1_700_000_000;

interface FuzzFlowsOptions {
  readonly [name: string]: number;
  readonly count: number;
  readonly seed: number;
}

export const fuzzFlows: Campaign<FuzzFlowsOptions> = {
  name: "fuzz-flows",
  summary: "mutated NetFlow, IPFIX and sFlow: no crash, no hang, bounded memory",
  help: `campaign fuzz-flows [--count N] [--seed N]

Makes datagrams out of those of the fixtures, with numbers replaced, cut, and joined, and decodes them as coming from
thousands of exporters. It holds if

  no decoder fails or hangs
  a datagram gives at most one row for four octets, and its records are not more than its octets
  nothing is left in the columns behind the rows that count
  templates, rates and exporters stay within their bounds, and the memory of the process too

  --count N     datagrams; 2000000
  --seed N      what the mutants follow from; from the clock unless given`,
  defaults: { count: 2_000_000, seed: 0 },
  choices: {},
  async run({ count, seed: wanted }, print) {
    const seed = wanted || Date.now() % 2 ** 31;
    const netflow = [...await samplesOf("netflow"), usualTemplate(9), usualRecords(9, 25, 1), usualTemplate(10)];
    const sflow = [...await samplesOf("sflow"), sampledHeaders(7, 1)];
    print(`seed ${seed}, ${netflow.length} and ${sflow.length} datagrams to start from`);
    const verdict = new Verdict(print);
    fuzzDecoders(netflow, sflow, seed, count, verdict, print);
    return verdict.holds;
  },
};

/** The datagrams of the fixtures that are written as hex, in the order of their names. */
async function samplesOf(protocol: string): Promise<Uint8Array[]> {
  const folder = new URL(`../../testdata/${protocol}/`, import.meta.url);
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (name.endsWith(".hex")) names.push(name);
  const samples: Uint8Array[] = [];
  for (const name of names.sort()) {
    const lines = (await Deno.readTextFile(new URL(name, folder))).trimEnd().split("\n");
    samples.push(...lines.map((line) => Uint8Array.fromHex(line)));
  }
  return samples;
}

function fuzzDecoders(
  netflow: readonly Uint8Array[],
  sflow: readonly Uint8Array[],
  seed: number,
  count: number,
  verdict: Verdict,
  print: Print,
): void {
  const random = randomFrom(seed);
  const state = new FlowState(LIMITS);
  const decoders = {
    netflow: new NetflowDecoder(state, { flowTimes: true, queueUnknownSets: true }),
    sflow: new SflowDecoder(),
  };
  const batch = new FlowBatch(64);
  const mutant = new Mutant(MOST_BYTES);
  const startMs = performance.now();
  const before = Deno.memoryUsage().rss;
  let rows = 0, errors = 0, peak = 0;
  for (let i = 1; i <= count; i++) {
    const protocol = random(3) === 0 ? "sflow" : "netflow";
    mutate(mutant, protocol === "sflow" ? sflow : netflow, random);
    const payload = mutant.buffer.subarray(0, mutant.length);
    const outcome = decoders[protocol].decode(newDatagram(payload, i, random), batch);
    const why = wrong(outcome, payload.length);
    if (why !== null) {
      verdict.require(false, `datagram ${i}, ${protocol} ${payload.toHex()}: ${why}`);
      return;
    }
    rows += outcome.rows;
    errors += outcome.errors.length;
    peak = Math.max(peak, state.templateCount);
    if (batch.rows > BATCH_ROWS) {
      const left = rowsLeftBehind(batch);
      if (left !== null) {
        verdict.require(false, `datagram ${i} or one before it left ${left} behind the rows`);
        return;
      }
      batch.reset();
    }
    if (i % 250_000 === 0) print(`${spaced(i)} datagrams, ${Math.round((performance.now() - startMs) / 1000)} s`);
  }
  const growth = Deno.memoryUsage().rss - before;
  print(
    `${spaced(rows)} rows, ${spaced(errors)} errors; ${spaced(state.templateCount)} templates of ${
      spaced(state.exporterCount)
    } exporters, ${spaced(state.rateCount)} rates; the process grew by ${megabytes(growth)}`,
  );
  verdict.require(true, `${spaced(count)} datagrams were decoded`);
  verdict.require(rows > count / 100 && errors > count / 100, "some gave rows, and some errors");
  verdict.require(peak <= LIMITS.templates && state.rateCount <= LIMITS.rates, "templates and rates stayed in bounds");
  verdict.require(state.exporterCount <= state.templateCount, "no exporter is remembered for nothing");
  verdict.require(growth < MOST_GROWTH_BYTES, `the process grew by less than ${megabytes(MOST_GROWTH_BYTES)}`);
}

function newDatagram(payload: Uint8Array, i: number, random: (below: number) => number): Datagram {
  const source = random(8) === 0
    ? Uint32Array.of(0xb80d0120, 0, 0, random(EXPORTERS))
    : Uint32Array.of(0, 0, 0xffff0000, random(3) > 0 ? random(20) : random(EXPORTERS));
  return {
    payload,
    source: random(50) === 0 ? parseAddressWords("::")! : source,
    timeS: START_S + (i >> 6),
    timestampSource: TIMESTAMP_SOURCES[random(TIMESTAMP_SOURCES.length)]!,
    decapsulation: random(3) > 0 ? "none" : DECAPSULATIONS[random(DECAPSULATIONS.length)]!,
    useSourceAddress: random(2) === 0,
  };
}

/** What must never be; null if all is well. */
function wrong(outcome: ReturnType<SflowDecoder["decode"]>, length: number): string | null {
  const { failure, rows, recoveredSets, records, sampleRecords } = outcome;
  if (failure !== undefined) return failure instanceof Error ? `${failure.stack}` : String(failure);
  // A set that waited for its template brings the rows of a datagram before.
  if (recoveredSets === 0 && rows > length >> 2) return `it gave ${rows} rows`;
  const found = [...records, ...sampleRecords].reduce((sum, one) => sum + one, 0);
  return recoveredSets === 0 && found > length ? `it had ${found} records` : null;
}

/** A value in the first row that does not count; null if there is none. */
function rowsLeftBehind(batch: FlowBatch): string | null {
  const { rows } = batch;
  batch.reserve(1);
  const left = JSON.stringify(rowObject(batch, rows));
  return left === "{}" ? null : left;
}

/** Numbers that decide something: lengths, counts, ids, signs. */
const TELLING = [
  0,
  1,
  2,
  3,
  4,
  5,
  8,
  9,
  10,
  20,
  48,
  127,
  128,
  255,
  256,
  257,
  0x800,
  0x86dd,
  0x8847,
  0x7fff,
  0xfffe,
  0xffff,
];

/** Makes a mutant of the samples, where the one before was. */
function mutate(mutant: Mutant, samples: readonly Uint8Array[], random: (below: number) => number): void {
  const sample = () => samples[random(samples.length)]!;
  mutant.length = 0;
  mutant.append(sample());
  if (random(6) === 0) { // the end of another behind it
    const other = sample();
    mutant.append(other.subarray(random(other.length + 1)));
  }
  for (let edits = random(5); edits > 0 && mutant.length > 0; edits--) {
    const at = random(mutant.length);
    switch (random(7)) {
      case 0:
        mutant.flipBit(at, random(8));
        break;
      case 1: // any byte
        mutant.buffer[at] = random(256);
        break;
      case 2:
      case 3: { // a number of two octets, mostly where one can be
        const even = at & ~1, value = TELLING[random(TELLING.length)]!;
        mutant.buffer[even] = value >> 8;
        if (even + 1 < mutant.length) mutant.buffer[even + 1] = value & 0xff;
        break;
      }
      case 4: // the rest is cut off
        mutant.length = at;
        break;
      case 5:
        mutant.cutOut(at, 1 + random(16));
        break;
      default:
        mutant.double(at, 1 + random(64));
    }
  }
}
