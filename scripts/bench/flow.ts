/**
 * The flow decoders and the encoder of blocks, beside their floors: a C program and a function of ours that walk the same
 * records, and a copy of as many octets. By turns, so that a machine that slows down slows all of them.
 *
 *     deno run -A scripts/bench/flow.ts [--rounds 7] [--seconds 0.5]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import process from "node:process";
import {
  COLUMNS,
  type Datagram,
  FlowBatch,
  NativeEncoder,
  NetflowDecoder,
  parseAddressWords,
  SflowDecoder,
} from "../../src/flow/mod.ts";
import { sampledHeaders, usualRecords, usualTemplate } from "../../src/flow/mod.ts";
import { buildFloor } from "../floor/build.ts";
import { benchFlowReceive } from "./flow_receive.ts";
import { type Walked, walkNetflow, walkSflow, type WalkTemplates } from "../floor/flow_walk.ts";

/** How long and how often. */
export interface FlowBenchOptions {
  readonly rounds: number;
  /** CPU-seconds of each measurement. */
  readonly seconds: number;
}

const DATAGRAMS = 256;
const BATCH_ROWS = 16_384;
/** Rows of a block as the store gets them. */
const BLOCK_ROWS = 50_000;
const SHAPES = ["NetFlow v9", "IPFIX", "sFlow"] as const;
type Shape = (typeof SHAPES)[number];

function datagramsOf(shape: Shape): Uint8Array<ArrayBuffer>[] {
  const many = Array.from({ length: DATAGRAMS }, (_, i) => i);
  if (shape === "sFlow") return many.map((i) => sampledHeaders(7, i));
  const version = shape === "IPFIX" ? 10 : 9;
  return [usualTemplate(version), ...many.map((i) => usualRecords(version, 25, i))];
}

/** Datagrams in one buffer, as a receiver or a fetch has them. */
function inOneBuffer(datagrams: readonly Uint8Array[]): Datagram[] {
  const all = new Uint8Array(datagrams.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  return datagrams.map((datagram) => {
    all.set(datagram, at);
    const payload = all.subarray(at, at += datagram.length);
    return {
      payload,
      source: parseAddressWords("192.0.2.250")!,
      timeS: 1_700_000_100,
      timestampSource: "input",
      decapsulation: "none",
      useSourceAddress: false,
    };
  });
}

/** CPU-seconds of this process. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** What `once` counts, a CPU-second. */
function perCpuSecond(once: () => number, seconds: number): number {
  const start = cpuSeconds();
  let count = 0, spent = 0;
  do {
    for (let i = 0; i < 4; i++) count += once();
    spent = cpuSeconds() - start;
  } while (spent < seconds);
  return count / spent;
}

async function perCpuSecondInC(floor: string, shape: Shape, file: string, seconds: number): Promise<number> {
  const args = [shape === "sFlow" ? "sflow" : "netflow", file, String(seconds)];
  const { stdout } = await new Deno.Command(floor, { args, stdout: "piped" }).output();
  const { records, cpuSeconds } = JSON.parse(new TextDecoder().decode(stdout));
  return records / cpuSeconds;
}

/** Each datagram behind its length. */
async function writeDatagrams(file: string, datagrams: readonly Uint8Array[]): Promise<void> {
  const parts = datagrams.flatMap((datagram) => [new Uint8Array(new Uint32Array([datagram.length]).buffer), datagram]);
  await Deno.writeFile(file, new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()));
}

/** A function that decodes all datagrams into a batch, and says how many rows that gave. */
function decoding(shape: Shape, datagrams: readonly Datagram[]): () => number {
  const decoder = shape === "sFlow" ? new SflowDecoder() : new NetflowDecoder();
  const batch = new FlowBatch(BATCH_ROWS);
  return () => {
    let rows = 0;
    for (const datagram of datagrams) {
      rows += decoder.decode(datagram, batch).rows;
      if (batch.rows > BATCH_ROWS - 100) batch.reset();
    }
    return rows;
  };
}

function walking(shape: Shape, datagrams: readonly Datagram[]): () => number {
  const views = datagrams.map(({ payload }) => new DataView(payload.buffer, payload.byteOffset, payload.length));
  const templates: WalkTemplates = new Map();
  const walked: Walked = { records: 0, sum: 0 };
  return () => {
    const before = walked.records;
    for (const view of views) shape === "sFlow" ? walkSflow(view, walked) : walkNetflow(view, templates, walked);
    return walked.records - before;
  };
}

/** A batch as the decoder leaves it. */
function decodedBatch(): FlowBatch {
  const batch = new FlowBatch(BLOCK_ROWS);
  const decoder = new NetflowDecoder();
  const datagrams = inOneBuffer(datagramsOf("NetFlow v9"));
  for (let i = 0; batch.rows < BLOCK_ROWS; i++) decoder.decode(datagrams[i % datagrams.length]!, batch);
  return batch;
}

