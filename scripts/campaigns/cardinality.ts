/** More series than are allowed: what is refused is counted, and memory stays within bounds. */
import { type AgentProcess, LIMIER, startAgentProcess } from "../bench/agent_process.ts";
import { type Books, booksOf, settledBooks } from "./books.ts";
import { type Campaign, megabytes, type Print, sleep, spaced, Verdict } from "./campaign.ts";
import { type MemorySample, peakOf, residentAt, watchMemory } from "./memory_watch.ts";
import { sendInThread } from "./sending.ts";

/** How {@linkcode runCardinality} is run. */
export interface CardinalityOptions extends Record<string, number | string> {
  /** Counters, each sent once a round. */
  readonly count: number;
  readonly maxSeries: number;
  readonly nameBytes: number;
  readonly rounds: number;
  /** Datagrams a second, twenty counters each. */
  readonly rate: number;
  readonly senders: number;
  readonly readers: number;
  /** Seconds of a window, whole. */
  readonly interval: number;
  /** Bounds of resident memory in MB of 10^6: before a flush, and at any time. */
  readonly beforeMb: number;
  readonly peakMb: number;
  readonly output: "blackhole" | "file" | "both";
  /** Flags for the agent's V8; "" for none. */
  readonly v8Flags: string;
}

const DEFAULTS: CardinalityOptions = {
  count: 1_500_000,
  maxSeries: 1_000_000,
  nameBytes: 60,
  rounds: 3,
  rate: 10_000,
  senders: 4,
  readers: 2,
  interval: 15,
  beforeMb: 250,
  peakMb: 450,
  output: "both",
  v8Flags: "",
};

const OUTPUTS = {
  blackhole: "{ name: out, kind: blackhole }",
  file: "{ name: out, kind: file, format: json, path: /dev/null }",
} as const;

/** How often memory is looked at. */
const LOOK_MS = 50;
/** From the end of a window until all readers certainly work on the next. */
const SWAP_MS = 500;
/** Between two questions for `/healthcheck`. */
const ASK_MS = 50;
const DELIVERED = 'limier_events_delivered_total{mode="single",output="out"}';

/** Sends the series, round after round, with each of the outputs. */
export async function runCardinality(options: CardinalityOptions, print: Print): Promise<boolean> {
  const verdict = new Verdict(print);
  for (const output of ["blackhole", "file"] as const) {
    if (options.output === output || options.output === "both") await runWith(output, options, verdict, print);
  }
  return verdict.holds;
}

async function runWith(
  output: "blackhole" | "file",
  options: CardinalityOptions,
  verdict: Verdict,
  print: Print,
): Promise<void> {
  const { count, maxSeries, readers, interval, rounds, nameBytes, beforeMb, peakMb, v8Flags } = options;
  const [deno = "", run = "", ...rest] = LIMIER;
  await using agent = await startAgentProcess({
    command: [deno, run, ...(v8Flags === "" ? [] : [`--v8-flags=${v8Flags}`]), ...rest],
    config: `
statsd: { udp_address: "127.0.0.1:0", num_readers: ${readers}, interval: ${interval}s, max_series: ${maxSeries} }
http: { address: "127.0.0.1:0" }
outputs: [ ${OUTPUTS[output]} ]
`,
  });
  print(`cardinality: ${spaced(count)} counters of ${nameBytes} bytes, max_series ${spaced(maxSeries)}, to ${output}`);
  await using memory = watchMemory(agent.residentBytes, LOOK_MS);
  await using health = askHealth(`${agent.url}/healthcheck`);
  await using _sampling = memory; // ends before the agent does, whatever happens between
  const idle = agent.residentBytes();
  let before = booksOf(await agent.metrics());
  const befores: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const { books, endsMs } = await playRound(agent, before, round, options, verdict);
    await sleepUntil(endsMs);
    befores.push(residentAt(memory.samples, endsMs - LOOK_MS)); // what is seen later may be the flush's own
    before = books;
  }
  await untilDelivered(agent, rounds * maxSeries);
  await sleep(SWAP_MS);
  const delivered = (await agent.metrics())[DELIVERED] ?? NaN;
  verdict.require(
    delivered === rounds * maxSeries,
    `delivered = max_series a round: ${spaced(delivered)} = ${rounds} x ${spaced(maxSeries)}`,
  );
  const { samples } = memory;
  const peak = peakOf(samples);
  print(
    `  resident: idle ${megabytes(idle)}, before the flushes ${befores.map(megabytes).join(", ")}, peak ` +
      `${megabytes(peak)}, at the end ${megabytes(agent.residentBytes())}`,
  );
  print(`  ${curve(samples)}`);
  verdict.require(Math.max(...befores) < beforeMb * 1e6, `before a flush ${beforeMb} MB at the most`);
  verdict.require(peak < peakMb * 1e6, `peak ${peakMb} MB at the most`);
  const { asked, longestMs, failed } = health;
  verdict.require(
    failed === 0 && asked > 0,
    `/healthcheck answered ${spaced(asked)} times, after ${Math.round(longestMs)} ms at the latest`,
  );
}

