/**
 * Archiving a host's worth of open connections: what memory, descriptors and CPU time an agent takes for it, beside a C
 * program that makes the same dumps and throws them away; and whether every connection is announced once and archived whole.
 * The sockets stand in a network namespace of their own; it needs root.
 *
 *     deno run -A scripts/bench/archive.ts [--sockets 15000] [--seconds 20] [--resident-mb 300]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { realClock } from "../../src/clock/mod.ts";
import { decompressZstd, followEvents } from "../../src/tcpinfo/mod.ts";
import { buildFloor } from "../floor/build.ts";
import { type AgentProcess, LIMIER, startAgentProcess } from "./agent_process.ts";
import { ADDRESS, ADDRESS6, canEnterNamespace, type Namespace, newNamespace } from "./tcp_namespace.ts";

/** How much is measured. */
export interface ArchiveBenchOptions {
  /** Sockets that are open; a connection is two. */
  readonly sockets: number;
  /** How long each of the two phases lasts: connections that say nothing, and connections that all carry bytes. */
  readonly seconds: number;
  /** What the agent may take, in MiB. */
  readonly residentMb: number;
}

/** What one phase took. */
interface Phase {
  readonly name: string;
  readonly mostResidentBytes: number;
  readonly mostDescriptors: number;
  readonly cpuSeconds: number;
  readonly seconds: number;
  /** How often all connections carried bytes. */
  readonly rounds: number;
  /** Polls that were made, and records that they found worth keeping. */
  readonly polls: number;
  readonly records: number;
  /** How long polls waited for records to be written. */
  readonly blockedSeconds: number;
}

const MIB = 1024 * 1024;
/** Descriptors beside those of connections that an agent may well have. */
const MOST_DESCRIPTORS = 200;
/** Dumps of the C floor. */
const FLOOR_CYCLES = 20;

