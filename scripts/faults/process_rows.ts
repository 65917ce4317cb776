/** Faults of the delivering process: killed, stopped, suspended, cut off for long. */
import { type Child, startChild } from "./child.ts";
import type { ChildPlan } from "./delivery_child.ts";
import { mostAttempts, NOISE_MS } from "./connection_rows.ts";
import { type HttpPeer, takesAll } from "./http_peer.ts";
import type { Request } from "./oracle.ts";
import { conservationFindings } from "./page.ts";
import type { Row, Trial } from "./trial.ts";
import { inTime, sleep, until } from "./wait.ts";

/** Answers count as heard when the position was saved behind them: a second later at most, and what the machine takes. */
const SAVED_AFTER_MS = 1_100 + NOISE_MS;

/** Receivers that lose an answer now and then, or want patience. */
function flaky(trial: Trial, peers: readonly HttpPeer[], share = 0.1): void {
  for (const peer of peers) {
    peer.script = async (exchange) => {
      if (!trial.random.chance(share)) return await takesAll(exchange);
      trial.fault();
      if (trial.random.chance(0.5)) {
        await exchange.store();
        return exchange.cut();
      }
      await exchange.ids();
      await exchange.reply(503);
    };
  }
}

function planOf(trial: Trial, peers: readonly { readonly url: string }[], changes: Partial<ChildPlan>): ChildPlan {
  return {
    directory: "",
    hosts: peers.map(({ url }) => url),
    mode: trial.mode,
    seed: trial.random.below(2 ** 31),
    firstId: 1,
    events: 10_000,
    pauseMs: 0,
    fsync: "interval",
    timeoutMs: 30_000,
    ...changes,
  };
}

const POLICIES = ["interval", "never", "always"] as const;

/** Ids of one round at most. */
const ROUND_IDS = 10_000_000;

async function killed(trial: Trial): Promise<void> {
  const kills = trial.full ? 1_000 : 50;
  const peers = trial.peers();
  flaky(trial, peers);
  const directory = await trial.directory();
  const killsMs: number[] = [];
  let end = 0;
  let stored = 0;
  for (let round = 0; round <= kills; round++) {
    const last = round === kills;
    const child = await startChild(
      trial,
      planOf(trial, peers, {
        directory,
        firstId: round * ROUND_IDS + 1,
        events: last ? 0 : ROUND_IDS - 1,
        pauseMs: 1,
        fsync: POLICIES[round % POLICIES.length]!,
        segmentBytes: 128 * 1024,
      }),
    );
    await until(() => child.firstBooks !== undefined, "the first books");
    const { accepted } = child.firstBooks!;
    trial.find(conservationFindings(child.firstBooks!), `after kill ${round}`);
    trial.require(
      accepted >= stored,
      `after kill ${round}: the books know of ${accepted} events, and ${stored} were stored`,
    );
    if (last) await finishes(trial, child);
    else {
      await sleep(trial.random.next() * 500);
      child.signal("SIGKILL");
      killsMs.push(performance.now());
      trial.fault();
      await child.ended;
      if (round % 10 === 9) trial.say(`    FI-27 ${trial.mode.name}: ${round + 1} of ${kills} kills`);
    }
    const again = child.stored.find(({ from }) => from < end);
    trial.require(again === undefined, `round ${round}: the number ${again?.from} was given before`);
    end = child.stored.reduce((most, { to }) => Math.max(most, to), end);
    const events = child.stored.reduce((sum, { count }) => sum + count, 0);
    stored += events;
    trial.events += events;
    if (trial.findings.length > 0) break;
  }
  trial.find(trial.oracle.findings({ repeats: "any", foreign: true }));
  requireRecentRepeats(trial, killsMs);
}

async function finishes(trial: Trial, child: Child): Promise<void> {
  await until(() => child.books?.pending === 0, "everything is delivered", undefined, () => child.books?.pending ?? 0);
  await child.stop();
  const books = child.books!;
  trial.find(conservationFindings(books));
  trial.require(books.signals === books.batches, `${books.batches} batches ended with ${books.signals} signals`);
}

