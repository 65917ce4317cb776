/** Whatever the bytes: no crash, no hang, and every line counted once. */
import { acceptedLines, At, FIRST_REFUSAL, READ_AHEAD, REFUSALS, rejectedLines } from "../../src/statsd/mod.ts";
import { isDeepStrictEqual } from "node:util";
import { startAgentProcess } from "../bench/agent_process.ts";
import { settledBooks } from "./books.ts";
import { type Campaign, type Print, spaced, Verdict } from "./campaign.ts";
import { fixtureSamples, Mutator } from "./mutations.ts";
import { Twins } from "./twins.ts";

/** Bytes of the longest mutant: above metric_max_length below, so that some are too long. */
const MOST_BYTES = 3_000;
const METRIC_MAX_LENGTH = 2_048;
const STATSD = {
  metric_max_length: METRIC_MAX_LENGTH,
  max_series: 20_000,
  percentiles: [0.5, 0.99],
  aggregates: ["min", "max", "median", "avg", "count", "sum", "hmean"],
};
/** A flush after so many datagrams, as an agent would have one. */
const INTERVAL = 20_000;
/** Unix milliseconds of the first datagram; each is a millisecond later than the one before. */
const START_MS = 1_700_000_000_000;

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

Makes datagrams out of those of the fixtures, with bits flipped, cut, and joined; feeds them to two aggregations in this
process, to one as they are and to the other line by line, then to a running agent over UDP. It holds if

  both aggregations count the same after each datagram, and publish the same at each flush
  lines seen = accepted + rejected + empty, in process and in the agent
  the agent counts what an aggregation in process does, by reason, unless the kernel dropped some
  nothing crashes or hangs

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
    await fuzzHeart(samples, seed, options.count, verdict, print);
    if (options.socket > 0) await fuzzAgent(samples, seed + 1, options.socket, verdict, print);
    return verdict.holds;
  },
};

async function fuzzHeart(
  samples: readonly Uint8Array[],
  seed: number,
  count: number,
  verdict: Verdict,
  print: Print,
): Promise<void> {
  const twins = new Twins(STATSD);
  const { stats } = twins;
  const mutator = new Mutator(samples, seed, MOST_BYTES, 1 + READ_AHEAD);
  const startMs = performance.now();
  for (let i = 1; i <= count; i++) {
    twins.setTime(START_MS + i);
    const length = mutator.next();
    const bytes = mutator.buffer.slice(0, length);
    let difference = twins.take(mutator.buffer, length);
    if (difference === undefined && (i % INTERVAL === 0 || i === count)) {
      difference = await twins.flush(Math.floor((START_MS + i) / 1000));
    }
    if (difference !== undefined) {
      verdict.require(false, `datagram ${i}, ${bytes.toHex()}: ${difference}`);
      return;
    }
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
  verdict.require(true, "datagrams taken whole and line by line counted and published the same");
}

async function fuzzAgent(
  samples: readonly Uint8Array[],
  seed: number,
  count: number,
  verdict: Verdict,
  print: Print,
): Promise<void> {
  const config = `
statsd: ${JSON.stringify({ ...STATSD, udp_address: "127.0.0.1:0", num_readers: 2, interval: "1s" })}
http: { address: "127.0.0.1:0" }
outputs: [ { name: out, kind: file, format: json, path: /dev/null } ]
`;
  await using agent = await startAgentProcess({ config });
  const twins = new Twins(STATSD);
  const mutator = new Mutator(samples, seed, MOST_BYTES, 1 + READ_AHEAD);
  const sockets = Array.from(
    { length: 4 },
    () => Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 }),
  );
  const to = { transport: "udp" as const, hostname: "127.0.0.1", port: agent.port("udp://") };
  twins.setTime(START_MS);
  for (let i = 0; i < count; i++) {
    const length = mutator.next();
    await sockets[i % 4]!.send(mutator.buffer.subarray(0, length), to);
    twins.take(mutator.buffer, length); // what it finds different, the run in process has shown
    if (i % INTERVAL === 0) await twins.flush(START_MS / 1000 + i);
  }
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
  if (books.drops === 0) {
    const expected = { lines: twins.stats[At.lines]!, empty: twins.stats[At.empty]!, reasons: reasonsOf(twins.stats) };
    const same = isDeepStrictEqual({ lines: books.lines, empty: books.empty, reasons: books.reasons }, expected);
    const told = same ? "" : `: ${JSON.stringify(books.reasons)} instead of ${JSON.stringify(expected.reasons)}`;
    verdict.require(same, `the agent counted what an aggregation in process counts, by reason${told}`);
  }
  const { code } = await agent.stop();
  verdict.require(code === 0, "the agent stopped with 0");
}

/** Refusals by reason, as the agent's page shows them: one reason may stand for several kinds of line. */
function reasonsOf(stats: Float64Array): Record<string, number> {
  const reasons: Record<string, number> = {};
  for (const [i, { reason }] of REFUSALS.entries()) {
    const count = stats[FIRST_REFUSAL + i]!;
    if (count > 0) reasons[reason] = (reasons[reason] ?? 0) + count;
  }
  return reasons;
}