/** Runs the measurement and prints it. @returns 0 if all is well, 1 if a bound was passed or a record is missing */
export async function benchArchive(options: ArchiveBenchOptions, print: (line: string) => void): Promise<number> {
  if (!await canEnterNamespace()) {
    print("Cannot measure: it takes root, unshare(1), nsenter(1) and ip(8)");
    return 1;
  }
  const sockets = Math.floor(options.sockets / 4) * 4;
  const folder = await Deno.makeTempDir({ prefix: "limier_archive_" });
  try {
    await using namespace = await newNamespace();
    await namespace.open(sockets / 4, ADDRESS);
    await namespace.open(sockets / 4, ADDRESS6);
    const floor = await floorCpuSeconds(namespace);
    const agent = await startAgent(namespace, folder);
    const seen = new Seen(`${folder}/events.sock`);
    const phases: Phase[] = [];
    let chosen = 0, lost = 0;
    try {
      await until(async () => (await metrics(agent, namespace))("open_connections") >= sockets);
      await seen.connected;
      await wait(6000); // the first records of all are on disk
      phases.push(await measure("idle", agent, namespace, options.seconds, () => Promise.resolve()));
      phases.push(await measure("busy", agent, namespace, options.seconds, () => namespace.exchange()));
      const closingMs = performance.now();
      await namespace.close();
      await until(() => seen.closes >= sockets || seen.lost > 0);
      print(
        `${seen.closes} sockets closed, and were announced, within ${Math.round(performance.now() - closingMs)} ms`,
      );
      await until(async () => {
        const number = await metrics(agent, namespace);
        chosen = number("snapshots_total");
        lost = number("records_lost_total");
        return number("records_encoded_total") + lost >= chosen;
      });
    } finally {
      await agent.stop();
      await seen.end();
    }
    print(
      "sockets  phase  rounds  polls  blocked s  records  resident MiB  descriptors  CPU cores  CPU a poll / C floor's",
    );
    for (const phase of phases) {
      const { name, rounds, polls, blockedSeconds, records, mostDescriptors, cpuSeconds, seconds } = phase;
      const cells: [text: string, width: number][] = [
        [String(sockets), 7],
        [name, 5],
        [String(rounds), 6],
        [String(polls), 5],
        [blockedSeconds.toFixed(1), 9],
        [String(records), 7],
        [mib(phase.mostResidentBytes), 12],
        [String(mostDescriptors), 11],
        [(cpuSeconds / seconds).toFixed(2), 9],
        [floor === null ? "no C compiler" : (cpuSeconds / polls / floor).toFixed(1), 22],
      ];
      print(cells.map(([text, width]) => text.padStart(width)).join("  "));
    }
    const archive = await readArchive(`${folder}/archive`);
    const faults = archive.records === chosen - lost ? [] : [`${chosen - lost} records were to be archived`];
    return verdict(options, sockets, phases, seen, archive, faults, print);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function verdict(
  options: ArchiveBenchOptions,
  sockets: number,
  phases: readonly Phase[],
  seen: Seen,
  archive: Archive,
  faults: string[],
  print: (line: string) => void,
): number {
  print(
    `archived: ${archive.connections} connections in ${archive.files} files, ${archive.records} records, ` +
      `${mib(archive.packedBytes)} MiB packed of ${mib(archive.plainBytes)} MiB`,
  );
  if (archive.connections < sockets) faults.push(`${sockets - archive.connections} connections were not archived`);
  if (archive.partial > 0) faults.push(`${archive.partial} files were left unfinished`);
  if (archive.closedWithoutRecord > 0) faults.push(`${archive.closedWithoutRecord} files hold no record`);
  if (seen.closes < sockets) faults.push(`${sockets - seen.closes} closes were not heard of`);
  if (seen.twice > 0) faults.push(`${seen.twice} closes were announced twice`);
  const resident = Math.max(...phases.map((phase) => phase.mostResidentBytes));
  if (resident > options.residentMb * MIB) faults.push(`${mib(resident)} MiB are more than ${options.residentMb}`);
  const descriptors = Math.max(...phases.map((phase) => phase.mostDescriptors));
  if (descriptors > MOST_DESCRIPTORS) faults.push(`${descriptors} descriptors are open`);
  for (const fault of faults) print(`FAILED: ${fault}`);
  return faults.length === 0 ? 0 : 1;
}

function startAgent(namespace: Namespace, folder: string): Promise<AgentProcess> {
  return startAgentProcess({
    command: [...namespace.enter, ...LIMIER],
    config: `http: { address: "127.0.0.1:0" }
statsd: { udp_address: "" }
tcpinfo:
  eventsocket: ${folder}/events.sock
  archive: { directory: ${folder}/archive, uuid_prefix: bench_1 }
`,
  });
}

/** Closes that were announced. */
class Seen {
  readonly #uuids = new Set<string>();
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;
  readonly connected: Promise<void>;
  twice = 0;
  /** How often the connection broke, or was cut off because this program did not keep up. */
  lost = 0;

  constructor(path: string) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.connected = promise;
    this.#reading = this.#read(path, resolve);
  }

  get closes(): number {
    return this.#uuids.size;
  }

  async #read(path: string, connected: () => void): Promise<void> {
    const reconnect = { clock: realClock, onConnected: connected, onLost: () => void this.lost++ };
    for await (const event of followEvents(path, { signal: this.#stop.signal, reconnect })) {
      if (event.kind !== "close") continue;
      if (this.#uuids.has(event.uuid)) this.twice++;
      this.#uuids.add(event.uuid);
    }
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#reading;
  }
}

/** Watches the agent while `step` is done, again and again. */
async function measure(
  name: string,
  agent: AgentProcess,
  namespace: Namespace,
  seconds: number,
  step: () => Promise<void>,
): Promise<Phase> {
  let mostResidentBytes = 0, mostDescriptors = 0, rounds = 0;
  const before = await metrics(agent, namespace);
  const begunMs = performance.now(), cpuBefore = agent.cpuSeconds();
  const endMs = begunMs + seconds * 1000;
  const watching = (async () => {
    while (performance.now() < endMs) {
      mostResidentBytes = Math.max(mostResidentBytes, agent.residentBytes());
      mostDescriptors = Math.max(mostDescriptors, [...Deno.readDirSync(`/proc/${agent.pid}/fd`)].length);
      await wait(200);
    }
  })();
  for (let nextMs = begunMs; nextMs < endMs; nextMs = Math.max(nextMs + 1000, performance.now())) {
    await wait(nextMs - performance.now());
    await step();
    rounds++;
  }
  await watching;
  const lasted = { cpuSeconds: agent.cpuSeconds() - cpuBefore, seconds: (performance.now() - begunMs) / 1000 };
  const after = await metrics(agent, namespace);
  const grown = (name: string) => after(name) - before(name);
  return {
    name,
    mostResidentBytes,
    mostDescriptors,
    ...lasted,
    rounds,
    polls: grown("polls_total"),
    records: grown("snapshots_total"),
    blockedSeconds: grown("blocked_seconds_total"),
  };
}

/** CPU seconds of one dump of both families by the C program; null without a compiler. */
async function floorCpuSeconds(namespace: Namespace): Promise<number | null> {
  const floor = await buildFloor("netlink_floor");
  if (floor === null) return null;
  const text = await inside(namespace, [floor, "--cycles", String(FLOOR_CYCLES)]);
  return JSON.parse(text).cpuSeconds / FLOOR_CYCLES;
}

/** The numbers of the agent's metrics page, which only the namespace can reach; names without what all have before. */
async function metrics(agent: AgentProcess, namespace: Namespace): Promise<(name: string) => number> {
  const code = `console.log(await (await fetch("${agent.url}/metrics")).text())`;
  const lines = (await inside(namespace, [Deno.execPath(), "eval", "--no-config", code])).split("\n");
  return (name) => Number(lines.find((line) => line.startsWith(`limier_tcpinfo_${name} `))?.split(" ")[1]);
}

async function inside(namespace: Namespace, command: readonly string[]): Promise<string> {
  const [program = "", ...args] = [...namespace.enter, ...command];
  const { success, stdout } = await new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).output();
  if (!success) throw new Error(`Cannot measure: ${command.join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}

/** What was found on disk. */
interface Archive {
  files: number;
  partial: number;
  connections: number;
  records: number;
  closedWithoutRecord: number;
  packedBytes: number;
  plainBytes: number;
}

/** Reads every file to its end. @throws {ZstdError} if one cannot be read */
async function readArchive(directory: string): Promise<Archive> {
  const archive: Archive = {
    files: 0,
    partial: 0,
    connections: 0,
    records: 0,
    closedWithoutRecord: 0,
    packedBytes: 0,
    plainBytes: 0,
  };
  const uuids = new Set<string>();
  const folders = [directory];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) folders.push(`${folder}/${name}`);
      else if (!name.endsWith(".jsonl.zst")) archive.partial++;
      else {
        archive.files++;
        uuids.add(name.split(".")[0]!);
        const packed = await Deno.readFile(`${folder}/${name}`);
        archive.packedBytes += packed.length;
        let lines = 0;
        for (const piece of decompressZstd(packed)) {
          archive.plainBytes += piece.length;
          for (const byte of piece) if (byte === 0x0a) lines++;
        }
        archive.records += lines - 1; // the first names the connection
        if (lines < 2) archive.closedWithoutRecord++;
      }
    }
  }
  archive.connections = uuids.size;
  return archive;
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

/** Waits for a condition; minutes are a hang. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 180_000;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error("Cannot measure: what was waited for did not come");
    await wait(200);
  }
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["sockets", "seconds", "resident-mb"] });
  const options = {
    sockets: Number(args.sockets ?? 15_000),
    seconds: Number(args.seconds ?? 20),
    residentMb: Number(args["resident-mb"] ?? 300),
  };
  Deno.exit(await benchArchive(options, console.log));
}
