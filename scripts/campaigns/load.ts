/** A steady load for a minute: nothing is lost that is not counted, and what was counted is flushed. */
import { readHostFacts } from "../../src/linux/mod.ts";
import { booksOf, settledBooks } from "./books.ts";
import { type Campaign, megabytes, type Print, sleep, spaced, Verdict } from "./campaign.ts";
import { readFlushed } from "./flushed.ts";
import { startPrintingAgent } from "./printing_agent.ts";
import { sendInThread } from "./sending.ts";

/** How {@linkcode runLoad} is run. */
export interface LoadCampaignOptions extends Record<string, number | string> {
  readonly shape: "one" | "twenty";
  /** Datagrams a second. */
  readonly rate: number;
  readonly seconds: number;
  readonly series: number;
  readonly senders: number;
  readonly readers: number;
  /** Seconds of a window, whole. */
  readonly interval: number;
}

const DEFAULTS: LoadCampaignOptions = {
  shape: "one",
  rate: 50_000,
  seconds: 60,
  series: 1_000,
  senders: 4,
  readers: 2,
  interval: 10,
};

const BUFFER_BYTES = 2 * 2 ** 20;
const PROGRESS_MS = 10_000;
/** A counter of the load has at most this value. */
const MOST_VALUE = 9;

/** Sends the load and compares what was sent, received, dropped and flushed. */
export async function runLoad(options: LoadCampaignOptions, print: Print): Promise<boolean> {
  const { shape, rate, seconds, series, senders, readers, interval } = options;
  await using agent = await startPrintingAgent(`
statsd:
  udp_address: "127.0.0.1:0"
  num_readers: ${readers}
  interval: ${interval}s
  hostname: campaign
  read_buffer_size_bytes: ${BUFFER_BYTES}
http: { address: "127.0.0.1:0" }
outputs: [ { name: printed, kind: stdout, format: json } ]
`);
  print(`load: ${spaced(rate)} datagrams/s of shape ${shape}, ${spaced(series)} series, for ${seconds} s`);
  const stopProgress = reportProgress(agent.process, print);
  const { result } = await sendInThread({
    to: agent.to,
    shape,
    series,
    senders,
    nameBytes: 60,
    ratePerSecond: rate,
    datagrams: Math.round(rate * seconds),
    seconds: Infinity,
  });
  await stopProgress();
  const books = await settledBooks(agent.process, result.datagrams);
  const cpuSeconds = agent.process.cpuSeconds();
  const ended = await agent.process.stop();
  const flushed = await readFlushed(agent.outputPath);

  print(
    `sent ${spaced(result.datagrams)} datagrams, ${spaced(result.lines)} lines in ${
      result.elapsedSeconds.toFixed(1)
    } s`,
  );
  print(`received ${spaced(books.received)}, kernel drops ${spaced(books.drops)}, ${cpuSeconds.toFixed(1)} s of CPU`);
  print(`printed ${spaced(flushed.lines)} points of ${flushed.flushes} flushes`);
  const verdict = new Verdict(print);
  verdict.require(
    result.datagrams === books.received + books.drops,
    `sent = received + kernel drops: ${spaced(result.datagrams)} = ${spaced(books.received)} + ${spaced(books.drops)}`,
  );
  verdict.require(...judgeDrops(books.drops, readHostFacts().receiveBufferMaxBytes));
  verdict.require(
    books.lines === books.accepted + books.rejected + books.empty && books.rejected + books.empty === 0,
    `lines seen = accepted, none rejected: ${spaced(books.lines)} = ${spaced(books.accepted)}`,
  );
  verdict.require(
    books.samples === books.aggregated && books.refused === 0,
    `samples accepted = aggregated: ${spaced(books.samples)} = ${spaced(books.aggregated)}`,
  );
  verdict.require(flushed.uneven === 0, "every total that was flushed is a whole number");
  if (books.drops === 0) {
    verdict.require(
      flushed.counterTotal === result.counterTotal,
      `counters flushed = sent: ${spaced(flushed.counterTotal)} = ${spaced(result.counterTotal)}`,
    );
    verdict.require(
      flushed.timerSamples === result.timers,
      `timer samples flushed = sent: ${spaced(flushed.timerSamples)} = ${spaced(result.timers)}`,
    );
  } else {
    const missing = result.counterTotal - flushed.counterTotal;
    const most = (result.lines - books.lines) * MOST_VALUE;
    verdict.require(missing >= 0 && missing <= most, `counters miss ${missing}, which the drops can hold (${most})`);
  }
  const ends = Math.floor(seconds / interval);
  verdict.require(flushed.flushes >= ends, `${flushed.flushes} flushes, at least ${ends} expected`);
  verdict.require(ended.code === 0, `exit code ${ended.code}`);
  return verdict.holds;
}

/** Whether that many drops are to be forgiven, and the words for it. */
export function judgeDrops(drops: number, rmemMax: number | null): [holds: boolean, what: string] {
  if (drops === 0) return [true, "no kernel drops"];
  const what = `${spaced(drops)} kernel drops`;
  if (rmemMax === null) return [false, `${what}, and net.core.rmem_max can't be read`];
  if (rmemMax >= BUFFER_BYTES) {
    return [
      false,
      `${what}, although net.core.rmem_max (${rmemMax}) grants the whole buffer: a reader was too late ` +
      `(load average ${Deno.loadavg()[0]!.toFixed(1)})`,
    ];
  }
  const mend = `sysctl -w net.core.rmem_max=${BUFFER_BYTES}`;
  return [true, `${what}, because net.core.rmem_max is ${rmemMax}, less than the ${BUFFER_BYTES} asked for: ${mend}`];
}

/** Prints how things stand every ten seconds, until the returned function is called. */
function reportProgress(
  agent: { metrics(): Promise<Record<string, number>>; residentBytes(): number },
  print: Print,
): () => Promise<void> {
  let over = false;
  const startMs = performance.now();
  const reporting = (async () => {
    for (let nextMs = startMs + PROGRESS_MS; !over;) {
      await sleep(200);
      if (performance.now() < nextMs) continue;
      nextMs += PROGRESS_MS;
      const { received, drops } = booksOf(await agent.metrics());
      const seconds = Math.round((performance.now() - startMs) / 1000);
      print(
        `  ${seconds} s: received ${spaced(received)}, drops ${spaced(drops)}, ${megabytes(agent.residentBytes())}`,
      );
    }
  })();
  return async () => {
    over = true;
    await reporting;
  };
}

/** The campaign as a command. */
export const load: Campaign<LoadCampaignOptions> = {
  name: "load",
  summary: "50 000 datagrams a second for a minute: sent = received + drops, and every count is flushed",
  help: `campaign load [options]

Starts an agent with two readers, sends it a steady load, stops it, and adds up what it printed. It holds if

  sent = received + kernel drops, exactly
  no kernel drops, or else net.core.rmem_max is smaller than the receive buffer that was asked for
  lines seen = accepted, samples accepted = aggregated
  the counters and timers printed = the counters and timers sent

  --shape SHAPE    one metric a datagram, or twenty; one
  --rate N         datagrams a second; 50000
  --seconds S      for how long; 60
  --series N       distinct series; 1000
  --senders N      sockets that send; 4
  --readers N      num_readers of the agent; 2
  --interval S     seconds from flush to flush, whole; 10

Example: many series through three flushes
  deno task campaign load --series 100000 --seconds 35`,
  defaults: DEFAULTS,
  choices: { shape: ["one", "twenty"] },
  run: runLoad,
};
