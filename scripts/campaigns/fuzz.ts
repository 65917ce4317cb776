/** Whatever the bytes: no crash, no hang, and every line counted once. */
import { acceptedLines, At, Heart, newStats, READ_AHEAD, rejectedLines } from "../../src/statsd/mod.ts";
import { startAgentProcess } from "../bench/agent_process.ts";
import { settledBooks } from "./books.ts";
import { type Campaign, type Print, spaced, Verdict } from "./campaign.ts";
import { fixtureSamples, Mutator } from "./mutations.ts";

/** Bytes of the longest mutant: above metric_max_length below, so that some are too long. */
const MOST_BYTES = 3_000;
const METRIC_MAX_LENGTH = 2_048;
/** A flush after so many datagrams, as an agent would have one. */
const INTERVAL = 200_000;

interface FuzzOptions {
  readonly [name: string]: number;
  readonly count: number;
  readonly socket: number;
  readonly seed: number;
}

export const fuzz: Campaign<FuzzOptions> = {
  name: "fuzz",
  summary: "mutated datagrams, in process and by socket: no crash, no hang, every line counted once",
  help: `campaign fuzz [--count N] [--socket N] [--seed N]

Makes datagrams out of those of the fixtures, with bits flipped, cut, and joined; feeds them to the aggregation in this
process, then to a running agent over UDP. Afterwards the books must balance: lines seen = accepted + rejected + empty.

  --count N     datagrams in process; 10000000
  --socket N    datagrams by socket; 200000
  --seed N      what the mutants follow from; from the clock unless given`,
  defaults: { count: 10_000_000, socket: 200_000, seed: 0 },
  choices: {},
  async run(options, print) {
    const seed = options.seed || Date.now() % 2 ** 31;
    const samples = await fixtureSamples(new URL("../../testdata/dogstatsd/", import.meta.url));
    print(`seed ${seed}, ${samples.length} datagrams to start from`);
    const verdict = new Verdict(print);
    fuzzHeart(samples, seed, options.count, verdict, print);
    if (options.socket > 0) await fuzzAgent(samples, seed + 1, options.socket, verdict, print);
    return verdict.holds;
  },
};

function fuzzHeart(
  samples: readonly Uint8Array[],
  seed: number,
  count: number,
  verdict: Verdict,
  print: Print,
): void {
  const stats = newStats();
  const heart = new Heart(
    {
      extendTags: [],
      maxSeries: 20_000,
      maxTagsPerMetric: 0,
      isLocal: false,
      metricMaxLength: METRIC_MAX_LENGTH,
      maxEvents: 1_000,
    },
    new Int32Array(1),
    stats,
  );
  const mutator = new Mutator(samples, seed, MOST_BYTES, 1 + READ_AHEAD);
  const startMs = performance.now();
  for (let i = 1; i <= count; i++) {
    if (i % 1_000 === 0) heart.setTime(Date.now(), performance.now());
    heart.ingestDatagram(mutator.buffer, 0, mutator.next());
    if (i % INTERVAL === 0) heart.swap();
    if (i % 1_000_000 === 0) print(`${spaced(i)} datagrams, ${Math.round((performance.now() - startMs) / 1000)} s`);
  }
  const [lines, accepted, rejected, empty] = [
    stats[At.lines]!,
    acceptedLines(stats),
    rejectedLines(stats),
    stats[At.empty]!,
  ];
  print(
    `in process: ${spaced(lines)} lines, ${spaced(accepted)} accepted, ${spaced(rejected)} rejected, ${
      spaced(empty)
    } empty`,
  );
  verdict.require(stats[At.datagrams] === count, `${spaced(count)} datagrams were taken in`);
  verdict.require(lines === accepted + rejected + empty, "lines seen = accepted + rejected + empty");
  verdict.require(accepted > 0 && rejected > 0, "some lines were accepted and some rejected");
}

async function fuzzAgent(
  samples: readonly Uint8Array[],
  seed: number,
  count: number,
  verdict: Verdict,
  print: Print,
): Promise<void> {
  const config = `
statsd: { udp_address: "127.0.0.1:0", num_readers: 2, interval: 1s, metric_max_length: ${METRIC_MAX_LENGTH}, max_series: 20000 }
http: { address: "127.0.0.1:0" }
outputs: [ { name: nothing, kind: blackhole } ]
`;
  await using agent = await startAgentProcess({ config });
  const mutator = new Mutator(samples, seed, MOST_BYTES, 0);
  const sockets = Array.from(
    { length: 4 },
    () => Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 }),
  );
  const to = { transport: "udp" as const, hostname: "127.0.0.1", port: agent.port("udp://") };
  for (let i = 0; i < count; i++) await sockets[i % 4]!.send(mutator.buffer.subarray(0, mutator.next()), to);
  for (const socket of sockets) socket.close();
  const books = await settledBooks(agent, count);
  print(
    `by socket: ${spaced(books.received)} received, ${spaced(books.drops)} dropped; ${spaced(books.lines)} lines, ` +
      `${spaced(books.accepted)} accepted, ${spaced(books.rejected)} rejected, ${spaced(books.empty)} empty`,
  );
  verdict.require(
    books.received + books.drops === count,
    `${spaced(count)} datagrams were received, or dropped by the kernel`,
  );
  verdict.require(
    books.lines === books.accepted + books.rejected + books.empty,
    "lines seen = accepted + rejected + empty",
  );
  const { code } = await agent.stop();
  verdict.require(code === 0, "the agent stopped with 0");
}
