import { fromHex } from "../src/bytes/mod.ts";
import { canonicalSteps, compareFed } from "./compare.ts";
import type { Fixture } from "./fixture.ts";
import { FixtureError, type Transport } from "./golden.ts";
import { isObject, type Json, type JsonObject, parseJson } from "./json.ts";
import { type LiveAgent, startLiveAgent } from "./live_agent.ts";
import type { LiveRun } from "./run_case.ts";

/** Agents of one UDP input: alone, and with its series spread over two sockets and threads. */
const READERS: Readonly<Record<Transport, readonly number[]>> = { udp: [1, 2], tcp: [1], unix: [1], unixgram: [1] };

/**
 * The live stage: an agent is started, gets a fixture's input over a real socket, is ended by SIGTERM, and what it
 * printed is compared. A counter is compared by its interval's total, as the agent's one interval lasts as long as it.
 *
 * @param command what starts the agent when `run -f FILE` is put behind it
 */
export function liveRun(command: readonly string[]): LiveRun {
  return async (fixture) => {
    const { live } = fixture.golden.options;
    if (live === undefined) return null;
    const expected = liveForm(fixture.golden.expect.live ?? fixture.golden.expect.feed ?? []);
    for (const readers of READERS[live]) {
      const got = await runAgent(command, fixture, live, readers, expected);
      const difference = compareFed(expected, got);
      if (difference === null) continue;
      return { ...difference, path: `${difference.path} with num_readers ${readers}` };
    }
    return null;
  };
}