/** Sends every series once within one window. */
async function playRound(
  agent: AgentProcess,
  before: Books,
  round: number,
  options: CardinalityOptions,
  verdict: Verdict,
): Promise<{ books: Books; endsMs: number }> {
  const { count, maxSeries, nameBytes, rate, senders, interval } = options;
  const windowMs = interval * 1000;
  const startsMs = Math.ceil(Date.now() / windowMs) * windowMs;
  await sleepUntil(startsMs + SWAP_MS);
  const { result } = await sendInThread({
    to: `127.0.0.1:${agent.port("udp://")}`,
    shape: "unique",
    series: count,
    senders,
    nameBytes,
    ratePerSecond: rate,
    rounds: 1,
    seconds: Infinity,
  });
  const sentBefore = before.received + before.drops;
  const books = await settledBooks(agent, sentBefore + result.datagrams);
  const leftMs = startsMs + windowMs - Date.now();
  verdict.require(leftMs > 0, `round ${round}: sent within its window, ${Math.round(leftMs)} ms before its end`);
  const received = books.received - before.received, drops = books.drops - before.drops;
  verdict.require(
    received + drops === result.datagrams && drops === 0,
    `round ${round}: sent = received: ${spaced(result.datagrams)} = ${spaced(received)}, kernel drops ${drops}`,
  );
  const samples = books.samples - before.samples, refused = books.refused - before.refused;
  verdict.require(
    refused === samples - maxSeries && (drops > 0 || samples === count),
    `round ${round}: refused = accepted - max_series: ${spaced(refused)} = ${spaced(samples)} - ${spaced(maxSeries)}`,
  );
  return { books, endsMs: startsMs + windowMs };
}

async function sleepUntil(unixMs: number): Promise<void> {
  while (Date.now() < unixMs) await sleep(unixMs - Date.now());
}

/** Without progress for so long, no more will be delivered. */
const STILL_MS = 20_000;

async function untilDelivered(agent: AgentProcess, points: number): Promise<void> {
  let last = NaN;
  for (let stillMs = 0; stillMs < STILL_MS; stillMs += LOOK_MS) {
    const delivered = (await agent.metrics())[DELIVERED] ?? 0;
    if (delivered >= points) return;
    if (delivered !== last) stillMs = 0;
    last = delivered;
    await sleep(LOOK_MS);
  }
}

/** Asks for a page again and again until it is disposed of. */
function askHealth(url: string): { asked: number; failed: number; longestMs: number } & AsyncDisposable {
  let over = false;
  const health = {
    asked: 0,
    failed: 0,
    longestMs: 0,
    async [Symbol.asyncDispose]() {
      over = true;
      await asking;
    },
  };
  const asking = (async () => {
    for (; !over; await sleep(ASK_MS)) {
      const startMs = performance.now();
      const text = await fetch(url).then((response) => response.text(), (error) => String(error));
      health.longestMs = Math.max(health.longestMs, performance.now() - startMs);
      health.asked++;
      if (text !== "ok\n") health.failed++;
    }
  })();
  return health;
}

/** The course of memory, a number each second. */
function curve(samples: readonly MemorySample[]): string {
  const seconds = new Map<number, number>();
  for (const { atMs, bytes } of samples) {
    const second = Math.floor(atMs / 1000);
    seconds.set(second, Math.max(seconds.get(second) ?? 0, bytes));
  }
  return `MB, each second's most: ${[...seconds.values()].map((bytes) => Math.round(bytes / 1e6)).join(" ")}`;
}

/** The campaign as a command. */
export const cardinality: Campaign<CardinalityOptions> = {
  name: "cardinality",
  summary: "1 500 000 series against a bound of 1 000 000: exact refusals, bounded memory, a prompt health check",
  help: `campaign cardinality [options]

Starts an agent with two readers and sends it more counters than max_series, each once a window, window after window;
first with an output that keeps nothing, then with one that encodes JSON. It holds if

  refused = accepted - max_series in each window, and max_series points are delivered for each
  resident memory before each flush, and its peak over all flushes, stay below their bounds
  /healthcheck answers all the time; its longest wait is printed

  --count N         counters sent each round; 1500000
  --max-series N    how many the agent may hold; 1000000
  --name-bytes N    length of a name; 60
  --rounds N        windows; 3
  --rate N          datagrams a second, of twenty counters; 10000
  --senders N       sockets that send, each its own series; 4
  --readers N       num_readers of the agent; 2
  --interval S      seconds of a window, whole; long enough for a round; 15
  --before-mb N     bound before a flush; 250
  --peak-mb N       bound at any time; 450
  --output KIND     blackhole, file, or both; both
  --v8-flags FLAGS  for the agent's JavaScript engine

Example:
  deno task campaign cardinality --output file`,
  defaults: DEFAULTS,
  choices: { output: ["blackhole", "file", "both"] },
  run: runCardinality,
};
