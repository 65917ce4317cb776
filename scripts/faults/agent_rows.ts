/** Faults of the agent as a whole: killed at any moment, stopped in the middle of a send, a spool that it may not have. */
import { realClock } from "../../src/clock/mod.ts";
import { eventBytes } from "../../src/metric/mod.ts";
import { openSpool } from "../../src/output/mod.ts";
import { recordingReporter } from "../../src/telemetry/mod.ts";
import { type AgentProcess, LIMIER, startAgentProcess } from "../bench/agent_process.ts";
import { NOISE_MS } from "./connection_rows.ts";
import { type HttpPeer, takesAll } from "./http_peer.ts";
import type { EventBooks } from "./page.ts";
import { conservationFindings, eventBooks } from "./page.ts";
import { copySpool } from "./segment_file.ts";
import type { Row, Trial } from "./trial.ts";
import { inTime, sleep, until } from "./wait.ts";

/** The numbers of the series in a request's lines or objects: each is sent once, in one window. */
function seriesIn(text: string): number[] {
  return Array.from(text.matchAll(/\bfault\.(\d+)\b/g), ([, id]) => Number(id));
}

/** An agent's configuration: one spooled output over HTTP, in the trial's mode. */
function configOf(trial: Trial, peers: readonly HttpPeer[], directory: string): string {
  const { mode, width } = trial.mode;
  const kind = width > 1 ? "kind: datadog, key: k, sends: [points]" : "kind: influxdb, database: d";
  const hosts = peers.map(({ url }) => `"${url}"`).join(", ");
  return `
statsd: { udp_address: "127.0.0.1:0", num_readers: 1, interval: 1s, hostname: faults }
http: { address: "127.0.0.1:0" }
outputs:
  - { name: out, ${kind}, mode: ${mode}, hosts: [${hosts}], spool: true, bulk_max_size: 500, timeout: 5s,
      backoff: { init: 20ms, max: 200ms }, tags_exclude: [] }
spool: { directory: "${directory}", segment_bytes: 256KiB, min_free_bytes: 1B }
`;
}

/** Sends gauges of their own to an agent until it is stopped: a few hundred series in each window. */
function load(agent: AgentProcess, firstId: number): { readonly sent: () => number; stop(): void } {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to: Deno.NetAddr = { transport: "udp", hostname: "127.0.0.1", port: agent.port("udp://") };
  let next = firstId;
  const timer = setInterval(() => {
    const lines = Array.from({ length: 20 }, () => `fault.${next++}:1|g`).join("\n");
    void socket.send(new TextEncoder().encode(lines), to).catch(() => {}); // nobody listens any more: it was killed
  }, 20);
  return {
    sent: () => next - firstId,
    stop: () => {
      clearInterval(timer);
      socket.close();
    },
  };
}

/** The ids that are stored in a copy of a spool and not finished, read by the library. */
async function storedIds(trial: Trial, directory: string): Promise<number[]> {
  const copy = await trial.directory();
  await copySpool(directory, copy);
  const ids: number[] = [];
  {
    await using spool = await openSpool({ directory: copy, minFreeBytes: 0 }, {
      clock: realClock,
      reporter: recordingReporter(),
    });
    const pending = spool.outputs().find(({ name }) => name === "out")?.pendingEvents ?? 0;
    await using reader = spool.reader("out");
    while (ids.length < pending) {
      const { batch } = (await inTime(reader.next(), "the next batch"))!;
      const text = new TextDecoder();
      for (let i = 0; i < batch.ends.length; i++) ids.push(...seriesIn(text.decode(eventBytes(batch, i))).slice(0, 1));
    }
  }
  await Deno.remove(copy, { recursive: true });
  await Deno.mkdir(copy);
  return ids;
}

async function booksOf(agent: AgentProcess): Promise<EventBooks> {
  return eventBooks(await (await fetch(`${agent.url}/metrics`)).text(), "out");
}

function agentPeers(trial: Trial): HttpPeer[] {
  return trial.peers({ idsIn: (text) => [...new Set(seriesIn(text))] });
}