/** What came again although it was answered was answered a moment before a kill, and came again behind that. */
function requireRecentRepeats(trial: Trial, killsMs: readonly number[]): void {
  const repeats = trial.oracle.repeatsBehindAnswers();
  const wrong = repeats.filter(({ answeredMs, againMs }) =>
    !killsMs.some((atMs) =>
      answeredMs > atMs - SAVED_AFTER_MS && answeredMs <= atMs + NOISE_MS && againMs >= answeredMs
    )
  );
  trial.require(wrong.length === 0, `${wrong.length} events came again that were answered long before a kill`);
  trial.note(`${trial.mode.name}: ${repeats.length} events came again in ${killsMs.length} kills`);
}

async function suspended(trial: Trial): Promise<void> {
  const peers = trial.peers();
  const timeoutMs = 2_000;
  for (const peer of peers) {
    peer.script = async (exchange) => {
      await sleep(20); // so that something is under way at any moment
      await takesAll(exchange);
    };
  }
  const directory = await trial.directory();
  const child = await startChild(trial, planOf(trial, peers, { directory, pauseMs: 15, timeoutMs }));
  trial.events += 10_000;
  await until(() => trial.oracle.requests.length > 10, "delivery is under way");
  child.signal("SIGSTOP");
  trial.fault();
  const stoppedMs = performance.now();
  await sleep(500); // what was under way has been answered, and nobody hears it
  for (const peer of peers) peer.cutAll();
  await sleep(trial.full ? 60_000 : 3_000);
  const before = peers.reduce((sum, peer) => sum + peer.requests, 0);
  child.signal("SIGCONT");
  await sleep(100);
  const burst = peers.reduce((sum, peer) => sum + peer.requests, 0) - before;
  const most = 6 * peers.length * trial.mode.width + 10; // a request takes 20 ms
  trial.require(burst <= most, `${burst} requests in the 100 ms after the suspension; ${most} are no burst`);
  await until(() => child.stored.reduce((sum, { count }) => sum + count, 0) === 10_000, "everything is stored");
  await finishes(trial, child);
  trial.find(trial.oracle.findings({ repeats: "any" }));
  const wrong = trial.oracle.repeatsBehindAnswers().filter(({ answeredMs }) => answeredMs < stoppedMs - NOISE_MS);
  trial.require(wrong.length === 0, `${wrong.length} events came again that were answered before the suspension`);
}

/** Which ids have arrived, in one bit each: there are too many to remember requests. */
class Bits {
  readonly #bits: Uint8Array;
  arrived = 0;
  requests = 0;

  constructor(ids: number) {
    this.#bits = new Uint8Array((ids >> 3) + 1);
  }

