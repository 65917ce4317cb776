/** An agent that is stopped takes in and delivers everything that had arrived. */
import { readHostFacts } from "../../src/linux/mod.ts";
import type { LoadOptions } from "../load/datagrams.ts";
import { type Campaign, type Print, sleep, spaced, Verdict } from "./campaign.ts";
import { readFlushed } from "./flushed.ts";
import { backlogDrops, udpDrops } from "./kernel_drops.ts";
import { startPrintingAgent } from "./printing_agent.ts";
import { sendInThread } from "./sending.ts";

/** How {@linkcode runDrain} is run. */
export interface DrainOptions extends Record<string, number | string> {
  /** Agents stopped at each rate. */
  readonly repeats: number;
  readonly seconds: number;
  /** Datagrams a second of the paced load; the other is as fast as can be. */
  readonly rate: number;
  readonly series: number;
  readonly senders: number;
  readonly readers: number;
  /** Seconds of a window, whole. */
  readonly interval: number;
}

const DEFAULTS: DrainOptions = {
  repeats: 5,
  seconds: 3,
  rate: 50_000,
  series: 20_000,
  senders: 4,
  readers: 2,
  interval: 10,
};

const LINES_A_DATAGRAM = 20;
/** SIGTERM is to follow the last datagram within this. */
const PROMPT_MS = 50;
/** A guard against a hang. */
const PATIENCE_MS = 60_000;

/** Starts, loads and stops agent after agent. */
export async function runDrain(options: DrainOptions, print: Print): Promise<boolean> {
  const { repeats, rate, seconds, series, senders } = options;
  if (series % (senders * LINES_A_DATAGRAM) !== 0) {
    print(
      `Cannot use ${series} series: write a multiple of ${senders * LINES_A_DATAGRAM}, so that all datagrams are full`,
    );
    return false;
  }
  const verdict = new Verdict(print);
  print(
    `drain: SIGTERM right behind ${seconds} s of load, ${repeats} times at each rate; rmem_max is ` +
      `${readHostFacts().receiveBufferMaxBytes}`,
  );
  for (const ratePerSecond of [0, rate]) {
    for (let i = 1; i <= repeats; i++) {
      const { holds, what } = await stopUnderLoad(ratePerSecond, options);
      verdict.require(holds, `${ratePerSecond === 0 ? "full speed" : `${spaced(rate)}/s`} ${i}: ${what}`);
    }
  }
  return verdict.holds;
}

async function stopUnderLoad(ratePerSecond: number, options: DrainOptions): Promise<{ holds: boolean; what: string }> {
  const { seconds, series, senders, readers, interval } = options;
  await using agent = await startPrintingAgent(`
statsd: { udp_address: "127.0.0.1:0", num_readers: ${readers}, interval: ${interval}s, hostname: campaign }
http: { address: "127.0.0.1:0" }
outputs: [ { name: printed, kind: stdout, format: json } ]
`);
  const load: LoadOptions = {
    to: agent.to,
    shape: "unique", // counters of 1, and so the flushed total is the number of lines that arrived
    series,
    senders,
    nameBytes: 60,
    ratePerSecond,
    ...(ratePerSecond > 0 ? { datagrams: Math.round(ratePerSecond * seconds) } : {}),
    seconds: ratePerSecond > 0 ? Infinity : seconds,
  };
  const backlogBefore = backlogDrops();
  const { result, endedMs } = await sendInThread(load);
  let drops = udpDrops(agent.port) ?? NaN;
  agent.process.signal("SIGTERM");
  const delayMs = performance.timeOrigin + performance.now() - endedMs;
  const guard = setTimeout(() => agent.process.signal("SIGKILL"), PATIENCE_MS);
  // What the sender's last call left to a kernel thread may be dropped even now.
  for (let now = udpDrops(agent.port); now !== undefined; now = udpDrops(agent.port)) {
    drops = now;
    await sleep(1);
  }
  const { code } = await agent.process.ended; // no second signal, which would cut the stop short
  clearTimeout(guard);
  const own = agent.process.log.find(({ message }) => message === "stopped") ?? {};
  const { counterTotal, uneven } = await readFlushed(agent.outputPath);
  const arrived = (result.datagrams - drops) * LINES_A_DATAGRAM;
  const sums = `flushed ${spaced(counterTotal)} = 20 x (sent ${spaced(result.datagrams)} - drops ${spaced(drops)})`;
  const late = delayMs > PROMPT_MS ? `, later than the ${PROMPT_MS} meant: the machine is busy` : "";
  const backlog = backlogDrops() - backlogBefore;
  const host = backlog === 0 ? "" : `; netdev_max_backlog dropped ${backlog} packets on this host`;
  return {
    holds: counterTotal === arrived && uneven === 0 && code === 0 && own.datagrams_dropped === drops &&
      own.datagrams_received === result.datagrams - drops,
    what:
      `${sums}; it says received ${own.datagrams_received}, dropped ${own.datagrams_dropped}; exit code ${code}; SIGTERM after ${
        delayMs.toFixed(1)
      } ms${late}${host}`,
  };
}

/** The campaign as a command. */
export const drain: Campaign<DrainOptions> = {
  name: "drain",
  summary: "SIGTERM right behind a load: everything that had arrived is flushed",
  help: `campaign drain [options]

Starts an agent, loads it, and sends SIGTERM as soon as the last datagram is sent; again and again, at full speed and at
a steady rate. What the agent printed is added up, the drops are the kernel's own count. It holds if each time

  the counters flushed = sent - kernel drops, exactly
  the agent's last log entry says the same of what it received and what was dropped
  the exit code is 0

  --repeats N      agents at each rate; 5
  --seconds S      of load; 3
  --rate N         datagrams a second of the steady load, of twenty counters; 50000
  --series N       distinct counters, a multiple of 20 times the senders; 20000
  --senders N      sockets that send; 4
  --readers N      num_readers of the agent; 2
  --interval S     seconds of a window, whole; 10

Example:
  deno task campaign drain --repeats 20 --seconds 1`,
  defaults: DEFAULTS,
  choices: {},
  run: runDrain,
};