async function runAgent(
  command: readonly string[],
  fixture: Fixture,
  transport: Transport,
  readers: number,
  expected: readonly JsonObject[],
): Promise<JsonObject[]> {
  const folder = await Deno.makeTempDir({ prefix: "limier_live_" });
  try {
    const address = transport === "udp" || transport === "tcp"
      ? `${transport}://127.0.0.1:0`
      : `${transport}://${folder}/statsd.sock`;
    await using agent = await startLiveAgent(command, configOf(fixture, address, readers), 2);
    const datagrams = datagramsOf(fixture);
    if (transport === "udp") await sendUdp(portOf(agent, "udp://"), datagrams);
    else if (transport === "unixgram") await sendUnixDatagrams(folder, datagrams);
    else await sendStream(await connect(transport, agent, folder), datagrams);
    const page = await metricsOnceRead(agent, transport, datagrams.length, expected);
    const printed = await agent.stop();
    return liveForm([...rejectionsIn(page), ...printed]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** One interval that lasts until the agent ends, so that everything is in one flush. */
function configOf({ golden }: Fixture, address: string, readers: number): JsonObject {
  const { statsd } = golden.config;
  return {
    http: { address: "127.0.0.1:0" },
    statsd: {
      ...(isObject(statsd) ? statsd : {}),
      interval: "1h",
      synchronize_with_interval: false,
      num_readers: readers,
      statsd_listen_addresses: [address],
    },
  };
}

/** The scenario's datagrams, or the whole input as one. */
function datagramsOf({ scenario, input, goldenPath }: Fixture): Uint8Array<ArrayBuffer>[] {
  if (scenario === undefined) return input === undefined ? [] : [input.bytes];
  return scenario.map(parseJson).filter(isObject).flatMap(({ text, hex }) => {
    if (typeof text === "string") return [new TextEncoder().encode(text)];
    if (typeof hex !== "string") return [];
    const bytes = fromHex(hex);
    if (bytes === null) throw new FixtureError(goldenPath, "the scenario has a datagram that is not hex");
    return [bytes];
  });
}

function portOf({ addresses }: LiveAgent, scheme: string): number {
  const address = addresses.find((one) => one.startsWith(scheme));
  if (address === undefined) throw new TypeError(`Cannot send: the agent says of no ${scheme} address`);
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

async function sendUdp(port: number, datagrams: readonly Uint8Array[]): Promise<void> {
  using socket = closing(Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 }));
  for (const datagram of datagrams) await socket.of.send(datagram, { transport: "udp", hostname: "127.0.0.1", port });
}

async function sendUnixDatagrams(folder: string, datagrams: readonly Uint8Array[]): Promise<void> {
  using socket = closing(Deno.listenDatagram({ transport: "unixpacket", path: `${folder}/sender.sock` }));
  const to: Deno.UnixAddr = { transport: "unixpacket", path: `${folder}/statsd.sock` };
  for (const datagram of datagrams) await socket.of.send(datagram, to);
}

async function connect(transport: "tcp" | "unix", agent: LiveAgent, folder: string): Promise<Deno.Conn> {
  return transport === "tcp"
    ? await Deno.connect({ hostname: "127.0.0.1", port: portOf(agent, "tcp://") })
    : await Deno.connect({ transport: "unix", path: `${folder}/statsd.sock` });
}

/** Sends everything, ends the sending side, and waits until the agent has closed the connection. */
async function sendStream(connection: Deno.Conn, chunks: readonly Uint8Array[]): Promise<void> {
  using closed = closing(connection);
  const conn = closed.of;
  try {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length;) at += await conn.write(chunk.subarray(at));
    }
    await conn.closeWrite();
    const sink = new Uint8Array(256);
    while (await conn.read(sink) !== null);
  } catch (error) {
    // The agent closes on a bad line, at times before it has read what comes behind.
    if (!(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

function closing<T extends { close(): void }>(of: T): { readonly of: T } & Disposable {
  return { of, [Symbol.dispose]: () => of.close() };
}

/** How long the agent is given to count what it was sent; a guard, as it still has to print the right points. */
const COUNTING_MS = 15_000;

/** The metrics page, once it tells of all datagrams and refusals. */
async function metricsOnceRead(
  agent: LiveAgent,
  transport: Transport,
  datagrams: number,
  expected: readonly JsonObject[],
): Promise<string> {
  const refusals = expected.filter(({ kind }) => kind === "error").length;
  const isDatagram = transport === "udp" || transport === "unixgram";
  const deadline = performance.now() + COUNTING_MS;
  for (;;) {
    const page = await (await fetch(`http://127.0.0.1:${portOf(agent, "http://")}/metrics`)).text();
    const received = sumOf(page, "limier_statsd_datagrams_received_total");
    const done = (!isDatagram || received >= datagrams) && rejectionsIn(page).length >= refusals;
    if (done || performance.now() > deadline) return page;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function sumOf(page: string, name: string): number {
  return samplesOf(page, name).reduce((sum, { value }) => sum + value, 0);
}

/** Series of one name on a page in the Prometheus text format. */
function samplesOf(page: string, name: string): { labels: string; value: number }[] {
  return page.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`)).map((line) => {
    const space = line.lastIndexOf(" ");
    return { labels: line.slice(name.length, space), value: Number(line.slice(space + 1)) };
  });
}

/** One error object for each refused line that the page counts. */
function rejectionsIn(page: string): JsonObject[] {
  return samplesOf(page, "limier_statsd_lines_rejected_total").flatMap(({ labels, value }) => {
    const code = /reason="([^"]*)"/.exec(labels)?.[1] ?? "";
    return Array.from({ length: value }, () => ({ kind: "error", code }));
  });
}

/** What can be compared of objects that are printed at some time, over some interval: not the time, not the rate. */
function liveForm(objects: readonly Json[]): JsonObject[] {
  const formed = objects.filter(isObject).filter((object) => !isOwn(object)).map((object): JsonObject => {
    const { at: _at, timestamp: _timestamp, interval, ...rest } = object;
    if (object["kind"] === "error") return { kind: "error", code: object["code"] ?? null };
    if (object["type"] !== "rate") return rest;
    return { ...rest, value: Number(object["value"]) * Number(interval) };
  });
  const errors = formed.filter(({ kind }) => kind === "error");
  errors.sort((a, b) => String(a["code"]) < String(b["code"]) ? -1 : 1);
  return canonicalSteps([...errors, ...formed.filter(({ kind }) => kind !== "error")]);
}

/** The agent's own metrics leave with all others. */
function isOwn({ kind, name }: JsonObject): boolean {
  return kind === "point" && /^(?:veneur|limier)\./.test(String(name));
}