async function killedAgent(trial: Trial): Promise<void> {
  const kills = trial.full ? 200 : 50;
  const peers = agentPeers(trial);
  for (const peer of peers) {
    peer.script = async (exchange) => {
      const kind = trial.random.next();
      if (kind > 0.3) return await takesAll(exchange);
      trial.fault();
      if (kind < 0.1) {
        await exchange.store();
        return exchange.cut();
      }
      await exchange.ids();
      await exchange.reply(kind < 0.2 ? 503 : 429);
    };
  }
  const directory = `${await trial.directory()}/spool`;
  const config = configOf(trial, peers, directory);
  let accepted = 0;
  let storedInAll = 0;
  for (let round = 0; round < kills && trial.findings.length === 0; round++) {
    const agent = await startAgentProcess({ config });
    const books = await booksOf(agent);
    trial.find(conservationFindings(books), `after kill ${round}`);
    trial.require(
      books.accepted >= accepted,
      `after kill ${round}: ${books.accepted} accepted, and ${accepted} were before`,
    );
    accepted = books.accepted;
    const sender = load(agent, trial.events + 1);
    await sleep(200 + trial.random.next() * 1_600); // one or two windows, or none
    agent.signal("SIGKILL");
    trial.fault();
    await agent.ended;
    sender.stop();
    trial.events += sender.sent();
    const ids = await storedIds(trial, directory);
    trial.oracle.accept(ids);
    storedInAll += ids.length;
    if (round % 10 === 9) {
      trial.say(`    FI-27 agent: ${round + 1} of ${kills} kills, ${storedInAll} events were in the spool`);
    }
  }
  for (const peer of peers) peer.script = takesAll;
  const agent = await startAgentProcess({ config });
  const first = await booksOf(agent);
  trial.find(conservationFindings(first), "at the last start");
  let books = first;
  const asking = setInterval(async () => books = await booksOf(agent).catch(() => books), 100);
  await until(() => books.pending === 0, "everything is delivered");
  clearInterval(asking);
  trial.find(conservationFindings(books), "at the end");
  const { code } = await agent.stop();
  trial.require(code === 0, `the last agent ended with ${code}`);
  trial.require(storedInAll > 0, "nothing was in the spool at any kill");
  trial.find(trial.oracle.findings({ repeats: "any", foreign: true }));
  trial.note(`agent in ${trial.mode.name}: ${storedInAll} events were in the spool at ${kills} kills, and arrived`);
}

/** How long the agent lets deliveries go on, and what may come on top. */
const DRAIN_MS = 10_000;

async function terminated(trial: Trial): Promise<void> {
  const peers = agentPeers(trial);
  const directory = `${await trial.directory()}/spool`;
  const config = configOf(trial, peers, directory);
  const stalled = () => peers.some(({ inFlight }) => inFlight > 0);
  /** Loads an agent until something is under way, and tells it to stop. */
  const run = async (signals: number): Promise<{ readonly code: number; readonly tookMs: number }> => {
    const agent = await startAgentProcess({ config });
    const sender = load(agent, trial.events + 1);
    await until(stalled, "a send is under way");
    sender.stop();
    trial.events += sender.sent();
    const fromMs = performance.now();
    agent.signal("SIGTERM");
    trial.fault();
    if (signals > 1) {
      await sleep(300);
      agent.signal("SIGTERM");
    }
    const { code } = await inTime(agent.ended, "the agent to end");
    trial.oracle.accept(await storedIds(trial, directory));
    return { code, tookMs: performance.now() - fromMs };
  };

  // In time: requests take a moment, and all of them end.
  for (const peer of peers) {
    peer.script = async (exchange) => {
      await sleep(300);
      await takesAll(exchange);
    };
  }
  const inDeadline = await run(1);
  trial.require(inDeadline.code === 0, `SIGTERM in the middle of a send ends with ${inDeadline.code}`);
  trial.require(inDeadline.tookMs < DRAIN_MS + 1_000 + NOISE_MS, `it took ${Math.round(inDeadline.tookMs)} ms`);

  // The deadline is hit: nobody answers.
  for (const peer of peers) {
    peer.script = async (exchange) => {
      await exchange.ids();
      await exchange.gone();
    };
  }
  const late = await run(1);
  trial.require(late.code === 0, `SIGTERM with a deadline that is hit ends with ${late.code}`);
  trial.require(late.tookMs < DRAIN_MS + 1_000 + NOISE_MS, `it took ${Math.round(late.tookMs)} ms`);

  // A second signal: at once, and what is stored stays.
  const twice = await run(2);
  trial.require(twice.tookMs < 1_300 + NOISE_MS, `with a second signal it took ${Math.round(twice.tookMs)} ms`);

  for (const peer of peers) peer.script = takesAll;
  const agent = await startAgentProcess({ config });
  let pending = Infinity;
  const asking = setInterval(async () => pending = (await booksOf(agent).catch(() => ({ pending }))).pending, 100);
  await until(() => pending === 0, "everything is delivered");
  clearInterval(asking);
  const { code } = await agent.stop();
  trial.require(code === 0, `the last agent ended with ${code}`);
  trial.find(trial.oracle.findings({ repeats: "any", foreign: true }));
}