/** A batch as the enrichment leaves it: decoded columns, and texts in those that it fills. */
function enrichedBatch(): FlowBatch {
  const batch = decodedBatch();
  const fill = (field: TextField, distinct: number) => {
    batch.mark(field);
    const ids = Array.from({ length: distinct }, (_, i) => batch.texts.intern(`${field} ${i}`));
    for (let row = 0; row < batch.rows; row++) batch[field][row] = ids[(row * 7 >> 3) % distinct]!;
  };
  for (const field of TEXT_FIELDS) fill(field, field.startsWith("exporter") ? 1 : field.includes("Geo") ? 500 : 20);
  batch.mark("dstAsPath");
  for (let row = 0; row < batch.rows; row++) for (let i = 0; i < 3; i++) batch.dstAsPath.push(row, 64_500 + i);
  return batch;
}

const TEXT_FIELDS = [
  "exporterName",
  "exporterGroup",
  "exporterSite",
  "inIfName",
  "outIfName",
  "inIfDescription",
  "outIfDescription",
  "inIfProvider",
  "outIfProvider",
  "srcNetName",
  "dstNetName",
  "srcGeoCity",
  "dstGeoCity",
] as const;
type TextField = (typeof TEXT_FIELDS)[number];

/** Runs the comparison and prints it. @returns the exit code */
export async function benchFlow(options: FlowBenchOptions, print: (line: string) => void): Promise<number> {
  const floor = await buildFloor("flow_walk");
  if (floor === null) print("Without the C floor: there is no C compiler (apt-get install gcc)");
  const folder = await Deno.makeTempDir({ prefix: "limier_flow_bench_" });
  try {
    print("records a CPU-second     C walk   our walk    decode   decode / C (least to most)   decode / our walk");
    for (const shape of SHAPES) await benchShape(shape, floor, folder, options, print);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  print("");
  print(`octets a CPU-second        copy    Native   Native / copy (least to most); blocks of ${BLOCK_ROWS} rows`);
  benchNative("decoded", decodedBatch(), options, print);
  benchNative("enriched", enrichedBatch(), options, print);
  return 0;
}

async function benchShape(
  shape: Shape,
  floor: string | null,
  folder: string,
  { rounds, seconds }: FlowBenchOptions,
  print: (line: string) => void,
): Promise<void> {
  const octets = datagramsOf(shape);
  const file = `${folder}/datagrams`;
  await writeDatagrams(file, octets);
  const datagrams = inOneBuffer(octets);
  const decode = decoding(shape, datagrams), walk = walking(shape, datagrams);
  perCpuSecond(decode, 1); // the compiler of the runtime has seen the code
  perCpuSecond(walk, 0.5);
  const results: { c: number; walk: number; decode: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    results.push({
      c: floor === null ? NaN : await perCpuSecondInC(floor, shape, file, seconds),
      walk: perCpuSecond(walk, seconds),
      decode: perCpuSecond(decode, seconds),
    });
  }
  const toC = results.map(({ c, decode }) => decode / c), toWalk = results.map(({ walk, decode }) => decode / walk);
  print(
    `${shape.padEnd(18)} ${m(results.map(({ c }) => c)).padStart(12)} ${
      m(results.map(({ walk }) => walk)).padStart(8)
    } ${m(results.map(({ decode }) => decode)).padStart(9)}   ${median(toC).toFixed(2)} (${
      Math.min(...toC).toFixed(2)
    } to ${Math.max(...toC).toFixed(2)})` +
      `          ${median(toWalk).toFixed(2)}`,
  );
}

function benchNative(
  what: string,
  batch: FlowBatch,
  { rounds, seconds }: FlowBenchOptions,
  print: (line: string) => void,
): void {
  const columns = COLUMNS.filter(({ enabled }) => enabled);
  const encoder = new NativeEncoder();
  const block = encoder.encode(batch, columns).slice();
  const target = new Uint8Array(block.length);
  const copy = () => {
    target.set(block);
    return block.length;
  };
  const encode = () => encoder.encode(batch, columns).length;
  perCpuSecond(encode, 1);
  const results: { copy: number; encode: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    results.push({ copy: perCpuSecond(copy, seconds), encode: perCpuSecond(encode, seconds) });
  }
  const ratios = results.map(({ copy, encode }) => encode / copy);
  const octets = block.length / batch.rows;
  print(
    `${what.padEnd(9)} ${octets.toFixed(0).padStart(4)} a row ${gb(results.map(({ copy }) => copy)).padStart(8)} ${
      gb(results.map(({ encode }) => encode)).padStart(9)
    }   ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
  );
}

function m(perSecond: readonly number[]): string {
  return `${(median(perSecond) / 1e6).toFixed(1)} M`;
}

function gb(perSecond: readonly number[]): string {
  return `${(median(perSecond) / 1e9).toFixed(1)} GB`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[sorted.length - 1 >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["rounds", "seconds"] });
  const options = { rounds: Number(flags.rounds ?? 7), seconds: Number(flags.seconds ?? 0.5) };
  const code = await benchFlow(options, console.log);
  console.log("");
  Deno.exit(code || await benchFlowReceive({ rounds: 3, seconds: 4 }, console.log));
}
