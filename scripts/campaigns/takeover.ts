/** Agents that take over from each other under load lose no datagram. */
import { type AgentProcess, startAgentProcess } from "../bench/agent_process.ts";
import { type Campaign, type Print, spaced, Verdict } from "./campaign.ts";
import { sendSteadily } from "./steady_sending.ts";

/** How {@linkcode runTakeover} is run. */
export interface TakeoverOptions extends Record<string, number | string> {
  /** How often a new agent takes over. */
  readonly rounds: number;
  /** Datagrams a second, from one port. */
  readonly rate: number;
  readonly readers: number;
  readonly balancing: string;
}

const DEFAULTS: TakeoverOptions = { rounds: 20, rate: 50_000, readers: 2, balancing: "hash" };

/** Starts agent after agent, each of which takes over from the one before. */
export async function runTakeover(options: TakeoverOptions, print: Print): Promise<boolean> {
  const { rounds, rate, readers, balancing } = options;
  const verdict = new Verdict(print);
  const directory = await Deno.makeTempDir({ prefix: "limier_takeover_" });
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => Deno.remove(directory, { recursive: true }));
  const config = `
takeover: { enabled: true, directory: "${directory}" }
statsd:
  udp_address: "127.0.0.1:0"
  interval: 1h
  num_readers: ${readers}
  load_balancing: ${balancing}
  read_buffer_size_bytes: 64MiB
http: { address: "127.0.0.1:0" }
outputs: []
`;
  let agent = cleanUp.use(await startAgentProcess({ config }));
  const books = { received: 0, dropped: 0 };
  const close = async (what: string) => {
    const { code } = await agent.ended;
    const { received, dropped } = booksOf(agent);
    books.received += received;
    books.dropped += dropped;
    verdict.require(
      code === 0 && received > 0,
      `${what}: exit code ${code}, received ${spaced(received)}, dropped ${spaced(dropped)}`,
    );
  };
  using load = sendSteadily(agent.port("udp"), rate);
  for (let round = 1; round <= rounds; round++) {
    const successor = cleanUp.use(await startAgentProcess({ config }));
    await close(`round ${round}`);
    agent = successor;
  }
  const sent = await load.stop();
  agent.signal("SIGTERM");
  await close("the last");
  const { received, dropped } = books;
  verdict.require(
    sent === received + dropped,
    `sent ${spaced(sent)} = received ${spaced(received)} + dropped for want of room ${spaced(dropped)}`,
  );
  return verdict.holds;
}

function booksOf({ log }: AgentProcess): { received: number; dropped: number } {
  const { datagrams_received: received, datagrams_dropped: dropped } =
    log.find(({ message }) => message === "stopped") ?? {};
  return { received: Number(received), dropped: Number(dropped) };
}

/** The campaign as a command. */
export const takeover: Campaign<TakeoverOptions> = {
  name: "takeover",
  summary: "agents that take over from each other lose nothing",
  help: `campaign takeover [options]

Starts an agent, loads it from one port, and lets agent after agent take over from the one before. It holds if each of
them received something and ended with 0, and in the end

  sent = received by all + dropped by the kernel for want of room, exactly

  --rounds N         successors; 20
  --rate N           datagrams a second; 50000
  --readers N        num_readers of each agent; 2
  --balancing HOW    load_balancing of each agent: hash, auto, ebpf, cbpf; hash

Example:
  deno task campaign takeover --rounds 100 --balancing ebpf`,
  defaults: DEFAULTS,
  choices: { balancing: ["hash", "auto", "ebpf", "cbpf"] },
  run: runTakeover,
};