/** Names, sizes and times of a directory's files. */
function snapshot(directory: string): string {
  const entries = [...Deno.readDirSync(directory)].map(({ name }) => {
    const { size, mtime } = Deno.statSync(`${directory}/${name}`);
    return `${name} ${size} ${name === "lock" ? "" : mtime?.getTime()}`;
  });
  return entries.sort().join("\n");
}

/** Runs the agent as a command that is expected to fail. */
async function failingAgent(config: string): Promise<{ readonly code: number; readonly stderr: string }> {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(path, config);
  const [program, ...args] = LIMIER;
  const command = new Deno.Command(program!, { args: [...args, "run", "-f", path], stdout: "null", stderr: "piped" });
  const { code, stderr } = await inTime(command.output(), "the agent to refuse its spool");
  await Deno.remove(path);
  return { code, stderr: new TextDecoder().decode(stderr) };
}

async function refusedSpool(trial: Trial): Promise<void> {
  const peers = agentPeers(trial);
  const directory = `${await trial.directory()}/spool`;
  const deps = { clock: realClock, reporter: recordingReporter() };
  {
    await using spool = await openSpool({ directory, minFreeBytes: 0, fsync: "never" }, deps);
    for (const { batch } of trial.batches()) await spool.append("out", batch);
    const before = snapshot(directory);
    const { code, stderr } = await failingAgent(configOf(trial, peers, directory));
    trial.fault();
    trial.require(code === 3, `a second process ends with ${code}: ${stderr.slice(-300)}`);
    trial.require(stderr.includes(directory), "a second process does not say which spool it can't have");
    trial.require(snapshot(directory) === before, "a second process changed files");
  }
  const readOnly = await readOnlyView(trial, directory);
  if (readOnly === undefined) {
    trial.note("without root the directory is made read-only by its mode");
    await Deno.chmod(directory, 0o500);
    for (const { name } of Deno.readDirSync(directory)) await Deno.chmod(`${directory}/${name}`, 0o400);
  }
  const path = readOnly ?? directory;
  const before = snapshot(path);
  const { code, stderr } = await failingAgent(configOf(trial, peers, path));
  trial.fault();
  trial.require(code !== 0 && code !== 3, `with a directory that is read-only, the agent ends with ${code}`);
  trial.require(stderr.includes(path), `it does not say what is wrong with ${path}: ${stderr.slice(-300)}`);
  trial.require(snapshot(path) === before, "files of a read-only directory changed");
  if (readOnly === undefined) await Deno.chmod(directory, 0o700);
  trial.require(peers.every(({ requests }) => requests === 0), "something was delivered from a spool that was refused");
}

/** The directory again, read-only; `undefined` where none may be mounted. */
async function readOnlyView(trial: Trial, directory: string): Promise<string | undefined> {
  const path = await trial.directory();
  const mount = async (...args: string[]) => {
    try {
      return (await new Deno.Command("mount", { args, stderr: "null" }).output()).success;
    } catch {
      return false; // there is no such program
    }
  };
  if (!await mount("--bind", directory, path)) return undefined;
  trial.defer(async () => void await new Deno.Command("umount", { args: ["-l", path] }).output());
  return await mount("-o", "remount,bind,ro", path) ? path : undefined;
}

export const agentRows: readonly Row[] = [
  { id: "FI-27 agent", fault: "kill -9 of the agent under load", once: "failover_async", long: true, run: killedAgent },
  { id: "FI-34", fault: "read-only directory, second process", once: "single_sync", run: refusedSpool },
  { id: "FI-36", fault: "SIGTERM in the middle of a send", once: "balance_sync", long: true, run: terminated },
];