  store({ ids }: Request): void {
    this.requests++;
    for (const id of ids) {
      const bit = 1 << (id & 7);
      if ((this.#bits[id >> 3]! & bit) === 0) this.arrived++;
      this.#bits[id >> 3]! |= bit;
    }
  }
}

/** Events a second of the outage. */
const RATE = 5_000;
const MEMORY_GROWTH = 64 * 2 ** 20;

async function longOutage(trial: Trial): Promise<void> {
  // An hour of it in earnest takes four gigabytes; the short run is the part of an hour that a minute of work allows.
  const events = trial.full ? (trial.mode.name === "balance_async" ? 3_600 * RATE : 2_000_000) : 250_000;
  const bits = new Bits(events + 1);
  const peers = trial.peers({}, trial.mode.hosts, bits);
  for (const peer of peers) await peer.stop();
  const directory = await trial.directory();
  const child = await startChild(
    trial,
    planOf(trial, peers, {
      directory,
      events,
      paddingBytes: 180,
      segmentBytes: 16 * 2 ** 20,
      maxBytes: 8 * 2 ** 30,
      booksMs: 250,
      realWaits: false,
    }),
    [],
    () => {},
  );
  trial.events += events;
  trial.fault();
  const resident = () => Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${child.pid}/status`))![1]) * 1_024;
  await until(() => (child.books?.accepted ?? 0) >= events / 10, "the outage begins", 600_000);
  const baseline = resident(); // the program is warm, and its buffers have the size they need
  let most = baseline;
  let outageMost = baseline;
  const watch = setInterval(() => most = Math.max(most, resident()), 50);
  try {
    await until(() => child.books?.accepted === events, "the outage was long", 3_600_000);
    await until(() => child.books!.pending === events - bits.arrived, "all of it is stored", 600_000);
    outageMost = most;
    for (const peer of peers) peer.start();
    await until(() => bits.arrived === events, "the backlog is delivered", 3_600_000);
    await until(() => child.books!.pending === 0, "the backlog is finished", 600_000);
  } finally {
    clearInterval(watch);
  }
  const mebibytes = (bytes: number) => Math.round((bytes - baseline) / 2 ** 20);
  trial.require(outageMost - baseline <= MEMORY_GROWTH, `memory grew by ${mebibytes(outageMost)} MiB in the outage`);
  trial.require(
    most - baseline <= 2 * MEMORY_GROWTH,
    `memory grew by ${mebibytes(most)} MiB as the backlog was delivered`,
  );
  trial.require(child.books!.dropped === 0, `${child.books!.dropped} events were dropped`);
  await finishes(trial, child);
  trial.note(
    `${events} events of 200 bytes in ${trial.mode.name}: memory grew by ${mebibytes(outageMost)} MiB in the outage, ` +
      `by ${mebibytes(most)} MiB in all`,
  );
}

/** Of one core, while nothing can be delivered. */
const MOST_CPU = 0.02;

/** Clock ticks a second in `/proc/PID/stat`. */
const TICKS = 100;

function cpuSeconds(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS; // utime, stime
}

/** What delivering costs while no host takes anything, with the waits of a real configuration. */
async function idleCpu(trial: Trial, breaks: (peers: readonly HttpPeer[]) => Promise<void>): Promise<void> {
  const peers = trial.peers();
  await breaks(peers);
  const directory = await trial.directory();
  const child = await startChild(trial, planOf(trial, peers, { directory, realWaits: true, booksMs: 3_000 }));
  trial.events += 10_000;
  trial.fault();
  await until(() => child.stored.reduce((sum, { count }) => sum + count, 0) === 10_000, "everything is stored");
  await sleep(4_000); // the program is warm
  const [fromS, fromMs] = [cpuSeconds(child.pid), performance.now()];
  await sleep(trial.full ? 60_000 : 15_000);
  const wholeS = (performance.now() - fromMs) / 1_000;
  const share = (cpuSeconds(child.pid) - fromS) / wholeS;
  trial.require(share < MOST_CPU, `${(share * 100).toFixed(1)} % of a core while nothing could be delivered`);
  trial.note(`${(share * 100).toFixed(1)} % of a core while nothing could be delivered (${trial.mode.name})`);
  const connects = peers.reduce((sum, peer) => sum + peer.connects, 0);
  const most = 2 * mostAttempts(wholeS * 1_000 + 10_000, { initMs: 1_000, maxMs: 60_000 }) * peers.length *
    trial.mode.width;
  trial.require(connects <= most, `${connects} connects; the schedule allows ${most}`);
  child.signal("SIGKILL");
  await inTime(child.ended, "the process to end");
}

async function stopAll(peers: readonly HttpPeer[]): Promise<void> {
  for (const peer of peers) await peer.stop();
}

function closeAll(peers: readonly HttpPeer[]): Promise<void> {
  for (const peer of peers) peer.admits = () => "close";
  return Promise.resolve();
}

export const processRows: readonly Row[] = [
  {
    id: "FI-1 cpu",
    fault: "refused: the cost of waiting",
    once: "balance_async",
    long: true,
    run: (trial) => idleCpu(trial, stopAll),
  },
  {
    id: "FI-3 cpu",
    fault: "closed at once: the cost of waiting",
    once: "single_async",
    long: true,
    run: (trial) => idleCpu(trial, closeAll),
  },
  { id: "FI-27", fault: "kill -9 while writing", once: "balance_async", long: true, run: killed },
  { id: "FI-44", fault: "long outage", once: "balance_async", long: true, run: longOutage },
  { id: "FI-45", fault: "process suspended", once: "failover_async", run: suspended },
];
