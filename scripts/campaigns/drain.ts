/** The sender stops and SIGTERM follows at once: what had arrived is flushed all the same. */
import { BatchSender } from "../../src/linux/mod.ts";
import { connectTo } from "../load/datagrams.ts";
import { Pace } from "../load/pace.ts";
import { type Campaign, spaced, Verdict } from "./campaign.ts";
import { startPrintingAgent } from "./printing_agent.ts";

interface DrainOptions {
  readonly [name: string]: number;
  readonly rounds: number;
  readonly rate: number;
  readonly seconds: number;
}

/** Series of the load: each datagram adds 1 to one of them. */
const SERIES = 128;

export const drain: Campaign<DrainOptions> = {
  name: "drain",
  summary: "SIGTERM right behind the last datagram: flushed total = sent - kernel drops",
  help: `campaign drain [--rounds N] [--rate N] [--seconds S]

Sends counters to an agent whose window does not end by itself, and SIGTERM within 50 ms of the last datagram. What the
agent flushes then must add up to what was sent, less what the kernel dropped.

  --rounds N     agents started and stopped; 5
  --rate N       datagrams a second; 0 is as fast as can be; 0
  --seconds S    for how long each is sent to; 2`,
  defaults: { rounds: 5, rate: 0, seconds: 2 },
  choices: {},
  async run({ rounds, rate, seconds }, print) {
    const verdict = new Verdict(print);
    for (let round = 1; round <= rounds; round++) {
      await using agent = await startPrintingAgent(`
statsd: { udp_address: "127.0.0.1:0", num_readers: 2, interval: 1h, synchronize_with_interval: false }
http: { address: "127.0.0.1:0" }
outputs: [ { name: printed, kind: stdout, format: json } ]
`);
      const sent = sendCounters(agent.to, rate, seconds);
      const lastMs = performance.now();
      agent.process.signal("SIGTERM");
      const signalledMs = performance.now() - lastMs;
      const { code } = await agent.process.stop();
      const { datagrams_dropped: drops } = await agent.process.logged({ message: "stopped" });
      const flushed = await flushedTotal(agent.outputPath);
      print(`round ${round}: sent ${spaced(sent)}, dropped ${spaced(Number(drops))}, flushed ${spaced(flushed)}`);
      verdict.require(signalledMs < 50, `SIGTERM followed within ${signalledMs.toFixed(1)} ms`);
      verdict.require(flushed === sent - Number(drops), "flushed total = sent - kernel drops");
      verdict.require(code === 0, "it ended with 0");
    }
    return verdict.holds;
  },
};

/** Sends counters of 1 in turn. @returns how many */
function sendCounters(to: string, rate: number, seconds: number): number {
  const lines = Array.from({ length: SERIES }, (_, i) => new TextEncoder().encode(`drain.${i}:1|c`));
  const lengths = Uint32Array.from(lines, (line) => line.length);
  const offsets = new Uint32Array(SERIES);
  for (let i = 1; i < SERIES; i++) offsets[i] = offsets[i - 1]! + lengths[i - 1]!;
  const buffer = new Uint8Array(offsets.at(-1)! + lengths.at(-1)!);
  lines.forEach((line, i) => buffer.set(line, offsets[i]!));
  using socket = connectTo(to);
  const sender = new BatchSender(socket.fd, { buffer, offsets, lengths });
  const pace = new Pace(rate, performance.now());
  const endMs = performance.now() + seconds * 1000;
  let sent = 0;
  while (performance.now() < endMs) {
    for (let due = Math.min(SERIES, pace.take(performance.now())); due > 0;) {
      const taken = sender.send(0, due);
      sent += taken;
      due -= taken;
    }
  }
  return sent;
}

async function flushedTotal(path: string): Promise<number> {
  let total = 0;
  for (const line of (await Deno.readTextFile(path)).split("\n")) {
    if (line === "") continue;
    const { name, value, interval } = JSON.parse(line);
    if (name.startsWith("drain.")) total += Math.round(value * interval);
  }
  return total;
}
